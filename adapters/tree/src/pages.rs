//! A two-level copy-on-write table from directory numbers to values.
//!
//! A clone is one reference count. A change copies the page that holds the slot, and the list of
//! pages, and nothing else, so that a reader's clone stays what it was.

use std::sync::Arc;

/// Slots in a page: a change copies one page, so it is small; the list of pages stays short too.
const PAGE_SLOTS: usize = 64;

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

#[derive(Clone)]
struct Slot<T> {
    generation: u32,
    value: Option<T>,
}

/// See the module's text.
#[derive(Clone)]
pub(crate) struct PageTable<T> {
    pages: Arc<Vec<Arc<Vec<Slot<T>>>>>,
}

impl<T: Clone> PageTable<T> {
    pub(crate) fn new() -> Self {
        Self { pages: Arc::new(Vec::new()) }
    }

    pub(crate) fn get(&self, id: DirId) -> Option<&T> {
        let index = id.index as usize;
        let slot = self.pages.get(index / PAGE_SLOTS)?.get(index % PAGE_SLOTS)?;
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
        let slots: usize = self.pages.iter().map(|page| page.capacity()).sum();
        slots * size_of::<Slot<T>>() + self.pages.len() * 48
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (DirId, &T)> {
        let slots = self.pages.iter().flat_map(|page| page.iter()).enumerate();
        slots.filter_map(|(index, slot)| {
            let id = DirId { index: index as u32, generation: slot.generation };
            Some((id, slot.value.as_ref()?))
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
        fn value<T>(
            page: Option<&Arc<Vec<Slot<T>>>>,
            (index, slot): (usize, usize),
        ) -> Option<(DirId, &T)> {
            let found = page?.get(slot)?;
            let id = DirId { index: index as u32, generation: found.generation };
            Some((id, found.value.as_ref()?))
        }
        for number in 0..self.pages.len().max(before.pages.len()) {
            let (old, new) = (before.pages.get(number), self.pages.get(number));
            if old.zip(new).is_some_and(|(old, new)| Arc::ptr_eq(old, new)) {
                continue;
            }
            for slot in 0..PAGE_SLOTS {
                let at = (number * PAGE_SLOTS + slot, slot);
                let (was, now) = (value(old, at), value(new, at));
                if was.is_some() || now.is_some() {
                    differs(was, now);
                }
            }
        }
    }

    fn slot_mut(&mut self, index: u32) -> &mut Slot<T> {
        let (page, slot) = (index as usize / PAGE_SLOTS, index as usize % PAGE_SLOTS);
        let pages = Arc::make_mut(&mut self.pages);
        while pages.len() <= page {
            pages.push(Arc::new(vec![Slot { generation: 0, value: None }; PAGE_SLOTS]));
        }
        &mut Arc::make_mut(&mut pages[page])[slot]
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
        for index in 0..(10 * PAGE_SLOTS as u32) {
            table.insert(id(index, 0), index);
        }
        let before = table.clone();
        table.insert(id(0, 0), 9);
        let copied = |(a, b): (&Arc<_>, &Arc<_>)| !Arc::ptr_eq(a, b);
        assert_eq!(before.pages.iter().zip(table.pages.iter()).filter(|p| copied(*p)).count(), 1);
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
