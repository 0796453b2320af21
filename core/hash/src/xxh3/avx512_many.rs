//! Many messages at once with AVX-512, without a seed: eight for XXH3-64 of 65 to 240 bytes each,
//! two for longer ones and either width.
//!
//! Messages come in any order and of any lengths. Those that follow each other and are of one class
//! are taken as they lie; else short ones wait in a queue of their class until it is full.

use core::marker::PhantomData;

use super::avx512::Avx512;
use super::avx512_eight::{EIGHT, hash_to_128, hash_to_240};
use super::long::{Keys, Stripe};
use super::secret::{DEFAULT, Secret, Unseeded};
use super::short::SHORT_BYTES_MAX;
use super::{hash_64_short, hash_128_short, xxh3_64};

/// The shortest message for [`hash_to_128`]. Up to 64 bytes would leave half of its lanes empty,
/// and scalar code is faster, unless lengths are mixed: then it would mispredict its branches.
const TO_128_MIN: usize = 17;
const TO_128_ALONE_MIN: usize = 65;

const LONG_MIN: usize = SHORT_BYTES_MAX + 1;

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
    let group = messages.first_chunk::<EIGHT>();
    group.is_some_and(|group| group.iter().fold(true, |all, message| all & are(message.len())))
}

/// Messages of one class of lengths.
trait Class {
    fn takes(length: usize) -> bool;

    /// XXH3-64 of each.
    ///
    /// # Safety
    /// The processor has AVX-512 F, BW, DQ and VL, and the class takes all messages' lengths.
    unsafe fn hash(messages: &[&[u8]; EIGHT]) -> [u64; EIGHT];
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
            unsafe fn hash(messages: &[&[u8]; EIGHT]) -> [u64; EIGHT] {
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
    messages: [&'m [u8]; EIGHT],
    places: [usize; EIGHT],
    count: usize,
    class: PhantomData<C>,
}

impl<'m, C: Class> Queue<'m, C> {
    fn new() -> Self {
        Self { messages: [&[]; EIGHT], places: [0; EIGHT], count: 0, class: PhantomData }
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
            for (digest, hash) in digests[at..at + EIGHT].iter_mut().zip(hashes) {
                *digest = write(hash);
            }
            return EIGHT;
        }
        self.messages[self.count] = messages[at];
        self.places[self.count] = at;
        self.count += 1;
        if self.count == EIGHT {
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
