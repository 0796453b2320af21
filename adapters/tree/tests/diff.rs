//! What `diff` says of real directories.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use treenail_tree::{ChangeKind, IdKind, Scan, Snapshot, View, diff};

/// Writes files `path=content`; a path that ends in `/` is a directory.
fn lay(root: &Path, files: &[&str]) {
    fs::create_dir_all(root).unwrap();
    for file in files {
        let (path, content) = file.split_once('=').unwrap_or((file, ""));
        let path = root.join(path);
        if file.ends_with('/') {
            fs::create_dir_all(path).unwrap();
        } else {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
    }
}

fn lines(old: &Path, new: &Path, ids: Option<IdKind>) -> Vec<String> {
    let (a, b) = (Scan::new().run(old, ids).unwrap(), Scan::new().run(new, ids).unwrap());
    let found = diff(&a.tree.view(ids), &b.tree.view(ids), new).unwrap();
    assert_eq!(found.unknown, 0);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let line = |change: &treenail_tree::Change| match (&change.from, change.kind) {
        (Some(from), _) => format!("R {} -> {}", text(from), text(&change.path)),
        (None, ChangeKind::Added) => format!("A {}", text(&change.path)),
        (None, ChangeKind::Deleted) => format!("D {}", text(&change.path)),
        (None, ChangeKind::Modified) => format!("M {}", text(&change.path)),
        (None, ChangeKind::Type) => format!("T {}", text(&change.path)),
        (None, ChangeKind::Renamed) => panic!("renamed from where?"),
    };
    found.changes.iter().map(line).collect()
}

/// The difference between two directories with these files.
fn between(old: &[&str], new: &[&str]) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("a"), dir.path().join("b"));
    lay(&a, old);
    lay(&b, new);
    lines(&a, &b, Some(IdKind::XXH3))
}

#[test]
fn added_deleted_modified() {
    let found = between(&["gone=1", "same=2", "d/changed=3"], &["same=2", "d/changed=4", "new=5"]);
    assert_eq!(found, ["M d/changed", "D gone", "A new"]);
}

#[test]
fn a_whole_directory_is_listed_with_what_is_in_it() {
    let found = between(&["x/y/z=1", "empty/"], &["n/m=2", "n/e/"]);
    assert_eq!(found, ["D empty", "A n", "A n/e", "A n/m", "D x", "D x/y", "D x/y/z"]);
}

#[test]
fn a_moved_file_is_a_rename() {
    assert_eq!(between(&["a/f=1", "b/"], &["a/", "b/g=1"]), ["R a/f -> b/g"]);
}

#[test]
fn an_empty_file_is_never_a_rename() {
    assert_eq!(between(&["a"], &["b"]), ["D a", "A b"]);
}

#[test]
fn a_moved_directory_is_one_rename() {
    let found = between(
        &["a/f=1", "a/g=2", "a/sub/h=3", "a/sub/none", "keep=9"],
        &["z/f=1", "z/g=2", "z/sub/h=3", "z/sub/none", "keep=9"],
    );
    assert_eq!(found, ["R a -> z"]);
}

#[test]
fn a_directory_that_moved_and_grew_is_one_rename_and_the_new_file() {
    let found = between(
        &["a/f=1", "a/empty", "a/sub/h=3"],
        &["b/f=1", "b/empty", "b/sub/h=3", "b/sub/new=4", "b/x=5"],
    );
    assert_eq!(found, ["R a -> b", "A b/sub/new", "A b/x"]);
}

#[test]
fn a_directory_of_which_one_file_changed_is_no_rename() {
    let found = between(&["a/f=1", "a/g=2"], &["b/f=1", "b/g=3"]);
    assert_eq!(found, ["D a", "D a/g", "A b", "R a/f -> b/f", "A b/g"]);
}

#[test]
fn a_directory_moved_into_another_that_came_is_one_rename() {
    let found = between(&["lib/a=1", "lib/b=2"], &["src/lib/a=1", "src/lib/b=2", "src/main=3"]);
    assert_eq!(found, ["A src", "R lib -> src/lib", "A src/main"]);
}

#[test]
fn swapped_names_are_two_changes_of_content() {
    assert_eq!(between(&["a=1", "b=2"], &["a=2", "b=1"]), ["M a", "M b"]);
}

#[test]
fn the_nearest_path_is_where_it_went() {
    let found = between(
        &["p/one/f=same", "p/two/g=same", "far/x=1"],
        &["p/one/f2=same", "p/two/g2=same", "far/x=1"],
    );
    assert_eq!(found, ["R p/one/f -> p/one/f2", "R p/two/g -> p/two/g2"]);
    let found = between(&["a/b/f=same", "x/"], &["a/c/f=same", "a/b/", "x/y/z/f=same"]);
    assert_eq!(found, ["A a/c", "R a/b/f -> a/c/f", "A x/y", "A x/y/z", "A x/y/z/f"]);
}

#[test]
fn many_files_of_equal_content_are_paired_by_name() {
    let names = |dir: &str| -> Vec<String> {
        (0..600).map(|i| format!("{dir}/{i}/LICENSE=the same text")).collect()
    };
    let (old, new) = (names("a"), names("b"));
    let old: Vec<&str> = old.iter().map(String::as_str).chain(["a/only=1"]).collect();
    let new: Vec<&str> = new.iter().map(String::as_str).collect();
    let found = between(&old, &new);
    assert!(found.iter().filter(|line| line.starts_with('R')).count() >= 600, "{}", found.len());
    assert!(found.contains(&"D a/only".to_owned()));
}

#[test]
fn a_copy_is_added_not_renamed() {
    assert_eq!(between(&["a=1"], &["a=1", "b=1"]), ["A b"]);
}

#[test]
fn types_and_the_executable_bit() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("a"), dir.path().join("b"));
    lay(&a, &["exec=1", "both=1", "link=1", "dir/inner=1", "turned=2", "moved=unique"]);
    lay(&b, &["exec=1", "both=2", "dir=file", "turned/x=2"]);
    symlink("elsewhere", b.join("link")).unwrap();
    fs::write(b.join("moved2"), "unique").unwrap();
    for file in ["exec", "both", "moved2"] {
        fs::set_permissions(b.join(file), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let found = lines(&a, &b, Some(IdKind::BLAKE3));
    // dir/inner had the content "1", which nothing else took over.
    assert_eq!(
        found,
        [
            "M both",
            "T dir",
            "D dir/inner",
            "T exec",
            "T link",
            "T moved2",
            "R moved -> moved2",
            "T turned",
            "A turned/x",
        ]
    );
}

#[test]
fn a_link_that_points_elsewhere_is_modified() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("a"), dir.path().join("b"));
    lay(&a, &[]);
    lay(&b, &[]);
    symlink("one", a.join("l")).unwrap();
    symlink("two", b.join("l")).unwrap();
    assert_eq!(lines(&a, &b, Some(IdKind::GIT)), ["M l"]);
}

#[test]
fn without_ids_size_and_mtime_decide() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("a"), dir.path().join("b"));
    lay(&a, &["same=1", "size=1", "time=1"]);
    lay(&b, &["same=2", "size=22", "time=1"]);
    let set = |path: &Path, seconds| {
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    };
    for root in [&a, &b] {
        for file in ["same", "size", "time"] {
            set(&root.join(file), 1_000);
        }
    }
    set(&b.join("time"), 2_000);
    assert_eq!(lines(&a, &b, None), ["M size", "M time"]);
}

#[test]
fn against_a_snapshot_only_what_changed_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    let files: Vec<String> = (0..300).map(|i| format!("d{}/f{i}=content {i}", i % 7)).collect();
    lay(&root, &files.iter().map(String::as_str).collect::<Vec<_>>());
    let past = |file: &Path| {
        // Older than the clock's coarsest step, as if some seconds had gone by: ctime cannot be
        // set, so the snapshot is dated later instead.
        let ids = Some(IdKind::XXH3);
        let scanned = Scan::new().run(&root, ids).unwrap();
        scanned.tree.view(ids).save(file).unwrap();
        let mut bytes = fs::read(file).unwrap();
        let taken = i64::from_le_bytes(bytes[56..64].try_into().unwrap()) + 3_000_000_000;
        bytes[56..64].copy_from_slice(&taken.to_le_bytes());
        let checksum = <treenail_hash::Xxh128 as treenail_hash::Hash>::hash(&bytes[..240]);
        bytes[240..256].copy_from_slice(&checksum);
        fs::write(file, bytes).unwrap();
        Snapshot::open(file).unwrap()
    };
    let snapshot = past(&dir.path().join("s"));
    snapshot.verify().unwrap();
    fs::write(root.join("d3/f3"), "changed!!").unwrap();
    fs::rename(root.join("d4/f4"), root.join("d4/g")).unwrap();
    let ids = Some(IdKind::XXH3);
    let scanned = Scan::new().previous(Some(&snapshot)).run(&root, ids).unwrap();
    assert_eq!((scanned.files_reused, scanned.files_read), (298, 2));
    let fresh = Scan::new().run(&root, ids).unwrap();
    assert_eq!(scanned.tree.view(ids).root_digest(), fresh.tree.view(ids).root_digest());
    let changes = diff(&snapshot, &scanned.tree.view(ids), &root).unwrap().changes;
    assert_eq!(changes.len(), 2);
    // A snapshot of the same moment proves nothing: a file may have changed after it was read
    // within one step of the clock.
    let now = dir.path().join("now");
    scanned.tree.view(ids).save(&now).unwrap();
    let now = Snapshot::open(&now).unwrap();
    let careful = Scan::new().previous(Some(&now)).run(&root, ids).unwrap();
    assert_eq!(careful.files_reused, 0);
}
