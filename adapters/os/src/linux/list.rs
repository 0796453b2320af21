//! Listing a directory: `getdents64` straight into the listing's buffer, where the names stay.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::listing::{Listing, Record};
use crate::stat::Kind;

use super::stat;

/// Room that the first call is given.
const CALL_BYTES: usize = 64 << 10;
/// Room that every call is given. Less than the first one's, so that a directory of the usual size,
/// whose end only a further call tells, does not make the buffer grow.
const CALL_BYTES_MIN: usize = 16 << 10;

/// Offsets of the fields of a `linux_dirent64`, which the kernel aligns to 8 bytes.
const INODE: usize = 0;
const RECORD_LENGTH: usize = 16;
const TYPE: usize = 18;
const NAME: usize = 19;

/// Fills `listing` with everything in the directory `fd` but `.` and `..`.
pub(super) fn list(fd: BorrowedFd<'_>, listing: &mut Listing) -> io::Result<()> {
    list_up_to(fd, listing, usize::MAX).map(|_| ())
}

/// As [`list`], from where the last listing of `fd` ended, and no more than fits in `bytes_max` or
/// what one call gives. Whether that was the end.
pub(super) fn list_up_to(
    fd: BorrowedFd<'_>,
    listing: &mut Listing,
    bytes_max: usize,
) -> io::Result<bool> {
    listing.reset();
    let mut is_whole = false;
    while listing.bytes.len() + CALL_BYTES_MIN <= bytes_max {
        let (filled, room) = (listing.bytes.len(), listing.bytes.capacity());
        if room - filled < CALL_BYTES_MIN {
            // Doubling, so that a million entries are not moved a thousand times.
            listing.reserve((room * 2).max(CALL_BYTES))?;
        }
        if getdents64(fd, &mut listing.bytes)? == 0 {
            is_whole = true;
            break;
        }
        parse(listing, filled)?;
    }
    listing.resolve_unknown(|name| Ok(stat::of_entry(fd, name)?.kind));
    Ok(is_whole)
}

/// Records the entries that stand in the buffer from `start`.
fn parse(listing: &mut Listing, start: usize) -> io::Result<()> {
    let mut at = start;
    while at < listing.bytes.len() {
        let record = &listing.bytes[at..];
        let length = match record.get(RECORD_LENGTH..RECORD_LENGTH + 2) {
            Some(field) => u16::from_ne_bytes([field[0], field[1]]) as usize,
            None => return Err(malformed()),
        };
        if length <= NAME || length > record.len() {
            return Err(malformed());
        }
        let record = &record[..length];
        let name = name_of(record).ok_or_else(malformed)?;
        if !matches!(name, b"." | b"..") {
            let inode: [u8; 8] = record[INODE..INODE + 8].try_into().expect("eight bytes");
            let entry = Record {
                inode: u64::from_ne_bytes(inode),
                offset: u32::try_from(at + NAME).map_err(|_| too_large())?,
                length: u16::try_from(name.len()).map_err(|_| malformed())?,
                kind: kind_of(record[TYPE]),
            };
            listing.records.push(entry);
        }
        at += length;
    }
    Ok(())
}

/// The name in a record: it ends at a zero byte, which padding puts among the last eight.
fn name_of(record: &[u8]) -> Option<&[u8]> {
    let from = record.len().saturating_sub(8).max(NAME);
    let zero = record[from..].iter().position(|&b| b == 0)?;
    Some(&record[NAME..from + zero])
}

fn kind_of(d_type: u8) -> Kind {
    match d_type {
        libc::DT_REG => Kind::File,
        libc::DT_DIR => Kind::Directory,
        libc::DT_LNK => Kind::Symlink,
        libc::DT_FIFO => Kind::Fifo,
        libc::DT_SOCK => Kind::Socket,
        libc::DT_CHR => Kind::CharDevice,
        libc::DT_BLK => Kind::BlockDevice,
        _ => Kind::Unknown,
    }
}

/// Adds what fits to the buffer, whose free memory nobody has to fill with zeros before. How much
/// it was.
fn getdents64(fd: BorrowedFd<'_>, buffer: &mut Vec<u8>) -> io::Result<usize> {
    let room = buffer.spare_capacity_mut();
    // SAFETY: the kernel writes at most `room.len()` bytes to `room`, which is exclusively
    // borrowed; `fd` is open for as long as its borrow.
    let read = unsafe {
        libc::syscall(libc::SYS_getdents64, fd.as_raw_fd(), room.as_mut_ptr(), room.len())
    };
    let read = usize::try_from(read).map_err(|_| io::Error::last_os_error())?;
    // SAFETY: the kernel has written so many bytes, no more than there was room for, directly
    // behind those that were there.
    unsafe { buffer.set_len(buffer.len() + read) };
    Ok(read)
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the system listed the directory in no known form")
}

fn too_large() -> io::Error {
    let message = "the directory's names exceed 4 GiB; spread its entries over more directories";
    io::Error::new(io::ErrorKind::FileTooLarge, message)
}
