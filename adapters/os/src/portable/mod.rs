//! The standard library's calls, for systems without a back end of their own. Directories are not
//! kept open: each use goes by the full path, whose length the system may limit.

mod handle;

pub use handle::Handle;
pub(crate) use handle::{Opened, Shared};
