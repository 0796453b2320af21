//! Long messages two at a time, for registers that hold the keys of a whole block from one message
//! to the next.

use super::long::{
    Keys, Lanes, STRIPE_BYTES, Stripe, Sums, USUAL_BLOCK_BYTES, USUAL_STRIPES, last_stripe,
    less_than_a_block,
};
use super::secret::DEFAULT;

impl<V: Stripe> Keys<V> {
    /// The accumulators of two messages with the default secret, whose keys these are. Both are in
    /// flight at once: one alone leaves the processor waiting for its sums, above all at its end.
    ///
    /// # Safety
    /// Both messages are longer than 240 bytes.
    #[inline(always)]
    pub(super) unsafe fn hash_two(&self, [a, b]: [&[u8]; 2]) -> [V; 2] {
        let common = (a.len().min(b.len()) - 1) / USUAL_BLOCK_BYTES;
        let mut at = [a.as_ptr(), b.as_ptr()];
        // SAFETY: `self` exists; both messages are longer than `common` blocks, and than 240 bytes.
        unsafe {
            let mut lanes = [V::from_lanes(&Lanes::INITIAL); 2];
            for _ in 0..common {
                lanes = self.two_blocks(lanes, at);
                at = [at[0].add(USUAL_BLOCK_BYTES), at[1].add(USUAL_BLOCK_BYTES)];
            }
            [self.finish(lanes[0], a, common), self.finish(lanes[1], b, common)]
        }
    }

    /// The accumulators of a message with the default secret, whose keys these are.
    ///
    /// # Safety
    /// The message is longer than 240 bytes.
    #[inline(always)]
    pub(super) unsafe fn hash_one(&self, message: &[u8]) -> V {
        // SAFETY: `self` exists, and the message is long enough.
        unsafe { self.finish(V::from_lanes(&Lanes::INITIAL), message, 0) }
    }

    /// [`block`](Self::block) of two messages, whose instructions alternate.
    ///
    /// # Safety
    /// A block can be read at both.
    #[inline(always)]
    unsafe fn two_blocks(&self, [a, b]: [V; 2], [at_a, at_b]: [*const u8; 2]) -> [V; 2] {
        let (mut a, mut b) = (Sums::on(a), Sums::on(b));
        for (i, key) in self.stripes.iter().enumerate() {
            // SAFETY: the stripes lie in the blocks; `self` exists.
            unsafe {
                a.stripe(V::load(at_a.add(i * STRIPE_BYTES)), *key);
                b.stripe(V::load(at_b.add(i * STRIPE_BYTES)), *key);
            }
        }
        [a.lanes().scramble(self.scramble), b.lanes().scramble(self.scramble)]
    }

    /// Adds what `message` has after `done` blocks.
    ///
    /// # Safety
    /// `message` is longer than 240 bytes and than `done` blocks.
    #[inline(always)]
    unsafe fn finish(&self, mut lanes: V, message: &[u8], done: usize) -> V {
        let stripes = (message.len() - 1) / STRIPE_BYTES;
        // SAFETY: the message has `stripes` stripes and at least a byte more, and a last stripe.
        unsafe {
            let mut at = message.as_ptr().add(done * USUAL_BLOCK_BYTES);
            for _ in done..stripes / USUAL_STRIPES {
                lanes = self.block(lanes, at);
                at = at.add(USUAL_BLOCK_BYTES);
            }
            let mut sums = Sums::on(lanes);
            less_than_a_block!(stripes % USUAL_STRIPES, i => {
                sums.stripe(V::load(at.add(i * STRIPE_BYTES)), self.stripes[i]);
            });
            let last = message.as_ptr().add(message.len() - STRIPE_BYTES);
            last_stripe(&mut sums, last, &DEFAULT);
            sums.lanes()
        }
    }
}
