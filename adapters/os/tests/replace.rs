//! Replacing files: the old one stays until the new one is complete.

use std::fs;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use treenail_os::{Durability, replace, same_file};

fn names(dir: &Path) -> Vec<String> {
    let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(name).collect();
    names.sort();
    names
}

#[test]
fn the_new_content_takes_the_place_of_the_old_or_of_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    for (content, durability) in [
        ("first", Durability::Synced),
        ("second", Durability::Unsynced),
        ("third, longer", Durability::Synced),
        ("", Durability::Synced),
    ] {
        replace(&path, |file| file.write_all(content.as_bytes()), durability).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
        assert_eq!(names(dir.path()), ["file"]);
    }
}

#[test]
fn a_failure_or_panic_while_writing_leaves_the_old_file_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, "old").unwrap();
    let failing = |file: &mut fs::File| {
        file.write_all(b"half of the new")?;
        Err(io::Error::new(io::ErrorKind::StorageFull, "the disk is full"))
    };
    let error = replace(&path, failing, Durability::Synced).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert!(error.to_string().contains("file") && error.to_string().contains("disk is full"));
    let panicking = |_: &mut fs::File| -> io::Result<()> { panic!("while writing") };
    let panicked = AssertUnwindSafe(|| replace(&path, panicking, Durability::Synced));
    assert!(catch_unwind(panicked).is_err());
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(names(dir.path()), ["file"]);
}

#[test]
fn a_directory_is_not_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("directory");
    fs::create_dir(&path).unwrap();
    let error = replace(&path, |file| file.write_all(b"x"), Durability::Synced);
    assert!(error.is_err() && path.is_dir());
    assert_eq!(names(dir.path()), ["directory"]);
    let missing = dir.path().join("missing/file");
    let error = replace(&missing, |_| Ok(()), Durability::Synced).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}

#[test]
#[cfg(unix)]
fn the_mode_and_owner_are_kept_and_readers_of_the_old_file_keep_it() {
    use std::io::Read;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o741)).unwrap();
    // Only root may give a file away; for others this changes nothing.
    _ = chown(&path, Some(12_345), Some(12_345));
    let before = fs::metadata(&path).unwrap();
    let mut reader = fs::File::open(&path).unwrap();
    let private = |file: &mut fs::File| {
        assert_eq!(file.metadata()?.mode() & 0o777, 0o600, "closed to others while it is written");
        file.write_all(b"new")
    };
    replace(&path, private, Durability::Unsynced).unwrap();
    let after = fs::metadata(&path).unwrap();
    assert_eq!(
        (after.mode(), after.uid(), after.gid()),
        (before.mode(), before.uid(), before.gid())
    );
    assert_ne!(after.ino(), before.ino());
    let mut old = String::new();
    reader.read_to_string(&mut old).unwrap();
    assert_eq!(old, "old");

    let link = dir.path().join("link");
    symlink("file", &link).unwrap();
    assert!(same_file(&path, &link).unwrap());
    replace(&link, |file| file.write_all(b"plain"), Durability::Unsynced).unwrap();
    assert!(!same_file(&path, &link).unwrap());
    assert_eq!(fs::read_to_string(&path).unwrap(), "new");
}
