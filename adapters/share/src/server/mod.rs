//! The daemon: one live tree for each directory that somebody asked for, shared by all clients of
//! this user.

mod connection;
mod detach;
mod direct;
mod query;
mod reload;
mod roots;
mod select;
mod stream;

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::config::Config;
use crate::place::{Place, Taken};
use crate::problem::Problem;
#[cfg(feature = "remote")]
use crate::remote::server as remote;
pub use detach::{leave_session, say_ready};
use roots::Roots;
#[cfg(feature = "remote")]
pub(crate) use roots::Used;
pub use select::{Reporter, Select};

/// How much stack the threads get that serve clients: they call nothing that needs much.
pub(crate) const STACK_BYTES: usize = 512 << 10;

/// How a daemon is started.
pub struct Options {
    /// Where it listens.
    pub place: Place,
    /// The directory for the states of trees, so that clocks outlive the daemon; nothing for none.
    pub state: Option<PathBuf>,
    /// The configuration file, which is read again whenever it changes.
    pub config_file: Option<PathBuf>,
    /// Whether there has to be one.
    pub config_must_be: bool,
    /// The idle time, whatever the file says; nothing inside for never.
    pub idle: Option<Option<Duration>>,
    /// Who tells clients of what they have selected; without it such a wish is refused.
    pub select: Option<Box<Select>>,
    /// Where what happens is told, line by line.
    pub log: Box<dyn Fn(&str) + Send + Sync>,
}

impl Options {
    /// The user's own directories and file, and a log that nobody reads.
    #[must_use]
    pub fn of_user() -> Self {
        Self {
            place: Place::of_user(),
            state: crate::state::states_of_user(),
            config_file: Config::path_of_user(),
            config_must_be: false,
            idle: None,
            select: None,
            log: Box::new(|_| {}),
        }
    }
}

/// A daemon that listens.
pub struct Server {
    listener: UnixListener,
    /// What wakes it while it waits for clients.
    woken: UnixStream,
    taken: Taken,
    shared: Arc<Shared>,
    /// What other machines are to be served with.
    #[cfg(feature = "remote")]
    prepared: remote::Prepared,
}

/// Ends a daemon from another thread.
#[derive(Clone)]
pub struct Stopper(Arc<Shared>);

/// What the threads have in common.
pub(crate) struct Shared {
    started: Instant,
    options: Options,
    config: Mutex<Arc<Config>>,
    roots: Roots,
    clients: Mutex<Clients>,
    /// A client has gone.
    gone: Condvar,
    stopping: AtomicBool,
    ended: Mutex<bool>,
    ending: Condvar,
    wake: UnixStream,
    /// What all rings take.
    rings_bytes: AtomicUsize,
    #[cfg(feature = "remote")]
    remote: remote::Remote,
}

#[derive(Default)]
struct Clients {
    streams: BTreeMap<u64, UnixStream>,
    next: u64,
    /// Those that want to know when it has ended.
    farewell: Vec<UnixStream>,
    /// Since when there has been none.
    idle_since: Option<Instant>,
}

impl Server {
    /// Reads the configuration and listens.
    ///
    /// # Errors
    /// - [`Problem::RUNNING`] if another daemon does.
    /// - [`Problem::CONFIG`] if the configuration cannot be.
    /// - [`Problem::FOREIGN`] if another user's files are in the way; [`Problem::IO`].
    pub fn bind(options: Options) -> Result<Self, Problem> {
        let config = match &options.config_file {
            Some(path) => Config::read(path, options.config_must_be)?,
            None => Config::default(),
        };
        let (listener, taken) = options.place.listen()?;
        #[cfg(feature = "remote")]
        let (remote, prepared) = {
            let remote = remote::Remote::default();
            let prepared = remote.prepare(&config)?;
            (remote, prepared)
        };
        let io = |error| Problem::io("cannot listen", &error);
        listener.set_nonblocking(true).map_err(io)?;
        let (wake, woken) = UnixStream::pair().map_err(io)?;
        wake.set_nonblocking(true).map_err(io)?;
        woken.set_nonblocking(true).map_err(io)?;
        let clients = Clients { idle_since: Some(Instant::now()), ..Clients::default() };
        let shared = Arc::new(Shared {
            started: Instant::now(),
            options,
            config: Mutex::new(Arc::new(config)),
            roots: Roots::default(),
            clients: Mutex::new(clients),
            gone: Condvar::new(),
            stopping: AtomicBool::new(false),
            ended: Mutex::new(false),
            ending: Condvar::new(),
            wake,
            rings_bytes: AtomicUsize::new(0),
            #[cfg(feature = "remote")]
            remote,
        });
        Ok(Self {
            listener,
            woken,
            taken,
            shared,
            #[cfg(feature = "remote")]
            prepared,
        })
    }

    /// What ends it.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        Stopper(self.shared.clone())
    }

    /// Serves clients until it is stopped, or idle for long enough. Returns when all trees are
    /// stored.
    ///
    /// # Errors
    /// If the system refuses to wait for clients.
    pub fn run(self) -> Result<(), Problem> {
        #[cfg(feature = "remote")]
        self.shared.remote.apply(self.prepared, &self.shared);
        let Self { listener, mut woken, taken, shared, .. } = self;
        let reloading = reload::start(&shared);
        let result = serve(&listener, &mut woken, &shared);
        shared.stop();
        drop(listener);
        reloading.stop();
        #[cfg(feature = "remote")]
        shared.remote.stop();
        shared.part_with_clients();
        shared.roots.stop_all(&shared);
        let farewell = std::mem::take(&mut shared.clients().farewell);
        drop(taken);
        // Who asked for the end learns of it when the connection closes.
        drop(farewell);
        *lock(&shared.ended) = true;
        shared.ending.notify_all();
        result
    }
}

impl Stopper {
    /// Has the daemon end.
    pub fn stop(&self) {
        self.0.stop();
    }

    /// Has the daemon end and waits until it has.
    pub fn stop_and_wait(&self) {
        self.0.stop();
        let mut ended = lock(&self.0.ended);
        while !*ended {
            ended = self.0.ending.wait(ended).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Takes clients in until the daemon is to end.
fn serve(
    listener: &UnixListener,
    woken: &mut UnixStream,
    shared: &Arc<Shared>,
) -> Result<(), Problem> {
    loop {
        let deadline = shared.tidy();
        if shared.stopping.load(Ordering::Acquire) {
            return Ok(());
        }
        let wait = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        // Rounded up, lest it wake shortly before there is something to do.
        let wait = wait.map(|wait| wait + Duration::from_millis(1));
        let wait = wait.and_then(|wait| Timespec::try_from(wait).ok());
        let mut fds = [PollFd::new(listener, PollFlags::IN), PollFd::new(&*woken, PollFlags::IN)];
        match poll(&mut fds, wait.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(Problem::io("cannot wait for clients", &error.into())),
        }
        while woken.read(&mut [0; 64]).is_ok_and(|read| read > 0) {}
        loop {
            match listener.accept() {
                Ok((stream, _)) => shared.take_in(stream),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    // No descriptors, for instance: others may end and give some back.
                    shared.log(&format!("cannot take a client in: {error}"));
                    thread::sleep(Duration::from_millis(100));
                    break;
                }
            }
        }
    }
}

impl Shared {
    fn config(&self) -> Arc<Config> {
        lock(&self.config).clone()
    }

    fn idle(&self) -> Option<Duration> {
        self.options.idle.unwrap_or_else(|| self.config().idle)
    }

    fn clients(&self) -> MutexGuard<'_, Clients> {
        lock(&self.clients)
    }

    pub(crate) fn log(&self, line: &str) {
        (self.options.log)(line);
    }

    /// Whether clients may come that find no daemon to start.
    fn serves_others(&self) -> bool {
        #[cfg(feature = "remote")]
        return self.remote.listens();
        #[cfg(not(feature = "remote"))]
        false
    }

    fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.wake();
    }

    /// Has the thread that waits for clients look round.
    fn wake(&self) {
        // If there is no room for another byte, it will wake up anyway.
        _ = (&self.wake).write(&[0]);
    }

    /// Gives up what has been idle for long enough; when to do so next.
    fn tidy(&self) -> Option<Instant> {
        let idle = self.idle()?;
        let next_root = self.roots.give_up_idle(idle, self);
        let is_wanted = !self.roots.is_empty() || self.serves_others();
        let idle_since = if is_wanted { None } else { self.clients().idle_since };
        let end = idle_since.map(|since| since + idle);
        if end.is_some_and(|end| end <= Instant::now()) {
            self.log("nobody has asked for anything for some time: it ends");
            self.stopping.store(true, Ordering::Release);
        }
        next_root.into_iter().chain(end).min()
    }

    /// Serves a client in a thread of its own.
    fn take_in(self: &Arc<Self>, stream: UnixStream) {
        let Ok(copy) = stream.set_nonblocking(false).and_then(|()| stream.try_clone()) else {
            return self.log("cannot take a client in: the system has no descriptor left");
        };
        let id = {
            let mut clients = self.clients();
            clients.next += 1;
            clients.idle_since = None;
            let id = clients.next;
            clients.streams.insert(id, copy);
            id
        };
        let shared = self.clone();
        let thread = thread::Builder::new().name("treenail-client".into()).stack_size(STACK_BYTES);
        let spawned = thread.spawn(move || {
            let _leaving = Leaving { shared: &shared, id };
            connection::serve(&shared, stream, id);
        });
        if let Err(error) = spawned {
            self.log(&format!("cannot take a client in: {error}"));
            self.leave(id);
        }
    }

    /// A client has gone.
    fn leave(&self, id: u64) {
        let mut clients = self.clients();
        clients.streams.remove(&id);
        if clients.streams.is_empty() {
            clients.idle_since = Some(Instant::now());
            drop(clients);
            self.wake();
        }
        self.gone.notify_all();
    }

    /// Ends all connections, and waits until their threads have ended.
    fn part_with_clients(&self) {
        let mut clients = self.clients();
        for stream in clients.streams.values() {
            // One that is closed already is what is wanted.
            _ = stream.shutdown(std::net::Shutdown::Both);
        }
        while !clients.streams.is_empty() {
            clients = self.gone.wait(clients).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Keeps a client's connection open until the daemon has ended; nothing is read of it any more.
    fn bid_farewell(&self, id: u64) {
        let mut clients = self.clients();
        let stream = clients.streams.remove(&id);
        clients.farewell.extend(stream);
    }

    /// Sets memory aside for a ring; nothing if there is none left.
    fn reserve_ring(&self) -> Option<usize> {
        let config = self.config();
        let bytes = config.ring_bytes;
        let reserve =
            |used: usize| used.checked_add(bytes).filter(|n| *n <= config.rings_bytes_max);
        let reserved = self.rings_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, reserve);
        (bytes > 0 && reserved.is_ok()).then_some(bytes)
    }

    fn give_back_ring(&self, bytes: usize) {
        self.rings_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// What clients on other machines are answered from.
#[cfg(feature = "remote")]
impl Shared {
    /// Uses a root, which is watched from then on if it was not.
    pub(crate) fn use_root(self: &Arc<Self>, path: &std::path::Path) -> Result<Used, Problem> {
        self.roots.take(self, path)
    }

    /// How each root is that is watched.
    pub(crate) fn status_of_roots(&self) -> Vec<crate::protocol::RootStatus> {
        self.roots.status()
    }
}

#[cfg(feature = "remote")]
pub(crate) use query::run as run_query;

/// Says, when it is dropped, that a client has gone.
struct Leaving<'a> {
    shared: &'a Shared,
    id: u64,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.shared.leave(self.id);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
