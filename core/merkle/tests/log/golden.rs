//! The golden values of `docs/format/merkle-log.md`, which were computed in another language from
//! its text.

use std::collections::BTreeMap;

use crate::naive::hex;
use treenail_hash::{Hash, Sha256};
use treenail_merkle::leaf_digests;
use treenail_merkle::log::{
    ConsistencyProof, InclusionProof, LeafIndex, PROOF_DIGESTS_MAX, Tile, TileNodes, TileWriter,
    TreeSize, consistency_proof, inclusion_proof, open_digests_for,
};

type D = [u8; 32];

fn sha256_hex(bytes: &[u8]) -> String {
    hex(Sha256::hash(bytes))
}

#[test]
fn tiles_and_proofs_of_300_leaves() {
    let leaves: Vec<[u8; 4]> = (0..300_u32).map(u32::to_le_bytes).collect();
    let slices: Vec<&[u8]> = leaves.iter().map(<[u8; 4]>::as_slice).collect();
    let mut digests = vec![D::default(); leaves.len()];
    leaf_digests::<Sha256>(&slices, &mut digests);

    let size = TreeSize(300);
    let mut memory = vec![D::default(); open_digests_for(size)];
    let mut log = TileWriter::<Sha256>::new(&mut memory);
    let mut files = BTreeMap::new();
    let mut store = |tile: Tile, digests: &[D]| {
        let mut bytes = vec![0; tile.encoded_bytes::<D>()];
        assert_eq!(Tile::encode(digests, &mut bytes), Ok(bytes.len()));
        files.insert(tile.path().to_string(), bytes);
    };
    log.append(&digests, &mut store).expect("room");
    log.open_tiles().for_each(|(tile, digests)| store(tile, digests));
    assert_eq!(hex(log.root()), "7239ba349955dbefd5408e0554ed218de72d26d736a12b806f4de83b9f377452");
    let found: Vec<_> =
        files.iter().map(|(name, bytes)| (&name[..], bytes.len(), sha256_hex(bytes))).collect();
    let expected = [
        ("tile/0/000", 8192, "d1dc25afba393a76328dfb4e5a07309f293e7e56bb109391d9325be83867377a"),
        (
            "tile/0/001.p/44",
            1408,
            "6ed87276566e83fb564f8e475769bc0410e6b0ce5eff21412603db86d5bd2559",
        ),
        ("tile/1/000.p/1", 32, "7a08e91d92322959ae3cadd699c85a02cef75e1b47ea48c43ee9b9180bac6c1f"),
    ];
    assert_eq!(found, expected.map(|(name, length, sha256)| (name, length, sha256.to_owned())));

    let mut buffer = [D::default(); 256];
    let mut nodes = TileNodes::<Sha256, _>::new(size, &mut buffer, |tile, digests| {
        tile.decode(&files[&tile.path().to_string()], digests).map(|_| ())
    });
    let mut path = [D::default(); PROOF_DIGESTS_MAX];
    let mut bytes = [0; 1000];
    let index = LeafIndex(299);
    let digests = inclusion_proof::<Sha256, _>(index, size, |id| nodes.node(id), &mut path);
    let proof = InclusionProof { index, size, path: digests.expect("all tiles are there") };
    let length = proof.encode(&mut bytes).expect("room");
    assert_eq!(length, 180);
    assert_eq!(
        sha256_hex(&bytes[..length]),
        "db1670137d9f3055e004ae0a87122e87fe36f3383987746e80279e227d2128fe"
    );
    let old = TreeSize(200);
    let digests = consistency_proof::<Sha256, _>(old, size, |id| nodes.node(id), &mut path);
    let proof = ConsistencyProof { old, new: size, path: digests.expect("all tiles are there") };
    let length = proof.encode(&mut bytes).expect("room");
    assert_eq!(length, 244);
    assert_eq!(
        sha256_hex(&bytes[..length]),
        "a405708ac88d4cc6d42cd26adf9dc580ffd4c9f5fd4f7a4412d3af2d46c5cb43"
    );
}
