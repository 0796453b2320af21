//! What comes to an answer and what leaves it, followed in a thread of its own.

use std::io;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use treenail_glob::Error;
use treenail_glob::find::{Cancel, Find};
use treenail_glob::query::Watch;
use treenail_tree::live::{Exclude, Options, Waker};

use super::chunk::{Chunk, Paths};
use super::source::{Item, Items, Producing, spawn};

/// How many paths are handed over together.
const PATHS_MAX: usize = 512;

/// Ends what runs in the background, wherever it is.
#[derive(Clone)]
pub(crate) struct Stop {
    cancel: Cancel,
    /// There while a directory is being watched.
    waker: Arc<Mutex<Option<Waker>>>,
}

impl Stop {
    pub(crate) fn new(cancel: Cancel) -> Self {
        Self { cancel, waker: Arc::default() }
    }

    pub(super) fn stop(&self) {
        self.cancel.cancel();
        if let Some(waker) = &*self.waker() {
            waker.wake();
        }
    }

    fn waker(&self) -> MutexGuard<'_, Option<Waker>> {
        self.waker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Begins to follow a search.
pub(super) fn begin(
    find: Find,
    threads: usize,
    stop: &Stop,
    items: &Arc<Items>,
) -> Result<(), Error> {
    let stop = stop.clone();
    spawn("treenail-watch", items, move |items| follow(&find, threads, &stop, items))
}

fn follow(find: &Find, threads: usize, stop: &Stop, items: &Producing) -> Result<(), Error> {
    let cancel = stop.cancel.clone();
    // What nobody waits for any more need not be looked through: as if nothing were there.
    let exclude = Exclude::fixed(*b"cancelled", move |_| cancel.is_cancelled());
    let options = Options { ids: None, exclude: Some(exclude), threads, ..Options::default() };
    let mut watch = Watch::open(find, &options)?;
    *stop.waker() = Some(watch.waker());
    if first(&watch, items).is_break() {
        return Ok(());
    }
    while !stop.cancel.is_cancelled() {
        let Some(news) = watch.next(None)? else { continue };
        let told = changes("removed", news.removed.iter(), items);
        if told.is_break() || changes("added", news.added.iter(), items).is_break() {
            break;
        }
    }
    Ok(())
}

/// Hands over what is there.
fn first(watch: &Watch, items: &Producing) -> ControlFlow<()> {
    let answer = watch.answer();
    for error in answer.errors() {
        let path = error.path().unwrap_or_default();
        let source = match error.io_error().and_then(io::Error::raw_os_error) {
            Some(number) => io::Error::from_raw_os_error(number),
            None => io::Error::other(error.to_string()),
        };
        items.add(Item::Error(Error::io("read the ignore rules", path, source)), 0)?;
    }
    changes("found", answer.iter().map(|hit| hit.path()), items)?;
    items.chunk(Chunk::Complete)
}

fn changes<P: AsRef<[u8]>>(
    kind: &'static str,
    mut paths: impl Iterator<Item = P>,
    items: &Producing,
) -> ControlFlow<()> {
    loop {
        let mut packed = Paths::default();
        paths.by_ref().take(PATHS_MAX).for_each(|path| packed.push(path.as_ref()));
        if packed.is_empty() {
            return ControlFlow::Continue(());
        }
        items.chunk(Chunk::Changes { kind, paths: packed })?;
    }
}
