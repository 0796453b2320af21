//! One thread for the network.

use std::future::Future;
use std::io;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::watch;

/// How long the end waits for questions that are still being answered.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// How many questions are answered at once by threads of their own; others wait for their turn.
const ANSWERING_MAX: usize = 16;

/// A thread in which asynchronous work is done, until this is dropped.
pub(super) struct Background {
    handle: Handle,
    end: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

/// Says when the end has come.
pub(super) type End = watch::Receiver<bool>;

impl Background {
    /// Starts a thread and does `work` there, with all that it spawns. The work is to end when it
    /// is told that the end has come.
    pub(super) fn start<W: Future<Output = ()>>(
        work: impl FnOnce(End) -> W + Send + 'static,
    ) -> io::Result<Self> {
        let mut builder = Builder::new_current_thread();
        let runtime = builder.enable_all().max_blocking_threads(ANSWERING_MAX).build()?;
        let handle = runtime.handle().clone();
        let (end, ended) = watch::channel(false);
        let thread = thread::Builder::new().name("treenail-remote".into()).spawn(move || {
            runtime.block_on(work(ended));
            runtime.shutdown_timeout(LAST_ANSWERS);
        })?;
        Ok(Self { handle, end, thread: Some(thread) })
    }

    /// Waits in this thread for what is done in the other.
    pub(super) fn wait_for<T>(&self, work: impl Future<Output = T>) -> T {
        self.handle.block_on(work)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        _ = self.end.send(true);
        if let Some(thread) = self.thread.take() {
            // If it panicked, there is no more to end.
            _ = thread.join();
        }
    }
}

/// Waits until the end has come.
pub(super) async fn ended(mut end: End) {
    // Whoever could say so is gone: that is an end too.
    _ = end.wait_for(|ended| *ended).await;
}
