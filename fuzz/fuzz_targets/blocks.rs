//! Digests of blocks: after any history the root is that of the content alone, and a refused update
//! leaves it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use treenail_hash::blocks::{BLOCK_BYTES, Blocks, RootStream, digests_for};
use treenail_hash::{Crc32, Hash};

const BLOCK: usize = BLOCK_BYTES as usize;
const LENGTH_MAX: usize = 40 * BLOCK;

fuzz_target!(|input: (u8, Vec<(u32, u32, u16, u8)>)| {
    let (room, changes) = input;
    let room = usize::from(room) % 41;
    let mut memory = vec![[0; 4]; digests_for((room * BLOCK) as u64)];
    let mut blocks = Blocks::<Crc32>::new(&mut memory);
    let mut file = Vec::new();
    for (length, at, count, byte) in changes {
        let mut next = file.clone();
        next.resize(length as usize % LENGTH_MAX, byte);
        let at = (at as usize).min(next.len());
        let end = (at + usize::from(count)).min(next.len());
        next[at..end].fill(byte ^ 1);

        // Bytes as the input has them, which may be refused; then all that may have changed.
        let given = blocks.update(next.len() as u64, at as u64, &next[at..end], |_| ());
        let from = at.min(file.len()).min(next.len()) / BLOCK * BLOCK;
        if given.is_err() {
            assert_eq!(blocks.root(), naive(&file));
        }
        match blocks.update(next.len() as u64, from as u64, &next[from..], |_| ()) {
            Ok(()) => file = next,
            Err(error) => {
                assert!(next.len().div_ceil(BLOCK) > room, "{error}");
                assert_eq!(blocks.root(), naive(&file));
            }
        }
        assert_eq!(blocks.root(), naive(&file));
        assert!(blocks.blocks().iter().copied().eq(file.chunks(BLOCK).map(Crc32::hash)));

        // Read once, in pieces; and with other room.
        let mut stream = RootStream::<Crc32>::new();
        file.chunks(1 + usize::from(count)).for_each(|piece| stream.update(piece));
        assert_eq!(stream.finish(), blocks.root());
        let mut other = vec![[0; 4]; digests_for((usize::from(byte) * BLOCK) as u64)];
        match blocks.moved(&mut other) {
            Ok(moved) => {
                assert_eq!(moved.root(), blocks.root());
                assert_eq!(moved.blocks(), blocks.blocks());
            }
            Err(error) => assert!(file.len().div_ceil(BLOCK) > usize::from(byte), "{error}"),
        }
    }
});

/// The definition in `docs/format/blocks.md`.
fn naive(content: &[u8]) -> [u8; 4] {
    let mut level: Vec<[u8; 4]> = content.chunks(BLOCK).map(Crc32::hash).collect();
    let mut number = 0;
    while level.len() > 1 {
        number += 1;
        let node =
            |children: &[[u8; 4]]| Crc32::hash(&[&[1, number], children.as_flattened()].concat());
        level = level.chunks(16).map(node).collect();
    }
    let size = (content.len() as u64).to_le_bytes();
    Crc32::hash(&[&[2], &size[..], level.as_flattened()].concat())
}
