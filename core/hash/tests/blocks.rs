//! Block digests against the definition in `docs/format/blocks.md`, through any history of changes.

use proptest::prelude::*;
use treenail_hash::blocks::{BLOCK_BYTES, Blocks, BlocksError, RootStream, digests_for};
use treenail_hash::{Blake3, Hash, Sha256, Xxh3, Xxh128};

const BLOCK: usize = BLOCK_BYTES as usize;

/// The definition, word for word.
fn naive_root<H: Hash>(content: &[u8]) -> H::Digest {
    let mut level: Vec<H::Digest> = content.chunks(BLOCK).map(H::hash).collect();
    let mut number = 0;
    while level.len() > 1 {
        number += 1;
        level = level
            .chunks(16)
            .map(|children| {
                let mut message = vec![1, number];
                children.iter().for_each(|child| message.extend(child.as_ref()));
                H::hash(&message)
            })
            .collect();
    }
    let mut message = vec![2];
    message.extend((content.len() as u64).to_le_bytes());
    level.iter().for_each(|top| message.extend(top.as_ref()));
    H::hash(&message)
}

fn content(length: usize) -> Vec<u8> {
    (0..length as u32).map(|i| (i.wrapping_mul(0x9e37_79b9) >> 23) as u8).collect()
}

fn memory<H: Hash>(blocks: usize) -> Vec<H::Digest> {
    vec![H::Digest::default(); digests_for((blocks * BLOCK) as u64)]
}

#[test]
fn the_root_is_the_one_defined() {
    fn check<H: Hash>() {
        let edges = [0, 1, 2, 15, 16, 17, 64, 65, 255, 256, 257, 300];
        for length in edges.map(|blocks: usize| blocks * BLOCK) {
            for length in [length.saturating_sub(1), length, length + 1] {
                let content = content(length);
                let mut memory = memory::<H>(301);
                let blocks = Blocks::<H>::build(&mut memory, &content).expect("room");
                assert_eq!(blocks.root(), naive_root::<H>(&content), "{}, {length}", H::NAME);
                assert!(blocks.blocks().iter().copied().eq(content.chunks(BLOCK).map(H::hash)));
            }
        }
    }
    check::<Xxh3>();
    check::<Xxh128>();
    check::<Blake3>();
    check::<Sha256>();
}

#[test]
fn a_streamed_root_is_the_one_defined() {
    fn check<H: Hash>(length: usize, piece: usize) {
        let content = content(length);
        let mut stream = RootStream::<H>::new();
        content.chunks(piece).for_each(|piece| stream.update(piece));
        assert_eq!(stream.size_bytes(), length as u64);
        assert_eq!(stream.finish(), naive_root::<H>(&content), "{}, {length}", H::NAME);
    }
    let edges = [0, 1, 2, 15, 16, 17, 64, 65, 255, 256, 257, 300];
    for length in edges.map(|blocks: usize| blocks * BLOCK) {
        for length in [length.saturating_sub(1), length, length + 1] {
            check::<Xxh128>(length, 1 << 20);
            check::<Xxh128>(length, BLOCK);
            check::<Xxh3>(length, 5_000);
            check::<Sha256>(length.min(70 * BLOCK), 100_000);
        }
    }
    check::<Xxh128>(3 * BLOCK, 1);
    // Four levels and a fifth.
    for blocks in [4_096, 4_097] {
        check::<Xxh128>(blocks * BLOCK, 77_777);
    }
}

#[test]
fn moved_to_other_memory_a_file_goes_on_growing() {
    let content = content(300 * BLOCK + 5);
    for (before, room) in [(0, 300), (1, 1), (17, 301), (300, 301)] {
        let mut small = memory::<Xxh128>(before);
        let first = &content[..before * BLOCK];
        let old = Blocks::<Xxh128>::build(&mut small, first).expect("room");
        let mut large = memory::<Xxh128>(room);
        let mut blocks = old.moved(&mut large).expect("room");
        assert_eq!((blocks.root(), blocks.blocks()), (old.root(), old.blocks()));
        let length = content.len().min(room * BLOCK);
        let start = before * BLOCK;
        blocks
            .update(length as u64, start as u64, &content[start..length], |block| {
                assert!(block >= before);
            })
            .expect("room");
        assert_eq!(blocks.root(), naive_root::<Xxh128>(&content[..length]));
    }
    let mut two = memory::<Xxh128>(2);
    let old = Blocks::<Xxh128>::build(&mut two, &content[..2 * BLOCK]).expect("room");
    let mut one = memory::<Xxh128>(1);
    assert!(matches!(old.moved(&mut one), Err(BlocksError::Full { .. })));
}

/// The golden values of `docs/format/blocks.md`.
#[test]
fn golden_roots() {
    fn root<H: Hash>(content: &[u8]) -> String {
        let mut memory = memory::<H>(20);
        let root = Blocks::<H>::build(&mut memory, content).expect("room").root();
        root.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
    let numbers: Vec<u8> = (0..20_000_u32).flat_map(u32::to_le_bytes).collect();
    for (content, sha256, xxh128) in GOLDEN.map(|(n, a, b)| (&numbers[..n], a, b)) {
        assert_eq!(root::<Sha256>(content), sha256, "{}", content.len());
        assert_eq!(root::<Xxh128>(content), xxh128, "{}", content.len());
    }
}

const GOLDEN: [(usize, &str, &str); 4] = [
    (
        0,
        "4322fd2bc0a137d1375b37b3b2e2b4715b3d3dd7ca9682438d4fea0f8437fad3",
        "27bad48ec40620ad06a827d0fbd869e8",
    ),
    (
        5,
        "4fdd82629d8f75b0d5ea208a3d5e0d01781c4263de0b60c94013c85f01387a8e",
        "663a234b2f0afec26f5c364364b7e280",
    ),
    (
        8192,
        "d7036ab05347de0d761f9e028ff3b42816b59f048a90bed99d10e01281b22d00",
        "305379dcbe8e3328ef022709484c715d",
    ),
    (
        80_000,
        "a0bc0b584f2dee7068eb70f6d764fdc35bf33b264c36fbc52bb870ade57d0423",
        "f33ebc3b472f3d402b6d945fe71f05d3",
    ),
];

#[test]
fn memory_just_large_enough_suffices_and_less_does_not() {
    for blocks in [0, 1, 2, 16, 17, 18, 33, 256, 257, 258, 400] {
        let content = content(blocks * BLOCK);
        let mut memory = memory::<Xxh3>(blocks);
        let root = Blocks::<Xxh3>::build(&mut memory, &content).expect("room").root();
        assert_eq!(root, naive_root::<Xxh3>(&content));
        if let Some((_, less)) = memory.split_last_mut() {
            let full = BlocksError::Full { digests: less.len(), needed: less.len() + 1 };
            assert_eq!(Blocks::<Xxh3>::build(less, &content).map(|_| ()), Err(full));
        }
    }
}

#[test]
fn comparing_reports_the_blocks_that_changed() {
    let mut content = content(300 * BLOCK + 10);
    let mut memory = memory::<Blake3>(400);
    let mut blocks = Blocks::<Blake3>::build(&mut memory, &content).expect("room");
    for at in [0, 17, 40 * BLOCK - 1, 299 * BLOCK, 300 * BLOCK + 9] {
        content[at] ^= 1;
    }
    let mut changed = Vec::new();
    let size = content.len() as u64;
    blocks.update(size, 0, &content, |block| changed.push(block)).expect("aligned");
    assert_eq!(changed, [0, 39, 299, 300]);
    assert_eq!(blocks.root(), naive_root::<Blake3>(&content));
    blocks
        .update(size, 0, &content, |block| panic!("block {block} did not change"))
        .expect("aligned");
}

#[test]
fn a_file_in_pieces_is_the_file() {
    let content = content(150 * BLOCK + 123);
    let mut memory = memory::<Xxh128>(200);
    let mut blocks = Blocks::<Xxh128>::new(&mut memory);
    let mut offset = 0;
    for piece in content.chunks(7 * BLOCK) {
        let end = offset + piece.len() as u64;
        blocks.update(end, offset, piece, |_| ()).expect("aligned");
        assert_eq!(blocks.root(), naive_root::<Xxh128>(&content[..end as usize]));
        offset = end;
    }
}

#[test]
fn memory_can_be_taken_up_again() {
    let content = content(20 * BLOCK);
    let mut memory = memory::<Xxh3>(50);
    let root = Blocks::<Xxh3>::build(&mut memory, &content).expect("room").root();
    let mut blocks = Blocks::<Xxh3>::resume(&mut memory, content.len() as u64).expect("room");
    assert_eq!(blocks.root(), root);
    blocks
        .update(content.len() as u64, 0, &content[..BLOCK], |_| panic!("nothing"))
        .expect("whole");
    assert!(Blocks::<Xxh3>::resume(&mut memory, 51 * BLOCK_BYTES).is_err());
}

#[test]
fn what_is_not_whole_blocks_is_refused_and_changes_nothing() {
    let content = content(10 * BLOCK + 5);
    let size = content.len() as u64;
    let mut memory = memory::<Xxh3>(20);
    let mut blocks = Blocks::<Xxh3>::build(&mut memory, &content).expect("room");
    let root = blocks.root();
    let mut refused = |size, offset: u64, bytes: &[u8]| {
        let error = blocks.update(size, offset, bytes, |_| panic!("changed")).expect_err("refused");
        assert_eq!(blocks.root(), root);
        error
    };
    let unaligned = |offset| BlocksError::Unaligned { offset };
    assert_eq!(refused(size, 1, &content[..BLOCK]), unaligned(1));
    assert_eq!(refused(size, 0, &content[..BLOCK - 1]), unaligned(0));
    assert_eq!(refused(size, size, &content[..1]), unaligned(size));
    assert_eq!(refused(size, u64::MAX, &content[..1]), unaligned(u64::MAX));
    // The last block grows; a block is added; the last block shrinks.
    assert_eq!(refused(size + 1, 0, &content[..BLOCK]), BlocksError::Missing { block: 10 });
    assert_eq!(
        refused(size + BLOCK_BYTES, 10 * BLOCK_BYTES, &[0; BLOCK]),
        BlocksError::Missing { block: 10 }
    );
    assert_eq!(refused(size - 1, 0, &[]), BlocksError::Missing { block: 10 });
    assert!(matches!(refused(u64::MAX, 0, &[]), BlocksError::Full { digests: 23, .. }));
}

#[test]
fn covering_widens_to_blocks_within_the_file() {
    let content = content(2 * BLOCK + 5);
    let mut memory = memory::<Xxh3>(3);
    let blocks = Blocks::<Xxh3>::build(&mut memory, &content).expect("room");
    assert_eq!(blocks.covering(0..1), 0..4096);
    assert_eq!(blocks.covering(4095..4097), 0..8192);
    assert_eq!(blocks.covering(8192..8193), 8192..8197);
    assert_eq!(blocks.covering(5000..u64::MAX), 4096..8197);
    assert!(blocks.covering(u64::MAX..u64::MAX).is_empty());
}

#[derive(Debug, Clone)]
enum Change {
    Write { at: usize, length: usize, byte: u8 },
    Resize { length: usize },
}

fn change() -> impl Strategy<Value = Change> {
    let write = (0..40 * BLOCK, 0..3 * BLOCK, any::<u8>());
    prop_oneof![
        write.prop_map(|(at, length, byte)| Change::Write { at, length, byte }),
        (0..40 * BLOCK).prop_map(|length| Change::Resize { length }),
        (0..40_usize).prop_map(|blocks| Change::Resize { length: blocks * BLOCK }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_root_follows_any_history(
        changes in prop::collection::vec(change(), 1..12),
        room in 40..100_usize,
    ) {
        let mut file = Vec::new();
        let mut memory = memory::<Xxh3>(room);
        let mut blocks = Blocks::<Xxh3>::new(&mut memory);
        for change in changes {
            match change {
                Change::Write { at, length, byte } => {
                    let at = at.min(file.len());
                    let end = (at + length).min(file.len());
                    file[at..end].fill(byte);
                    let dirty = blocks.covering(at as u64..end as u64);
                    let bytes = &file[dirty.start as usize..dirty.end as usize];
                    blocks.update(file.len() as u64, dirty.start, bytes, |_| ()).expect("whole");
                }
                Change::Resize { length } => {
                    let from = file.len().min(length) / BLOCK * BLOCK;
                    file.resize(length, 9);
                    let (size, from) = (length as u64, from as u64);
                    let bytes = &file[from as usize..];
                    blocks.update(size, from, bytes, |_| ()).expect("whole");
                }
            }
            prop_assert_eq!(blocks.root(), naive_root::<Xxh3>(&file));
        }
    }
}
