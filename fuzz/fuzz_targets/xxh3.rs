//! XXH3 of any message, seed, secret and split, alone and among many, equals another
//! implementation's.
#![no_main]

use libfuzzer_sys::fuzz_target;
use treenail_hash::xxh3::{
    Secret, Xxh3WithSecret, Xxh128WithSecret, xxh3_64_many, xxh3_64_with_secret, xxh3_64_with_seed,
    xxh3_128_many, xxh3_128_with_secret, xxh3_128_with_seed,
};
use treenail_hash::{Hash, Xxh3, Xxh128};
use xxhash_rust::xxh3 as reference;

fuzz_target!(|input: (u64, u16, Vec<u16>, &[u8])| {
    let (seed, secret_length, lengths, message) = input;
    let secret = secret(seed, secret_length);
    let pieces = cut(&lengths, message);
    one_shot(message, seed, &secret);
    streams(&pieces, message, seed, &secret);
    many(&pieces);
});

/// Up to 4 KiB that the seed decides.
fn secret(seed: u64, length: u16) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        (state >> 56) as u8
    };
    (0..Secret::SIZE_BYTES_MIN + usize::from(length % 4096)).map(|_| next()).collect()
}

/// `message` in pieces as long as `lengths` say, and the rest.
fn cut<'a>(lengths: &[u16], mut message: &'a [u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for &length in lengths {
        let (piece, rest) = message.split_at(usize::from(length % 2048).min(message.len()));
        pieces.push(piece);
        message = rest;
    }
    pieces.push(message);
    pieces
}

fn one_shot(message: &[u8], seed: u64, bytes: &[u8]) {
    let secret = Secret::new(bytes).expect("long enough");
    let expected = reference::xxh3_64_with_seed(message, seed);
    assert_eq!(xxh3_64_with_seed(message, seed), expected);
    let expected = reference::xxh3_128_with_seed(message, seed);
    assert_eq!(xxh3_128_with_seed(message, seed), expected);
    let expected = reference::xxh3_64_with_secret(message, bytes);
    assert_eq!(xxh3_64_with_secret(message, secret), expected);
    let expected = reference::xxh3_128_with_secret(message, bytes);
    assert_eq!(xxh3_128_with_secret(message, secret), expected);
}

fn streams(pieces: &[&[u8]], message: &[u8], seed: u64, bytes: &[u8]) {
    let secret = Secret::new(bytes).expect("long enough");
    let (mut narrow, mut wide) = (Xxh3::with_seed(seed), Xxh128::with_seed(seed));
    let (mut narrow_keyed, mut wide_keyed) =
        (Xxh3WithSecret::new(secret), Xxh128WithSecret::new(secret));
    for piece in pieces {
        narrow.update(piece);
        wide.update(piece);
        narrow_keyed.update(piece);
        wide_keyed.update(piece);
    }
    assert_eq!(narrow.digest(), reference::xxh3_64_with_seed(message, seed));
    assert_eq!(wide.digest(), reference::xxh3_128_with_seed(message, seed));
    assert_eq!(narrow_keyed.digest(), reference::xxh3_64_with_secret(message, bytes));
    assert_eq!(wide_keyed.digest(), reference::xxh3_128_with_secret(message, bytes));
}

fn many(pieces: &[&[u8]]) {
    let (mut narrow, mut wide) = (vec![0; pieces.len()], vec![0; pieces.len()]);
    xxh3_64_many(pieces, &mut narrow);
    xxh3_128_many(pieces, &mut wide);
    for ((piece, narrow), wide) in pieces.iter().zip(narrow).zip(wide) {
        assert_eq!(narrow, reference::xxh3_64(piece), "{} bytes", piece.len());
        assert_eq!(wide, reference::xxh3_128(piece), "{} bytes", piece.len());
    }
}
