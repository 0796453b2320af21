//! Linux: directory handles and `openat`, `getdents64` into a large buffer, nothing asked twice.

mod handle;
mod list;
mod read;
mod stat;

pub use handle::Handle;
pub(crate) use handle::{Held, MountId, Opened, Shared};
pub(crate) use read::{fetch, is_virtual, read_cached, will_read_all};
pub(crate) use stat::of_file as stat_file;
