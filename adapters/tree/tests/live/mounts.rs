//! The live tree on other file systems, mounted in a namespace of the test's own. Needs root; what
//! this machine lacks is skipped, with a word on why.

#[path = "../../../os/tests/feed/namespace.rs"]
pub(crate) mod namespace;

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use treenail_os::feed::Rung;
use treenail_tree::Error;
use treenail_tree::live::{Fresh, LiveTree, Options, Since};

use crate::support::{Replica, assert_true, storm};
use namespace::inside;

const MOUNT: &[&str] = &["--mount", "--propagation", "private"];

/// Runs a program, and says whether it did its work.
fn run(program: &str, arguments: &[&dyn AsRef<OsStr>]) -> bool {
    let output = Command::new(program).args(arguments.iter().map(|one| one.as_ref())).output();
    let done = output.as_ref().is_ok_and(|output| output.status.success());
    if !done {
        println!("skipped: {program}: {output:?}");
    }
    done
}

/// A storm is followed, whatever reports it; `behind` is where it blows, which need not be where
/// one watches.
fn is_followed(root: &Path, behind: &Path, expected: &[Rung]) {
    let options = Options { poll_every: Duration::from_millis(100), ..Options::default() };
    let mut live = LiveTree::open(root, &options).unwrap();
    assert!(expected.contains(&live.ready().rung), "{:?}", live.coverage());
    let mut replica = Replica::of(live.tree());
    let mut seed = 0;
    let begun = Instant::now();
    while seed < 3 || live.tree().counts().entries() == 0 {
        assert!(begun.elapsed() < Duration::from_secs(60));
        seed += 1;
        storm(behind, seed);
        if let Some(batch) = live.poll(Some(Duration::from_millis(1))).unwrap() {
            replica.apply(&batch);
        }
    }
    while let Some(batch) = live.barrier().unwrap() {
        replica.apply(&batch);
    }
    assert_true(&live);
    assert_eq!(replica.0, Replica::of(live.tree()).0);
}

fn image(scratch: &Path, kind: &str, mib: u64) -> bool {
    let (file, point) = (scratch.join("image"), scratch.join("mounted"));
    fs::File::create(&file).unwrap().set_len(mib << 20).unwrap();
    fs::create_dir(&point).unwrap();
    run(&format!("mkfs.{kind}"), &[&"-q", &file]) && run("mount", &[&"-o", &"loop", &file, &point])
}

#[test]
fn tmpfs_xfs_and_btrfs_are_followed_by_a_mark_on_them() {
    if !inside("mounts::tmpfs_xfs_and_btrfs_are_followed_by_a_mark_on_them", MOUNT) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    assert!(run("mount", &[&"-t", &"tmpfs", &"scratch", &dir.path()]));
    is_followed(dir.path(), dir.path(), &[Rung::FileSystem]);
    for (kind, mib) in [("xfs", 320), ("btrfs", 128)] {
        let dir = tempfile::tempdir().unwrap();
        if image(dir.path(), kind, mib) {
            let mounted = dir.path().join("mounted");
            is_followed(&mounted, &mounted, &[Rung::FileSystem]);
            assert!(run("umount", &[&mounted]), "nothing keeps it busy");
        }
    }
}

#[test]
fn an_overlay_as_containers_have_it_is_followed() {
    if !inside("mounts::an_overlay_as_containers_have_it_is_followed", MOUNT) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    assert!(run("mount", &[&"-t", &"tmpfs", &"scratch", &dir.path()]));
    for name in ["base/n1/n2", "base/n4", "lower/n1", "upper", "work", "merged"] {
        fs::create_dir_all(dir.path().join(name)).unwrap();
    }
    // Layers as images have them: one shows through the other, or is covered by it.
    fs::write(dir.path().join("base/n1/n3"), "from the lowest").unwrap();
    fs::write(dir.path().join("base/n4/n5"), "from the lowest").unwrap();
    fs::write(dir.path().join("lower/n1/n3"), "from between").unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    let (lower, upper, work) = (at("lower"), at("upper"), at("work"));
    let layers = format!("lowerdir={lower}:{},upperdir={upper},workdir={work}", at("base"));
    let merged = dir.path().join("merged");
    if run("mount", &[&"-t", &"overlay", &"overlay", &"-o", &layers, &merged]) {
        is_followed(&merged, &merged, &[Rung::FileSystem, Rung::Inodes, Rung::Inotify]);
    }
}

#[test]
fn a_bind_mount_is_followed_from_both_sides() {
    if !inside("mounts::a_bind_mount_is_followed_from_both_sides", MOUNT) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (real, shown) = (dir.path().join("real"), dir.path().join("shown"));
    fs::create_dir(&real).unwrap();
    fs::create_dir(&shown).unwrap();
    assert!(run("mount", &[&"--bind", &real, &shown]));
    let any = [Rung::FileSystem, Rung::Inodes, Rung::Inotify];
    is_followed(&shown, &real, &any);
    is_followed(&real, &shown, &any);
    is_followed(&shown, &shown, &any);
    assert!(run("umount", &[&shown]), "nothing keeps it busy");
}

#[test]
fn what_fuse_and_networks_show_is_polled_and_said_to_be() {
    if !inside("mounts::what_fuse_and_networks_show_is_polled_and_said_to_be", MOUNT) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (behind, shown) = (dir.path().join("behind"), dir.path().join("shown"));
    fs::create_dir(&behind).unwrap();
    fs::create_dir(&shown).unwrap();
    // What is kept in mind of a file for a second, as is usual, differs from what is there.
    let no_memory = "attr_timeout=0,entry_timeout=0,negative_timeout=0";
    if !run("bindfs", &[&"-o", &no_memory, &behind, &shown]) {
        return;
    }
    // What is written behind the mount is found too.
    is_followed(&shown, &behind, &[Rung::Polling]);
    let live = LiveTree::open(&shown, &Options::default()).unwrap();
    let polled = live.polled();
    let says_when = |reason: &String| reason.contains("looked at every ");
    assert!(polled.iter().any(|polled| polled.path.is_empty() && says_when(&polled.reason)));
    assert!(live.coverage()[0].reasons.iter().any(says_when), "{:?}", live.coverage());
    drop(live);
    assert!(run("umount", &[&shown]));
}

#[test]
fn a_root_can_be_unmounted_and_is_said_to_be_gone() {
    if !inside("mounts::a_root_can_be_unmounted_and_is_said_to_be_gone", MOUNT) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    assert!(run("mount", &[&"-t", &"tmpfs", &"scratch", &dir.path()]));
    fs::create_dir(dir.path().join("sub")).unwrap();
    let mut live = LiveTree::open(dir.path(), &Options::default()).unwrap();
    fs::write(dir.path().join("sub/file"), "1").unwrap();
    settle(&mut live);
    while live.poll(Some(Duration::from_secs(1))).unwrap().is_some() {}
    assert!(run("umount", &[&dir.path()]), "nothing keeps it busy when it is quiet");
    let begun = Instant::now();
    let error = loop {
        assert!(begun.elapsed() < Duration::from_secs(20));
        if let Err(error) = live.poll(Some(Duration::from_millis(100))) {
            break error;
        }
    };
    assert_eq!(error.kind(), treenail_tree::ErrorKind::RootGone);
}

#[test]
fn a_mount_that_comes_and_goes_below_the_root_is_followed() {
    if !inside("mounts::a_mount_that_comes_and_goes_below_the_root_is_followed", MOUNT) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let point = dir.path().join("point");
    fs::create_dir(&point).unwrap();
    fs::write(point.join("covered"), "1").unwrap();
    let mut live = LiveTree::open(dir.path(), &Options::default()).unwrap();
    assert!(run("mount", &[&"-t", &"tmpfs", &"inner", &point]));
    fs::write(point.join("inner"), "2").unwrap();
    let gaps = settle(&mut live);
    assert!(gaps > 0 && live.tree().lookup(b"point/inner").is_some());
    assert_true(&live);
    fs::write(point.join("later"), "3").unwrap();
    settle(&mut live);
    assert!(live.tree().lookup(b"point/later").is_some(), "{:?}", live.coverage());
    assert!(run("umount", &[&point]), "nothing keeps it busy");
    settle(&mut live);
    assert!(live.tree().lookup(b"point/covered").is_some());
    assert_true(&live);
}

/// Waits until everything is seen, and counts what was lost.
fn settle(live: &mut LiveTree) -> usize {
    let mut gaps = 0;
    for _ in 0..3 {
        while let Some(batch) = live.barrier().unwrap() {
            gaps += batch.gaps.len();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    gaps
}

/// Files with long names come in a directory until the state, whose disk is full, is given up or
/// ends the tree; what `poll` said at the end, and the batches until then.
fn fill(live: &mut LiveTree, replica: &mut Replica) -> Result<(), Error> {
    for round in 0..100 {
        let name = |one: usize| format!("{round}-{one}-{}", "x".repeat(200));
        (0..500).for_each(|one| fs::write(live.root().join(name(one)), "").unwrap());
        while let Some(batch) = live.barrier()? {
            replica.apply(&batch);
        }
        if live.stateless().is_some() {
            return Ok(());
        }
    }
    panic!("the state was stored on a full disk");
}

#[test]
fn a_state_on_a_full_disk_is_given_up_where_it_may_fail() {
    if !inside("mounts::a_state_on_a_full_disk_is_given_up_where_it_may_fail", MOUNT) {
        return;
    }
    let (dir, disk) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    assert!(run("mount", &[&"-t", &"tmpfs", &"-o", &"size=16m", &"small", &disk.path()]));
    let (state, filler) = (Some(disk.path().join("state")), disk.path().join("filler"));
    let full = || {
        let mut file = fs::File::create(&filler).unwrap();
        while file.write_all(&[1; 1 << 16]).is_ok() {}
    };
    let options = Options { state, state_may_fail: true, ..Options::default() };
    let mut live = LiveTree::open(dir.path(), &options).unwrap();
    let mut replica = Replica::of(live.tree());
    fs::write(dir.path().join("a"), "").unwrap();
    let stored = loop {
        let Some(batch) = live.barrier().unwrap() else { break live.clock() };
        replica.apply(&batch);
    };
    full();
    fill(&mut live, &mut replica).unwrap();
    let why = live.stateless().unwrap();
    assert!(why.contains("o space left") && why.contains("journal"), "{why}");
    // Nothing is lost by it, and clocks of this process mean what they meant.
    assert_true(&live);
    assert_eq!(replica.0, Replica::of(live.tree()).0);
    let unstored = live.clock();
    fs::write(dir.path().join("b"), "").unwrap();
    while live.barrier().unwrap().is_some() {}
    let Since::Net { changes, .. } = live.since(unstored) else { panic!("{unstored}") };
    assert_eq!(changes.iter().map(|net| &*net.path).collect::<Vec<_>>(), [b"b"]);
    let Since::Net { changes, .. } = live.since(stored) else { panic!("{stored}") };
    let count = changes.len();
    live.close().unwrap();

    // To the next process those mean something that were stored, and no others.
    fs::remove_file(&filler).unwrap();
    let options = Options { state_may_fail: false, ..options };
    let mut live = LiveTree::open(dir.path(), &options).unwrap();
    assert!(live.ready().resumed && live.ready().lost.is_none(), "{:?}", live.ready());
    let mut replica = Replica::of(live.tree());
    while let Some(batch) = live.barrier().unwrap() {
        replica.apply(&batch);
    }
    let Since::Net { changes, .. } = live.since(stored) else { panic!("{stored}") };
    assert_eq!(changes.len(), count);
    assert_eq!(live.since(unstored), Since::Fresh(Fresh::Unknown));
    // Where it may not fail, it ends with the reason.
    full();
    let error = fill(&mut live, &mut replica).unwrap_err();
    assert!(error.path().starts_with(disk.path()), "{error}");
    assert!(live.stateless().is_none());
}
