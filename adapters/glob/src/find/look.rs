//! What is done with one directory: its entries are asked for, and its subdirectories put forward.

use std::sync::Arc;

use treenail_os::{Entry, FileId, Handle, Kind, Stat};
use treenail_pattern::gitignore::{DirRules, Verdict, is_git_dir};

use super::Sink;
use super::batch::{Found, Group, followed_stat, joined};
use super::choice::Override;
use super::rules::{Held, Prepared, Seen};
use super::run::Link;
use super::visitor::{BATCH_BYTES, Pending, State, Visitor, Way, Worker};

/// One directory while its entries are looked at.
struct Dir<'d> {
    handle: &'d Arc<Handle>,
    state: &'d State,
    /// What stands before the names in it.
    prefix: Vec<u8>,
    /// The same for the subdirectories, once there is one.
    shared: Option<Arc<[u8]>>,
    held: Option<&'d Arc<Held>>,
    rules: Option<Prepared<'d>>,
    overrides: Option<(&'d Override, DirRules<'d>)>,
    /// Of its entries.
    depth: usize,
    /// Whether the batch knows of it.
    is_begun: bool,
    /// The subdirectories, where order counts.
    children: Vec<(usize, u64)>,
}

/// An entry once its link was followed.
struct Looked<'e> {
    name: &'e [u8],
    kind: Kind,
    stat: Option<Stat>,
    is_followed: bool,
}

impl<'r, S: Sink> Visitor<'r, '_, S> {
    /// Looks at everything in a directory.
    pub(super) fn list<'e>(
        &self,
        worker: &mut Worker<'r, S>,
        handle: &Arc<Handle>,
        entries: impl Iterator<Item = Entry<'e>> + Clone,
        state: &State,
        enter: impl FnMut(Pending),
    ) {
        let marks = &self.run.plan.find.skip_holding;
        let is_mark = |entry: Entry<'_>| marks.iter().any(|name| name == entry.name);
        let may_hold_mark = !marks.is_empty() && is_unseen(handle, state);
        if self.is_left_out(handle) || (may_hold_mark && entries.clone().any(is_mark)) {
            worker.complete(state.number, b"", Vec::new());
            return;
        }
        self.place(worker, handle, state);
        let held = self.enter_rules(worker, handle, state, |rules| rules.seen(entries.clone()));
        let dir = self.dir(worker, handle, state, held.as_ref());
        self.entries(worker, dir, entries, enter);
    }

    /// Looks at a piece of a huge directory that is not its last.
    pub(super) fn look_at_piece<'e>(
        &self,
        worker: &mut Worker<'r, S>,
        handle: &Arc<Handle>,
        entries: impl Iterator<Item = Entry<'e>>,
        state: &mut State,
        enter: impl FnMut(Pending),
    ) {
        if matches!(state.way, Way::List) {
            // What decides on all entries may stand in any piece, so it is asked for by name.
            if self.is_left_out(handle) || self.is_marked(handle, state) {
                state.way = Way::Skip;
            } else {
                self.place(worker, handle, state);
                state.rules = self.enter_rules(worker, handle, state, |_| Seen::unlisted());
                state.way = Way::ListOn;
            }
        }
        if matches!(state.way, Way::ListOn) {
            self.list_on(worker, handle, entries, state, enter);
        }
    }

    /// Looks at entries of a directory whose rules have been read.
    pub(super) fn list_on<'e>(
        &self,
        worker: &mut Worker<'r, S>,
        handle: &Arc<Handle>,
        entries: impl Iterator<Item = Entry<'e>>,
        state: &State,
        enter: impl FnMut(Pending),
    ) {
        self.place(worker, handle, state);
        let dir = self.dir(worker, handle, state, state.rules.as_ref());
        self.entries(worker, dir, entries, enter);
    }

    fn entries<'e>(
        &self,
        worker: &mut Worker<'r, S>,
        mut dir: Dir<'_>,
        entries: impl Iterator<Item = Entry<'e>>,
        mut enter: impl FnMut(Pending),
    ) {
        for entry in entries {
            self.entry(worker, &mut dir, entry, &mut enter);
        }
        let Dir { prefix, children, state, .. } = dir;
        if self.run.plan.find.sort {
            worker.complete(state.number, &prefix, children);
        } else if worker.is_due() {
            worker.flush();
        }
        worker.prefix = prefix;
    }

    /// Whether an open directory that nobody has looked into holds what has it left out.
    fn is_marked(&self, handle: &Handle, state: &State) -> bool {
        let marks = &self.run.plan.find.skip_holding;
        is_unseen(handle, state) && marks.iter().any(|name| handle.stat(name).is_ok())
    }

    /// Whether nothing in a directory is looked at, whatever it is.
    fn is_left_out(&self, handle: &Handle) -> bool {
        let find = &self.run.plan.find;
        let is_new = !find.follow || handle.id().map_or(true, |id| self.run.is_first_visit(id));
        !is_new || self.depth + handle.depth() >= find.depth_max
    }

    /// Enters one component of the prefix that all matches share, without listing the directory.
    pub(super) fn go_straight(
        &self,
        worker: &mut Worker<'r, S>,
        handle: &Arc<Handle>,
        state: &State,
        part: usize,
        mut enter: impl FnMut(Pending),
    ) {
        let plan = &self.run.plan;
        if self.is_marked(handle, state) {
            worker.complete(state.number, b"", Vec::new());
            return;
        }
        self.place(worker, handle, state);
        let held = self.enter_rules(worker, handle, state, |_| Seen::unlisted());
        let mut dir = self.dir(worker, handle, state, held.as_ref());
        let name = &*plan.prefix[part];
        // No path below a root has such a part, so nothing matches what asks for one.
        let is_name = !matches!(name, b"." | b"..");
        let is_in_depth = dir.depth < plan.find.depth_max;
        if is_name && is_in_depth && !self.leaves_out(worker, &dir, name, true) {
            let entry = Looked { name, kind: Kind::Directory, stat: None, is_followed: false };
            if let Some(mut child) = self.child(&mut dir, 0, &entry) {
                child.is_guessed = true;
                if part + 1 < plan.prefix.len() {
                    child.way = Way::Straight(part + 1);
                }
                enter((name.into(), 0, child));
            }
        }
        worker.complete(state.number, &dir.prefix, dir.children);
    }

    /// Puts where the directory is into `worker.prefix`, and its path as ignore rules know it into
    /// `worker.at`.
    fn place(&self, worker: &mut Worker<'r, S>, handle: &Handle, state: &State) {
        worker.prefix.clear();
        worker.prefix.extend_from_slice(&state.above);
        if handle.parent().is_some() {
            worker.prefix.extend_from_slice(handle.name());
            worker.prefix.push(b'/');
        }
        let Some(rules) = &self.root.rules else { return };
        let below = &worker.prefix[self.root.shown_len..];
        worker.at.clear();
        worker.at.extend_from_slice(rules.at());
        if let Some(below) = below.strip_suffix(b"/").filter(|below| !below.is_empty()) {
            if !worker.at.is_empty() {
                worker.at.push(b'/');
            }
            worker.at.extend_from_slice(below);
        }
    }

    /// The rules that hold in the directory at `worker.at`.
    fn enter_rules(
        &self,
        worker: &mut Worker<'r, S>,
        handle: &Handle,
        state: &State,
        seen: impl FnOnce(&super::rules::RootRules) -> Seen,
    ) -> Option<Arc<Held>> {
        let (rules, held) = (self.root.rules.as_ref()?, state.rules.as_ref()?);
        let seen = seen(rules);
        let held = rules.enter(held.clone(), handle, &worker.at, seen, &mut worker.errors);
        for error in std::mem::take(&mut worker.errors) {
            worker.error(error);
        }
        Some(held)
    }

    fn dir<'d>(
        &'d self,
        worker: &mut Worker<'r, S>,
        handle: &'d Arc<Handle>,
        state: &'d State,
        held: Option<&'d Arc<Held>>,
    ) -> Dir<'d> {
        let patterns = &self.run.plan.patterns;
        if patterns.want_path() {
            worker.subject.clear();
            if patterns.are_absolute() {
                worker.subject.extend_from_slice(&self.root.absolute);
            }
            worker.subject.extend_from_slice(&worker.prefix[self.root.shown_len..]);
        }
        let rules = held.map(|held| held.prepare(&worker.at));
        let overrides = self.root.rules.as_ref().and_then(|rules| rules.overrides());
        let overrides = overrides.map(|rules| (rules, rules.stack.dir(&worker.at)));
        Dir {
            handle,
            state,
            prefix: std::mem::take(&mut worker.prefix),
            shared: None,
            held,
            rules: rules.filter(|rules| !rules.is_empty()),
            overrides,
            depth: self.depth + handle.depth() + 1,
            is_begun: false,
            children: Vec::new(),
        }
    }

    #[inline]
    fn entry(
        &self,
        worker: &mut Worker<'r, S>,
        dir: &mut Dir<'_>,
        entry: Entry<'_>,
        enter: &mut impl FnMut(Pending),
    ) {
        let plan = &*self.run.plan;
        let find = &plan.find;
        let Entry { name, kind, inode } = entry;
        let mut entry = Looked { name, kind, stat: None, is_followed: false };
        if find.follow && kind == Kind::Symlink {
            // A link that leads nowhere stays a link.
            if let Ok(stat) = followed_stat(dir.handle, name) {
                entry = Looked { kind: stat.kind, stat: Some(stat), is_followed: true, ..entry };
            }
        }
        let is_dir = entry.kind == Kind::Directory;
        let is_wanted = dir.depth >= find.depth_min
            && find.filter.accepts_name(name, entry.kind)
            && plan.patterns.matches(&dir.state.place, name, &mut worker.subject);
        let may_enter = is_dir && dir.depth < find.depth_max;
        if !(is_wanted || may_enter) || self.leaves_out(worker, dir, name, is_dir) {
            return;
        }
        if is_dir && self.holds_mark(dir, &entry) {
            return;
        }
        let is_match = is_wanted && self.take(worker, dir, &mut entry);
        if may_enter && !(is_match && find.prune) {
            let before = worker.batch.len();
            if let Some(child) = self.child(dir, before, &entry) {
                if entry.is_followed {
                    self.put_by(dir, &entry, child);
                } else {
                    enter((name.into(), inode, child));
                }
            }
        }
    }

    /// Whether a directory is left out for what it holds.
    fn holds_mark(&self, dir: &Dir<'_>, entry: &Looked<'_>) -> bool {
        let marks = &self.run.plan.find.skip_holding;
        if marks.is_empty() || entry.is_followed {
            // What a link leads to is left out once it is listed.
            return false;
        }
        marks.iter().any(|mark| dir.handle.stat_in(entry.name, mark).is_ok())
    }

    /// Adds an entry to the matches, if its attributes are as they are to be.
    #[inline]
    fn take(&self, worker: &mut Worker<'r, S>, dir: &mut Dir<'_>, entry: &mut Looked<'_>) -> bool {
        let find = &self.run.plan.find;
        if self.run.plan.stats {
            let stat = match entry.stat {
                Some(stat) => Ok(stat),
                None => dir.handle.stat(entry.name),
            };
            // What is gone by now is no match.
            let Ok(stat) = stat else { return false };
            entry.stat = Some(stat);
            if !find.filter.accepts_stat(&stat) || !self.accepts_content(worker, dir, entry, &stat)
            {
                return false;
            }
        }
        if !find.sort && worker.batch.bytes() >= BATCH_BYTES {
            worker.flush();
            dir.is_begun = false;
        }
        if !dir.is_begun {
            worker.batch.begin(Group {
                first: 0,
                root: self.root.index,
                depth: u32::try_from(dir.depth).unwrap_or(u32::MAX),
                dir_len: dir.prefix.len(),
                handle: dir.handle.clone(),
            });
            dir.is_begun = true;
        }
        let Looked { name, kind, is_followed, .. } = *entry;
        // What waits for its turn is kept by its names.
        let before = if find.sort { &b""[..] } else { &dir.prefix };
        let found = Found { dir: before, name, kind, followed: is_followed };
        worker.batch.push(found, find.mark, find.terminator);
        if let Some(stat) = entry.stat.filter(|_| self.run.plan.stats) {
            worker.batch.push_stat(stat);
        }
        true
    }

    /// Whether it is empty, or executable, if that is asked for.
    fn accepts_content(
        &self,
        worker: &mut Worker<'r, S>,
        dir: &Dir<'_>,
        entry: &Looked<'_>,
        stat: &Stat,
    ) -> bool {
        let filter = &self.run.plan.find.filter;
        if filter.executable && !is_executable(entry.name, stat) {
            return false;
        }
        if !filter.empty {
            return true;
        }
        match entry.kind {
            Kind::File => stat.size_bytes == 0,
            Kind::Directory => {
                let opened = match entry.is_followed {
                    false => dir.handle.open_directory(entry.name),
                    true => super::run::open(&joined(dir.handle, entry.name)),
                };
                let listed = opened.and_then(|opened| opened.list(&mut worker.listing));
                listed.is_ok() && worker.listing.entries().len() == 0
            }
            _ => false,
        }
    }

    /// Whether rules leave the entry out.
    fn leaves_out(
        &self,
        worker: &mut Worker<'r, S>,
        dir: &Dir<'_>,
        name: &[u8],
        is_dir: bool,
    ) -> bool {
        let plan = &self.run.plan;
        if let (Some(excludes), Some(state)) = (&plan.excludes, &dir.state.excludes)
            && excludes.match_entry(state, name, is_dir, &mut worker.found)
        {
            return true;
        }
        if let Some((overrides, rules)) = &dir.overrides {
            match overrides.verdict(rules.verdict(name, is_dir), is_dir) {
                Verdict::Ignored => return true,
                Verdict::Included => return false,
                Verdict::None => {}
            }
        }
        let mut verdict = Verdict::None;
        if let Some(rules) = &dir.rules {
            verdict = rules.verdict(name, is_dir);
            if verdict == Verdict::Ignored {
                return true;
            }
        }
        if let (Some(names), false) = (&plan.names, is_dir) {
            match names.verdict(name, &mut worker.found) {
                Verdict::Ignored => return true,
                Verdict::Included => verdict = Verdict::Included,
                Verdict::None => {}
            }
        }
        if verdict == Verdict::Included {
            return false;
        }
        let is_hidden = !plan.find.hidden && name.first() == Some(&b'.');
        let leaves_git = self.root.rules.as_ref().is_some_and(|rules| rules.leaves_git_dir());
        is_hidden || (leaves_git && is_git_dir(name))
    }

    /// What a subdirectory inherits; none if nothing in it can match.
    fn child(&self, dir: &mut Dir<'_>, before: usize, entry: &Looked<'_>) -> Option<State> {
        let plan = &self.run.plan;
        let place = plan.patterns.descend(&dir.state.place, entry.name)?;
        let excludes = match &dir.state.excludes {
            Some(state) => state.descend(entry.name),
            None => None,
        };
        let above = dir.shared.get_or_insert_with(|| dir.prefix[..].into()).clone();
        let number = self.run.order.as_ref().map_or(0, |order| order.number());
        if self.run.order.is_some() {
            dir.children.push((before, number));
        }
        let rules = dir.held.cloned();
        Some(State { above, place, excludes, rules, number, is_guessed: false, way: Way::List })
    }

    /// Has a link to a directory entered when all that is not behind links has been.
    fn put_by(&self, dir: &Dir<'_>, entry: &Looked<'_>, mut state: State) {
        let Some(stat) = &entry.stat else { return };
        state.above = [&state.above, entry.name, b"/"].concat().into();
        let path = joined(dir.handle, entry.name);
        let id = FileId { device: stat.device, inode: stat.inode };
        self.run.put_by(Link { path, id, depth: dir.depth, state });
    }
}

/// Whether nobody has come upon the directory in a listing, and looked for marks in it then.
fn is_unseen(handle: &Handle, state: &State) -> bool {
    handle.parent().is_none() || state.is_guessed
}

/// Whether somebody may execute it; on Windows its extension says so.
pub(crate) fn is_executable(name: &[u8], stat: &Stat) -> bool {
    if cfg!(windows) {
        let extension = name.iter().rposition(|&byte| byte == b'.').map(|dot| &name[dot + 1..]);
        let known = [&b"exe"[..], b"com", b"bat", b"cmd"];
        return extension.is_some_and(|found| known.iter().any(|e| e.eq_ignore_ascii_case(found)));
    }
    stat.mode & 0o111 != 0
}
