//! Chunking: however the stream comes in pieces and whatever the back end, the cuts are the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use treenail_hash::__internal::{Features, limit};
use treenail_hash::cdc::{Chunker, Key, Sizes, chunks};

fuzz_target!(|input: (u16, [u8; 16], bool, Vec<u16>, &[u8])| {
    let (target, secret, strong, lengths, stream) = input;
    let sizes = Sizes::new(64 + u32::from(target) % 2000).expect("within the limits");
    let key = if strong { Key::strong(secret) } else { Key::fast(secret) };

    // The portable back end is the rule in code; its tests hold it against the text.
    limit(Features::NONE);
    let expected: Vec<&[u8]> = chunks(&key, sizes, stream).collect();
    assert_eq!(expected.concat(), stream);
    if let Some((_, whole)) = expected.split_last() {
        let limits = sizes.min_bytes()..=sizes.max_bytes();
        assert!(whole.iter().all(|chunk| limits.contains(&chunk.len())));
    }
    let vaes = Features::AVX2.with(Features::VAES);
    for features in [Features::AES_NI, vaes, Features::ALL] {
        limit(features);
        assert!(chunks(&key, sizes, stream).eq(expected.iter().copied()), "{features:?}");
    }
    let expected: Vec<usize> = expected.iter().map(|chunk| chunk.len()).collect();
    assert_eq!(streamed(Chunker::new(key, sizes), &lengths, stream), expected);
});

fn streamed(mut chunker: Chunker, lengths: &[u16], mut stream: &[u8]) -> Vec<usize> {
    let mut chunks = Vec::new();
    let last = stream.len();
    for length in lengths.iter().map(|&length| usize::from(length)).chain([last]) {
        let (mut piece, rest) = stream.split_at(length.min(stream.len()));
        stream = rest;
        loop {
            let before = chunker.chunk_bytes();
            let Some(at) = chunker.next_cut(piece) else { break };
            chunks.push(before + at);
            piece = &piece[at..];
        }
    }
    chunks.extend((chunker.chunk_bytes() > 0).then(|| chunker.chunk_bytes()));
    chunks
}
