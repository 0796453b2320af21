//! Long messages with AVX-512: one register a stripe, and the keys of a whole block in seventeen.

use core::arch::x86_64::*;

use super::arith::PRIME32_1;
use super::long::{Lanes, Stripe, kernels};

kernels!(Avx512, "avx512f,avx512bw,avx512dq,avx512vl");

#[derive(Clone, Copy)]
pub(super) struct Avx512(__m512i);

// SAFETY: values come from `load` and `from_lanes` alone.
unsafe impl Stripe for Avx512 {
    const KEEPS_KEYS: bool = true;

    #[inline(always)]
    unsafe fn load(from: *const u8) -> Self {
        // SAFETY: the caller promises 64 bytes and AVX-512; the load needs no alignment.
        Self(unsafe { _mm512_loadu_si512(from.cast()) })
    }

    #[inline(always)]
    unsafe fn from_lanes(lanes: &Lanes) -> Self {
        // SAFETY: the lanes are 64 bytes, and x86-64 is little-endian; AVX-512 as promised.
        unsafe { Self::load(lanes.0.as_ptr().cast()) }
    }

    #[inline(always)]
    fn to_lanes(self) -> Lanes {
        let mut lanes = Lanes([0; 8]);
        // SAFETY: the lanes are 64 bytes; `self` exists, so AVX-512 does.
        unsafe { _mm512_storeu_si512(lanes.0.as_mut_ptr().cast(), self.0) }
        lanes
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: `self` exists, so AVX-512 does.
        Self(unsafe { _mm512_add_epi64(self.0, other.0) })
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        // SAFETY: `self` exists, so AVX-512 does.
        Self(unsafe { _mm512_xor_si512(self.0, other.0) })
    }

    #[inline(always)]
    fn add_products(self, keyed: Self) -> Self {
        // SAFETY: `self` exists, so AVX-512 does.
        Self(unsafe {
            let product = _mm512_mul_epu32(keyed.0, _mm512_srli_epi64::<32>(keyed.0));
            _mm512_add_epi64(self.0, product)
        })
    }

    #[inline(always)]
    fn exchange(self) -> Self {
        // SAFETY: `self` exists, so AVX-512 does.
        Self(unsafe { _mm512_shuffle_epi32::<0b01_00_11_10>(self.0) })
    }

    #[inline(always)]
    fn scramble(self, key: Self) -> Self {
        // SAFETY: `self` exists, so AVX-512 does.
        Self(unsafe {
            let prime = _mm512_set1_epi64(PRIME32_1 as i64);
            let shifted = _mm512_srli_epi64::<47>(self.0);
            let mixed = _mm512_xor_si512(_mm512_xor_si512(self.0, shifted), key.0);
            let low = _mm512_mul_epu32(mixed, prime);
            let high = _mm512_mul_epu32(_mm512_srli_epi64::<32>(mixed), prime);
            _mm512_add_epi64(low, _mm512_slli_epi64::<32>(high))
        })
    }
}
