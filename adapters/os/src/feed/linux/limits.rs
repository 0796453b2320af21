//! What a refusal of the system means, and what helps.

use std::fs;
use std::io;
use std::os::fd::BorrowedFd;

use rustix::fs::{StatFs, fstatfs};
use rustix::io::Errno;

use super::super::Rung;

/// Why a fanotify queue cannot be had.
pub(super) fn explain_init(error: &io::Error) -> String {
    match Errno::from_io_error(error) {
        Some(Errno::MFILE) => format!(
            "no further fanotify queue: {} or the limit of open files is reached; raise it with \
             sysctl or close other watchers",
            limit("fs.fanotify.max_user_groups"),
        ),
        Some(Errno::INVAL | Errno::NOSYS) => {
            "fanotify does not report names here; it does since Linux 5.17".to_owned()
        }
        Some(Errno::PERM) => "a sandbox forbids fanotify; allow the call fanotify_init".to_owned(),
        _ => format!("fanotify cannot be opened: {error}"),
    }
}

/// Why a directory or a file system cannot be marked.
pub(super) fn explain_mark(rung: Rung, error: &io::Error) -> String {
    match (rung, Errno::from_io_error(error)) {
        (Rung::FileSystem, Some(Errno::PERM)) => {
            "marking a whole file system needs CAP_SYS_ADMIN; run as root to have it".to_owned()
        }
        (_, Some(Errno::NOSPC)) => format!(
            "no further fanotify mark: {} is reached; raise it with sysctl, or ignore more \
             directories",
            limit("fs.fanotify.max_user_marks"),
        ),
        (_, Some(Errno::OPNOTSUPP | Errno::NODEV | Errno::XDEV | Errno::OVERFLOW)) => {
            format!("this file system does not support it ({error})")
        }
        _ => format!("the mark is refused: {error}"),
    }
}

/// Why an inotify queue or watch cannot be had.
pub(super) fn explain_inotify(error: &io::Error) -> String {
    match Errno::from_io_error(error) {
        Some(Errno::NOSPC) => format!(
            "no further inotify watch: {} is reached; raise it with sysctl, or ignore more \
             directories",
            limit("fs.inotify.max_user_watches"),
        ),
        Some(Errno::MFILE) => format!(
            "no further inotify queue: {} or the limit of open files is reached; raise it with \
             sysctl or close other watchers",
            limit("fs.inotify.max_user_instances"),
        ),
        Some(Errno::NOENT) => {
            "the directory is gone, or /proc is not mounted, by way of which it is watched"
                .to_owned()
        }
        _ => format!("the inotify watch is refused: {error}"),
    }
}

/// The name of a limit and its value.
fn limit(name: &str) -> String {
    let path = format!("/proc/sys/{}", name.replace('.', "/"));
    match fs::read_to_string(path) {
        Ok(value) => format!("{name} = {}", value.trim()),
        Err(_) => name.to_owned(),
    }
}

/// Why events of a file system, by its type, say little of what changes in it.
pub(super) fn unseen(dir: BorrowedFd<'_>) -> Option<String> {
    let name = name_of_unseen(&fstatfs(dir).ok()?)?;
    Some(format!("{name}: the system does not report what changes behind the mount"))
}

#[allow(
    clippy::cast_sign_loss,
    clippy::cast_possible_truncation,
    clippy::unnecessary_cast,
    reason = "the type is a number of 32 bits in a field whose width differs"
)]
fn name_of_unseen(stat: &StatFs) -> Option<&'static str> {
    /// Types as `linux/magic.h` and the file systems' own sources have them.
    const TYPES: [(u32, &str); 20] = [
        (0x6969, "NFS"),
        (0x517B, "SMB"),
        (0xFF53_4D42, "CIFS"),
        (0xFE53_4D42, "SMB"),
        (0x0102_1997, "9P"),
        (0x6573_5546, "FUSE"),
        (0x5346_414F, "AFS"),
        (0x6B41_4653, "AFS"),
        (0x00C3_6400, "Ceph"),
        (0x7375_7245, "Coda"),
        (0x564C, "NCP"),
        (0x0BD0_0BD0, "Lustre"),
        (0x0116_1970, "GFS2"),
        (0x7461_636F, "OCFS2"),
        (0x4750_4653, "GPFS"),
        (0x1983_0326, "BeeGFS"),
        (0x786F_4256, "VirtualBox shared folder"),
        (0xBACB_ACBC, "VMware shared folder"),
        (0x9FA0, "procfs"),
        (0x6265_6572, "sysfs"),
    ];
    let found = stat.f_type as u32;
    TYPES.iter().find(|(number, _)| *number == found).map(|(_, name)| *name)
}
