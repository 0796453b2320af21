//! Linux: directory handles and `openat`, `getdents64` into a large buffer, nothing asked twice.

mod handle;
mod list;
mod stat;

pub use handle::Handle;
pub(crate) use handle::{Opened, Shared};
