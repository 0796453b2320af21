//! Proofs as bytes.

use proptest::prelude::*;
use treenail_merkle::log::{
    ConsistencyProof, DecodeError, InclusionProof, LeafIndex, PROOF_DIGESTS_MAX, Short, TreeSize,
    VerifyError,
};

type D = [u8; 4];

/// The tables of `docs/format/merkle-log.md`.
#[test]
fn golden_bytes_of_proofs() {
    let path = [[0xA0, 0xA1, 0xA2, 0xA3], [0xB0, 0xB1, 0xB2, 0xB3]];
    let mut bytes = [0; 64];

    let proof = InclusionProof { index: LeafIndex(2), size: TreeSize(4), path: &path };
    assert_eq!(proof.encode(&mut bytes), Ok(28));
    assert_eq!(proof.encoded_bytes(), 28);
    let golden = b"TMI\x01\
        \x02\0\0\0\0\0\0\0\
        \x04\0\0\0\0\0\0\0\
        \xA0\xA1\xA2\xA3\xB0\xB1\xB2\xB3";
    assert_eq!(bytes[..28], *golden);
    let mut memory = [D::default(); 2];
    assert_eq!(InclusionProof::decode(golden, &mut memory), Ok(proof));

    let proof = ConsistencyProof { old: TreeSize(0x0102), new: TreeSize(0x0103), path: &path[..1] };
    assert_eq!(proof.encode(&mut bytes), Ok(24));
    assert_eq!(proof.encoded_bytes(), 24);
    let golden = b"TMC\x01\
        \x02\x01\0\0\0\0\0\0\
        \x03\x01\0\0\0\0\0\0\
        \xA0\xA1\xA2\xA3";
    assert_eq!(bytes[..24], *golden);
}

#[test]
fn what_is_no_proof_is_refused() {
    let path = [[1; 4], [2; 4]];
    let proof = InclusionProof { index: LeafIndex(2), size: TreeSize(4), path: &path };
    let mut bytes = [0; 29];
    let length = proof.encode(&mut bytes).expect("room");
    let mut memory = [D::default(); 2];
    for cut in (0..bytes.len()).filter(|cut| *cut != length) {
        let result = InclusionProof::decode(&bytes[..cut], &mut memory);
        assert!(matches!(result, Err(DecodeError::Length { given, .. }) if given == cut), "{cut}");
    }
    let other = ConsistencyProof::decode(&bytes[..length], &mut memory);
    let expected = DecodeError::Kind { expected: *b"TMC\x01", found: *b"TMI\x01" };
    assert_eq!(other, Err(expected));
    assert_eq!(
        InclusionProof::decode(&bytes[..length], &mut memory[..1]),
        Err(DecodeError::Short(Short { needed: 2, given: 1 }))
    );
    bytes[4] = 4;
    let (index, size) = (LeafIndex(4), TreeSize(4));
    assert_eq!(
        InclusionProof::decode(&bytes[..length], &mut memory),
        Err(DecodeError::Numbers(VerifyError::IndexBeyondSize { index, size }))
    );
    assert_eq!(proof.encode(&mut bytes[..27]), Err(Short { needed: 28, given: 27 }));
}

proptest! {
    #[test]
    fn proofs_are_read_back(numbers in any::<[u64; 2]>(), shift in 0..64_u32, fill in any::<D>()) {
        let size = numbers[0] >> shift;
        let path = [fill; PROOF_DIGESTS_MAX];
        let mut bytes = [0; 20 + 4 * PROOF_DIGESTS_MAX];
        let mut memory = [D::default(); PROOF_DIGESTS_MAX];
        if size > 0 {
            let (index, size) = (LeafIndex(numbers[1] % size), TreeSize(size));
            let length = InclusionProof::<D>::path_len(index, size).expect("in the tree");
            let proof = InclusionProof { index, size, path: &path[..length] };
            let written = proof.encode(&mut bytes).expect("room");
            prop_assert_eq!(InclusionProof::decode(&bytes[..written], &mut memory), Ok(proof));

            let (old, new) = (TreeSize(index.0), size);
            let length = ConsistencyProof::<D>::path_len(old, new).expect("in order");
            let proof = ConsistencyProof { old, new, path: &path[..length] };
            let written = proof.encode(&mut bytes).expect("room");
            prop_assert_eq!(ConsistencyProof::decode(&bytes[..written], &mut memory), Ok(proof));
        }
    }
}
