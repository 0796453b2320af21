//! A daemon in a thread of the test.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use treenail_share::client::{Client, Received, RemoteSubscription};
use treenail_share::server::{Options, Server, Stopper};
use treenail_share::{Delivered, Place, Problem};

/// What takes longer hangs.
pub(crate) const LONG: Option<Duration> = Some(Duration::from_secs(20));

/// A daemon with directories of its own.
pub(crate) struct Daemon {
    pub(crate) temp: TempDir,
    pub(crate) place: Place,
    log: Arc<Mutex<Vec<String>>>,
    stopper: Stopper,
    thread: Option<JoinHandle<Result<(), Problem>>>,
}

impl Daemon {
    pub(crate) fn start(config: &str) -> Self {
        let temp = tempfile::tempdir().unwrap();
        fs::create_dir(temp.path().join("config")).unwrap();
        fs::create_dir(temp.path().join("root")).unwrap();
        fs::write(temp.path().join("config/daemon.toml"), config).unwrap();
        Self::start_in(temp)
    }

    /// Starts it where one has been before.
    pub(crate) fn start_in(temp: TempDir) -> Self {
        let place = Place::at(temp.path().join("run"));
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = log.clone();
        let server = Server::bind(Options {
            place: place.clone(),
            state: Some(temp.path().join("state")),
            config_file: Some(temp.path().join("config/daemon.toml")),
            log: Box::new(move |line| lines.lock().unwrap().push(line.to_owned())),
            ..Options::of_user()
        });
        let server = server.unwrap();
        let stopper = server.stopper();
        let thread = Some(std::thread::spawn(|| server.run()));
        Self { temp, place, log, stopper, thread }
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect_at(&self.place).unwrap()
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.temp.path().join("root")
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.temp.path().join("config/daemon.toml")
    }

    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// Waits until the log has a line with this text.
    pub(crate) fn wait_for(&self, text: &str) {
        eventually(text, || self.log().iter().any(|line| line.contains(text)));
    }

    /// Ends it and gives its directories back.
    pub(crate) fn stop(mut self) -> TempDir {
        self.stopper.stop_and_wait();
        self.thread.take().unwrap().join().unwrap().unwrap();
        std::mem::replace(&mut self.temp, tempfile::tempdir().unwrap())
    }

    /// Waits until it ends by itself.
    pub(crate) fn ended(mut self) {
        self.thread.take().unwrap().join().unwrap().unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.stopper.stop_and_wait();
        }
    }
}

/// Waits until something is so.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < LONG.unwrap(), "still not: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The paths of a delivery.
pub(crate) fn paths(received: &Received) -> Vec<Vec<u8>> {
    match &received.what {
        Delivered::Batch(batch) => batch.changes.iter().map(|one| one.path.to_vec()).collect(),
        Delivered::Net { changes, .. } => changes.iter().map(|one| one.path.to_vec()).collect(),
        Delivered::Fresh(reason) => panic!("{reason}"),
    }
}

/// Reads until a path has been told; all paths that were.
pub(crate) fn until(changes: &mut RemoteSubscription, path: &str) -> BTreeSet<Vec<u8>> {
    let mut seen = BTreeSet::new();
    while !seen.contains(path.as_bytes()) {
        let received = changes.next(LONG).unwrap();
        seen.extend(paths(&received.unwrap_or_else(|| panic!("{path} is not told"))));
    }
    seen
}

pub(crate) fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
}
