//! Other file systems, mounted by the test in a mount namespace of its own. Needs root; what this
//! machine lacks is skipped, with a word on why.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use treenail_os::Handle;
use treenail_os::feed::{Feed, Loss, Options, Rung, Token, Watched, What};

use crate::harness::{Said, Scene};
use crate::namespace::inside;

const MOUNT: &[&str] = &["--mount", "--propagation", "private"];

/// Runs a program, and says whether it did its work.
fn run(program: &str, arguments: &[&dyn AsRef<OsStr>]) -> bool {
    let output = Command::new(program).args(arguments.iter().map(|one| one.as_ref())).output();
    match output {
        Ok(output) if output.status.success() => true,
        Ok(output) => {
            println!("skipped: {program}: {}", String::from_utf8_lossy(&output.stderr));
            false
        }
        Err(error) => {
            println!("skipped: {program}: {error}");
            false
        }
    }
}

/// A directory on a tmpfs of the test's own, on which to make mount points.
fn scratch() -> TempDir {
    let dir = TempDir::new().unwrap();
    assert!(run("mount", &[&"-t", &"tmpfs", &"scratch", &dir.path()]));
    dir
}

/// What every back end must do, on a directory of the file system in question.
fn works(dir: &Path, rung: Rung) {
    let mut scene = Scene::at(dir, &Options::new().rungs(&[rung])).unwrap();
    assert_eq!(scene.feed.rung(), rung, "{:?}", scene.feed.coverage());
    for name in ["a", "b"] {
        fs::create_dir(scene.path(name)).unwrap();
        scene.watch(name);
    }
    fs::write(scene.path("a/file"), b"text").unwrap();
    scene.until_entry("a/file", &[What::CREATED, What::MODIFIED, What::CLOSED]);
    fs::rename(scene.path("a/file"), scene.path("b/file")).unwrap();
    scene.until_renamed("a/file", "b/file", false);
    fs::rename(scene.path("b"), scene.path("a/b")).unwrap();
    scene.until_renamed("b", "a/b", true);
    scene.until_directory("b", What::MOVED);
    fs::remove_file(scene.path("a/b/file")).unwrap();
    scene.until_entry("b/file", &[What::REMOVED]);
    drop(scene);
    fs::remove_dir_all(dir.join("root")).unwrap();
}

/// Makes a file system in a file and mounts it.
fn image(scratch: &Path, kind: &str, mib: u64) -> bool {
    let (file, point) = (scratch.join("image"), scratch.join("mounted"));
    fs::File::create(&file).unwrap().set_len(mib << 20).unwrap();
    fs::create_dir(&point).unwrap();
    run(&format!("mkfs.{kind}"), &[&"-q", &file]) && run("mount", &[&"-o", &"loop", &file, &point])
}

#[test]
fn every_rung_works_on_tmpfs() {
    if inside("mounts::every_rung_works_on_tmpfs", MOUNT) {
        let dir = scratch();
        for rung in [Rung::FileSystem, Rung::Inodes, Rung::Inotify] {
            works(dir.path(), rung);
        }
    }
}

#[test]
fn every_rung_works_on_xfs() {
    if inside("mounts::every_rung_works_on_xfs", MOUNT) {
        let dir = TempDir::new().unwrap();
        if image(dir.path(), "xfs", 320) {
            for rung in [Rung::FileSystem, Rung::Inodes, Rung::Inotify] {
                works(&dir.path().join("mounted"), rung);
            }
        }
    }
}

#[test]
fn every_rung_works_on_btrfs_and_a_subvolume_takes_the_next() {
    if !inside("mounts::every_rung_works_on_btrfs_and_a_subvolume_takes_the_next", MOUNT) {
        return;
    }
    let dir = TempDir::new().unwrap();
    if !image(dir.path(), "btrfs", 128) {
        return;
    }
    let mounted = dir.path().join("mounted");
    for rung in [Rung::FileSystem, Rung::Inodes, Rung::Inotify] {
        works(&mounted, rung);
    }
    let subvolume = mounted.join("subvolume");
    if run("btrfs", &[&"subvolume", &"create", &subvolume]) {
        let best = Feed::open(&subvolume, &Options::new()).unwrap();
        println!("a subvolume has {:?}", best.coverage());
        assert_ne!(best.rung(), Rung::Polling);
        works(&subvolume, best.rung());
        works(&subvolume, Rung::Inotify);
    }
}

#[test]
fn a_subvolume_below_the_root_is_watched_too() {
    if !inside("mounts::a_subvolume_below_the_root_is_watched_too", MOUNT) {
        return;
    }
    let dir = TempDir::new().unwrap();
    if !image(dir.path(), "btrfs", 128) {
        return;
    }
    let mounted = dir.path().join("mounted");
    fs::create_dir_all(mounted.join("root")).unwrap();
    if !run("btrfs", &[&"subvolume", &"create", &mounted.join("root/sub")]) {
        return;
    }
    for rung in [Rung::FileSystem, Rung::Inodes, Rung::Inotify] {
        let options = Options::new().rungs(&[rung, Rung::Inotify]);
        let mut scene = Scene::at(&mounted, &options).unwrap();
        println!("{:?}", scene.feed.coverage());
        let name = format!("sub/{rung:?}");
        fs::write(scene.path(&name), b"").unwrap();
        scene.until_entry(&name, &[What::CREATED]);
    }
}

#[test]
fn an_overlay_refuses_the_mark_on_it_and_takes_the_next_rung() {
    if !inside("mounts::an_overlay_refuses_the_mark_on_it_and_takes_the_next_rung", MOUNT) {
        return;
    }
    let dir = scratch();
    let path = |name| dir.path().join(name);
    for name in ["lower/root/a", "upper", "work", "merged"] {
        fs::create_dir_all(path(name)).unwrap();
    }
    fs::write(path("lower/root/a/file"), b"below").unwrap();
    let [lower, upper, work] =
        ["lower", "upper", "work"].map(|name| path(name).display().to_string());
    let layers = format!("lowerdir={lower},upperdir={upper},workdir={work}");
    if !run("mount", &[&"-t", &"overlay", &"overlay", &"-o", &layers, &path("merged")]) {
        return;
    }
    let scene = Scene::at(&path("merged"), &Options::new()).unwrap();
    assert_eq!(scene.feed.rung(), Rung::Inodes, "{:?}", scene.feed.coverage());
    assert!(scene.feed.coverage()[0].reasons[0].contains("does not support"));
    drop(scene);
    for rung in [Rung::Inodes, Rung::Inotify] {
        // A file of the lower layer is copied up when it is written, and stays itself.
        let mut scene = Scene::at(&path("merged"), &Options::new().rungs(&[rung])).unwrap();
        fs::write(scene.path("a/file"), format!("{rung:?}")).unwrap();
        scene.until_entry("a/file", &[What::MODIFIED, What::CLOSED]);
        // So is a directory when something is made in it.
        fs::write(scene.path(&format!("a/{rung:?}")), b"").unwrap();
        scene.until_entry(format!("a/{rung:?}"), &[What::CREATED]);
    }
    fs::remove_dir_all(path("merged/root")).unwrap();
    for rung in [Rung::Inodes, Rung::Inotify] {
        works(&path("merged"), rung);
    }
}

#[test]
fn each_place_that_shows_a_directory_hears_of_it() {
    if !inside("mounts::each_place_that_shows_a_directory_hears_of_it", MOUNT) {
        return;
    }
    let dir = scratch();
    let (shown, place) = (dir.path().join("root/shown"), dir.path().join("root/place"));
    for made in [&shown, &place] {
        fs::create_dir_all(made).unwrap();
    }
    assert!(run("mount", &[&"--bind", &shown, &place]));
    for rung in [Rung::FileSystem, Rung::Inodes, Rung::Inotify] {
        // One queue: the two are one watch.
        let options = Options::new().rungs(&[rung]).queues(1);
        let mut scene = Scene::at(dir.path(), &options).unwrap();
        assert_eq!(scene.feed.coverage().len(), 2);
        assert_eq!(scene.feed.coverage()[1].rung, rung);
        fs::write(scene.path("shown/file"), b"").unwrap();
        for path in ["shown/file", "place/file"] {
            scene.until_entry(path, &[What::CREATED]);
        }
        fs::rename(scene.path("place/file"), scene.path("place/other")).unwrap();
        scene.until_renamed("shown/file", "shown/other", false);
        scene.until_renamed("place/file", "place/other", false);
        fs::remove_file(scene.path("place/other")).unwrap();
        scene.until_entry("shown/other", &[What::REMOVED]);
        scene.feed.unwatch(scene.token_of("shown"));
        fs::write(scene.path("shown/file"), b"").unwrap();
        scene.said.clear();
        scene.until_entry("place/file", &[What::CLOSED]);
        fs::remove_file(scene.path("shown/file")).unwrap();
    }
}

#[test]
fn another_file_system_below_the_root_has_its_own_back_end() {
    if !inside("mounts::another_file_system_below_the_root_has_its_own_back_end", MOUNT) {
        return;
    }
    for rung in [Rung::FileSystem, Rung::Inodes, Rung::Inotify] {
        let dir = TempDir::new().unwrap();
        let below = dir.path().join("root/below");
        fs::create_dir_all(&below).unwrap();
        assert!(run("mount", &[&"-t", &"tmpfs", &"below", &below]));
        fs::create_dir(below.join("dir")).unwrap();
        let mut scene = Scene::at(dir.path(), &Options::new().rungs(&[rung])).unwrap();
        let coverage = scene.feed.coverage();
        assert_eq!(coverage.iter().map(|one| one.rung).collect::<Vec<_>>(), [rung; 2]);
        assert_eq!(coverage[1].path, below);
        fs::write(scene.path("below/dir/file"), b"").unwrap();
        scene.until_entry("below/dir/file", &[What::CREATED]);
        fs::write(scene.path("file"), b"").unwrap();
        scene.until_entry("file", &[What::CREATED]);
        // Nothing in the feed keeps the file system busy, and its end is a loss of what was on it.
        assert!(run("umount", &[&below]));
        let all = ["below", "below/dir"].map(|path| path.as_bytes().to_vec());
        scene.until("the unmounting", |said| {
            let lost = said.iter().filter_map(|said| match said {
                Said::Lost { dirs, reason: Loss::Unmounted } => Some(dirs),
                _ => None,
            });
            let lost: Vec<_> = lost.flatten().collect();
            all.iter().all(|dir| lost.contains(&dir)) && lost.len() == 2
        });
        fs::write(scene.path("more"), b"").unwrap();
        scene.until_entry("more", &[What::CREATED]);
    }
}

#[test]
fn mounts_below_the_root_that_come_later_are_noticed() {
    if !inside("mounts::mounts_below_the_root_that_come_later_are_noticed", MOUNT) {
        return;
    }
    let dir = scratch();
    let (below, beside) = (dir.path().join("root/be low"), dir.path().join("root2"));
    for made in [&below, &beside] {
        fs::create_dir_all(made).unwrap();
    }
    let mut scene = Scene::at(dir.path(), &Options::new()).unwrap();
    let lost = Said::Lost { dirs: Vec::new(), reason: Loss::Mounts };
    assert!(run("mount", &[&"-t", &"tmpfs", &"beside", &beside]));
    scene.settle();
    assert!(!scene.said.contains(&lost), "it is not below the root: {:?}", scene.said);
    assert!(run("mount", &[&"-t", &"tmpfs", &"below", &below]));
    scene.until("the mount", |said| said.contains(&lost));
    // What is there now can be watched.
    scene.watch("be low");
    assert_eq!(scene.feed.coverage().len(), 2);
    fs::write(scene.path("be low/file"), b"").unwrap();
    scene.until_entry("be low/file", &[What::CREATED]);
    scene.said.clear();
    assert!(run("umount", &[&below]));
    scene.until("the unmounting", |said| said.contains(&lost));
}

#[test]
fn the_root_is_unmounted() {
    if !inside("mounts::the_root_is_unmounted", MOUNT) {
        return;
    }
    for rung in [Rung::FileSystem, Rung::Inodes, Rung::Inotify] {
        let dir = TempDir::new().unwrap();
        let root = dir.path().join("root");
        fs::create_dir_all(&root).unwrap();
        assert!(run("mount", &[&"-t", &"tmpfs", &"root", &root]));
        let mut scene = Scene::at(dir.path(), &Options::new().rungs(&[rung])).unwrap();
        assert_eq!(scene.feed.rung(), rung);
        assert!(run("umount", &[&root]));
        let lost = Said::Lost { dirs: vec![Vec::new()], reason: Loss::Unmounted };
        scene.until("the unmounting", |said| said.contains(&lost));
    }
}

#[test]
fn what_the_system_cannot_see_is_left_to_polling() {
    let proc = Feed::open(Path::new("/proc"), &Options::new()).unwrap();
    assert_eq!(proc.rung(), Rung::Polling);
    let dir = Handle::open(Path::new("/proc")).unwrap();
    let watched = proc.watch(&dir, Token(1), b"");
    assert!(matches!(watched, Watched::Polled { reason } if reason.contains("procfs")));
}

#[test]
fn fuse_is_left_to_polling_and_its_surroundings_are_not() {
    if !inside("mounts::fuse_is_left_to_polling_and_its_surroundings_are_not", MOUNT) {
        return;
    }
    let dir = scratch();
    let (behind, below) = (dir.path().join("behind"), dir.path().join("root/below"));
    for made in [&behind, &below] {
        fs::create_dir_all(made).unwrap();
    }
    if !run("bindfs", &[&behind, &below]) {
        return;
    }
    let mut scene = Scene::at(dir.path(), &Options::new()).unwrap();
    let coverage = scene.feed.coverage();
    assert_eq!(coverage[0].rung, Rung::FileSystem, "{coverage:?}");
    assert_eq!((&coverage[1].path, coverage[1].rung), (&below, Rung::Polling));
    assert!(coverage[1].reasons[0].contains("FUSE"), "{coverage:?}");
    fs::write(scene.path("file"), b"").unwrap();
    scene.until_entry("file", &[What::CREATED]);
    drop(scene);
    assert!(run("umount", &[&below]));
}
