//! Many changes at once.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use treenail_os::feed::Rung;
use treenail_tree::live::{Batch, EventKind, LiveTree};

use crate::mounts::namespace::inside;
use crate::support::{Replica, assert_true, options, rungs, storm};

/// Where a child makes its storm, and the number that it gets it from.
const CHILD: &str = "TREENAIL_TEST_STORM";

const PROCESSES: u64 = 5;

/// Storms of each process, of a thousand changes.
const STORMS: u64 = 2;

#[test]
fn ten_thousand_changes_from_several_processes_at_once_are_followed() {
    if let Ok(text) = env::var(CHILD) {
        let (seed, root) = text.split_once(' ').unwrap();
        let seed: u64 = seed.parse().unwrap();
        return (0..STORMS).for_each(|one| storm(Path::new(root), seed * STORMS + one));
    }
    let child = |root: &Path, seed: u64| -> Child {
        let test = "many::ten_thousand_changes_from_several_processes_at_once_are_followed";
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", test]).env(CHILD, format!("{seed} {}", root.display()));
        command.stdout(Stdio::null()).spawn().unwrap()
    };
    for rung in rungs() {
        let dir = tempfile::tempdir().unwrap();
        let mut live = LiveTree::open(dir.path(), &options(rung)).unwrap();
        let mut replica = Replica::of(live.tree());
        let mut children: Vec<Child> = (0..PROCESSES).map(|seed| child(dir.path(), seed)).collect();
        while children.iter_mut().any(|child| child.try_wait().unwrap().is_none()) {
            if let Some(batch) = live.poll(Some(Duration::from_millis(1))).unwrap() {
                replica.apply(&batch);
            }
        }
        assert!(children.iter_mut().all(|child| child.wait().unwrap().success()));
        finish(&mut live, &mut replica, |_| {});
        assert!(live.tree().counts().entries() > 0);
    }
}

#[test]
fn each_rename_of_a_storm_is_told_as_one() {
    rename_all(None);
}

/// The look that the first event causes may come after the rename.
#[test]
fn a_file_that_is_renamed_while_it_is_looked_at_is_told_as_renamed() {
    rename_all(Some(0o600));
}

/// Renames files out of and into several directories, each just after it got another mode.
fn rename_all(mode: Option<u32>) {
    const FILES: usize = 2_000;
    const DIRS: usize = 8;
    for rung in rungs() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let from = |file: usize| format!("{}/f{file}", file % DIRS);
        let to = |file: usize| format!("{}/t{file}", (file / DIRS + file) % DIRS);
        (0..DIRS).for_each(|dir| fs::create_dir(root.join(dir.to_string())).unwrap());
        (0..FILES).for_each(|file| fs::write(root.join(from(file)), "").unwrap());
        let mut live = LiveTree::open(root, &options(rung)).unwrap();
        let mut replica = Replica::of(live.tree());
        let (mut told, mut others) = (BTreeSet::new(), Vec::new());
        let mut take = |batch: &Batch| {
            let text = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
            for change in batch.changes.iter().filter(|change| !change.quiet) {
                match (change.kind, &change.from) {
                    (EventKind::Rename, Some(from)) => {
                        told.insert((text(from), text(&change.path)));
                    }
                    (EventKind::Modify, _) if mode.is_some() => {}
                    _ => others.push((change.kind, text(&change.path))),
                }
            }
        };
        thread::scope(|scope| {
            let movers = [0, 1, 2, 3].map(|first| {
                scope.spawn(move || {
                    for file in (first..FILES).step_by(4) {
                        let from = root.join(from(file));
                        if let Some(mode) = mode {
                            fs::set_permissions(&from, fs::Permissions::from_mode(mode)).unwrap();
                        }
                        fs::rename(from, root.join(to(file))).unwrap();
                    }
                })
            });
            while movers.iter().any(|mover| !mover.is_finished()) {
                if let Some(batch) = live.poll(Some(Duration::from_millis(1))).unwrap() {
                    replica.apply(&batch);
                    take(&batch);
                }
            }
        });
        finish(&mut live, &mut replica, take);
        let expected: BTreeSet<_> = (0..FILES).map(|file| (from(file), to(file))).collect();
        assert_eq!((told == expected, others), (true, Vec::new()), "{rung}");
    }
}

#[test]
fn more_than_the_queue_holds_is_a_gap_and_made_up_for() {
    overflow(Rung::Inotify);
}

/// Without the rights to a queue without limit.
#[test]
fn more_than_the_queue_of_marks_holds_is_a_gap_and_made_up_for() {
    let test = "many::more_than_the_queue_of_marks_holds_is_a_gap_and_made_up_for";
    if inside(test, &["--user", "--map-root-user"]) {
        overflow(Rung::Inodes);
    }
}

fn overflow(rung: Rung) {
    let limits = ["inotify", "fanotify"].map(|system| {
        let path = PathBuf::from(format!("/proc/sys/fs/{system}/max_queued_events"));
        fs::read_to_string(path).unwrap_or_default().trim().parse::<usize>().unwrap_or(0)
    });
    let limit = limits.into_iter().max().unwrap();
    if limit > 65_536 {
        return println!("skipped: queues of {limit} events are not filled soon");
    }
    let dir = tempfile::tempdir().unwrap();
    let mut live = LiveTree::open(dir.path(), &options(rung)).unwrap();
    let mut replica = Replica::of(live.tree());
    storm(dir.path(), 1);
    let name = |at: usize| dir.path().join(format!("m{at}"));
    fs::write(name(0), "").unwrap();
    for at in 0..=limit {
        fs::rename(name(at), name(at + 1)).unwrap();
    }
    storm(dir.path(), 2);
    let mut gaps = 0;
    finish(&mut live, &mut replica, |batch| gaps += batch.gaps.len());
    assert!(gaps > 0);
    // And it goes on.
    fs::write(dir.path().join("after"), "").unwrap();
    finish(&mut live, &mut replica, |batch| assert_eq!(batch.gaps, []));
}

/// Follows to the end; then the tree is true, and what was told leads to it.
fn finish(live: &mut LiveTree, replica: &mut Replica, mut take: impl FnMut(&Batch)) {
    while let Some(batch) = live.barrier().unwrap() {
        replica.apply(&batch);
        take(&batch);
    }
    assert_true(live);
    assert_eq!(replica.0, Replica::of(live.tree()).0);
}
