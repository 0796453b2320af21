//! The log: proofs, tiles, names and sizes from anyone; and honest ones against a naive twin.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use treenail_hash::{Hash, Xxh128};
use treenail_merkle::leaf_digest;
use treenail_merkle::log::{
    CompactRange, ConsistencyProof, InclusionProof, LeafIndex, PROOF_DIGESTS_MAX, Tile, TileNodes,
    TileWriter, TreeSize, consistency_proof, inclusion_proof,
};

type H = Xxh128;
type D = [u8; 16];

#[derive(Debug, Arbitrary)]
enum Input<'a> {
    Bytes(&'a [u8]),
    Name(&'a str),
    Proof {
        numbers: [u64; 2],
        path: Vec<D>,
        leaf: D,
        roots: [D; 2],
    },
    Resume {
        size: u64,
        peaks: Vec<D>,
        leaves: u16,
    },
    Tiles {
        numbers: [u64; 2],
        fill: u8,
        fails: bool,
    },
    /// A tree of leaves of so many bytes, and a change of its proofs.
    Honest {
        leaves: Vec<u8>,
        numbers: [u8; 2],
        flip: Option<u16>,
        cut: bool,
    },
}

fuzz_target!(|input: Input| match input {
    Input::Bytes(bytes) => check_bytes(bytes),
    Input::Name(name) => {
        if let Ok(tile) = name.parse::<Tile>() {
            assert_eq!(tile.path().to_string(), name, "each tile has one name");
            assert!((1..=256).contains(&tile.width));
        }
    }
    Input::Proof { numbers: [a, b], path, leaf, roots } => {
        let proof = InclusionProof { index: LeafIndex(a), size: TreeSize(b), path: &path };
        let of_tree = a < b;
        assert_eq!(InclusionProof::<D>::path_len(proof.index, proof.size).is_ok(), of_tree);
        // Only a tree of one leaf has its leaf's digest as the root.
        let verified = proof.verify::<H>(&leaf, &roots[0]).is_ok();
        assert_eq!(verified, of_tree && b == 1 && path.is_empty() && leaf == roots[0]);
        let proof = ConsistencyProof { old: TreeSize(a), new: TreeSize(b), path: &path };
        let trivial = path.is_empty()
            && ((a == b && roots[0] == roots[1] && a > 0) || (a == 0 && roots[0] == H::hash(&[])));
        if proof.verify::<H>(&roots[0], &roots[1]).is_ok() {
            assert!(trivial);
        }
    }
    Input::Resume { size, peaks, leaves } => resume(size, &peaks, leaves),
    Input::Tiles { numbers, fill, fails } => hostile_tiles(numbers, fill, fails),
    Input::Honest { leaves, numbers, flip, cut } => honest(&leaves, numbers, flip, cut),
});

/// What decodes is what encodes to the same bytes.
fn check_bytes(bytes: &[u8]) {
    let mut path = [D::default(); PROOF_DIGESTS_MAX];
    let mut again = vec![0; bytes.len()];
    if let Ok(proof) = InclusionProof::decode(bytes, &mut path) {
        assert_eq!(proof.encode(&mut again), Ok(bytes.len()));
        assert_eq!(again, bytes);
        _ = proof.verify::<H>(&[1; 16], &[2; 16]);
    }
    if let Ok(proof) = ConsistencyProof::decode(bytes, &mut path) {
        assert_eq!(proof.encode(&mut again), Ok(bytes.len()));
        assert_eq!(again, bytes);
        _ = proof.verify::<H>(&[1; 16], &[2; 16]);
    }
}

fn resume(size: u64, peaks: &[D], leaves: u16) {
    let more = vec![[7; 16]; leaves.into()];
    if let Ok(mut log) = CompactRange::<H>::resume(TreeSize(size), peaks) {
        let fits = size.checked_add(leaves.into()).is_some();
        assert_eq!(log.extend(&more).is_ok(), fits);
        assert_eq!(log.size().0, if fits { size + u64::from(leaves) } else { size });
        assert_eq!(log.digests().len(), log.size().0.count_ones() as usize);
        let _ = log.root();
    }
    let mut memory = vec![[3; 16]; 256 * (peaks.len() % 10)];
    if let Ok(mut log) = TileWriter::<H>::resume(&mut memory, TreeSize(size)) {
        let mut full = 0;
        let result = log.append(&more, |tile, digests| {
            assert_eq!((usize::from(tile.width), digests.len()), (256, 256));
            full += u64::from(tile.level == 0);
        });
        let end = size + if result.is_ok() { u64::from(leaves) } else { 0 };
        assert_eq!((log.size().0, full), (end, end / 256 - size / 256));
        let _ = log.root();
    }
}

fn hostile_tiles([a, b]: [u64; 2], fill: u8, fails: bool) {
    let mut buffer = [D::default(); 256];
    let mut reads = 0;
    let mut nodes = TileNodes::<H, _>::new(TreeSize(b), &mut buffer, |tile, digests| {
        assert_eq!(usize::from(tile.width), digests.len());
        assert_eq!(Tile::at(tile.level, tile.index, TreeSize(b)), Some(tile));
        reads += 1;
        digests.fill([fill; 16]);
        if fails { Err(()) } else { Ok(()) }
    });
    let mut path = [D::default(); PROOF_DIGESTS_MAX];
    let index = LeafIndex(a);
    let result = inclusion_proof::<H, _>(index, TreeSize(b), |id| nodes.node(id), &mut path);
    assert!(fails || result.is_ok() == (a < b));
    let result =
        consistency_proof::<H, _>(TreeSize(a), TreeSize(b), |id| nodes.node(id), &mut path);
    assert!(fails || result.is_ok() == (a <= b));
    assert!(reads <= 64, "few tiles, each read a few times");
}

fn root(leaves: &[D]) -> D {
    match leaves {
        [] => H::hash(&[]),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            H::hash(&[&[1], &root(left)[..], &root(right)].concat())
        }
    }
}

fn honest(leaves: &[u8], [a, b]: [u8; 2], flip: Option<u16>, cut: bool) {
    let leaves: Vec<D> = leaves.iter().map(|leaf| leaf_digest::<H>(&[*leaf])).collect();
    let mut memory = vec![D::default(); 512];
    let mut tiles = std::collections::HashMap::new();
    let mut log = TileWriter::<H>::new(&mut memory);
    log.append(&leaves, |tile, digests| drop(tiles.insert(tile, digests.to_vec()))).expect("room");
    tiles.extend(log.open_tiles().map(|(tile, digests)| (tile, digests.to_vec())));
    let new_root = root(&leaves);
    assert_eq!(log.root(), new_root);

    let size = log.size();
    let mut buffer = [D::default(); 256];
    let mut nodes = TileNodes::<H, _>::new(size, &mut buffer, |tile, digests| {
        digests.copy_from_slice(&tiles[&tile]);
        Ok::<(), ()>(())
    });
    let damage = |path: &[D]| {
        let mut path = path.to_vec();
        if let Some(bit) = flip.filter(|_| !path.is_empty()) {
            let bit = usize::from(bit) % (path.len() * 128);
            path[bit / 128][bit / 8 % 16] ^= 1 << (bit % 8);
        }
        if cut {
            path.pop();
        }
        path
    };
    let mut memory = [D::default(); PROOF_DIGESTS_MAX];
    if size.0 > 0 {
        let at = usize::from(a) % leaves.len();
        let index = LeafIndex(at as u64);
        let path = inclusion_proof::<H, _>(index, size, |id| nodes.node(id), &mut memory);
        let path = path.expect("all tiles are there");
        let damaged = damage(path);
        let proof = InclusionProof { index, size, path: &damaged };
        assert_eq!(proof.verify::<H>(&leaves[at], &new_root).is_ok(), damaged == path);
    }
    let old = usize::from(b).min(leaves.len());
    let (old_size, old_root) = (TreeSize(old as u64), root(&leaves[..old]));
    let path = consistency_proof::<H, _>(old_size, size, |id| nodes.node(id), &mut memory);
    let path = path.expect("all tiles are there");
    let damaged = damage(path);
    let proof = ConsistencyProof { old: old_size, new: size, path: &damaged };
    assert_eq!(proof.verify::<H>(&old_root, &new_root).is_ok(), damaged == path);
}
