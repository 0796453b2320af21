//! Long messages without vector instructions: the twin that all others must equal.

use super::arith::{PRIME32_1, read_u64};
use super::long::{Lanes, STRIPE_BYTES, Stripe, kernels};

kernels!(Plain);

#[derive(Clone, Copy)]
struct Plain([u64; 8]);

impl Plain {
    #[inline(always)]
    fn each(self, other: Self, step: impl Fn(u64, u64) -> u64) -> Self {
        Self(core::array::from_fn(|i| step(self.0[i], other.0[i])))
    }
}

// SAFETY: it needs no instruction set.
unsafe impl Stripe for Plain {
    const KEEPS_KEYS: bool = false;

    #[inline(always)]
    unsafe fn load(from: *const u8) -> Self {
        // SAFETY: the caller promises 64 bytes; an array of bytes needs no alignment.
        let bytes: [u8; STRIPE_BYTES] = unsafe { from.cast::<[u8; STRIPE_BYTES]>().read() };
        Self(core::array::from_fn(|i| read_u64(&bytes, 8 * i)))
    }

    #[inline(always)]
    unsafe fn from_lanes(lanes: &Lanes) -> Self {
        Self(lanes.0)
    }

    #[inline(always)]
    fn to_lanes(self) -> Lanes {
        Lanes(self.0)
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.each(other, u64::wrapping_add)
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        self.each(other, |a, b| a ^ b)
    }

    #[inline(always)]
    fn add_products(self, keyed: Self) -> Self {
        self.each(keyed, |sum, keyed| sum.wrapping_add((keyed & 0xffff_ffff) * (keyed >> 32)))
    }

    #[inline(always)]
    fn exchange(self) -> Self {
        Self(core::array::from_fn(|i| self.0[i ^ 1]))
    }

    #[inline(always)]
    fn scramble(self, key: Self) -> Self {
        self.each(key, |lane, key| (lane ^ lane >> 47 ^ key).wrapping_mul(PRIME32_1))
    }
}
