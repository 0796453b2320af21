//! Where results come from: a walk, a search in the files that one finds, or a watch.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread;

use treenail_glob::Error;
use treenail_glob::find::{Batch, Find, Matches, Sink};
use treenail_glob::search::Files;

use super::chunk::Chunk;
use super::queue::Queue;

/// What threads found that waits for Python.
pub(super) type Items = Queue<Item>;

/// What a thread hands over.
pub(super) enum Item {
    Chunk(Chunk),
    /// A path that could not be read; it goes on without.
    Error(Error),
    /// The end, and not a good one.
    Failed(Error),
}

/// Where results come from. Dropping it ends that, and waits for nothing.
pub(crate) enum Source {
    /// What is found by name in a directory that has no others in it; whoever asks lists it.
    Flat(Box<Matches>),
    /// What a thread is to do that was not started yet.
    Unbegun(Job),
    /// What a thread finds.
    Thread,
}

/// What is done by a thread.
pub(crate) enum Job {
    /// The walk.
    Find(Box<Find>),
    /// The listing of one directory.
    Flat(Box<Matches>),
    /// The search.
    Search(Box<Files>),
}

impl Source {
    /// Has everything done by a thread, so that whoever asks never waits for the system.
    pub(super) fn begin(&mut self, items: &Arc<Items>) -> Result<(), Error> {
        let job = match std::mem::replace(self, Self::Thread) {
            Self::Thread => return Ok(()),
            Self::Flat(matches) => Job::Flat(matches),
            Self::Unbegun(job) => job,
        };
        spawn("treenail-find", items, move |items| job.run(items))
    }
}

/// Starts a thread that hands over what `run` finds.
pub(super) fn spawn(
    name: &str,
    items: &Arc<Items>,
    run: impl FnOnce(&Producing) -> Result<(), Error> + Send + 'static,
) -> Result<(), Error> {
    let items = Producing(items.clone());
    let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
        if let Err(error) = run(&items) {
            // With nobody there to hear of it, nobody needs to.
            let _ = items.add(Item::Failed(error), 0);
        }
    });
    thread.map(drop).map_err(|error| Error::io("start a thread for", *b"the search", error))
}

impl Job {
    fn run(self, items: &Producing) -> Result<(), Error> {
        match self {
            Self::Find(find) => find.visit(items),
            Self::Flat(mut matches) => {
                while let Some(result) = matches.next_batch() {
                    let flow = match result {
                        Ok(batch) => items.chunk(Chunk::paths(&batch)),
                        Err(error) => items.add(Item::Error(error), 0),
                    };
                    if flow.is_break() {
                        break;
                    }
                }
                Ok(())
            }
            Self::Search(files) => files.each(|result| match result {
                Ok(file) => items.chunk(Chunk::lines(file)),
                Err(error) => items.add(Item::Error(error), 0),
            }),
        }
    }
}

/// The end of a queue that something is added to. Nothing will be once it is dropped.
pub(super) struct Producing(Arc<Items>);

impl Producing {
    /// Hands something over, once there is room. Break means that nobody wants it.
    pub(super) fn add(&self, item: Item, weight: usize) -> ControlFlow<()> {
        self.0.add(item, weight)
    }

    pub(super) fn chunk(&self, chunk: Chunk) -> ControlFlow<()> {
        let weight = chunk.weight();
        self.add(Item::Chunk(chunk), weight)
    }
}

impl Sink for Producing {
    type Worker = ();

    fn worker(&self) {}

    fn batch(&self, (): &mut (), batch: &mut Batch) -> ControlFlow<()> {
        self.chunk(Chunk::paths(batch))
    }

    fn error(&self, (): &mut (), error: Error) -> ControlFlow<()> {
        self.add(Item::Error(error), 0)
    }
}

impl Drop for Producing {
    fn drop(&mut self) {
        if thread::panicking() {
            let error = io::Error::other("the thread panicked; results are missing");
            let _ = self.add(Item::Failed(Error::io("finish", *b"the search", error)), 0);
        }
        self.0.complete();
    }
}
