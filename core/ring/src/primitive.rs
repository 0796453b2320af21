//! What synchronises: the processor's atomics, or loom's while a model runs.

#[cfg(all(not(loom), target_has_atomic = "64"))]
pub(crate) use core::sync::atomic::AtomicU64;
#[cfg(not(loom))]
pub(crate) use core::sync::atomic::{AtomicU8, AtomicUsize, Ordering, fence};

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering, fence};

/// Shows loom the accesses to the caller's memory, which has no cells of loom's in it: one cell
/// stands for each slot. Outside models it is nothing.
#[cfg(not(loom))]
pub(crate) struct Watch;

#[cfg(not(loom))]
impl Watch {
    pub(crate) fn new(_slots: usize) -> Self {
        Self
    }

    pub(crate) const fn none() -> Self {
        Self
    }

    #[inline(always)]
    pub(crate) fn read(&self, _index: usize, _count: usize) {}

    #[inline(always)]
    pub(crate) fn write(&self, _index: usize, _count: usize) {}
}

#[cfg(loom)]
pub(crate) struct Watch(std::vec::Vec<loom::cell::UnsafeCell<()>>);

#[cfg(loom)]
impl Watch {
    pub(crate) fn new(slots: usize) -> Self {
        Self((0..slots).map(|_| loom::cell::UnsafeCell::new(())).collect())
    }

    pub(crate) fn none() -> Self {
        Self(std::vec::Vec::new())
    }

    /// Slots from `index` on, around the end, are read now.
    pub(crate) fn read(&self, index: usize, count: usize) {
        (index..index + count).for_each(|at| self.0[at % self.0.len()].with(|_| ()));
    }

    /// Slots from `index` on, around the end, are written now.
    pub(crate) fn write(&self, index: usize, count: usize) {
        (index..index + count).for_each(|at| self.0[at % self.0.len()].with_mut(|_| ()));
    }
}

/// A value that shares no cache line with its neighbours. x86-64 fetches lines in pairs, and so do
/// some AArch64 cores; a microcontroller has one core and no memory to waste.
#[cfg_attr(
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "powerpc64"),
    repr(align(128))
)]
#[cfg_attr(target_arch = "s390x", repr(align(256)))]
#[cfg_attr(
    not(any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "powerpc64",
        target_arch = "s390x",
        target_os = "none"
    )),
    repr(align(64))
)]
pub(crate) struct Padded<T>(pub(crate) T);
