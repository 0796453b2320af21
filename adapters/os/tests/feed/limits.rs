//! Limits of the system and of the caller.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use treenail_os::Handle;
use treenail_os::feed::{Feed, Options, Rung, Token, Watched, What};

use crate::harness::Scene;
use crate::namespace::inside;

const USER: &[&str] = &["--user", "--map-root-user"];

fn ten(scratch: &Path) {
    for dir in 0..10 {
        fs::create_dir_all(scratch.join(format!("root/{dir}"))).unwrap();
    }
}

/// Watches ten directories one by one, and returns how many were, and why the last was not.
fn watch_ten(root: &Path, feed: &Feed) -> (usize, String) {
    let root = Handle::open(root).unwrap();
    let (mut count, mut refused) = (0, String::new());
    for index in 0..10_u64 {
        let name = index.to_string();
        let dir = root.open_directory(name.as_bytes()).unwrap();
        match feed.watch(&dir, Token(100 + index), name.as_bytes()) {
            Watched::By(_) => count += 1,
            Watched::Polled { reason } => refused = reason.to_string(),
        }
    }
    (count, refused)
}

fn limited(rung: Rung, user_limit: &str, value: u32) -> (TempDir, Feed) {
    fs::write(format!("/proc/sys/user/{user_limit}"), value.to_string()).unwrap();
    let dir = TempDir::new().unwrap();
    ten(dir.path());
    let options = Options::new().rungs(&[rung, Rung::Inotify]).queues(1);
    let feed = Feed::open(&dir.path().join("root"), &options).unwrap();
    (dir, feed)
}

#[test]
fn the_limit_of_inotify_watches_is_named_with_its_remedy() {
    if !inside("limits::the_limit_of_inotify_watches_is_named_with_its_remedy", USER) {
        return;
    }
    // One stands guard at the root's parent.
    let (dir, feed) = limited(Rung::Inotify, "max_inotify_watches", 5);
    let (count, refused) = watch_ten(&dir.path().join("root"), &feed);
    assert_eq!(count, 4, "{refused}");
    let all = ["fs.inotify.max_user_watches = ", "sysctl", "ignore more"];
    assert!(all.iter().all(|part| refused.contains(part)), "{refused}");
}

#[test]
fn the_limit_of_fanotify_marks_is_named_with_its_remedy() {
    if !inside("limits::the_limit_of_fanotify_marks_is_named_with_its_remedy", USER) {
        return;
    }
    // The root has one already.
    let (dir, feed) = limited(Rung::Inodes, "max_fanotify_marks", 5);
    assert_eq!(feed.rung(), Rung::Inodes, "{:?}", feed.coverage());
    let (count, refused) = watch_ten(&dir.path().join("root"), &feed);
    assert_eq!(count, 4, "{refused}");
    assert!(refused.contains("fs.fanotify.max_user_marks = "), "{refused}");
}

#[test]
fn without_a_fanotify_queue_inotify_is_taken_and_the_limit_named() {
    if !inside("limits::without_a_fanotify_queue_inotify_is_taken_and_the_limit_named", USER) {
        return;
    }
    let (_dir, feed) = limited(Rung::Inodes, "max_fanotify_groups", 0);
    assert_eq!(feed.rung(), Rung::Inotify);
    let reasons = feed.coverage()[0].reasons.join("\n");
    assert!(reasons.contains("fs.fanotify.max_user_groups = "), "{reasons}");
}

#[test]
fn without_any_queue_everything_is_polled_and_the_limit_named() {
    if !inside("limits::without_any_queue_everything_is_polled_and_the_limit_named", USER) {
        return;
    }
    let (dir, feed) = limited(Rung::Inotify, "max_inotify_instances", 0);
    assert_eq!(feed.rung(), Rung::Polling);
    let (count, refused) = watch_ten(&dir.path().join("root"), &feed);
    assert_eq!(count, 0);
    assert!(refused.contains("fs.inotify.max_user_instances = "), "{refused}");
    assert_eq!(feed.read(|event| panic!("{event:?}")).unwrap(), 0);
}

#[test]
fn a_mark_on_the_file_system_needs_rights_and_says_so() {
    if !inside("limits::a_mark_on_the_file_system_needs_rights_and_says_so", USER) {
        return;
    }
    let dir = TempDir::new().unwrap();
    let feed = Feed::open(dir.path(), &Options::new()).unwrap();
    assert_eq!(feed.rung(), Rung::Inodes, "{:?}", feed.coverage());
    let reasons = &feed.coverage()[0].reasons;
    assert!(reasons[0].contains("CAP_SYS_ADMIN"), "{reasons:?}");
}

#[test]
fn the_callers_budget_of_watches_is_kept() {
    for rung in [Rung::Inodes, Rung::Inotify] {
        let dir = TempDir::new().unwrap();
        ten(dir.path());
        let options = Options::new().rungs(&[rung]).watches_max(3);
        let feed = Feed::open(&dir.path().join("root"), &options).unwrap();
        if feed.rung() != rung {
            println!("skipped: {:?}", feed.coverage());
            continue;
        }
        let (count, refused) = watch_ten(&dir.path().join("root"), &feed);
        assert_eq!(count, 3);
        assert!(refused.contains("limit of 3 watches"), "{refused}");
        // What is watched already may be watched again, and room that was left be taken.
        assert_eq!(watch_ten(&dir.path().join("root"), &feed).0, 3);
        feed.unwatch(Token(101));
        assert_eq!(feed.statistics().watched, 2);
        assert_eq!(watch_ten(&dir.path().join("root"), &feed).0, 3);
    }
}

#[test]
fn with_one_queue_and_with_many_the_same_is_said() {
    for queues in [0, 1, 64, 1_000] {
        let dir = TempDir::new().unwrap();
        ten(dir.path());
        let options = Options::new().rungs(&[Rung::Inotify]).queues(queues);
        let mut scene = Scene::at(dir.path(), &options).unwrap();
        fs::write(scene.path("1/file"), b"").unwrap();
        fs::rename(scene.path("1/file"), scene.path("2/file")).unwrap();
        scene.until_renamed("1/file", "2/file", false);
        fs::write(scene.path("9/file"), b"").unwrap();
        scene.until_entry("9/file", &[What::CLOSED]);
    }
}

#[test]
fn a_root_that_is_no_directory_is_refused() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("file"), b"").unwrap();
    for name in ["file", "absent"] {
        assert!(Feed::open(&dir.path().join(name), &Options::new()).is_err());
    }
}

#[test]
fn queues_of_feeds_that_were_dropped_do_not_add_up_to_the_limit() {
    if !inside("limits::queues_of_feeds_that_were_dropped_do_not_add_up_to_the_limit", USER) {
        return;
    }
    fs::write("/proc/sys/user/max_inotify_instances", "48").unwrap();
    let dir = TempDir::new().unwrap();
    let options = Options::new().rungs(&[Rung::Inotify]).queues(1);
    for round in 0..200 {
        let feed = Feed::open(dir.path(), &options).unwrap();
        assert_eq!(feed.rung(), Rung::Inotify, "{round}: {:?}", feed.coverage());
    }
}
