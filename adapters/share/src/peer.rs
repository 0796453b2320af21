//! Who is at the other end of a socket.

use std::io;
use std::os::unix::net::UnixStream;

/// The user of the process at the other end.
#[cfg(target_os = "linux")]
pub(crate) fn uid_of_peer(socket: &UnixStream) -> io::Result<u32> {
    Ok(rustix::net::sockopt::socket_peercred(socket)?.uid.as_raw())
}

/// The user of the process at the other end.
#[cfg(not(target_os = "linux"))]
pub(crate) fn uid_of_peer(socket: &UnixStream) -> io::Result<u32> {
    use std::os::fd::AsRawFd;
    let (mut uid, mut gid) = (0, 0);
    // SAFETY: the descriptor is open, and both pointers are to writable values of their types.
    if unsafe { libc::getpeereid(socket.as_raw_fd(), &raw mut uid, &raw mut gid) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(uid)
}

/// The user of this process.
pub(crate) fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::{own_uid, uid_of_peer};

    #[test]
    fn the_peer_of_a_socket_in_this_process_is_its_own_user() {
        let (here, _there) = UnixStream::pair().unwrap();
        assert_eq!(uid_of_peer(&here).unwrap(), own_uid());
    }
}
