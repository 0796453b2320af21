//! What every algorithm promises: the digest depends on the message alone.

use treenail_hash::{Blake3, Crc32, Crc32c, Digest, Hash, Sha1, Sha256, Xxh3, Xxh128};

const LENGTH_MAX: usize = 600;

fn message() -> Vec<u8> {
    (0..LENGTH_MAX as u32).map(|i| (i.wrapping_mul(0x9E37_79B9) >> 24) as u8).collect()
}

fn every_split_equals_one_shot<H: Hash>() {
    let message = message();
    for length in 0..=LENGTH_MAX {
        let message = &message[..length];
        let expected = H::hash(message);
        for split in 0..=length {
            let mut state = H::default();
            state.update(&message[..split]);
            state.update(&message[split..]);
            assert_eq!(state.finish(), expected, "{} of {length} at {split}", H::NAME);
        }
    }
}

fn byte_by_byte_equals_one_shot<H: Hash>() {
    let message: Vec<u8> = message().repeat(9);
    let mut state = H::default();
    for byte in &message {
        state.update(core::slice::from_ref(byte));
        state.update(&[]);
    }
    assert_eq!(state.finish(), H::hash(&message), "{}", H::NAME);
}

fn clone_is_independent<H: Hash>() {
    let mut original = H::default();
    original.update(b"common");
    let mut copy = original.clone();
    copy.update(b" and more");
    assert_eq!(original.finish(), H::hash(b"common"));
    assert_eq!(copy.finish(), H::hash(b"common and more"));
}

fn many_equals_one_by_one<H: Hash>() {
    let message = message();
    let messages: Vec<&[u8]> =
        (0..=LENGTH_MAX).map(|length| &message[length / 3..length]).collect();
    let mut digests = vec![H::Digest::default(); messages.len()];
    H::hash_many(&messages, &mut digests);
    for (message, digest) in messages.iter().zip(&digests) {
        assert_eq!(*digest, H::hash(message), "{} of {}", H::NAME, message.len());
    }
    H::hash_many(&[], &mut []);
}

fn digest_is_as_long_as_it_says<H: Hash>() {
    assert_eq!(H::hash(b"").as_ref().len(), H::Digest::SIZE_BYTES);
}

macro_rules! algorithms {
    ($($name:ident: $hash:ty,)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn every_split_equals_one_shot() {
                super::every_split_equals_one_shot::<$hash>();
            }

            #[test]
            fn byte_by_byte_equals_one_shot() {
                super::byte_by_byte_equals_one_shot::<$hash>();
            }

            #[test]
            fn clone_is_independent() {
                super::clone_is_independent::<$hash>();
            }

            #[test]
            fn many_equals_one_by_one() {
                super::many_equals_one_by_one::<$hash>();
            }

            #[test]
            fn digest_is_as_long_as_it_says() {
                super::digest_is_as_long_as_it_says::<$hash>();
            }
        }
    )*};
}

algorithms! {
    xxh3: Xxh3,
    xxh128: Xxh128,
    blake3: Blake3,
    sha256: Sha256,
    sha1: Sha1,
    crc32: Crc32,
    crc32c: Crc32c,
}

#[test]
#[should_panic(expected = "one digest for each message")]
fn many_refuses_slices_of_different_length() {
    Xxh3::hash_many(&[b"a", b"b"], &mut [[0; 8]]);
}
