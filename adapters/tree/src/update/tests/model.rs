//! Random batches, mirrored on a map from paths to entries.

use std::collections::BTreeMap;

use proptest::prelude::*;
use treenail_os::Kind;

use super::super::*;
use super::{contents, digests, empty_tree, ids_of, put, stat};
use crate::snapshot::Snapshot;
use crate::view::{Class, Counts, View};

/// The whole tree as a map from paths; what a batch does is a few lines here.
#[derive(Clone, Default)]
struct Model(BTreeMap<Vec<u8>, ModelEntry>);

#[derive(Clone, Copy, PartialEq)]
struct ModelEntry {
    stat: Stat,
    /// The content whose ids each column knows.
    known: [Option<u64>; 2],
}

impl Model {
    fn below(&self, path: &[u8]) -> Vec<Vec<u8>> {
        let within = |other: &&Vec<u8>| {
            *other == path || other.strip_prefix(path).is_some_and(|rest| rest.starts_with(b"/"))
        };
        self.0.keys().filter(within).cloned().collect()
    }

    fn remove(&mut self, path: &[u8]) {
        for path in self.below(path) {
            self.0.remove(&path);
        }
    }

    fn put(&mut self, path: &[u8], stat: Stat, ids: &ModelIds) {
        let old = self.0.get(path).copied();
        let is_dir = |stat: &Stat| stat.kind == Kind::Directory;
        if !old.is_some_and(|old| is_dir(&old.stat) && is_dir(&stat)) {
            self.remove(path);
        }
        let kept = old.filter(|old| old.stat == stat).map_or([None; 2], |old| old.known);
        let known = match ids {
            ModelIds::Unchanged => kept,
            ModelIds::Dropped => [None; 2],
            ModelIds::Known(first, second) => {
                let of = |given: bool, kept| if given { Some(stat.inode) } else { kept };
                [of(*first, kept[0]), of(*second, kept[1])]
            }
        };
        let content = Class::of(&stat).has_content();
        let known = if content { known } else { [None; 2] };
        self.0.insert(path.to_vec(), ModelEntry { stat, known });
    }

    fn rename(&mut self, from: &[u8], to: &[u8]) -> bool {
        let inside = to.strip_prefix(from).is_some_and(|rest| rest.starts_with(b"/"));
        if from == to || inside || !self.0.contains_key(from) {
            return false;
        }
        let moved: Vec<_> = self
            .below(from)
            .into_iter()
            .map(|path| {
                let entry = self.0.remove(&path).unwrap();
                ([to, &path[from.len()..]].concat(), entry)
            })
            .collect();
        self.remove(to);
        // A destination above the source takes the source's directory with it.
        self.0.extend(moved);
        true
    }

    fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        self.0.values().for_each(|entry| counts.add(&entry.stat));
        counts
    }
}

#[derive(Clone, Debug)]
enum ModelIds {
    Unchanged,
    Dropped,
    Known(bool, bool),
}

/// An edit as proptest makes it up: paths are chosen among those that there are.
#[derive(Clone, Debug)]
enum Step {
    Put { dir: usize, name: u16, kind: Kind, seed: u64, ids: ModelIds },
    Remove { entry: usize },
    Move { entry: usize, dir: usize, name: u16 },
}

fn steps(names: u16) -> impl Strategy<Value = Step> {
    let kind = prop_oneof![
        5 => Just(Kind::File), 3 => Just(Kind::Directory),
        1 => Just(Kind::Symlink), 1 => Just(Kind::Fifo)
    ];
    let ids = prop_oneof![
        1 => Just(ModelIds::Unchanged),
        1 => Just(ModelIds::Dropped),
        8 => (prop::bool::weighted(0.9), prop::bool::weighted(0.9))
            .prop_map(|(a, b)| ModelIds::Known(a, b)),
    ];
    prop_oneof![
        8 => (any::<usize>(), 0..names, kind, 0..9_u64, ids)
            .prop_map(|(dir, name, kind, seed, ids)| Step::Put { dir, name, kind, seed, ids }),
        2 => any::<usize>().prop_map(|entry| Step::Remove { entry }),
        2 => (any::<usize>(), any::<usize>(), 0..names)
            .prop_map(|(entry, dir, name)| Step::Move { entry, dir, name }),
    ]
}

/// Applies the steps to both, as one batch as far as they name directories that existed before.
fn run_batch(tree: &mut Tree, model: &mut Model, steps: &[Step]) {
    let mut dirs: Vec<(Vec<u8>, DirId)> = vec![(Vec::new(), DirId::ROOT)];
    let mut all: Vec<(Vec<u8>, DirId, Vec<u8>)> = Vec::new();
    for path in model.0.keys() {
        let entry = tree.lookup(path).unwrap();
        let slash = path.iter().rposition(|byte| *byte == b'/');
        let (above, name) = slash.map_or((&[][..], &path[..]), |at| (&path[..at], &path[at + 1..]));
        all.push((path.clone(), tree.dir_at(above).unwrap(), name.to_vec()));
        dirs.extend(entry.child.map(|child| (path.clone(), child)));
    }
    let names: Vec<Vec<u8>> = (0..2_000).map(|name| format!("n{name}").into_bytes()).collect();
    let ids: Vec<_> = (0..9).map(ids_of).collect();
    let known: Vec<[(IdKind, &[u8]); 2]> = ids
        .iter()
        .map(|(xxh3, blake3)| [(IdKind::XXH3, &xxh3[..]), (IdKind::BLAKE3, &blake3[..])])
        .collect();
    let mut edits = Vec::new();
    // Where the directories of before are now; nothing once they are gone.
    let mut paths: BTreeMap<DirId, Vec<u8>> = dirs.iter().map(|(p, d)| (*d, p.clone())).collect();
    let join = |dir: &[u8], name: &[u8]| {
        if dir.is_empty() { name.to_vec() } else { [dir, b"/", name].concat() }
    };
    for step in steps {
        let lose = |paths: &mut BTreeMap<DirId, Vec<u8>>, gone: &[u8]| {
            paths.retain(|_, path| {
                path != gone && !path.strip_prefix(gone).is_some_and(|rest| rest.starts_with(b"/"))
            });
        };
        match step {
            Step::Put { dir, name, kind, seed, ids } => {
                let (_, dir) = dirs[dir % dirs.len()];
                let at = (dir, &names[usize::from(*name)][..]);
                let stat = stat(*kind, *seed);
                let given = match ids {
                    ModelIds::Known(first, second) if Class::of(&stat).has_content() => {
                        let both = &known[*seed as usize];
                        Ids::Known(&both[usize::from(!first)..1 + usize::from(*second)])
                    }
                    ModelIds::Known(..) | ModelIds::Unchanged => Ids::Unchanged,
                    ModelIds::Dropped => Ids::Dropped,
                };
                edits.push(Edit::Put { at, stat, ids: given });
                let Some(above) = paths.get(&dir) else { continue };
                let path = join(above, at.1);
                if *kind != Kind::Directory {
                    lose(&mut paths, &path);
                }
                model.put(&path, stat, ids);
            }
            Step::Remove { entry } if !all.is_empty() => {
                let (_, dir, name) = &all[entry % all.len()];
                edits.push(Edit::Remove { at: (*dir, name) });
                let Some(above) = paths.get(dir) else { continue };
                let path = join(above, name);
                lose(&mut paths, &path);
                model.remove(&path);
            }
            Step::Move { entry, dir, name } if !all.is_empty() => {
                let (_, from, old) = &all[entry % all.len()];
                let (_, to) = dirs[dir % dirs.len()];
                let new = &names[usize::from(*name)];
                edits.push(Edit::Move { from: (*from, old), to: (to, new) });
                let (Some(a), Some(b)) = (paths.get(from), paths.get(&to)) else { continue };
                let (a, b) = (join(a, old), join(b, new));
                // Onto something above itself is refused nowhere, and no system does it.
                if a.strip_prefix(&b[..]).is_some_and(|rest| rest.starts_with(b"/")) {
                    edits.pop();
                    continue;
                }
                if model.rename(&a, &b) {
                    lose(&mut paths, &b);
                    for path in paths.values_mut() {
                        if *path == a
                            || path.strip_prefix(&a[..]).is_some_and(|r| r.starts_with(b"/"))
                        {
                            *path = [&b[..], &path[a.len()..]].concat();
                        }
                    }
                }
            }
            Step::Remove { .. } | Step::Move { .. } => {}
        }
    }
    let applied = tree.apply(edits);
    for dir in applied.freed {
        assert_eq!(tree.path_of(dir), None);
    }
}

/// The model's content in a tree that gets it anew, the last names first.
fn rebuilt(model: &Model) -> Tree {
    let mut tree = empty_tree();
    let mut by_depth: BTreeMap<usize, Vec<(&Vec<u8>, &ModelEntry)>> = BTreeMap::new();
    for (path, entry) in &model.0 {
        by_depth.entry(path.split(|byte| *byte == b'/').count()).or_default().push((path, entry));
    }
    for (path, entry) in by_depth.values().flat_map(|level| level.iter().rev()) {
        let slash = path.iter().rposition(|byte| *byte == b'/');
        let (above, name) = slash.map_or((&[][..], &path[..]), |at| (&path[..at], &path[at + 1..]));
        let dir = tree.dir_at(above).unwrap();
        let first = entry.known[0].map(|content| ids_of(content).0);
        let second = entry.known[1].map(|content| ids_of(content).1);
        let mut known = Vec::new();
        known.extend(first.iter().map(|id| (IdKind::XXH3, &id[..])));
        known.extend(second.iter().map(|id| (IdKind::BLAKE3, &id[..])));
        put(&mut tree, (dir, name), entry.stat, Ids::Known(&known));
    }
    tree
}

/// Computes each directory's digest from its entries alone.
pub(super) fn check_digests(tree: &Tree) {
    for (column, (dir, node)) in
        tree.columns.iter().flat_map(|column| tree.dirs.iter().map(move |dir| (column, dir)))
    {
        let ids = column.ids(dir, node.leaves.as_slice());
        let expected = (column.digest_dir)(node.leaves.as_slice(), ids.as_slice());
        let view = tree.view(Some(column.kind));
        let digest = match dir {
            DirId::ROOT => view.root_digest(),
            _ => view.lookup(&tree.path_of(dir).unwrap()).unwrap().id,
        };
        assert_eq!(digest, expected.as_deref());
    }
}

fn check(tree: &Tree, model: &Model) {
    check_digests(tree);
    let shown = contents(tree);
    let expected = contents(&rebuilt(model));
    assert_eq!(shown, expected);
    assert!(model.0.keys().eq(shown.iter().map(|(path, ..)| path)));
    for (path, stat, ids) in &shown {
        let entry = &model.0[path];
        assert_eq!(entry.stat, *stat);
        if stat.kind != Kind::Directory {
            let xxh3 = entry.known[0].map(|content| ids_of(content).0.to_vec());
            let blake3 = entry.known[1].map(|content| ids_of(content).1.to_vec());
            assert_eq!(ids, &[xxh3, blake3]);
        }
    }
    assert_eq!(tree.counts(), model.counts());
    assert_eq!(digests(tree), digests(&rebuilt(model)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 96 }))]

    #[test]
    fn batches_do_what_the_model_does_and_leave_clones_alone(
        batches in prop::collection::vec(prop::collection::vec(steps(12), 0..20), 1..8),
    ) {
        let (mut tree, mut model) = (empty_tree(), Model::default());
        let mut clones = Vec::new();
        for batch in &batches {
            clones.push((tree.clone(), contents(&tree), digests(&tree)));
            run_batch(&mut tree, &mut model, batch);
            check(&tree, &model);
        }
        for (clone, before, digests_before) in clones {
            prop_assert_eq!(contents(&clone), before);
            prop_assert_eq!(digests(&clone), digests_before);
        }
    }
}

/// What a tree shows through one column.
fn shown(tree: &Tree, kind: IdKind) -> Vec<(Vec<u8>, Stat, Option<Vec<u8>>)> {
    let column = tree.id_kinds().position(|other| other == kind).unwrap();
    contents(tree)
        .into_iter()
        .map(|(path, stat, mut ids)| (path, stat, ids.remove(column)))
        .collect()
}

/// The tree out of a snapshot of it, which has one column.
fn restored(tree: &Tree, kind: IdKind) -> Tree {
    let bytes = tree.view(Some(kind)).to_snapshot().unwrap();
    let back = Snapshot::from_bytes(bytes, "snapshot".as_ref()).unwrap().to_tree().unwrap();
    assert_eq!(back.id_kinds().collect::<Vec<_>>(), [kind]);
    check_digests(&back);
    assert_eq!(shown(&back, kind), shown(tree, kind));
    assert_eq!(back.counts(), tree.counts());
    assert_eq!(back.view(Some(kind)).root_digest(), tree.view(Some(kind)).root_digest());
    back
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 32 }))]

    #[test]
    fn a_restored_tree_goes_on_as_the_original_does(
        before in prop::collection::vec(prop::collection::vec(steps(400), 0..400), 1..3),
        after in prop::collection::vec(prop::collection::vec(steps(400), 0..40), 1..4),
    ) {
        let (mut tree, mut model) = (empty_tree(), Model::default());
        for batch in &before {
            run_batch(&mut tree, &mut model, batch);
        }
        restored(&tree, IdKind::BLAKE3);
        let mut back = restored(&tree, IdKind::XXH3);
        back.add_column::<crate::ids::Blake3Ids>();
        let mut same = Model(model.0.clone());
        for batch in &after {
            run_batch(&mut tree, &mut model, batch);
            run_batch(&mut back, &mut same, batch);
            check_digests(&back);
            prop_assert_eq!(shown(&back, IdKind::XXH3), shown(&tree, IdKind::XXH3));
            prop_assert_eq!(back.counts(), tree.counts());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn directories_of_many_blocks_do_what_the_model_does(
        batches in prop::collection::vec(prop::collection::vec(steps(2_000), 0..900), 1..4),
    ) {
        let (mut tree, mut model) = (empty_tree(), Model::default());
        for batch in &batches {
            run_batch(&mut tree, &mut model, batch);
        }
        check(&tree, &model);
    }
}
