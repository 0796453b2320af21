//! The standard library's calls, for systems without a back end of their own. Directories are not
//! kept open: each use goes by the full path, whose length the system may limit.

mod handle;

pub use handle::Handle;
pub(crate) use handle::{Held, Opened, Shared};

use std::fs::File;
use std::io;

use crate::reader::Cached;
use crate::stat::Stat;

/// The attributes of an open file.
pub(crate) fn stat_file(file: &File) -> io::Result<Stat> {
    Ok(Stat::from_metadata(&file.metadata()?))
}

/// Would tell the system that the file is read from start to end; there is no portable way.
pub(crate) fn will_read_all(_: &File) {}

/// Would say whether the file system makes up its files; there is no portable way, and the systems
/// without a back end of their own have no such files in common use.
pub(crate) fn is_virtual(_: &File) -> bool {
    false
}

/// Would read what is in memory already; there is no portable way.
pub(crate) fn read_cached(_: &File, _: &mut [u8]) -> Cached {
    Cached::Unsupported
}

/// Would have the system fetch a file; there is no portable way.
pub(crate) fn fetch(_: &File, _: u64) {}
