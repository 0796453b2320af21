//! What differs between two arrays.

use treenail_hash::Hash;

use super::levels::{LEVELS_MAX, height};
use super::tree::Array;
use crate::log::LeafIndex;

/// Visits every position whose leaf differs, or which only one of the arrays has, in ascending
/// order, with its leaf in `old` and in `new`.
///
/// [Updates](Array::update) both first. Then it descends only where digests differ, so its work
/// grows with the differences and not with the arrays: two digests of each array a level for one
/// difference. Where the arrays' lengths differ, the way down to the shorter one's end is looked at
/// as well.
pub fn diff<H: Hash>(
    old: &mut Array<'_, H>,
    new: &mut Array<'_, H>,
    visit: impl FnMut(LeafIndex, Option<&H::Digest>, Option<&H::Digest>),
) -> Touched {
    old.update();
    new.update();
    let len = old.len().max(new.len());
    let (shorter, longer) = (old.len().min(new.len()), len);
    let sides = [old.nodes(), new.nodes()];
    let lens = [old.len(), new.len()];
    let mut walk = Walk { sides, lens, shorter, longer, visit, touched: Touched::default() };
    walk.subtree(height(len), 0);
    walk.touched
}

/// How much of two arrays a [`diff`] looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Pairs of nodes, leaves among them, whose digests were compared.
    pub nodes: usize,
    /// Leaves that only one of the arrays has.
    pub leaves: usize,
}

struct Walk<'a, D, F> {
    /// The nodes of each array, and where its levels begin.
    sides: [(&'a [D], [usize; LEVELS_MAX]); 2],
    lens: [usize; 2],
    shorter: usize,
    longer: usize,
    visit: F,
    touched: Touched,
}

impl<D: Ord, F: FnMut(LeafIndex, Option<&D>, Option<&D>)> Walk<'_, D, F> {
    fn subtree(&mut self, level: usize, index: usize) {
        let start = index << level;
        let end = 1_usize.checked_shl(level as u32).and_then(|leaves| leaves.checked_add(start));
        let end = end.unwrap_or(usize::MAX).min(self.longer);
        if start >= self.shorter {
            return self.leaves_of_one(start, end);
        }
        // Digests tell about the same leaves only where both arrays have all of them.
        if end <= self.shorter {
            self.touched.nodes += 1;
            let [old, new] = self.sides.each_ref().map(|(all, starts)| &all[starts[level] + index]);
            if old == new {
                return;
            }
            if level == 0 {
                return (self.visit)(LeafIndex(index as u64), Some(old), Some(new));
            }
        }
        self.subtree(level - 1, 2 * index);
        self.subtree(level - 1, 2 * index + 1);
    }

    fn leaves_of_one(&mut self, start: usize, end: usize) {
        for index in start..end {
            self.touched.leaves += 1;
            let [old, new] = [0, 1].map(|side| self.sides[side].0[..self.lens[side]].get(index));
            (self.visit)(LeafIndex(index as u64), old, new);
        }
    }
}
