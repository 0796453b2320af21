//! Finding ten differences between two trees of a million leaves.

use std::hint::black_box;

use merkle_search_tree::MerkleSearchTree;
use treenail_compare::answer::Answer;
use treenail_compare::case::{Case, Target};
use treenail_hash::{Hash, Sha256, Xxh128};
use treenail_merkle::array::{self, Array, digests_for, dirty_words_for};
use treenail_merkle::leaf_digest;
use treenail_merkle::log::LeafIndex;
use treenail_merkle::set::{self, Item, Node, Prefix, Set, Slot, nodes_for};

use crate::change::place;
use crate::{LEAVES, OURS, contender, leaves, version};

const DIFFERENCES: usize = 10;

/// Ours is over in microseconds, so a sample is as many times.
const TIMES: usize = 100;

pub(crate) fn cases() -> Vec<Case> {
    vec![arrays(), sets()]
}

fn differing() -> Vec<usize> {
    let mut places: Vec<usize> = (1..=DIFFERENCES).map(place).collect();
    places.sort_unstable();
    places
}

fn arrays() -> Case {
    let array = || {
        let digests = vec![[0; 32]; digests_for(LEAVES)].leak();
        let mut array = Array::<Sha256>::new(digests, vec![0; dirty_words_for(LEAVES)].leak());
        for leaf in leaves() {
            array.extend(&[leaf_digest::<Sha256>(leaf)]).expect("there is room for all");
        }
        array
    };
    let (mut old, mut new) = (array(), array());
    for at in differing() {
        new.set(LeafIndex(at as u64), [7; 32]).expect("a position");
    }
    new.update();
    let (old_leaves, new_leaves) = (old.leaves().to_vec(), new.leaves().to_vec());
    let mut find = move || {
        let mut found = Vec::with_capacity(DIFFERENCES);
        array::diff(black_box(&mut old), black_box(&mut new), |index, _, _| {
            found.push(index.0 as usize);
        });
        found
    };
    let compare = move || {
        let pairs = black_box(&old_leaves).iter().zip(black_box(&new_leaves)).enumerate();
        pairs.filter(|(_, (old, new))| old != new).map(|(at, _)| at).collect::<Vec<_>>()
    };
    let answers = [find(), compare()].map(|found| ("places", Answer::fixed(format!("{found:?}"))));
    let [ours, theirs] = answers;
    Case {
        name: "100 diffs of two arrays of 1M leaves, 10 differences",
        references: vec![("places", Answer::fixed(format!("{:?}", differing())))],
        contenders: vec![
            contender(OURS, version!("TREENAIL_MERKLE"), ours, move || {
                (0..TIMES).for_each(|_| _ = black_box(find()));
            }),
            contender("comparing all leaves", "", theirs, move || {
                (0..TIMES).for_each(|_| _ = black_box(compare()));
            }),
        ],
        size_bytes: None,
        targets: vec![Target::Best(0.01)],
        facts: Vec::new(),
    }
}

fn sets() -> Case {
    let mut items: Vec<Item<[u8; 16], [u8; 16]>> = (0..LEAVES as u64)
        .map(|i| Item { key: Xxh128::hash(&i.to_le_bytes()), value: [0; 16] })
        .collect();
    items.sort_unstable_by_key(|item| item.key);
    let mut changed = items.clone();
    differing().into_iter().for_each(|at| changed[at].value = [7; 16]);
    let wanted: Vec<[u8; 16]> = differing().into_iter().map(|at| items[at].key).collect();
    let (mut old, mut new) = (set_of(&items), set_of(&changed));
    let (mut here, mut there) = (tree_of(&items), tree_of(&changed));
    let mut find = move || {
        let mut found = Vec::with_capacity(DIFFERENCES);
        let all = Prefix::root().keys();
        set::diff(black_box(&mut old), black_box(&mut new), all, |key, _, _| found.push(*key));
        found
    };
    let compare = move || {
        let pairs = black_box(&items).iter().zip(black_box(&changed));
        pairs.filter(|(old, new)| old != new).map(|(old, _)| old.key).collect::<Vec<_>>()
    };
    let mut search_tree = move || {
        let (here, there) = (black_box(&mut here), black_box(&mut there));
        let pages = [here.serialise_page_ranges(), there.serialise_page_ranges()];
        let [Some(here), Some(there)] = pages else { return 0 };
        let ranges = merkle_search_tree::diff::diff(here, there);
        let within = |key| ranges.iter().any(|range| range.start() <= key && key <= range.end());
        black_box(ranges.len());
        wanted.iter().filter(|key| within(key)).count()
    };
    let [ours, theirs] =
        [find(), compare()].map(|found| ("keys", Answer::fixed(format!("{found:02x?}"))));
    let within = Answer::fixed(search_tree().to_string());
    let name = "merkle-search-tree, ranges of keys";
    Case {
        name: "100 diffs of two sets of 1M items, 10 differences",
        references: vec![("within", Answer::fixed(DIFFERENCES.to_string()))],
        contenders: vec![
            contender(OURS, version!("TREENAIL_MERKLE"), ours, move || {
                (0..TIMES).for_each(|_| _ = black_box(find()));
            }),
            contender("comparing all items, sorted", "", theirs, move || {
                (0..TIMES).for_each(|_| _ = black_box(compare()));
            }),
            contender(name, version!("MERKLE_SEARCH_TREE"), ("within", within), move || {
                (0..TIMES).for_each(|_| _ = black_box(search_tree()));
            }),
        ],
        size_bytes: None,
        targets: vec![Target::Best(0.01)],
        facts: Vec::new(),
    }
}

fn set_of(items: &[Item<[u8; 16], [u8; 16]>]) -> Set<'static, Xxh128, [u8; 16]> {
    let nodes = vec![Node::default(); nodes_for(LEAVES)].leak();
    let mut set = Set::new(nodes, vec![Slot::default(); LEAVES].leak());
    for item in items {
        set.insert(item.key, item.value).expect("there is room for all");
    }
    set.digest();
    set
}

fn tree_of(items: &[Item<[u8; 16], [u8; 16]>]) -> MerkleSearchTree<[u8; 16], [u8; 16]> {
    let mut tree = MerkleSearchTree::default();
    for item in items {
        tree.upsert(item.key, &item.value);
    }
    tree.root_hash();
    tree
}
