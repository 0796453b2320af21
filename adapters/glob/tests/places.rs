//! The same listing as `find` gives, on file systems of all sorts, mounted in a namespace of the
//! test's own. Needs root; what this machine lacks is skipped, with a word on why.
#![cfg(target_os = "linux")]

#[path = "../../os/tests/feed/namespace.rs"]
mod namespace;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use namespace::inside;
use tempfile::TempDir;
use treenail_glob::find::Find;
use treenail_os::Kind;

const MOUNT: &[&str] = &["--mount", "--propagation", "private"];

/// Runs a program, and says whether it did its work.
fn run(program: &str, arguments: &[&dyn AsRef<OsStr>]) -> bool {
    let output = Command::new(program).args(arguments.iter().map(|one| one.as_ref())).output();
    let done = output.as_ref().is_ok_and(|output| output.status.success());
    if !done {
        println!("skipped, not done: {program}: {output:?}");
    }
    done
}

/// A directory on a tmpfs of the test's own, on which to make mount points.
fn scratch() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    assert!(run("mount", &[&"-t", &"tmpfs", &"scratch", &dir.path()]));
    dir
}

/// Makes a file system in a file and mounts it in `mounted`.
fn image(scratch: &Path, mkfs: &str, options: &[&str], mib: u64) -> bool {
    let (file, point) = (scratch.join("image"), scratch.join("mounted"));
    fs::File::create(&file).unwrap().set_len(mib << 20).unwrap();
    fs::create_dir_all(&point).unwrap();
    let mut words: Vec<&dyn AsRef<OsStr>> = vec![&"-q"];
    words.extend(options.iter().map(|word| word as &dyn AsRef<OsStr>));
    words.push(&file);
    run(mkfs, &words) && run("mount", &[&"-o", &"loop", &file, &point])
}

/// Entries of every kind that a test can make, many in one directory, and far down.
fn fill(root: &Path) {
    for dir in ["a/b/c/d/e", "many", "empty", ".hidden/.more"] {
        fs::create_dir_all(root.join(dir)).unwrap();
    }
    for number in 0..3_000 {
        fs::write(root.join(format!("many/a-rather-long-name-of-a-file-{number}")), "").unwrap();
    }
    for name in [&b"a/not-text-\xff"[..], b"a/new\nline", "a/b/\u{e4}".as_bytes(), b".hidden/f"] {
        // Some file systems take text alone.
        _ = fs::write(root.join(OsStr::from_bytes(name)), "x");
    }
    symlink("b", root.join("a/to-dir")).unwrap();
    symlink("nowhere", root.join("a/to-nothing")).unwrap();
    assert!(run("mkfifo", &[&root.join("a/fifo")]));
}

/// Kind and path of each entry, as `find` tells them.
fn expected(root: &Path) -> Vec<Vec<u8>> {
    let mut find = Command::new("find");
    find.arg(root).args(["-mindepth", "1", "-printf", "%y%P\\0"]);
    let output = find.output().unwrap();
    assert!(output.status.success());
    let mut all: Vec<_> = output.stdout.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect();
    all.retain(|entry| !entry.is_empty());
    all.sort();
    all
}

fn is_listed(root: &Path) {
    let expected = expected(root);
    assert!(expected.len() > 3_000);
    for (sort, threads) in [(false, 0), (true, 0), (false, 1), (false, 8)] {
        let find = Find::new().root_shown(root, "").hidden(true).sort(sort).threads(threads);
        let told = |found: treenail_glob::find::Match| {
            let kind = match found.get().kind() {
                Kind::File => b'f',
                Kind::Directory => b'd',
                Kind::Symlink => b'l',
                Kind::Fifo => b'p',
                other => panic!("{other:?}"),
            };
            [&[kind], found.path()].concat()
        };
        let mut all: Vec<_> = find.iter().unwrap().map(|found| told(found.unwrap())).collect();
        all.sort();
        assert_eq!(all, expected, "on {}", root.display());
    }
}

#[test]
fn tmpfs_xfs_and_btrfs_with_subvolumes_are_listed() {
    if !inside("tmpfs_xfs_and_btrfs_with_subvolumes_are_listed", MOUNT) {
        return;
    }
    let dir = scratch();
    fs::create_dir(dir.path().join("memory")).unwrap();
    fill(&dir.path().join("memory"));
    is_listed(&dir.path().join("memory"));
    for (mkfs, mib) in [("mkfs.xfs", 320), ("mkfs.btrfs", 128)] {
        let dir = scratch();
        if image(dir.path(), mkfs, &[], mib) {
            let mounted = dir.path().join("mounted");
            for volume in ["volume", "volume/inner"] {
                if mkfs == "mkfs.btrfs" {
                    let path = mounted.join(volume);
                    assert!(run("btrfs", &[&"subvolume", &"create", &path]));
                    fs::write(path.join("in-volume"), "").unwrap();
                }
            }
            fill(&mounted);
            is_listed(&mounted);
            assert!(run("umount", &[&mounted]), "nothing keeps it busy");
        }
    }
}

#[test]
fn entries_without_types_are_looked_up() {
    if !inside("entries_without_types_are_looked_up", MOUNT) {
        return;
    }
    let kinds: [(&str, &[&str]); 2] =
        [("mkfs.ext2", &["-O", "^filetype"]), ("mkfs.xfs", &["-m", "crc=0", "-n", "ftype=0"])];
    for (mkfs, options) in kinds {
        let dir = scratch();
        if image(dir.path(), mkfs, options, 320) {
            let mounted = dir.path().join("mounted");
            fill(&mounted);
            is_listed(&mounted);
            assert!(run("umount", &[&mounted]), "nothing keeps it busy");
        }
    }
}

#[test]
fn overlays_and_what_fuse_shows_are_listed() {
    if !inside("overlays_and_what_fuse_shows_are_listed", MOUNT) {
        return;
    }
    let dir = scratch();
    let at = |name: &str| dir.path().join(name);
    for name in ["lower/many", "upper", "work", "merged", "shown"] {
        fs::create_dir_all(at(name)).unwrap();
    }
    fill(&at("lower"));
    fs::write(at("lower/many/covered"), "").unwrap();
    let text = |name: &str| at(name).display().to_string();
    let layers =
        format!("lowerdir={},upperdir={},workdir={}", text("lower"), text("upper"), text("work"));
    if run("mount", &[&"-t", &"overlay", &"overlay", &"-o", &layers, &at("merged")]) {
        fs::remove_file(at("merged/many/covered")).unwrap();
        fs::write(at("merged/many/upper"), "").unwrap();
        is_listed(&at("merged"));
    }
    if run("bindfs", &[&at("lower"), &at("shown")]) {
        is_listed(&at("shown"));
        assert!(run("umount", &[&at("shown")]));
    }
}
