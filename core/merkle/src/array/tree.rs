//! The array itself.

use core::fmt;

use treenail_hash::Hash;

use super::dirty::Dirty;
use super::error::ArrayError;
use super::levels::{self, height, leaves_in, nodes_at, starts};
use crate::hashing::{BATCH, Batch, empty_digest, leaf_digest};
use crate::log::LeafIndex;

/// A Merkle tree over positions that can be set one by one, in slices that the caller owns; see the
/// [module](super).
pub struct Array<'m, H: Hash> {
    /// The levels from the leaves upwards.
    digests: &'m mut [H::Digest],
    /// The positions whose ancestors are not up to date.
    dirty: Dirty<'m>,
    len: usize,
    /// The leaves that `digests` has room for, which says where its levels begin.
    room: usize,
}

impl<'m, H: Hash> Array<'m, H> {
    /// An array without leaves, with room for as many as both slices suffice for;
    /// [`digests_for`](super::digests_for) and [`dirty_words_for`](super::dirty_words_for) say how
    /// long to make them. What they hold does not matter.
    #[must_use]
    pub fn new(digests: &'m mut [H::Digest], dirty: &'m mut [u64]) -> Self {
        let room = leaves_in(digests.len());
        Self { digests, dirty: Dirty::new(dirty, room), len: 0, room }
    }

    /// Goes on with `digests` as another array of the same algorithm left them after an
    /// [`update`](Self::update): the slice is as long as it was, and the array had `len` leaves.
    /// That nothing else has written there is not checked.
    ///
    /// # Errors
    /// [`ArrayError::Full`] when one of the slices is too short for so many leaves.
    pub fn resume(
        digests: &'m mut [H::Digest],
        dirty: &'m mut [u64],
        len: usize,
    ) -> Result<Self, ArrayError> {
        let mut array = Self::new(digests, dirty);
        array.check_room(len)?;
        array.len = len;
        Ok(array)
    }

    /// How many leaves there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no leaves.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many leaves there can be.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.room.min(self.dirty.positions())
    }

    /// The digests of all leaves.
    #[must_use]
    pub fn leaves(&self) -> &[H::Digest] {
        &self.digests[..self.len]
    }

    /// Puts a leaf at a position, given its [digest](crate::leaf_digest), and returns what was
    /// there. If it is another, the position is marked for the next [`update`](Self::update).
    ///
    /// # Errors
    /// [`ArrayError::Beyond`] when there is no such position.
    #[inline]
    pub fn set(&mut self, index: LeafIndex, leaf: H::Digest) -> Result<H::Digest, ArrayError> {
        let at = self.position(index)?;
        let before = core::mem::replace(&mut self.digests[at], leaf);
        if before != leaf {
            self.dirty.mark(at);
        }
        Ok(before)
    }

    /// Adds leaves at the end, given their [digests](crate::leaf_digests).
    ///
    /// # Errors
    /// [`ArrayError::Full`] when there is no room for all; then none is added.
    pub fn extend(&mut self, leaves: &[H::Digest]) -> Result<(), ArrayError> {
        let old = self.len;
        let new = old.saturating_add(leaves.len());
        self.check_room(new)?;
        self.digests[old..new].copy_from_slice(leaves);
        self.dirty.mark_range(old..new);
        self.len = new;
        Ok(())
    }

    /// Makes it `len` leaves: adds positions at the end that hold the digest of the empty leaf, or
    /// drops the last ones.
    ///
    /// # Errors
    /// [`ArrayError::Full`] when there is no room for so many; then nothing changes.
    pub fn resize(&mut self, len: usize) -> Result<(), ArrayError> {
        self.check_room(len)?;
        let old = core::mem::replace(&mut self.len, len);
        if len > old {
            self.digests[old..len].fill(leaf_digest::<H>(&[]));
            self.dirty.mark_range(old..len);
        } else if len < old {
            self.dirty.clear_range(len..old);
            // What was a node's left half may be all of it now.
            if let Some(last) = len.checked_sub(1) {
                self.dirty.mark(last);
            }
        }
        Ok(())
    }

    /// Hashes what is above the positions that changed, level by level, the nodes of a level side
    /// by side; returns how many nodes that were. For `c` changes it is `c * log2(n)` nodes at
    /// most.
    pub fn update(&mut self) -> usize {
        let mut hashed = 0;
        if !self.dirty.is_clean() {
            let mut batch = Batch::new();
            let (mut start, mut room) = (0, self.room);
            for level in 0..height(self.len) {
                let (below, above) = self.digests[start..].split_at_mut(room);
                let below = &below[..nodes_at(level, self.len)];
                hashed += update_level::<H>(below, above, &mut self.dirty, &mut batch);
                (start, room) = (start + room, room.div_ceil(2));
            }
            // The mark has risen to the root.
            self.dirty.take(0);
        }
        debug_assert!(self.dirty.is_clean());
        hashed
    }

    /// The root; [updates](Self::update) first.
    #[must_use]
    pub fn root(&mut self) -> H::Digest {
        self.update();
        match self.len {
            0 => empty_digest::<H>(),
            len => self.digests[starts(self.room)[height(len)]],
        }
    }

    /// Writes the proof of a position's leaf to the beginning of `path` and returns that part; for
    /// [`InclusionProof`](crate::log::InclusionProof), the tree's size being the array's length.
    /// [Updates](Self::update) first.
    ///
    /// # Errors
    /// [`ArrayError::Beyond`] when there is no such position, [`ArrayError::Short`] when `path` is;
    /// 64 digests suffice.
    pub fn proof<'p>(
        &mut self,
        index: LeafIndex,
        path: &'p mut [H::Digest],
    ) -> Result<&'p [H::Digest], ArrayError> {
        let at = self.position(index)?;
        self.update();
        let starts = starts(self.room);
        let neighbours = (0..height(self.len))
            .map(|level| (level, at >> level ^ 1))
            .filter(|(level, neighbour)| *neighbour < nodes_at(*level, self.len));
        let needed = neighbours.clone().count();
        let given = path.len();
        let path = path.get_mut(..needed).ok_or(ArrayError::Short { needed, given })?;
        for (room, (level, neighbour)) in path.iter_mut().zip(neighbours) {
            *room = self.digests[starts[level] + neighbour];
        }
        Ok(path)
    }

    /// All nodes, and how many leaves there is room for.
    pub(super) fn nodes(&self) -> (&[H::Digest], [usize; levels::LEVELS_MAX]) {
        (self.digests, starts(self.room))
    }

    fn position(&self, index: LeafIndex) -> Result<usize, ArrayError> {
        match usize::try_from(index.0) {
            Ok(at) if at < self.len => Ok(at),
            _ => Err(ArrayError::Beyond { index, len: self.len }),
        }
    }

    fn check_room(&self, needed: usize) -> Result<(), ArrayError> {
        let capacity = self.capacity();
        if needed <= capacity { Ok(()) } else { Err(ArrayError::Full { capacity, needed }) }
    }
}

/// Hashes the parents of what is marked in `below`, which is a whole level, and marks them instead.
fn update_level<H: Hash>(
    below: &[H::Digest],
    above: &mut [H::Digest],
    dirty: &mut Dirty<'_>,
    batch: &mut Batch<H::Digest>,
) -> usize {
    let mut parents = [0; BATCH];
    let (mut waiting, mut hashed) = (0, 0);
    let mut next = dirty.next(0);
    while let Some(word) = next {
        let marks = dirty.take(word);
        let mut rest = pair_marks(marks);
        // A parent's mark stands where that of a child before it stood, so none is met twice.
        dirty.mark_in(word / 2, u64::from(rest) << (32 * (word % 2)));
        while rest != 0 {
            let parent = 32 * word + rest.trailing_zeros() as usize;
            rest &= rest - 1;
            if 2 * parent + 1 == below.len() {
                // It has no neighbour, and rises as it is.
                above[parent] = below[2 * parent];
                continue;
            }
            parents[waiting] = parent;
            waiting += 1;
            if waiting == BATCH {
                hash_parents::<H>(&parents, below, above, batch);
                (waiting, hashed) = (0, hashed + BATCH);
            }
        }
        next = dirty.next(word + 1);
    }
    hash_parents::<H>(&parents[..waiting], below, above, batch);
    hashed + waiting
}

fn hash_parents<H: Hash>(
    parents: &[usize],
    below: &[H::Digest],
    above: &mut [H::Digest],
    batch: &mut Batch<H::Digest>,
) {
    let pairs = parents.iter().map(|parent| (&below[2 * parent], &below[2 * parent + 1]));
    for (parent, digest) in parents.iter().zip(batch.nodes::<H>(pairs)) {
        above[*parent] = *digest;
    }
}

/// A bit for each pair of bits: whether one of them is set.
fn pair_marks(marks: u64) -> u32 {
    let mut pairs = (marks | marks >> 1) & 0x5555_5555_5555_5555;
    for (shift, mask) in [
        (1, 0x3333_3333_3333_3333),
        (2, 0x0F0F_0F0F_0F0F_0F0F),
        (4, 0x00FF_00FF_00FF_00FF),
        (8, 0x0000_FFFF_0000_FFFF),
        (16, 0x0000_0000_FFFF_FFFF),
    ] {
        pairs = (pairs | pairs >> shift) & mask;
    }
    pairs as u32
}

impl<H: Hash> fmt::Debug for Array<'_, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Array")
            .field("len", &self.len)
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::pair_marks;

    #[test]
    fn pairs_are_marked_by_either_half() {
        for marks in [0, 1, 2, 3, 1 << 63, 1 << 62, u64::MAX, 0x1234_5678_9ABC_DEF0] {
            for pair in 0..32 {
                assert_eq!(pair_marks(marks) >> pair & 1 == 1, marks >> (2 * pair) & 3 != 0);
            }
        }
    }
}
