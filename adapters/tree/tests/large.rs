//! Ids of large files: computed in all ways, after any history, they are one.

use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use proptest::prelude::*;
use treenail_os::Stat;
use treenail_tree::{BlockIds, ContentId, IdKind, LargeFiles, Scan, WHOLE_BYTES_MAX};

const MIB: usize = 1 << 20;

fn content(length: usize, seed: u32) -> Vec<u8> {
    (0..length as u32).map(|i| ((i ^ seed).wrapping_mul(0x9e37_79b9) >> 23) as u8).collect()
}

/// The id as a scan computes it.
fn id_of(content: &[u8]) -> [u8; 16] {
    let mut stream = BlockIds::begin(content.len() as u64);
    content.chunks(77_777).for_each(|piece| BlockIds::update(&mut stream, piece));
    BlockIds::finish(stream).unwrap()
}

fn open(path: &Path) -> File {
    File::open(path).unwrap()
}

fn write_at(path: &Path, offset: usize, bytes: &[u8]) {
    let mut file = OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(offset as u64)).unwrap();
    file.write_all(bytes).unwrap();
}

#[test]
fn scanned_streamed_read_and_updated_ids_are_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let files = LargeFiles::new(MIB);
    for size in [0, 5, MIB - 1, MIB, MIB + 1, 2 * MIB, 5 * MIB + 4095] {
        let path = dir.path().join(format!("{size}"));
        let mut bytes = content(size, 1);
        fs::write(&path, &bytes).unwrap();
        let expected = id_of(&bytes);
        let mut many = Vec::new();
        BlockIds::many(&[b"x", &bytes], &mut many);
        assert_eq!(many[1], Ok(expected));
        let found = files.identify(&open(&path), size).unwrap();
        assert_eq!((found.id, found.changed, found.was_bytes), (expected, None, None));
        assert_eq!(found.stat, Stat::from_metadata(&path.metadata().unwrap()));
        assert_eq!(files.knows(&size), size as u64 > WHOLE_BYTES_MAX);
        if size > MIB {
            write_at(&path, 500_000, b"changed");
            bytes[500_000..500_007].copy_from_slice(b"changed");
            let found = files.update_range(&open(&path), size, 500_000..500_007).unwrap();
            assert_eq!(found.id, id_of(&bytes));
            let block = 499_712..503_808;
            assert_eq!(found.changed, Some(vec![block]));
            assert_eq!(found.was_bytes, Some(size as u64));
        }
        let tree = Scan::new().run(dir.path(), Some(IdKind::BLOCKS)).unwrap().tree;
        let view = tree.view(Some(IdKind::BLOCKS));
        let id = view.lookup(format!("{size}").as_bytes()).unwrap().id.map(<[u8]>::to_vec);
        assert_eq!(id, Some(id_of(&bytes).to_vec()));
    }
}

#[test]
fn only_the_range_that_is_named_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    let mut bytes = content(3 * MIB, 1);
    fs::write(&path, &bytes).unwrap();
    let files = LargeFiles::new(MIB);
    files.identify(&open(&path), ()).unwrap();
    // Two changes, of which one is kept from it.
    write_at(&path, 100, b"unseen");
    write_at(&path, 2 * MIB, b"seen");
    bytes[2 * MIB..2 * MIB + 4].copy_from_slice(b"seen");
    let range = 2 * MIB as u64..2 * MIB as u64 + 4;
    let found = files.update_range(&open(&path), (), range).unwrap();
    assert_eq!(found.id, id_of(&bytes), "the caller vouches for the rest");
    bytes[100..106].copy_from_slice(b"unseen");
    let found = files.identify(&open(&path), ()).unwrap();
    let first = 0..4096;
    assert_eq!((found.id, found.changed), (id_of(&bytes), Some(vec![first])));
    // Of a file that is not known all is read.
    let found = LargeFiles::new(MIB).update_range(&open(&path), (), 5..6).unwrap();
    assert_eq!((found.id, found.changed), (id_of(&bytes), None));
}

#[test]
fn memory_is_bounded_and_what_was_used_last_stays() {
    let dir = tempfile::tempdir().unwrap();
    // Each takes the digests of 4 MiB, some 17 KiB.
    let files = LargeFiles::new(60_000);
    let paths: Vec<_> = (0..6).map(|i| dir.path().join(format!("{i}"))).collect();
    for (i, path) in paths.iter().enumerate() {
        fs::write(path, content(2 * MIB, i as u32)).unwrap();
        files.identify(&open(path), i).unwrap();
        files.identify(&open(&paths[0]), 0).unwrap();
        assert!(files.memory_bytes() <= 60_000);
    }
    let known: Vec<usize> = (0..6).filter(|i| files.knows(i)).collect();
    assert_eq!(known, [0, 4, 5]);
    // One that is too large for all of it is identified and drives nobody out.
    let huge = dir.path().join("huge");
    let bytes = content(20 * MIB, 9);
    fs::write(&huge, &bytes).unwrap();
    let found = files.identify(&open(&huge), 99).unwrap();
    assert_eq!((found.id, found.changed), (id_of(&bytes), None));
    assert!(!files.knows(&99) && files.knows(&0) && files.knows(&4));
    (0..6).for_each(|i| files.forget(&i));
    assert_eq!(files.memory_bytes(), 0);
}

#[test]
fn a_file_that_gets_small_is_forgotten_and_a_directory_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, content(2 * MIB, 1)).unwrap();
    let files = LargeFiles::new(MIB);
    files.identify(&open(&path), 1).unwrap();
    fs::write(&path, "small").unwrap();
    let found = files.update_range(&open(&path), 1, 0..5).unwrap();
    assert_eq!((found.id, found.changed), (id_of(b"small"), None));
    assert_eq!(found.was_bytes, Some(2 * MIB as u64));
    assert!(!files.knows(&1));
    let error = files.identify(&open(dir.path()), 2).err().unwrap();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_does_not_say_its_length_gets_no_id() {
    let files = LargeFiles::new(MIB);
    let error = files.identify(&open("/proc/self/status".as_ref()), 1).err().unwrap();
    assert!(error.to_string().contains("chang"), "{error}");
}

#[derive(Clone, Debug)]
enum Step {
    Write { at: usize, length: usize, seed: u32 },
    Resize { to: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let end = 3 * MIB;
    prop_oneof![
        3 => (0..end, 1..20_000_usize, any::<u32>())
            .prop_map(|(at, length, seed)| Step::Write { at, length, seed }),
        1 => (0..end, 200_000..900_000_usize, any::<u32>())
            .prop_map(|(at, length, seed)| Step::Write { at, length, seed }),
        1 => (900_000..end).prop_map(|to| Step::Resize { to }),
        1 => (200..700_usize).prop_map(|blocks| Step::Resize { to: blocks * 4096 }),
    ]
}

/// The blocks that differ, as ranges of bytes.
fn differing(old: &[u8], new: &[u8]) -> Vec<std::ops::Range<u64>> {
    let mut ranges: Vec<std::ops::Range<u64>> = Vec::new();
    for (i, block) in new.chunks(4096).enumerate() {
        let same = old.chunks(4096).nth(i) == Some(block);
        let (start, end) = (i as u64 * 4096, (i * 4096 + block.len()) as u64);
        match ranges.last_mut() {
            _ if same => {}
            Some(last) if last.end == start => last.end = end,
            _ => ranges.push(start..end),
        }
    }
    ranges
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn after_any_history_the_id_is_that_of_the_content(
        first in 900_000..3 * MIB,
        steps in prop::collection::vec((step(), any::<bool>()), 1..12),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let mut bytes = content(first, 7);
        fs::write(&path, &bytes).unwrap();
        let files = LargeFiles::new(16 * MIB);
        files.identify(&open(&path), ()).unwrap();
        for (step, is_named) in steps {
            let before = bytes.clone();
            let was_kept = files.knows(&());
            let written = match step {
                Step::Write { at, length, seed } => {
                    let at = at.min(bytes.len());
                    let new = content(length, seed);
                    bytes.resize(bytes.len().max(at + length), 0);
                    bytes[at..at + length].copy_from_slice(&new);
                    write_at(&path, at, &new);
                    at as u64..(at + length) as u64
                }
                Step::Resize { to } => {
                    bytes.resize(to, 0);
                    OpenOptions::new().write(true).open(&path).unwrap().set_len(to as u64).unwrap();
                    0..0
                }
            };
            let file = open(&path);
            let found = match is_named {
                true => files.update_range(&file, (), written).unwrap(),
                false => files.identify(&file, ()).unwrap(),
            };
            prop_assert_eq!(found.id, id_of(&bytes));
            if was_kept && bytes.len() > MIB {
                prop_assert_eq!(found.changed, Some(differing(&before, &bytes)));
                prop_assert_eq!(found.was_bytes, Some(before.len() as u64));
            }
        }
    }
}
