//! The search with the AES instructions of AArch64.

use core::arch::aarch64::*;

use super::aes::{RoundKeys, last_is_short};
use super::steps::find_in_steps;
use crate::cpu::{Features, has};

/// The registers that a step fills with windows: enough to hide the latency of a round.
const REGISTERS: usize = 8;

/// As [`super::find`]; `None` where the processor has no AES instructions. `bytes` holds a window.
pub(super) fn find<const KEYS: usize>(
    keys: &RoundKeys<KEYS>,
    bytes: &[u8],
    threshold: u32,
) -> Option<Option<usize>> {
    if !has(Features::NEON.with(Features::ARM_AES)) {
        return None;
    }
    // SAFETY: the processor has what the function needs.
    Some(unsafe { find_128(keys, bytes, threshold) })
}

#[target_feature(enable = "neon,aes")]
fn find_128<const KEYS: usize>(
    keys: &RoundKeys<KEYS>,
    bytes: &[u8],
    threshold: u32,
) -> Option<usize> {
    let mut round_keys = [vdupq_n_u8(0); KEYS];
    for (loaded, key) in round_keys.iter_mut().zip(keys) {
        *loaded = load(key);
    }
    find_in_steps!(bytes, REGISTERS, |covered| {
        let mut states = [vdupq_n_u8(0); REGISTERS];
        for (register, state) in states.iter_mut().enumerate() {
            *state = load(covered[register..].first_chunk().expect("covered"));
        }
        // AESE adds the key before the round, so the last one remains to be added.
        for key in &round_keys[..KEYS - 2] {
            for state in &mut states {
                *state = vaesmcq_u8(vaeseq_u8(*state, *key));
            }
        }
        let mut least = vdupq_n_u32(u32::MAX);
        for state in &mut states {
            let last = vaeseq_u8(*state, round_keys[KEYS - 2]);
            let mixed = if const { last_is_short::<KEYS>() } { last } else { vaesmcq_u8(last) };
            *state = veorq_u8(mixed, round_keys[KEYS - 1]);
            least = vminq_u32(least, vreinterpretq_u32_u8(*state));
        }
        let mut found = 0;
        if vgetq_lane_u32::<0>(least) < threshold {
            for (register, state) in states.iter().enumerate() {
                let value = vgetq_lane_u32::<0>(vreinterpretq_u32_u8(*state));
                found |= u64::from(value < threshold) << register;
            }
        }
        found
    })
}

#[inline]
#[target_feature(enable = "neon")]
fn load(bytes: &[u8; 16]) -> uint8x16_t {
    // SAFETY: an array of 16 bytes is read.
    unsafe { vld1q_u8(bytes.as_ptr()) }
}
