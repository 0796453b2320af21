//! Building the filter.
//!
//! Every key has three places, and the fingerprints there shall xor to the key's own. A place
//! that only one key has can be given its value last, whatever the other two hold; taking that
//! key away may make other places lonely. So keys are peeled off until none is left, and the
//! fingerprints are assigned in the opposite order. If some keys cannot be peeled, another seed
//! is tried.

use super::error::BuildError;
use super::filter::{Fingerprint, FuseRef, mix};
use super::header::{HEADER_BYTES, Header};
use super::layout::{Layout, bytes_for, scratch_words_for};

/// How many seeds are tried. One in some hundred fails for very few keys, fewer for more.
const SEEDS_MAX: usize = 100;

/// Builds the filter of `keys`, which may repeat, at the beginning of `out`, and returns it.
///
/// The result depends on the keys, not on their order, and on `seed`. It takes
/// [`bytes_for`](bytes_for)`::<F>(keys.len())` bytes and, while it is built, a `scratch` of
/// [`scratch_words_for`]`(keys.len())` words, whose content does not matter before and after.
/// Repeated keys cost time: the hashes have to be sorted.
///
/// # Errors
/// [`BuildError`]; what `out` then holds is no filter.
pub fn build<'o, F: Fingerprint>(
    keys: &[u64],
    seed: u64,
    scratch: &mut [u64],
    out: &'o mut [u8],
) -> Result<FuseRef<'o, F>, BuildError> {
    let layout = Layout::of(keys.len()).ok_or(BuildError::TooManyKeys)?;
    let (given, needed) = (scratch.len(), scratch_words_for(keys.len()).unwrap_or(usize::MAX));
    let scratch = scratch.get_mut(..needed).ok_or(BuildError::Scratch { needed, given })?;
    let mut scratch = Scratch::new(scratch, keys.len(), layout);
    let (given, needed) = (out.len(), bytes_for::<F>(keys.len()).unwrap_or(usize::MAX));
    let out = out.get_mut(..needed).ok_or(BuildError::Output { needed, given })?;

    // An attempt that dies on the way leaves no filter behind.
    out.fill(0);
    let (seed, count) = peel_with_some_seed(keys, seed, layout, &mut scratch)?;
    assign::<F>(&scratch, count, layout, F::raws_mut(&mut out[HEADER_BYTES..]));
    let fingerprint_bits = 8 * F::BYTES as u32;
    let header = Header { fingerprint_bits, keys: count as u64, seed, layout };
    out[..HEADER_BYTES].copy_from_slice(&header.to_bytes());
    FuseRef::new_checked(out).map_err(|_| BuildError::Seed)
}

/// The builder's working memory, cut out of the caller's words.
struct Scratch<'s> {
    /// The keys' hashes, then those that were peeled, in order.
    hashes: &'s mut [u64],
    /// Beside the peeled hashes: through which of its places (0, 1 or 2) a key was peeled.
    which: &'s mut [u8],
    /// For each place the hashes of all keys that have it, xored.
    xors: &'s mut [u64],
    /// For each place four times the number of keys that have it, and the xor of which of their
    /// places it is.
    keys: &'s mut [u8],
    /// Places that had a single key when they were entered.
    lonely: &'s mut [u32],
}

impl<'s> Scratch<'s> {
    /// `words` are as many as [`scratch_words_for`] says.
    fn new(words: &'s mut [u64], keys: usize, layout: Layout) -> Self {
        let places = layout.places() as usize;
        let (hashes, words) = words.split_at_mut(keys);
        let (xors, words) = words.split_at_mut(places);
        let (lonely, words) = words.split_at_mut(places.div_ceil(2));
        let (counts, which) = words.split_at_mut(places.div_ceil(8));
        Self {
            hashes,
            which: bytemuck::cast_slice_mut(which),
            xors,
            keys: &mut bytemuck::cast_slice_mut(counts)[..places],
            lonely: bytemuck::cast_slice_mut(lonely),
        }
    }
}

/// Finds a seed with which all keys can be peeled; it and the number of distinct keys, whose hashes
/// are then listed in the order in which they were peeled.
fn peel_with_some_seed(
    keys: &[u64],
    seed: u64,
    layout: Layout,
    scratch: &mut Scratch<'_>,
) -> Result<(u64, usize), BuildError> {
    let mut repeated = false;
    for attempt in 0..SEEDS_MAX as u64 {
        let seed = mix(attempt, seed);
        if !repeated {
            hash_by_segment(keys, seed, layout, scratch);
            if peel(layout, scratch, keys.len()) {
                return Ok((seed, keys.len()));
            }
        }
        // Keys that repeat can never be peeled; look for them only now, since most sets have none.
        let count = distinct(keys, seed, scratch.hashes);
        repeated = count < keys.len();
        if repeated && peel(layout, scratch, count) {
            return Ok((seed, count));
        }
    }
    Err(BuildError::Seed)
}

/// Lists the keys' hashes, those that begin in the same segment together: so the places that the
/// next steps touch are near one another, in the processor's cache.
fn hash_by_segment(keys: &[u64], seed: u64, layout: Layout, scratch: &mut Scratch<'_>) {
    let Scratch { hashes, lonely: next, .. } = scratch;
    let blocks = (layout.segments as usize).next_power_of_two().min(next.len());
    let bits = blocks.checked_ilog2().unwrap_or(0);
    let block = |hash: u64| hash.checked_shr(64 - bits).unwrap_or(0) as usize;
    // First how many hashes each block has, then where its next one goes.
    next.iter_mut().take(1 << bits).for_each(|next| *next = 0);
    for key in keys {
        next[block(mix(*key, seed))] += 1;
    }
    let mut from = 0;
    for next in next.iter_mut().take(1 << bits) {
        (*next, from) = (from, from + *next);
    }
    for key in keys {
        let hash = mix(*key, seed);
        let next = &mut next[block(hash)];
        hashes[*next as usize] = hash;
        *next += 1;
    }
}

/// Lists the distinct keys' hashes; how many there are.
fn distinct(keys: &[u64], seed: u64, hashes: &mut [u64]) -> usize {
    for (key, hash) in keys.iter().zip(hashes.iter_mut()) {
        *hash = mix(*key, seed);
    }
    hashes.sort_unstable();
    let mut count = 0;
    for at in 0..hashes.len() {
        if at == 0 || hashes[at] != hashes[count - 1] {
            hashes[count] = hashes[at];
            count += 1;
        }
    }
    count
}

/// Replaces the list of `count` hashes by the order in which they can be peeled; false if they
/// cannot.
fn peel(layout: Layout, scratch: &mut Scratch<'_>, count: usize) -> bool {
    if !enter(layout, scratch, count) {
        return false;
    }
    let Scratch { hashes, which, xors, keys, lonely } = scratch;
    let places = layout.to_places();
    let mut waiting = 0;
    for (place, keys) in (0..).zip(keys.iter()) {
        // Written in any case, since a branch would be guessed wrong every other time.
        lonely[waiting] = place;
        waiting += usize::from(keys >> 2 == 1);
    }
    let mut peeled = 0;
    while waiting > 0 {
        waiting -= 1;
        let place = lonely[waiting] as usize;
        let (hash, own) = (xors[place], keys[place] & 3);
        if keys[place] >> 2 != 1 {
            continue;
        }
        (hashes[peeled], which[peeled]) = (hash, own);
        peeled += 1;
        for (at, other) in (0..).zip(places.of(hash)) {
            if at == own {
                continue;
            }
            xors[other as usize] ^= hash;
            let keys = &mut keys[other as usize];
            *keys = keys.wrapping_sub(4) ^ at;
            lonely[waiting] = other;
            waiting += usize::from(*keys >> 2 == 1);
        }
    }
    peeled == count
}

/// Enters the keys at their places; false if more share a place than can be counted.
fn enter(layout: Layout, scratch: &mut Scratch<'_>, count: usize) -> bool {
    let Scratch { hashes, xors, keys, .. } = scratch;
    xors.fill(0);
    keys.fill(0);
    let places = layout.to_places();
    for hash in &hashes[..count] {
        for (at, place) in (0..).zip(places.of(*hash)) {
            xors[place as usize] ^= hash;
            let keys = &mut keys[place as usize];
            match keys.checked_add(4) {
                Some(more) => *keys = more ^ at,
                None => return false,
            }
        }
    }
    true
}

/// Gives each key the fingerprint at the place through which it was peeled, the last first.
fn assign<F: Fingerprint>(
    scratch: &Scratch<'_>,
    count: usize,
    layout: Layout,
    fingerprints: &mut [F::Raw],
) {
    let places = layout.to_places();
    for (hash, which) in scratch.hashes[..count].iter().zip(&*scratch.which).rev() {
        let [a, b, c] = places.of(*hash).map(|place| place as usize);
        let (own, one, two) = match which {
            0 => (a, b, c),
            1 => (b, c, a),
            _ => (c, a, b),
        };
        let others = F::from_raw(fingerprints[one]).xor(F::from_raw(fingerprints[two]));
        fingerprints[own] = F::of_hash(*hash).xor(others).to_raw();
    }
}
