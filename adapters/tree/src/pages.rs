//! A copy-on-write table from directory numbers to values.
//!
//! A clone is one reference count. A change copies the page that holds the slot, and the nodes
//! above it, and nothing else, so that a reader's clone stays what it was.

use std::sync::Arc;

/// Slots in a page, and children of a node. A copy touches what each slot and each child refers to,
/// which lies all over the memory: narrow nodes in four levels cost a change in a tree of some
/// thousand directories a third of what two levels do, and a look-up no more.
const FAN_OUT: usize = 1 << FAN_OUT_BITS;
const FAN_OUT_BITS: u32 = 4;

/// The number of a directory in a tree, stable for as long as the directory exists.
///
/// Numbers of deleted directories are given again with a new generation, so that a kept `DirId`
/// never names another directory.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DirId {
    /// The slot.
    pub index: u32,
    /// How often the slot had been freed before.
    pub generation: u32,
}

impl DirId {
    /// The first directory of a new tree.
    pub const ROOT: Self = Self { index: 0, generation: 0 };
}

/// A value that a copy of its page shares with the page.
pub(crate) trait Shared: Clone {
    /// How many share it, by the count that a copy adds to; 0 if there is none.
    fn sharers(&self) -> usize;
}

#[derive(Clone)]
struct Slot<T> {
    generation: u32,
    value: Option<T>,
}

/// The slots of neighbouring numbers.
type Page<T> = [Slot<T>; FAN_OUT];

/// A node of the tree above the pages, or a page.
#[derive(Clone)]
enum Node<T> {
    Inner(Arc<[Option<Node<T>>; FAN_OUT]>),
    Page(Arc<Page<T>>),
}

/// See the module's text.
#[derive(Clone)]
pub(crate) struct PageTable<T> {
    /// None while nothing was ever inserted.
    root: Option<Node<T>>,
    /// How many inner nodes lie above each page.
    height: u32,
    /// The first number that was never inserted.
    end: u64,
}

impl<T: Shared> PageTable<T> {
    pub(crate) fn new() -> Self {
        Self { root: None, height: 0, end: 0 }
    }

    pub(crate) fn get(&self, id: DirId) -> Option<&T> {
        let slot = &self.page(id.index.into())?[digit(id.index.into(), 0)];
        if slot.generation == id.generation { slot.value.as_ref() } else { None }
    }

    /// The value of `id`, to be changed in this table alone.
    pub(crate) fn get_mut(&mut self, id: DirId) -> Option<&mut T> {
        self.get(id)?;
        self.slot_mut(id.index).value.as_mut()
    }

    /// Sets the value of `id`, whatever generation the slot had.
    pub(crate) fn insert(&mut self, id: DirId, value: T) {
        *self.slot_mut(id.index) = Slot { generation: id.generation, value: Some(value) };
    }

    /// Frees the slot of `id`.
    ///
    /// Returns the identity that the slot has from now on.
    pub(crate) fn remove(&mut self, id: DirId) -> Option<DirId> {
        self.get(id)?;
        let generation = id.generation.wrapping_add(1);
        *self.slot_mut(id.index) = Slot { generation, value: None };
        Some(DirId { index: id.index, generation })
    }

    /// The bytes that the table itself takes, without what the values own.
    pub(crate) fn memory_bytes(&self) -> usize {
        let pages = self.pages().count();
        // A sixteenth as many nodes lie above them, and a sixteenth of that above those.
        let inner = pages.div_ceil(FAN_OUT - 1) * size_of::<[Option<Node<T>>; FAN_OUT]>();
        pages * (size_of::<Page<T>>() + 2 * size_of::<usize>()) + inner
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (DirId, &T)> {
        self.pages().flat_map(|(first, page)| {
            page.iter().enumerate().filter_map(move |(at, slot)| {
                let id = DirId { index: first as u32 + at as u32, generation: slot.generation };
                Some((id, slot.value.as_ref()?))
            })
        })
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.iter().map(|(_, value)| value)
    }

    /// Hands over, slot by slot, what stands in the pages that the two tables do not share: first
    /// what stood in `before`.
    pub(crate) fn for_each_unshared<'a>(
        &'a self,
        before: &'a Self,
        mut differs: impl FnMut(Option<(DirId, &'a T)>, Option<(DirId, &'a T)>),
    ) {
        let top = self.height.max(before.height);
        Spot::of(before).compare(Spot::of(self), top, 0, &mut differs);
    }

    /// All pages, with the number of their first slot.
    fn pages(&self) -> impl Iterator<Item = (u64, &Page<T>)> {
        let firsts = (0..self.end).step_by(FAN_OUT);
        firsts.filter_map(|first| Some((first, self.page(first)?)))
    }

    /// The page with the slot of this number.
    fn page(&self, index: u64) -> Option<&Page<T>> {
        if index >= self.end {
            return None;
        }
        let (mut node, mut level) = (self.root.as_ref()?, self.height);
        loop {
            match node {
                Node::Page(page) => return Some(page),
                Node::Inner(nodes) => node = nodes[digit(index, level)].as_ref()?,
            }
            level -= 1;
        }
    }

    fn slot_mut(&mut self, index: u32) -> &mut Slot<T> {
        let index = u64::from(index);
        while index >> (FAN_OUT_BITS * (self.height + 1)) > 0 {
            if let Some(root) = self.root.take() {
                let mut nodes = [const { None }; FAN_OUT];
                nodes[0] = Some(root);
                self.root = Some(Node::Inner(Arc::new(nodes)));
            }
            self.height += 1;
        }
        self.end = self.end.max(index + 1);
        if self.root.as_ref().is_some_and(|root| root.sharers() > 1) {
            self.fetch(index);
        }
        let (mut place, mut level) = (&mut self.root, self.height);
        loop {
            match place.get_or_insert_with(|| Node::new(level)) {
                Node::Page(page) => return &mut Arc::make_mut(page)[digit(index, 0)],
                Node::Inner(nodes) => place = &mut Arc::make_mut(nodes)[digit(index, level)],
            }
            level -= 1;
        }
    }
}

impl<T: Shared> PageTable<T> {
    /// Reads all counts that a change of this slot will add to. They lie all over the memory, and
    /// adding waits for each before it goes on to the next; reading does not.
    fn fetch(&self, index: u64) {
        let (mut sharers, mut level) = (0, self.height);
        let mut place = &self.root;
        while let Some(node) = place {
            match node {
                Node::Page(page) => {
                    let values = page.iter().filter_map(|slot| slot.value.as_ref());
                    sharers += values.map(T::sharers).sum::<usize>();
                    break;
                }
                Node::Inner(nodes) => {
                    sharers += nodes.iter().flatten().map(Node::sharers).sum::<usize>();
                    place = &nodes[digit(index, level)];
                    level -= 1;
                }
            }
        }
        std::hint::black_box(sharers);
    }
}

impl<T: Shared> Node<T> {
    fn sharers(&self) -> usize {
        match self {
            Self::Inner(nodes) => Arc::strong_count(nodes),
            Self::Page(page) => Arc::strong_count(page),
        }
    }

    /// An empty one with so many levels below it.
    fn new(level: u32) -> Self {
        match level {
            0 => {
                let empty = |_| Slot { generation: 0, value: None };
                Self::Page(Arc::new(std::array::from_fn(empty)))
            }
            _ => Self::Inner(Arc::new([const { None }; FAN_OUT])),
        }
    }
}

/// A place in a table: a node of this height, as if nodes with one child stood above it where
/// another table is higher.
struct Spot<'a, T> {
    node: Option<&'a Node<T>>,
    height: u32,
}

impl<T> Clone for Spot<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Spot<'_, T> {}

impl<'a, T> Spot<'a, T> {
    fn of(table: &'a PageTable<T>) -> Self {
        Self { node: table.root.as_ref(), height: table.height }
    }

    /// See [`PageTable::for_each_unshared`]; both begin at the slot `first`.
    fn compare(
        self,
        now: Self,
        level: u32,
        first: u64,
        differs: &mut impl FnMut(Option<(DirId, &'a T)>, Option<(DirId, &'a T)>),
    ) {
        if self.is_shared_with(now) {
            return;
        }
        for at in 0..FAN_OUT {
            let number = first + ((at as u64) << (FAN_OUT_BITS * level));
            if level > 0 {
                let (was, now) = (self.child(level, at), now.child(level, at));
                was.compare(now, level - 1, number, differs);
                continue;
            }
            let (was, now) = (self.value(at, number), now.value(at, number));
            if was.is_some() || now.is_some() {
                differs(was, now);
            }
        }
    }

    fn is_shared_with(self, other: Self) -> bool {
        match (self.node, other.node) {
            (None, None) => true,
            (Some(Node::Inner(one)), Some(Node::Inner(other))) => Arc::ptr_eq(one, other),
            (Some(Node::Page(one)), Some(Node::Page(other))) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }

    fn child(self, level: u32, at: usize) -> Self {
        let node = match self.node {
            _ if self.height < level && at == 0 => return self,
            Some(Node::Inner(nodes)) if self.height == level => nodes[at].as_ref(),
            _ => None,
        };
        Self { node, height: level - 1 }
    }

    fn value(self, at: usize, number: u64) -> Option<(DirId, &'a T)> {
        let Some(Node::Page(page)) = self.node else { return None };
        let slot = &page[at];
        let id = DirId { index: number as u32, generation: slot.generation };
        Some((id, slot.value.as_ref()?))
    }
}

/// Which child of a node at `level` leads to the slot of this number.
fn digit(index: u64, level: u32) -> usize {
    (index >> (FAN_OUT_BITS * level)) as usize & (FAN_OUT - 1)
}

impl Shared for DirId {
    fn sharers(&self) -> usize {
        0
    }
}

/// The numbers of deleted directories, with the generation that they come back with.
///
/// The last one in is the first one out. A clone is one reference count, as of the table.
#[derive(Clone)]
pub(crate) struct FreeList {
    ids: PageTable<DirId>,
    len: u32,
}

impl FreeList {
    pub(crate) fn new() -> Self {
        Self { ids: PageTable::new(), len: 0 }
    }

    pub(crate) fn push(&mut self, id: DirId) {
        self.ids.insert(DirId { index: self.len, generation: 0 }, id);
        self.len += 1;
    }

    pub(crate) fn pop(&mut self) -> Option<DirId> {
        self.len = self.len.checked_sub(1)?;
        self.ids.get(DirId { index: self.len, generation: 0 }).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Shared for u32 {
        fn sharers(&self) -> usize {
            0
        }
    }

    impl Shared for char {
        fn sharers(&self) -> usize {
            0
        }
    }

    fn id(index: u32, generation: u32) -> DirId {
        DirId { index, generation }
    }

    #[test]
    fn a_clone_keeps_what_it_saw() {
        let mut table = PageTable::new();
        for index in 0..300 {
            table.insert(id(index, 0), index);
        }
        let before = table.clone();
        table.insert(id(77, 0), 1_000);
        table.insert(id(5_000, 0), 5);
        assert_eq!(before.get(id(77, 0)), Some(&77));
        assert_eq!(before.get(id(5_000, 0)), None);
        assert_eq!(table.get(id(77, 0)), Some(&1_000));
        assert_eq!(table.get(id(5_000, 0)), Some(&5));
    }

    #[test]
    fn a_change_copies_one_page() {
        let mut table = PageTable::new();
        for index in 0..(40 * FAN_OUT as u32) {
            table.insert(id(index, 0), index);
        }
        let before = table.clone();
        table.insert(id(0, 0), 9);
        let copied = |(a, b): (&Page<u32>, &Page<u32>)| !std::ptr::eq(a, b);
        let pages = |table| PageTable::pages(table).map(|(_, page)| page);
        assert_eq!(pages(&before).count(), 40);
        assert_eq!(pages(&before).zip(pages(&table)).filter(|pair| copied(*pair)).count(), 1);
    }

    #[test]
    fn what_two_tables_do_not_share_is_handed_over_whatever_their_heights() {
        let mut table = PageTable::new();
        (0..40).for_each(|index| table.insert(id(index * 16, 0), index));
        let before = table.clone();
        table.insert(id(32, 0), 1_000);
        table.remove(id(48, 0));
        table.insert(id(70_000, 0), 7);
        let mut found = Vec::new();
        let number = |one: Option<(DirId, &u32)>| one.map(|(id, value)| (id.index, *value));
        table.for_each_unshared(&before, |was, now| found.push((number(was), number(now))));
        let changed = (Some((32, 2)), Some((32, 1_000)));
        assert_eq!(found, [changed, (Some((48, 3)), None), (None, Some((70_000, 7)))]);
        let mut none = 0;
        table.for_each_unshared(&table.clone(), |_, _| none += 1);
        let all = PageTable::new();
        table.for_each_unshared(&all, |was, now| {
            none += usize::from(was.is_some()) + 100 * usize::from(now.is_some())
        });
        assert_eq!(none, 4_000);
    }

    #[test]
    fn numbers_may_be_inserted_in_any_order_and_as_large_as_can_be() {
        let numbers = [70_000, 3, u32::MAX, 16, 15, 4_096, 65_535, 65_536];
        let mut table = PageTable::new();
        assert_eq!(table.get(id(0, 0)), None);
        for index in numbers {
            table.insert(id(index, 1), index);
        }
        for index in numbers {
            assert_eq!(table.get(id(index, 1)), Some(&index));
            assert_eq!(table.get(id(index ^ 1, 1)).is_some(), numbers.contains(&(index ^ 1)));
        }
    }

    #[test]
    fn all_are_gone_through_in_the_order_of_their_numbers() {
        let mut table = PageTable::new();
        for index in [900, 5, 17, 300] {
            table.insert(id(index, 2), index);
        }
        table.remove(id(17, 2));
        let all: Vec<_> = table.iter().map(|(id, value)| (id.index, *value)).collect();
        assert_eq!(all, [(5, 5), (300, 300), (900, 900)]);
    }

    #[test]
    fn a_freed_number_comes_back_with_another_generation() {
        let mut table = PageTable::new();
        table.insert(id(3, 0), 'a');
        let next = table.remove(id(3, 0)).unwrap();
        assert_eq!(next, id(3, 1));
        table.insert(next, 'b');
        assert_eq!(table.get(id(3, 0)), None);
        assert_eq!(table.get(next), Some(&'b'));
        assert_eq!(table.remove(id(3, 0)), None);
    }

    #[test]
    fn freed_numbers_come_out_in_reverse_and_a_clone_keeps_its_own() {
        let mut free = FreeList::new();
        (0..200).for_each(|index| free.push(id(index, 1)));
        let mut before = free.clone();
        assert_eq!(free.pop(), Some(id(199, 1)));
        free.push(id(7, 8));
        assert_eq!(free.pop(), Some(id(7, 8)));
        let rest: Vec<DirId> = std::iter::from_fn(|| before.pop()).collect();
        assert_eq!(rest, (0..200).rev().map(|index| id(index, 1)).collect::<Vec<_>>());
        assert_eq!(before.pop(), None);
    }
}
