//! Reading what is in memory at once, and having the rest fetched.

use std::fs::File;
use std::io::IoSliceMut;
use std::num::NonZero;

use rustix::fs::{Advice, fadvise, fstatfs};
use rustix::io::{Errno, ReadWriteFlags, preadv2};

use crate::reader::Cached;

/// Reads the start of a file if that needs no waiting for the disk.
pub(crate) fn read_cached(file: &File, buffer: &mut [u8]) -> Cached {
    match preadv2(file, &mut [IoSliceMut::new(buffer)], 0, ReadWriteFlags::NOWAIT) {
        Ok(read) => Cached::Bytes(read),
        Err(Errno::AGAIN | Errno::INTR) => Cached::Absent,
        // Whatever else it is, reading in the ordinary way will show it.
        Err(_) => Cached::Unsupported,
    }
}

/// Has the system fetch a file of this length, without waiting for it.
pub(crate) fn fetch(file: &File, length: u64) {
    // Advice only: without it reading is merely slower.
    _ = fadvise(file, 0, NonZero::new(length), Advice::WillNeed);
}

/// Whether the file system keeps nothing and makes up its files when they are read, as procfs does;
/// those are said to be empty.
pub(crate) fn is_virtual(file: &File) -> bool {
    fstatfs(file).is_ok_and(|stat| stat.f_blocks == 0)
}

/// Tells the system that the file is read from start to end, which doubles how far it reads ahead.
pub(crate) fn will_read_all(file: &File) {
    // As above.
    _ = fadvise(file, 0, None, Advice::Sequential);
}
