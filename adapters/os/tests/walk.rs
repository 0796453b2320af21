//! The walk on real trees, against a naive twin and in every awkward case.
#![cfg(unix)]

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use treenail_os::{Directory, Handle, Kind, Listing, Next, Place, Stat, Visit, Walk};

/// Notes all that a walk comes across.
#[derive(Default)]
struct Collect {
    /// Path and kind of each entry.
    entries: Mutex<Vec<(Vec<u8>, Kind)>>,
    /// Path and error of each directory that failed.
    failed: Mutex<Vec<(Vec<u8>, io::Error)>>,
    /// The handle of each directory, kept beyond the walk.
    handles: Mutex<Vec<Arc<Handle>>>,
    /// Whether to keep the handles.
    keep: bool,
}

impl Visit for Collect {
    /// Path of the directory with a closing slash.
    type State = Vec<u8>;
    type Task = ();
    type Worker = Vec<(Vec<u8>, Kind)>;

    fn worker(&self) -> Self::Worker {
        Vec::new()
    }

    fn directory(
        &self,
        found: &mut Self::Worker,
        dir: &mut Directory<'_>,
        state: Vec<u8>,
        next: &mut Next<'_, Self>,
    ) {
        if self.keep {
            self.handles.lock().unwrap().push(dir.handle().clone());
        }
        for index in 0..dir.len() {
            let entry = dir.entry(index);
            let path = [&state, entry.name].concat();
            if entry.kind == Kind::Directory {
                next.descend(dir, index, [&path, &b"/"[..]].concat());
            }
            found.push((path, entry.kind));
        }
        self.entries.lock().unwrap().append(found);
    }

    fn task(&self, _: &mut Self::Worker, (): (), _: &mut Next<'_, Self>) {}

    fn failed(&self, _: &mut Self::Worker, place: Place<'_>, error: io::Error, state: Vec<u8>) {
        assert_eq!([place.path(), b"/".to_vec()].concat(), state);
        self.failed.lock().unwrap().push((place.path(), error));
    }
}

impl Collect {
    /// Walks and returns the sorted entries.
    fn run(&self, walk: &Walk, root: &Path) -> Vec<(Vec<u8>, Kind)> {
        walk.run(root, self, Vec::new()).unwrap();
        let mut entries = std::mem::take(&mut *self.entries.lock().unwrap());
        entries.sort();
        entries
    }
}

/// The same walk through the standard library, in one thread.
fn naive(root: &Path, prefix: &[u8], found: &mut Vec<(Vec<u8>, Kind)>) {
    for entry in fs::read_dir(root).unwrap() {
        let entry = entry.unwrap();
        let path = [prefix, &entry.file_name().into_vec()].concat();
        let kind = Stat::from_metadata(&fs::symlink_metadata(entry.path()).unwrap()).kind;
        if kind == Kind::Directory {
            naive(&entry.path(), &[&path, &b"/"[..]].concat(), found);
        }
        found.push((path, kind));
    }
}

fn naive_sorted(root: &Path) -> Vec<(Vec<u8>, Kind)> {
    let mut found = Vec::new();
    naive(root, b"", &mut found);
    found.sort();
    found
}

/// A tree out of a number, the same for the same number.
fn random_tree(root: &Path, mut seed: u64) {
    let mut random = move |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let mut directories = vec![root.to_owned()];
    for number in 0..600 {
        let parent = directories[random(directories.len() as u64) as usize].clone();
        let path = parent.join(format!("{}{number}", "n".repeat(random(60) as usize)));
        match random(4) {
            0 | 1 => {
                fs::create_dir(&path).unwrap();
                directories.push(path);
            }
            2 => fs::write(&path, b"x").unwrap(),
            _ => symlink("..", &path).unwrap(),
        }
    }
}

#[test]
fn finds_what_the_naive_twin_finds() {
    for seed in 1..6 {
        let dir = tempfile::tempdir().unwrap();
        random_tree(dir.path(), seed);
        let expected = naive_sorted(dir.path());
        assert_eq!(expected.len(), 600);
        for threads in [1, 2, 7] {
            for open in [0, 1, 5, 1000] {
                let collect = Collect::default();
                let walk = Walk::new().threads(threads).open_dirs_max(open);
                assert_eq!(collect.run(&walk, dir.path()), expected, "seed {seed}");
                assert!(collect.failed.into_inner().unwrap().is_empty());
            }
        }
    }
}

#[test]
fn finds_what_the_naive_twin_finds_in_a_system_directory() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    for root in [root.join("core"), root.join("adapters"), "/usr/include".into()] {
        if root.exists() {
            assert_eq!(Collect::default().run(&Walk::new(), &root), naive_sorted(&root));
        }
    }
}

#[test]
fn lists_a_directory_of_fifty_thousand_entries_and_sorts_it() {
    struct Wide(AtomicUsize);
    impl Visit for Wide {
        type State = ();
        type Task = ();
        type Worker = ();
        fn worker(&self) {}
        fn directory(&self, (): &mut (), dir: &mut Directory<'_>, (): (), _: &mut Next<'_, Self>) {
            dir.sort_by_name();
            for (number, entry) in dir.entries().enumerate() {
                assert_eq!(entry.name, format!("entry-{number:06}").as_bytes());
                assert_eq!(entry.kind, Kind::File);
                self.0.fetch_add(1, Ordering::Relaxed);
            }
            assert_eq!(dir.stat_entry(7).unwrap().inode, dir.entry(7).inode);
        }
        fn task(&self, (): &mut (), (): (), _: &mut Next<'_, Self>) {}
        fn failed(&self, (): &mut (), _: Place<'_>, error: io::Error, (): ()) {
            panic!("{error}");
        }
    }
    let dir = tempfile::tempdir().unwrap();
    for number in 0..50_000 {
        fs::File::create(dir.path().join(format!("entry-{number:06}"))).unwrap();
    }
    let wide = Wide(AtomicUsize::new(0));
    Walk::new().run(dir.path(), &wide, ()).unwrap();
    assert_eq!(wide.0.into_inner(), 50_000);
}

#[test]
fn reports_every_kind_and_any_name_and_follows_no_symlink() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &[u8]| dir.path().join(OsStr::from_bytes(name));
    let long = [b'l'; 255];
    for name in [&b"\xFF\xFE"[..], b"new\nline", b" ", b"...", b"-", &long] {
        fs::write(path(name), b"").unwrap();
    }
    symlink(".", path(b"loop")).unwrap();
    symlink("nowhere", path(b"broken")).unwrap();
    let fifo = std::process::Command::new("mkfifo").arg(path(b"fifo")).status().unwrap();
    assert!(fifo.success());
    let _socket = std::os::unix::net::UnixListener::bind(path(b"socket")).unwrap();
    let found = Collect::default().run(&Walk::new(), dir.path());
    let expected = BTreeSet::from([
        (b"\xFF\xFE".to_vec(), Kind::File),
        (b"new\nline".to_vec(), Kind::File),
        (b" ".to_vec(), Kind::File),
        (b"...".to_vec(), Kind::File),
        (b"-".to_vec(), Kind::File),
        (long.to_vec(), Kind::File),
        (b"loop".to_vec(), Kind::Symlink),
        (b"broken".to_vec(), Kind::Symlink),
        (b"fifo".to_vec(), Kind::Fifo),
        (b"socket".to_vec(), Kind::Socket),
    ]);
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);

    let handle = Handle::open(dir.path()).unwrap();
    let mut target = b"something longer".to_vec();
    handle.read_link(b"broken", &mut target).unwrap();
    assert_eq!(target, b"nowhere");
    assert!(handle.open_file(b"broken").is_err());
    assert!(handle.open_file(b"fifo").is_ok(), "a named pipe opens without a writer");
    assert_eq!(handle.stat(b"loop").unwrap().kind, Kind::Symlink);
    for name in [&b".."[..], b".", b"", b"a/b", b"a\0b"] {
        assert_eq!(handle.open_file(name).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(handle.stat(name).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}

#[test]
fn a_device_is_listed_as_one() {
    let found = Collect::default().run(&Walk::new(), Path::new("/dev"));
    assert!(found.contains(&(b"null".to_vec(), Kind::CharDevice)));
}

/// Does something to the tree when it comes to the root, then goes on into all directories.
struct Meddle<F>(F, Mutex<Vec<(Vec<u8>, io::ErrorKind)>>);

impl<F: Fn() + Sync> Visit for Meddle<F> {
    type State = ();
    type Task = ();
    type Worker = ();
    fn worker(&self) {}
    fn directory(&self, (): &mut (), dir: &mut Directory<'_>, (): (), next: &mut Next<'_, Self>) {
        if dir.depth() == 0 {
            self.0();
        }
        for index in 0..dir.len() {
            if dir.entry(index).kind == Kind::Directory {
                next.descend(dir, index, ());
            }
        }
    }
    fn task(&self, (): &mut (), (): (), _: &mut Next<'_, Self>) {}
    fn failed(&self, (): &mut (), place: Place<'_>, error: io::Error, (): ()) {
        self.1.lock().unwrap().push((place.path(), error.kind()));
    }
}

#[test]
fn directories_that_vanish_or_become_links_are_reported() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["gone", "link", "stays"] {
        fs::create_dir(dir.path().join(name)).unwrap();
    }
    let meddle = Meddle(
        || {
            fs::remove_dir(dir.path().join("gone")).unwrap();
            fs::remove_dir(dir.path().join("link")).unwrap();
            symlink("/", dir.path().join("link")).unwrap();
        },
        Mutex::default(),
    );
    Walk::new().run(dir.path(), &meddle, ()).unwrap();
    let mut failed = meddle.1.into_inner().unwrap();
    failed.sort();
    let expected = [
        (b"gone".to_vec(), io::ErrorKind::NotFound),
        (b"link".to_vec(), io::ErrorKind::NotADirectory),
    ];
    assert_eq!(failed, expected);
}

#[test]
#[cfg(target_os = "linux")]
fn an_unreadable_directory_is_reported_and_the_rest_is_walked() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("closed/inner")).unwrap();
    fs::create_dir_all(dir.path().join("open/inner")).unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(dir.path().join("closed"), fs::Permissions::from_mode(0o000)).unwrap();
    let collect = Collect::default();
    let found = std::thread::scope(|scope| {
        let unprivileged = scope.spawn(|| {
            if rustix::process::geteuid().is_root() {
                let nobody = rustix::process::Uid::from_raw(65_534);
                rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
            }
            collect.run(&Walk::new(), dir.path())
        });
        unprivileged.join().unwrap()
    });
    let names: Vec<_> = found.iter().map(|(path, _)| path.as_slice()).collect();
    assert_eq!(names, [&b"closed"[..], b"open", b"open/inner"]);
    let failed = collect.failed.into_inner().unwrap();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].0, b"closed");
    assert_eq!(failed[0].1.kind(), io::ErrorKind::PermissionDenied);
}

#[test]
fn a_root_that_is_no_directory_is_an_error_that_names_it() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let run = |path: &Path| Walk::new().run(path, &Collect::default(), Vec::new()).unwrap_err();
    let error = run(file.path());
    assert_eq!(error.kind(), io::ErrorKind::NotADirectory);
    assert!(error.to_string().contains(file.path().to_str().unwrap()), "{error}");
    assert_eq!(run(Path::new("/does/not/exist")).kind(), io::ErrorKind::NotFound);
}

#[test]
fn handles_outlive_the_walk_and_refuse_a_directory_that_was_replaced() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("a/b")).unwrap();
    fs::write(dir.path().join("a/b/file"), b"x").unwrap();
    for open in [0, 1000] {
        let collect = Collect { keep: true, ..Collect::default() };
        collect.run(&Walk::new().open_dirs_max(open), dir.path());
        let handles = collect.handles.into_inner().unwrap();
        let b = handles.iter().find(|handle| handle.path() == b"a/b").unwrap().clone();
        drop(handles);
        assert_eq!(b.stat(b"file").unwrap().size_bytes, 1);
        assert_eq!(b.depth(), 2);
        assert_eq!(b.parent().unwrap().name(), b"a");
        let full = [dir.path().as_os_str().as_bytes(), b"/a/b"].concat();
        assert_eq!(b.full_path(), full);
        if open == 0 {
            fs::rename(dir.path().join("a/b"), dir.path().join("a/was")).unwrap();
            fs::create_dir(dir.path().join("a/b")).unwrap();
            fs::write(dir.path().join("a/b/file"), b"other").unwrap();
            let found = b.stat(b"file");
            if cfg!(all(target_os = "linux", not(feature = "portable"))) {
                let error = found.unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::NotFound);
                assert!(error.get_ref().unwrap().is::<treenail_os::DirectoryMoved>());
            }
            fs::remove_dir_all(dir.path().join("a/b")).unwrap();
            fs::rename(dir.path().join("a/was"), dir.path().join("a/b")).unwrap();
        }
    }
}

/// Makes tasks out of directories, and further tasks out of tasks.
struct Tasks {
    done: AtomicUsize,
    stop_at: usize,
}

impl Visit for Tasks {
    type State = ();
    type Task = u32;
    type Worker = ();
    fn worker(&self) {}
    fn directory(&self, (): &mut (), dir: &mut Directory<'_>, (): (), next: &mut Next<'_, Self>) {
        next.task(6);
        for index in 0..dir.len() {
            if dir.entry(index).kind == Kind::Directory && dir.entry(index).name != b"pruned" {
                next.descend(dir, index, ());
            }
        }
    }
    fn task(&self, (): &mut (), task: u32, next: &mut Next<'_, Self>) {
        if self.done.fetch_add(1, Ordering::Relaxed) + 1 == self.stop_at {
            next.stop();
            assert!(next.is_stopped());
        }
        if task > 0 {
            next.task(task - 1);
            next.task(task - 1);
        }
    }
    fn failed(&self, (): &mut (), _: Place<'_>, error: io::Error, (): ()) {
        panic!("{error}");
    }
}

#[test]
fn every_task_is_done_once_and_pruned_directories_are_not_entered() {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..20 {
        fs::create_dir_all(dir.path().join(format!("{number}/pruned/below"))).unwrap();
    }
    for threads in [1, 2, 8] {
        let tasks = Tasks { done: AtomicUsize::new(0), stop_at: usize::MAX };
        Walk::new().threads(threads).run(dir.path(), &tasks, ()).unwrap();
        // Each directory's task is the root of a full binary tree of 127.
        assert_eq!(tasks.done.into_inner(), 21 * 127);
    }
}

/// Puts off every other directory, and a task for each, and notes what came when.
struct PutsOff(Mutex<Vec<Came>>);

#[derive(PartialEq, Debug)]
enum Came {
    Directory { put_off: bool },
    Entered,
    Task,
}

impl Visit for PutsOff {
    /// Whether it was put off.
    type State = bool;
    type Task = ();
    type Worker = ();
    fn worker(&self) {}
    fn directory(
        &self,
        (): &mut (),
        dir: &mut Directory<'_>,
        put_off: bool,
        next: &mut Next<'_, Self>,
    ) {
        self.0.lock().unwrap().push(Came::Directory { put_off });
        next.task_later(());
        for index in 0..dir.len() {
            match index % 2 {
                0 => next.descend_later(dir, index, true),
                _ => next.descend(dir, index, false),
            }
        }
    }
    fn entered(&self) {
        self.0.lock().unwrap().push(Came::Entered);
    }
    fn task(&self, (): &mut (), (): (), _: &mut Next<'_, Self>) {
        self.0.lock().unwrap().push(Came::Task);
    }
    fn failed(&self, (): &mut (), _: Place<'_>, error: io::Error, _: bool) {
        panic!("{error}");
    }
}

#[test]
fn what_is_put_off_comes_last_and_all_of_it_comes() {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..20 {
        for below in 0..4 {
            fs::create_dir_all(dir.path().join(format!("{number}/{below}/c"))).unwrap();
        }
    }
    for (threads, open) in [(1, 8), (1, 512), (2, 8), (8, 512)] {
        let visitor = PutsOff(Mutex::default());
        let walk = Walk::new().threads(threads).open_dirs_max(open);
        walk.run(dir.path(), &visitor, false).unwrap();
        let came = visitor.0.into_inner().unwrap();
        let count = |what: &[Came]| came.iter().filter(|came| what.contains(came)).count();
        let directories =
            count(&[Came::Directory { put_off: false }, Came::Directory { put_off: true }]);
        assert_eq!(directories, 1 + 20 + 80 + 80);
        assert_eq!(count(&[Came::Task]), directories);
        assert_eq!(count(&[Came::Entered]), 1);
        if threads == 1 {
            let entered = came.iter().position(|came| *came == Came::Entered).unwrap();
            // The root, ten of those in it and two of those in each.
            assert_eq!(entered, 1 + 10 + 20);
            assert!(came[..entered].iter().all(|c| *c == Came::Directory { put_off: false }));
        }
    }
}

/// Hands on what each thread has found when the thread has nothing to do.
#[derive(Default)]
struct HandsOnWhenIdle {
    names: Mutex<Vec<Vec<u8>>>,
}

impl Visit for HandsOnWhenIdle {
    type State = ();
    type Task = ();
    type Worker = Vec<Vec<u8>>;

    fn worker(&self) -> Self::Worker {
        Vec::new()
    }

    fn directory(
        &self,
        found: &mut Self::Worker,
        dir: &mut Directory<'_>,
        (): (),
        next: &mut Next<'_, Self>,
    ) {
        for index in 0..dir.len() {
            found.push(dir.entry(index).name.to_vec());
            if dir.entry(index).kind == Kind::Directory {
                next.descend(dir, index, ());
            }
        }
    }

    fn idle(&self, found: &mut Self::Worker) {
        self.names.lock().unwrap().append(found);
    }

    fn task(&self, _: &mut Self::Worker, (): (), _: &mut Next<'_, Self>) {}

    fn failed(&self, _: &mut Self::Worker, place: Place<'_>, error: io::Error, (): ()) {
        panic!("{:?}: {error}", place.full_path());
    }
}

#[test]
fn a_thread_is_told_before_it_waits() {
    let dir = tempfile::tempdir().unwrap();
    random_tree(dir.path(), 7);
    for threads in [1, 2, 4] {
        let visitor = HandsOnWhenIdle::default();
        Walk::new().threads(threads).run(dir.path(), &visitor, ()).unwrap();
        assert_eq!(visitor.names.into_inner().unwrap().len(), naive_sorted(dir.path()).len());
    }
}

#[test]
fn a_stopped_walk_ends_without_doing_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..20 {
        fs::create_dir(dir.path().join(number.to_string())).unwrap();
    }
    for threads in [1, 2, 8] {
        let tasks = Tasks { done: AtomicUsize::new(0), stop_at: 5 };
        Walk::new().threads(threads).run(dir.path(), &tasks, ()).unwrap();
        let done = tasks.done.into_inner();
        assert!((5..5 + threads).contains(&done), "{done} tasks by {threads} threads");
    }
}

#[test]
#[should_panic(expected = "the visitor's own")]
fn a_panic_of_the_visitor_ends_the_walk_and_reaches_the_caller() {
    struct Panics;
    impl Visit for Panics {
        type State = ();
        type Task = u32;
        type Worker = ();
        fn worker(&self) {}
        fn directory(&self, (): &mut (), _: &mut Directory<'_>, (): (), next: &mut Next<'_, Self>) {
            (0..100).for_each(|number| next.task(number));
        }
        fn task(&self, (): &mut (), task: u32, _: &mut Next<'_, Self>) {
            assert_ne!(task, 0, "the visitor's own");
        }
        fn failed(&self, (): &mut (), _: Place<'_>, _: io::Error, (): ()) {}
    }
    Walk::new().threads(1).run(Path::new("."), &Panics, ()).unwrap();
}

/// Removes a mount when the test ends, however it does.
#[cfg(all(target_os = "linux", not(feature = "portable")))]
struct Unmount<'a>(&'a Path);

#[cfg(all(target_os = "linux", not(feature = "portable")))]
impl Drop for Unmount<'_> {
    fn drop(&mut self) {
        let done = std::process::Command::new("umount").arg(self.0).status();
        assert!(done.unwrap().success() || std::thread::panicking());
    }
}

#[test]
#[cfg(all(target_os = "linux", not(feature = "portable")))]
fn a_directory_mounted_inside_itself_is_reported_as_a_loop() {
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("a/b/inner");
    fs::create_dir_all(&inner).unwrap();
    let mut mount = std::process::Command::new("mount");
    let mounted = mount.arg("--bind").arg(dir.path().join("a")).arg(&inner).output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        println!("skipped: this process may not mount");
        return;
    }
    let _unmount = Unmount(&inner);
    for open in [0, 1000] {
        let collect = Collect::default();
        let found = collect.run(&Walk::new().open_dirs_max(open), dir.path());
        assert_eq!(found.len(), 3);
        let failed = collect.failed.into_inner().unwrap();
        assert_eq!(failed.len(), 1);
        assert_eq!(failed[0].0, b"a/b/inner");
        let error = failed[0].1.get_ref().unwrap().downcast_ref::<treenail_os::DirectoryLoop>();
        assert_eq!(error.unwrap().ancestor, b"a");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn staying_on_one_file_system_stops_at_a_mount_point() {
    let collect = Collect::default();
    // /proc is mounted wherever Linux runs.
    struct Top<'a>(&'a Collect);
    impl Visit for Top<'_> {
        type State = ();
        type Task = ();
        type Worker = ();
        fn worker(&self) {}
        fn directory(
            &self,
            (): &mut (),
            dir: &mut Directory<'_>,
            (): (),
            next: &mut Next<'_, Self>,
        ) {
            assert!(dir.depth() == 0, "entered {:?}", dir.handle().path());
            let proc = (0..dir.len()).find(|&index| dir.entry(index).name == b"proc").unwrap();
            next.descend(dir, proc, ());
        }
        fn task(&self, (): &mut (), (): (), _: &mut Next<'_, Self>) {}
        fn failed(&self, (): &mut (), place: Place<'_>, error: io::Error, (): ()) {
            self.0.failed.lock().unwrap().push((place.path(), error));
        }
    }
    Walk::new().same_file_system(true).run(Path::new("/"), &Top(&collect), ()).unwrap();
    let failed = collect.failed.into_inner().unwrap();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].1.kind(), io::ErrorKind::CrossesDevices);
}

#[test]
fn a_handle_lists_its_directory_as_often_as_it_is_asked() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("a/b")).unwrap();
    fs::write(dir.path().join("a/b/one"), "").unwrap();
    let root = Handle::open(dir.path()).unwrap();
    let deep = root.open_below(b"a/b").unwrap();
    assert_eq!(deep.path(), b"a/b");
    let mut listing = Listing::new();
    deep.list(&mut listing).unwrap();
    assert_eq!(listing.entries().count(), 1);
    fs::write(dir.path().join("a/b/two"), "").unwrap();
    deep.list(&mut listing).unwrap();
    let mut names: Vec<&[u8]> = listing.entries().map(|entry| entry.name).collect();
    names.sort();
    assert_eq!(names, [b"one", b"two"]);
    symlink("a", dir.path().join("link")).unwrap();
    for path in [&b"link/b"[..], b"a/../a", b"a//b", b"a/b/one", b"a/c"] {
        assert!(root.open_below(path).is_err(), "{}", String::from_utf8_lossy(path));
    }
}
