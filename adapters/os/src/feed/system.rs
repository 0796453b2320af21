//! macOS and Windows: one recursive watcher of the root, by way of the `notify` crate.
//!
//! Its events carry paths, so each watched directory is known by its own. A directory that moves
//! takes those below it along if the system tells both names (Windows); if it does not (macOS), the
//! new place is one where something was created, and is watched as such.

mod paths;
mod queue;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind, RemoveKind, RenameMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use crate::platform::Handle;

use super::{Coverage, Event, Loss, Options, Rung, Statistics, Token, Watched, What};
use paths::{Paths, relative};
use queue::{Queue, Taken};

/// Changes below one directory.
pub(super) struct Feed {
    options: Options,
    coverage: Coverage,
    /// As the watcher was given it, and as its events begin.
    root: PathBuf,
    queue: Arc<Queue>,
    paths: Mutex<Paths>,
    reader: Mutex<Reader>,
    told: Mutex<(Statistics, Option<Instant>)>,
    /// Events end when it is dropped. None if everything is polled.
    _watcher: Option<RecommendedWatcher>,
}

/// What the one who reads works with.
#[derive(Default)]
struct Reader {
    /// The old name of a rename whose new one is the next event, if the system says it.
    source: Option<(Vec<u8>, Instant)>,
}

impl Feed {
    pub(super) fn open(root: &Path, options: &Options) -> io::Result<Self> {
        Handle::open(root)?;
        let canonical = std::fs::canonicalize(root)?;
        let queue = Arc::new(Queue::new()?);
        let watcher = if options.allows(Rung::System) {
            watcher(&canonical, queue.clone())
        } else {
            Err("not allowed by the options".to_owned())
        };
        let rung = if watcher.is_ok() { Rung::System } else { Rung::Polling };
        let refused = watcher.as_ref().err().map(|reason| format!("{}: {reason}", Rung::System));
        Ok(Self {
            options: options.clone(),
            coverage: Coverage {
                path: root.to_owned(),
                rung,
                reasons: refused.into_iter().collect(),
            },
            root: canonical,
            queue,
            paths: Mutex::default(),
            reader: Mutex::default(),
            told: Mutex::default(),
            _watcher: watcher.ok(),
        })
    }

    pub(super) fn coverage(&self) -> Vec<Coverage> {
        vec![self.coverage.clone()]
    }

    pub(super) fn watch(&self, dir: &Handle, token: Token, _: &[u8]) -> Watched {
        if self.coverage.rung != Rung::System {
            return Watched::Polled { reason: self.coverage.reasons.join("; ").into() };
        }
        lock(&self.paths).insert(dir.path(), token);
        Watched::By(Rung::System)
    }

    pub(super) fn watch_child(&self, _: &Handle, _: &[u8], _: Token, _: &[u8]) -> Watched {
        Watched::Polled { reason: "this system watches no directory in another".into() }
    }

    pub(super) fn watch_link(&self, _: &Handle, _: &[u8], _: Token) -> Watched {
        let reason = "this system does not report what is written through a file's other names";
        Watched::Polled { reason: reason.into() }
    }

    pub(super) fn unwatch(&self, token: Token) {
        lock(&self.paths).remove(token);
    }

    pub(super) fn read(&self, report: &mut dyn FnMut(Event<'_>)) -> io::Result<usize> {
        let mut reader = lock(&self.reader);
        let mut counts = Statistics { reads: 1, ..Statistics::default() };
        let mut sink = Sink { feed: self, report, counts: &mut counts };
        let Taken { events, overflowed, .. } = self.queue.take();
        for event in events {
            sink.counts.records += 1;
            match event {
                Ok(event) => sink.event(&event, &mut reader.source),
                // It says of no path what it does not know.
                Err(_) => sink.lost(Loss::Malformed),
            }
        }
        if overflowed {
            sink.lost(Loss::Overflow);
        }
        let hold = self.options.rename_hold;
        if reader.source.as_ref().is_some_and(|(_, since)| since.elapsed() >= hold) {
            sink.release(&mut reader.source);
        }
        let held_until = reader.source.as_ref().map(|(_, since)| *since + hold);
        drop(reader);
        let mut told = lock(&self.told);
        told.1 = held_until;
        told.0.add_counts(&counts);
        Ok(usize::try_from(counts.events).unwrap_or(usize::MAX))
    }

    pub(super) fn held_until(&self) -> Option<Instant> {
        lock(&self.told).1
    }

    pub(super) fn wait(&self, timeout: Option<Duration>) -> io::Result<bool> {
        Ok(self.queue.wait(timeout))
    }

    pub(super) fn wake(&self) {
        self.queue.wake();
    }

    pub(super) fn statistics(&self) -> Statistics {
        Statistics { watched: lock(&self.paths).len(), ..lock(&self.told).0 }
    }

    /// Never: the system tells of nothing outside the root.
    pub(super) fn is_noisy(&self) -> bool {
        false
    }
}

#[cfg(unix)]
impl std::os::fd::AsFd for Feed {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.queue.as_fd()
    }
}

/// Starts the system's watcher of everything below the root.
fn watcher(root: &Path, queue: Arc<Queue>) -> Result<RecommendedWatcher, String> {
    let started = notify::recommended_watcher(move |event| queue.put(event));
    let started = started.and_then(|mut watcher| {
        watcher.watch(root, RecursiveMode::Recursive)?;
        Ok(watcher)
    });
    started.map_err(|error| format!("the system's watcher is refused: {error}"))
}

/// Where events go: to the caller, with tokens in place of paths.
struct Sink<'a> {
    feed: &'a Feed,
    report: &'a mut dyn FnMut(Event<'_>),
    counts: &'a mut Statistics,
}

impl Sink<'_> {
    fn event(&mut self, event: &notify::Event, source: &mut Option<(Vec<u8>, Instant)>) {
        if event.need_rescan() {
            self.lost(Loss::Overflow);
            return;
        }
        let paths: Vec<_> =
            event.paths.iter().filter_map(|path| relative(&self.feed.root, path)).collect();
        if let EventKind::Modify(ModifyKind::Name(mode)) = event.kind {
            match (mode, &paths[..]) {
                (RenameMode::Both, [from, to]) => self.renamed(from, to),
                (RenameMode::From, [from]) => {
                    self.release(source);
                    *source = Some((from.clone(), Instant::now()));
                }
                (RenameMode::To, [to]) => match source.take() {
                    Some((from, _)) => self.renamed(&from, to),
                    None => self.entry(to, What::CREATED | What::MOVED),
                },
                // It is one of the two names, and nobody says which.
                (_, paths) => {
                    for path in paths {
                        self.entry(path, What::MOVED | What::UNKNOWN);
                    }
                }
            }
            return;
        }
        self.release(source);
        let what = what_of(&event.kind);
        if !what.is_empty() {
            for path in &paths {
                self.entry(path, what);
            }
        }
    }

    /// Reports the old name of a rename that has no new one below the root.
    fn release(&mut self, source: &mut Option<(Vec<u8>, Instant)>) {
        if let Some((from, _)) = source.take() {
            self.counts.unpaired += 1;
            self.entry(&from, What::REMOVED | What::MOVED);
        }
    }

    fn renamed(&mut self, from: &[u8], to: &[u8]) {
        let (from_dir, to_dir, moved) = {
            let mut paths = lock(&self.feed.paths);
            let found = (paths.parent_of(from), paths.parent_of(to), paths.get(from));
            if found.2.is_some() {
                paths.rename(from, to);
            }
            found
        };
        match (from_dir, to_dir) {
            (Some(from), Some(to)) => {
                self.counts.paired += 1;
                self.report(Event::Renamed { from, to, is_dir: moved.is_some() });
            }
            _ => {
                self.entry(from, What::REMOVED | What::MOVED);
                self.entry(to, What::CREATED | What::MOVED);
            }
        }
        if let Some(dir) = moved {
            self.report(Event::Directory { dir, what: What::MOVED | What::DIRECTORY });
        }
    }

    fn entry(&mut self, path: &[u8], what: What) {
        let (place, own) = {
            let paths = lock(&self.feed.paths);
            (paths.parent_of(path), paths.get(path))
        };
        if let Some((dir, name)) = place {
            self.report(Event::Entry { dir, name, what });
        }
        if let Some(dir) = own {
            self.report(Event::Directory { dir, what: what | What::DIRECTORY });
        }
        if place.is_none() && own.is_none() {
            self.counts.outside += 1;
        }
    }

    fn lost(&mut self, reason: Loss) {
        self.counts.losses += 1;
        self.report(Event::Lost { dirs: &[], reason });
    }

    fn report(&mut self, event: Event<'_>) {
        self.counts.events += 1;
        (self.report)(event);
    }
}

fn what_of(kind: &EventKind) -> What {
    match kind {
        EventKind::Create(CreateKind::Folder) => What::CREATED | What::DIRECTORY,
        EventKind::Create(_) => What::CREATED,
        EventKind::Remove(RemoveKind::Folder) => What::REMOVED | What::DIRECTORY,
        EventKind::Remove(_) => What::REMOVED,
        EventKind::Modify(ModifyKind::Data(_)) => What::MODIFIED,
        EventKind::Modify(ModifyKind::Metadata(_)) => What::ATTRIBUTES,
        EventKind::Modify(_) => What::MODIFIED | What::ATTRIBUTES,
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => What::CLOSED,
        EventKind::Access(_) => What::default(),
        EventKind::Any | EventKind::Other => What::UNKNOWN,
    }
}

/// Locks; no caller's code runs under these locks but the reader's, which keeps no half-done state.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
