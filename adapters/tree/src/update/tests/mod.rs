//! Batches of edits against a real directory, the memory that they share, and what is refused.

mod model;
mod one;

use std::fs;
use std::path::Path;

use treenail_hash::{Hash, Xxh128};
use treenail_os::Kind;

use super::*;
use crate::block::ENTRIES_MAX;
use crate::ids::{Blake3Ids, Xxh3Ids};
use crate::index::{INDEXED_ENTRIES_KEPT_MIN, INDEXED_ENTRIES_MIN};
use crate::scan::Scan;
use crate::view::{Counts, View};

fn stat(kind: Kind, seed: u64) -> Stat {
    Stat {
        kind,
        mode: if seed.is_multiple_of(3) { 0o755 } else { 0o644 },
        size_bytes: seed,
        mtime_ns: 1,
        ctime_ns: 2,
        inode: seed,
        device: 7,
        nlink: 1,
        uid: 1_000,
        gid: 1_000,
    }
}

fn empty_tree() -> Tree {
    let mut tree = Tree::empty(stat(Kind::Directory, 1), 0);
    tree.add_column::<Xxh3Ids>();
    tree.add_column::<Blake3Ids>();
    tree
}

fn ids_of(content: u64) -> ([u8; 16], [u8; 32]) {
    let bytes = content.to_le_bytes();
    (Xxh128::hash(&bytes), treenail_hash::Blake3::hash(&bytes))
}

fn put_file(tree: &mut Tree, at: Place<'_>, seed: u64) -> Outcome {
    let (xxh3, blake3) = ids_of(seed);
    let known = [(IdKind::XXH3, &xxh3[..]), (IdKind::BLAKE3, &blake3[..])];
    put(tree, at, stat(Kind::File, seed), Ids::Known(&known))
}

fn put(tree: &mut Tree, at: Place<'_>, stat: Stat, ids: Ids<'_>) -> Outcome {
    tree.apply([Edit::Put { at, stat, ids }]).outcomes[0]
}

fn put_dir(tree: &mut Tree, at: Place<'_>) -> DirId {
    match put(tree, at, stat(Kind::Directory, 1), Ids::Unchanged) {
        Outcome::Added(Some(dir)) => dir,
        other => panic!("{other:?}"),
    }
}

fn digests(tree: &Tree) -> Vec<Option<Vec<u8>>> {
    tree.id_kinds().map(|kind| tree.view(Some(kind)).root_digest().map(<[u8]>::to_vec)).collect()
}

/// A path, and all that each column shows of it.
type Shown = (Vec<u8>, Stat, Vec<Option<Vec<u8>>>);

/// Everything that a tree shows.
fn contents(tree: &Tree) -> Vec<Shown> {
    let views: Vec<_> = tree.id_kinds().map(|kind| tree.view(Some(kind))).collect();
    let mut found = Vec::new();
    let mut dirs = vec![DirId::ROOT];
    while let Some(dir) = dirs.pop() {
        for entry in tree.view(None).entries(dir) {
            let mut path = tree.path_of(dir).unwrap();
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(entry.name);
            assert_eq!(tree.lookup(&path), Some(entry));
            let id =
                |view: &crate::TreeView<'_>| view.lookup(&path).unwrap().id.map(<[u8]>::to_vec);
            found.push((path.clone(), entry.stat, views.iter().map(id).collect()));
            dirs.extend(entry.child);
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

#[test]
fn edits_end_as_a_scan_of_the_directory_does() {
    let temporary = tempfile::tempdir().unwrap();
    let root = temporary.path();
    fs::create_dir_all(root.join("a/b/c")).unwrap();
    fs::create_dir(root.join("gone")).unwrap();
    fs::write(root.join("gone/x"), "x").unwrap();
    (0..700).for_each(|i| fs::write(root.join(format!("a/b/{i:04}")), [i as u8]).unwrap());
    let scan = |root: &Path| Scan::new().threads(2).run(root, Some(IdKind::BLAKE3)).unwrap().tree;
    let mut tree = scan(root);

    fs::rename(root.join("a/b"), root.join("moved")).unwrap();
    fs::remove_dir_all(root.join("gone")).unwrap();
    fs::write(root.join("gone"), "now a file").unwrap();
    fs::create_dir(root.join("new")).unwrap();
    fs::write(root.join("new/file"), "hello").unwrap();
    (0..700).step_by(3).for_each(|i| fs::remove_file(root.join(format!("moved/{i:04}"))).unwrap());
    (300..900).for_each(|i| fs::write(root.join(format!("moved/{i:04}-")), "twice").unwrap());
    let goal = scan(root);

    let (a, b) = (tree.dir_at(b"a").unwrap(), tree.dir_at(b"a/b").unwrap());
    let names = |dir: &[u8]| -> Vec<Vec<u8>> {
        let dir = goal.dir_at(dir).unwrap();
        goal.view(None).entries(dir).map(|entry| entry.name.to_vec()).collect()
    };
    tree.apply([Edit::Move { from: (a, b"b"), to: (DirId::ROOT, b"moved") }]);
    for i in (0..700).step_by(3) {
        tree.apply([Edit::Remove { at: (b, format!("{i:04}").as_bytes()) }]);
    }
    let goal_view = goal.view(Some(IdKind::BLAKE3));
    for (dir, path) in [(DirId::ROOT, &b""[..]), (a, b"a"), (b, b"moved"), (DirId::ROOT, b"new")] {
        let dir = if path == b"new" { tree.dir_at(b"new").unwrap() } else { dir };
        let from = goal.dir_at(path).unwrap();
        let names = names(path);
        let ids: Vec<_> = names
            .iter()
            .map(|name| {
                let entry = goal_view.entry(from, name).unwrap();
                let id = entry.id.filter(|_| entry.child.is_none());
                (entry.stat, id.map(|id| [(IdKind::BLAKE3, id)]))
            })
            .collect();
        tree.apply(names.iter().zip(&ids).map(|(name, (stat, id))| {
            let ids = id.as_ref().map_or(Ids::Unchanged, |id| Ids::Known(id));
            Edit::Put { at: (dir, name), stat: *stat, ids }
        }));
    }
    assert_eq!(tree.dir_at(b"moved"), Some(b));
    assert_eq!(contents(&tree), contents(&goal));
    assert_eq!(tree.counts(), goal.counts());
    assert_eq!(digests(&tree), digests(&goal));
    assert!(digests(&tree)[0].is_some());
}

fn numbered(count: u32) -> Tree {
    let mut tree = empty_tree();
    let names: Vec<String> = (0..count).map(|i| format!("{i:07}")).collect();
    tree.apply(names.iter().map(|name| Edit::Put {
        at: (DirId::ROOT, name.as_bytes()),
        stat: stat(Kind::Fifo, 1),
        ids: Ids::Unchanged,
    }));
    tree
}

fn blocks(tree: &Tree) -> &[crate::block::Block] {
    tree.dirs.get(DirId::ROOT).unwrap().leaves.as_slice()
}

fn not_shared(before: &Tree, after: &Tree) -> usize {
    let shared = |block: &&crate::block::Block| {
        blocks(before).iter().any(|other| other.is_shared_with(block))
    };
    blocks(after).iter().filter(|block| !shared(block)).count()
}

#[test]
fn a_change_among_many_entries_rebuilds_one_block() {
    let mut tree = numbered(100_000);
    let before = tree.clone();
    put_file(&mut tree, (DirId::ROOT, b"0050000"), 5);
    assert_eq!(blocks(&tree).len(), blocks(&before).len());
    let differ = blocks(&tree).iter().zip(blocks(&before)).filter(|(a, b)| !a.is_shared_with(b));
    assert_eq!(differ.count(), 1);
    for (new, old) in tree.columns.iter().zip(&before.columns) {
        let ids = |column: &Column| column.ids(DirId::ROOT, &[]);
        let (new, old) = (ids(new), ids(old));
        let differ =
            new.as_slice().iter().zip(old.as_slice()).filter(|(a, b)| !a.is_shared_with(b));
        assert_eq!(differ.count(), 1);
    }
}

#[test]
fn an_id_that_comes_in_leaves_the_structure_and_other_columns_alone() {
    let mut tree = numbered(1_000);
    put(&mut tree, (DirId::ROOT, b"0000500"), stat(Kind::File, 5), Ids::Unchanged);
    assert_eq!(digests(&tree), [None, None]);
    let before = tree.clone();
    let known = [(IdKind::XXH3, &[9; 16][..])];
    let at = (DirId::ROOT, &b"0000500"[..]);
    let outcome = put(&mut tree, at, stat(Kind::File, 5), Ids::Known(&known));
    assert_eq!(outcome, Outcome::Changed(None));
    assert_eq!(not_shared(&before, &tree), 0);
    let blake3 = |tree: &Tree| tree.columns[1].ids(DirId::ROOT, &[]).as_slice().to_vec();
    assert!(blake3(&tree).iter().zip(&blake3(&before)).all(|(a, b)| a.is_shared_with(b)));
    assert!(digests(&tree)[0].is_some());
    assert_eq!(digests(&tree)[1], None);
    let again = put(&mut tree, at, stat(Kind::File, 5), Ids::Known(&known));
    assert_eq!(again, Outcome::Unchanged(None));
    put(&mut tree, at, stat(Kind::File, 5), Ids::Dropped);
    assert_eq!(digests(&tree), [None, None]);
}

#[test]
fn blocks_split_when_full_and_join_when_small() {
    let mut tree = numbered(0);
    let names: Vec<String> = (0..2_000).map(|i| format!("{:07}", i * 7_919 % 2_000)).collect();
    for name in &names {
        put(&mut tree, (DirId::ROOT, name.as_bytes()), stat(Kind::Fifo, 1), Ids::Unchanged);
        assert!(blocks(&tree).iter().all(|block| block.len() <= ENTRIES_MAX));
    }
    assert!(blocks(&tree).len() <= 2 * 2_000 / ENTRIES_MAX + 1, "{}", blocks(&tree).len());
    for name in &names[..1_990] {
        tree.apply([Edit::Remove { at: (DirId::ROOT, name.as_bytes()) }]);
    }
    assert_eq!(blocks(&tree).len(), 1);
    assert_eq!(tree.counts().entries(), 10);
    for name in &names[1_990..] {
        tree.apply([Edit::Remove { at: (DirId::ROOT, name.as_bytes()) }]);
    }
    assert_eq!(digests(&tree), digests(&empty_tree()));
}

#[test]
fn names_too_long_for_one_block_are_spread_over_several() {
    let mut tree = empty_tree();
    let names: Vec<Vec<u8>> = (0..9_u8).map(|i| vec![b'a' + i; 30_000]).collect();
    for name in &names {
        put_file(&mut tree, (DirId::ROOT, name), 1);
    }
    assert_eq!(tree.counts().files, 9);
    assert!(names.iter().all(|name| tree.lookup(name).is_some()));
    assert!(blocks(&tree).len() >= 5);
}

#[test]
fn a_chain_of_20_000_directories_goes_at_once() {
    let mut tree = empty_tree();
    let nothing = digests(&tree);
    let first = put_dir(&mut tree, (DirId::ROOT, b"d"));
    let mut dir = first;
    // Without columns, lest each level digest all those above it.
    let columns = std::mem::take(&mut tree.columns);
    for _ in 1..20_000 {
        dir = put_dir(&mut tree, (dir, b"d"));
    }
    drop(columns);
    tree.add_column::<Xxh3Ids>();
    let path = vec![&b"d"[..]; 20_000].join(&b'/');
    assert_eq!(tree.path_of(dir), Some(path.clone()));
    assert_eq!(tree.dir_at(&path), Some(dir));
    let before = digests(&tree);
    put_file(&mut tree.clone(), (dir, b"x"), 1);
    let known = [(IdKind::XXH3, &[1; 16][..])];
    put(&mut tree, (dir, b"f"), stat(Kind::File, 1), Ids::Known(&known));
    assert_ne!(digests(&tree), before);
    let kept = tree.clone();
    let applied = tree.apply([Edit::Remove { at: (DirId::ROOT, b"d") }]);
    assert_eq!(applied.outcomes, [Outcome::Removed]);
    assert_eq!(applied.freed.len(), 20_000);
    assert_eq!((applied.freed[0], applied.freed[19_999]), (first, dir));
    assert_eq!(digests(&tree)[0], nothing[0]);
    assert_eq!(tree.counts(), Counts::default());
    assert_eq!(kept.path_of(dir), Some(path));
}

#[test]
fn a_freed_number_comes_back_with_another_generation_and_the_old_one_is_refused() {
    let mut tree = empty_tree();
    let old = put_dir(&mut tree, (DirId::ROOT, b"old"));
    put_file(&mut tree, (old, b"file"), 3);
    let before = tree.clone();
    tree.apply([Edit::Remove { at: (DirId::ROOT, b"old") }]);
    let new = put_dir(&mut tree, (DirId::ROOT, b"new"));
    assert_eq!(new, DirId { index: old.index, generation: old.generation + 1 });
    assert_eq!(tree.view(Some(IdKind::XXH3)).entries(new).count(), 0);
    let refused = Outcome::Refused(Refusal::NoDirectory);
    assert_eq!(put_file(&mut tree, (old, b"file"), 3), refused);
    assert_eq!(before.path_of(old), Some(b"old".to_vec()));
    assert_eq!(before.path_of(new), None);
}

#[test]
fn a_moved_directory_keeps_its_number_its_ids_and_its_digest() {
    let mut tree = empty_tree();
    let (a, b) = (put_dir(&mut tree, (DirId::ROOT, b"a")), put_dir(&mut tree, (DirId::ROOT, b"b")));
    let inner = put_dir(&mut tree, (a, b"inner"));
    put_file(&mut tree, (inner, b"file"), 3);
    let view = |tree: &Tree, path: &[u8]| {
        tree.view(Some(IdKind::BLAKE3)).lookup(path).unwrap().id.map(<[u8]>::to_vec)
    };
    let digest = view(&tree, b"a/inner");
    assert!(digest.is_some());
    let into_itself = tree.apply([
        Edit::Move { from: (DirId::ROOT, b"a"), to: (inner, b"a") },
        Edit::Move { from: (DirId::ROOT, b"a"), to: (a, b"a") },
    ]);
    assert_eq!(into_itself.outcomes, [Outcome::Refused(Refusal::IntoItself); 2]);
    let moved = tree.apply([Edit::Move { from: (a, b"inner"), to: (b, b"other") }]);
    assert_eq!(moved, Applied { outcomes: vec![Outcome::Moved], freed: vec![] });
    assert_eq!(tree.dir_at(b"b/other"), Some(inner));
    assert_eq!(tree.parent(inner), Some(b));
    assert_eq!(view(&tree, b"b/other"), digest);
    // Onto the directory that it is in: the rest of that directory goes.
    let moved = tree.apply([Edit::Move { from: (b, b"other"), to: (DirId::ROOT, b"b") }]);
    assert_eq!(moved, Applied { outcomes: vec![Outcome::Moved], freed: vec![b] });
    assert_eq!(tree.dir_at(b"b"), Some(inner));
    assert_eq!((tree.counts().dirs, tree.counts().files), (2, 1));
    assert_eq!(view(&tree, b"b"), digest);
}

#[test]
fn edits_of_one_batch_see_those_before_them() {
    let mut tree = empty_tree();
    let (root, file) = (DirId::ROOT, stat(Kind::File, 3));
    let put = |name: &'static [u8], stat| Edit::Put { at: (root, name), stat, ids: Ids::Unchanged };
    let applied = tree.apply([
        put(b"a", file),
        put(b"a", file),
        put(b"a", stat(Kind::File, 4)),
        Edit::Move { from: (root, b"a"), to: (root, b"b") },
        Edit::Remove { at: (root, b"a") },
        Edit::Remove { at: (root, b"b") },
        put(b"b", stat(Kind::Directory, 1)),
    ]);
    let dir = DirId { index: 1, generation: 0 };
    assert_eq!(
        applied.outcomes,
        [
            Outcome::Added(None),
            Outcome::Unchanged(None),
            Outcome::Changed(None),
            Outcome::Moved,
            Outcome::Refused(Refusal::NoEntry),
            Outcome::Removed,
            Outcome::Added(Some(dir)),
        ]
    );
    assert_eq!((tree.counts().entries(), tree.counts().dirs), (1, 1));
}

#[test]
fn what_cannot_be_is_refused_and_changes_nothing() {
    let mut tree = empty_tree();
    for name in [&b""[..], b".", b"..", b"a/b", b"a\0", &[b'a'; 65_536]] {
        let refused = Outcome::Refused(Refusal::BadName);
        assert_eq!(put_file(&mut tree, (DirId::ROOT, name), 1), refused);
    }
    let at = (DirId::ROOT, &b"a"[..]);
    let short = [(IdKind::XXH3, &[0; 15][..])];
    let no_column = [(IdKind::GIT, &[0; 20][..])];
    for ids in [&short, &no_column] {
        let outcome = put(&mut tree, at, stat(Kind::File, 1), Ids::Known(ids));
        assert_eq!(outcome, Outcome::Refused(Refusal::BadId));
    }
    let fits = [(IdKind::XXH3, &[0; 16][..])];
    let outcome = put(&mut tree, at, stat(Kind::Directory, 1), Ids::Known(&fits));
    assert_eq!(outcome, Outcome::Refused(Refusal::BadId));
    assert_eq!(tree.counts(), Counts::default());
    assert_eq!(digests(&tree), digests(&empty_tree()));
}

#[test]
fn a_directory_that_is_not_completely_listed_has_no_digest() {
    let mut tree = empty_tree();
    let whole = digests(&tree);
    let dir = put_dir(&mut tree, (DirId::ROOT, b"d"));
    let listed = digests(&tree);
    for listing in [Listing::Partial, Listing::Unlisted] {
        let applied = tree.apply([Edit::List { dir, listing }]);
        assert_eq!(applied.outcomes, [Outcome::Changed(Some(dir))]);
        assert_eq!(tree.view(None).is_listed(dir), listing == Listing::Partial);
        assert_eq!(digests(&tree), [None, None]);
    }
    tree.apply([Edit::List { dir, listing: Listing::Complete }]);
    assert_eq!(digests(&tree), listed);
    tree.apply([Edit::Remove { at: (DirId::ROOT, b"d") }]);
    assert_eq!(digests(&tree), whole);
}

#[test]
fn many_directories_put_at_once_are_found_and_digested() {
    let mut tree = empty_tree();
    let names: Vec<String> = (0..5_000).map(|i| format!("{i:05}")).collect();
    let dir = stat(Kind::Directory, 1);
    let applied = tree.apply(names.iter().map(|name| Edit::Put {
        at: (DirId::ROOT, name.as_bytes()),
        stat: dir,
        ids: Ids::Unchanged,
    }));
    let numbers: Vec<DirId> = applied
        .outcomes
        .iter()
        .map(|outcome| match outcome {
            Outcome::Added(Some(dir)) => *dir,
            other => panic!("{other:?}"),
        })
        .collect();
    let near: Vec<u32> = blocks(&tree)
        .iter()
        .zip(0..)
        .flat_map(|(block, at)| block.children().map(move |_| at))
        .collect();
    assert!(numbers.iter().map(|dir| tree.dirs.get(*dir).unwrap().near).eq(near));
    for (name, dir) in names.iter().zip(&numbers) {
        assert_eq!(tree.path_of(*dir), Some(name.clone().into_bytes()));
    }
    assert!(digests(&tree)[0].is_some());
    let file = stat(Kind::Fifo, 1);
    let fill = |dirs: &[DirId], tree: &mut Tree| {
        tree.apply(dirs.iter().map(|dir| Edit::Put {
            at: (*dir, b"f"),
            stat: file,
            ids: Ids::Unchanged,
        }));
    };
    let mut one_by_one = tree.clone();
    fill(&numbers, &mut tree);
    numbers.chunks(500).for_each(|some| fill(some, &mut one_by_one));
    assert_eq!(digests(&tree), digests(&one_by_one));
}

#[test]
fn a_large_directory_gets_an_index_at_its_first_change_and_loses_it_when_it_is_small() {
    let temporary = tempfile::tempdir().unwrap();
    let name = |i: usize| format!("{i:05}").into_bytes();
    for i in 0..INDEXED_ENTRIES_MIN {
        fs::write(temporary.path().join(format!("{i:05}")), [i as u8]).unwrap();
    }
    let scanned = Scan::new().run(temporary.path(), Some(IdKind::BLAKE3)).unwrap().tree;
    let mut tree = scanned.clone();
    let indexes = |tree: &Tree| tree.columns[0].indexes.len();
    let known = [(IdKind::BLAKE3, &[7; 32][..])];
    assert_eq!(indexes(&tree), 0);
    put(&mut tree, (DirId::ROOT, b"00001"), stat(Kind::File, 1), Ids::Known(&known));
    assert_eq!(indexes(&tree), 1);
    assert_ne!(digests(&tree), digests(&scanned));
    let before = tree.clone();
    put(&mut tree, (DirId::ROOT, b"00001"), stat(Kind::File, 2), Ids::Unchanged);
    assert_eq!(digests(&tree), [None]);
    put(&mut tree, (DirId::ROOT, b"00001"), stat(Kind::File, 2), Ids::Known(&known));
    assert_eq!(digests(&tree), digests(&before));
    // As it was on disk.
    let view = scanned.view(Some(IdKind::BLAKE3));
    let old = view.lookup(b"00001").unwrap();
    let known = [(IdKind::BLAKE3, old.id.unwrap())];
    put(&mut tree, (DirId::ROOT, b"00001"), old.stat, Ids::Known(&known));
    assert_eq!(indexes(&tree), 1);
    assert_eq!(digests(&tree), digests(&scanned));
    for i in INDEXED_ENTRIES_KEPT_MIN - 1..INDEXED_ENTRIES_MIN {
        tree.apply([Edit::Remove { at: (DirId::ROOT, &name(i)) }]);
    }
    assert_eq!((indexes(&tree), indexes(&before)), (0, 1));
}

#[test]
fn an_index_digests_as_the_whole_directory_does_while_it_grows_and_shrinks() {
    let mut tree = empty_tree();
    let names: Vec<String> = (0..300).map(|i| format!("{:04}", i * 7 % 300)).collect();
    let sizes = [300, 70, 64, 65, 60, 90, INDEXED_ENTRIES_KEPT_MIN, 41, 130, 0, 200];
    let mut present = 0;
    for size in sizes {
        while present != size {
            let grows = present < size;
            let step = present.abs_diff(size).min(9);
            let range = if grows { present..present + step } else { present - step..present };
            let stats: Vec<Stat> = range.clone().map(|i| stat(Kind::Fifo, i as u64)).collect();
            tree.apply(names[range.clone()].iter().zip(stats).map(|(name, stat)| {
                let at = (DirId::ROOT, name.as_bytes());
                if grows {
                    Edit::Put { at, stat, ids: Ids::Unchanged }
                } else {
                    Edit::Remove { at }
                }
            }));
            present = if grows { range.end } else { range.start };
            if present > 0 {
                let name = names[present / 2].as_bytes();
                put_file(&mut tree, (DirId::ROOT, name), present as u64);
            }
            model::check_digests(&tree);
        }
    }
    assert_eq!(tree.columns[0].indexes.len(), 1);
}
