//! The live tree: a tree that follows what the system reports of changes.
//!
//! [`Live`] is the state machine, without clock, threads or system calls: it is told what happened
//! and what a look at the directory showed, and says where to look next. [`LiveTree`] drives it on
//! a real directory.
//!
//! An event never says more than where to look. What an entry has become, the system is asked; and
//! where the id of a file's content was known, the content decides whether the file has changed.

mod begin;
mod change;
mod clock;
mod content;
mod dirt;
mod driver;
mod exclude;
mod hasher;
mod history;
mod inodes;
mod journal;
mod links;
mod places;
mod quiet;
mod reconcile;
mod state;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;

use treenail_os::Stat;
use treenail_os::feed::{Event, Token, What};

use crate::ids::IdKind;
use crate::pages::DirId;
use crate::tree::{Listing, Tree};
use crate::update::{Edit, Outcome, normal};
use crate::view::View;

pub use change::{Batch, Change, EventKind, Gap, Id};
pub use clock::{Clock, NotAClock};
pub use content::{Hashed, Unhashed};
pub use driver::{LiveTree, Options, Polled, Ready, Waker};
pub use exclude::{Exclude, Exclusion};
pub use history::{Fresh, History, Net, Since};
pub use journal::{decodes, put_stat, take_stat};
pub use state::{Peeked, peek};

pub use crate::recheck::Difference;
pub use treenail_os::feed;

use content::Content;
use dirt::{At, Dirt, Mark};
use inodes::Inodes;
use links::Links;
use quiet::Quiet;
use reconcile::Seen;

/// A look that finds its directory moved is tried again, each time after twice the time, while the
/// event that explains it is on its way. After so many times the directory counts as not listed,
/// and nothing waits for it any more.
const TRIES_MAX: u8 = 10;

/// After so many times the time does not grow any more.
const TRIES_SLOWEST: u8 = 16;

/// A directory that tells of its own move is looked for after this time: what tells where it went
/// may be in another queue.
const MOVED_NS: u64 = 4_000_000;

/// The first time that it is tried again.
const TRY_AGAIN_NS: u64 = 500_000;

/// How a live tree behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The column of ids by which contents are compared; the tree must have it. Without, every
    /// event that tells of a write is reported.
    pub ids: Option<IdKind>,
    /// A file that somebody has open is reported after this many nanoseconds.
    pub open_max_ns: u64,
    /// Whether a file that is changed after it was looked at always gets another ctime; Linux does
    /// so since 6.13 on the usual file systems.
    pub fine_times: bool,
    /// How much memory the history may take.
    pub history_bytes_max: usize,
    /// Which directories are left out of the tree.
    pub exclude: Option<Exclude>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ids: None,
            open_max_ns: 250_000_000,
            fine_times: false,
            history_bytes_max: 8 << 20,
            exclude: None,
        }
    }
}

/// What a live tree wants to know or have done. Each is answered by the method of [`Live`] that is
/// named.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Ask for the attributes of these entries: [`Live::looked`].
    Look {
        /// The directory.
        dir: DirId,
        /// The names in it.
        names: Vec<Box<[u8]>>,
    },
    /// Have the directory's changes reported with this token, then list it and ask for the
    /// attributes of all entries: [`Live::listed`].
    List {
        /// The directory.
        dir: DirId,
    },
    /// Compute the id of a file's content: [`Live::hashed`].
    Hash {
        /// The question's number, for the answer.
        ticket: u64,
        /// The directory.
        dir: DirId,
        /// The file in it.
        name: Box<[u8]>,
        /// How long it was when last looked at.
        size_bytes: u64,
        /// The tree waits for the answer before it reports the change; otherwise the answer may
        /// take its time.
        urgent: bool,
    },
    /// Compare these directories, not what is below them, with the tree, or everything if there are
    /// none; nothing else is asked for meanwhile: [`Live::rechecked`].
    Recheck {
        /// The directories.
        dirs: Vec<DirId>,
    },
    /// Have the changes of a file that has several names reported with this token, whichever name
    /// they are made through. No answer.
    WatchLink {
        /// The directory of one of its names.
        dir: DirId,
        /// The name in it.
        name: Box<[u8]>,
        /// What the feed is to call the file.
        token: Token,
    },
    /// The changes reported with this token are not wanted any more. No answer.
    UnwatchLink {
        /// What the feed calls the file.
        token: Token,
    },
    /// The directory is no longer in the tree: its changes need not be reported. No answer.
    Unwatch {
        /// The directory.
        dir: DirId,
    },
}

/// An entry of a directory, and what the system says of it.
pub type Listed = (Box<[u8]>, Stat);

/// Why entries could not be looked at.
#[derive(Debug)]
pub enum NoLook {
    /// Another directory stands at the path, or none.
    Elsewhere,
    /// The system refuses.
    Refused(io::Error),
}

/// The state machine of a live tree; see the [module's text](self).
pub struct Live {
    tree: Tree,
    settings: Settings,
    dirt: Dirt,
    /// Where entries came from and went, as the feed says, until the next round.
    moves: Vec<(At, At)>,
    /// The entries of the round under way, with what was seen of them.
    round: BTreeMap<At, Seen>,
    /// Looks and listings that have not been answered.
    outstanding: usize,
    /// What is being compared, in order, so that no round may begin; everything if empty.
    rechecking: Option<Vec<DirId>>,
    /// What is to be compared once the round is over; an empty list means everything.
    recheck: Option<Vec<DirId>>,
    /// Events were lost since the last comparison began.
    is_lossy: bool,
    quiet: Quiet,
    content: Content,
    links: Links,
    inodes: Inodes,
    actions: VecDeque<Action>,
    /// The directories among them that are to be listed.
    to_list: BTreeSet<DirId>,
    /// What will be reported together.
    batch: Batch,
    /// How many of its changes the exclusion has been told.
    noted: usize,
    history: History,
    /// How often the look at a directory's place was tried that had it listed.
    tries: BTreeMap<DirId, u8>,
    /// The time that was last told.
    now_ns: u64,
    /// Directories that cannot be listed, and why.
    unlisted: BTreeMap<DirId, String>,
    /// What happened to entries that could not be looked at.
    refused: BTreeMap<DirId, BTreeMap<Box<[u8]>, What>>,
}

/// What the feed calls a directory of the tree.
#[must_use]
pub fn token(dir: DirId) -> Token {
    Token(u64::from(dir.index) << 32 | u64::from(dir.generation))
}

/// The directory that the feed calls so.
#[must_use]
pub fn dir_of(token: Token) -> DirId {
    DirId { index: (token.0 >> 32) as u32, generation: token.0 as u32 }
}

impl Live {
    /// A tree that is to be kept true from now on: everything that happens since before it was
    /// scanned is told to [`event`](Self::event).
    #[must_use]
    pub fn new(tree: Tree, clock: Clock, settings: Settings) -> Self {
        let history = History::new(clock, settings.history_bytes_max);
        Self::with_history(tree, history, settings)
    }

    /// The same with a history that goes on.
    #[must_use]
    pub fn with_history(tree: Tree, history: History, settings: Settings) -> Self {
        let (mut links, mut inodes) = (Links::default(), Inodes::default());
        let view = tree.view(None);
        for (dir, _) in tree.dirs.iter() {
            for row in view.entries(dir) {
                links.add(&row.stat, dir, row.name);
                if let Some(child) = row.child {
                    inodes.add(&row.stat, child);
                }
            }
        }
        links.are_complete();
        Self {
            tree,
            settings,
            dirt: Dirt::default(),
            moves: Vec::new(),
            round: BTreeMap::new(),
            outstanding: 0,
            rechecking: None,
            recheck: None,
            is_lossy: false,
            quiet: Quiet::default(),
            content: Content::default(),
            links,
            inodes,
            actions: VecDeque::new(),
            to_list: BTreeSet::new(),
            batch: Batch::default(),
            noted: 0,
            history,
            tries: BTreeMap::new(),
            now_ns: 0,
            unlisted: BTreeMap::new(),
            refused: BTreeMap::new(),
        }
    }

    /// The tree as it is known now.
    #[must_use]
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// What changed lately.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The directories that could not be listed, with the reasons.
    pub fn unlisted(&self) -> impl Iterator<Item = (DirId, &str)> {
        self.unlisted.iter().map(|(dir, reason)| (*dir, reason.as_str()))
    }

    /// Something happened. Of directories that the tree does not hold, or no longer, nothing is
    /// believed.
    pub fn event(&mut self, now_ns: u64, event: Event<'_>) {
        self.now_ns = now_ns;
        let deadline = now_ns.saturating_add(self.settings.open_max_ns);
        match event {
            Event::Entry { dir, name, what } => self.mark((dir_of(dir), name), what, deadline),
            Event::Renamed { from, to, .. } => {
                let (from, to) = ((dir_of(from.0), from.1), (dir_of(to.0), to.1));
                self.mark(from, What::MOVED | What::REMOVED, deadline);
                self.mark(to, What::MOVED | What::CREATED, deadline);
                self.moves.push(((from.0, from.1.into()), (to.0, to.1.into())));
            }
            Event::Directory { dir, what } => {
                let dir = dir_of(dir);
                let mark = Mark { what, ..Mark::default() };
                if let Some(at) = self.place_of(dir) {
                    match what.has(What::MOVED) {
                        true => self.dirt.postpone(at, mark, now_ns.saturating_add(MOVED_NS)),
                        false => self.dirt.mark_due(at, mark),
                    }
                } else if dir == DirId::ROOT && what.has(What::ATTRIBUTES) {
                    self.list_refused_below(dir);
                }
            }
            Event::Link { file, what } => {
                for at in self.links.of_file(&self.tree, file) {
                    self.dirt.mark(at, what, deadline);
                }
            }
            Event::Lost { dirs, reason } => {
                for file in dirs {
                    for at in self.links.of_file(&self.tree, *file) {
                        self.dirt.mark_due(at, Mark { what: What::UNKNOWN, ..Mark::default() });
                    }
                }
                let known = dirs.iter().map(|dir| dir_of(*dir));
                self.lost(known.collect(), &reason.to_string());
            }
        }
    }

    /// Events were lost: the directories are compared, or everything if there are none.
    pub fn lost(&mut self, dirs: Vec<DirId>, reason: &str) {
        let path = self.common_path(&dirs);
        self.note_gap(Gap { path, reason: reason.to_owned() });
        // One in them may have been made anew with the same number, which nobody watches.
        let view = self.tree.view(None);
        let below = dirs.iter().flat_map(|dir| view.entries(*dir)).filter_map(|row| row.child);
        let with_below = below.collect::<Vec<_>>();
        self.is_lossy = true;
        self.recheck([dirs, with_below].concat());
    }

    /// Has these directories compared, not what is below them, or everything if there are none.
    pub fn recheck(&mut self, dirs: Vec<DirId>) {
        self.recheck = match self.recheck.take() {
            Some(before) if before.is_empty() || dirs.is_empty() => Some(Vec::new()),
            Some(before) => Some([before, dirs].concat()),
            None => Some(dirs),
        };
    }

    /// What to do next; nothing if there is nothing to do before something happens, an action is
    /// answered, or [`deadline_ns`](Self::deadline_ns) has come.
    pub fn next_action(&mut self, now_ns: u64) -> Option<Action> {
        self.now_ns = now_ns;
        self.actions.extend(self.links.wishes());
        loop {
            let action = self.actions.pop_front();
            if let Some(Action::List { dir }) = &action {
                self.to_list.remove(dir);
            }
            if action.is_some() || self.outstanding > 0 {
                return action;
            }
            if self.round.is_empty() {
                self.begin_round(now_ns);
                if self.actions.is_empty() {
                    return None;
                }
            } else {
                let round = std::mem::take(&mut self.round);
                self.reconcile(now_ns, round);
            }
        }
    }

    /// When there will be something to do although nothing happens.
    pub fn deadline_ns(&self) -> Option<u64> {
        self.dirt.deadline()
    }

    /// Looks at files that are still being written too, instead of waiting until they are closed.
    pub fn settle(&mut self) {
        self.dirt.release(0, true);
    }

    /// Whether the tree shows everything that it was told of, files that are being written aside.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.actions.is_empty()
            && self.outstanding == 0
            && self.round.is_empty()
            && self.dirt.is_clean()
            && !self.dirt.has_postponed()
            && !self.links.is_search_due()
            && self.recheck.is_none()
            && !self.content.is_verifying()
            && !self.owes_note()
    }

    /// What has changed since the last call, if anything; it is in the history from now on.
    pub fn take_batch(&mut self) -> Option<Batch> {
        if !self.has_batch() {
            return None;
        }
        let mut batch = std::mem::take(&mut self.batch);
        self.noted = 0;
        if self.owes_recheck() {
            // A gap is told of together with what makes up for it.
            self.batch.gaps = std::mem::take(&mut batch.gaps);
        }
        batch.tick = self.history.clock().tick + 1;
        self.history.push(&batch);
        Some(batch)
    }

    /// Whether [`take_batch`](Self::take_batch) has something.
    #[must_use]
    pub fn has_batch(&self) -> bool {
        !self.batch.changes.is_empty() || !self.batch.gaps.is_empty() && !self.owes_recheck()
    }

    /// Begins another incarnation of the clock; see [`Clock::incarnation`].
    pub fn begin_incarnation(&mut self) {
        self.history.begin_incarnation();
    }

    /// The answer to [`Action::Look`]: for each name what is there, in the order of the question.
    pub fn looked(
        &mut self,
        dir: DirId,
        names: Vec<Box<[u8]>>,
        found: Result<Vec<Option<Stat>>, NoLook>,
    ) {
        self.outstanding -= 1;
        match found {
            Ok(stats) => {
                for (name, now) in names.into_iter().zip(stats) {
                    if let Some(seen) = self.round.get_mut(&(dir, name)) {
                        seen.now = Some(now);
                    }
                }
            }
            Err(NoLook::Elsewhere) => self.look_again(dir, names),
            Err(NoLook::Refused(error)) => {
                self.refused(dir, &error);
                for name in names {
                    self.put_aside((dir, name));
                }
            }
        }
    }

    /// The answer to [`Action::List`].
    pub fn listed(&mut self, dir: DirId, found: Result<Vec<Listed>, NoLook>) {
        self.outstanding -= 1;
        if self.tree.listing(dir).is_none() {
            // It went while it was being watched.
            return self.actions.push_back(Action::Unwatch { dir });
        }
        match found {
            Ok(entries) => {
                self.unlisted.remove(&dir);
                self.tries.remove(&dir);
                self.take_up(dir);
                self.set_listing(dir, Listing::Complete);
                let gone: Vec<Box<[u8]>> = {
                    let known = self.tree.view(None);
                    let names: Vec<Box<[u8]>> =
                        known.entries(dir).map(|entry| entry.name.into()).collect();
                    let listed: std::collections::HashSet<&[u8]> =
                        entries.iter().map(|(name, _)| &**name).collect();
                    names.into_iter().filter(|name| !listed.contains(&**name)).collect()
                };
                for name in gone {
                    self.see((dir, name), None);
                }
                for (name, stat) in entries {
                    self.see_from_above((dir, name), stat);
                }
            }
            Err(NoLook::Elsewhere) => {
                // Its parent's entry tells where it went; until then its content is unknown.
                self.set_listing(dir, Listing::Unlisted);
                let tries = self.tries.remove(&dir).unwrap_or_default();
                self.note_unreachable(dir, tries);
                self.look_at_place(dir, tries);
            }
            Err(NoLook::Refused(error)) => self.refused(dir, &error),
        }
    }

    /// The answer to [`Action::Recheck`]. `suspects` are files whose attributes are as they were,
    /// but so young that their contents may still be other ones.
    pub fn rechecked(&mut self, differences: Vec<Difference>, suspects: Vec<(DirId, Box<[u8]>)>) {
        let dirs = self.rechecking.take().unwrap_or_default();
        self.outstanding -= 1;
        for Difference { dir, name, now } in differences {
            let view = self.tree.view(None);
            let known = view.entry(dir, &name);
            let same = known.filter(|row| now.is_some_and(|now| now.id() == row.stat.id()));
            let child = same.and_then(|row| row.child).filter(|_| !dirs.is_empty());
            if let (Some(child), Some(now)) = (child, now)
                && dirs.binary_search(&child).is_err()
            {
                self.see_from_above((dir, name), now);
                continue;
            }
            // A directory that is not there was not looked into; perhaps it is elsewhere.
            let missed = known.filter(|row| now.is_none_or(|now| now.id() != row.stat.id()));
            for below in
                missed.and_then(|row| row.child).map_or_else(Vec::new, |dir| self.below(dir))
            {
                self.set_listing(below, Listing::Unlisted);
            }
            self.see((dir, name), now);
        }
        for at in suspects {
            self.dirt.mark_due(at, Mark { what: What::UNKNOWN, ..Mark::default() });
        }
    }

    /// Says that directories were compared, or everything if there are none, and which of them
    /// could not be, with the reasons; before [`rechecked`](Self::rechecked).
    pub fn compared(&mut self, dirs: Option<&[DirId]>, failed: Vec<(DirId, String)>) {
        let all = || self.tree.dirs.iter().map(|(dir, _)| dir).collect();
        let incomplete = dirs.map_or_else(all, <[DirId]>::to_vec).into_iter().filter(|dir| {
            self.tree.listing(*dir).is_some_and(|listing| listing != Listing::Complete)
        });
        for dir in incomplete.collect::<Vec<_>>() {
            self.unlisted.remove(&dir);
            self.take_up(dir);
            self.set_listing(dir, Listing::Complete);
        }
        for (dir, reason) in failed {
            // Of what is below nothing was seen either.
            for dir in self.below(dir) {
                if dirs.is_none_or(|dirs| dirs.contains(&dir)) {
                    self.set_listing(dir, Listing::Partial);
                    self.note_unlisted(dir, reason.clone());
                }
            }
        }
    }

    /// Says that a directory could not be listed.
    pub fn note_unlisted(&mut self, dir: DirId, reason: String) {
        self.unlisted.insert(dir, reason);
    }

    /// Says that the exclusion may say something else now of any directory.
    pub fn exclusion_changed(&mut self) {
        self.list_below(DirId::ROOT);
    }

    /// Says that something was lost that is not to be looked for.
    pub fn note_gap(&mut self, gap: Gap) {
        if !self.batch.gaps.contains(&gap) {
            self.batch.gaps.push(gap);
        }
    }

    /// Files that have names outside the tree, by one of their paths each.
    #[must_use]
    pub fn linked_elsewhere(&self) -> Vec<Vec<u8>> {
        let names = self.links.with_names_elsewhere(&self.tree);
        names.iter().filter_map(|at| self.path_of(at).map(Vec::from)).collect()
    }

    /// Says what the system says of the root directory itself.
    pub fn set_root_stat(&mut self, stat: Stat) {
        self.tree.set_root_stat(stat);
    }

    fn mark(&mut self, (dir, name): (DirId, &[u8]), what: What, deadline: u64) {
        if self.tree.listing(dir).is_some() {
            self.dirt.mark((dir, name.into()), what, deadline);
        }
    }

    /// Enters what was seen of an entry without having asked for it.
    fn see(&mut self, at: At, now: Option<Stat>) {
        let mark = Mark { what: What::UNKNOWN, ..Mark::default() };
        let seen = self.round.entry(at).or_insert(Seen { mark, now: None, compared: true });
        (seen.now, seen.compared) = (Some(now), true);
    }

    /// The same of an entry that, if it is a directory, was not looked into. If it is not as the
    /// tree has it, it may be another that was given the same number, and that nobody watches.
    fn see_from_above(&mut self, at: At, now: Stat) {
        let row = self.tree.view(None).entry(at.0, &at.1).filter(|row| row.child.is_some());
        let same = row.filter(|row| row.stat.id() == now.id());
        if same.is_none_or(|row| row.stat == normal(now)) {
            return self.see(at, Some(now));
        }
        let mark = Mark { what: What::REMOVED, ..Mark::default() };
        let seen = self.round.entry(at).or_insert(Seen { mark, now: None, compared: false });
        seen.mark.what |= What::REMOVED;
        seen.now = Some(Some(now));
    }

    pub(crate) fn owes_recheck(&self) -> bool {
        self.rechecking.is_some() || self.recheck.is_some()
    }

    fn begin_round(&mut self, now_ns: u64) {
        self.note_rules();
        if self.outstanding > 0 {
            return;
        }
        if let Some(mut dirs) = self.recheck.take() {
            dirs.sort_unstable();
            dirs.dedup();
            if std::mem::take(&mut self.is_lossy) {
                self.doubt_quiet(&dirs);
            }
            self.rechecking = Some(dirs.clone());
            self.outstanding += 1;
            return self.actions.push_back(Action::Recheck { dirs });
        }
        self.dirt.release(now_ns, false);
        let mut due = self.take_due();
        if due.is_empty() && self.links.is_search_due() {
            for at in self.links.search(&self.tree) {
                self.dirt.mark_due(at, Mark { what: What::UNKNOWN, ..Mark::default() });
            }
            due = self.take_due();
        }
        let mut names: BTreeMap<DirId, Vec<Box<[u8]>>> = BTreeMap::new();
        for ((dir, name), mark) in due {
            names.entry(dir).or_default().push(name.clone());
            self.round.insert((dir, name), Seen { mark, now: None, compared: false });
        }
        for (dir, names) in names {
            self.outstanding += 1;
            self.actions.push_back(Action::Look { dir, names });
        }
    }

    /// Has files read whose content was taken to be what it was: what was lost may say otherwise.
    fn doubt_quiet(&mut self, dirs: &[DirId]) {
        let what = What::MODIFIED | What::CLOSED;
        for at in self.quiet.take(dirs) {
            self.dirt.mark_due(at, Mark { what, ..Mark::default() });
        }
    }

    /// Tells the exclusion of the changes that it does not know of yet, and lists anew where it may
    /// have changed its mind.
    fn note_rules(&mut self) {
        let Some(exclude) = self.settings.exclude.as_ref().filter(|_| self.owes_note()) else {
            return;
        };
        let tops = exclude.note(&self.batch.changes[self.noted..]);
        self.noted = self.batch.changes.len();
        for top in tops {
            if let Some(dir) = self.tree.dir_at(&top) {
                self.list_below(dir);
            }
        }
    }

    fn owes_note(&self) -> bool {
        self.settings.exclude.is_some() && self.noted < self.batch.changes.len()
    }

    /// Has a directory and all below it listed.
    fn list_below(&mut self, top: DirId) {
        for dir in self.below(top) {
            self.list(dir);
        }
    }

    /// Takes all that is to be looked at in directories that are still there.
    fn take_due(&mut self) -> BTreeMap<At, Mark> {
        let mut due = self.dirt.take();
        let gone = due.extract_if(.., |(dir, _), _| self.tree.listing(*dir).is_none());
        let written = gone.filter(|(_, mark)| mark.what.has(What::MODIFIED | What::ATTRIBUTES));
        if written.count() > 0 {
            // Nobody can look any more at what it was that was written.
            self.mark_incomplete();
            due.into_iter().for_each(|(at, mark)| self.dirt.mark_due(at, mark));
            due = self.dirt.take();
        }
        due
    }

    /// Takes an entry that cannot be looked at out of the round, until its directory can be listed:
    /// its attributes alone will not tell what happened to it.
    fn put_aside(&mut self, (dir, name): At) {
        let seen = self.round.remove(&(dir, name.clone()));
        if let Some(seen) = seen.filter(|_| self.tree.listing(dir).is_some()) {
            *self.refused.entry(dir).or_default().entry(name).or_default() |= seen.mark.what;
        }
    }

    /// Has looked at what could not be looked at before.
    fn take_up(&mut self, dir: DirId) {
        for (name, what) in self.refused.remove(&dir).into_iter().flatten() {
            self.dirt.mark_due((dir, name), Mark { what, ..Mark::default() });
        }
    }

    /// Looks again, in a while, at entries whose directory is not where the tree has it.
    fn look_again(&mut self, dir: DirId, names: Vec<Box<[u8]>>) {
        let mut tries = 0;
        for name in names {
            let at = (dir, name);
            if let Some(Seen { mark, .. }) = self.round.remove(&at) {
                tries = tries.max(mark.tries);
                self.try_again(at, mark);
            }
        }
        self.note_unreachable(dir, tries);
        self.look_at_place(dir, tries);
    }

    /// Looks at the entry of a directory in its parent, in a while.
    fn look_at_place(&mut self, dir: DirId, tries: u8) {
        if let Some(at) = self.place_of(dir) {
            self.try_again(at, Mark { what: What::UNKNOWN, tries, ..Mark::default() });
        }
    }

    fn try_again(&mut self, at: At, mark: Mark) {
        let deadline = self.now_ns.saturating_add(TRY_AGAIN_NS << mark.tries);
        let tries = (mark.tries + 1).min(TRIES_SLOWEST);
        self.dirt.postpone(at, Mark { tries, ..mark }, deadline);
    }

    /// Says of a directory that was looked for in vain so often that its names are not known.
    fn note_unreachable(&mut self, dir: DirId, tries: u8) {
        if tries >= TRIES_MAX && self.tree.listing(dir).is_some() {
            self.set_listing(dir, Listing::Partial);
            self.note_unlisted(dir, "its path leads elsewhere".to_owned());
        }
    }

    fn refused(&mut self, dir: DirId, error: &io::Error) {
        if self.tree.listing(dir).is_some() {
            self.unlisted.insert(dir, error.to_string());
            self.set_listing(dir, Listing::Partial);
        }
    }

    fn set_listing(&mut self, dir: DirId, listing: Listing) {
        self.tree.apply([Edit::List { dir, listing }]);
    }

    /// The entry that a directory is in its parent.
    fn place_of(&self, dir: DirId) -> Option<At> {
        let parent = self.tree.parent(dir)?;
        Some((parent, self.tree.name_of(dir)?.into()))
    }

    /// A directory and all below it, each before those in it; none if the tree does not hold it.
    fn below(&self, top: DirId) -> Vec<DirId> {
        let view = self.tree.view(None);
        let mut dirs: Vec<DirId> = self.tree.listing(top).map(|_| top).into_iter().collect();
        let mut next = 0;
        while let Some(dir) = dirs.get(next) {
            dirs.extend(view.entries(*dir).filter_map(|row| row.child));
            next += 1;
        }
        dirs
    }

    /// The path of the deepest directory that all of these are in.
    fn common_path(&self, dirs: &[DirId]) -> Box<[u8]> {
        let paths = dirs.iter().filter_map(|dir| self.tree.path_of(*dir));
        let common = paths.reduce(|common, path| {
            let same = common.split(|b| *b == b'/').zip(path.split(|b| *b == b'/'));
            let same: Vec<&[u8]> = same.take_while(|(a, b)| a == b).map(|(a, _)| a).collect();
            same.join(&b'/')
        });
        common.unwrap_or_default().into()
    }

    /// Drops what was known of directories that are no longer in the tree.
    fn freed(&mut self, dirs: &[DirId]) {
        for &dir in dirs {
            self.unlisted.remove(&dir);
            self.refused.remove(&dir);
            self.tries.remove(&dir);
            self.actions.push_back(Action::Unwatch { dir });
        }
    }

    /// Makes edits whose success is certain, as far as their directories are still there.
    fn apply<'a>(&mut self, edits: impl IntoIterator<Item = Edit<'a>>) -> Vec<Outcome> {
        let applied = self.tree.apply(edits);
        let left = self.inodes.forget(&applied.freed);
        self.freed(&applied.freed);
        left.into_iter().for_each(|dir| self.list(dir));
        applied.outcomes
    }
}

#[cfg(test)]
mod tests;
