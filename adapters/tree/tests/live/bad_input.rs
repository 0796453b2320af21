//! What goes wrong around a live tree is told, and made up for.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use treenail_os::feed::Rung;
use treenail_tree::ErrorKind;
use treenail_tree::live::{EventKind, Fresh, LiveTree, Options, Since};

use crate::support::{assert_true, changes, is_root, options, rungs};

#[test]
fn a_root_in_whose_place_another_directory_stands_is_gone() {
    for rung in rungs().into_iter().chain([Rung::Polling]) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        fs::create_dir_all(root.join("sub/deep")).unwrap();
        let options = Options { poll_every: Duration::from_millis(50), ..options(rung) };
        let mut live = LiveTree::open(&root, &options).unwrap();
        fs::rename(&root, dir.path().join("elsewhere")).unwrap();
        fs::create_dir(&root).unwrap();
        fs::write(root.join("of another"), "").unwrap();
        let error = (0..100).find_map(|_| live.poll(Some(Duration::from_millis(200))).err());
        let error = error.expect("it is noticed");
        assert_eq!(error.kind(), ErrorKind::RootGone, "{rung}");
        assert!(error.remedy().is_some());
        assert!(live.tree().lookup(b"of another").is_none(), "nothing of the other is taken in");
    }
}

/// The files below a directory.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap().flatten() {
        match entry.path() {
            path if path.is_dir() => found.extend(files(&path)),
            path => found.push(path),
        }
    }
    found
}

#[test]
fn a_damaged_state_is_never_taken_for_true_and_its_loss_is_said() {
    let made = tempfile::tempdir().unwrap();
    let (root, state) = (made.path().join("root"), made.path().join("state"));
    fs::create_dir(&root).unwrap();
    let open = |state: &Path| {
        let options = Options { state: Some(state.to_owned()), ..Options::default() };
        LiveTree::open(&root, &options).unwrap()
    };
    let mut live = open(&state);
    let clock = live.clock();
    for n in 0..50 {
        fs::write(root.join(format!("file{n}")), "text").unwrap();
        while live.barrier().unwrap().is_some() {}
    }
    live.leave().unwrap();
    let mut lost = 0;
    for file in files(&state) {
        let copy = made.path().join("copy");
        let good = fs::read(&file).unwrap();
        let used = good.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        for at in [used / 3, used / 2].into_iter().filter(|at| *at < used) {
            for from in files(&state) {
                let to = copy.join(from.strip_prefix(&state).unwrap());
                fs::create_dir_all(to.parent().unwrap()).unwrap();
                fs::copy(from, to).unwrap();
            }
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            fs::write(copy.join(file.strip_prefix(&state).unwrap()), &bad).unwrap();
            let mut live = open(&copy);
            while live.barrier().unwrap().is_some() {}
            assert_true(&live);
            let what = format!("{} at {at} of {used}", file.display());
            match (&live.ready().lost, live.since(clock)) {
                (Some(_), Since::Fresh(Fresh::OtherRoot)) => lost += 1,
                // Damage where nothing is said: a twin, or what comes after the last record.
                (None, Since::Net { changes, .. }) => assert_eq!(changes.len(), 50, "{what}"),
                (said, since) => panic!("{what}: {said:?}, {since:?}"),
            }
            live.leave().unwrap();
            fs::remove_dir_all(&copy).unwrap();
        }
    }
    assert!(lost >= 2, "the journal, and the snapshot: {lost}");
}

/// Does something in a thread that belongs to a user to whom permissions mean something.
#[cfg(target_os = "linux")]
fn as_nobody<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            if rustix::process::geteuid().is_root() {
                let nobody = rustix::process::Uid::from_raw(65_534);
                rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
            }
            work()
        });
        thread.join().unwrap()
    })
}

#[cfg(target_os = "linux")]
#[test]
fn permissions_that_change_hide_and_show_what_is_in_a_directory() {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path, mode| set_permissions(path, Permissions::from_mode(mode)).unwrap();
    for rung in [Rung::Inotify, Rung::Inodes] {
        let dir = tempfile::tempdir().unwrap();
        let hidden = dir.path().join("hidden");
        fs::create_dir_all(hidden.join("deep")).unwrap();
        fs::write(hidden.join("deep/file"), "").unwrap();
        mode(dir.path(), 0o755);
        mode(&hidden, 0o000);
        let (told, forbid) = std::sync::mpsc::channel();
        let (forbidden, go_on) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            // Who owns the directories, and may do everything.
            scope.spawn(|| {
                for wanted in forbid {
                    if wanted == 0 {
                        fs::write(hidden.join("new"), "").unwrap();
                    }
                    mode(&hidden, wanted);
                    forbidden.send(()).unwrap();
                }
            });
            as_nobody(move || {
                let set = |mode: u32| {
                    told.send(mode).unwrap();
                    go_on.recv().unwrap();
                };
                let mut live = LiveTree::open(dir.path(), &options(rung)).unwrap();
                let unlisted =
                    |live: &LiveTree| live.unlisted().iter().any(|(at, _)| at == b"hidden");
                assert!(unlisted(&live), "{rung}");
                set(0o755);
                let found = changes(&mut live);
                let come = |path: &str| found.contains(&(EventKind::Create, path.to_owned(), None));
                assert!(come("hidden/deep") && come("hidden/deep/file"), "{rung}: {found:?}");
                assert!(!unlisted(&live), "{rung}");
                // What went on before it was closed is known, or said not to be.
                set(0o000);
                changes(&mut live);
                assert!(live.tree().lookup(b"hidden/new").is_some() || unlisted(&live), "{rung}");
                set(0o755);
                changes(&mut live);
                assert!(live.tree().lookup(b"hidden/new").is_some(), "{rung}");
            });
        });
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_root_that_may_not_be_read_for_a_while_is_not_gone() {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path, mode| set_permissions(path, Permissions::from_mode(mode)).unwrap();
    let rungs = [Rung::Inotify, Rung::Inodes, Rung::Polling];
    for (rung, is_above) in rungs.into_iter().flat_map(|rung| [(rung, false), (rung, true)]) {
        let dir = tempfile::tempdir().unwrap();
        let root = &dir.path().join("root");
        let closed = if is_above { dir.path() } else { root };
        fs::create_dir_all(root.join("sub")).unwrap();
        fs::write(root.join("sub/kept"), "").unwrap();
        mode(dir.path(), 0o755);
        let (told, forbid) = std::sync::mpsc::channel();
        let (forbidden, go_on) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            // Who owns the directories, and may do everything.
            scope.spawn(|| {
                for wanted in forbid {
                    match wanted {
                        // Others than the superuser cannot do it.
                        None => _ = fs::write(root.join("sub/new"), ""),
                        Some(wanted) => mode(closed, wanted),
                    }
                    forbidden.send(()).unwrap();
                }
            });
            as_nobody(move || {
                let set = |mode: Option<u32>| {
                    told.send(mode).unwrap();
                    go_on.recv().unwrap();
                };
                let options = Options { poll_every: Duration::from_millis(50), ..options(rung) };
                let mut live = LiveTree::open(root, &options).unwrap();
                set(Some(0o000));
                for n in 0..20 {
                    if n == 10 {
                        // By now no directory is kept open.
                        set(None);
                    }
                    live.poll(Some(Duration::from_millis(50))).expect("it is still there");
                }
                live.barrier().expect("it is still there");
                let unlisted = live.unlisted();
                let root_is =
                    |(at, why): &(Vec<u8>, String)| at.is_empty() && why.contains("denied");
                // Of what is above the root nothing tells before something happens below it.
                let is_told = unlisted.iter().any(root_is) || is_above && !is_root();
                assert!(is_told, "{rung}, {is_above}: {unlisted:?}");
                let kept = live.tree().lookup(b"sub/kept");
                assert!(kept.is_some(), "{rung}, {is_above}");
                set(Some(0o755));
                changes(&mut live);
                assert_eq!(live.unlisted(), [], "{rung}, {is_above}");
                assert_true(&live);
            });
        });
    }
}
