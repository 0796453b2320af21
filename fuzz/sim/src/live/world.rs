//! One run: the file system, the tree, and those who follow it.

use std::collections::{BTreeMap, BTreeSet};

use treenail_hash::{Hash, Xxh128};
use treenail_os::Kind;
use treenail_os::feed::{Event, What};
use treenail_tree::live::{Action, Batch, Clock, EventKind, Fresh, History, Live, Settings, Since};
use treenail_tree::{DirId, Edit, IdKind, Ids, Outcome, Tree, Xxh3Ids};

use super::driver::{Answer, Driver, answer};
use super::fs::{Fs, Name, ROOT};
use super::kernel::Kernel;
use super::mutator::Mutator;
use super::profile::Profile;
use super::replica::Replica;
use super::{Mutant, invariant};
use crate::rng::{Chance, Rng};
use crate::runner::{Run, Violation};
use crate::time::Time;

/// The number of the tree.
const TREE: u64 = 7;

/// States of the current incarnation that a power loss may lead back to.
const SAVED_MAX: usize = 6;

/// What may happen at rest before something is wrong.
const REST_ROUNDS_MAX: u64 = 20_000;

/// One run of the scenario.
pub(super) struct World<'a> {
    pub(super) run: &'a mut Run,
    pub(super) profile: Profile,
    pub(super) rng: Rng,
    /// The feed is always read to its end, as the real driver does.
    pub(super) reads_all: bool,
    /// Apart, so that restarts of one kind leave the rest of a run as it was.
    restarts: Rng,
    pub(super) fs: Fs,
    pub(super) mutator: Mutator,
    pub(super) live: Live,
    pub(super) driver: Driver,
    pub(super) mutant: Option<Mutant>,
    /// Asked for, not performed; performed, not told.
    pending: Vec<Action>,
    answers: Vec<Answer>,
    /// The tree and the history as of the last batch, and some before.
    pub(super) published: (Tree, History),
    saved: Vec<Saved>,
    /// The files that the next process has to doubt.
    unheard: Vec<Name>,
    /// The numbers of files that were told of while somebody had them open.
    pub(super) opened: BTreeSet<u64>,
    pub(super) follower: Replica,
    pub(super) askers: Vec<(Clock, Replica)>,
    pub(super) tally: Counts,
    /// A loss was told to the tree, and no gap came since.
    is_gap_due: bool,
    is_changing: bool,
    /// What the batches said since this was last cleared.
    pub(super) said: Vec<Batch>,
    /// The numbers of what was told to be gone, and where that was.
    pub(super) deleted: BTreeMap<u64, Vec<u8>>,
}

/// What a process finds that begins: the tree, its history, and the files that it has to doubt.
type Saved = (Tree, History, Vec<Name>);

/// What bounds the work.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) changes: u64,
    pub(super) actions: u64,
    pub(super) compared: u64,
    pub(super) losses: u64,
}

impl<'a> World<'a> {
    pub(super) fn new(run: &'a mut Run, mutant: Option<Mutant>) -> Self {
        let plan = run.plan().clone();
        let profile = Profile::draw(&mut run.rng("profile"), &plan);
        let kernel = Kernel::new(profile.feed.clone(), run.rng("kernel"));
        let mut fs = Fs::new(kernel, profile.step_ns, profile.reuse);
        let mut mutator = Mutator::new(run.rng("mutator"));
        let mut rng = run.rng("workload");
        run.trace().event(format_args!("{profile:?}"));
        let first = rng.below(profile.steps_before + 1);
        for _ in 0..first {
            fs.now_ns += rng.below(profile.pace_ns + 1);
            mutator.change(&mut fs, &profile);
        }
        fs.now_ns += 10_000_000;
        let tree = if rng.coin() { scan(&fs, &profile) } else { empty(&fs, &profile) };
        for _ in first..profile.steps_before {
            fs.now_ns += rng.below(profile.pace_ns + 1);
            mutator.change(&mut fs, &profile);
        }
        fs.kernel.restart();
        let clock = Clock { root: TREE, incarnation: 1, tick: 0 };
        let history = History::new(clock, profile.history_bytes_max);
        let mut live = Live::with_history(tree.clone(), history.clone(), settings(&profile));
        live.recheck(Vec::new());
        let follower = Replica::fresh(&tree, &fs);
        let askers = (0..3).map(|_| (clock, Replica::fresh(&tree, &fs))).collect();
        Self {
            driver: Driver::new(profile.cached, mutant),
            restarts: run.rng("restarts"),
            reads_all: run.rng("reading").coin(),
            run,
            profile,
            rng,
            fs,
            mutator,
            live,
            mutant,
            pending: Vec::new(),
            answers: Vec::new(),
            saved: vec![(tree.clone(), history.clone(), Vec::new())],
            unheard: Vec::new(),
            opened: BTreeSet::new(),
            published: (tree, history),
            follower,
            askers,
            tally: Counts { compared: 1, ..Counts::default() },
            is_gap_due: false,
            is_changing: true,
            said: Vec::new(),
            deleted: BTreeMap::new(),
        }
    }

    /// Lets everything happen until the changes end, then checks that all is in order.
    pub(super) fn live(mut self) -> Result<(), Violation> {
        while self.is_changing {
            let unheard = self.live.unheard().len();
            self.happen()?;
            // At once, or what is unheard is soon heard.
            if self.live.unheard().len() > unheard
                && self.restarts.happens(self.profile.restart_unheard)
            {
                self.take_batch()?;
                self.restart()?;
            }
        }
        self.mutator.finish(&mut self.fs);
        self.rest()?;
        self.live.settle();
        self.rest()?;
        self.check()?;
        self.allow_all();
        self.rest()?;
        self.check()?;
        self.epilogue()
    }

    /// One thing happens.
    fn happen(&mut self) -> Result<(), Violation> {
        let pause = self.rng.below(self.profile.pace_ns + 1);
        self.pass(pause);
        let (feed, mutate) = (self.profile.feed_weight, self.profile.mutate_weight);
        let driver = self.profile.driver_weight;
        let lot = self.rng.below(feed + mutate + driver + 8);
        if lot < feed {
            let most = 1 + self.rng.index(6);
            self.read_feed(most);
        } else if lot < feed + mutate {
            self.change();
        } else if lot < feed + mutate + driver {
            self.work();
        } else if lot < feed + mutate + driver + 5 {
            self.take_batch()?;
        } else if lot < feed + mutate + driver + 7 {
            self.ask()?;
        } else if self.rng.happens(self.profile.restart) {
            self.restart()?;
        }
        Ok(())
    }

    pub(super) fn pass(&mut self, ns: u64) {
        self.fs.now_ns += ns;
        self.run.trace().set_now(Time::from_nanos(self.fs.now_ns));
    }

    fn change(&mut self) {
        self.is_changing = self.run.step(self.profile.steps);
        if self.is_changing {
            self.tally.changes += 1;
            if let Some(what) = self.mutator.change(&mut self.fs, &self.profile) {
                self.run.trace().event(format_args!("{what}"));
                self.run.count("changes", 1);
            }
        }
    }

    fn read_feed(&mut self, most: usize) {
        self.read_some(most);
        while self.reads_all && self.fs.kernel.has_queued() {
            self.read_some(most);
        }
        self.hear();
    }

    fn read_some(&mut self, most: usize) {
        let Self { live, fs, run, mutant, tally, is_gap_due, .. } = self;
        let now = fs.now_ns;
        let before = fs.kernel.losses;
        fs.kernel.read(now, most, |event| {
            run.trace().event(format_args!("event {}", show(&event)));
            match (*mutant, event) {
                (Some(Mutant::SwallowLosses), Event::Lost { .. }) => {}
                (Some(Mutant::ForgetOldPlaces), Event::Renamed { to, .. }) => {
                    let what = What::MOVED | What::CREATED;
                    live.event(now, Event::Entry { dir: to.0, name: to.1, what });
                }
                (_, event) => {
                    let is_loss = matches!(event, Event::Lost { .. });
                    *is_gap_due |= is_loss;
                    tally.compared += u64::from(is_loss);
                    run.count(
                        "renames told in pairs",
                        u64::from(matches!(event, Event::Renamed { .. })),
                    );
                    live.event(now, event);
                }
            }
            run.count("events", 1);
        });
        let losses = fs.kernel.losses - before;
        tally.losses += losses;
        run.count("losses", losses);
    }

    /// Tells the tree if nothing is left for the feed to tell.
    fn hear(&mut self) {
        if self.fs.kernel.is_drained() {
            self.live.heard_all(self.fs.now_ns);
            if self.live.unheard().is_empty() {
                self.unheard.clear();
            }
        }
    }

    /// The driver does something; false if there is nothing to do.
    fn work(&mut self) -> bool {
        if self.mutant == Some(Mutant::BelieveAtOnce) {
            self.live.heard(self.fs.now_ns + 1_000_000);
        }
        let asks = self.rng.below(3) == 0 || self.pending.is_empty() && self.answers.is_empty();
        if asks && let Some(action) = self.live.next_action(self.fs.now_ns) {
            self.run.trace().event(format_args!("{action:?}"));
            self.tally.actions += 1;
            self.run.count("actions", 1);
            self.pending.push(action);
            return true;
        }
        if !self.answers.is_empty() && (self.pending.is_empty() || self.rng.coin()) {
            let at = self.rng.index(self.answers.len());
            let told = self.answers.swap_remove(at);
            if let Answer::Rechecked(_, pass) = &told {
                self.run.count("rechecks", 1);
                self.run.count("differences", pass.differences.len() as u64);
                self.run.count("directories refused to rechecks", pass.failures.len() as u64);
            }
            answer(&mut self.live, self.fs.now_ns, told);
            return true;
        }
        if self.pending.is_empty() {
            return false;
        }
        let at = self.rng.index(self.pending.len());
        let action = self.pending.swap_remove(at);
        let Self { run, profile, rng, fs, mutator, live, driver, tally, is_changing, .. } = self;
        let mut breathe = |fs: &mut Fs| {
            while *is_changing && rng.happens(profile.breath) {
                fs.now_ns += rng.below(profile.pace_ns + 1);
                *is_changing = run.step(profile.steps);
                tally.changes += 1;
                if let Some(what) = mutator.change(fs, profile).filter(|_| *is_changing) {
                    run.trace().event(format_args!("meanwhile {what}"));
                    run.count("changes within actions", 1);
                }
            }
        };
        match driver.perform(live, fs, action, &mut breathe) {
            Ok(answer) => {
                run.trace().event(format_args!("found {}", show_answer(&answer)));
                self.answers.push(answer);
            }
            Err(action) => {
                self.pending.push(action);
                self.pass(self.profile.step_ns as u64 / 4);
            }
        }
        true
    }

    /// Takes the batch, hands it to the follower, and saves the state.
    pub(super) fn take_batch(&mut self) -> Result<(), Violation> {
        let Some(mut batch) = self.live.take_batch() else { return Ok(()) };
        match self.mutant {
            Some(Mutant::SwallowGaps) => batch.gaps.clear(),
            Some(Mutant::QuietModifies) => {
                let changes = batch.changes.iter_mut();
                let modifies = changes.filter(|change| change.kind == EventKind::Modify);
                modifies.for_each(|change| change.quiet = true);
            }
            _ => {}
        }
        for change in &batch.changes {
            self.run.trace().event(format_args!("tick {}: {}", batch.tick, show_change(change)));
            self.run.count(change.kind.name(), 1);
            self.run.count("quiet", u64::from(change.quiet));
            if let Some(stat) = change.stat.filter(|_| change.open_for_write) {
                self.opened.insert(stat.inode);
            }
        }
        self.run.count("gaps", batch.gaps.len() as u64);
        if !batch.gaps.is_empty() && !std::mem::take(&mut self.is_gap_due) {
            return Err(Violation::new(invariant::GAPS, format!("{:?}", batch.gaps)));
        }
        self.check_pairs(&batch)?;
        let tree = self.live.tree().clone();
        let applied = self.follower.apply(&batch, &self.fs);
        let differs = applied.err().or_else(|| self.follower.difference(&tree));
        if let Some(differs) = differs {
            let detail = format!("tick {}: {differs}", batch.tick);
            return Err(Violation::new(invariant::BATCHES, detail));
        }
        self.said.push(batch);
        self.published = (tree, self.live.history().clone());
        if self.saved.len() == SAVED_MAX {
            self.saved.remove(0);
        }
        self.unheard = self.live.unheard();
        let (tree, history) = self.published.clone();
        self.saved.push((tree, history, self.unheard.clone()));
        Ok(())
    }

    /// One of the askers asks.
    fn ask(&mut self) -> Result<(), Violation> {
        let at = self.rng.index(self.askers.len());
        self.ask_as(at)
    }

    pub(super) fn ask_as(&mut self, at: usize) -> Result<(), Violation> {
        let (tree, history) = &self.published;
        let (clock, replica) = &mut self.askers[at];
        if self.rng.happens(Chance::percent(2)) {
            *clock = Clock { root: TREE + 1, ..*clock };
        }
        let since = history.since(*clock);
        self.run.trace().event(format_args!("asker {at} since {clock}: {since:?}"));
        let count = match &since {
            Since::Fresh(Fresh::OtherRoot) if clock.root != TREE => "fresh: other root",
            Since::Fresh(Fresh::TooOld) => "fresh: too old",
            Since::Fresh(_) => "fresh: unknown",
            Since::Net { .. } => "answers",
        };
        self.run.count(count, 1);
        if clock.root != TREE && !matches!(since, Since::Fresh(Fresh::OtherRoot)) {
            return Err(Violation::new(invariant::SINCE, "another tree's clock was answered"));
        }
        let followed = replica.follow(&since, tree, &self.fs);
        if let Some(differs) = followed.err().or_else(|| replica.difference(tree)) {
            let detail = format!("since {clock} at {}: {differs}", history.clock());
            return Err(Violation::new(invariant::SINCE, detail));
        }
        *clock = history.clock();
        Ok(())
    }

    /// The process ends at once, or the machine does, and begins again.
    fn restart(&mut self) -> Result<(), Violation> {
        let is_crash = self.profile.crash && self.rng.coin();
        self.run.trace().event(format_args!("-- restart, crash: {is_crash}"));
        self.run.count(if is_crash { "power losses" } else { "restarts" }, 1);
        let clock = self.published.1.clock();
        if is_crash {
            let at = self.rng.index(self.saved.len());
            let (tree, mut history, unheard) = self.saved[at].clone();
            history.begin_incarnation();
            self.published = (tree.clone(), history.clone());
            self.unheard = unheard.clone();
            self.saved = vec![(tree, history, unheard)];
        }
        let (tree, history) = self.published.clone();
        let since = history.since(clock);
        let followed = self.follower.follow(&since, &tree, &self.fs);
        if let Some(differs) = followed.err().or_else(|| self.follower.difference(&tree)) {
            let detail = format!("follower since {clock} at {}: {differs}", history.clock());
            return Err(Violation::new(invariant::SINCE, detail));
        }
        self.live = Live::with_history(tree, history, settings(&self.profile));
        self.live.recheck(Vec::new());
        if self.mutant != Some(Mutant::ForgetQuiet) {
            self.live.doubt(&self.unheard);
        }
        self.run.count("files doubted", self.unheard.len() as u64);
        self.tally.compared += 1;
        self.is_gap_due = false;
        self.driver = Driver::new(self.profile.cached, self.mutant);
        self.fs.kernel.restart();
        self.pending.clear();
        self.answers.clear();
        Ok(())
    }

    /// Works until nothing is left to do, while nobody changes anything.
    pub(super) fn rest(&mut self) -> Result<(), Violation> {
        for _ in 0..REST_ROUNDS_MAX {
            if !self.fs.kernel.is_drained() {
                self.read_feed(8);
                if self.rng.below(4) == 0 {
                    self.work();
                }
            } else {
                self.hear();
                if !self.work() {
                    self.take_batch()?;
                    match self.live.deadline_ns() {
                        None => return self.check_rest(),
                        Some(at) => self.pass(at.saturating_sub(self.fs.now_ns)),
                    }
                }
            }
            // Halves of renames that find no other have their time too.
            if self.rng.below(8) == 0 {
                self.pass(self.profile.pace_ns.min(100_000));
            }
        }
        let detail = format!("still at it, {} actions", self.tally.actions);
        Err(Violation::new(invariant::REST, detail))
    }

    fn check_rest(&mut self) -> Result<(), Violation> {
        if !self.live.is_settled() {
            return Err(Violation::new(invariant::REST, "nothing to do, but not settled"));
        }
        if self.is_gap_due && self.mutant != Some(Mutant::SwallowLosses) {
            return Err(Violation::new(invariant::GAPS, "a loss was not reported"));
        }
        Ok(())
    }
}

fn settings(profile: &Profile) -> Settings {
    Settings {
        ids: profile.ids.then_some(IdKind::XXH3),
        open_max_ns: profile.open_max_ns,
        explain_max_ns: u64::MAX,
        fine_times: profile.step_ns == 0,
        history_bytes_max: profile.history_bytes_max,
        exclude: None,
    }
}

fn empty(fs: &Fs, profile: &Profile) -> Tree {
    let mut tree = Tree::empty(fs.stat(ROOT), fs.stamp());
    if profile.ids {
        tree.add_column::<Xxh3Ids>();
    }
    tree
}

/// A tree of what is there, with the ids of every other file.
fn scan(fs: &Fs, profile: &Profile) -> Tree {
    let mut tree = empty(fs, profile);
    let mut dirs = vec![(ROOT, DirId::ROOT)];
    while let Some((node, dir)) = dirs.pop() {
        let Some(inode) = fs.get(node) else { continue };
        for (name, child) in &inode.entries {
            let stat = fs.stat(*child);
            let id = Xxh128::hash(&fs.get(*child).map_or(Vec::new(), |file| file.content.clone()));
            let known = [(IdKind::XXH3, id.as_ref())];
            let has_id = profile.ids && stat.kind == Kind::File && child % 2 == 0;
            let ids = if has_id { Ids::Known(&known) } else { Ids::Dropped };
            let put = Edit::Put { at: (dir, name), stat, ids };
            if let Outcome::Added(Some(below)) = tree.apply([put]).outcomes[0] {
                dirs.push((*child, below));
            }
        }
    }
    tree
}

fn show(event: &Event<'_>) -> String {
    let at = |token: treenail_os::feed::Token, name: &[u8]| {
        format!("{}/{}", token.0 >> 32, String::from_utf8_lossy(name))
    };
    match event {
        Event::Entry { dir, name, what } => format!("{} {what:?}", at(*dir, name)),
        Event::Renamed { from, to, .. } => {
            format!("{} -> {}", at(from.0, from.1), at(to.0, to.1))
        }
        other => format!("{other:?}"),
    }
}

fn show_change(change: &treenail_tree::live::Change) -> String {
    let text = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
    let from = change.from.as_deref().map_or(String::new(), |from| format!("{} -> ", text(from)));
    let quiet = if change.quiet { " quiet" } else { "" };
    format!("{} {from}{}{quiet} {:?}", change.kind, text(&change.path), change.stat)
}

fn show_answer(answer: &Answer) -> String {
    match answer {
        Answer::Looked(dir, names, found) => format!("{dir:?} {names:?} {found:?}"),
        Answer::Listed(dir, found) => format!("{dir:?} {found:?}"),
        Answer::Hashed(ticket, found) => format!("{ticket} {found:?}"),
        Answer::Rechecked(_, pass) => format!("{pass:?}"),
        Answer::LinkWatched(token, found) => format!("{token:?} {found:?}"),
        Answer::Unwatched => String::new(),
    }
}
