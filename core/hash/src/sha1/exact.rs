//! The compression function in portable code, and the test of one block for one attack
//! (algorithm 1 of Stevens and Shumow's paper): rare work, and the measure for the vector code.

use super::conditions::{self, Candidates, DIFFERENCES, STARTING_AT_58};

pub(super) const BLOCK_BYTES: usize = 64;

pub(super) type State = [u32; 5];

pub(super) const INITIAL: State = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];

/// The constants of steps 0 to 19, 20 to 39, 40 to 59 and 60 to 79.
pub(super) const K: [u32; 4] = [0x5a82_7999, 0x6ed9_eba1, 0x8f1b_bcdc, 0xca62_c1d6];

/// Takes one block with detection; whether it carries an attack.
///
/// A block that does is taken three times over, as all implementations of the paper do, so that the
/// digests of the two colliding messages part.
pub(super) fn compress(state: &mut State, block: &[u8; BLOCK_BYTES]) -> bool {
    let w = expand(block);
    let candidates = conditions::candidates(&w);
    let before = *state;
    take(state, &w);
    let attacked = is_attacked(&before, &w, state, candidates);
    if attacked {
        take(state, &w);
        take(state, &w);
    }
    attacked
}

pub(super) fn digest(state: State) -> [u8; 20] {
    let mut digest = [0; 20];
    for (bytes, word) in digest.as_chunks_mut().0.iter_mut().zip(state) {
        *bytes = word.to_be_bytes();
    }
    digest
}

pub(super) fn expand(block: &[u8; BLOCK_BYTES]) -> [u32; 80] {
    let mut w = [0; 80];
    for (word, bytes) in w.iter_mut().zip(block.as_chunks().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    for t in 16..80 {
        w[t] = (w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16]).rotate_left(1);
    }
    w
}

pub(super) fn take(state: &mut State, w: &[u32; 80]) {
    let after = forward::<0, 80>(*state, w);
    *state = sum(*state, after);
}

fn sum(a: State, b: State) -> State {
    core::array::from_fn(|i| a[i].wrapping_add(b[i]))
}

/// Whether the block `w`, which leads from `before` to `after`, is part of a collision along one of
/// the candidates: whether the other message of the collision leads to `after` too.
pub(super) fn is_attacked(
    before: &State,
    w: &[u32; 80],
    after: &State,
    mut candidates: Candidates,
) -> bool {
    if candidates == 0 {
        return false;
    }
    let at_58 = forward::<0, 58>(*before, w);
    let at_65 = forward::<58, 65>(at_58, w);
    while candidates != 0 {
        let vector = candidates.trailing_zeros() as usize;
        candidates &= candidates - 1;
        let mut other = *w;
        for (word, difference) in other.iter_mut().zip(&DIFFERENCES[vector]) {
            *word ^= u32::from_be_bytes(*difference);
        }
        let (other_before, other_end) = if STARTING_AT_58 >> vector & 1 == 1 {
            (backward::<58>(at_58, &other), forward::<58, 80>(at_58, &other))
        } else {
            (backward::<65>(at_65, &other), forward::<65, 80>(at_65, &other))
        };
        if sum(other_before, other_end) == *after {
            return true;
        }
    }
    false
}

/// `f` and the constant of the steps `20 * QUARTER ..`.
#[inline(always)]
fn mix<const QUARTER: usize>(b: u32, c: u32, d: u32) -> u32 {
    let f = match QUARTER {
        0 => d ^ b & (c ^ d),
        2 => b & c | d & (b | c),
        _ => b ^ c ^ d,
    };
    f.wrapping_add(K[QUARTER])
}

/// The steps `FROM..TO`.
#[inline(always)]
pub(super) fn forward<const FROM: usize, const TO: usize>(
    mut state: State,
    w: &[u32; 80],
) -> State {
    state = forward_quarter::<0, FROM, TO>(state, w);
    state = forward_quarter::<1, FROM, TO>(state, w);
    state = forward_quarter::<2, FROM, TO>(state, w);
    forward_quarter::<3, FROM, TO>(state, w)
}

#[inline(always)]
fn forward_quarter<const QUARTER: usize, const FROM: usize, const TO: usize>(
    [mut a, mut b, mut c, mut d, mut e]: State,
    w: &[u32; 80],
) -> State {
    let (from, to) = (FROM.max(20 * QUARTER), TO.min(20 * QUARTER + 20));
    for word in w.iter().take(to).skip(from) {
        let ready = e.wrapping_add(*word).wrapping_add(mix::<QUARTER>(b, c, d));
        (a, b, c, d, e) = (a.rotate_left(5).wrapping_add(ready), a, b.rotate_left(30), c, d);
    }
    [a, b, c, d, e]
}

/// The state before step 0 that leads to `state` before step `FROM`.
#[inline(always)]
pub(super) fn backward<const FROM: usize>(mut state: State, w: &[u32; 80]) -> State {
    state = backward_quarter::<3, FROM>(state, w);
    state = backward_quarter::<2, FROM>(state, w);
    state = backward_quarter::<1, FROM>(state, w);
    backward_quarter::<0, FROM>(state, w)
}

#[inline(always)]
fn backward_quarter<const QUARTER: usize, const FROM: usize>(
    [mut a, mut b, mut c, mut d, mut e]: State,
    w: &[u32; 80],
) -> State {
    for word in w.iter().take(FROM.min(20 * QUARTER + 20)).skip(20 * QUARTER).rev() {
        let ready = a.wrapping_sub(*word).wrapping_sub(b.rotate_left(5));
        (a, b, c, d) = (b, c.rotate_left(2), d, e);
        e = ready.wrapping_sub(mix::<QUARTER>(b, c, d));
    }
    [a, b, c, d, e]
}
