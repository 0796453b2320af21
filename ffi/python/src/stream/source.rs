//! Where results come from: a walk, or a search in the files that one finds.

use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use treenail_glob::Error;
use treenail_glob::find::Matches;
use treenail_glob::search::{FileMatch, Files};

use super::chunk::Chunk;

/// How many files with lines may wait for Python.
const WAITING_MAX: usize = 256;

/// What runs in the background. Dropping it ends that, and waits for nothing.
pub(crate) enum Source {
    /// What is found by name.
    Find(Box<Matches>),
    /// A search that has not begun.
    Files(Box<Files>),
    /// The files in which lines were found.
    Search(Receiver<Result<FileMatch, Error>>),
}

/// Nothing was found in time.
#[derive(Debug)]
pub(super) struct TooLate;

impl Source {
    /// Waits for the next results, not much longer than `limit`; `None` is the end.
    pub(super) fn next(
        &mut self,
        limit: Duration,
    ) -> Result<Option<Result<Chunk, Error>>, TooLate> {
        if let Self::Files(files) = self {
            match begin(files) {
                Ok(receiver) => *self = Self::Search(receiver),
                Err(error) => {
                    let error = Error::io("start a thread for", b"the search", error);
                    return Ok(Some(Err(error)));
                }
            }
        }
        match self {
            Self::Find(matches) => match matches.next_batch_within(limit) {
                Ok(next) => Ok(next.map(|result| result.map(Chunk::paths))),
                Err(_) => Err(TooLate),
            },
            Self::Search(receiver) => match receiver.recv_timeout(limit) {
                Ok(result) => Ok(Some(result.map(Chunk::lines))),
                Err(RecvTimeoutError::Timeout) => Err(TooLate),
                Err(RecvTimeoutError::Disconnected) => Ok(None),
            },
            Self::Files(_) => unreachable!("it has begun"),
        }
    }
}

/// Searches in the background until nobody listens any more.
fn begin(files: &Files) -> std::io::Result<Receiver<Result<FileMatch, Error>>> {
    let (sender, receiver) = sync_channel(WAITING_MAX);
    let files = files.clone();
    thread::Builder::new().name("treenail-search".to_owned()).spawn(move || {
        let ended = files.each(|result| match sender.send(result) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        });
        if let Err(error) = ended {
            // With nobody there to hear of it, nobody needs to.
            let _ = sender.send(Err(error));
        }
    })?;
    Ok(receiver)
}
