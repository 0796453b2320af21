//! SHA-256 of many messages, by every back end that the machine has, against the `sha2` crate.

mod common;

use sha2::Digest as _;
use treenail_hash::{Hash, Sha256, sha256_many};

use self::common::{Random, with_each_back_end};

fn check(messages: &[&[u8]]) {
    let mut digests = vec![[0xEE; 32]; messages.len()];
    sha256_many(messages, &mut digests);
    for (number, (message, digest)) in messages.iter().zip(&digests).enumerate() {
        let expected: [u8; 32] = sha2::Sha256::digest(message).into();
        let count = messages.len();
        assert_eq!(*digest, expected, "{number} of {count}: {} bytes", message.len());
    }
}

#[test]
fn every_length_equals_the_reference() {
    let data = Random(1).bytes(4096);
    with_each_back_end(|| {
        let messages: Vec<&[u8]> = (0..=300).map(|length| &data[..length]).collect();
        check(&messages);
        for length in 0..=300 {
            check(&[&data[..length]; 5]);
        }
    });
}

#[test]
fn every_count_and_mixed_lengths_equal_the_reference() {
    let data = Random(2).bytes(20_000);
    with_each_back_end(|| {
        let mut random = Random(3);
        for count in 0..=70 {
            for longest in [1, 64, 200, 3000] {
                let mut messages: Vec<&[u8]> = Vec::new();
                for _ in 0..count {
                    let start = random.below(data.len() - longest);
                    messages.push(&data[start..start + random.below(longest + 1)]);
                }
                check(&messages);
            }
        }
    });
}

#[test]
fn one_long_message_among_short_ones_equals_the_reference() {
    let data = Random(4).bytes(300_000);
    with_each_back_end(|| {
        for place in [0, 1, 20, 39] {
            let mut messages: Vec<&[u8]> = vec![&data[7..107]; 40];
            messages[place] = &data;
            check(&messages);
        }
    });
}

#[test]
fn every_alignment_equals_the_reference() {
    let data = Random(5).bytes(64 + 1000);
    with_each_back_end(|| {
        for length in [55, 64, 119, 128, 500, 1000] {
            let messages: Vec<&[u8]> = (0..64).map(|start| &data[start..start + length]).collect();
            check(&messages);
        }
    });
}

#[test]
fn published_vectors() {
    let hex = |digest: [u8; 32]| -> String { digest.iter().map(|b| format!("{b:02x}")).collect() };
    // FIPS 180-2, appendix B, and the vector of a million letters.
    let million = vec![b'a'; 1_000_000];
    let messages: [&[u8]; 4] =
        [b"", b"abc", b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", &million];
    with_each_back_end(|| {
        let mut digests = [[0; 32]; 4];
        Sha256::hash_many(&messages, &mut digests);
        assert_eq!(
            digests.map(hex),
            [
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
                "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
            ]
        );
    });
}

#[test]
#[should_panic(expected = "one digest for each message")]
fn slices_of_different_length_are_refused() {
    sha256_many(&[b"a", b"b"], &mut [[0; 32]]);
}
