//! Long messages with NEON: four registers a stripe.

use core::arch::aarch64::*;

use super::arith::PRIME32_1;
use super::long::{Lanes, Stripe, kernels};

kernels!(Neon, "neon");

#[derive(Clone, Copy)]
struct Neon([uint64x2_t; 4]);

// SAFETY: values come from `load` and `from_lanes` alone.
unsafe impl Stripe for Neon {
    const KEEPS_KEYS: bool = false;

    #[inline(always)]
    unsafe fn load(from: *const u8) -> Self {
        // SAFETY: the caller promises 64 bytes and NEON; the loads need no alignment, and the bytes
        // are little-endian lanes because the processor is little-endian.
        unsafe {
            let mut parts = [vdupq_n_u64(0); 4];
            for (i, part) in parts.iter_mut().enumerate() {
                *part = vreinterpretq_u64_u8(vld1q_u8(from.add(16 * i)));
            }
            Self(parts)
        }
    }

    #[inline(always)]
    unsafe fn from_lanes(lanes: &Lanes) -> Self {
        // SAFETY: the lanes are 64 bytes; NEON as promised.
        unsafe { Self::load(lanes.0.as_ptr().cast()) }
    }

    #[inline(always)]
    fn to_lanes(self) -> Lanes {
        let mut lanes = Lanes([0; 8]);
        for (lanes, part) in lanes.0.chunks_exact_mut(2).zip(self.0) {
            // SAFETY: the chunk is as long as the register; `self` exists, so NEON does.
            unsafe { vst1q_u64(lanes.as_mut_ptr(), part) }
        }
        lanes
    }

    #[inline(always)]
    fn add(mut self, other: Self) -> Self {
        for (part, other) in self.0.iter_mut().zip(other.0) {
            // SAFETY: `self` exists, so NEON does.
            *part = unsafe { vaddq_u64(*part, other) };
        }
        self
    }

    #[inline(always)]
    fn xor(mut self, other: Self) -> Self {
        for (part, other) in self.0.iter_mut().zip(other.0) {
            // SAFETY: `self` exists, so NEON does.
            *part = unsafe { veorq_u64(*part, other) };
        }
        self
    }

    /// Two registers at a time: their low halves are gathered in one, their high halves in another,
    /// and multiplied with accumulation.
    #[inline(always)]
    fn add_products(mut self, keyed: Self) -> Self {
        for (sums, keyed) in self.0.chunks_exact_mut(2).zip(keyed.0.chunks_exact(2)) {
            // SAFETY: `self` exists, so NEON does.
            unsafe {
                let first = vreinterpretq_u32_u64(keyed[0]);
                let second = vreinterpretq_u32_u64(keyed[1]);
                let low = vuzp1q_u32(first, second);
                let high = vuzp2q_u32(first, second);
                sums[0] = vmlal_u32(sums[0], vget_low_u32(low), vget_low_u32(high));
                sums[1] = vmlal_high_u32(sums[1], low, high);
            }
        }
        self
    }

    #[inline(always)]
    fn exchange(mut self) -> Self {
        for part in &mut self.0 {
            // SAFETY: `self` exists, so NEON does.
            *part = unsafe { vextq_u64::<1>(*part, *part) };
        }
        self
    }

    #[inline(always)]
    fn scramble(mut self, key: Self) -> Self {
        for (part, key) in self.0.iter_mut().zip(key.0) {
            // SAFETY: `self` exists, so NEON does.
            unsafe {
                let prime = vdup_n_u32(PRIME32_1 as u32);
                let mixed = veorq_u64(veorq_u64(*part, vshrq_n_u64::<47>(*part)), key);
                let high = vmull_u32(vshrn_n_u64::<32>(mixed), prime);
                *part = vmlal_u32(vshlq_n_u64::<32>(high), vmovn_u64(mixed), prime);
            }
        }
        self
    }
}
