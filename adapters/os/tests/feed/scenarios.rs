//! What is done once, and what must be said of it.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use treenail_os::Handle;
use treenail_os::feed::{Rung, Token, Watched, What};

use crate::harness::{Said, Scene};

on_each_rung!(
    a_file_is_made_written_closed_and_removed,
    attributes_of_files_and_directories_change,
    renames_have_both_names,
    a_renamed_directory_says_so_itself,
    what_moves_in_or_out_is_created_or_removed,
    a_rename_over_a_file_names_both_places,
    directories_come_and_go,
    names_are_any_bytes,
    reading_is_not_reported,
    other_names_of_a_file_are_seen,
    a_directory_that_is_not_entered_becomes_readable,
    the_newest_token_wins,
    a_directory_in_another_is_watched_unopened,
    a_thread_that_roams_watches_the_same,
    a_directory_that_was_given_up_is_silent,
    the_root_is_removed_while_it_is_open,
    the_root_is_moved,
    links_and_unreadable_names_are_refused_with_a_reason,
    statistics_tell_the_inside_from_the_outside,
);

fn tree(scratch: &Path) {
    fs::create_dir_all(scratch.join("root/a/b")).unwrap();
    fs::create_dir_all(scratch.join("root/c")).unwrap();
    fs::create_dir_all(scratch.join("outside")).unwrap();
    fs::write(scratch.join("root/a/file"), b"content").unwrap();
}

fn a_file_is_made_written_closed_and_removed(rung: Rung) {
    let Some(mut scene) = Scene::new(rung, tree) else { return };
    let mut file = File::create(scene.path("a/new")).unwrap();
    scene.until_entry("a/new", &[What::CREATED]);
    scene.said.clear();
    file.write_all(b"text").unwrap();
    scene.until_entry("a/new", &[What::MODIFIED]);
    assert!(!scene.said.iter().any(|said| matches!(said,
        Said::Entry { what, .. } if what.has(What::CLOSED))));
    drop(file);
    scene.until_entry("a/new", &[What::CLOSED]);
    fs::remove_file(scene.path("a/new")).unwrap();
    scene.until_entry("a/new", &[What::REMOVED]);
}

fn attributes_of_files_and_directories_change(rung: Rung) {
    let Some(mut scene) = Scene::new(rung, tree) else { return };
    let mode = |mode| fs::Permissions::from_mode(mode);
    fs::set_permissions(scene.path("a/file"), mode(0o600)).unwrap();
    scene.until_entry("a/file", &[What::ATTRIBUTES]);
    fs::set_permissions(scene.path("a/b"), mode(0o700)).unwrap();
    scene.until_directory("a/b", What::ATTRIBUTES);
    fs::set_permissions(scene.path(""), mode(0o700)).unwrap();
    scene.until_directory("", What::ATTRIBUTES);
}

fn renames_have_both_names(rung: Rung) {
    let Some(mut scene) = Scene::new(rung, tree) else { return };
    fs::rename(scene.path("a/file"), scene.path("a/other")).unwrap();
    scene.until_renamed("a/file", "a/other", false);
    fs::rename(scene.path("a/other"), scene.path("c/file")).unwrap();
    scene.until_renamed("a/other", "c/file", false);
    assert_eq!(scene.feed.statistics().unpaired, 0);
}

fn a_renamed_directory_says_so_itself(rung: Rung) {
    let Some(mut scene) = Scene::new(rung, tree) else { return };
    fs::rename(scene.path("a/b"), scene.path("c/d")).unwrap();
    scene.until_renamed("a/b", "c/d", true);
    scene.until_directory("a/b", What::MOVED);
    // It is still the directory of its token.
    fs::write(scene.path("c/d/file"), b"").unwrap();
    scene.until_entry("a/b/file", &[What::CREATED]);
}

fn what_moves_in_or_out_is_created_or_removed(rung: Rung) {
    let Some(mut scene) = Scene::new(rung, tree) else { return };
    let outside = scene.scratch.join("outside/file");
    fs::rename(scene.path("a/file"), &outside).unwrap();
    scene.until_entry("a/file", &[What::REMOVED, What::MOVED]);
    scene.said.clear();
    fs::rename(&outside, scene.path("c/back")).unwrap();
    scene.until_entry("c/back", &[What::CREATED, What::MOVED]);
    fs::rename(scene.path("a/b"), scene.scratch.join("outside/b")).unwrap();
    scene.until_entry("a/b", &[What::REMOVED, What::MOVED, What::DIRECTORY]);
    scene.until_directory("a/b", What::MOVED);
    assert!(!scene.said.iter().any(|said| matches!(said, Said::Renamed { .. })));
    assert_eq!(scene.feed.held_until(), None);
}

fn a_rename_over_a_file_names_both_places(rung: Rung) {
    let Some(mut scene) = Scene::new(rung, tree) else { return };
    fs::write(scene.path("c/saved"), b"new").unwrap();
    fs::rename(scene.path("c/saved"), scene.path("a/file")).unwrap();
    scene.until_renamed("c/saved", "a/file", false);
}

fn directories_come_and_go(rung: Rung) {
    let Some(mut scene) = Scene::new(rung, tree) else { return };
    fs::create_dir(scene.path("a/new")).unwrap();
    scene.until_entry("a/new", &[What::CREATED, What::DIRECTORY]);
    scene.watch("a/new");
    fs::write(scene.path("a/new/file"), b"").unwrap();
    scene.until_entry("a/new/file", &[What::CREATED, What::CLOSED]);
    fs::remove_dir_all(scene.path("a/new")).unwrap();
    scene.until_entry("a/new/file", &[What::REMOVED]);
    scene.until_entry("a/new", &[What::REMOVED, What::DIRECTORY]);
    scene.until_directory("a/new", What::REMOVED);
}

fn names_are_any_bytes(rung: Rung) {
    let Some(mut scene) = Scene::new(rung, tree) else { return };
    let long = [b'x'; 255];
    for name in [&b"\xff\xfe"[..], b"new\nline", b" ", b"-", b"\xc3\x28.txt", &long] {
        let path = scene.root.join("c").join(OsStr::from_bytes(name));
        fs::write(&path, b"").unwrap();
        scene.until_entry([b"c/", name].concat(), &[What::CREATED]);
        fs::rename(&path, scene.path("c/plain")).unwrap();
        scene.until("the rename", |said| {
            said.iter().any(|said| match said {
                Said::Renamed { from, to, .. } => from[2..] == *name && to == b"c/plain",
                _ => false,
            })
        });
    }
}

fn reading_is_not_reported(rung: Rung) {
    let Some(mut scene) = Scene::new(rung, tree) else { return };
    scene.settle();
    scene.said.clear();
    let mut text = String::new();
    File::open(scene.path("a/file")).unwrap().read_to_string(&mut text).unwrap();
    fs::read_dir(scene.path("a")).unwrap().count();
    fs::metadata(scene.path("a/b")).unwrap();
    scene.settle();
    let of_settle =
        |said: &Said| matches!(said, Said::Entry { path, .. } if path.starts_with(b"settle"));
    assert!(scene.said.iter().all(of_settle), "{:?}", scene.said);
}

fn other_names_of_a_file_are_seen(rung: Rung) {
    let Some(mut scene) = Scene::new(rung, tree) else { return };
    let outside = scene.scratch.join("outside/link");
    fs::hard_link(scene.path("a/file"), &outside).unwrap();
    let (dir, token) = (Handle::open(&scene.path("a")).unwrap(), scene.token());
    assert_eq!(scene.feed.watch_link(&dir, b"file", token), Watched::By(rung));
    let until = |scene: &mut Scene, one: What| {
        scene.until(&format!("{one:?} of the link"), |said| {
            said.iter().any(|said| match said {
                Said::Link { file, what } => *file == token && what.has(one),
                _ => false,
            })
        });
    };
    let mut file = File::options().append(true).open(&outside).unwrap();
    file.write_all(b"more").unwrap();
    until(&mut scene, What::MODIFIED);
    drop(file);
    until(&mut scene, What::CLOSED);
    scene.said.clear();
    fs::set_permissions(&outside, fs::Permissions::from_mode(0o600)).unwrap();
    until(&mut scene, What::ATTRIBUTES);
    // Through a name in a watched directory, which may be gone when somebody looks there.
    scene.said.clear();
    fs::write(scene.path("a/file"), b"other").unwrap();
    until(&mut scene, What::MODIFIED);
    until(&mut scene, What::CLOSED);
    // One name fewer.
    scene.said.clear();
    fs::remove_file(&outside).unwrap();
    until(&mut scene, What::ATTRIBUTES);
    scene.feed.unwatch(token);
    scene.settle();
    scene.said.clear();
    fs::write(scene.path("a/file"), b"text").unwrap();
    scene.until_entry("a/file", &[What::CLOSED]);
    scene.settle();
    assert!(!scene.said.iter().any(|said| matches!(said, Said::Link { .. })), "{:?}", scene.said);
}

fn a_directory_that_is_not_entered_becomes_readable(rung: Rung) {
    let Some(mut scene) = Scene::new(rung, tree) else { return };
    let mode = |mode| fs::Permissions::from_mode(mode);
    fs::create_dir(scene.path("closed")).unwrap();
    fs::set_permissions(scene.path("closed"), mode(0)).unwrap();
    let (dir, token) = (Handle::open(&scene.root).unwrap(), scene.token());
    assert_eq!(scene.feed.watch_link(&dir, b"closed", token), Watched::By(rung));
    scene.settle();
    scene.said.clear();
    fs::set_permissions(scene.path("closed"), mode(0o700)).unwrap();
    scene.until("its attributes", |said| {
        said.iter().any(|said| match said {
            Said::Entry { path, what } => path == b"closed" && what.has(What::ATTRIBUTES),
            Said::Link { file, what } => *file == token && what.has(What::ATTRIBUTES),
            _ => false,
        })
    });
}

fn the_newest_token_wins(rung: Rung) {
    let Some(mut scene) = Scene::new(rung, tree) else { return };
    let dir = Handle::open(&scene.path("c")).unwrap();
    let older = scene.token_of("c");
    let (newer, watched) = scene.watch_one(&dir, b"again");
    assert_eq!(watched, Watched::By(rung));
    assert_ne!(older, newer);
    // Giving up the older one must not take the watch from the newer.
    scene.feed.unwatch(older);
    fs::write(scene.path("c/file"), b"").unwrap();
    scene.until_entry("again/file", &[What::CLOSED]);
    let of_older = |said: &Said| matches!(said, Said::Entry { path, .. } if path == b"c/file");
    assert!(!scene.said.iter().any(of_older), "{:?}", scene.said);
}

fn a_directory_in_another_is_watched_unopened(rung: Rung) {
    let Some(mut scene) = Scene::new(rung, tree) else { return };
    let token = scene.token_of("a/b");
    scene.feed.unwatch(token);
    std::os::unix::fs::symlink("b", scene.path("a/link")).unwrap();
    let above = Handle::open(&scene.path("a")).unwrap();
    assert_eq!(scene.feed.watch_child(&above, b"b", token, b"a"), Watched::By(rung));
    fs::write(scene.path("a/b/file"), b"").unwrap();
    scene.until_entry("a/b/file", &[What::CLOSED]);
    if rung != Rung::FileSystem {
        for name in [&b"file"[..], b"link", b"absent", b"..", b"b/."] {
            let watched = scene.feed.watch_child(&above, name, Token(99), b"a");
            assert!(matches!(watched, Watched::Polled { .. }), "{watched:?}");
        }
    }
}

fn a_thread_that_roams_watches_the_same(rung: Rung) {
    let Some(mut scene) = Scene::new(rung, tree) else { return };
    let before = std::env::current_dir().unwrap();
    let (a, c) = (scene.token_of("a"), scene.token_of("c"));
    scene.feed.unwatch(a);
    scene.feed.unwatch(c);
    let root = Handle::open(&scene.root).unwrap();
    let dir = root.open_directory(b"a").unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            treenail_os::feed::roam();
            assert_eq!(scene.feed.watch(&dir, a, b"a"), Watched::By(rung));
            assert_eq!(scene.feed.watch_child(&root, b"c", c, b"c"), Watched::By(rung));
        });
    });
    assert_eq!(std::env::current_dir().unwrap(), before, "other threads stay where they are");
    for path in ["a/new", "c/new"] {
        fs::write(scene.path(path), b"").unwrap();
        scene.until_entry(path, &[What::CLOSED]);
    }
}

fn a_directory_that_was_given_up_is_silent(rung: Rung) {
    let Some(mut scene) = Scene::new(rung, tree) else { return };
    let before = scene.feed.statistics().watched;
    scene.feed.unwatch(scene.token_of("c"));
    scene.feed.unwatch(Token(u64::MAX));
    assert_eq!(scene.feed.statistics().watched, before - 1);
    fs::write(scene.path("c/file"), b"").unwrap();
    scene.settle();
    let below = |said: &Said| matches!(said, Said::Entry { path, .. } if path.starts_with(b"c/"));
    assert!(!scene.said.iter().any(below), "{:?}", scene.said);
    // And can be watched again.
    scene.watch("c");
    fs::write(scene.path("c/file"), b"again").unwrap();
    scene.until_entry("c/file", &[What::MODIFIED]);
}

fn the_root_is_removed_while_it_is_open(rung: Rung) {
    let Some(mut scene) = Scene::new(rung, |_| {}) else { return };
    let open = Handle::open(&scene.root).unwrap();
    fs::remove_dir(&scene.root).unwrap();
    scene.until_directory("", What::REMOVED);
    drop(open);
}

fn the_root_is_moved(rung: Rung) {
    let Some(mut scene) = Scene::new(rung, tree) else { return };
    let moved = scene.scratch.join("moved");
    fs::rename(&scene.root, &moved).unwrap();
    scene.until_directory("", What::MOVED);
    fs::write(moved.join("a/more"), b"").unwrap();
    scene.until_entry("a/more", &[What::CREATED]);
}

fn links_and_unreadable_names_are_refused_with_a_reason(rung: Rung) {
    let Some(scene) = Scene::new(rung, tree) else { return };
    let dir = Handle::open(&scene.root).unwrap();
    for name in [&b""[..], b"..", b"a/file", b"nul\0"] {
        let watched = scene.feed.watch_link(&dir, name, Token(99));
        assert!(matches!(watched, Watched::Polled { .. }), "{watched:?}");
    }
    let watched = scene.feed.watch_link(&dir, b"absent", Token(99));
    assert!(matches!(watched, Watched::Polled { .. }), "{watched:?}");
}

fn statistics_tell_the_inside_from_the_outside(rung: Rung) {
    let Some(mut scene) = Scene::new(rung, tree) else { return };
    scene.settle();
    let before = scene.feed.statistics();
    for index in 0..50 {
        fs::write(scene.scratch.join(format!("outside/{index}")), b"").unwrap();
    }
    scene.settle();
    let after = scene.feed.statistics();
    assert!(after.events > before.events && after.bytes > before.bytes);
    assert_eq!(after.watched, 4);
    if rung == Rung::FileSystem {
        assert!(after.outside >= before.outside + 50, "{after:?}");
    } else {
        assert_eq!(after.outside, before.outside, "nothing outside wakes this one");
    }
}
