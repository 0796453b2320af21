//! Long messages with AVX2: two registers a stripe.

use core::arch::x86_64::*;

use super::arith::PRIME32_1;
use super::long::{Lanes, Stripe, kernels};

kernels!(Avx2, "avx2");

#[derive(Clone, Copy)]
struct Avx2([__m256i; 2]);

// SAFETY: values come from `load` and `from_lanes` alone.
unsafe impl Stripe for Avx2 {
    const KEEPS_KEYS: bool = false;

    #[inline(always)]
    unsafe fn load(from: *const u8) -> Self {
        // SAFETY: the caller promises 64 bytes and AVX2; the loads need no alignment.
        unsafe {
            let from = from.cast::<__m256i>();
            let mut parts = [_mm256_setzero_si256(); 2];
            for (i, part) in parts.iter_mut().enumerate() {
                *part = _mm256_loadu_si256(from.add(i));
            }
            Self(parts)
        }
    }

    #[inline(always)]
    unsafe fn from_lanes(lanes: &Lanes) -> Self {
        // SAFETY: the lanes are 64 bytes, and x86-64 is little-endian; AVX2 as promised.
        unsafe { Self::load(lanes.0.as_ptr().cast()) }
    }

    #[inline(always)]
    fn to_lanes(self) -> Lanes {
        let mut lanes = Lanes([0; 8]);
        for (lanes, part) in lanes.0.chunks_exact_mut(8 / 2).zip(self.0) {
            // SAFETY: the chunk is as long as the register; `self` exists, so AVX2 does.
            unsafe { _mm256_storeu_si256(lanes.as_mut_ptr().cast(), part) }
        }
        lanes
    }

    #[inline(always)]
    fn add(mut self, other: Self) -> Self {
        for (part, other) in self.0.iter_mut().zip(other.0) {
            // SAFETY: `self` exists, so AVX2 does.
            *part = unsafe { _mm256_add_epi64(*part, other) };
        }
        self
    }

    #[inline(always)]
    fn xor(mut self, other: Self) -> Self {
        for (part, other) in self.0.iter_mut().zip(other.0) {
            // SAFETY: `self` exists, so AVX2 does.
            *part = unsafe { _mm256_xor_si256(*part, other) };
        }
        self
    }

    #[inline(always)]
    fn add_products(mut self, keyed: Self) -> Self {
        for (part, keyed) in self.0.iter_mut().zip(keyed.0) {
            // SAFETY: `self` exists, so AVX2 does.
            unsafe {
                let product = _mm256_mul_epu32(keyed, _mm256_srli_epi64::<32>(keyed));
                *part = _mm256_add_epi64(*part, product);
            }
        }
        self
    }

    #[inline(always)]
    fn exchange(mut self) -> Self {
        for part in &mut self.0 {
            // SAFETY: `self` exists, so AVX2 does.
            *part = unsafe { _mm256_shuffle_epi32::<0b01_00_11_10>(*part) };
        }
        self
    }

    #[inline(always)]
    fn scramble(mut self, key: Self) -> Self {
        for (part, key) in self.0.iter_mut().zip(key.0) {
            // SAFETY: `self` exists, so AVX2 does.
            unsafe {
                let prime = _mm256_set1_epi64x(PRIME32_1 as i64);
                let shifted = _mm256_srli_epi64::<47>(*part);
                let mixed = _mm256_xor_si256(_mm256_xor_si256(*part, shifted), key);
                let low = _mm256_mul_epu32(mixed, prime);
                let high = _mm256_mul_epu32(_mm256_srli_epi64::<32>(mixed), prime);
                *part = _mm256_add_epi64(low, _mm256_slli_epi64::<32>(high));
            }
        }
        self
    }
}
