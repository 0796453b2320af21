//! A descriptor on its way from one process to another.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// The byte that a descriptor travels with: some systems deliver none without data.
const COMPANION: u8 = b'S';
/// Room for a control message, of which the systems' own header and two descriptors take 24 bytes
/// at most; words, so that it is aligned.
const CONTROL_WORDS: usize = 8;

/// Sends a descriptor.
pub(super) fn send(socket: BorrowedFd<'_>, fd: BorrowedFd<'_>) -> io::Result<()> {
    let fd: RawFd = fd.as_raw_fd();
    let mut companion = [COMPANION];
    let mut control = [0_u64; CONTROL_WORDS];
    with_message(&mut companion, &mut control, |message| {
        // SAFETY: `CMSG_SPACE` and `CMSG_LEN` compute from their argument alone. The message's
        // control part is larger than one header with one descriptor, so the first header exists,
        // and is aligned, and its data has room for it.
        unsafe {
            let size = size_of::<RawFd>() as libc::c_uint;
            message.msg_controllen = libc::CMSG_SPACE(size) as _;
            let header = libc::CMSG_FIRSTHDR(message);
            (*header).cmsg_level = libc::SOL_SOCKET;
            (*header).cmsg_type = libc::SCM_RIGHTS;
            (*header).cmsg_len = libc::CMSG_LEN(size) as _;
            libc::CMSG_DATA(header).cast::<RawFd>().write_unaligned(fd);
        }
        // SAFETY: the message points to memory that lives and is as long as it says.
        let sent = retried(|| unsafe { libc::sendmsg(socket.as_raw_fd(), message, NO_SIGNAL) })?;
        if sent == 1 { Ok(()) } else { Err(io::Error::from(io::ErrorKind::WriteZero)) }
    })
}

/// Receives a descriptor; it is closed when another program is run.
pub(super) fn receive(socket: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let mut companion = [0];
    let mut control = [0_u64; CONTROL_WORDS];
    let mut fds = with_message(&mut companion, &mut control, |message| {
        // SAFETY: the message points to memory that lives, is writable and as long as it says.
        let got = retried(|| unsafe { libc::recvmsg(socket.as_raw_fd(), message, CLOSE_ON_EXEC) })?;
        let fds = take_descriptors(message);
        if got == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        }
        let cut = message.msg_flags & libc::MSG_CTRUNC != 0;
        Ok(if cut { Vec::new() } else { fds })
    })?;
    match (companion, fds.pop(), fds.is_empty()) {
        ([COMPANION], Some(fd), true) => {
            close_on_exec(&fd)?;
            Ok(fd)
        }
        _ => {
            let what = "the peer sent something else than one descriptor";
            Err(io::Error::new(io::ErrorKind::InvalidData, what))
        }
    }
}

/// All descriptors that came with a message, so that none stays open by oversight.
fn take_descriptors(message: &libc::msghdr) -> Vec<OwnedFd> {
    let mut fds = Vec::new();
    // SAFETY: the kernel has filled in the message: its control part holds as many bytes of
    // well-formed headers as it says, within which the macros stay. Descriptors of such headers
    // are new in this process and belong to nobody yet.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(message);
        while !header.is_null() {
            if (*header).cmsg_level == libc::SOL_SOCKET && (*header).cmsg_type == libc::SCM_RIGHTS {
                let bytes =
                    ((*header).cmsg_len as usize).saturating_sub(libc::CMSG_LEN(0) as usize);
                let data = libc::CMSG_DATA(header).cast::<RawFd>();
                for index in 0..bytes / size_of::<RawFd>() {
                    fds.push(OwnedFd::from_raw_fd(data.add(index).read_unaligned()));
                }
            }
            header = libc::CMSG_NXTHDR(message, header);
        }
    }
    fds
}

/// Makes a message of these two parts and has it used.
fn with_message<T>(
    companion: &mut [u8; 1],
    control: &mut [u64; CONTROL_WORDS],
    using: impl FnOnce(&mut libc::msghdr) -> T,
) -> T {
    let mut part = libc::iovec { iov_base: companion.as_mut_ptr().cast(), iov_len: 1 };
    // SAFETY: the structure consists of integers and pointers, for which zeros are a value.
    let mut message: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(control) as _;
    using(&mut message)
}

/// Repeats a call that a signal interrupted.
fn retried(mut call: impl FnMut() -> isize) -> io::Result<isize> {
    loop {
        let result = call();
        if result >= 0 {
            return Ok(result);
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// A peer that is gone is an error, not a signal, where the system can be told so for one call;
/// Rust programs ignore the signal anyway.
#[cfg(not(target_vendor = "apple"))]
const NO_SIGNAL: libc::c_int = libc::MSG_NOSIGNAL;
#[cfg(target_vendor = "apple")]
const NO_SIGNAL: libc::c_int = 0;

/// The descriptor is marked as it arrives, before another thread can start a program.
#[cfg(not(target_vendor = "apple"))]
const CLOSE_ON_EXEC: libc::c_int = libc::MSG_CMSG_CLOEXEC;
#[cfg(target_vendor = "apple")]
const CLOSE_ON_EXEC: libc::c_int = 0;

#[cfg(not(target_vendor = "apple"))]
fn close_on_exec(_: &OwnedFd) -> io::Result<()> {
    Ok(())
}

#[cfg(target_vendor = "apple")]
fn close_on_exec(fd: &OwnedFd) -> io::Result<()> {
    // SAFETY: the descriptor is open, and the command takes a number.
    let result = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
