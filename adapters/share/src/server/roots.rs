//! The directories that are watched, and who uses them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use treenail_tree::live;

use super::{Shared, lock};
use crate::keeper::Keeper;
use crate::problem::Problem;
use crate::protocol::RootStatus;
use crate::state::state_of;
use crate::subscription::From;

/// All roots, by path.
#[derive(Default)]
pub(super) struct Roots(Mutex<BTreeMap<PathBuf, Arc<Root>>>);

/// A directory that is watched, or about to be.
struct Root {
    path: PathBuf,
    /// Nothing while it has not been started, or is being so.
    keeper: Mutex<Option<Arc<Keeper>>>,
    /// Whether its state would be within it, so that it has none.
    holds_states: AtomicBool,
    users: AtomicU32,
    /// Whether the configuration wants it watched.
    stays: AtomicBool,
    /// When it was used last.
    used: Mutex<Instant>,
}

/// A root in use: it is kept for as long as this lives.
pub(crate) struct Used {
    root: Arc<Root>,
    shared: Arc<Shared>,
}

impl Used {
    /// The root's tree. It is not to be kept longer than for a question, so that a root that is
    /// there again can be watched anew.
    pub(crate) fn keeper(&self) -> Result<Arc<Keeper>, Problem> {
        let mut keeper = lock(&self.root.keeper);
        if let Some(running) = &*keeper
            && running.subscribe(From::Now).next(Some(Duration::ZERO)).is_ok()
        {
            return Ok(running.clone());
        }
        // The last one to hold the tree that failed gives its state back.
        *keeper = None;
        let root = &self.root.path;
        let started = Arc::new(self.start()?);
        let ready = started.ready();
        self.shared.log(&format!(
            "watching {}: {} entries by {} after {:.0} ms{}",
            root.display(),
            ready.counts.entries(),
            ready.rung,
            ready.elapsed.as_secs_f64() * 1e3,
            ready.lost.as_ref().map_or(String::new(), |why| format!("; history lost: {why}")),
        ));
        *keeper = Some(started.clone());
        Ok(started)
    }

    /// Why the clocks of its tree end with this process, if they do although a state was wanted.
    pub(super) fn stateless(&self, keeper: &Keeper) -> Option<String> {
        self.root.stateless(keeper)
    }

    /// Opens the tree. If its state cannot be, or another process holds it, the tree goes without:
    /// its clocks are then of this process only.
    fn start(&self) -> Result<Keeper, Problem> {
        let (root, config) = (&self.root.path, self.shared.config());
        let states = self.shared.options.state.as_deref();
        let options = live::Options {
            state: states.and_then(|states| state_of(states, root, None)),
            poll_every: config.poll_every,
            history_bytes_max: config.history_bytes,
            state_may_fail: true,
            ..live::Options::default()
        };
        let holds_states = states.is_some() && options.state.is_none();
        self.root.holds_states.store(holds_states, Ordering::Release);
        let keeper = Keeper::start(root, &options)?;
        let (shared, path) = (self.shared.clone(), root.clone());
        keeper.when_stateless(move |why| {
            shared.log(&format!("{}: its history is not stored: {why}", path.display()));
        });
        Ok(keeper)
    }
}

impl Drop for Used {
    fn drop(&mut self) {
        *lock(&self.root.used) = Instant::now();
        if self.root.users.fetch_sub(1, Ordering::AcqRel) == 1 {
            // From now on it is idle.
            self.shared.wake();
        }
    }
}

impl Roots {
    /// Uses a root, which is watched from then on if it was not.
    pub(super) fn take(&self, shared: &Arc<Shared>, path: &Path) -> Result<Used, Problem> {
        let path = path.canonicalize().map_err(|error| {
            let problem = Problem::io("cannot watch it", &error).at(path);
            problem.remedy("name a directory that is there and that you may enter")
        })?;
        let mut roots = lock(&self.0);
        let known = roots.get(&path).cloned();
        let root = match known {
            Some(root) => root,
            None => {
                let roots_max = shared.config().roots_max;
                if roots.len() >= roots_max {
                    let idle = roots.values().filter(|root| root.is_idle());
                    let oldest = idle.min_by_key(|root| *lock(&root.used));
                    let Some(oldest) = oldest.map(|root| root.path.clone()) else {
                        return Err(too_many(roots_max, &path));
                    };
                    roots.remove(&oldest);
                }
                let root = Arc::new(Root {
                    path: path.clone(),
                    keeper: Mutex::new(None),
                    holds_states: AtomicBool::new(false),
                    users: AtomicU32::new(0),
                    stays: AtomicBool::new(false),
                    used: Mutex::new(Instant::now()),
                });
                roots.insert(path, root.clone());
                root
            }
        };
        root.users.fetch_add(1, Ordering::AcqRel);
        Ok(Used { root, shared: shared.clone() })
    }

    /// How each root is that is watched.
    pub(super) fn status(&self) -> Vec<RootStatus> {
        let roots: Vec<Arc<Root>> = lock(&self.0).values().cloned().collect();
        let status = |root: Arc<Root>| {
            // One that is being started has nothing to tell yet.
            let keeper = root.keeper.try_lock().ok()?.clone()?;
            Some(RootStatus {
                root: root.path.clone(),
                clock: keeper.clock(),
                rung: keeper.ready().rung,
                counts: keeper.tree().counts(),
                users: root.users.load(Ordering::Acquire),
                stays: root.stays.load(Ordering::Acquire),
                stateless: root.stateless(&keeper),
            })
        };
        roots.into_iter().filter_map(status).collect()
    }

    /// Watches those roots, and no longer those that it was told of earlier.
    pub(super) fn keep(&self, shared: &Arc<Shared>, wanted: &[PathBuf]) {
        let mut kept = Vec::new();
        for path in wanted {
            let used = self.take(shared, path).and_then(|used| {
                used.keeper()?;
                Ok(used)
            });
            match used {
                Ok(used) => {
                    used.root.stays.store(true, Ordering::Release);
                    kept.push(used.root.path.clone());
                }
                Err(problem) => shared.log(&format!("a root of the configuration: {problem}")),
            }
        }
        for root in lock(&self.0).values() {
            if !kept.contains(&root.path) {
                root.stays.store(false, Ordering::Release);
            }
        }
        shared.wake();
    }

    /// Whether all those are watched that the configuration wants.
    pub(super) fn has_all(&self, wanted: &[PathBuf]) -> bool {
        wanted.iter().all(|path| self.has(path))
    }

    /// Watches those of the roots that are not watched yet and are there now.
    pub(super) fn keep_missing(&self, shared: &Arc<Shared>, wanted: &[PathBuf]) {
        for path in wanted.iter().filter(|path| !self.has(path)) {
            // Why it could not be has been told.
            let Ok(used) = self.take(shared, path) else { continue };
            if used.keeper().is_ok() {
                used.root.stays.store(true, Ordering::Release);
            }
        }
    }

    fn has(&self, path: &Path) -> bool {
        let Ok(path) = path.canonicalize() else { return false };
        lock(&self.0).get(&path).is_some_and(|root| root.stays.load(Ordering::Acquire))
    }

    pub(super) fn is_empty(&self) -> bool {
        lock(&self.0).is_empty()
    }

    /// Gives up roots that have been idle for so long; when the next one will have been.
    pub(super) fn give_up_idle(&self, idle: Duration, shared: &Shared) -> Option<Instant> {
        let now = Instant::now();
        let mut over = Vec::new();
        let mut next: Option<Instant> = None;
        for root in lock(&self.0).values().filter(|root| root.is_idle()) {
            let end = *lock(&root.used) + idle;
            if end > now {
                next = Some(next.map_or(end, |next| next.min(end)));
            } else {
                over.push(root.clone());
            }
        }
        for root in &over {
            shared.log(&format!("nobody uses {}: it is given up", root.path.display()));
            // Whoever comes meanwhile waits until the state is stored, and starts it again.
            root.stop(shared);
        }
        lock(&self.0).retain(|_, root| {
            let given_up = over.iter().any(|one| Arc::ptr_eq(one, root));
            !given_up || !root.is_idle() || root.keeper.try_lock().map_or(true, |it| it.is_some())
        });
        next
    }

    /// Gives all up.
    pub(super) fn stop_all(&self, shared: &Shared) {
        for root in std::mem::take(&mut *lock(&self.0)).into_values() {
            root.stop(shared);
        }
    }
}

impl Root {
    fn is_idle(&self) -> bool {
        self.users.load(Ordering::Acquire) == 0 && !self.stays.load(Ordering::Acquire)
    }

    fn stateless(&self, keeper: &Keeper) -> Option<String> {
        let why = match self.holds_states.load(Ordering::Acquire) {
            true => Some("the state would be below the directory".into()),
            false => keeper.stateless(),
        };
        why.map(|why: Arc<str>| format!("clocks end with the daemon: {why}"))
    }

    fn stop(&self, shared: &Shared) {
        let mut keeper = lock(&self.keeper);
        // Nobody else holds it: nobody uses the root.
        if let Some(keeper) = keeper.take().and_then(Arc::into_inner)
            && let Err(error) = keeper.stop()
        {
            shared.log(&format!("cannot store what is known of a root: {error}"));
        }
    }
}

fn too_many(roots_max: usize, path: &Path) -> Problem {
    let message = format!("{roots_max} roots are watched and used already");
    let problem = Problem::new(Problem::LIMIT, message).at(path);
    problem.remedy("raise `roots_max` in daemon.toml, or end a client")
}
