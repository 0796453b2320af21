//! How a live tree begins: with what is remembered, or with a scan.

use std::collections::BTreeMap;
use std::fs;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Instant;

use treenail_os::Handle;
use treenail_os::feed::{self, Feed, Rung, Watched};

use super::clock::Clock;
use super::driver::{lock, nanoseconds};
use super::history::History;
use super::places::top_of;
use super::state::{Opened, Remembered, State};
use super::{Live, Options, Settings, token};
use crate::error::Error;
use crate::ids::{Blake3Ids, BlockIds, GitIds, IdKind, Xxh3Ids};
use crate::pages::DirId;
use crate::scan::{Arm, Scan};
use crate::tree::Tree;
use crate::view::View;

/// What a live tree begins with.
pub(super) struct Begun {
    pub(super) live: Live,
    pub(super) state: Option<State>,
    /// Why there is no state although one was wanted.
    pub(super) stateless: Option<Arc<str>>,
    /// Why an earlier state could not be used.
    pub(super) lost: Option<String>,
}

impl Begun {
    /// Takes what is remembered, which is to be compared, or else scans.
    pub(super) fn new(
        root: &Path,
        options: &Options,
        watching: &Watching<'_>,
    ) -> Result<Self, Error> {
        let Some(dir) = &options.state else {
            return Ok(Self::anew(scan(root, options, watching)?, None, options));
        };
        let open = || match State::open(dir, options) {
            Err(error) if options.state_may_fail => Ok(Err(without(&error))),
            opened => opened.map(Ok),
        };
        if State::is_new(dir) {
            // Making it waits for the disk, which need not delay the scan.
            return thread::scope(|scope| {
                let opening = scope.spawn(open);
                let tree = scan(root, options, watching);
                let opened = opening.join().unwrap_or_else(|panic| resume_unwind(panic))?;
                Ok(Self::anew(tree?, Some(opened), options))
            });
        }
        match open()? {
            Ok(Opened { state, remembered: Some(remembered), lost }) => {
                Ok(Self::resumed(remembered, state, lost, options))
            }
            opened => Ok(Self::anew(scan(root, options, watching)?, Some(opened), options)),
        }
    }

    /// Begins with a tree that was scanned, and with a state or the reason that there is none, if
    /// one was wanted.
    fn anew(tree: Tree, opened: Option<Result<Opened, Arc<str>>>, options: &Options) -> Self {
        let (state, stateless, lost) = match opened {
            Some(Ok(opened)) => (Some(opened.state), None, opened.lost),
            Some(Err(why)) => (None, Some(why), None),
            None => (None, None, None),
        };
        let root = state.as_ref().map_or_else(random, State::root);
        let clock = Clock { root, incarnation: 1, tick: 0 };
        let history = History::new(clock, options.history_bytes_max);
        let live = Live::with_history(tree, history, settings(options));
        Self { live: note_unlisted(live), state, stateless, lost }
    }

    /// Goes on from what is remembered.
    fn resumed(
        remembered: Remembered,
        state: State,
        lost: Option<String>,
        options: &Options,
    ) -> Self {
        let Remembered { mut tree, history, unheard } = remembered;
        add_column(&mut tree, options.ids);
        let mut live = Live::with_history(tree, history, settings(options));
        live.recheck(Vec::new());
        live.doubt(&unheard);
        Self { live, state: Some(state), stateless: None, lost }
    }
}

/// Why a tree goes on without its state.
pub(super) fn without(error: &Error) -> Arc<str> {
    format!("{} ({})", error.message(), error.path().display()).into()
}

fn settings(options: &Options) -> Settings {
    Settings {
        ids: options.ids,
        open_max_ns: nanoseconds(options.open_max),
        fine_times: has_fine_times(),
        history_bytes_max: options.history_bytes_max,
        exclude: options.exclude.clone(),
        ..Settings::default()
    }
}

fn scan(root: &Path, options: &Options, watching: &Watching<'_>) -> Result<Tree, Error> {
    let scan = Scan::new().threads(options.threads).arm(watching);
    let scan = options.exclude.iter().fold(scan, |scan, exclude| scan.exclude(exclude));
    // In a thread of its own, since those that watch roam.
    let scanned = thread::scope(|scope| {
        let scanning = thread::Builder::new().name("treenail-scan".into());
        match scanning.spawn_scoped(scope, || {
            watching.roams.store(true, Ordering::Relaxed);
            scan.run(root, None)
        }) {
            Ok(scanning) => scanning.join().unwrap_or_else(|panic| resume_unwind(panic)),
            Err(_) => scan.run(root, None),
        }
    });
    let mut tree = scanned?.tree;
    add_column(&mut tree, options.ids);
    Ok(tree)
}

/// Watches directories from several threads.
pub(super) struct Watching<'a> {
    feed: &'a Feed,
    polled: Mutex<BTreeMap<DirId, Arc<str>>>,
    /// Whether nobody relies on the working directories of these threads.
    roams: AtomicBool,
    /// When all directories were watched.
    pub(super) armed: OnceLock<Instant>,
}

impl Arm for Watching<'_> {
    fn open(&self, dir: &Arc<Handle>, id: DirId) {
        self.roam();
        self.watch(dir, id);
    }

    fn is_urgent(&self) -> bool {
        self.feed.rung() != Rung::FileSystem
    }

    fn child(&self, dir: &Handle, name: &[u8], id: DirId) -> bool {
        self.roam();
        let top = if dir.depth() == 0 { name } else { top_of(dir) };
        matches!(self.feed.watch_child(dir, name, token(id), top), Watched::By(_))
    }

    fn armed(&self) {
        _ = self.armed.set(Instant::now());
    }
}

impl<'a> Watching<'a> {
    pub(super) fn new(feed: &'a Feed) -> Self {
        let (polled, roams, armed) = Default::default();
        Self { feed, polled, roams, armed }
    }

    pub(super) fn roam(&self) {
        if self.roams.load(Ordering::Relaxed) {
            feed::roam();
        }
    }

    pub(super) fn watch(&self, dir: &Handle, id: DirId) {
        if let Watched::Polled { reason } = self.feed.watch(dir, token(id), top_of(dir)) {
            lock(&self.polled).insert(id, reason);
        }
    }

    pub(super) fn into_polled(self) -> BTreeMap<DirId, Arc<str>> {
        self.polled.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes the directories that a scan could not list.
fn note_unlisted(mut live: Live) -> Live {
    let tree = live.tree();
    let view = tree.view(None);
    let unlisted = tree.dirs.iter().map(|(dir, _)| dir).filter(|dir| !view.is_listed(*dir));
    for dir in unlisted.collect::<Vec<_>>() {
        live.note_unlisted(dir, "it could not be listed".to_owned());
    }
    live
}

fn add_column(tree: &mut Tree, ids: Option<IdKind>) {
    match ids {
        None => {}
        Some(IdKind::XXH3) => tree.add_column::<Xxh3Ids>(),
        Some(IdKind::BLAKE3) => tree.add_column::<Blake3Ids>(),
        Some(IdKind::BLOCKS) => tree.add_column::<BlockIds>(),
        Some(_) => tree.add_column::<GitIds>(),
    }
}

/// A number that no other tree has; the keys of the standard library's hash maps come from the
/// system's randomness.
pub(super) fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0)
}

/// Whether the kernel gives each change of a file that was looked at another time: Linux since
/// 6.13.
pub(super) fn has_fine_times() -> bool {
    static FINE: OnceLock<bool> = OnceLock::new();
    *FINE.get_or_init(|| {
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let numbers = release.split(|c: char| !c.is_ascii_digit());
        let mut numbers = numbers.map(|number| number.parse().unwrap_or(0));
        let version: (u32, u32) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        version >= (6, 13)
    })
}
