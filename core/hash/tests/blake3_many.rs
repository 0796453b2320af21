//! BLAKE3 of many messages: each back end against the crate, one by one.

use treenail_hash::__internal::{Features, limit};
use treenail_hash::{Blake3, Hash};

fn content(size_bytes: usize, salt: u64) -> Vec<u8> {
    let mut state = salt.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as u8
    };
    std::iter::repeat_with(next).take(size_bytes).collect()
}

fn check(messages: &[&[u8]]) {
    for features in [Features::ALL, Features::AVX2, Features::NONE] {
        limit(features);
        let mut digests = vec![[0; 32]; messages.len()];
        Blake3::hash_many(messages, &mut digests);
        for (message, digest) in messages.iter().zip(&digests) {
            let expected = *blake3::hash(message).as_bytes();
            assert_eq!(*digest, expected, "{} bytes, {features:?}", message.len());
        }
    }
    limit(Features::ALL);
}

#[test]
fn every_length_up_to_five_chunks_is_right_among_its_neighbours() {
    let bytes = content(5 * 1024 + 80, 1);
    let lengths: Vec<usize> = (0..bytes.len()).collect();
    for lengths in lengths.chunks(37) {
        let messages: Vec<&[u8]> = lengths.iter().map(|&length| &bytes[..length]).collect();
        check(&messages);
    }
}

#[test]
fn mixed_lengths_around_every_limit_are_right() {
    let lengths = (0..=35).flat_map(|chunks: usize| {
        [0, 1, 63, 64, 65, 500, 1023].map(move |more| chunks * 1024 + more)
    });
    let messages: Vec<Vec<u8>> = lengths.zip(0..).map(|(length, i)| content(length, i)).collect();
    let mut messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    check(&messages);
    messages.reverse();
    check(&messages);
    // A stride that shares no divisor with the count mixes them.
    let mixed: Vec<&[u8]> = (0..messages.len()).map(|i| messages[i * 59 % 252]).collect();
    check(&mixed);
}

#[test]
fn every_number_of_messages_is_right() {
    let bytes = content(3000, 7);
    for count in 0..40 {
        let messages: Vec<&[u8]> = (0..count).map(|i| &bytes[i..i * 71]).collect();
        check(&messages);
    }
}
