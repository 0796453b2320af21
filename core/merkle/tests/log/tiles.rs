//! Tiles: which there are, what they are called, and nodes and proofs out of them.

use std::collections::HashMap;

use crate::naive::{self, D, H, Log, leaves};
use proptest::prelude::*;
use treenail_merkle::log::{
    CompactRange, DecodeError, NodeId, PROOF_DIGESTS_MAX, TILE_LEVELS_MAX, Tile, TileError,
    TileNodes, TilePathError, TileWriter, TilesFull, TreeSize, consistency_proof, inclusion_proof,
    open_digests_for,
};

/// Every tile of a tree of `size` leaves, from the nodes of a log.
fn tiles(log: &Log<H>, size: u64) -> HashMap<Tile, Vec<D>> {
    let mut tiles = HashMap::new();
    for tile in Tile::changed(TreeSize(0), TreeSize(size)) {
        let first = tile.first();
        let nodes = (0..u64::from(tile.width))
            .map(|i| log.nodes[&NodeId { index: first.index + i, ..first }]);
        assert_eq!(tiles.insert(tile, nodes.collect()), None, "each once");
    }
    tiles
}

fn digests(count: u64) -> Vec<D> {
    leaves(count).iter().map(|leaf| treenail_merkle::leaf_digest::<H>(leaf)).collect()
}

const COUNT: u64 = if cfg!(target_arch = "x86_64") { 66_000 } else { 1_000 };

#[test]
fn every_node_is_found_in_its_tile() {
    let log = Log::<H>::of(&leaves(COUNT));
    let tiles = tiles(&log, COUNT);
    for (id, digest) in &log.nodes {
        let tile = Tile::containing(*id, TreeSize(COUNT)).expect("within the tree");
        assert_eq!(tile.node::<H>(&tiles[&tile], *id), Some(*digest), "{id:?} in {tile:?}");
    }
    let beyond = NodeId { level: 0, index: COUNT };
    assert_eq!(Tile::containing(beyond, TreeSize(COUNT)), None);
    let tile = Tile::at(0, 1, TreeSize(COUNT)).expect("within the tree");
    assert_eq!(tile.node::<H>(&tiles[&tile], NodeId { level: 0, index: 255 }), None);
    assert_eq!(tile.node::<H>(&tiles[&tile], NodeId { level: 8, index: 1 }), None);
    assert_eq!(tile.node::<H>(&tiles[&tile][..9], NodeId { level: 0, index: 265 }), None);
}

#[test]
fn proofs_from_tiles_are_those_from_nodes() {
    let log = Log::<H>::of(&leaves(COUNT));
    for size in [1, 2, 255, 256, 257, 600, COUNT].map(TreeSize) {
        let tiles = tiles(&log, size.0);
        let mut buffer = [D::default(); 256];
        let mut nodes = TileNodes::<H, _>::new(size, &mut buffer, |tile, digests| {
            digests.copy_from_slice(tiles.get(&tile).ok_or(tile)?);
            Ok::<(), Tile>(())
        });
        let mut memories = [[D::default(); PROOF_DIGESTS_MAX]; 2];
        let [from_tiles, from_nodes] = &mut memories;
        for index in [0, 1, size.0 / 3, size.0 / 2, size.0 - 1] {
            let index = treenail_merkle::log::LeafIndex(index.min(size.0 - 1));
            let proof = inclusion_proof::<H, _>(index, size, |id| nodes.node(id), from_tiles);
            let expected = inclusion_proof::<H, _>(index, size, |id| log.node(id), from_nodes);
            assert_eq!(proof.expect("tiles are there"), expected.expect("nodes are there"));
            let old = TreeSize(index.0 + 1);
            let proof = consistency_proof::<H, _>(old, size, |id| nodes.node(id), from_tiles);
            let expected = consistency_proof::<H, _>(old, size, |id| log.node(id), from_nodes);
            assert_eq!(proof.expect("tiles are there"), expected.expect("nodes are there"));
        }
    }
}

#[test]
fn writer_hands_over_each_full_tile_once() {
    let log = Log::<H>::of(&leaves(COUNT));
    let digests = digests(COUNT);
    let mut memory = vec![[0xAA; 8]; open_digests_for(TreeSize(COUNT))];
    let mut writer = TileWriter::<H>::new(&mut memory);
    let mut written = HashMap::new();
    let mut rest = &digests[..];
    let mut step = 1;
    while !rest.is_empty() {
        let now;
        (now, rest) = rest.split_at(step.min(rest.len()));
        let full = |tile: Tile, digests: &[D]| {
            assert_eq!((tile.width, written.insert(tile, digests.to_vec())), (256, None));
        };
        writer.append(now, full).expect("room for all levels");
        step = step * 5 % 1009;
    }
    assert_eq!((writer.size(), writer.root()), (TreeSize(COUNT), log.range.root()));
    written.extend(writer.open_tiles().map(|(tile, digests)| (tile, digests.to_vec())));
    assert_eq!(written, tiles(&log, COUNT));
}

#[test]
fn writer_knows_the_root_at_every_size_and_goes_on_later() {
    // Beyond 1,792, so that tiles of both levels consist of several perfect nodes.
    let digests = digests(1_900);
    let mut memory = [D::default(); 512];
    let mut log = CompactRange::<H>::new();
    for (size, leaf) in digests.iter().enumerate() {
        let size = TreeSize(size as u64);
        let mut writer = TileWriter::<H>::resume(&mut memory, size).expect("room");
        assert_eq!(writer.root(), log.root(), "{size:?}");
        writer.append(&[*leaf], |_, _| ()).expect("room");
        log.push(*leaf).expect("few leaves");
    }
    assert_eq!(naive::root::<H>(&[]), TileWriter::<H>::new(&mut []).root());
}

#[test]
fn writer_without_room_for_a_level_refuses_and_stays() {
    let digests = digests(256);
    let mut memory = [D::default(); 256];
    let mut writer = TileWriter::<H>::new(&mut memory);
    writer.append(&digests[..255], |_, _| panic!("not full")).expect("room");
    let root = writer.root();
    assert_eq!(writer.append(&digests[255..], |_, _| panic!("not full")), Err(TilesFull));
    assert_eq!((writer.size(), writer.root()), (TreeSize(255), root));
    assert_eq!(TileWriter::<H>::new(&mut []).append(&digests[..1], |_, _| ()), Err(TilesFull));
    assert!(TileWriter::<H>::resume(&mut memory, TreeSize(256)).is_err());
    assert_eq!(open_digests_for(TreeSize(0)), 0);
    assert_eq!(open_digests_for(TreeSize(255)), 256);
    assert_eq!(open_digests_for(TreeSize(256)), 512);
    assert_eq!(open_digests_for(TreeSize(u64::MAX)), 256 * TILE_LEVELS_MAX);
}

#[test]
fn a_tile_that_cannot_be_read_is_reported_and_asked_for_again() {
    let mut buffer = [D::default(); 256];
    let mut asked = 0;
    let mut nodes = TileNodes::<H, _>::new(TreeSize(10), &mut buffer, |_, digests| {
        asked += 1;
        digests.fill([asked; 8]);
        if asked == 1 { Err("gone") } else { Ok(()) }
    });
    let id = NodeId { level: 0, index: 3 };
    assert_eq!(nodes.node(id), Err(TileError::Read("gone")));
    assert_eq!(nodes.node(id), Ok([2; 8]));
    assert_eq!(nodes.node(NodeId { level: 0, index: 4 }), Ok([2; 8]), "the same tile");
    let id = NodeId { level: 3, index: 1 };
    assert_eq!(nodes.node(id), Err(TileError::Beyond { id, size: TreeSize(10) }));
}

#[test]
fn names_are_those_of_the_specification() {
    let name = |level, index, width| Tile { level, index, width }.path().to_string();
    assert_eq!(name(0, 0, 256), "tile/0/000");
    assert_eq!(name(1, 1_234_067, 256), "tile/1/x001/x234/067");
    assert_eq!(name(2, 999, 1), "tile/2/999.p/1");
    assert_eq!(name(0, 1000, 255), "tile/0/x001/000.p/255");
}

#[test]
fn names_that_no_tile_has_are_refused() {
    let most = Tile::at(0, (u64::MAX - 1) / 256, TreeSize(u64::MAX)).expect("the last tile");
    assert_eq!(most.width, 255);
    assert_eq!(most.path().to_string().parse(), Ok(most));
    for path in [
        "",
        "tile",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/00/000",
        "tile/+0/000",
        "tile/0/+00",
        "tile/8/000",
        "tile/64/000",
        "tile/0/x000/000",
        "tile/0/x000/x001/000",
        "tile/0/001/000",
        "tile/0/x001/x000",
        "tile/0/x001/",
        "tile/0//000",
        "tile/0/000/",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000.p/1/2",
        "tile/0/000.p",
        "tile/7/001",
        "tile/7/000",
        "tile/0/x018/x446/x744/x073/x709/x551/615",
        "tile/-1/000",
        "/tile/0/000",
        "tile/0/x0001/000",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/x999/x999/x999/999",
        "tile/0/x/000",
    ] {
        assert_eq!(path.parse::<Tile>(), Err(TilePathError), "{path}");
    }
}

#[test]
fn numbers_that_nothing_has_do_no_harm() {
    for level in [0, 7, 8, 63, 64, u8::MAX] {
        for index in [0, 1, 255, u64::MAX / 2, u64::MAX] {
            let tile = Tile { level, index, width: 0 };
            let node = NodeId { level, index };
            assert_eq!(tile.node::<H>(&[], node), None);
            assert!(!tile.path().to_string().is_empty());
            assert!(tile.first().level >= tile.level);
            assert!(node.parent().index <= node.index);
            assert!(!node.is_within(TreeSize(0)));
            let _ = tile.node::<H>(&[[0; 8]; 256], node);
            let _ = Tile::containing(node, TreeSize(u64::MAX));
            let _ = Tile::at(level, index, TreeSize(u64::MAX));
        }
    }
}

#[test]
fn bytes_of_a_tile_are_its_digests() {
    let tile = Tile { level: 0, index: 0, width: 2 };
    let digests = [[1; 8], [2; 8]];
    let mut bytes = [0; 20];
    assert_eq!(Tile::encode(&digests, &mut bytes), Ok(16));
    assert_eq!(bytes[..16], [[1; 8], [2; 8]].concat()[..]);
    assert_eq!(bytes[16..], [0; 4]);
    assert_eq!(tile.encoded_bytes::<D>(), 16);
    let mut memory = [D::default(); 3];
    assert_eq!(tile.decode(&bytes[..16], &mut memory), Ok(&digests[..]));
    assert_eq!(
        tile.decode(&bytes, &mut memory),
        Err(DecodeError::Length { expected: 16, given: 20 })
    );
    assert!(matches!(tile.decode(&bytes[..16], &mut memory[..1]), Err(DecodeError::Short(_))));
    assert_eq!(Tile::encode(&digests, &mut bytes[..15]).expect_err("too short").needed, 16);
}

/// Emulated processors are slow.
const CASES: u32 = if cfg!(target_arch = "x86_64") { 256 } else { 40 };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn names_are_read_back(
        level in 0..8_u8,
        index in any::<u64>(),
        shift in 0..64,
        size in any::<u64>(),
    ) {
        if let Some(tile) = Tile::at(level, index >> shift, TreeSize(size)) {
            prop_assert_eq!(tile.path().to_string().parse(), Ok(tile));
        }
    }

    #[test]
    fn changed_tiles_are_those_that_differ(old in 0..140_000_u64, more in 0..70_000_u64) {
        let all = |size| Tile::changed(TreeSize(0), TreeSize(size)).collect::<Vec<_>>();
        let new = old + more;
        let before = all(old);
        let mut expected = all(new);
        expected.retain(|tile| !before.contains(tile));
        prop_assert_eq!(Tile::changed(TreeSize(old), TreeSize(new)).collect::<Vec<_>>(), expected);
    }
}
