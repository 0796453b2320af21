//! `docs/format/snapshot.md`: a file read by its tables alone, and damage of every sort.
#![cfg(unix)]

use std::fs;
use std::path::Path;

use treenail_hash::{Hash, Xxh128};
use treenail_tree::{
    DirId, Edit, ErrorKind, IdKind, Ids, Listing, Scan, Snapshot, Tree, View, diff,
};

fn sample() -> (tempfile::TempDir, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    fs::create_dir_all(root.join("b/deep/er")).unwrap();
    fs::create_dir(root.join("a")).unwrap();
    for i in 0..100 {
        fs::write(root.join("a").join(format!("{i:03}")), format!("content {i}")).unwrap();
    }
    fs::write(root.join("b/deep/er/file"), "x").unwrap();
    std::os::unix::fs::symlink("a", root.join("link")).unwrap();
    let bytes = save(&root, Some(IdKind::XXH3), &dir.path().join("snapshot"));
    (dir, bytes)
}

fn save(root: &Path, ids: Option<IdKind>, file: &Path) -> Vec<u8> {
    let scanned = Scan::new().run(root, ids).unwrap();
    scanned.tree.view(ids).save(file).unwrap();
    fs::read(file).unwrap()
}

struct Raw<'a>(&'a [u8]);

impl Raw<'_> {
    fn u32(&self, at: usize) -> usize {
        u32::from_le_bytes(self.0[at..at + 4].try_into().unwrap()) as usize
    }

    fn u64(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.0[at..at + 8].try_into().unwrap())
    }
}

#[test]
fn a_file_reads_by_the_tables_of_the_document() {
    let (dir, bytes) = sample();
    let raw = Raw(&bytes);
    assert_eq!(&bytes[..8], b"\x89TNSNAP\n");
    assert_eq!((raw.u32(8), raw.u32(12), raw.u64(16)), (1, 256, bytes.len() as u64));
    assert_eq!(raw.u64(24), 1 | 4);
    assert_eq!(&bytes[32..48], b"xxh3\0\0\0\0\0\0\0\0\0\0\0\0");
    assert_eq!((raw.u32(48), raw.u32(52)), (16, 16));
    let (dirs, entries, names, owners) = (raw.u32(64), raw.u32(68), raw.u32(72), raw.u32(76));
    assert_eq!((dirs, entries, owners), (5, 106, 1));
    assert_eq!([80, 88, 96, 104].map(|at| raw.u64(at)), [101, 4, 1, 0]);
    assert_eq!(Xxh128::hash(&bytes[256..]), bytes[208..224]);
    assert_eq!(Xxh128::hash(&bytes[..240]), bytes[240..256]);
    let mut at = 256;
    let mut section = |rows: usize, width: usize| {
        let start = at;
        at = (at + rows * width).next_multiple_of(8);
        start
    };
    let first = section(dirs + 1, 4);
    let parent = section(dirs, 4);
    let own = section(dirs, 4);
    let end = section(dirs, 4);
    let flags = section(dirs, 1);
    let size = section(entries, 8);
    let [_mtime, _ctime, inode] = [8; 3].map(|width| section(entries, width));
    let child = section(entries, 4);
    let [_owner, links, name_end] = [4; 3].map(|width| section(entries, width));
    let mode = section(entries, 2);
    let ids = section(entries, 16);
    let known = section(entries.div_ceil(8), 1);
    let owner_table = section(owners, 16);
    let names_at = section(names, 1);
    assert_eq!(at, bytes.len());
    // Pre-order: the root, a, b, b/deep, b/deep/er.
    let column =
        |at: usize, rows: usize| (0..rows).map(|i| raw.u32(at + 4 * i)).collect::<Vec<_>>();
    let none = u32::MAX as usize;
    assert_eq!(column(first, 6), [0, 3, 103, 104, 105, 106]);
    assert_eq!(column(parent, 5), [none, 0, 0, 2, 3]);
    assert_eq!(column(own, 5), [none, 0, 1, 103, 104]);
    assert_eq!(column(end, 5), [5, 2, 5, 5, 5]);
    assert_eq!(&bytes[flags..flags + 5], [1; 5]);
    let children: Vec<usize> = column(child, entries);
    assert_eq!((children[0], children[1], children[2], children[103]), (1, 2, none, 3));
    let name = |i: usize| {
        let start = if i == 0 { 0 } else { raw.u32(name_end + 4 * (i - 1)) };
        &bytes[names_at + start..names_at + raw.u32(name_end + 4 * i)]
    };
    assert_eq!(
        [name(0), name(1), name(2), name(3), name(102), name(105)],
        [&b"a"[..], b"b", b"link", b"000", b"099", b"file"]
    );
    let metadata = fs::metadata(dir.path().join("root/b/deep/er/file")).unwrap();
    use std::os::unix::fs::MetadataExt;
    assert_eq!(raw.u64(size + 8 * 105), 1);
    assert_eq!(raw.u64(inode + 8 * 105), metadata.ino());
    assert_eq!(raw.u64(owner_table), metadata.dev());
    assert_eq!(raw.u32(links + 4 * 105), 1);
    let mode_of = |i: usize| u16::from_le_bytes(bytes[mode + 2 * i..][..2].try_into().unwrap());
    assert_eq!((mode_of(105) >> 12, mode_of(0) >> 12, mode_of(2) >> 12), (0, 1, 2));
    assert_eq!(u32::from(mode_of(105) & 0o7777), metadata.mode() & 0o7777);
    assert_eq!(bytes[ids + 16 * 105..][..16], Xxh128::hash(b"x"));
    assert_eq!(bytes[ids + 16 * 2..][..16], Xxh128::hash(b"a"));
    assert!(bytes[known..known + 13].iter().all(|byte| *byte == 255));
    assert_eq!(bytes[known + 13], 0b11);
}

#[test]
fn a_snapshot_is_the_tree_that_was_saved() {
    let (dir, bytes) = sample();
    for ids in IdKind::BUILT_IN.map(Some).into_iter().chain([None]) {
        let scanned = Scan::new().run(&dir.path().join("root"), ids).unwrap();
        let file = dir.path().join("again");
        scanned.tree.view(ids).save(&file).unwrap();
        let snapshot = Snapshot::open(&file).unwrap();
        snapshot.verify().unwrap();
        let view = scanned.tree.view(ids);
        assert_eq!(snapshot.counts(), scanned.tree.counts());
        assert_eq!(snapshot.root_digest(), view.root_digest());
        assert_eq!(snapshot.ids(), ids);
        assert!(diff(&view, &snapshot, &file).unwrap().changes.is_empty());
        let mut dirs = vec![(view.root(), snapshot.root())];
        while let Some((a, b)) = dirs.pop() {
            let (a, b): (Vec<_>, Vec<_>) =
                (view.entries(a).collect(), snapshot.entries(b).collect());
            assert_eq!(a.len(), b.len());
            for (a, b) in a.iter().zip(&b) {
                assert_eq!((a.name, a.stat, a.id), (b.name, b.stat, b.id));
                dirs.extend(a.child.zip(b.child));
            }
        }
    }
    assert_eq!(fs::read(dir.path().join("snapshot")).unwrap(), bytes);
}

#[test]
fn every_flipped_bit_and_every_cut_is_found() {
    let (_dir, bytes) = sample();
    let check = |bytes: Vec<u8>| {
        Snapshot::from_bytes(bytes, Path::new("s")).and_then(|snapshot| snapshot.verify())
    };
    check(bytes.clone()).unwrap();
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        assert!(check(damaged).is_err(), "a flipped bit at {at} was not found");
    }
    for len in 0..bytes.len() {
        let error = check(bytes[..len].to_vec()).unwrap_err();
        let expected = if len < 8 { ErrorKind::NotASnapshot } else { ErrorKind::Truncated };
        assert_eq!(error.kind(), expected, "cut to {len} bytes");
    }
    let longer = [&bytes[..], b"\0"].concat();
    assert_eq!(check(longer).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn a_later_version_is_refused_by_name() {
    let (_dir, mut bytes) = sample();
    bytes[8] = 2;
    let error = Snapshot::from_bytes(bytes, Path::new("s")).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Newer);
    assert!(error.to_string().contains("version 2"), "{error}");
    assert!(error.remedy().is_some());
}

/// Sets both checksums, so that only the structure can be found wrong.
fn seal(bytes: &mut [u8]) {
    let body = Xxh128::hash(&bytes[256..]);
    bytes[208..224].copy_from_slice(&body);
    let header = Xxh128::hash(&bytes[..240]);
    bytes[240..256].copy_from_slice(&header);
}

#[test]
fn numbers_that_make_no_tree_are_found_though_the_checksums_are_right() {
    let (_dir, bytes) = sample();
    let mut found = 0;
    let structure = 256..256 + 24 * 5;
    for at in structure.clone() {
        for value in [0, 1, 2, 5, 103, 255] {
            let mut forged = bytes.clone();
            if forged[at] == value {
                continue;
            }
            forged[at] = value;
            seal(&mut forged);
            let snapshot = Snapshot::from_bytes(forged, Path::new("s")).unwrap();
            if snapshot.verify().is_err() {
                found += 1;
            }
            // Not verified, it still must not panic or loop in constant-size questions.
            for dir in [0, 1, 4, 5, u32::MAX] {
                _ = snapshot.is_listed(dir);
                assert!(snapshot.entries(dir).take(1_000).count() <= 1_000);
            }
        }
    }
    assert!(found > 300, "only {found} forgeries were found");
}

#[test]
fn names_and_counts_that_no_tree_can_have_do_no_harm() {
    let (_dir, bytes) = sample();
    // The header's counts are not believed: a tree counts down what it removes.
    let mut forged = bytes.clone();
    forged[80..120].fill(0);
    seal(&mut forged);
    let snapshot = Snapshot::from_bytes(forged, Path::new("s")).unwrap();
    let mut tree = snapshot.to_tree().unwrap();
    assert_eq!(tree.counts().files, 101);
    tree.apply([Edit::Remove { at: (DirId::ROOT, b"a") }]);
    assert_eq!(tree.counts().files, 1);
    // One directory, one entry, whose name is too long for a block.
    let names = 70_000;
    let mut long = vec![0; 256];
    long[..120].copy_from_slice(&bytes[..120]);
    long[24..56].fill(0);
    for (at, count) in [(64, 1_u32), (68, 1), (72, names), (76, 1)] {
        long[at..at + 4].copy_from_slice(&count.to_le_bytes());
    }
    let none = u32::MAX;
    let columns = [[0, 1], [none, 0], [none, 0], [1, 0], [1, 0]];
    long.extend(columns.as_flattened().iter().flat_map(|number| number.to_le_bytes()));
    long.extend([0; 32]);
    let row = [[none, 0], [0, 0], [1, 0], [names, 0], [0, 0], [0, 0], [0, 0]];
    long.extend(row.as_flattened().iter().flat_map(|number| number.to_le_bytes()));
    long.resize(long.len() + names as usize, b'n');
    let len = long.len() as u64;
    long[16..24].copy_from_slice(&len.to_le_bytes());
    seal(&mut long);
    let error = Snapshot::from_bytes(long, Path::new("s")).unwrap().to_tree().err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("longer"), "{error}");
}

#[test]
fn a_restored_tree_is_the_tree_that_was_saved() {
    let (dir, _) = sample();
    let root = dir.path().join("root");
    fs::create_dir(root.join("many")).unwrap();
    (0..700).for_each(|i| fs::create_dir(root.join(format!("many/{i}"))).unwrap());
    for ids in IdKind::BUILT_IN.map(Some).into_iter().chain([None]) {
        let tree = Scan::new().gitignore(true).run(&root, ids).unwrap().tree;
        let file = dir.path().join("snapshot");
        tree.view(ids).save(&file).unwrap();
        let back = Snapshot::open(&file).unwrap().to_tree().unwrap();
        assert!(diff(&tree.view(ids), &back.view(ids), &file).unwrap().changes.is_empty());
        assert_eq!(back.counts(), tree.counts());
        assert_eq!(back.root_stat(), tree.root_stat());
        assert_eq!(back.view(None).taken_ns(), tree.view(None).taken_ns());
        assert_eq!(back.id_kinds().collect::<Vec<_>>(), ids.into_iter().collect::<Vec<_>>());
        for path in [&b"many/77"[..], b"b/deep/er", b"a"] {
            let dir = back.dir_at(path).unwrap();
            assert_eq!(back.path_of(dir).as_deref(), Some(path));
            assert_eq!(back.listing(dir), Some(Listing::Complete));
        }
        let again = dir.path().join("again");
        back.view(ids).save(&again).unwrap();
        assert_eq!(fs::read(&again).unwrap(), fs::read(&file).unwrap());
    }
}

#[test]
fn how_much_was_listed_is_kept() {
    let (dir, _) = sample();
    let mut tree = Scan::new().run(&dir.path().join("root"), Some(IdKind::XXH3)).unwrap().tree;
    let at = |tree: &Tree, path: &[u8]| tree.dir_at(path).unwrap();
    let empty =
        Edit::Put { at: (DirId::ROOT, b"closed"), stat: tree.root_stat(), ids: Ids::Unchanged };
    tree.apply([empty]);
    let states = [
        (&b"closed"[..], Listing::Unlisted, Listing::Unlisted),
        (b"a", Listing::Partial, Listing::Partial),
        // Listed once, and closed since.
        (b"b", Listing::Unlisted, Listing::Partial),
        (b"b/deep", Listing::Complete, Listing::Complete),
    ];
    for (path, listing, _) in states {
        tree.apply([Edit::List { dir: at(&tree, path), listing }]);
    }
    let file = dir.path().join("states");
    tree.view(Some(IdKind::XXH3)).save(&file).unwrap();
    let back = Snapshot::open(&file).unwrap().to_tree().unwrap();
    for (path, _, expected) in states {
        assert_eq!(back.listing(at(&back, path)), Some(expected), "{path:?}");
    }
    let ids = |tree: &Tree| {
        let id = |path: &[u8]| {
            tree.view(Some(IdKind::XXH3)).lookup(path).unwrap().id.map(<[u8]>::to_vec)
        };
        [&b"closed"[..], b"a", b"b", b"b/deep"].map(id)
    };
    assert_eq!(ids(&back), ids(&tree));
}

#[test]
fn ids_of_different_kinds_are_not_compared() {
    let (dir, _) = sample();
    let root = dir.path().join("root");
    let (a, b) = (dir.path().join("x"), dir.path().join("b3"));
    save(&root, Some(IdKind::XXH3), &a);
    save(&root, Some(IdKind::BLAKE3), &b);
    let (a, b) = (Snapshot::open(&a).unwrap(), Snapshot::open(&b).unwrap());
    assert_eq!(diff(&a, &b, b.path()).unwrap_err().kind(), ErrorKind::IdsDiffer);
}
