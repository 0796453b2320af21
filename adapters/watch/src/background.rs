//! Calling somebody with each report.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use treenail_share::Interrupter;

use crate::error::Error;
use crate::report::Report;
use crate::watcher::Watcher;

/// A thread that calls a function with each report of a [`Watcher`]. Dropping it ends it.
///
/// The shortest way of all from a change to a function is
/// [`Keeper::call`](treenail_share::Keeper::call), without filters and pauses.
pub struct Background {
    control: Arc<Control>,
    interrupter: Interrupter,
    thread: Option<JoinHandle<Watcher>>,
}

#[derive(Default)]
struct Control {
    wish: Mutex<Wish>,
    changed: Condvar,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Wish {
    #[default]
    Run,
    Pause,
    Stop,
}

impl Watcher {
    /// Calls a function with each report, and at last with the error that ended it, if any, in a
    /// thread of its own.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn spawn(
        self,
        mut call: impl FnMut(Result<Report, Error>) + Send + 'static,
    ) -> Result<Background, Error> {
        let control = Arc::new(Control::default());
        let (interrupter, root) = (self.interrupter(), self.root().to_owned());
        let (wishes, mut watcher) = (control.clone(), self);
        let run = move || {
            while wishes.wait() == Wish::Run {
                match watcher.next(None) {
                    Ok(Some(report)) => call(Ok(report)),
                    Ok(None) => {}
                    Err(error) => {
                        call(Err(error));
                        break;
                    }
                }
            }
            watcher
        };
        let thread = thread::Builder::new().name("treenail-watch".to_owned()).spawn(run);
        let thread = thread.map_err(|error| Error::io(&root, "cannot start a thread", &error))?;
        Ok(Background { control, interrupter, thread: Some(thread) })
    }
}

impl Background {
    /// Has no report begun from now on; one may still be under way. Nothing is lost meanwhile, and
    /// nothing is stored.
    pub fn pause(&self) {
        self.wish(Wish::Pause);
    }

    /// Goes on with what has changed in sum.
    pub fn resume(&self) {
        self.wish(Wish::Run);
    }

    /// Ends the thread and gives the watcher back; nothing if the function panicked.
    pub fn stop(mut self) -> Option<Watcher> {
        self.end()
    }

    fn end(&mut self) -> Option<Watcher> {
        let thread = self.thread.take()?;
        self.wish(Wish::Stop);
        let watcher = thread.join().ok();
        // The thread may have ended without it; whoever goes on waits for changes again.
        self.interrupter.forget();
        watcher
    }

    fn wish(&self, wish: Wish) {
        *self.control.lock() = wish;
        self.control.changed.notify_all();
        self.interrupter.interrupt();
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        drop(self.end());
    }
}

impl Control {
    /// What is wished, once that is no pause.
    fn wait(&self) -> Wish {
        let mut wish = self.lock();
        while *wish == Wish::Pause {
            wish = self.changed.wait(wish).unwrap_or_else(PoisonError::into_inner);
        }
        *wish
    }

    fn lock(&self) -> MutexGuard<'_, Wish> {
        self.wish.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
