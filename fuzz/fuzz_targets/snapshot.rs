//! A snapshot of any bytes, with right checksums: it is refused, or it reads to its end as a tree.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use treenail_hash::{Hash, Xxh128};
use treenail_tree::{Snapshot, View, diff};

const HEADER: usize = 256;

fuzz_target!(|input: &[u8]| {
    let path = Path::new("fuzzed");
    // As it came: damage of any sort must be an error.
    if let Ok(snapshot) = Snapshot::from_bytes(input.to_vec(), path) {
        _ = snapshot.verify();
        _ = snapshot.entries(snapshot.root()).take(100).count();
    }
    // With checksums and length set right: only the structure can be wrong.
    let mut bytes = input.to_vec();
    if bytes.len() < HEADER {
        return;
    }
    bytes[..8].copy_from_slice(b"\x89TNSNAP\n");
    bytes[8..12].copy_from_slice(&1_u32.to_le_bytes());
    let len = bytes.len() as u64;
    bytes[16..24].copy_from_slice(&len.to_le_bytes());
    let body = Xxh128::hash(&bytes[HEADER..]);
    bytes[208..224].copy_from_slice(&body);
    let header = Xxh128::hash(&bytes[..240]);
    bytes[240..256].copy_from_slice(&header);
    let Ok(snapshot) = Snapshot::from_bytes(bytes, path) else { return };
    if snapshot.verify().is_err() {
        return;
    }
    let mut entries = 0;
    let mut dirs = vec![snapshot.root()];
    while let Some(dir) = dirs.pop() {
        for entry in snapshot.entries(dir) {
            entries += 1;
            assert!(!entry.name.is_empty());
            dirs.extend(entry.child);
        }
    }
    assert!(entries <= len, "a verified snapshot is a tree");
    let found = diff(&snapshot, &snapshot, path).expect("equal kinds of ids");
    assert!(found.changes.is_empty(), "a tree differs from itself");
});
