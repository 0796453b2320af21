//! Every algorithm: a message in pieces, in one go and among others has one digest.
#![no_main]

use libfuzzer_sys::fuzz_target;
use treenail_hash::{Blake3, Crc32, Crc32c, GitBlob, Hash, Sha1, Sha256, Xxh3, Xxh128};

fuzz_target!(|input: (Vec<u16>, &[u8])| {
    let (lengths, message) = input;
    let pieces = cut(&lengths, message);
    check::<Xxh3>(&pieces, message);
    check::<Xxh128>(&pieces, message);
    check::<Blake3>(&pieces, message);
    check::<Sha256>(&pieces, message);
    check::<Sha1>(&pieces, message);
    check::<Crc32>(&pieces, message);
    check::<Crc32c>(&pieces, message);
    assert_eq!(u32::from_be_bytes(Crc32::hash(message)), crc(0xedb8_8320, message));
    assert_eq!(u32::from_be_bytes(Crc32c::hash(message)), crc(0x82f6_3b78, message));

    let mut blob = GitBlob::new(message.len() as u64);
    pieces.iter().for_each(|piece| blob.update(piece));
    assert_eq!(blob.finish_checked().ok(), GitBlob::hash_checked(message).ok());
});

/// A CRC bit by bit, as it is defined.
fn crc(polynomial: u32, message: &[u8]) -> u32 {
    let step = |register: u32| (register >> 1) ^ ((register & 1) * polynomial);
    !message.iter().fold(!0, |register, byte| {
        (0..8).fold(register ^ u32::from(*byte), |register, _| step(register))
    })
}

/// `message` in pieces as long as `lengths` say, and the rest.
fn cut<'a>(lengths: &[u16], mut message: &'a [u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for &length in lengths {
        let (piece, rest) = message.split_at(usize::from(length).min(message.len()));
        pieces.push(piece);
        message = rest;
    }
    pieces.push(message);
    pieces
}

fn check<H: Hash>(pieces: &[&[u8]], message: &[u8]) {
    let mut state = H::default();
    pieces.iter().for_each(|piece| state.update(piece));
    assert_eq!(state.finish(), H::hash(message), "{}", H::NAME);

    let mut digests = vec![H::Digest::default(); pieces.len()];
    H::hash_many(pieces, &mut digests);
    for (piece, digest) in pieces.iter().zip(digests) {
        assert_eq!(digest, H::hash(piece), "{} of many", H::NAME);
    }
}
