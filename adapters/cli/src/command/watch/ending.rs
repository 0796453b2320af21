//! Ctrl-C: what the next run needs is stored, and then the process goes.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use treenail::os::Job;
use treenail::share::Interrupter;

use crate::output::{Failed, Problem};

/// How long a signal waits until the state is left in order; one that is not is as good, but takes
/// longer to begin with.
const CLOSES_WITHIN: Duration = Duration::from_millis(40);

/// The end that a signal brings.
pub(super) struct Ending(Arc<Shared>);

#[derive(Default)]
struct Shared {
    near: AtomicBool,
    interrupter: OnceLock<Interrupter>,
    job: OnceLock<Arc<Job>>,
    done: Mutex<bool>,
    changed: Condvar,
}

impl Ending {
    /// Waits for signals from now on; until there is something to interrupt, one ends the process
    /// at once.
    pub(super) fn new(dir: &Path) -> Result<Self, Failed> {
        let shared = Arc::new(Shared::default());
        let waiting = shared.clone();
        #[cfg(unix)]
        treenail::os::before_termination(move || waiting.come())
            .map_err(|error| Problem::io(dir, &error))?;
        #[cfg(not(unix))]
        let _: (Arc<Shared>, &Path) = (waiting, dir);
        Ok(Self(shared))
    }

    /// What is to be interrupted.
    pub(super) fn interrupts(&self, interrupter: Interrupter) {
        // It is said once.
        _ = self.0.interrupter.set(interrupter);
    }

    /// What ends with the process.
    pub(super) fn ends(&self, job: Arc<Job>) {
        // It is said once, and before anything runs in it.
        _ = self.0.job.set(job);
    }

    /// Whether a signal has come.
    pub(super) fn is_near(&self) -> bool {
        self.0.near.load(Ordering::Acquire)
    }

    /// Leaves the end to the signal, if one has come.
    pub(super) fn wait_if_ending(&self) {
        *self.0.done.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.changed.notify_all();
        while self.is_near() {
            thread::park();
        }
    }
}

impl Shared {
    #[cfg(unix)]
    fn come(&self) {
        self.near.store(true, Ordering::Release);
        if let Some(job) = self.job.get() {
            job.end();
        }
        let Some(interrupter) = self.interrupter.get() else { return };
        interrupter.interrupt();
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.changed.wait_timeout_while(done, CLOSES_WITHIN, |done| !*done));
    }
}
