//! Messages of up to 240 bytes: scalar arithmetic, no state, no question to the processor.
//!
//! Without a seed the secret's bytes are constants in the code; [`ShortKey`] lets the compiler see
//! them. Up to 128 bytes everything is inlined where the digest is asked for; the rest is a call.

use super::arith::{
    PRIME_MX2, PRIME32_2, PRIME64_1, PRIME64_2, PRIME64_4, avalanche, avalanche_xxh64, join,
    multiply_fold, multiply_wide, opaque, read_u32, read_u64,
};
use super::secret::{Head, Secret, ShortKey};

/// The longest message for these functions.
pub(super) const SHORT_BYTES_MAX: usize = 240;

/// Where messages over 128 bytes take up the secret again, and where their last bytes do.
const RESTART: usize = 3;
const LAST: usize = Secret::SIZE_BYTES_MIN - 17;

/// XXH3-64 of a message of at most 16 bytes.
#[inline(always)]
pub(super) fn hash_64_to_16<K: ShortKey>(message: &[u8], key: &K) -> u64 {
    let (seed, secret) = (key.seed(), key.head());
    let length = message.len();
    if length > 8 {
        let flip_low = (read_u64(secret, 24) ^ read_u64(secret, 32)).wrapping_add(seed);
        let flip_high = (read_u64(secret, 40) ^ read_u64(secret, 48)).wrapping_sub(seed);
        let low = read_u64(message, 0) ^ flip_low;
        let high = read_u64(message, length - 8) ^ flip_high;
        let sum = (length as u64).wrapping_add(low.swap_bytes()).wrapping_add(high);
        avalanche(sum.wrapping_add(multiply_fold(low, high)))
    } else if length >= 4 {
        let flip = (read_u64(secret, 8) ^ read_u64(secret, 16)).wrapping_sub(spread(seed));
        let first = u64::from(read_u32(message, 0));
        let last = u64::from(read_u32(message, length - 4));
        let keyed = (first << 32).wrapping_add(last) ^ flip;
        let mixed = keyed ^ keyed.rotate_left(49) ^ keyed.rotate_left(24);
        let mixed = mixed.wrapping_mul(PRIME_MX2);
        let mixed = mixed ^ (mixed >> 35).wrapping_add(length as u64);
        let mixed = mixed.wrapping_mul(PRIME_MX2);
        mixed ^ mixed >> 28
    } else if length > 0 {
        let flip = u64::from(read_u32(secret, 0) ^ read_u32(secret, 4)).wrapping_add(seed);
        avalanche_xxh64(u64::from(up_to_3(message)) ^ flip)
    } else {
        avalanche_xxh64(seed ^ read_u64(secret, 56) ^ read_u64(secret, 64))
    }
}

/// XXH3-64 of a message of 17 to 128 bytes.
#[inline(always)]
pub(super) fn hash_64_to_128<K: ShortKey>(message: &[u8], key: &K) -> u64 {
    let (seed, secret) = (key.seed(), key.head());
    let length = message.len();
    let mut sum = (length as u64).wrapping_mul(PRIME64_1);
    if length > 32 {
        if length > 64 {
            if length > 96 {
                sum = sum.wrapping_add(mix_ends(message, 48, secret, seed));
            }
            sum = sum.wrapping_add(mix_ends(message, 32, secret, seed));
        }
        sum = sum.wrapping_add(mix_ends(message, 16, secret, seed));
    }
    avalanche(sum.wrapping_add(mix_ends(message, 0, secret, seed)))
}

/// XXH3-64 of a message of 129 to 240 bytes.
#[inline(never)]
pub(super) fn hash_64_to_240<K: ShortKey>(message: &[u8], key: &K) -> u64 {
    let (seed, secret) = (key.seed(), key.head());
    let (parts, _) = message.as_chunks::<16>();
    let (first, rest) = parts.split_first_chunk::<8>().expect("more than 128 bytes");
    let last: &[u8; 16] = message.last_chunk().expect("more than 128 bytes");
    let mut sum = (message.len() as u64).wrapping_mul(PRIME64_1);
    for (i, part) in first.iter().enumerate() {
        sum = sum.wrapping_add(mix_16(part, 0, secret, 16 * i, seed));
    }
    // Else the compiler does this last and keeps all of the message in memory meanwhile.
    let sum = opaque(avalanche(sum));
    let mut others = mix_16(last, 0, secret, LAST, seed);
    // The bound lets the compiler unroll the loop and know the secret's bytes.
    for i in 0..7 {
        let Some(part) = rest.get(i) else { break };
        others = others.wrapping_add(mix_16(part, 0, secret, 16 * i + RESTART, seed));
    }
    avalanche(sum.wrapping_add(others))
}

/// XXH3-128 of a message of at most 16 bytes.
#[inline(always)]
pub(super) fn hash_128_to_16<K: ShortKey>(message: &[u8], key: &K) -> u128 {
    let (seed, secret) = (key.seed(), key.head());
    let length = message.len();
    if length > 8 {
        nine_to_16(message, seed, secret)
    } else if length >= 4 {
        let flip = (read_u64(secret, 16) ^ read_u64(secret, 24)).wrapping_add(spread(seed));
        let first = u64::from(read_u32(message, 0));
        let last = u64::from(read_u32(message, length - 4));
        let keyed = first.wrapping_add(last << 32) ^ flip;
        let (low, high) = multiply_wide(keyed, PRIME64_1.wrapping_add((length as u64) << 2));
        let high = high.wrapping_add(low << 1);
        let low = low ^ high >> 3;
        let low = (low ^ low >> 35).wrapping_mul(PRIME_MX2);
        join(low ^ low >> 28, avalanche(high))
    } else if length > 0 {
        let (low, high) = (up_to_3(message), up_to_3(message).swap_bytes().rotate_left(13));
        let flip_low = u64::from(read_u32(secret, 0) ^ read_u32(secret, 4)).wrapping_add(seed);
        let flip_high = u64::from(read_u32(secret, 8) ^ read_u32(secret, 12)).wrapping_sub(seed);
        join(
            avalanche_xxh64(u64::from(low) ^ flip_low),
            avalanche_xxh64(u64::from(high) ^ flip_high),
        )
    } else {
        join(
            avalanche_xxh64(seed ^ read_u64(secret, 64) ^ read_u64(secret, 72)),
            avalanche_xxh64(seed ^ read_u64(secret, 80) ^ read_u64(secret, 88)),
        )
    }
}

/// XXH3-128 of a message of 17 to 128 bytes.
#[inline(always)]
pub(super) fn hash_128_to_128<K: ShortKey>(message: &[u8], key: &K) -> u128 {
    let (seed, secret) = (key.seed(), key.head());
    let length = message.len();
    let mut state = ((length as u64).wrapping_mul(PRIME64_1), 0);
    if length > 32 {
        if length > 64 {
            if length > 96 {
                state = mix_32(state, message, [48, length - 64], secret, 96, seed);
            }
            state = mix_32(state, message, [32, length - 48], secret, 64, seed);
        }
        state = mix_32(state, message, [16, length - 32], secret, 32, seed);
    }
    state = mix_32(state, message, [0, length - 16], secret, 0, seed);
    finish_128(state, length, seed)
}

/// XXH3-128 of a message of 129 to 240 bytes.
#[inline(never)]
pub(super) fn hash_128_to_240<K: ShortKey>(message: &[u8], key: &K) -> u128 {
    let (seed, secret) = (key.seed(), key.head());
    let (parts, _) = message.as_chunks::<32>();
    let (first, rest) = parts.split_first_chunk::<4>().expect("more than 128 bytes");
    let last: &[u8; 32] = message.last_chunk().expect("more than 128 bytes");
    let mut state = ((message.len() as u64).wrapping_mul(PRIME64_1), 0);
    for (i, part) in first.iter().enumerate() {
        state = mix_32(state, part, [0, 16], secret, 32 * i, seed);
    }
    state = (avalanche(state.0), avalanche(state.1));
    // The bound lets the compiler unroll the loop and know the secret's bytes.
    for i in 0..3 {
        let Some(part) = rest.get(i) else { break };
        state = mix_32(state, part, [0, 16], secret, 32 * i + RESTART, seed);
    }
    state = mix_32(state, last, [16, 0], secret, LAST - 16, seed.wrapping_neg());
    finish_128(state, message.len(), seed)
}

#[inline(always)]
fn nine_to_16(message: &[u8], seed: u64, secret: &Head) -> u128 {
    let length = message.len();
    let flip_low = (read_u64(secret, 32) ^ read_u64(secret, 40)).wrapping_sub(seed);
    let flip_high = (read_u64(secret, 48) ^ read_u64(secret, 56)).wrapping_add(seed);
    let first = read_u64(message, 0);
    let last = read_u64(message, length - 8);
    let (low, high) = multiply_wide(first ^ last ^ flip_low, PRIME64_1);
    let low = low.wrapping_add((length as u64 - 1) << 54);
    let last = last ^ flip_high;
    let high =
        high.wrapping_add(last).wrapping_add(u64::from(last as u32).wrapping_mul(PRIME32_2 - 1));
    let low = low ^ high.swap_bytes();
    let (low, carried) = multiply_wide(low, PRIME64_2);
    let high = carried.wrapping_add(high.wrapping_mul(PRIME64_2));
    join(avalanche(low), avalanche(high))
}

/// The bytes of a message of 1 to 3 and its length, as one number.
#[inline(always)]
fn up_to_3(message: &[u8]) -> u32 {
    let length = message.len();
    let [first, middle, last] = [0, length >> 1, length - 1].map(|at| u32::from(message[at]));
    first << 16 | middle << 24 | last | (length as u32) << 8
}

/// The seed as messages of 4 to 8 bytes take it.
#[inline(always)]
fn spread(seed: u64) -> u64 {
    seed ^ u64::from((seed as u32).swap_bytes()) << 32
}

#[inline(always)]
fn mix_16(message: &[u8], at: usize, secret: &Head, secret_at: usize, seed: u64) -> u64 {
    let low = read_u64(message, at) ^ read_u64(secret, secret_at).wrapping_add(seed);
    let high = read_u64(message, at + 8) ^ read_u64(secret, secret_at + 8).wrapping_sub(seed);
    multiply_fold(low, high)
}

/// The 16 bytes at `at` and as far from the end.
#[inline(always)]
fn mix_ends(message: &[u8], at: usize, secret: &Head, seed: u64) -> u64 {
    let first = mix_16(message, at, secret, 2 * at, seed);
    let last = mix_16(message, message.len() - 16 - at, secret, 2 * at + 16, seed);
    first.wrapping_add(last)
}

#[inline(always)]
fn mix_32(
    (low, high): (u64, u64),
    message: &[u8],
    [first, last]: [usize; 2],
    secret: &Head,
    secret_at: usize,
    seed: u64,
) -> (u64, u64) {
    let sum = |at| read_u64(message, at).wrapping_add(read_u64(message, at + 8));
    let low = low.wrapping_add(mix_16(message, first, secret, secret_at, seed)) ^ sum(last);
    let high = high.wrapping_add(mix_16(message, last, secret, secret_at + 16, seed)) ^ sum(first);
    (low, high)
}

#[inline(always)]
fn finish_128((low, high): (u64, u64), length: usize, seed: u64) -> u128 {
    let mixed = low
        .wrapping_mul(PRIME64_1)
        .wrapping_add(high.wrapping_mul(PRIME64_4))
        .wrapping_add((length as u64).wrapping_sub(seed).wrapping_mul(PRIME64_2));
    join(avalanche(low.wrapping_add(high)), avalanche(mixed).wrapping_neg())
}
