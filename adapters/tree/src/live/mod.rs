//! The live tree: a tree that follows what the system reports of changes.
//!
//! [`Live`] is the state machine, without clock, threads or system calls: it is told what happened
//! and what a look at the directory showed, and says where to look next. [`LiveTree`] drives it on
//! a real directory.
//!
//! An event never says more than where to look. What an entry has become, the system is asked; and
//! where the id of a file's content was known, the content decides whether the file has changed.

mod action;
mod answers;
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
mod options;
mod places;
mod quiet;
mod reconcile;
mod round;
mod state;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use treenail_os::feed::{Event, Token, What};
use treenail_os::{FileId, Stat};

use crate::pages::DirId;
use crate::tree::Tree;
use crate::update::{Edit, Outcome};
use crate::view::View;

pub use action::{Action, Listed, NoLook, dir_of, token};
pub use change::{Batch, Change, EventKind, Gap, Id};
pub use clock::{Clock, NotAClock};
pub use content::{Hashed, Unhashed};
pub use driver::{LiveTree, Waker};
pub use exclude::{Exclude, Exclusion};
pub use history::{Fresh, History, Net, Since};
pub use journal::{decodes, put_stat, take_stat};
pub use options::{Options, Polled, PolledFor, Ready, Settings};
pub use state::{Peeked, peek};

pub use crate::recheck::Difference;
pub use treenail_os::feed;

use content::Content;
use dirt::{At, Dirt, Mark};
use inodes::Inodes;
use links::Links;
use quiet::Quiet;
use reconcile::Seen;

/// A directory that tells of its own move is looked for after this time: what tells where it went
/// may be in another queue.
const MOVED_NS: u64 = 4_000_000;

/// The first time that it is tried again.
const TRY_AGAIN_NS: u64 = 500_000;

/// The state machine of a live tree; see the [module's text](self).
pub struct Live {
    tree: Tree,
    settings: Settings,
    dirt: Dirt,
    /// Where entries came from and went, as the feed says, until the next round; from a place to
    /// itself where what had come there is gone.
    moves: Vec<(At, At)>,
    /// The entries of the round under way, with what was seen of them.
    round: BTreeMap<At, Seen>,
    /// What the feed said of moves before that round began.
    round_moves: Vec<(At, At)>,
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
    /// Files that were told of while somebody had them open.
    opened: BTreeMap<At, FileId>,
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
        for (dir, node) in tree.dirs.iter() {
            for block in node.leaves.as_slice() {
                // Most trees have no file of several names.
                if !links.is_empty() || block.nlinks().is_some() {
                    block.rows().for_each(|row| links.add(&row.stat, dir, row.name));
                }
                for (row, child) in block.children() {
                    inodes.add(&block.row(row).stat, child);
                }
            }
        }
        links.are_complete();
        Self {
            tree,
            settings,
            dirt: Dirt::default(),
            opened: BTreeMap::new(),
            moves: Vec::new(),
            round: BTreeMap::new(),
            round_moves: Vec::new(),
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
            Event::Entry { dir, name, what } => {
                let at = (dir_of(dir), name);
                let came = what.has(What::CREATED);
                // Half a rename may be told late.
                let is_in_order = !what.has(What::MOVED) && (came || what.has(What::REMOVED));
                self.mark(at, what, is_in_order.then_some(!came), deadline);
                let has_moves = !(self.moves.is_empty() && self.round_moves.is_empty());
                if has_moves && is_in_order {
                    let at: At = (at.0, at.1.into());
                    self.moves.push((at.clone(), at));
                }
            }
            Event::Renamed { from, to, .. } => {
                let (from, to) = ((dir_of(from.0), from.1), (dir_of(to.0), to.1));
                self.mark(from, What::MOVED | What::REMOVED, Some(true), deadline);
                self.mark(to, What::MOVED | What::CREATED, Some(false), deadline);
                self.moves.push(((from.0, from.1.into()), (to.0, to.1.into())));
            }
            Event::Directory { dir, what } => {
                let dir = dir_of(dir);
                let mark = Mark::of(what);
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
                for (at, is_its) in self.links.of_file(&self.tree, file) {
                    // The name may have become another file's, which was not written.
                    let what = if is_its { what } else { What::ATTRIBUTES };
                    self.dirt.mark(at, Mark::of(what), deadline);
                }
            }
            Event::Lost { dirs, reason } => {
                for file in dirs {
                    for (at, _) in self.links.of_file(&self.tree, *file) {
                        self.dirt.mark_due(at, Mark::of(What::UNKNOWN));
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

    /// The answer to [`Action::WatchLink`]: which file was at the name once what is there was
    /// watched; nothing if none was, or nobody could look.
    pub fn link_watched(&mut self, file: Token, found: Option<FileId>) {
        // What was written through another name before, nobody told; or the name is another file's.
        if let Some(at) = self.links.watched(file, found)
            && self.tree.listing(at.0).is_some()
        {
            self.dirt.mark_due(at, Mark::of(What::ATTRIBUTES));
        }
    }

    /// Says that the feed has told everything that it had in store at that time, but for halves of
    /// renames that it holds back.
    pub fn read(&mut self, from_ns: u64) {
        self.dirt.read(from_ns);
    }

    /// Says that the feed has told everything that it had in store when it was asked after the last
    /// look, and holds no half of a rename back.
    pub fn heard(&mut self, now_ns: u64) {
        self.dirt.heard(now_ns);
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
        self.dirt.deadline(self.now_ns)
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
    /// Begins that incarnation of its history.
    pub(crate) fn begin_incarnation_of(&mut self, number: u32) {
        self.history.begin_incarnation_of(number);
    }
    pub(crate) fn owes_recheck(&self) -> bool {
        self.rechecking.is_some() || self.recheck.is_some()
    }
    /// The entry that a directory is in its parent.
    fn place_of(&self, dir: DirId) -> Option<At> {
        let parent = self.tree.parent(dir)?;
        Some((parent, self.tree.name_of(dir)?.into()))
    }

    /// A directory and those that lead to it, the root last.
    fn with_above(&self, dir: DirId) -> impl Iterator<Item = DirId> {
        std::iter::successors(Some(dir), |dir| self.tree.parent(*dir))
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
