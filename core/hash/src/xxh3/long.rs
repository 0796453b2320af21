//! Messages of more than 240 bytes: the algorithm once, over stripes of 64 bytes that each
//! instruction set holds in registers of its own.
//!
//! A stripe is eight lanes. The specification adds to every lane the product of its two halves and
//! its neighbour's data, and scrambles all lanes after each block. The sum of exchanged neighbours
//! is the exchanged sum, so here the data is summed as it lies and exchanged once a block: one
//! instruction of six less in the inner loop. The lanes themselves wait for the block's sums alone.

use super::arith::{
    PRIME32_1, PRIME32_2, PRIME32_3, PRIME64_1, PRIME64_2, PRIME64_3, PRIME64_4, PRIME64_5,
    avalanche, join, multiply_fold, opaque,
};
use super::secret::{DEFAULT_BYTES, Secret};

pub(super) const STRIPE_BYTES: usize = 64;

/// How far the secret advances with each stripe.
pub(super) const SECRET_STEP: usize = 8;

/// The stripes in a block, as long as the secret is 192 bytes.
pub(super) const USUAL_STRIPES: usize = (DEFAULT_BYTES - STRIPE_BYTES) / SECRET_STEP;

pub(super) const USUAL_BLOCK_BYTES: usize = USUAL_STRIPES * STRIPE_BYTES;

/// How far the last stripe's secret ends before the secret does.
const LAST_BACK: usize = 7;

/// Where the secret of the final mix starts, and how far before the end that of the upper half
/// does.
const MERGE_AT: usize = 11;

/// The eight accumulators between two pieces of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub(super) struct Lanes(pub(super) [u64; 8]);

impl Lanes {
    pub(super) const INITIAL: Self = Self([
        PRIME32_3, PRIME64_1, PRIME64_2, PRIME64_3, PRIME64_4, PRIME32_2, PRIME64_5, PRIME32_1,
    ]);
}

/// Eight lanes of 64 bits in an instruction set's registers.
///
/// # Safety
/// A value can exist only where the processor has the instruction set: `load` is the only way to
/// the first one, and its caller promises that. The other functions rely on it.
pub(super) unsafe trait Stripe: Copy {
    /// Whether the registers hold the keys of a whole block beside the work.
    const KEEPS_KEYS: bool;

    /// The 64 bytes at `from`, each lane little-endian.
    ///
    /// # Safety
    /// They can be read, and the processor has the instruction set.
    unsafe fn load(from: *const u8) -> Self;
    /// The lanes as numbers.
    ///
    /// # Safety
    /// The processor has the instruction set.
    unsafe fn from_lanes(lanes: &Lanes) -> Self;
    fn to_lanes(self) -> Lanes;
    fn add(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
    /// Adds to each lane the product of the halves of `keyed`'s lane.
    fn add_products(self, keyed: Self) -> Self;
    /// Exchanges each even lane with the odd one after it.
    fn exchange(self) -> Self;
    /// The end of a block.
    fn scramble(self, key: Self) -> Self;

    /// The 64-bit digest of a message of `length` bytes.
    #[inline(always)]
    fn digest_64(self, length: u64, secret: Secret<'_>) -> u64 {
        self.merge(length.wrapping_mul(PRIME64_1), &secret.bytes()[MERGE_AT..])
    }

    /// The 128-bit digest of a message of `length` bytes.
    #[inline(always)]
    fn digest_128(self, length: u64, secret: Secret<'_>) -> u128 {
        let bytes = secret.bytes();
        let high = &bytes[bytes.len() - STRIPE_BYTES - MERGE_AT..];
        join(self.digest_64(length, secret), self.merge(!length.wrapping_mul(PRIME64_2), high))
    }

    #[inline(always)]
    fn merge(self, start: u64, secret: &[u8]) -> u64 {
        debug_assert!(secret.len() >= STRIPE_BYTES);
        // SAFETY: there is a stripe of secret, and `self` exists.
        let Lanes(lanes) = self.xor(unsafe { Self::load(secret.as_ptr()) }).to_lanes();
        let (pairs, _) = lanes.as_chunks();
        avalanche(pairs.iter().fold(start, |sum, &[low, high]| {
            sum.wrapping_add(opaque(multiply_fold(opaque(low), opaque(high))))
        }))
    }
}

/// What the stripes since the last scramble have added.
#[derive(Clone, Copy)]
pub(super) struct Sums<V> {
    products: V,
    data: V,
}

impl<V: Stripe> Sums<V> {
    /// Nothing yet, on top of `lanes`.
    #[inline(always)]
    pub(super) fn on(lanes: V) -> Self {
        Self { products: lanes, data: lanes.xor(lanes) }
    }

    #[inline(always)]
    pub(super) fn stripe(&mut self, data: V, key: V) {
        self.data = self.data.add(data);
        self.products = self.products.add_products(data.xor(key));
    }

    #[inline(always)]
    pub(super) fn lanes(self) -> V {
        self.products.add(self.data.exchange())
    }
}

/// `$step` for `$i` from 0 to below `$count`, which is less than [`USUAL_STRIPES`]. Written out,
/// because the compiler does not unroll such a loop, and then keeps keys in memory.
macro_rules! less_than_a_block {
    ($count:expr, $i:ident => $step:expr) => {
        less_than_a_block!(@ $count, $i => $step; 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14)
    };
    (@ $count:expr, $i:ident => $step:expr; $($n:literal)*) => {{
        let count = $count;
        'enough: {$(
            if count <= $n {
                break 'enough;
            }
            let $i = $n;
            $step
        )*}
    }};
}

/// The accumulators of a whole message.
///
/// # Safety
/// The processor has the instruction set of `V`, and `message` is longer than 240 bytes.
#[inline(always)]
pub(super) unsafe fn hash<V: Stripe>(message: &[u8], secret: Secret<'_>) -> V {
    // SAFETY: as the caller promises.
    unsafe {
        match secret.usual() {
            Some(secret) => hash_with::<V>(message, secret),
            None => hash_with::<V>(message, secret.bytes()),
        }
    }
}

/// Inlined twice, so that the usual secret's length is known.
///
/// # Safety
/// As for [`hash`]; `secret` is at least [`Secret::SIZE_BYTES_MIN`] long.
#[inline(always)]
unsafe fn hash_with<V: Stripe>(message: &[u8], secret: &[u8]) -> V {
    debug_assert!(message.len() > STRIPE_BYTES);
    let block_stripes = block_stripes(secret);
    let stripes = (message.len() - 1) / STRIPE_BYTES;
    let (blocks, rest) = (stripes / block_stripes, stripes % block_stripes);
    // SAFETY: the processor is as the caller promises. The message has a last stripe, and at least
    // a byte after `stripes` stripes, which are `blocks` blocks and `rest` more.
    unsafe {
        let mut at = message.as_ptr();
        let mut sums = Sums::on(V::from_lanes(&Lanes::INITIAL));
        if blocks > 0 {
            sums = Sums::on(fold_blocks(sums.lanes(), at, blocks, secret));
            at = at.add(blocks * block_stripes * STRIPE_BYTES);
        }
        fold_rest(&mut sums, at, rest, secret);
        last_stripe(&mut sums, message.as_ptr().add(message.len() - STRIPE_BYTES), secret);
        sums.lanes()
    }
}

/// What a secret of the usual length gives for a block, in registers.
#[derive(Clone, Copy)]
pub(super) struct Keys<V> {
    pub(super) stripes: [V; USUAL_STRIPES],
    pub(super) scramble: V,
}

impl<V: Stripe> Keys<V> {
    /// # Safety
    /// The processor has the instruction set of `V`.
    #[inline(always)]
    pub(super) unsafe fn load(secret: &[u8; DEFAULT_BYTES]) -> Self {
        // SAFETY: the processor is as the caller promises; 64 bytes follow all places.
        unsafe {
            let scramble = scramble_key(secret);
            let mut stripes = [scramble; USUAL_STRIPES];
            for (i, key) in stripes.iter_mut().enumerate() {
                *key = V::load(secret.as_ptr().add(i * SECRET_STEP));
            }
            Self { stripes, scramble }
        }
    }

    /// Adds the block at `message` and scrambles the lanes.
    ///
    /// # Safety
    /// A block can be read there.
    #[inline(always)]
    pub(super) unsafe fn block(&self, lanes: V, message: *const u8) -> V {
        let mut sums = Sums::on(lanes);
        for (i, key) in self.stripes.iter().enumerate() {
            // SAFETY: the stripe lies in the block; `self` exists.
            sums.stripe(unsafe { V::load(message.add(i * STRIPE_BYTES)) }, *key);
        }
        sums.lanes().scramble(self.scramble)
    }
}

/// Adds the stripes of `message` to `lanes`, where `before` stripes of the block have been added
/// already; returns how many of the then current block have.
///
/// # Safety
/// The processor has the instruction set of `V`; `message` is whole stripes, and `before` less than
/// the secret's blocks have.
#[inline(always)]
pub(super) unsafe fn update<V: Stripe>(
    lanes: &mut Lanes,
    before: usize,
    message: &[u8],
    secret: Secret<'_>,
) -> usize {
    let (usual, secret) = (secret.usual(), secret.bytes());
    let block_stripes = block_stripes(secret);
    let stripes = message.len() / STRIPE_BYTES;
    debug_assert!(message.len().is_multiple_of(STRIPE_BYTES) && before < block_stripes);
    let first = stripes.min(block_stripes - before);
    let at = message.as_ptr();
    // SAFETY: the processor is as the caller promises. `message` has `stripes` stripes, which
    // `first`, the blocks and what is left of them add up to; `before + first` keys are there.
    unsafe {
        let mut sums = Sums::on(V::from_lanes(lanes));
        fold_stripes(&mut sums, at, first, &secret[before * SECRET_STEP..]);
        if before + first < block_stripes {
            *lanes = sums.lanes().to_lanes();
            return before + first;
        }
        let scrambled = sums.lanes().scramble(scramble_key(secret));
        let at = at.add(first * STRIPE_BYTES);
        let (blocks, rest) = ((stripes - first) / block_stripes, (stripes - first) % block_stripes);
        let mut sums = Sums::on(match usual {
            Some(secret) => fold_blocks(scrambled, at, blocks, secret),
            None => fold_blocks(scrambled, at, blocks, secret),
        });
        fold_stripes(&mut sums, at.add(blocks * block_stripes * STRIPE_BYTES), rest, secret);
        *lanes = sums.lanes().to_lanes();
        rest
    }
}

/// `lanes` with the last 64 bytes of a message.
///
/// # Safety
/// The processor has the instruction set of `V`.
#[inline(always)]
pub(super) unsafe fn finish<V: Stripe>(
    lanes: &Lanes,
    last: &[u8; STRIPE_BYTES],
    secret: Secret<'_>,
) -> V {
    // SAFETY: as the caller promises; the stripe is whole.
    unsafe {
        let mut sums = Sums::on(V::from_lanes(lanes));
        last_stripe(&mut sums, last.as_ptr(), secret.bytes());
        sums.lanes()
    }
}

/// How many stripes have keys in `secret`, before the lanes are scrambled.
#[inline(always)]
pub(super) fn block_stripes(secret: &[u8]) -> usize {
    (secret.len() - STRIPE_BYTES) / SECRET_STEP
}

/// # Safety
/// The processor has the instruction set of `V`; `secret` is at least [`Secret::SIZE_BYTES_MIN`]
/// long, and its blocks can be read `count` times from `message` on.
#[inline(always)]
unsafe fn fold_blocks<V: Stripe>(
    mut lanes: V,
    mut message: *const u8,
    count: usize,
    secret: &[u8],
) -> V {
    let usual = secret.first_chunk().filter(|_| V::KEEPS_KEYS && secret.len() == DEFAULT_BYTES);
    // SAFETY: as the caller promises: stripes lie within the blocks, and each has a key.
    unsafe {
        if let Some(secret) = usual {
            let keys = Keys::load(secret);
            for _ in 0..count {
                lanes = keys.block(lanes, message);
                message = message.add(USUAL_BLOCK_BYTES);
            }
        } else {
            let scramble = scramble_key(secret);
            let block_stripes = block_stripes(secret);
            for _ in 0..count {
                let mut sums = Sums::on(lanes);
                fold_stripes(&mut sums, message, block_stripes, secret);
                message = message.add(block_stripes * STRIPE_BYTES);
                lanes = sums.lanes().scramble(scramble);
            }
        }
    }
    lanes
}

/// Less than a block.
///
/// # Safety
/// As for [`fold_stripes`].
#[inline(always)]
unsafe fn fold_rest<V: Stripe>(
    sums: &mut Sums<V>,
    message: *const u8,
    count: usize,
    secret: &[u8],
) {
    if secret.len() != DEFAULT_BYTES {
        // SAFETY: as the caller promises.
        return unsafe { fold_stripes(sums, message, count, secret) };
    }
    // SAFETY: the caller promises `count` stripes and keys.
    less_than_a_block!(count, i => unsafe {
        let data = V::load(message.add(i * STRIPE_BYTES));
        sums.stripe(data, V::load(secret.as_ptr().add(i * SECRET_STEP)));
    });
}

/// # Safety
/// The processor has the instruction set of `V`; `count` stripes can be read from `message` on, and
/// `secret` has their keys.
#[inline(always)]
pub(super) unsafe fn fold_stripes<V: Stripe>(
    sums: &mut Sums<V>,
    message: *const u8,
    count: usize,
    secret: &[u8],
) {
    debug_assert!(count == 0 || secret.len() >= (count - 1) * SECRET_STEP + STRIPE_BYTES);
    for i in 0..count {
        // SAFETY: the caller promises `count` stripes and keys.
        unsafe {
            let data = V::load(message.add(i * STRIPE_BYTES));
            sums.stripe(data, V::load(secret.as_ptr().add(i * SECRET_STEP)));
        }
    }
}

/// # Safety
/// The processor has the instruction set of `V`; a stripe can be read from `stripe` on, and
/// `secret` is at least [`Secret::SIZE_BYTES_MIN`] long.
#[inline(always)]
pub(super) unsafe fn last_stripe<V: Stripe>(sums: &mut Sums<V>, stripe: *const u8, secret: &[u8]) {
    // SAFETY: as the caller promises.
    unsafe {
        let key = V::load(secret.as_ptr().add(secret.len() - STRIPE_BYTES - LAST_BACK));
        sums.stripe(V::load(stripe), key);
    }
}

/// # Safety
/// The processor has the instruction set of `V`; `secret` is at least [`Secret::SIZE_BYTES_MIN`]
/// long.
#[inline(always)]
unsafe fn scramble_key<V: Stripe>(secret: &[u8]) -> V {
    // SAFETY: as the caller promises.
    unsafe { V::load(secret.as_ptr().add(secret.len() - STRIPE_BYTES)) }
}

/// Compiles the functions above for one instruction set; `$feature` is its name for the compiler.
macro_rules! kernels {
    ($stripe:ty $(, $feature:literal)?) => {
        use $crate::xxh3::{long, secret::Secret};

        /// XXH3-64 of a message of more than 240 bytes.
        ///
        /// # Safety
        /// As for [`long::hash`].
        $(#[target_feature(enable = $feature)])?
        pub(in crate::xxh3) unsafe fn hash_64(message: &[u8], secret: Secret<'_>) -> u64 {
            // SAFETY: as the caller promises.
            let lanes = unsafe { long::hash::<$stripe>(message, secret) };
            lanes.digest_64(message.len() as u64, secret)
        }

        /// XXH3-128 of a message of more than 240 bytes.
        ///
        /// # Safety
        /// As for [`long::hash`].
        $(#[target_feature(enable = $feature)])?
        pub(in crate::xxh3) unsafe fn hash_128(message: &[u8], secret: Secret<'_>) -> u128 {
            // SAFETY: as the caller promises.
            let lanes = unsafe { long::hash::<$stripe>(message, secret) };
            lanes.digest_128(message.len() as u64, secret)
        }

        /// [`long::update`] with this instruction set.
        ///
        /// # Safety
        /// As there.
        $(#[target_feature(enable = $feature)])?
        pub(in crate::xxh3) unsafe fn update(
            lanes: &mut long::Lanes,
            before: usize,
            message: &[u8],
            secret: Secret<'_>,
        ) -> usize {
            // SAFETY: as the caller promises.
            unsafe { long::update::<$stripe>(lanes, before, message, secret) }
        }

        /// XXH3-64 of a stream of `length` bytes.
        ///
        /// # Safety
        /// As for [`long::finish`].
        $(#[target_feature(enable = $feature)])?
        pub(in crate::xxh3) unsafe fn finish_64(
            lanes: &long::Lanes,
            last: &[u8; long::STRIPE_BYTES],
            length: u64,
            secret: Secret<'_>,
        ) -> u64 {
            // SAFETY: as the caller promises.
            let lanes = unsafe { long::finish::<$stripe>(lanes, last, secret) };
            lanes.digest_64(length, secret)
        }

        /// XXH3-128 of a stream of `length` bytes.
        ///
        /// # Safety
        /// As for [`long::finish`].
        $(#[target_feature(enable = $feature)])?
        pub(in crate::xxh3) unsafe fn finish_128(
            lanes: &long::Lanes,
            last: &[u8; long::STRIPE_BYTES],
            length: u64,
            secret: Secret<'_>,
        ) -> u128 {
            // SAFETY: as the caller promises.
            let lanes = unsafe { long::finish::<$stripe>(lanes, last, secret) };
            lanes.digest_128(length, secret)
        }
    };
}
pub(super) use kernels;
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
pub(super) use less_than_a_block;
