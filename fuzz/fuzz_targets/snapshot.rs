//! A snapshot of any bytes, with right checksums: it is refused, or it reads to its end as a tree.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use treenail_hash::{Hash, Xxh128};
use treenail_tree::{DirId, Edit, Listing, Outcome, Snapshot, View, diff};

const HEADER: usize = 256;

fuzz_target!(|input: &[u8]| {
    let path = Path::new("fuzzed");
    // As it came: damage of any sort must be an error.
    if let Ok(snapshot) = Snapshot::from_bytes(input.to_vec(), path) {
        _ = snapshot.verify();
        _ = snapshot.to_tree();
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
        assert!(snapshot.to_tree().is_err(), "what is damaged is not restored");
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
    restore(&snapshot, entries);
});

/// The snapshot as a tree in memory: the same entries, and it can be taken apart.
fn restore(snapshot: &Snapshot, entries: u64) {
    let mut tree = snapshot.to_tree().expect("verified");
    assert_eq!(tree.counts().entries(), entries);
    let mut names = Vec::new();
    let mut dirs = vec![(snapshot.root(), DirId::ROOT)];
    while let Some((old, new)) = dirs.pop() {
        assert_eq!(snapshot.is_listed(old), tree.listing(new) != Some(Listing::Unlisted));
        let view = tree.view(snapshot.ids());
        let mut found = view.entries(new);
        for entry in snapshot.entries(old) {
            let same = found.next().expect("as many entries");
            assert_eq!((entry.name, entry.id), (same.name, same.id));
            let mut stat = entry.stat;
            if same.child.is_some() {
                // It is not kept.
                stat.nlink = same.stat.nlink;
            }
            assert_eq!(stat, same.stat);
            assert_eq!(view.entry(new, entry.name), Some(same));
            dirs.extend(entry.child.zip(same.child));
            if old == snapshot.root() {
                names.push(entry.name.to_vec());
            }
        }
        assert!(found.next().is_none());
    }
    for name in &names {
        let applied = tree.apply([Edit::Remove { at: (DirId::ROOT, name) }]);
        assert_eq!(applied.outcomes, [Outcome::Removed]);
    }
    assert_eq!(tree.counts().entries(), 0);
}
