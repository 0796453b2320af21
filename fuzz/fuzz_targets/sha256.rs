//! SHA-256 of many messages, by each back end, equals the `sha2` crate's.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sha2::Digest as _;
use treenail_hash::__internal::{Features, limit};
use treenail_hash::sha256_many;

const BACK_ENDS: [Features; 4] =
    [Features::SHA_NI.with(Features::AVX2), Features::AVX512, Features::AVX2, Features::NONE];

fuzz_target!(|input: (Vec<u16>, u8, &[u8])| {
    let (lengths, back_end, mut data) = input;
    limit(BACK_ENDS[usize::from(back_end) % BACK_ENDS.len()]);
    let mut messages = Vec::new();
    for length in lengths {
        // Messages overlap: the next one begins a little further on.
        messages.push(&data[..usize::from(length).min(data.len())]);
        data = &data[usize::from(length % 7).min(data.len())..];
    }
    let mut digests = vec![[0; 32]; messages.len()];
    sha256_many(&messages, &mut digests);
    for (message, digest) in messages.iter().zip(digests) {
        assert_eq!(digest, <[u8; 32]>::from(sha2::Sha256::digest(message)));
    }
});
