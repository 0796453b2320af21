//! Cells of the caller's memory, handed out and taken back one by one.

/// The index that stands for no cell.
pub(super) const NONE: u32 = u32::MAX;

/// A cell that can be kept in a list of free ones.
pub(super) trait Cell {
    /// Where the cell keeps the index of the next free one while it is free itself.
    fn next_free(&mut self) -> &mut u32;
}

/// Cells in use and free ones. What follows the first `fresh` cells was never used, so beginning
/// takes no time however many there are.
pub(super) struct Arena<'m, T> {
    cells: &'m mut [T],
    fresh: u32,
    first_free: u32,
    used: u32,
}

impl<'m, T: Cell> Arena<'m, T> {
    pub(super) fn new(cells: &'m mut [T]) -> Self {
        let addressable = cells.len().min(NONE as usize);
        Self { cells: &mut cells[..addressable], fresh: 0, first_free: NONE, used: 0 }
    }

    /// How many cells can be taken.
    pub(super) fn available(&self) -> usize {
        self.cells.len() - self.used as usize
    }

    /// Takes a free cell, whose content is whatever it was.
    ///
    /// # Panics
    /// If none is available.
    pub(super) fn take(&mut self) -> u32 {
        let index = if self.first_free == NONE {
            assert!((self.fresh as usize) < self.cells.len(), "the caller saw to available cells");
            self.fresh += 1;
            self.fresh - 1
        } else {
            let index = self.first_free;
            self.first_free = *self[index].next_free();
            index
        };
        self.used += 1;
        index
    }

    /// Gives a cell back.
    pub(super) fn give(&mut self, index: u32) {
        let first_free = self.first_free;
        *self[index].next_free() = first_free;
        self.first_free = index;
        self.used -= 1;
    }
}

impl<T> core::ops::Index<u32> for Arena<'_, T> {
    type Output = T;

    #[inline]
    fn index(&self, index: u32) -> &T {
        &self.cells[index as usize]
    }
}

impl<T> core::ops::IndexMut<u32> for Arena<'_, T> {
    #[inline]
    fn index_mut(&mut self, index: u32) -> &mut T {
        &mut self.cells[index as usize]
    }
}
