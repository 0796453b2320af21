//! Scans of real and of difficult directories.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use treenail_os::Handle;
use treenail_tree::{Arm, Class, Counts, DirId, IdKind, Progress, Scan, Tree, TreeView, View};

/// Every path of a view with its class and size.
fn listing(view: &TreeView<'_>) -> BTreeMap<Vec<u8>, (Class, u64)> {
    let mut all = BTreeMap::new();
    let mut dirs = vec![(view.root(), Vec::new())];
    while let Some((dir, path)) = dirs.pop() {
        let mut before: Option<Vec<u8>> = None;
        for entry in view.entries(dir) {
            assert!(before.is_none_or(|name| *name < *entry.name), "names are sorted");
            before = Some(entry.name.to_vec());
            let path = [&path[..], b"/", entry.name].concat();
            all.insert(path.clone(), (entry.class(), entry.stat.size_bytes));
            dirs.extend(entry.child.map(|child| (child, path)));
        }
    }
    all
}

fn naive(root: &Path) -> BTreeMap<Vec<u8>, (Class, u64)> {
    let mut all = BTreeMap::new();
    let mut dirs: Vec<(PathBuf, Vec<u8>)> = vec![(root.to_owned(), Vec::new())];
    while let Some((dir, path)) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let entry = entry.unwrap();
            let path = [&path[..], b"/", entry.file_name().as_bytes()].concat();
            let metadata = entry.metadata().unwrap();
            let stat = treenail_os::Stat::from_metadata(&metadata);
            all.insert(path.clone(), (Class::of(&stat), metadata.len()));
            if metadata.is_dir() {
                dirs.push((entry.path(), path));
            }
        }
    }
    all
}

fn scan(root: &Path, ids: Option<IdKind>) -> Tree {
    let scanned = Scan::new().run(root, ids).unwrap();
    assert!(scanned.failures.is_empty(), "{:?}", scanned.failures);
    scanned.tree
}

/// Leaves a file in each directory that it is told of, unless directories come first.
#[derive(Default)]
struct Told {
    is_urgent: bool,
    opened: Mutex<Vec<(Vec<u8>, DirId)>>,
    children: Mutex<Vec<(Vec<u8>, DirId)>>,
    armed: AtomicUsize,
}

impl Arm for Told {
    fn open(&self, dir: &Arc<Handle>, id: DirId) {
        if !self.is_urgent {
            let path = dir.full_path();
            fs::write(Path::new(OsStr::from_bytes(&path)).join("late"), "").unwrap();
        }
        self.opened.lock().unwrap().push((dir.path(), id));
    }

    fn is_urgent(&self) -> bool {
        self.is_urgent
    }

    /// The one called `moved` is moved away and back meanwhile, in `refused` it does nothing.
    fn child(&self, dir: &Handle, name: &[u8], id: DirId) -> bool {
        assert_eq!(self.armed.load(Ordering::Relaxed), 0);
        if name == b"refused" {
            return false;
        }
        let above = dir.full_path();
        let path = Path::new(OsStr::from_bytes(&above)).join(OsStr::from_bytes(name));
        if name == b"moved" {
            fs::rename(&path, path.with_file_name("elsewhere")).unwrap();
            fs::rename(path.with_file_name("elsewhere"), &path).unwrap();
        }
        let path = [&dir.path()[..], b"/", name].concat();
        self.children.lock().unwrap().push((path, id));
        true
    }

    fn armed(&self) {
        self.armed.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn directories_first_makes_the_same_tree_and_opens_what_it_could_not_trust() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    for leaf in ["a/left", "a/moved", "a/refused", "b/c/left"] {
        fs::create_dir_all(root.join(leaf)).unwrap();
        fs::write(root.join(leaf).join("file"), "text").unwrap();
    }
    for number in 0..3_000 {
        fs::write(root.join(format!("b/{number}")), "text").unwrap();
    }
    fs::create_dir(root.join("b/empty")).unwrap();
    std::os::unix::fs::symlink("left", root.join("a/link")).unwrap();
    // What changed a moment ago could change again with the same time.
    thread::sleep(Duration::from_millis(2_100));
    fs::create_dir(root.join("b/young")).unwrap();
    let counts = Handle::open(root).unwrap().counts_subdirectories();
    for threads in [1, 4] {
        let told = Told { is_urgent: true, ..Told::default() };
        let scanned = Scan::new().threads(threads).arm(&told).run(root, None).unwrap();
        assert!(scanned.failures.is_empty(), "{:?}", scanned.failures);
        assert_eq!(listing(&scanned.tree.view(None)), naive(root));
        assert_eq!(told.armed.into_inner(), 1);
        let sorted = |seen: Mutex<Vec<(Vec<u8>, DirId)>>| {
            let mut seen = seen.into_inner().unwrap();
            seen.iter().for_each(|(path, id)| assert_eq!(scanned.tree.dir_at(path), Some(*id)));
            seen.sort();
            seen.into_iter().map(|(path, _)| String::from_utf8(path).unwrap()).collect::<Vec<_>>()
        };
        let (opened, children) = (sorted(told.opened), sorted(told.children));
        if counts && threads == 1 {
            assert_eq!(children, ["a/left", "a/moved", "b/c/left", "b/empty"]);
            assert_eq!(opened, ["", "a", "a/moved", "a/refused", "b", "b/c", "b/young"]);
        }
        for path in ["", "a", "a/left", "a/moved", "a/refused", "b", "b/c", "b/c/left", "b/empty"] {
            let is_told = opened.iter().chain(&children).any(|told| told == path);
            assert!(is_told, "{path} is not watched");
        }
    }
}

#[test]
fn the_hook_comes_once_for_each_directory_before_it_is_listed() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("a/b")).unwrap();
    fs::create_dir_all(dir.path().join("ignored/c")).unwrap();
    fs::write(dir.path().join(".gitignore"), "ignored").unwrap();
    let told = Told::default();
    let scan = Scan::new().threads(2).gitignore(true).arm(&told);
    let tree = scan.run(dir.path(), Some(IdKind::XXH3)).unwrap().tree;
    assert_eq!(told.armed.into_inner(), 1);
    let mut seen = told.opened.into_inner().unwrap();
    seen.sort();
    let paths: Vec<&[u8]> = seen.iter().map(|(path, _)| &path[..]).collect();
    assert_eq!(paths, [&b""[..], b"a", b"a/b"]);
    for (path, dir) in &seen {
        assert_eq!(tree.dir_at(path), Some(*dir));
        assert!(tree.view(None).entry(*dir, b"late").is_some(), "it was made before the listing");
    }
}

#[test]
fn a_real_directory_is_listed_as_the_standard_library_lists_it() {
    // This repository without what is built while the test runs.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let tree = scan(&root, None);
    assert_eq!(listing(&tree.view(None)), naive(&root));
    let counts = tree.counts();
    assert_eq!(counts.entries(), naive(&root).len() as u64);
}

#[test]
fn thread_counts_do_not_change_the_digest() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../core");
    let ids = Some(IdKind::BLAKE3);
    let digest = |threads| {
        let scanned = Scan::new().threads(threads).run(&root, ids).unwrap();
        scanned.tree.view(ids).root_digest().unwrap().to_vec()
    };
    assert_eq!(digest(1), digest(8));
}

#[test]
fn a_large_directory_is_hashed_by_all_and_stays_one_set() {
    let dir = tempfile::tempdir().unwrap();
    for i in 0..5_000 {
        fs::write(dir.path().join(format!("{i}")), format!("{}", i * i)).unwrap();
    }
    let ids = Some(IdKind::XXH3);
    let progress = Progress::default();
    let scanned = Scan::new().progress(&progress).run(dir.path(), ids).unwrap();
    let tree = scanned.tree;
    assert_eq!((scanned.files_read, progress.entries()), (5_000, 5_000));
    assert_eq!(progress.bytes_found(), progress.bytes_done());
    assert_eq!(progress.bytes_done(), tree.counts().size_bytes);
    assert!(tree.view(ids).entries(tree.view(ids).root()).all(|entry| entry.id.is_some()));
    assert_eq!(tree.view(ids).entries(tree.view(ids).root()).count(), 5_000);
}

#[test]
fn a_large_directory_is_statted_by_all_and_stays_one() {
    let dir = tempfile::tempdir().unwrap();
    for i in 0..5_000 {
        let path = dir.path().join(format!("{i}"));
        if i % 100 == 0 { fs::create_dir(path).unwrap() } else { fs::write(path, "ab").unwrap() }
    }
    let scanned = Scan::new().run(dir.path(), None).unwrap();
    let counts = scanned.tree.counts();
    assert_eq!((counts.files, counts.dirs, counts.size_bytes), (4_950, 50, 9_900));
    assert_eq!((scanned.files_read, scanned.failures_total), (0, 0));
    assert_eq!(listing(&scanned.tree.view(None)), naive(dir.path()));
}

#[test]
fn a_large_file_is_read_wholly() {
    let dir = tempfile::tempdir().unwrap();
    let content: Vec<u8> = (0..20_000_000_u32).map(|i| ((i * 7) >> 3) as u8).collect();
    fs::write(dir.path().join("large"), &content).unwrap();
    let tree = scan(dir.path(), Some(IdKind::XXH3));
    let view = tree.view(Some(IdKind::XXH3));
    let entry = view.entries(view.root()).next().unwrap();
    let expected = <treenail_hash::Xxh128 as treenail_hash::Hash>::hash(&content);
    assert_eq!(entry.id, Some(&expected[..]));
}

#[test]
fn git_ids_are_those_of_git() {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in [("a", &b""[..]), ("b", b"hello\n"), ("c", &[7; 200_000])] {
        fs::write(dir.path().join(name), content).unwrap();
    }
    let tree = scan(dir.path(), Some(IdKind::GIT));
    let view = tree.view(Some(IdKind::GIT));
    let mut git = Command::new("git");
    git.args(["hash-object", "a", "b", "c"]).current_dir(dir.path());
    let expected = String::from_utf8(git.output().unwrap().stdout).unwrap();
    let hex = |id: &[u8]| id.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let found: Vec<String> = view.entries(view.root()).map(|e| hex(e.id.unwrap())).collect();
    assert_eq!(found, expected.lines().collect::<Vec<_>>());
}

#[test]
fn five_thousand_levels_are_scanned_saved_and_compared() {
    // In memory where there is such a place: disks are slow at this many levels.
    let memory = Path::new("/dev/shm");
    let dir = match memory.is_dir() {
        true => tempfile::tempdir_in(memory).unwrap(),
        false => tempfile::tempdir().unwrap(),
    };
    // Built from the bottom, a hundred levels at a time: the path is far longer than calls take.
    let (top, next) = (dir.path().join("level"), dir.path().join("next"));
    fs::create_dir(&top).unwrap();
    fs::write(top.join("file"), "bottom\n").unwrap();
    for round in 0..50 {
        let levels = if round == 0 { 98 } else { 99 };
        let bottom = next.join(vec!["level"; levels].join("/"));
        fs::create_dir_all(&bottom).unwrap();
        fs::rename(&top, bottom.join("level")).unwrap();
        fs::rename(&next, &top).unwrap();
    }
    let ids = Some(IdKind::XXH3);
    let tree = scan(dir.path(), ids);
    assert_eq!(tree.counts(), Counts { files: 1, dirs: 5_000, size_bytes: 7, ..Counts::default() });
    let file = dir.path().join("snapshot");
    tree.view(ids).save(&file).unwrap();
    let snapshot = treenail_tree::Snapshot::open(&file).unwrap();
    snapshot.verify().unwrap();
    assert_eq!(snapshot.root_digest(), tree.view(ids).root_digest());
    let other = tempfile::tempdir().unwrap();
    let nothing = scan(other.path(), ids);
    let changes = treenail_tree::diff(&snapshot, &nothing.view(ids), &file).unwrap().changes;
    assert_eq!(changes.len(), 5_001);
    let removed = Command::new("rm").arg("-rf").arg(&top).status();
    assert!(removed.unwrap().success());
}

#[test]
fn gitignore_leaves_out_what_git_ignores() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let git = |args: &[&str]| {
        let done = Command::new("git").args(args).current_dir(root).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        done.stdout
    };
    git(&["init", "-q"]);
    for (file, content) in [
        (".gitignore", "*.log\n/target/\n!keep.log\ndocs/*.html\n**/cache/\n"),
        ("keep.log", "1"),
        ("other.log", "1"),
        ("target/x", "1"),
        ("src/target/x", "1"),
        ("docs/a.html", "1"),
        ("docs/sub/a.html", "1"),
        ("x/cache/y", "1"),
        ("x/cachefile", "1"),
        ("src/.gitignore", "!other.log\n/gen\n"),
        ("src/other.log", "1"),
        ("src/gen/z", "1"),
        ("src/deep/gen", "1"),
    ] {
        fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
        fs::write(root.join(file), content).unwrap();
    }
    let listed = |dir: &str| -> Vec<Vec<u8>> {
        let args = ["-C", dir, "ls-files", "-co", "--exclude-standard", "-z", "."];
        let out = git(&args);
        let mut files: Vec<Vec<u8>> =
            out.split(|byte| *byte == 0).filter(|f| !f.is_empty()).map(<[u8]>::to_vec).collect();
        files.sort();
        files
    };
    // From the top, and from a directory below, whose rules come from above it.
    for dir in [".", "src", "docs"] {
        let scanned = Scan::new().gitignore(true).run(&root.join(dir), None).unwrap();
        let files: Vec<Vec<u8>> = listing(&scanned.tree.view(None))
            .into_iter()
            .filter(|(_, (class, _))| class.is_file())
            .map(|(path, _)| path[1..].to_vec())
            .collect();
        assert_eq!(files, listed(dir), "in {dir}");
    }
}

#[test]
fn memory_stays_below_a_hundred_bytes_an_entry() {
    let dir = tempfile::tempdir().unwrap();
    // Twenty entries a directory with names of twenty bytes, as in a node_modules.
    for d in 0..200 {
        let below = dir.path().join(format!("directory-{d:04}"));
        fs::create_dir(&below).unwrap();
        for f in 0..20 {
            fs::write(below.join(format!("component-{f:04}.d.ts")), "x").unwrap();
        }
    }
    for (ids, limit) in [(IdKind::XXH3, 85), (IdKind::BLAKE3, 100), (IdKind::GIT, 100)] {
        let tree = scan(dir.path(), Some(ids));
        let each = tree.memory_bytes() / tree.counts().entries() as usize;
        assert!(each <= limit, "{each} bytes an entry with {ids} ids");
    }
}

#[test]
fn a_file_that_is_rewritten_all_the_time_never_gets_a_wrong_id() {
    use std::sync::atomic::{AtomicBool, Ordering};
    /// Stops the writer, also when an assertion fails.
    struct Stop<'a>(&'a AtomicBool);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("busy");
    let contents = [vec![b'a'; 300_000], vec![b'b'; 300_000]];
    fs::write(&file, &contents[0]).unwrap();
    let done = AtomicBool::new(false);
    let valid =
        contents.each_ref().map(|c| <treenail_hash::Xxh128 as treenail_hash::Hash>::hash(c));
    thread::scope(|scope| {
        scope.spawn(|| {
            use std::os::unix::fs::FileExt;
            let out = fs::File::options().write(true).open(&file).unwrap();
            for i in 0_usize.. {
                if done.load(Ordering::Relaxed) {
                    return;
                }
                out.write_all_at(&contents[i % 2], 0).unwrap();
                if i % 500 == 0 {
                    // Long enough for a reading to settle now and then.
                    thread::sleep(Duration::from_millis(120));
                }
            }
        });
        let mut settled = 0;
        let _stop = Stop(&done);
        for _ in 0..25 {
            let scanned = Scan::new().run(dir.path(), Some(IdKind::XXH3)).unwrap();
            let view = scanned.tree.view(Some(IdKind::XXH3));
            let entry = view.entries(view.root()).next().unwrap();
            match entry.id {
                Some(id) => {
                    settled += 1;
                    assert!(valid.iter().any(|v| v[..] == *id), "a torn read got an id");
                }
                None => assert_eq!((scanned.failures_total, view.root_digest()), (1, None)),
            }
        }
        println!("{settled} of 25 readings settled");
    });
}
