//! What differs between two states of one directory, found by what they share in memory.

use std::cmp::Ordering;
use std::iter::Peekable;

/// A leaf of a directory's entries, as whoever compares sees it.
pub(crate) trait Leaf: Copy {
    /// An entry; they are in the order of their names.
    type Entry: Copy + PartialEq;
    /// The leaf's entries.
    type Entries: Iterator<Item = Self::Entry>;

    /// Whether both are one leaf in memory.
    fn is_shared_with(self, other: Self) -> bool;

    fn entries(self) -> Self::Entries;

    fn name(entry: &Self::Entry) -> &[u8];
}

/// Goes through two states of a directory side by side, passing the leaves that they share, and
/// hands over each entry that differs: as it was, as it is.
pub(crate) fn for_each_difference<L: Leaf>(
    old: impl Iterator<Item = L>,
    new: impl Iterator<Item = L>,
    mut differs: impl FnMut(Option<L::Entry>, Option<L::Entry>),
) {
    let (mut old, mut new) = (Cursor::new(old), Cursor::new(new));
    loop {
        if old.skip_shared(&mut new) {
            continue;
        }
        let (was, now) = (old.peek(), new.peek());
        let order = match (&was, &now) {
            (None, None) => return,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(was), Some(now)) => L::name(was).cmp(L::name(now)),
        };
        let (was, now) = (was.filter(|_| order.is_le()), now.filter(|_| order.is_ge()));
        if was != now {
            differs(was, now);
        }
        if order.is_le() {
            old.advance();
        }
        if order.is_ge() {
            new.advance();
        }
    }
}

/// A place in the entries of a directory.
struct Cursor<L: Leaf, I: Iterator<Item = L>> {
    /// The leaf that it is at the start of, if it is at a start.
    whole: Option<L>,
    /// The rest of the leaf that it is in.
    entries: Option<Peekable<L::Entries>>,
    /// The leaves after that.
    rest: I,
}

impl<L: Leaf, I: Iterator<Item = L>> Cursor<L, I> {
    fn new(mut leaves: I) -> Self {
        Self { whole: leaves.next(), entries: None, rest: leaves }
    }

    /// Passes a leaf that both are at the start of.
    fn skip_shared<J: Iterator<Item = L>>(&mut self, other: &mut Cursor<L, J>) -> bool {
        let (Some(leaf), Some(same)) = (self.whole, other.whole) else { return false };
        let shared = leaf.is_shared_with(same);
        if shared {
            self.whole = self.rest.next();
            other.whole = other.rest.next();
        }
        shared
    }

    fn peek(&mut self) -> Option<L::Entry> {
        if let Some(entries) = &mut self.entries {
            return entries.peek().copied();
        }
        // Still at the start: whether the other one gets to the start of the same, is to be seen.
        self.whole?.entries().next()
    }

    fn advance(&mut self) {
        if let Some(leaf) = self.whole.take() {
            self.entries = Some(leaf.entries().peekable());
        }
        let Some(entries) = &mut self.entries else { return };
        entries.next();
        if entries.peek().is_none() {
            self.entries = None;
            self.whole = self.rest.next();
        }
    }
}
