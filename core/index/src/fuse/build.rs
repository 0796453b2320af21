//! Building the filter.
//!
//! Every key has three places, and the fingerprints there shall xor to the key's own. A place that
//! only one key has can be given its value last, whatever the other two hold; taking that key away
//! may make other places lonely. So keys are peeled off until none is left, and the fingerprints are
//! assigned in the opposite order. If some keys cannot be peeled, another seed is tried.

use super::error::BuildError;
use super::filter::{Fingerprint, FuseRef, mix};
use super::header::{HEADER_BYTES, Header};
use super::layout::{Layout, bytes_for, cells_for};

/// How many seeds are tried. One in some hundred fails for very few keys, fewer for more.
const SEEDS_MAX: usize = 100;

/// A piece of the builder's working memory, which belongs to the caller. What it holds does not
/// matter, before or after.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cell {
    /// The hashes of all keys that have this place, xored.
    hashes: u64,
    /// A list by itself: the keys' hashes, then those that were peeled, in order.
    hash: u64,
    /// A list by itself: places that had a single key when they were entered.
    lonely: u32,
    /// Four times the number of keys that have this place, and the xor of which of their places (0,
    /// 1 or 2) this is.
    keys: u16,
    /// A list by itself, beside `hash`: through which of its places a key was peeled.
    which: u8,
}

/// Builds the filter of `keys`, which may repeat, at the beginning of `out`, and returns it.
///
/// The result depends on the keys, not on their order, and on `seed`. It takes
/// [`bytes_for`](bytes_for)`::<F>(keys.len())` bytes and, while it is built,
/// [`cells_for`]`(keys.len())` cells. Repeated keys cost time: the hashes have to be sorted.
///
/// # Errors
/// [`BuildError`]; what `out` then holds is no filter.
pub fn build<'o, F: Fingerprint>(
    keys: &[u64],
    seed: u64,
    scratch: &mut [Cell],
    out: &'o mut [u8],
) -> Result<FuseRef<'o, F>, BuildError> {
    let layout = Layout::of(keys.len()).ok_or(BuildError::TooManyKeys)?;
    let (given, needed) = (scratch.len(), cells_for(keys.len()).unwrap_or(usize::MAX));
    let cells = scratch.get_mut(..needed).ok_or(BuildError::Scratch { needed, given })?;
    let (given, needed) = (out.len(), bytes_for::<F>(keys.len()).unwrap_or(usize::MAX));
    let out = out.get_mut(..needed).ok_or(BuildError::Output { needed, given })?;

    // An attempt that dies on the way leaves no filter behind.
    out.fill(0);
    let (seed, count) = peel_with_some_seed(keys, seed, layout, cells)?;
    assign::<F>(&cells[..count], layout, F::raws_mut(&mut out[HEADER_BYTES..]));
    let fingerprint_bits = 8 * F::BYTES as u32;
    let header = Header { fingerprint_bits, keys: count as u64, seed, layout };
    out[..HEADER_BYTES].copy_from_slice(&header.to_bytes());
    FuseRef::new_checked(out).map_err(|_| BuildError::Seed)
}

/// Finds a seed with which all keys can be peeled; it and the number of distinct keys, whose hashes
/// are then in the cells in the order in which they were peeled.
fn peel_with_some_seed(
    keys: &[u64],
    seed: u64,
    layout: Layout,
    cells: &mut [Cell],
) -> Result<(u64, usize), BuildError> {
    let mut repeated = false;
    for attempt in 0..SEEDS_MAX as u64 {
        let seed = mix(attempt, seed);
        if !repeated {
            hash_by_segment(keys, seed, layout, cells);
            if peel(layout, cells, keys.len()) {
                return Ok((seed, keys.len()));
            }
        }
        // Keys that repeat can never be peeled; look for them only now, since most sets have none.
        let count = distinct(keys, seed, cells);
        repeated = count < keys.len();
        if repeated && peel(layout, cells, count) {
            return Ok((seed, count));
        }
    }
    Err(BuildError::Seed)
}

/// Lists the keys' hashes, those that begin in the same segment together: so the places that the next
/// steps touch are near one another, in the processor's cache.
fn hash_by_segment(keys: &[u64], seed: u64, layout: Layout, cells: &mut [Cell]) {
    let blocks = (layout.segments as usize).next_power_of_two().min(cells.len());
    let bits = blocks.checked_ilog2().unwrap_or(0);
    let block = |hash: u64| hash.checked_shr(64 - bits).unwrap_or(0) as usize;
    cells.iter_mut().take(1 << bits).for_each(|cell| cell.lonely = 0);
    for key in keys {
        cells[block(mix(*key, seed))].lonely += 1;
    }
    let mut from = 0;
    for cell in cells.iter_mut().take(1 << bits) {
        (cell.lonely, from) = (from, from + cell.lonely);
    }
    for key in keys {
        let hash = mix(*key, seed);
        let next = &mut cells[block(hash)].lonely;
        let at = *next as usize;
        *next += 1;
        cells[at].hash = hash;
    }
}

/// Lists the distinct keys' hashes; how many there are.
fn distinct(keys: &[u64], seed: u64, cells: &mut [Cell]) -> usize {
    for (key, cell) in keys.iter().zip(cells.iter_mut()) {
        cell.hash = mix(*key, seed);
    }
    let Some(cells) = cells.get_mut(..keys.len()) else { return 0 };
    cells.sort_unstable_by_key(|cell| cell.hash);
    let mut count = 0;
    for at in 0..cells.len() {
        let hash = cells[at].hash;
        if at == 0 || hash != cells[count - 1].hash {
            cells[count].hash = hash;
            count += 1;
        }
    }
    count
}

/// Replaces the list of `count` hashes by the order in which they can be peeled; false if they
/// cannot.
fn peel(layout: Layout, cells: &mut [Cell], count: usize) -> bool {
    if !enter(layout, cells, count) {
        return false;
    }
    let mut lonely = 0;
    for place in 0..layout.places() as usize {
        // Written in any case, since a branch would be guessed wrong every other time.
        cells[lonely].lonely = place as u32;
        lonely += usize::from(cells[place].keys >> 2 == 1);
    }
    let mut peeled = 0;
    while lonely > 0 {
        lonely -= 1;
        let place = cells[lonely].lonely as usize;
        let Cell { keys, hashes: hash, .. } = cells[place];
        if keys >> 2 != 1 {
            continue;
        }
        let which = (keys & 3) as u8;
        (cells[peeled].hash, cells[peeled].which) = (hash, which);
        peeled += 1;
        for (at, other) in (0..).zip(layout.of_hash(hash)) {
            if at == u16::from(which) {
                continue;
            }
            let cell = &mut cells[other as usize];
            cell.hashes ^= hash;
            cell.keys = cell.keys.wrapping_sub(4) ^ at;
            let became_lonely = cell.keys >> 2 == 1;
            cells[lonely].lonely = other;
            lonely += usize::from(became_lonely);
        }
    }
    peeled == count
}

/// Enters the keys at their places; false if more share a place than can be counted.
fn enter(layout: Layout, cells: &mut [Cell], count: usize) -> bool {
    cells.iter_mut().for_each(|cell| (cell.hashes, cell.keys) = (0, 0));
    for at in 0..count {
        let hash = cells[at].hash;
        for (which, place) in (0..).zip(layout.of_hash(hash)) {
            let cell = &mut cells[place as usize];
            cell.hashes ^= hash;
            match cell.keys.checked_add(4) {
                Some(keys) => cell.keys = keys ^ which,
                None => return false,
            }
        }
    }
    true
}

/// Gives each key the fingerprint at the place through which it was peeled, the last first.
fn assign<F: Fingerprint>(peeled: &[Cell], layout: Layout, fingerprints: &mut [F::Raw]) {
    for Cell { hash, which, .. } in peeled.iter().rev() {
        let places = layout.of_hash(*hash).map(|place| place as usize);
        let mut fingerprint = F::of_hash(*hash);
        for at in 1..places.len() {
            let place = places[(usize::from(*which) + at) % places.len()];
            fingerprint = fingerprint.xor(F::from_raw(fingerprints[place]));
        }
        fingerprints[places[usize::from(*which) % places.len()]] = fingerprint.to_raw();
    }
}
