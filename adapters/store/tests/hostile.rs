//! Files that somebody has changed: whatever they are, errors and no panic, and never a record
//! that was not written.

mod support;

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use support::{kind, payloads, small};
use treenail_store::disk::OsDisk;
use treenail_store::{Log, Reader, Recovery, Salvage, Salvaged};

/// Three segments, two checkpoints, and records of their own content.
fn make(path: &Path) -> HashSet<Vec<u8>> {
    let mut written = HashSet::new();
    for opening in 0..2_u8 {
        let (log, _) = Log::open(path, &small()).expect("opened");
        for number in 0..40_u8 {
            let payload = [opening, number, 7].repeat(100 + usize::from(number) * 20);
            log.write(kind(), &payload).expect("written");
            written.insert(payload);
        }
        log.close().expect("closed");
    }
    written
}

/// What is done to one of the files, chosen by number.
#[derive(Debug, Clone)]
enum Change {
    Byte {
        at: prop::sample::Index,
        to: u8,
    },
    /// In the header's block or the first records, where it matters more.
    EarlyByte {
        at: prop::sample::Index,
        to: u8,
    },
    Number {
        at: prop::sample::Index,
        to: u64,
    },
    Cut {
        at: prop::sample::Index,
    },
    Zeros {
        at: prop::sample::Index,
        length: usize,
    },
    CopyOf {
        other: prop::sample::Index,
    },
    Remove,
}

fn change() -> impl Strategy<Value = Change> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        (index(), any::<u8>()).prop_map(|(at, to)| Change::Byte { at, to }),
        (index(), any::<u8>()).prop_map(|(at, to)| Change::EarlyByte { at, to }),
        (index(), any::<u64>()).prop_map(|(at, to)| Change::Number { at, to }),
        index().prop_map(|at| Change::Cut { at }),
        (index(), 1..5000_usize).prop_map(|(at, length)| Change::Zeros { at, length }),
        index().prop_map(|other| Change::CopyOf { other }),
        Just(Change::Remove),
    ]
}

fn apply(path: &Path, file: prop::sample::Index, change: &Change) {
    let mut names: Vec<_> = fs::read_dir(path)
        .expect("a listing")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| !path.ends_with("lock"))
        .collect();
    names.sort();
    if names.is_empty() {
        return;
    }
    let path = &names[file.index(names.len())];
    let mut bytes = fs::read(path).expect("a file");
    if bytes.len() < 80 {
        return;
    }
    match change {
        Change::Byte { at, to } => {
            let at = at.index(bytes.len());
            bytes[at] = *to;
        }
        Change::EarlyByte { at, to } => {
            let at = at.index(bytes.len().min(64));
            bytes[at] = *to;
        }
        Change::Number { at, to } => {
            let at = at.index(9) * 8;
            bytes[at..at + 8].copy_from_slice(&to.to_le_bytes());
        }
        Change::Cut { at } => bytes.truncate(at.index(bytes.len())),
        Change::Zeros { at, length } => {
            let at = at.index(bytes.len());
            let end = bytes.len().min(at + length);
            bytes[at..end].fill(0);
        }
        Change::CopyOf { other } => {
            bytes = fs::read(&names[other.index(names.len())]).expect("a file");
        }
        Change::Remove => return fs::remove_file(path).expect("removed"),
    }
    fs::write(path, bytes).expect("written");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_changed_log_is_read_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), change()), 1..4),
    ) {
        let dir = tempfile::tempdir().expect("a directory");
        let written = make(dir.path());
        for (file, change) in &changes {
            apply(dir.path(), *file, change);
        }
        let disk = || OsDisk::open(dir.path()).expect("opened");
        for found in Salvage::new(&disk()).expect("opened") {
            if let Salvaged::Record { payload, .. } = found {
                prop_assert!(written.contains(&payload), "salvaged what was never written");
            }
        }
        if let Ok((mut reader, _)) = Reader::open(disk()) {
            while let Ok(Some(record)) = reader.next() {
                prop_assert!(written.contains(record.payload), "read what was never written");
            }
        }
        let inspected = Recovery::inspect(&disk());
        if let Ok((log, recovery)) = Log::open(dir.path(), &small()) {
            if let Ok(inspected) = inspected {
                prop_assert_eq!(inspected.end(), recovery.end());
            }
            for payload in payloads(&log, recovery.checkpoint.lsn) {
                prop_assert!(written.contains(&payload), "recovered what was never written");
            }
            log.write(kind(), b"and on").expect("written");
        }
    }
}
