//! How leaves and nodes of `log` and `array` are hashed: RFC 9162, section 2.1.1.

use treenail_hash::{Digest, Hash};

/// The first byte of what is hashed to a leaf.
const LEAF: u8 = 0x00;
/// The first byte of what is hashed to a node.
const NODE: u8 = 0x01;

/// The longest digest that a node is made of.
const DIGEST_BYTES_MAX: usize = 64;

/// The nodes that are hashed side by side. More make no difference that could be measured.
pub(crate) const BATCH: usize = 32;

const NODE_BYTES_MAX: usize = 1 + 2 * DIGEST_BYTES_MAX;

/// Leaves up to this length are hashed side by side, several in one buffer; longer ones, which the
/// buffer would hold too few of, one by one.
const SHORT_LEAF_BYTES_MAX: usize = BATCH * NODE_BYTES_MAX / 4 - 1;

/// The digest of a tree without leaves: the hash of no bytes.
#[must_use]
pub fn empty_digest<H: Hash>() -> H::Digest {
    H::hash(&[])
}

/// The digest of a leaf: the hash of a zero byte and the leaf's bytes.
#[must_use]
pub fn leaf_digest<H: Hash>(leaf: &[u8]) -> H::Digest {
    let mut message = [LEAF; 128];
    match message.get_mut(1..1 + leaf.len()) {
        Some(room) => {
            room.copy_from_slice(leaf);
            H::hash(&message[..1 + leaf.len()])
        }
        None => {
            let mut state = H::default();
            state.update(&[LEAF]);
            state.update(leaf);
            state.finish()
        }
    }
}

/// The digest of each leaf, `digests[i]` of `leaves[i]`; short leaves are hashed side by side.
///
/// # Panics
/// If the two slices differ in length.
pub fn leaf_digests<H: Hash>(leaves: &[&[u8]], digests: &mut [H::Digest]) {
    assert_eq!(leaves.len(), digests.len(), "one digest for each leaf");
    let mut buffer = [0; BATCH * NODE_BYTES_MAX];
    let (mut leaves, mut digests) = (leaves, digests);
    while let Some(first) = leaves.first() {
        if first.len() > SHORT_LEAF_BYTES_MAX {
            digests[0] = leaf_digest::<H>(first);
            (leaves, digests) = (&leaves[1..], &mut digests[1..]);
            continue;
        }
        let mut messages: [&[u8]; BATCH] = [&[]; BATCH];
        let mut count = 0;
        let mut free = &mut buffer[..];
        for leaf in leaves.iter().take(BATCH) {
            if leaf.len() > SHORT_LEAF_BYTES_MAX || leaf.len() >= free.len() {
                break;
            }
            let message;
            (message, free) = core::mem::take(&mut free).split_at_mut(1 + leaf.len());
            message[0] = LEAF;
            message[1..].copy_from_slice(leaf);
            messages[count] = message;
            count += 1;
        }
        let (now, later) = digests.split_at_mut(count);
        H::hash_many(&messages[..count], now);
        (leaves, digests) = (&leaves[count..], later);
    }
}

/// The digest of a node: the hash of a byte of value 1, the left digest and the right one.
#[must_use]
pub fn node_digest<H: Hash>(left: &H::Digest, right: &H::Digest) -> H::Digest {
    const { assert!(H::Digest::SIZE_BYTES <= DIGEST_BYTES_MAX, "digests of 64 bytes at most") };
    let mut message = [0; NODE_BYTES_MAX];
    H::hash(put_node(&mut message, left, right))
}

/// Writes the message that a node is hashed from.
#[inline]
fn put_node<'a, D: Digest>(message: &'a mut [u8], left: &D, right: &D) -> &'a [u8] {
    message[0] = NODE;
    message[1..][..D::SIZE_BYTES].copy_from_slice(left.as_ref());
    message[1 + D::SIZE_BYTES..][..D::SIZE_BYTES].copy_from_slice(right.as_ref());
    &message[..1 + 2 * D::SIZE_BYTES]
}

/// Memory for hashing nodes side by side.
pub(crate) struct Batch<D> {
    messages: [u8; BATCH * NODE_BYTES_MAX],
    digests: [D; BATCH],
}

impl<D: Digest> Batch<D> {
    pub(crate) fn new() -> Self {
        const { assert!(D::SIZE_BYTES <= DIGEST_BYTES_MAX, "digests of 64 bytes at most") };
        Self { messages: [0; BATCH * NODE_BYTES_MAX], digests: [D::default(); BATCH] }
    }

    /// The nodes over `pairs`, of which there are at most [`BATCH`].
    pub(crate) fn nodes<'a, H: Hash<Digest = D>>(
        &mut self,
        pairs: impl Iterator<Item = (&'a D, &'a D)>,
    ) -> &[D]
    where
        D: 'a,
    {
        let mut messages: [&[u8]; BATCH] = [&[]; BATCH];
        let mut count = 0;
        let rooms = self.messages.chunks_exact_mut(1 + 2 * D::SIZE_BYTES);
        for ((room, message), (left, right)) in rooms.zip(&mut messages).zip(pairs) {
            *message = put_node(room, left, right);
            count += 1;
        }
        match count {
            1 => self.digests[0] = H::hash(messages[0]),
            _ => H::hash_many(&messages[..count], &mut self.digests[..count]),
        }
        &self.digests[..count]
    }

    /// Replaces a level by the one above it, which it returns: neighbours are joined, and a last
    /// one without a neighbour rises as it is.
    pub(crate) fn rise<'a, H: Hash<Digest = D>>(&mut self, level: &'a mut [D]) -> &'a mut [D] {
        let parents = level.len() / 2;
        let mut done = 0;
        while done < parents {
            let count = BATCH.min(parents - done);
            let nodes = self.nodes::<H>(pairs(&level[2 * done..2 * (done + count)]));
            level[done..done + count].copy_from_slice(nodes);
            done += count;
        }
        if !level.len().is_multiple_of(2) {
            level[parents] = level[2 * parents];
        }
        let above = level.len().div_ceil(2);
        &mut level[..above]
    }

    /// The root of the tree over `leaves`, of which there is at least one; what they hold
    /// afterwards is of no account.
    pub(crate) fn root<H: Hash<Digest = D>>(&mut self, leaves: &mut [D]) -> D {
        let mut level = leaves;
        while level.len() > 1 {
            level = self.rise::<H>(level);
        }
        level[0]
    }
}

/// Neighbours, without a last one that has none.
pub(crate) fn pairs<D>(level: &[D]) -> impl Iterator<Item = (&D, &D)> {
    level.as_chunks().0.iter().map(|[left, right]| (left, right))
}

#[cfg(test)]
mod tests {
    use super::{Batch, SHORT_LEAF_BYTES_MAX, leaf_digest, leaf_digests, node_digest};
    use treenail_hash::{Blake3, Hash, Xxh3};

    #[test]
    fn leaves_of_every_length_are_hashed_alike_alone_and_together() {
        let bytes = [7; 3 * SHORT_LEAF_BYTES_MAX];
        let lengths = (0..200).chain(SHORT_LEAF_BYTES_MAX - 2..SHORT_LEAF_BYTES_MAX + 3);
        let mut leaves = [&bytes[..0]; 410];
        for (i, length) in lengths.enumerate() {
            leaves[2 * i] = &bytes[..length];
            leaves[2 * i + 1] = if i % 5 == 0 { &bytes } else { &bytes[..length / 2] };
        }
        let mut digests = [[0; 8]; 410];
        leaf_digests::<Xxh3>(&leaves, &mut digests);
        for (leaf, digest) in leaves.iter().zip(&digests) {
            let mut state = Xxh3::default();
            state.update(&[0]);
            state.update(leaf);
            assert_eq!(*digest, state.finish(), "{} bytes", leaf.len());
            assert_eq!(*digest, leaf_digest::<Xxh3>(leaf));
        }
    }

    #[test]
    fn nodes_are_hashed_alike_alone_and_together() {
        fn check<H: Hash>() {
            let mut level: [H::Digest; 101] =
                core::array::from_fn(|i| H::hash(&i.to_le_bytes()[..2]));
            let before = level;
            let above = Batch::new().rise::<H>(&mut level);
            assert_eq!(above.len(), 51);
            for i in 0..50 {
                assert_eq!(above[i], node_digest::<H>(&before[2 * i], &before[2 * i + 1]));
            }
            assert_eq!(above[50], before[100], "no neighbour");
        }
        check::<Xxh3>();
        check::<Blake3>();
    }
}
