//! What was found, while it is collected and afterwards.

use std::ops::{ControlFlow, Range};

use super::names::EntryNo;
use super::signature::each_bit;

/// Entries, as they lie in the index where they do.
#[derive(Clone, Debug)]
pub(super) enum Found<'i> {
    /// All of a range.
    Range(Range<EntryNo>),
    /// A part of a list of the index.
    Listed(&'i [EntryNo]),
    List(Vec<EntryNo>),
}

impl Default for Found<'_> {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl<'i> Found<'i> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Range(range) => range.len(),
            Self::Listed(list) => list.len(),
            Self::List(list) => list.len(),
        }
    }

    /// The entries in their order.
    pub(super) fn iter(&self) -> impl Iterator<Item = EntryNo> + '_ {
        let (range, list) = match self {
            Self::Range(range) => (range.clone(), &[][..]),
            Self::Listed(list) => (0..0, *list),
            Self::List(list) => (0..0, &list[..]),
        };
        range.chain(list.iter().copied())
    }

    /// The entries as a list that can be changed.
    pub(super) fn list(&mut self) -> &mut Vec<EntryNo> {
        if !matches!(self, Self::List(_)) {
            *self = Self::List(self.iter().collect());
        }
        match self {
            Self::List(list) => list,
            _ => unreachable!("it was made a list"),
        }
    }

    pub(super) fn push(&mut self, entry: EntryNo) {
        match self {
            Self::List(list) => list.push(entry),
            _ => self.list().push(entry),
        }
    }

    /// Adds what lies together in the index.
    pub(super) fn append(&mut self, more: Found<'i>) {
        if self.len() == 0 {
            *self = more;
        } else if more.len() > 0 {
            self.list().extend(more.iter());
        }
    }

    pub(super) fn truncate(&mut self, len: usize) {
        match self {
            Self::Range(range) => range.end -= range.len().saturating_sub(len) as u32,
            Self::Listed(list) => *list = &list[..list.len().min(len)],
            Self::List(list) => list.truncate(len),
        }
    }

    /// Puts the entries in order, each once; `end` is the number behind all of them.
    pub(super) fn order(&mut self, end: usize) {
        // What lies together in the index is in order.
        let Self::List(list) = self else { return };
        if list.is_sorted_by(|a, b| a < b) {
            return;
        }
        if list.len() < end / 256 {
            list.sort_unstable();
            list.dedup();
            return;
        }
        let mut bits = vec![0_u64; end.div_ceil(64)];
        list.drain(..).for_each(|entry| bits[entry as usize / 64] |= 1 << (entry % 64));
        _ = each_bit(&bits, 0, &mut |entry| {
            list.push(entry);
            ControlFlow::Continue(())
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_is_kept_in_order_once() {
        let listed = [3, 7, 9];
        for end in [20, 20_000] {
            let mut found = Found::default();
            found.append(Found::Listed(&listed));
            assert!(matches!(found, Found::Listed(_)), "nothing is copied");
            found.append(Found::Range(5..8));
            found.push(0);
            found.order(end);
            assert_eq!(found.iter().collect::<Vec<_>>(), [0, 3, 5, 6, 7, 9]);
            found.truncate(2);
            assert_eq!(found.iter().collect::<Vec<_>>(), [0, 3]);
        }
    }

    #[test]
    fn what_lies_in_the_index_is_cut_where_it_is() {
        for mut found in [Found::Range(4..9), Found::Listed(&[4, 5, 8])] {
            found.truncate(5);
            found.truncate(2);
            assert_eq!(found.iter().collect::<Vec<_>>(), [4, 5]);
            assert_eq!(found.len(), 2);
            found.push(9);
            assert_eq!(found.len(), 3);
        }
    }
}
