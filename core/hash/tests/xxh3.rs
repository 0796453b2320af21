//! XXH3 on every back end that the machine has, against the crate xxhash-rust.

use std::sync::{Mutex, PoisonError};

use treenail_hash::__internal::{Features, limit};
use treenail_hash::xxh3::{
    Secret, Xxh3WithSecret, Xxh128WithSecret, xxh3_64, xxh3_64_many, xxh3_64_with_secret,
    xxh3_64_with_seed, xxh3_128, xxh3_128_many, xxh3_128_with_secret, xxh3_128_with_seed,
};
use treenail_hash::{Hash, Xxh3, Xxh128};
use xxhash_rust::xxh3 as reference;

const LENGTH_MAX: usize = 4096;
const SEEDS: [u64; 4] = [0, 1, 0x9E37_79B1_85EB_CA8D, u64::MAX];

/// A small generator of repeatable bytes and numbers.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }
}

/// Runs `check` with each set of back ends in turn; all that the machine lacks run as the next
/// lesser one, which does no harm.
fn on_every_back_end(check: impl Fn()) {
    static LIMIT: Mutex<()> = Mutex::new(());
    let _guard = LIMIT.lock().unwrap_or_else(PoisonError::into_inner);
    for features in [Features::NONE, Features::AVX2, Features::ALL] {
        limit(features);
        check();
    }
}

fn equals_reference(message: &[u8], secrets: &[&[u8]]) {
    let length = message.len();
    assert_eq!(xxh3_64(message), reference::xxh3_64(message), "{length}");
    assert_eq!(xxh3_128(message), reference::xxh3_128(message), "{length}");
    for seed in SEEDS {
        let expected = reference::xxh3_64_with_seed(message, seed);
        assert_eq!(xxh3_64_with_seed(message, seed), expected, "{length}, seed {seed}");
        let expected = reference::xxh3_128_with_seed(message, seed);
        assert_eq!(xxh3_128_with_seed(message, seed), expected, "{length}, seed {seed}");
    }
    for bytes in secrets {
        let secret = Secret::new(bytes).expect("long enough");
        let expected = reference::xxh3_64_with_secret(message, bytes);
        assert_eq!(xxh3_64_with_secret(message, secret), expected, "{length}, {}", bytes.len());
        let expected = reference::xxh3_128_with_secret(message, bytes);
        assert_eq!(xxh3_128_with_secret(message, secret), expected, "{length}, {}", bytes.len());
    }
}

#[test]
fn every_length_equals_the_reference() {
    let mut random = Random(1);
    let message = random.bytes(LENGTH_MAX);
    let secrets = [136, 137, 192, 200, 1000].map(|length| random.bytes(length));
    let secrets = secrets.each_ref().map(Vec::as_slice);
    on_every_back_end(|| {
        for length in 0..=LENGTH_MAX {
            equals_reference(&message[..length], &secrets);
        }
    });
}

#[test]
fn longer_messages_equal_the_reference() {
    let mut random = Random(2);
    let message = random.bytes(1 << 20);
    let secrets = [136, 192, 5000].map(|length| random.bytes(length));
    let secrets = secrets.each_ref().map(Vec::as_slice);
    let lengths: Vec<_> = (0..40).map(|_| random.below(message.len())).collect();
    on_every_back_end(|| {
        lengths.iter().for_each(|&length| equals_reference(&message[..length], &secrets));
    });
}

#[test]
fn alignment_does_not_matter() {
    let message = Random(3).bytes(2048 + 64);
    on_every_back_end(|| {
        for offset in 0..64 {
            for length in [1, 5, 13, 29, 64, 100, 128, 177, 240, 241, 300, 1024, 1025, 2048] {
                equals_reference(&message[offset..offset + length], &[]);
            }
        }
    });
}

/// The four kinds of state after the same pieces.
fn states_equal_one_shot(pieces: &[&[u8]], seed: u64, secret: &[u8]) {
    let whole = pieces.concat();
    let secret = Secret::new(secret).expect("long enough");
    let (mut narrow, mut wide) = (Xxh3::with_seed(seed), Xxh128::with_seed(seed));
    let (mut narrow_keyed, mut wide_keyed) =
        (Xxh3WithSecret::new(secret), Xxh128WithSecret::new(secret));
    for piece in pieces {
        narrow.update(piece);
        wide.update(piece);
        narrow_keyed.update(piece);
        wide_keyed.update(piece);
    }
    assert_eq!(narrow.digest(), xxh3_64_with_seed(&whole, seed), "{}", whole.len());
    assert_eq!(wide.digest(), xxh3_128_with_seed(&whole, seed), "{}", whole.len());
    assert_eq!(narrow_keyed.digest(), xxh3_64_with_secret(&whole, secret), "{}", whole.len());
    assert_eq!(wide_keyed.digest(), xxh3_128_with_secret(&whole, secret), "{}", whole.len());
    assert_eq!(narrow.finish(), xxh3_64_with_seed(&whole, seed).to_be_bytes());
    assert_eq!(wide.finish(), xxh3_128_with_seed(&whole, seed).to_be_bytes());
}

#[test]
fn every_split_equals_one_shot() {
    let mut random = Random(4);
    let message = random.bytes(2600);
    let secret = random.bytes(150);
    on_every_back_end(|| {
        for length in [0, 1, 240, 241, 256, 257, 320, 512, 513, 1024, 1025, 1088, 1300, 2600] {
            for split in 0..=length {
                states_equal_one_shot(
                    &[&message[..split], &message[split..length]],
                    split as u64 % 3,
                    &secret,
                );
            }
        }
    });
}

#[test]
fn random_pieces_equal_one_shot() {
    let mut random = Random(5);
    let message = random.bytes(20_000);
    let cases: Vec<_> = (0..300)
        .map(|i| {
            let longest = [3, 70, 300, 3000][i % 4];
            let pieces: Vec<_> = (0..1 + random.below(12))
                .map(|_| {
                    let at = random.below(message.len() - longest);
                    &message[at..at + random.below(longest + 1)]
                })
                .collect();
            (pieces, random.next(), random.bytes([136, 192, 333][i % 3]))
        })
        .collect();
    on_every_back_end(|| {
        cases.iter().for_each(|(pieces, seed, secret)| {
            states_equal_one_shot(pieces, *seed, secret);
        });
    });
}

#[test]
fn digest_can_be_asked_for_on_the_way() {
    let message = Random(6).bytes(1500);
    on_every_back_end(|| {
        let (mut narrow, mut wide) = (Xxh3::default(), Xxh128::default());
        for (i, byte) in message.iter().enumerate() {
            assert_eq!(narrow.digest(), xxh3_64(&message[..i]), "{i}");
            assert_eq!(wide.digest(), xxh3_128(&message[..i]), "{i}");
            narrow.update(core::slice::from_ref(byte));
            wide.update(core::slice::from_ref(byte));
        }
    });
}

fn many_equals_one_by_one(messages: &[&[u8]]) {
    let (mut narrow, mut wide) = (vec![1; messages.len()], vec![1; messages.len()]);
    xxh3_64_many(messages, &mut narrow);
    xxh3_128_many(messages, &mut wide);
    let (mut bytes, mut wide_bytes) = (vec![[1; 8]; messages.len()], vec![[1; 16]; messages.len()]);
    Xxh3::hash_many(messages, &mut bytes);
    Xxh128::hash_many(messages, &mut wide_bytes);
    for (i, message) in messages.iter().enumerate() {
        assert_eq!(narrow[i], reference::xxh3_64(message), "{} bytes at {i}", message.len());
        assert_eq!(wide[i], reference::xxh3_128(message), "{} bytes at {i}", message.len());
        assert_eq!(bytes[i], narrow[i].to_be_bytes());
        assert_eq!(wide_bytes[i], wide[i].to_be_bytes());
    }
}

#[test]
fn many_of_one_length_equal_one_by_one() {
    let mut random = Random(7);
    // Each in a vector of its own, so that a sanitizer sees a read outside of it.
    let messages: Vec<_> = (0..=520)
        .chain([1023, 1024, 1025, 2047, 2049, 4096])
        .map(|length| (0..19).map(|_| random.bytes(length)).collect::<Vec<_>>())
        .collect();
    on_every_back_end(|| {
        for messages in &messages {
            let messages: Vec<_> = messages.iter().map(Vec::as_slice).collect();
            (0..=17).for_each(|count| many_equals_one_by_one(&messages[..count]));
        }
    });
}

#[test]
fn many_of_mixed_lengths_equal_one_by_one() {
    let mut random = Random(8);
    let message = random.bytes(8192);
    let sets: Vec<Vec<&[u8]>> = (0..400)
        .map(|i| {
            let longest = [16, 64, 130, 241, 400, 1200, 5000][i % 7];
            let mut set = Vec::new();
            for _ in 0..random.below(80) {
                let at = random.below(message.len() - longest);
                let one = &message[at..at + random.below(longest + 1)];
                // Runs and duplicates.
                let copies = if random.below(4) == 0 { 1 + random.below(20) } else { 1 };
                (0..copies).for_each(|_| set.push(one));
            }
            set
        })
        .collect();
    on_every_back_end(|| sets.iter().for_each(|set| many_equals_one_by_one(set)));
}

#[test]
#[should_panic(expected = "one digest for each message")]
fn many_refuses_slices_of_different_length() {
    xxh3_64_many(&[b"a", b"b"], &mut [0]);
}
