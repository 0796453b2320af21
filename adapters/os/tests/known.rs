//! A walk that goes by names known beforehand.
#![cfg(unix)]

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::{Arc, Mutex};

use treenail_os::{Directory, Handle, Kind, Next, Place, Visit, Walk};

/// Goes where it is told, and lists only directories whose names end with `l`.
struct Known<'a> {
    ways: &'a [&'a str],
    calls: Mutex<Vec<String>>,
}

impl Visit for Known<'_> {
    /// What is left of the ways from here on.
    type State = Vec<Vec<u8>>;
    type Task = ();
    type Worker = ();

    fn worker(&self) {}

    fn opened(&self, (): &mut (), dir: &Arc<Handle>, _: &Self::State) {
        let path = String::from_utf8(dir.path()).unwrap();
        self.calls.lock().unwrap().push(format!("{path}: opened"));
        // What comes in now is in the listing.
        fs::write(Path::new(OsStr::from_bytes(&dir.full_path())).join("late"), "").unwrap();
    }

    fn lists(&self, (): &mut (), dir: &Arc<Handle>, _: &mut Self::State) -> bool {
        dir.name().ends_with(b"l")
    }

    fn directory(
        &self,
        (): &mut (),
        dir: &mut Directory<'_>,
        state: Self::State,
        next: &mut Next<'_, Self>,
    ) {
        let path = String::from_utf8(dir.handle().path()).unwrap();
        dir.sort_by_name();
        let names: Vec<_> =
            dir.entries().map(|entry| String::from_utf8_lossy(entry.name)).collect();
        self.calls.lock().unwrap().push(format!("{path}: {}", names.join(" ")));
        assert_eq!(dir.stat_name(b"late").unwrap().kind, Kind::File);
        for wrong in [&b""[..], b"..", b"../x", b"none"] {
            assert!(dir.stat_name(wrong).is_err());
        }
        for way in if dir.depth() == 0 { self.ways } else { &[] } {
            let mut names: Vec<Vec<u8>> = way.split(' ').map(|name| name.into()).collect();
            let first = names.remove(0);
            next.enter(dir.handle(), &first, 0, names);
        }
        if let Some((first, rest)) = state.split_first() {
            next.enter(dir.handle(), first, 0, rest.to_vec());
        }
    }

    fn task(&self, (): &mut (), (): (), _: &mut Next<'_, Self>) {}

    fn failed(&self, (): &mut (), place: Place<'_>, error: io::Error, _: Self::State) {
        let path = String::from_utf8(place.path()).unwrap();
        self.calls.lock().unwrap().push(format!("{path}: {:?}", error.kind()));
    }
}

#[test]
fn a_walk_goes_by_known_names_and_lists_where_it_is_told_to() {
    for open in [0, 100] {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("a/bl/c")).unwrap();
        fs::create_dir(dir.path().join("l")).unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        symlink("a", dir.path().join("link")).unwrap();
        let ways = ["a bl c", "l", "none", "file", "link", "a/bl", ".."];
        let known = Known { ways: &ways, calls: Mutex::default() };
        let walk = Walk::new().threads(2).open_dirs_max(open);
        walk.run(dir.path(), &known, Vec::new()).unwrap();
        let mut calls = known.calls.into_inner().unwrap();
        calls.sort();
        let expected = [
            "..: InvalidInput",
            ": ",
            ": opened",
            "a/bl/c: ",
            "a/bl/c: opened",
            "a/bl: InvalidInput",
            "a/bl: c late",
            "a/bl: opened",
            "a: ",
            "a: opened",
            "file: NotADirectory",
            "l: late",
            "l: opened",
            "link: NotADirectory",
            "none: NotFound",
        ];
        assert_eq!(calls, expected);
    }
}
