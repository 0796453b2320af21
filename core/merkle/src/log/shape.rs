//! Where the nodes of a tree are, and which of them a proof is made of: numbers only.

/// The number of a leaf, counted from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeafIndex(pub u64);

/// How many leaves a tree has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreeSize(pub u64);

/// The most digests that a proof has, for a tree of any size.
pub const PROOF_DIGESTS_MAX: usize = 65;

/// A perfect subtree: the one over the leaves from `index << level` on, `1 << level` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId {
    /// How far above the leaves the node is; leaves are at level 0.
    pub level: u8,
    /// The node's number among those of its level.
    pub index: u64,
}

impl NodeId {
    /// The node that is the leaf `index`.
    #[must_use]
    pub const fn leaf(index: LeafIndex) -> Self {
        Self { level: 0, index: index.0 }
    }

    /// The node of which this one and its neighbour are the children.
    #[must_use]
    pub const fn parent(self) -> Self {
        Self { level: self.level.saturating_add(1), index: self.index >> 1 }
    }

    /// Whether all leaves of the node are within a tree of `size` leaves.
    #[must_use]
    pub const fn is_within(self, size: TreeSize) -> bool {
        self.level < 64 && self.index < size.0 >> self.level
    }
}

/// The perfect nodes that the leaves `start..end` consist of, from the right, that is from the
/// least to the largest. `start` is a multiple of a power of two that is no less than
/// `end - start`.
pub(super) fn cover(start: u64, end: u64) -> impl Iterator<Item = NodeId> {
    let mut rest = end - start;
    let mut end = end;
    core::iter::from_fn(move || {
        if rest == 0 {
            return None;
        }
        let level = rest.trailing_zeros();
        let id = NodeId { level: level as u8, index: (end >> level) - 1 };
        rest &= rest - 1;
        // The last one may begin at 0 and be all there is.
        end -= 1 << level;
        Some(id)
    })
}

/// The way from a perfect node up to the root of a tree of which it is part.
///
/// Below `inner` levels the way has a neighbour at each level, on either side. Then it runs along
/// the tree's right edge, where there are neighbours on the left alone: one for each bit that is
/// set in the rest of the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Way {
    from: NodeId,
    size: u64,
    inner: u32,
}

/// A neighbour on a [`Way`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Neighbour {
    Left(NodeId),
    Right(NodeId),
    /// The leaves from here to the tree's end, which form no perfect subtree.
    RightEdge {
        start: u64,
    },
}

impl Way {
    /// The way up from `from`, which is within a tree of `size` leaves.
    pub(super) fn new(from: NodeId, size: TreeSize) -> Self {
        debug_assert!(from.is_within(size));
        let last = (size.0 - 1) >> from.level;
        let inner = u64::BITS - (from.index ^ last).leading_zeros();
        Self { from, size: size.0, inner }
    }

    /// How many neighbours there are on the inner part of the way.
    pub(super) fn inner(&self) -> usize {
        self.inner as usize
    }

    /// How many neighbours there are.
    pub(super) fn neighbours_len(&self) -> usize {
        (self.inner + self.from.index.checked_shr(self.inner).unwrap_or(0).count_ones()) as usize
    }

    /// Whether neighbour `at` of the inner part is on the left.
    pub(super) fn is_left(&self, at: usize) -> bool {
        self.from.index >> at & 1 == 1
    }

    /// The neighbours, from the node upwards.
    pub(super) fn neighbours(self) -> impl Iterator<Item = Neighbour> {
        let Self { from, size, inner } = self;
        let levels = u64::BITS - u32::from(from.level);
        (0..levels).filter_map(move |up| {
            let own = from.index >> up;
            let id = NodeId { level: from.level + up as u8, index: own ^ 1 };
            if own & 1 == 1 {
                return Some(Neighbour::Left(id));
            }
            // On the edge an even node has no neighbour.
            (up < inner).then(|| match id.is_within(TreeSize(size)) {
                true => Neighbour::Right(id),
                false => Neighbour::RightEdge { start: id.index << id.level },
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{NodeId, TreeSize, Way, cover};

    #[test]
    fn cover_goes_from_the_least_node_to_the_largest() {
        let mut nodes = cover(0, 13);
        assert_eq!(nodes.next(), Some(NodeId { level: 0, index: 12 }));
        assert_eq!(nodes.next(), Some(NodeId { level: 2, index: 2 }));
        assert_eq!(nodes.next(), Some(NodeId { level: 3, index: 0 }));
        assert_eq!(nodes.next(), None);
        assert_eq!(cover(8, 13).count(), 2);
        assert_eq!(cover(0, u64::MAX).count(), 64);
        assert_eq!(cover(5, 5).next(), None);
    }

    #[test]
    fn way_has_as_many_neighbours_as_it_says() {
        for size in 1..70 {
            for level in 0..7 {
                for index in 0..size >> level {
                    let way = Way::new(NodeId { level, index }, TreeSize(size));
                    assert_eq!(way.neighbours().count(), way.neighbours_len(), "{way:?}");
                }
            }
        }
        let last = NodeId { level: 0, index: u64::MAX - 1 };
        let way = Way::new(last, TreeSize(u64::MAX));
        assert_eq!((way.neighbours().count(), way.neighbours_len()), (63, 63));
        let first = Way::new(NodeId { level: 0, index: 0 }, TreeSize(u64::MAX));
        assert_eq!((first.neighbours().count(), first.neighbours_len()), (64, 64));
        let top = NodeId { level: 63, index: 0 };
        assert_eq!(Way::new(top, TreeSize(1 << 63)).neighbours().count(), 0);
        assert_eq!(Way::new(top, TreeSize(u64::MAX)).neighbours().count(), 1);
    }
}
