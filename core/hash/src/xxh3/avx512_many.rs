//! Many messages at once with AVX-512, without a seed: eight for XXH3-64 of 65 to 240 bytes each, two
//! for longer ones and either width.
//!
//! Scalar code multiplies 64 by 64 bits once in one and a half cycles at best. Here one message's up
//! to eight products are the eight lanes of a register, built from four products of 32 bits; what
//! the message is too short for is masked out, so that there is no branch on the length. Then eight
//! messages' lanes are summed crosswise, and the rest is done once for all eight.
//!
//! Messages of up to 64 bytes would leave half of the lanes empty, and scalar code is faster.

use core::arch::x86_64::*;
use core::marker::PhantomData;

use super::arith::{PRIME_MX1, PRIME64_1};
use super::avx512::Avx512;
use super::long::{Keys, Stripe};
use super::secret::{DEFAULT, Secret, Unseeded};
use super::short::SHORT_BYTES_MAX;
use super::{hash_64_short, hash_128_short, xxh3_64};

/// How many messages are hashed at once.
const GROUP: usize = 8;

/// The shortest message for eight lanes, and the shortest where those around it are not shorter.
const TO_128_MIN: usize = 17;
const TO_128_ALONE_MIN: usize = 65;

const LONG_MIN: usize = SHORT_BYTES_MAX + 1;

/// The keys of the first 64 and the last 64 bytes of a message of up to 128, in which the outermost
/// 16 bytes come first in the secret, and so inwards.
const FIRST_KEYS: [u64; 8] = keys([0, 32, 64, 96]);
const LAST_KEYS: [u64; 8] = keys([112, 80, 48, 16]);

/// The keys of a longer message, in the order of its bytes; the very last 16 bytes come last.
const LOW_KEYS: [u64; 8] = keys([0, 16, 32, 48]);
const HIGH_KEYS: [u64; 8] = keys([64, 80, 96, 112]);
const THIRD_KEYS: [u64; 8] = keys([3, 19, 35, 51]);
const FOURTH_KEYS: [u64; 8] = keys([67, 83, 99, 119]);

/// The default secret's 16 bytes at each of `places`.
const fn keys(places: [usize; 4]) -> [u64; 8] {
    let mut keys = [0; 8];
    let mut i = 0;
    while i < 64 {
        keys[i / 8] |= (DEFAULT[places[i / 16] + i % 16] as u64) << (i % 8 * 8);
        i += 1;
    }
    keys
}

/// Writes XXH3-64 of each message, through `write`, to the digest at the same place.
///
/// # Safety
/// The processor has AVX-512 F, BW, DQ and VL.
///
/// # Panics
/// If there are fewer digests than messages.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
pub(super) unsafe fn hash_64<D>(
    messages: &[&[u8]],
    digests: &mut [D],
    write: impl Fn(u64) -> D + Copy,
) {
    let mut to_128 = Queue::<To128>::new();
    let mut to_240 = Queue::<To240>::new();
    let mut at = 0;
    while at < messages.len() {
        let length = messages[at].len();
        // Where others of up to 128 bytes wait already, lengths are mixed, and any is welcome.
        let least = if to_128.count > 0 { TO_128_MIN } else { TO_128_ALONE_MIN };
        at += if length < least {
            short_run(&messages[at..], &mut digests[at..], write)
        } else if To128::takes(length) {
            to_128.add(messages, at, digests, write)
        } else if To240::takes(length) {
            to_240.add(messages, at, digests, write)
        } else {
            long_run(&messages[at..], &mut digests[at..], write)
        };
    }
    to_128.finish(digests, write);
    to_240.finish(digests, write);
}

/// Writes XXH3-128 of each message, through `write`, to the digest at the same place; only the
/// long ones gain.
///
/// # Safety
/// The processor has AVX-512 F, BW, DQ and VL.
///
/// # Panics
/// If there are fewer digests than messages.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
pub(super) unsafe fn hash_128<D>(
    messages: &[&[u8]],
    digests: &mut [D],
    write: impl Fn(u128) -> D + Copy,
) {
    let mut at = 0;
    while at < messages.len() {
        at += if messages[at].len() <= SHORT_BYTES_MAX {
            short_run(&messages[at..], &mut digests[at..], write)
        } else {
            long_run(&messages[at..], &mut digests[at..], write)
        };
    }
}

/// Whether a group of messages follows whose lengths `are` all so. Asks for each, because mixed
/// lengths would end the questions at a place that the processor cannot predict.
#[inline(always)]
fn next_are(messages: &[&[u8]], are: impl Fn(usize) -> bool) -> bool {
    let group = messages.first_chunk::<GROUP>();
    group.is_some_and(|group| group.iter().fold(true, |all, message| all & are(message.len())))
}

/// Messages of one class of lengths.
trait Class {
    fn takes(length: usize) -> bool;

    /// XXH3-64 of each.
    ///
    /// # Safety
    /// The processor has AVX-512 F, BW, DQ and VL, and the class takes all messages' lengths.
    unsafe fn hash(messages: &[&[u8]; GROUP]) -> [u64; GROUP];
}

macro_rules! class {
    ($name:ident: $range:pat => $function:ident) => {
        struct $name;

        impl Class for $name {
            #[inline(always)]
            fn takes(length: usize) -> bool {
                matches!(length, $range)
            }

            #[inline(always)]
            unsafe fn hash(messages: &[&[u8]; GROUP]) -> [u64; GROUP] {
                // SAFETY: as the caller promises.
                unsafe { $function(messages) }
            }
        }
    };
}

class!(To128: TO_128_MIN..=128 => hash_to_128);
class!(To240: 129..=SHORT_BYTES_MAX => hash_to_240);

/// Messages of one class that wait until there are enough of them, with their places.
struct Queue<'m, C> {
    messages: [&'m [u8]; GROUP],
    places: [usize; GROUP],
    count: usize,
    class: PhantomData<C>,
}

impl<'m, C: Class> Queue<'m, C> {
    fn new() -> Self {
        Self { messages: [&[]; GROUP], places: [0; GROUP], count: 0, class: PhantomData }
    }

    /// Takes the message at `at`, and those after it if they are of the same class and nothing
    /// waits; returns how many.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
    fn add<D>(
        &mut self,
        messages: &[&'m [u8]],
        at: usize,
        digests: &mut [D],
        write: impl Fn(u64) -> D,
    ) -> usize {
        if self.count == 0
            && next_are(&messages[at..], C::takes)
            && let Some(group) = messages[at..].first_chunk()
        {
            // SAFETY: the class takes them all.
            let hashes = unsafe { C::hash(group) };
            for (digest, hash) in digests[at..at + GROUP].iter_mut().zip(hashes) {
                *digest = write(hash);
            }
            return GROUP;
        }
        self.messages[self.count] = messages[at];
        self.places[self.count] = at;
        self.count += 1;
        if self.count == GROUP {
            self.count = 0;
            // SAFETY: the class takes them all.
            let hashes = unsafe { C::hash(&self.messages) };
            for (place, hash) in self.places.into_iter().zip(hashes) {
                digests[place] = write(hash);
            }
        }
        1
    }

    /// The messages that were too few.
    #[inline(never)]
    fn finish<D>(&self, digests: &mut [D], write: impl Fn(u64) -> D) {
        for (message, &place) in self.messages.iter().zip(&self.places).take(self.count) {
            digests[place] = write(xxh3_64(message));
        }
    }
}

/// Messages that no queue takes, until another comes; returns how many.
///
/// In a function of its own, because scalar code suffers when the compiler may use AVX-512 for it.
#[inline(never)]
fn short_run<H: Width, D>(messages: &[&[u8]], digests: &mut [D], write: impl Fn(H) -> D) -> usize {
    let mut count = 0;
    for (message, digest) in messages.iter().zip(digests) {
        if message.len() > H::SHORT_RUN_MAX {
            break;
        }
        *digest = write(H::hash_short(message));
        count += 1;
    }
    count
}

/// XXH3-64 or XXH3-128.
trait Width: Copy {
    /// The longest message that no queue ever takes while they are empty.
    const SHORT_RUN_MAX: usize;

    /// The hash of a message of `length` bytes that left `lanes`.
    fn digest(lanes: Avx512, length: usize) -> Self;

    /// The hash of a message that is no longer than [`Self::SHORT_RUN_MAX`].
    fn hash_short(message: &[u8]) -> Self;
}

impl Width for u64 {
    const SHORT_RUN_MAX: usize = TO_128_ALONE_MIN - 1;

    #[inline(always)]
    fn digest(lanes: Avx512, length: usize) -> Self {
        lanes.digest_64(length as u64, Secret::DEFAULT)
    }

    #[inline(always)]
    fn hash_short(message: &[u8]) -> Self {
        hash_64_short(message, &Unseeded)
    }
}

impl Width for u128 {
    const SHORT_RUN_MAX: usize = SHORT_BYTES_MAX;

    #[inline(always)]
    fn digest(lanes: Avx512, length: usize) -> Self {
        lanes.digest_128(length as u64, Secret::DEFAULT)
    }

    #[inline(always)]
    fn hash_short(message: &[u8]) -> Self {
        hash_128_short(message, &Unseeded)
    }
}

/// `$function` of each message. Not a loop, whose results the compiler would keep in memory.
macro_rules! each {
    ($function:ident($messages:ident)) => {{
        let [a, b, c, d, e, f, g, h] = $messages;
        [
            $function(a),
            $function(b),
            $function(c),
            $function(d),
            $function(e),
            $function(f),
            $function(g),
            $function(h),
        ]
    }};
}

/// XXH3-64 of eight messages of 17 to 128 bytes.
///
/// # Safety
/// The processor has AVX-512 F, BW, DQ and VL, and all messages have such lengths.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
unsafe fn hash_to_128(messages: &[&[u8]; GROUP]) -> [u64; GROUP] {
    // SAFETY: as the caller promises, and more than 96 bytes where that is asked for.
    let sums = unsafe {
        if messages.iter().all(|message| message.len() > 96) {
            each!(from_97_to_128(messages))
        } else {
            each!(to_128(messages))
        }
    };
    numbers(avalanche(sum_each(sums)))
}

/// XXH3-64 of eight messages of 129 to 240 bytes.
///
/// # Safety
/// The processor has AVX-512 F, BW, DQ and VL, and all messages have such lengths.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
unsafe fn hash_to_240(messages: &[&[u8]; GROUP]) -> [u64; GROUP] {
    // SAFETY: as the caller promises.
    let (first, rest) = unsafe { (each!(first_128(messages)), each!(rest_to_240(messages))) };
    let sums = avalanche(sum_each(first));
    numbers(avalanche(_mm512_add_epi64(sums, sum_each(rest))))
}

/// Messages of more than 240 bytes, by pairs, until another comes; returns how many.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn long_run<H: Width, D>(messages: &[&[u8]], digests: &mut [D], write: impl Fn(H) -> D) -> usize {
    // SAFETY: the processor has AVX-512.
    let keys = unsafe { Keys::<Avx512>::load(&DEFAULT) };
    let (pairs, _) = messages.as_chunks::<2>();
    let mut count = 0;
    for ([a, b], digests) in pairs.iter().zip(digests.as_chunks_mut::<2>().0) {
        if a.len().min(b.len()) < LONG_MIN {
            break;
        }
        // SAFETY: both messages are long enough.
        let lanes = unsafe { keys.hash_two([a, b]) };
        digests[0] = write(H::digest(lanes[0], a.len()));
        digests[1] = write(H::digest(lanes[1], b.len()));
        count += 2;
    }
    if let Some(message) = messages.get(count)
        && message.len() >= LONG_MIN
    {
        // SAFETY: the message is long enough.
        let lanes = unsafe { keys.hash_one(message) };
        digests[count] = write(H::digest(lanes, message.len()));
        count += 1;
    }
    count
}

/// What a message of 17 to 128 bytes adds up to, in eight lanes.
///
/// # Safety
/// The processor has AVX-512 F, BW, DQ and VL, and the message has such a length.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
unsafe fn to_128(message: &[u8]) -> __m512i {
    debug_assert!((17..=128).contains(&message.len()));
    // As many 16 bytes from each end as it takes to meet; they may overlap.
    let lanes = (message.len() as u32 - 1) / 32 * 2 + 2;
    let first_mask = ((1 << lanes) - 1) as __mmask8;
    let last_mask = (0xff00 >> lanes) as __mmask8;
    // SAFETY: 16 bytes are read for every 32 that the message has begun, from the start on and back
    // from the end: all of them in the message. What is masked out is not read.
    let (first, last) = unsafe {
        let end = message.as_ptr().wrapping_add(message.len()).wrapping_sub(64);
        (
            _mm512_maskz_loadu_epi64(first_mask, message.as_ptr().cast()),
            _mm512_maskz_loadu_epi64(last_mask, end.cast()),
        )
    };
    let first = _mm512_maskz_xor_epi64(first_mask, first, vector(&FIRST_KEYS));
    let last = _mm512_maskz_xor_epi64(last_mask, last, vector(&LAST_KEYS));
    _mm512_add_epi64(multiply_fold(first, last), start(message))
}

/// [`to_128`] without masks, of a message of 97 to 128 bytes.
///
/// # Safety
/// The processor has AVX-512 F, BW, DQ and VL, and the message has such a length.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
unsafe fn from_97_to_128(message: &[u8]) -> __m512i {
    debug_assert!((97..=128).contains(&message.len()));
    // SAFETY: the message has at least 64 bytes.
    let (first, last) = unsafe {
        let end = message.as_ptr().add(message.len() - 64);
        (_mm512_loadu_si512(message.as_ptr().cast()), _mm512_loadu_si512(end.cast()))
    };
    let first = _mm512_xor_si512(first, vector(&FIRST_KEYS));
    let last = _mm512_xor_si512(last, vector(&LAST_KEYS));
    _mm512_add_epi64(multiply_fold(first, last), start(message))
}

/// What the first 128 bytes of a message of more add up to, in eight lanes.
///
/// # Safety
/// The processor has AVX-512 F, BW, DQ and VL, and the message has at least 128 bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
unsafe fn first_128(message: &[u8]) -> __m512i {
    debug_assert!(message.len() >= 128);
    // SAFETY: the message has at least 128 bytes.
    let (low, high) = unsafe {
        let high = message.as_ptr().add(64);
        (_mm512_loadu_si512(message.as_ptr().cast()), _mm512_loadu_si512(high.cast()))
    };
    let low = _mm512_xor_si512(low, vector(&LOW_KEYS));
    let high = _mm512_xor_si512(high, vector(&HIGH_KEYS));
    _mm512_add_epi64(multiply_fold(low, high), start(message))
}

/// What the other bytes of a message of 129 to 240 add up to, in eight lanes.
///
/// # Safety
/// The processor has AVX-512 F, BW, DQ and VL, and the message has such a length.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
unsafe fn rest_to_240(message: &[u8]) -> __m512i {
    /// The lanes of the message's last 16 bytes.
    const LAST: __mmask8 = 0b1100_0000;
    debug_assert!((129..=240).contains(&message.len()));
    // All whole 16 bytes after the first 128, of which there are at most seven; and the last 16.
    let lanes = (message.len() as u32 - 128) / 16 * 2;
    let mask = (1_u32 << lanes) - 1;
    let (third_mask, fourth_mask) = (mask as __mmask8, (mask >> 8) as __mmask8);
    // SAFETY: the message has more than 128 bytes, and as many whole 16 bytes after them as the
    // masks say; its last 16 are in the upper two lanes of its last 64. What is masked out is not
    // read.
    let (third, fourth) = unsafe {
        let start = message.as_ptr();
        let fourth = _mm512_maskz_loadu_epi64(fourth_mask, start.wrapping_add(192).cast());
        let end = start.add(message.len() - 64);
        (
            _mm512_maskz_loadu_epi64(third_mask, start.add(128).cast()),
            _mm512_mask_loadu_epi64(fourth, LAST, end.cast()),
        )
    };
    multiply_fold(
        _mm512_maskz_xor_epi64(third_mask, third, vector(&THIRD_KEYS)),
        _mm512_maskz_xor_epi64(fourth_mask | LAST, fourth, vector(&FOURTH_KEYS)),
    )
}

/// What a message's sum starts with, in the first lane.
#[inline]
#[target_feature(enable = "avx512f")]
fn start(message: &[u8]) -> __m512i {
    let start = (message.len() as u64).wrapping_mul(PRIME64_1);
    _mm512_zextsi128_si512(_mm_cvtsi64_si128(start as i64))
}

/// The 128-bit products of each even lane with the odd lane after it, in both registers, each
/// folded to 64 bits.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn multiply_fold(first: __m512i, last: __m512i) -> __m512i {
    let a = _mm512_unpacklo_epi64(first, last);
    let b = _mm512_unpackhi_epi64(first, last);
    // Not a shift, which fewer of the processor's pipes can do.
    let (a_high, b_high) = (_mm512_shuffle_epi32::<0xf5>(a), _mm512_shuffle_epi32::<0xf5>(b));
    let low_low = _mm512_mul_epu32(a, b);
    let high_low = _mm512_mul_epu32(a_high, b);
    let low_high = _mm512_mul_epu32(a, b_high);
    let high_high = _mm512_mul_epu32(a_high, b_high);
    // No sum overflows: (2^32 - 1)^2 leaves room for two numbers of 32 bits.
    let low_32 = _mm512_set1_epi64(0xffff_ffff);
    let middle = _mm512_add_epi64(high_low, _mm512_srli_epi64::<32>(low_low));
    let other = _mm512_add_epi64(low_high, _mm512_and_si512(middle, low_32));
    let high = _mm512_add_epi64(high_high, _mm512_srli_epi64::<32>(middle));
    let high = _mm512_add_epi64(high, _mm512_srli_epi64::<32>(other));
    // The lower half is the low 32 bits of `other` above those of `low_low`.
    let high = _mm512_xor_si512(high, _mm512_slli_epi64::<32>(other));
    _mm512_ternarylogic_epi64::<0x78>(high, low_low, low_32)
}

/// The sum of each register's lanes, in the order of the registers.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn sum_each(of: [__m512i; GROUP]) -> __m512i {
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn lanes(a: __m512i, b: __m512i) -> __m512i {
        _mm512_add_epi64(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b))
    }
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn quarters(a: __m512i, b: __m512i) -> __m512i {
        let even = _mm512_shuffle_i64x2::<0b10_00_10_00>(a, b);
        let odd = _mm512_shuffle_i64x2::<0b11_01_11_01>(a, b);
        _mm512_add_epi64(even, odd)
    }
    let [a, b, c, d, e, f, g, h] = of;
    let (low, high) = (quarters(lanes(a, b), lanes(c, d)), quarters(lanes(e, f), lanes(g, h)));
    quarters(low, high)
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn avalanche(hash: __m512i) -> __m512i {
    let hash = _mm512_xor_si512(hash, _mm512_srli_epi64::<37>(hash));
    let hash = _mm512_mullo_epi64(hash, _mm512_set1_epi64(PRIME_MX1 as i64));
    _mm512_xor_si512(hash, _mm512_srli_epi64::<32>(hash))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn vector(numbers: &[u64; 8]) -> __m512i {
    // SAFETY: eight numbers are 64 bytes; the load needs no alignment.
    unsafe { _mm512_loadu_si512(numbers.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn numbers(vector: __m512i) -> [u64; 8] {
    let mut numbers = [0; 8];
    // SAFETY: eight numbers are 64 bytes; the store needs no alignment.
    unsafe { _mm512_storeu_si512(numbers.as_mut_ptr().cast(), vector) }
    numbers
}
