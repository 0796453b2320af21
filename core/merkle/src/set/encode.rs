//! The messages that leaves and branches are hashed from.

use treenail_hash::{Digest, Hash};

use super::{Item, Value};

/// The most items that a node holds without branching.
pub const LEAF_MAX: usize = 64;

/// How many children a branch has: one for each nibble.
pub const FANOUT: usize = 16;

const LEAF_TAG: u8 = 0x00;
const BRANCH_TAG: u8 = 0x01;
const HEADER_BYTES: usize = 1 + size_of::<u64>();

/// The digest of a leaf of `count` items, given in ascending order of key and value.
pub(super) fn leaf<'a, H: Hash, V: Value + 'a>(
    count: usize,
    items: impl Iterator<Item = &'a Item<H::Digest, V>>,
    value_bytes: usize,
) -> H::Digest
where
    H::Digest: 'a,
{
    // The buffer has to be cleared, which for a short leaf would cost as much as hashing it.
    match HEADER_BYTES + count.saturating_mul(H::Digest::SIZE_BYTES + value_bytes) {
        ..=256 => leaf_in::<H, V, 256>(count, items, value_bytes),
        257..=1024 => leaf_in::<H, V, 1024>(count, items, value_bytes),
        _ => leaf_in::<H, V, 4352>(count, items, value_bytes),
    }
}

// Not inlined, so that the buffers are not part of the frames of a recursion.
#[inline(never)]
fn leaf_in<'a, H: Hash, V: Value + 'a, const BYTES: usize>(
    count: usize,
    items: impl Iterator<Item = &'a Item<H::Digest, V>>,
    value_bytes: usize,
) -> H::Digest
where
    H::Digest: 'a,
{
    let mut message = Message::<H, BYTES>::new(LEAF_TAG, count);
    for item in items {
        let value = item.value.as_ref();
        debug_assert_eq!(value.len(), value_bytes, "all values of a set have one length");
        message.push(item.key.as_ref());
        message.push(value);
    }
    message.finish()
}

/// The digest of a branch of `count` items, from those of its children.
///
/// [`leaf_digest`](super::leaf_digest) says what it is for.
#[must_use]
pub fn branch_digest<H: Hash>(count: usize, children: &[H::Digest; FANOUT]) -> H::Digest {
    branch::<H>(count, children.iter())
}

/// The digest of a branch of `count` items.
#[inline(never)]
pub(super) fn branch<'a, H: Hash>(
    count: usize,
    children: impl Iterator<Item = &'a H::Digest>,
) -> H::Digest
where
    H::Digest: 'a,
{
    let mut message = Message::<H, { HEADER_BYTES + FANOUT * 32 }>::new(BRANCH_TAG, count);
    children.for_each(|digest| message.push(digest.as_ref()));
    message.finish()
}

/// A message being put together: in a buffer as long as it fits, so that it is hashed in one go.
struct Message<H, const BYTES: usize> {
    buffer: [u8; BYTES],
    used: usize,
    overflow: Option<H>,
}

impl<H: Hash, const BYTES: usize> Message<H, BYTES> {
    #[inline]
    fn new(tag: u8, count: usize) -> Self {
        let mut message = Self { buffer: [0; BYTES], used: 0, overflow: None };
        message.push(&[tag]);
        message.push(&(count as u64).to_le_bytes());
        message
    }

    #[inline]
    fn push(&mut self, bytes: &[u8]) {
        match self.buffer.get_mut(self.used..self.used + bytes.len()) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.used += bytes.len();
            }
            None => self.spill(bytes),
        }
    }

    #[cold]
    fn spill(&mut self, bytes: &[u8]) {
        let state = self.overflow.get_or_insert_default();
        state.update(&self.buffer[..self.used]);
        state.update(bytes);
        self.used = 0;
    }

    #[inline]
    fn finish(self) -> H::Digest {
        let rest = &self.buffer[..self.used];
        match self.overflow {
            None => H::hash(rest),
            Some(mut state) => {
                state.update(rest);
                state.finish()
            }
        }
    }
}
