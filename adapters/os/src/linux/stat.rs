//! Attributes relative to an open directory.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{AtFlags, StatxFlags, fstat, statat, statx};

use crate::stat::{Kind, Stat, nanoseconds};

use super::handle::MountId;

/// Asks for numbers of mounts that are not used again (since Linux 6.8).
const MOUNT_ID_UNIQUE: StatxFlags = StatxFlags::from_bits_retain(0x4000);

/// The attributes of an open file.
pub(super) fn of_open(fd: BorrowedFd<'_>) -> io::Result<Stat> {
    Ok(translate(&fstat(fd)?))
}

/// The attributes of an open file.
pub(crate) fn of_file(file: &File) -> io::Result<Stat> {
    of_open(file.as_fd())
}

/// The mount that an open file lies on; its device on a system that does not number mounts.
pub(super) fn mount_of(fd: BorrowedFd<'_>) -> io::Result<MountId> {
    let wanted = StatxFlags::MNT_ID | MOUNT_ID_UNIQUE;
    if let Ok(found) = statx(fd, c"", AtFlags::EMPTY_PATH, wanted)
        && found.stx_mask & wanted.bits() != 0
    {
        return Ok(MountId(found.stx_mnt_id));
    }
    Ok(MountId(of_open(fd)?.device))
}

/// The attributes of one entry of a directory, the entry itself if it is a symbolic link.
pub(super) fn of_entry(dir: BorrowedFd<'_>, name: &[u8]) -> io::Result<Stat> {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
    Ok(translate(&statat(dir, name, flags)?))
}

#[allow(
    clippy::unnecessary_cast,
    clippy::useless_conversion,
    clippy::cast_sign_loss,
    reason = "the widths of these fields differ between architectures"
)]
fn translate(stat: &rustix::fs::Stat) -> Stat {
    Stat {
        kind: Kind::from_mode(stat.st_mode),
        mode: stat.st_mode & 0o7777,
        size_bytes: u64::try_from(stat.st_size).unwrap_or(0),
        mtime_ns: nanoseconds(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
        ctime_ns: nanoseconds(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        inode: stat.st_ino as u64,
        device: stat.st_dev as u64,
        nlink: u32::try_from(stat.st_nlink).unwrap_or(u32::MAX),
        uid: stat.st_uid,
        gid: stat.st_gid,
    }
}
