//! The live tree on real directories, against fresh scans.
#![cfg(unix)]

mod bad_input;
mod exclusion;
mod links;
mod many;
mod mounts;
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use treenail_os::feed::Rung;
use treenail_tree::live::{Clock, EventKind, Fresh, LiveTree, Options, Since};
use treenail_tree::{ErrorKind, IdKind, Scan};

use support::{Replica, assert_true, changes, is_root, options, rungs, storm};

/// Longer than anything takes that works.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn each_change_is_reported_once_and_the_tree_follows() {
    for rung in rungs() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        fs::create_dir_all(at("old/deep")).unwrap();
        fs::write(at("old/deep/leaf"), "1").unwrap();
        let mut live = LiveTree::open(dir.path(), &options(rung)).unwrap();
        assert_eq!(live.ready().rung, rung);
        fs::write(at("news"), "text").unwrap();
        assert_eq!(changes(&mut live), [(EventKind::Create, "news".into(), None)], "{rung}");
        fs::write(at("news"), "other text").unwrap();
        assert_eq!(changes(&mut live), [(EventKind::Modify, "news".into(), None)], "{rung}");
        fs::rename(at("news"), at("old/news")).unwrap();
        let renamed = (EventKind::Rename, "old/news".into(), Some("news".into()));
        assert_eq!(changes(&mut live), [renamed], "{rung}");
        fs::rename(at("old"), at("new")).unwrap();
        let renamed = (EventKind::Rename, "new".into(), Some("old".into()));
        assert_eq!(changes(&mut live), [renamed], "{rung}");
        fs::write(at("new/deep/leaf"), "22").unwrap();
        assert_eq!(changes(&mut live), [(EventKind::Modify, "new/deep/leaf".into(), None)]);
        fs::remove_dir_all(at("new")).unwrap();
        let gone: Vec<String> = changes(&mut live).into_iter().map(|change| change.1).collect();
        assert_eq!(gone.len(), 4, "{gone:?}");
        assert_true(&live);
    }
}

#[test]
fn a_save_that_changes_nothing_is_quiet_once_the_content_is_known() {
    for rung in rungs() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "0").unwrap();
        let mut live = LiveTree::open(dir.path(), &options(rung)).unwrap();
        fs::write(&path, "same").unwrap();
        assert_eq!(changes(&mut live).len(), 1);
        fs::write(&path, "same").unwrap();
        assert_eq!(changes(&mut live), [], "{rung}");
        let other = dir.path().join("other");
        fs::write(&other, "same").unwrap();
        fs::rename(&other, &path).unwrap();
        let found = changes(&mut live);
        assert!(!found.iter().any(|(kind, path, _)| *kind == EventKind::Modify && path == "file"));
        assert_true(&live);
    }
}

#[test]
fn directories_made_in_a_rush_are_seen_whole() {
    for rung in rungs() {
        let dir = tempfile::tempdir().unwrap();
        let mut live = LiveTree::open(dir.path(), &options(rung)).unwrap();
        let mut replica = Replica::of(live.tree());
        for n in 0..300 {
            let deep = dir.path().join(format!("{n}/a/b/c"));
            fs::create_dir_all(&deep).unwrap();
            fs::write(deep.join("file"), n.to_string()).unwrap();
            if n % 7 == 0
                && let Some(batch) = live.poll(Some(Duration::ZERO)).unwrap()
            {
                replica.apply(&batch);
            }
        }
        while let Some(batch) = live.barrier().unwrap() {
            replica.apply(&batch);
        }
        assert_true(&live);
        assert_eq!(replica.0, Replica::of(live.tree()).0, "{rung}");
        let files = live.tree().counts().files;
        assert_eq!(files, 300);
    }
}

#[test]
fn a_clock_survives_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let state = tempfile::tempdir().unwrap();
    let at = |path: &str| dir.path().join(path);
    let options = Options { state: Some(state.path().join("tree")), ..Options::default() };
    fs::create_dir(at("kept")).unwrap();
    fs::write(at("kept/a"), "1").unwrap();
    fs::write(at("kept/b"), "1").unwrap();
    let mut live = LiveTree::open(dir.path(), &options).unwrap();
    let first = live.clock();
    let mut replica = Replica::of(live.tree());
    fs::write(at("kept/c"), "1").unwrap();
    live.poll(Some(PATIENCE)).unwrap().unwrap();
    let second = live.clock();
    let mut later = Replica::of(live.tree());
    // The process ends without a word.
    drop(live);
    fs::write(at("kept/a"), "22").unwrap();
    fs::remove_file(at("kept/b")).unwrap();
    fs::create_dir(at("fresh")).unwrap();
    fs::write(at("fresh/d"), "1").unwrap();

    let mut live = LiveTree::open(dir.path(), &options).unwrap();
    assert!(live.ready().resumed);
    while live.barrier().unwrap().is_some() {}
    assert_true(&live);
    let names = |since: Since| -> Vec<(EventKind, String)> {
        match since {
            Since::Net { changes, .. } => {
                let loud = changes.iter().filter(|net| !net.quiet);
                loud.map(|net| (net.kind, String::from_utf8_lossy(&net.path).into_owned()))
                    .collect()
            }
            Since::Fresh(why) => panic!("{why}"),
        }
    };
    let expected: Vec<(EventKind, String)> = vec![
        (EventKind::Create, "fresh".into()),
        (EventKind::Create, "fresh/d".into()),
        (EventKind::Modify, "kept/a".into()),
        (EventKind::Delete, "kept/b".into()),
    ];
    assert_eq!(names(live.since(second)), expected);
    replica.catch_up(&live, first);
    later.catch_up(&live, second);
    assert_eq!(replica.0, Replica::of(live.tree()).0);
    assert_eq!(later.0, Replica::of(live.tree()).0);
    live.close().unwrap();

    let live = LiveTree::open(dir.path(), &options).unwrap();
    assert!(live.ready().resumed && live.ready().lost.is_none());
    assert_eq!(live.since(Clock { root: 1, ..first }), Since::Fresh(Fresh::OtherRoot));
}

#[test]
fn what_moved_while_nobody_watched_is_a_rename() {
    let dir = tempfile::tempdir().unwrap();
    let state = tempfile::tempdir().unwrap();
    let at = |path: &str| dir.path().join(path);
    let options = Options { state: Some(state.path().join("tree")), ..Options::default() };
    fs::create_dir_all(at("old/deep")).unwrap();
    fs::write(at("old/deep/leaf"), "1").unwrap();
    fs::write(at("file"), "1").unwrap();
    let live = LiveTree::open(dir.path(), &options).unwrap();
    live.leave().unwrap();
    fs::rename(at("file"), at("old/file")).unwrap();
    fs::rename(at("old"), at("new")).unwrap();
    let mut live = LiveTree::open(dir.path(), &options).unwrap();
    let mut replica = Replica::default();
    for path in ["file", "old/deep/leaf"] {
        replica.0.insert(path.into(), b'f');
    }
    for path in ["old", "old/deep"] {
        replica.0.insert(path.into(), b'd');
    }
    let mut renames = 0;
    while let Some(batch) = live.barrier().unwrap() {
        renames += batch.changes.iter().filter(|one| one.kind == EventKind::Rename).count();
        replica.apply(&batch);
    }
    assert_eq!(replica.0, Replica::of(live.tree()).0);
    assert!(renames >= 1);
    assert_true(&live);
}

#[test]
fn what_was_taken_to_be_the_same_is_doubted_by_the_next_process_until_the_feed_was_silent() {
    type Ending = fn(LiveTree, &Path);
    // How the process ends, and whether more could have been heard.
    let endings: [(Ending, bool); 4] = [
        (|live, _| drop(live), true),
        (
            |mut live, _| {
                assert!(live.poll(Some(Duration::ZERO)).unwrap().is_none());
            },
            false,
        ),
        (|live, _| live.close().unwrap(), false),
        (
            |live, root| {
                fs::write(root.join("other"), "1").unwrap();
                live.close().unwrap();
            },
            true,
        ),
    ];
    for (at, (end, is_doubted)) in endings.into_iter().enumerate() {
        let dir = tempfile::tempdir().unwrap();
        let state = tempfile::tempdir().unwrap();
        let options = Options { state: Some(state.path().join("tree")), ..Options::default() };
        let file = dir.path().join("file");
        fs::write(&file, "1").unwrap();
        let mut live = LiveTree::open(dir.path(), &options).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(live.poll(Some(PATIENCE)).unwrap().unwrap().changes.len(), 1);
        end(live, dir.path());
        let mut live = LiveTree::open(dir.path(), &options).unwrap();
        let again = changes(&mut live).iter().any(|(_, path, _)| path == "file");
        assert_eq!(again, is_doubted, "ending {at}");
        live.close().unwrap();
        let mut live = LiveTree::open(dir.path(), &options).unwrap();
        assert_eq!(changes(&mut live), [], "ending {at}: nothing is doubted twice");
    }
}

#[test]
fn what_was_found_and_not_asked_for_is_told_after_a_close() {
    let dir = tempfile::tempdir().unwrap();
    let state = tempfile::tempdir().unwrap();
    let options = Options { state: Some(state.path().join("tree")), ..Options::default() };
    fs::write(dir.path().join("file"), "1").unwrap();
    let live = LiveTree::open(dir.path(), &options).unwrap();
    let clock = live.clock();
    live.close().unwrap();
    fs::write(dir.path().join("file"), "22").unwrap();
    LiveTree::open(dir.path(), &options).unwrap().close().unwrap();
    let mut live = LiveTree::open(dir.path(), &options).unwrap();
    while live.barrier().unwrap().is_some() {}
    let Since::Net { changes, .. } = live.since(clock) else { panic!("the clock is not known") };
    let names: Vec<&[u8]> = changes.iter().map(|change| &*change.path).collect();
    assert_eq!(names, [b"file"]);
}

#[test]
fn the_first_clock_is_good_whenever_the_process_ends() {
    let dir = tempfile::tempdir().unwrap();
    let state = tempfile::tempdir().unwrap();
    let options = Options { state: Some(state.path().join("tree")), ..Options::default() };
    fs::write(dir.path().join("gone"), "1").unwrap();
    let live = LiveTree::open(dir.path(), &options).unwrap();
    let clock = live.ready().clock;
    drop(live);
    fs::remove_file(dir.path().join("gone")).unwrap();
    let mut live = LiveTree::open(dir.path(), &options).unwrap();
    while live.barrier().unwrap().is_some() {}
    let Since::Net { changes, .. } = live.since(clock) else { panic!("the clock is not known") };
    assert_eq!(changes.len(), 1);
    assert_eq!((changes[0].kind, &*changes[0].path), (EventKind::Delete, &b"gone"[..]));
}

#[test]
fn a_state_is_held_by_one_process_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let state = tempfile::tempdir().unwrap();
    let options = Options { state: Some(state.path().join("tree")), ..Options::default() };
    let _live = LiveTree::open(dir.path(), &options).unwrap();
    let refused = LiveTree::open(dir.path(), &options).err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::Locked);
}

#[test]
fn a_root_that_goes_is_said_to_be_gone() {
    for rung in rungs() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        fs::create_dir(&root).unwrap();
        let mut live = LiveTree::open(&root, &options(rung)).unwrap();
        fs::rename(&root, dir.path().join("elsewhere")).unwrap();
        let mut gone = None;
        for _ in 0..100 {
            match live.poll(Some(Duration::from_millis(200))) {
                Ok(_) => {}
                Err(error) => {
                    gone = Some(error.kind());
                    break;
                }
            }
        }
        assert_eq!(gone, Some(ErrorKind::RootGone), "{rung}");
    }
}

#[test]
fn a_storm_from_several_threads_is_followed() {
    for rung in rungs() {
        let dir = tempfile::tempdir().unwrap();
        let mut live = LiveTree::open(dir.path(), &options(rung)).unwrap();
        let mut replica = Replica::of(live.tree());
        let root: &Path = dir.path();
        thread::scope(|scope| {
            let storms: Vec<_> =
                (0..4u64).map(|seed| scope.spawn(move || storm(root, seed))).collect();
            while storms.iter().any(|storm| !storm.is_finished()) {
                if let Some(batch) = live.poll(Some(Duration::from_millis(1))).unwrap() {
                    replica.apply(&batch);
                }
            }
        });
        while let Some(batch) = live.barrier().unwrap() {
            replica.apply(&batch);
        }
        assert_true(&live);
        assert_eq!(replica.0, Replica::of(live.tree()).0, "{rung}");
    }
}

#[test]
fn a_write_through_another_name_is_seen() {
    for rung in rungs() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        fs::create_dir_all(at("root/sub")).unwrap();
        fs::write(at("root/one"), "1").unwrap();
        fs::hard_link(at("root/one"), at("root/sub/two")).unwrap();
        fs::hard_link(at("root/one"), at("outside")).unwrap();
        let mut live = LiveTree::open(&at("root"), &options(rung)).unwrap();
        assert_eq!(live.linked_elsewhere().len(), 1);
        fs::write(at("root/one"), "22").unwrap();
        let mut found: Vec<String> =
            changes(&mut live).into_iter().map(|change| change.1).collect();
        found.sort();
        assert_eq!(found, ["one", "sub/two"], "{rung}");
        fs::write(at("outside"), "333").unwrap();
        let mut found: Vec<String> =
            changes(&mut live).into_iter().map(|change| change.1).collect();
        found.sort();
        assert_eq!(found, ["one", "sub/two"], "through a name outside the root: {rung}");
        fs::remove_file(at("root/one")).unwrap();
        assert_eq!(changes(&mut live), [(EventKind::Delete, "one".into(), None)]);
        assert_true(&live);
    }
}

#[test]
fn a_noisy_neighbourhood_makes_the_feed_step_down_and_nothing_is_lost() {
    if !is_root() {
        eprintln!("skipped: needs a mark on a file system, which needs root");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let noise = tempfile::tempdir().unwrap();
    let feed = treenail_os::feed::Options::new().outside_max_per_s(1);
    let mut live = LiveTree::open(dir.path(), &Options { feed, ..Options::default() }).unwrap();
    assert_eq!(live.ready().rung, Rung::FileSystem);
    let begun = Instant::now();
    let mut n = 0;
    while live.coverage()[0].rung == Rung::FileSystem {
        assert!(begun.elapsed() < Duration::from_secs(60));
        for _ in 0..200 {
            n += 1;
            fs::write(noise.path().join(format!("{}", n % 100)), "noise").unwrap();
        }
        fs::write(dir.path().join(format!("file{n}")), "x").unwrap();
        fs::create_dir_all(dir.path().join(format!("dir{n}/deep"))).unwrap();
        live.poll(Some(Duration::from_millis(20))).unwrap();
    }
    fs::write(dir.path().join("last"), "x").unwrap();
    fs::write(dir.path().join(format!("dir{n}/deep/last")), "x").unwrap();
    while live.barrier().unwrap().is_some() {}
    assert_true(&live);
}

#[test]
fn polling_finds_what_no_feed_reports() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { poll_every: Duration::from_millis(50), ..options(Rung::Polling) };
    fs::create_dir(dir.path().join("sub")).unwrap();
    let mut live = LiveTree::open(dir.path(), &options).unwrap();
    assert_eq!(live.polled().len(), 2);
    fs::write(dir.path().join("sub/file"), "1").unwrap();
    let batch = live.poll(Some(PATIENCE)).unwrap().unwrap();
    assert!(batch.changes.iter().any(|change| &*change.path == b"sub/file"));
    fs::create_dir(dir.path().join("sub/more")).unwrap();
    fs::write(dir.path().join("sub/more/file"), "1").unwrap();
    while live.barrier().unwrap().is_some() {}
    assert_true(&live);
    assert_eq!(live.polled().len(), 3);
}

#[test]
fn a_change_of_a_large_file_says_where() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image");
    let mut content: Vec<u8> = (0..5_000_000u32).map(|n| (n / 7) as u8).collect();
    fs::write(&path, &content).unwrap();
    let mut live = LiveTree::open(dir.path(), &Options::default()).unwrap();
    live.learn(b"image");
    let ranges = |live: &mut LiveTree| {
        let mut found = Vec::new();
        let begun = Instant::now();
        while found.is_empty() && begun.elapsed() < PATIENCE {
            let Some(batch) = live.poll(Some(Duration::from_millis(100))).unwrap() else {
                continue;
            };
            let loud = batch.changes.into_iter().filter(|change| !change.quiet);
            found.extend(
                loud.flat_map(|change| change.ranges).map(|range| (range.start, range.end)),
            );
        }
        found
    };
    // The id becomes known: a quiet change.
    assert!(live.poll(Some(PATIENCE)).unwrap().unwrap().changes[0].quiet);

    content[3_000_000] ^= 1;
    let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    write_at(&mut file, 3_000_000, &content[3_000_000..3_000_001]);
    drop(file);
    assert_eq!(ranges(&mut live), [(2_998_272, 3_002_368)]);

    // The writer says what it wrote: the rest is not read, and the change is told once.
    let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    content[10..20].fill(99);
    write_at(&mut file, 10, &content[10..20]);
    drop(file);
    live.wrote(b"image", 10..20).unwrap();
    assert_eq!(ranges(&mut live), [(0, 4096)]);
    while let Some(batch) = live.barrier().unwrap() {
        assert!(batch.changes.iter().all(|change| change.quiet), "{batch:?}");
    }
    let told =
        live.tree().view(Some(IdKind::BLOCKS)).lookup(b"image").unwrap().id.unwrap().to_vec();
    let fresh = Scan::new().run(dir.path(), Some(IdKind::BLOCKS)).unwrap().tree;
    assert_eq!(fresh.view(Some(IdKind::BLOCKS)).lookup(b"image").unwrap().id.unwrap(), told);
}

fn write_at(file: &mut fs::File, offset: u64, bytes: &[u8]) {
    use std::os::unix::fs::FileExt;
    file.write_all_at(bytes, offset).unwrap();
}

#[test]
fn a_file_that_stays_open_is_reported_in_time() {
    use std::io::Write;
    for rung in rungs() {
        let dir = tempfile::tempdir().unwrap();
        let options = Options { open_max: Duration::from_millis(30), ..options(rung) };
        let mut live = LiveTree::open(dir.path(), &options).unwrap();
        let mut file = fs::File::create(dir.path().join("log")).unwrap();
        file.write_all(b"begun").unwrap();
        let batch = live.poll(Some(PATIENCE)).unwrap().unwrap();
        assert!(batch.changes[0].open_for_write, "{rung}: {batch:?}");
        file.write_all(b" and ended").unwrap();
        drop(file);
        let found = changes(&mut live);
        assert_eq!(found, [(EventKind::Modify, "log".into(), None)], "{rung}");
    }
}

#[test]
fn a_barrier_with_a_time_ends_where_writing_never_does() {
    let dir = tempfile::tempdir().unwrap();
    let mut live = LiveTree::open(dir.path(), &Options::default()).unwrap();
    let stop = AtomicBool::new(false);
    let keeps_writing = |number: u32| {
        while !stop.load(Ordering::Relaxed) {
            fs::write(dir.path().join(format!("file{number}")), "text").unwrap();
        }
    };
    thread::scope(|scope| {
        for number in 0..4 {
            scope.spawn(move || keeps_writing(number));
        }
        for _ in 0..5 {
            // The queue may be empty for a moment.
            if let Err(error) = live.barrier_until(Some(Instant::now())) {
                assert_eq!(error.kind(), ErrorKind::TimedOut);
                assert!(live.poll(None).unwrap().is_some(), "what was found is told");
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    while live.barrier().unwrap().is_some() {}
    assert_true(&live);
    let quiet = live.barrier_until(Some(Instant::now()));
    assert!(quiet.is_ok(), "a tree at rest is never too late");
}
