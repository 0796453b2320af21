//! The atomics that the map is made of: the real ones, or under `cfg(loom)` those that explore
//! every interleaving.

#[cfg(not(loom))]
pub(crate) use core::{hint::spin_loop, sync::atomic};

#[cfg(loom)]
pub(crate) use loom::{hint::spin_loop, sync::atomic};
