//! The configuration file, read again when it changes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use treenail_os::feed::Feed;

use super::{Shared, lock};
use crate::config::{Config, FileWatch};

/// What watches the file.
pub(super) struct Reloading {
    thread: Option<JoinHandle<()>>,
    /// What wakes the thread.
    waker: Arc<Mutex<Option<Arc<Feed>>>>,
}

/// Watches the roots of the configuration, and the file for changes.
pub(super) fn start(shared: &Arc<Shared>) -> Reloading {
    let waker = Arc::new(Mutex::new(None));
    let (own, told) = (shared.clone(), waker.clone());
    let thread = thread::Builder::new().name("treenail-config".into());
    let spawned = thread.spawn(move || follow(&own, &told));
    let thread = spawned.inspect_err(|error| {
        shared.log(&format!("the configuration is not followed: {error}"));
    });
    Reloading { thread: thread.ok(), waker }
}

impl Reloading {
    /// Ends it; the daemon is stopping.
    pub(super) fn stop(self) {
        if let Some(waker) = &*lock(&self.waker) {
            waker.wake();
        }
        if let Some(thread) = self.thread {
            // What it has to say it has said.
            _ = thread.join();
        }
    }
}

fn follow(shared: &Arc<Shared>, waker: &Mutex<Option<Arc<Feed>>>) {
    let Some(path) = shared.options.config_file.clone() else { return };
    let mut files = files_of(shared, &path);
    let mut watch = match FileWatch::new(&files) {
        Ok(watch) => Some(watch),
        Err(error) => {
            shared.log(&format!("{}: its changes are not seen: {error}", path.display()));
            None
        }
    };
    // It may have changed between the first reading and now.
    reload(shared, &path);
    shared.roots.keep(shared, &shared.config().roots);
    while let Some(watch) = &mut watch {
        let named = files_of(shared, &path);
        if named != files {
            match FileWatch::new(&named) {
                Ok(new) => *watch = new,
                Err(error) => shared.log(&format!("new files are not followed: {error}")),
            }
            files = named;
            // They may have changed before they were watched.
            reload(shared, &path);
            continue;
        }
        *lock(waker) = Some(watch.waker());
        // Asked after the waker is there to be used.
        if shared.stopping.load(std::sync::atomic::Ordering::Acquire) {
            return;
        }
        let config = shared.config();
        let is_whole = shared.roots.has_all(&config.roots);
        if let Err(error) = watch.wait((!is_whole).then_some(config.poll_every)) {
            return shared.log(&format!("{}: its changes are not seen: {error}", path.display()));
        }
        reload(shared, &path);
        if !is_whole {
            shared.roots.keep_missing(shared, &shared.config().roots);
        }
    }
}

/// The configuration's file, and those that it names.
fn files_of(shared: &Shared, path: &Path) -> Vec<PathBuf> {
    let files = vec![path.to_owned()];
    #[cfg(feature = "remote")]
    let files = [files, crate::remote::server::files_of(&shared.config())].concat();
    #[cfg(not(feature = "remote"))]
    let _ = shared;
    files
}

/// Takes over what the file says, if it is in order and something else than before.
fn reload(shared: &Arc<Shared>, path: &Path) {
    let read = Config::read(path, shared.options.config_must_be);
    #[cfg(feature = "remote")]
    let read = read.and_then(|config| Ok((shared.remote.prepare(&config)?, config)));
    match read {
        Ok(config) => {
            #[cfg(feature = "remote")]
            let config = {
                let (prepared, config) = config;
                shared.remote.apply(prepared, shared);
                config
            };
            let config = Arc::new(config);
            let before = std::mem::replace(&mut *lock(&shared.config), config.clone());
            if before == config {
                return;
            }
            shared.log(&format!("{}: read again", path.display()));
            if before.roots != config.roots {
                let roots: Vec<PathBuf> = config.roots.clone();
                shared.roots.keep(shared, &roots);
            }
            shared.wake();
        }
        Err(problem) => {
            shared.log(&format!("refused, the configuration before it stays: {problem}"));
        }
    }
}
