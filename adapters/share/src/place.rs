//! Where a user's daemon listens.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::peer::{own_uid, uid_of_peer};
use crate::problem::Problem;

/// What keeps an opening from following a symbolic link. Every opening of the standard library
/// closes the file when another program is run.
pub(crate) const NOFOLLOW: i32 = rustix::fs::OFlags::NOFOLLOW.bits() as i32;

/// A killed process's socket takes connections for a moment yet, but not for so long.
pub(crate) const DIES_WITHIN: Duration = Duration::from_millis(200);

/// A daemon that takes no connections any more, and stores what it knows, has ended by then.
const ENDS_WITHIN: Duration = Duration::from_secs(10);

/// What to do where another one's directory is in the way, or none can be made.
const OWN_PLACE: &str = "set XDG_RUNTIME_DIR to a directory of yours, or unset it";

/// The directory of a daemon's socket, which belongs to one user and is closed to all others.
#[derive(Clone, Debug)]
pub struct Place {
    dir: PathBuf,
}

/// A place that a daemon has taken: nobody else listens there until it is dropped, or the process
/// ends in whatever way.
pub(crate) struct Taken {
    socket: PathBuf,
    /// The socket's inode, so that no other daemon's is removed.
    inode: u64,
    /// Locked; closing it unlocks it.
    _lock: File,
}

impl Place {
    /// The user's own: `$XDG_RUNTIME_DIR/treenail`, or else `treenail-UID` in the directory for
    /// temporary files.
    #[must_use]
    pub fn of_user() -> Self {
        match std::env::var_os("XDG_RUNTIME_DIR") {
            Some(dir) if Path::new(&dir).is_absolute() => {
                Self { dir: Path::new(&dir).join("treenail") }
            }
            _ => Self { dir: std::env::temp_dir().join(format!("treenail-{}", own_uid())) },
        }
    }

    /// This directory.
    #[must_use]
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where the socket is, if a daemon runs.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.dir.join("daemon.sock")
    }

    /// Where a daemon that has no terminal writes what it has to say.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.dir.join("daemon.log")
    }

    /// Makes the directory if there is none.
    ///
    /// # Errors
    /// If that fails, or what is there is not this user's own.
    pub fn make(&self) -> Result<(), Problem> {
        match DirBuilder::new().mode(0o700).create(&self.dir) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                Err(Problem::io("cannot make the daemon's directory", &error)
                    .at(&self.dir)
                    .remedy(OWN_PLACE))
            }
            _ => self.check_dir(),
        }
    }

    /// Connects to the daemon that runs.
    ///
    /// # Errors
    /// [`Problem::NOT_RUNNING`] if none does; [`Problem::FOREIGN`] if the directory, the socket or
    /// the process is another user's.
    pub(crate) fn connect(&self) -> Result<UnixStream, Problem> {
        match fs::symlink_metadata(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(self.not_running()),
            _ => self.check_dir()?,
        }
        let socket = self.socket();
        match fs::symlink_metadata(&socket) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(self.not_running()),
            Err(error) => {
                let problem = Problem::io("cannot look at the socket", &error).at(&socket);
                return Err(problem.remedy(OWN_PLACE));
            }
            Ok(meta) if meta.uid() != own_uid() => {
                return Err(foreign(&socket, "the socket", meta.uid()));
            }
            Ok(meta) if !meta.file_type().is_socket() => {
                let problem = Problem::new(Problem::FOREIGN, "something else than a socket");
                return Err(problem.at(&socket).remedy("remove it"));
            }
            Ok(_) => {}
        }
        let stream = UnixStream::connect(&socket).map_err(|error| match error.kind() {
            // What a daemon left that was killed.
            io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => self.not_running(),
            _ => Problem::io("cannot connect", &error).at(&socket).remedy(OWN_PLACE),
        })?;
        let uid = uid_of_peer(&stream);
        match uid.map_err(|error| Problem::io("cannot tell whose process it is", &error))? {
            uid if uid == own_uid() => Ok(stream),
            uid => Err(foreign(&socket, "the process that listens there", uid)),
        }
    }

    /// Takes the place and listens there. A socket that a killed daemon left is replaced; one that
    /// somebody answers at is not.
    ///
    /// # Errors
    /// [`Problem::RUNNING`] if a daemon runs; otherwise as [`connect`](Self::connect).
    pub(crate) fn listen(&self) -> Result<(UnixListener, Taken), Problem> {
        self.make()?;
        let lock_path = self.dir.join("daemon.lock");
        let io = |doing: &str, error: &io::Error| {
            Problem::io(doing, error).at(&lock_path).remedy(OWN_PLACE)
        };
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let lock = options.custom_flags(NOFOLLOW).open(&lock_path);
        let lock = lock.map_err(|error| io("cannot open the lock", &error))?;
        self.wait_for(&lock).map_err(|error| io("cannot lock", &error))??;
        let socket = self.socket();
        let io = |doing: &str, error: &io::Error| {
            Problem::io(doing, error).at(&socket).remedy(OWN_PLACE)
        };
        match fs::remove_file(&socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(io("cannot remove the socket of a daemon that is gone", &error));
            }
            _ => {}
        }
        let listener = UnixListener::bind(&socket).map_err(|error| {
            io("cannot listen", &error)
                .remedy("set XDG_RUNTIME_DIR to a short path on a file system that has sockets")
        })?;
        let meta = fs::symlink_metadata(&socket);
        let inode = meta.map_err(|error| io("cannot look at the socket", &error))?.ino();
        Ok((listener, Taken { socket, inode, _lock: lock }))
    }

    /// Takes the lock as soon as nobody answers at the socket. A daemon that ends, or was killed,
    /// gives both back in its own time and in any order; one that runs keeps them, and a socket
    /// that is answered without the lock is not ours.
    fn wait_for(&self, lock: &File) -> io::Result<Result<(), Problem>> {
        let begun = Instant::now();
        let mut pause = Duration::from_millis(1);
        loop {
            let is_locked = match lock.try_lock() {
                Ok(()) => true,
                Err(TryLockError::WouldBlock) => false,
                Err(TryLockError::Error(error)) => return Err(error),
            };
            let patience = match self.connect() {
                Ok(_) => DIES_WITHIN,
                Err(problem) if problem.kind != Problem::NOT_RUNNING => return Ok(Err(problem)),
                Err(_) if is_locked => return Ok(Ok(())),
                Err(_) => ENDS_WITHIN,
            };
            if begun.elapsed() >= patience {
                return Ok(Err(self.running()));
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }

    /// Checks that the directory is one, this user's, and closed to others.
    fn check_dir(&self) -> Result<(), Problem> {
        let meta = fs::symlink_metadata(&self.dir);
        let meta = meta.map_err(|error| {
            let problem = Problem::io("cannot look at the daemon's directory", &error);
            problem.at(&self.dir).remedy(OWN_PLACE)
        })?;
        if meta.uid() != own_uid() {
            return Err(foreign(&self.dir, "the daemon's directory", meta.uid()));
        }
        if !meta.is_dir() || meta.mode() & 0o077 != 0 {
            let what = "the daemon's directory is a symbolic link, or open to other users";
            let problem = Problem::new(Problem::FOREIGN, what).at(&self.dir);
            return Err(problem.remedy("remove it, or make it a directory of mode 0700"));
        }
        Ok(())
    }

    fn not_running(&self) -> Problem {
        let problem = Problem::new(Problem::NOT_RUNNING, "no daemon runs").at(&self.socket());
        problem.remedy("start one with `treenail daemon`")
    }

    fn running(&self) -> Problem {
        let problem = Problem::new(Problem::RUNNING, "a daemon runs already").at(&self.socket());
        problem.remedy("use it, or end it with `treenail daemon --stop`")
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let inode = fs::symlink_metadata(&self.socket).map(|meta| meta.ino());
        if inode.is_ok_and(|inode| inode == self.inode) {
            // If it stays, the next daemon replaces it.
            _ = fs::remove_file(&self.socket);
        }
    }
}

fn foreign(path: &Path, what: &str, uid: u32) -> Problem {
    let message = format!("{what} belongs to user {uid}, not to user {}", own_uid());
    let problem = Problem::new(Problem::FOREIGN, message).at(path);
    problem.remedy(OWN_PLACE)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::io::Write;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::os::unix::net::UnixListener;
    use std::time::Duration;

    use super::Place;
    use crate::problem::Problem;

    #[test]
    fn where_nobody_listens_none_runs() {
        let temp = tempfile::tempdir().unwrap();
        let place = Place::at(temp.path().join("treenail"));
        let kind = |place: &Place| place.connect().unwrap_err().kind;
        assert_eq!(kind(&place), Problem::NOT_RUNNING);
        place.make().unwrap();
        assert_eq!(kind(&place), Problem::NOT_RUNNING);
        drop(UnixListener::bind(place.socket()).unwrap());
        assert!(place.socket().exists(), "as a killed daemon leaves it");
        assert_eq!(kind(&place), Problem::NOT_RUNNING);
    }

    #[test]
    fn a_place_is_taken_once_and_a_stale_socket_replaced() {
        let temp = tempfile::tempdir().unwrap();
        let place = Place::at(temp.path().join("treenail"));
        place.make().unwrap();
        drop(UnixListener::bind(place.socket()).unwrap());
        let (listener, taken) = place.listen().unwrap();
        assert_eq!(place.listen().err().unwrap().kind, Problem::RUNNING);
        place.connect().unwrap();
        drop((listener, taken));
        assert!(!place.socket().exists());
        place.listen().unwrap();
    }

    #[test]
    fn a_socket_that_somebody_answers_at_is_not_replaced() {
        let temp = tempfile::tempdir().unwrap();
        let place = Place::at(temp.path().join("treenail"));
        place.make().unwrap();
        let _other = UnixListener::bind(place.socket()).unwrap();
        assert_eq!(place.listen().err().unwrap().kind, Problem::RUNNING);
        assert!(place.connect().is_ok());
    }

    #[test]
    fn a_daemon_that_is_ending_is_waited_for() {
        let temp = tempfile::tempdir().unwrap();
        let place = Place::at(temp.path().join("treenail"));
        let (listener, taken) = place.listen().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(20));
                // As a process's end may have it: the one some time after the other.
                drop(listener);
                std::thread::sleep(Duration::from_millis(300));
                drop(taken);
            });
            place.listen().unwrap();
        });
    }

    #[test]
    fn a_directory_that_others_may_enter_or_that_is_a_link_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        let open = temp.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, Permissions::from_mode(0o755)).unwrap();
        let link = temp.path().join("link");
        symlink(temp.path(), &link).unwrap();
        for dir in [open, link] {
            let place = Place::at(&dir);
            for problem in [place.make().unwrap_err(), place.connect().unwrap_err()] {
                assert_eq!(problem.kind, Problem::FOREIGN);
                assert_eq!(problem.path.as_ref(), Some(&dir));
            }
        }
    }

    #[test]
    fn a_file_in_the_place_of_the_socket_stays() {
        let temp = tempfile::tempdir().unwrap();
        let place = Place::at(temp.path().join("treenail"));
        place.make().unwrap();
        fs::File::create(place.socket()).unwrap().write_all(b"mine").unwrap();
        assert_eq!(place.listen().err().unwrap().kind, Problem::FOREIGN);
        assert_eq!(fs::read(place.socket()).unwrap(), b"mine");
    }
}
