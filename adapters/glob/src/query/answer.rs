//! Questions, and their answers from an index.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use memchr::memmem;
use treenail_os::{Kind, Stat, bytes_of};
use treenail_pattern::glob::{DirShape, NameShape, State};

use super::index::{Index, Numbered};
use super::names::{DirNo, EntryNo, HIDDEN_PATH, ROOT};
use super::plan::{Lookup, Source, cost, plan, with_extensions};
use super::signature;
use super::verdicts::{Asked, Column};
use crate::error::Error;
use crate::find::Find;
use crate::find::look::is_executable;
use crate::find::plan::Plan;
use crate::pattern::{Case, Pattern, Place, Subject};

/// A [`Find`] that was made ready to be answered from an index, any number of times.
#[derive(Clone)]
pub struct Query {
    plan: Arc<Plan>,
    lookups: Arc<Vec<Lookup>>,
    /// Whether nothing but the lookups is asked of names and paths.
    alone: bool,
    fold: bool,
    /// Whether the place of a directory in globs counts.
    places: bool,
    tops: Vec<Top>,
}

/// A directory to look in.
#[derive(Clone, Debug)]
struct Top {
    /// Relative to the root of the index.
    path: Vec<u8>,
    /// What stands before what is below it.
    shown: Vec<u8>,
    /// From the root of the file system, where patterns ask for it.
    absolute: Vec<u8>,
}

impl Query {
    /// Prepares a search in a directory of which there is an index. The roots of `find` are that
    /// directory, as seen from the present one, or lie in it; without roots it is the directory
    /// itself, and paths are relative to it.
    ///
    /// # Errors
    /// A pattern is malformed, links are to be followed, which takes a walk, or a root is not in
    /// the directory.
    pub fn new(find: &Find, root: &Path) -> Result<Self, Error> {
        if find.follow {
            let reason = "an index does not follow symbolic links; search without it";
            let reason = std::io::Error::new(std::io::ErrorKind::Unsupported, reason);
            return Err(Error::io_at("answer from the index of", root, reason));
        }
        let plan = Arc::new(Plan::new(find)?);
        let fold = match find.case {
            Case::Sensitive => false,
            Case::Insensitive => true,
            Case::Smart => !find.groups.iter().flatten().any(Pattern::has_capital),
        };
        let (mut lookups, alone) = self::plan(&find.groups, find.subject, fold);
        let extensions = with_extensions(&find.filter.extensions);
        let is_better = |with: &[Lookup], than: &[Lookup]| {
            let sum = |lookups: &[Lookup]| lookups.iter().map(cost).sum::<u32>();
            !with.is_empty() && sum(with) < sum(than)
        };
        if is_better(&extensions, &lookups) {
            lookups = extensions;
        }
        let asks_path = |pattern: &Pattern| match pattern {
            Pattern::Glob(text) => find.subject != Subject::Name && text.contains(&b'/'),
            _ => false,
        };
        let places = matches!(find.subject, Subject::Path | Subject::Absolute)
            || find.groups.iter().flatten().any(asks_path);
        let tops = tops(find, root, plan.patterns.are_absolute())?;
        Ok(Self { plan, lookups: Arc::new(lookups), alone, fold, places, tops })
    }

    /// The search that it answers.
    pub(super) fn find(&self) -> &Find {
        &self.plan.find
    }
}

fn tops(find: &Find, root: &Path, are_absolute: bool) -> Result<Vec<Top>, Error> {
    let absolute = |path: &Path| -> Result<Vec<u8>, Error> {
        if !are_absolute {
            return Ok(Vec::new());
        }
        let path = std::path::absolute(path);
        let path = path.map_err(|error| Error::io_at("find the directory", root, error))?;
        let mut path = bytes_of(path.as_os_str()).to_vec();
        if path.last() != Some(&b'/') {
            path.push(b'/');
        }
        Ok(path)
    };
    if find.roots.is_empty() {
        return Ok(vec![Top { path: Vec::new(), shown: Vec::new(), absolute: absolute(root)? }]);
    }
    let canonical = |path: &Path| {
        path.canonicalize().map_err(|error| Error::io_at("find the directory", path, error))
    };
    let within = canonical(root)?;
    let top = |given: &crate::find::Root| {
        let path = canonical(&given.path)?;
        let below = path.strip_prefix(&within).map_err(|_| {
            let reason = format!("it is not in '{}', which the index is of", within.display());
            Error::io_at("answer from the index for", &given.path, std::io::Error::other(reason))
        })?;
        let mut shown = given.shown.clone();
        if shown.last().is_some_and(|&byte| byte != b'/') {
            shown.push(b'/');
        }
        let path = bytes_of(below.as_os_str()).to_vec();
        Ok(Top { path, shown, absolute: absolute(&given.path)? })
    };
    find.roots.iter().map(top).collect()
}

/// What an index answers.
pub struct Answer<'i> {
    index: &'i Index,
    groups: Vec<Group>,
    errors: Vec<Error>,
}

/// What was found below one root.
struct Group {
    top: DirNo,
    shown: Vec<u8>,
    entries: Vec<EntryNo>,
}

/// One entry that was found.
#[derive(Clone, Copy)]
pub struct Hit<'a> {
    index: &'a Index,
    group: &'a Group,
    entry: EntryNo,
}

impl Answer<'_> {
    /// How many entries were found.
    #[must_use]
    pub fn len(&self) -> usize {
        self.groups.iter().map(|group| group.entries.len()).sum()
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What was found, root by root; sorted by path if that was asked for.
    pub fn iter(&self) -> impl Iterator<Item = Hit<'_>> {
        self.groups.iter().flat_map(move |group| {
            let entries = group.entries.iter();
            entries.map(move |&entry| Hit { index: self.index, group, entry })
        })
    }

    /// Rule files that could not be read; their rules do not hold.
    #[must_use]
    pub fn errors(&self) -> &[Error] {
        &self.errors
    }
}

impl<'a> Hit<'a> {
    /// The path, with what stands for its root before it.
    #[must_use]
    pub fn path(&self) -> Vec<u8> {
        let mut path = Vec::new();
        self.path_into(&mut path);
        path
    }

    /// Appends the path.
    pub fn path_into(&self, path: &mut Vec<u8>) {
        path.extend_from_slice(&self.group.shown);
        let view = self.index.view();
        view.dir_path_into(view.dir(self.entry), self.group.top, path);
        path.extend_from_slice(view.name(self.entry));
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &'a [u8] {
        self.index.view().name(self.entry)
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.index.view().kind(self.entry)
    }

    /// What the tree says of it.
    ///
    /// # Panics
    /// Never: the tree that the index holds has the entry.
    #[must_use]
    pub fn stat(&self) -> Stat {
        self.index.stat(self.entry).expect("an entry of the tree")
    }
}

impl Index {
    /// Answers a question for the state of the tree that the index belongs to.
    #[must_use]
    pub fn ask(&self, query: &Query) -> Answer<'_> {
        let mut answer = Answer { index: self, groups: Vec::new(), errors: Vec::new() };
        for top in &query.tops {
            let Some(dir) = self.view().dir_at(ROOT, &top.path) else { continue };
            let Some(mut asking) = Asking::new(self, query, top, dir, &mut answer.errors) else {
                continue;
            };
            for lookup in query.lookups.iter() {
                asking.look(lookup);
            }
            let mut entries = asking.found;
            if query.lookups.len() > 1 {
                entries.sort_unstable();
                entries.dedup();
            }
            if query.find().sort {
                self.sort(&mut entries);
            }
            answer.groups.push(Group { top: dir, shown: top.shown.clone(), entries });
        }
        let mut left = usize::try_from(query.find().results_max).unwrap_or(usize::MAX);
        for group in &mut answer.groups {
            group.entries.truncate(left);
            left -= group.entries.len();
        }
        answer
    }

    /// By path, component by component.
    fn sort(&self, entries: &mut [EntryNo]) {
        let view = self.view();
        let path = |entry: EntryNo| {
            let mut path = Vec::new();
            view.dir_path_into(view.dir(entry), ROOT, &mut path);
            path.extend_from_slice(view.name(entry));
            // A slash goes before every byte that a name can have.
            path.iter_mut().filter(|byte| **byte == b'/').for_each(|byte| *byte = 0);
            path
        };
        entries.sort_by_cached_key(|entry| path(*entry));
    }
}

/// What a directory hands to those below it.
struct DirState {
    place: Place,
    excludes: Option<State>,
    /// Of its entries.
    depth: usize,
}

/// One question below one root.
struct Asking<'a> {
    index: &'a Index,
    view: Numbered<'a>,
    query: &'a Query,
    top: DirNo,
    start: Rc<DirState>,
    states: HashMap<DirNo, Option<Rc<DirState>>>,
    /// Whether anything hangs on where an entry is, patterns aside.
    asks_state: bool,
    column: Option<Arc<Column>>,
    /// Whether the columns say what is hidden below the root.
    flags_hold: bool,
    has_changed: bool,
    path: Vec<u8>,
    numbers: Vec<usize>,
    found: Vec<EntryNo>,
}

impl<'a> Asking<'a> {
    /// Nothing if nothing can be found.
    fn new(
        index: &'a Index,
        query: &'a Query,
        top: &Top,
        dir: DirNo,
        errors: &mut Vec<Error>,
    ) -> Option<Self> {
        let (find, view) = (query.find(), index.view());
        let excludes = query.plan.excludes.as_ref().map(|excludes| excludes.start());
        let start =
            DirState { place: query.plan.patterns.start(&top.absolute)?, excludes, depth: 1 };
        let asked = Asked { ignores: find.ignores.clone(), hidden: find.hidden, top: dir };
        let column = index.verdicts(&asked, errors);
        let flags_hold = view
            .entry_of(dir)
            .is_none_or(|entry| view.is_settled(dir) && view.flags(entry) & HIDDEN_PATH == 0);
        let mut asking = Self {
            index,
            view,
            query,
            top: dir,
            start: Rc::new(start),
            states: HashMap::new(),
            asks_state: find.depth_min > 1
                || find.depth_max != usize::MAX
                || query.plan.excludes.is_some()
                || !find.skip_holding.is_empty()
                || find.prune
                || find.one_file_system,
            column,
            flags_hold,
            has_changed: !view.overlay.is_empty(),
            path: top.absolute.clone(),
            numbers: Vec::new(),
            found: Vec::new(),
        };
        asking.path.clear();
        asking.path.extend_from_slice(&top.absolute);
        let start = (!asking.is_skipped(dir)).then(|| asking.start.clone());
        asking.states.insert(dir, start);
        Some(asking)
    }

    /// Finds what is in one place.
    fn look(&mut self, lookup: &Lookup) {
        let view = self.view;
        match &lookup.dir {
            DirShape::In(path) => {
                let Some(dir) = view.dir_at(self.top, path) else { return };
                if (dir as usize) < view.names.dirs() {
                    self.look_through(view.names.entries(dir), lookup, |_, _| true);
                }
                for entry in view.overlay.entries(dir) {
                    self.consider(entry, lookup);
                }
            }
            DirShape::Below(path) => {
                let Some(dir) = view.dir_at(self.top, path) else { return };
                self.look_below(dir, lookup);
            }
        }
    }

    fn look_below(&mut self, dir: DirNo, lookup: &Lookup) {
        let view = self.view;
        if view.is_settled(dir) {
            let is_there = |view: Numbered<'_>, entry: EntryNo| {
                !view.overlay.is_relocated(view.names.dir[entry as usize])
            };
            self.look_through(view.names.entries_below(dir), lookup, is_there);
        }
        if !self.has_changed {
            return;
        }
        // What moved or came may be anywhere.
        let mut below = Below { top: dir, known: HashMap::new() };
        for island in &view.overlay.islands {
            for dir in island.clone() {
                if below.contains(view, dir) {
                    self.look_through(view.names.entries(dir), lookup, |_, _| true);
                }
            }
        }
        let wanted = match &lookup.source {
            Source::Bits(bits) | Source::Extension(_, bits) => *bits,
            Source::Named(name) => signature::of_part(name),
            Source::Text(text) => signature::of_part(text),
            Source::All => 0,
        };
        let first = view.names.len() as u32;
        for (entry, added) in (first..).zip(&view.overlay.added) {
            if wanted & !added.signature == 0
                && added.is_live
                && below.contains(view, added.dir)
                && self.has_source(entry, lookup)
            {
                self.consider(entry, lookup);
            }
        }
    }

    /// Whether the name of an entry that was not looked up is what is looked for.
    fn has_source(&self, entry: EntryNo, lookup: &Lookup) -> bool {
        let name = self.view.name(entry);
        match &lookup.source {
            Source::Named(wanted) if self.query.fold => name.eq_ignore_ascii_case(wanted),
            Source::Named(wanted) => name == &**wanted,
            Source::Extension(wanted, _) => {
                let found = super::postings::extension(name);
                found.is_some_and(|found| match self.query.fold {
                    true => found.eq_ignore_ascii_case(wanted),
                    false => found == &**wanted,
                })
            }
            Source::Text(text) => memmem::find(name, text).is_some(),
            Source::Bits(_) | Source::All => true,
        }
    }

    /// Finds what is in a range of the columns.
    fn look_through(
        &mut self,
        range: Range<EntryNo>,
        lookup: &Lookup,
        is_there: impl Fn(Numbered<'_>, EntryNo) -> bool,
    ) {
        let view = self.view;
        let has_changed = self.has_changed;
        let alive = |entry: EntryNo| {
            !has_changed || (!view.overlay.is_dead(entry) && is_there(view, entry))
        };
        let Some(postings) = &view.names.postings else {
            for entry in range.filter(|entry| alive(*entry)) {
                if self.has_source(entry, lookup) {
                    self.consider(entry, lookup);
                }
            }
            return;
        };
        let names = view.names;
        let scan = |this: &mut Self, bits: u64| {
            let part = range.start as usize..range.end as usize;
            signature::scan(&postings.signatures[part], bits, |at| {
                let entry = range.start + at as u32;
                if alive(entry) && this.has_source(entry, lookup) {
                    this.consider(entry, lookup);
                }
            });
        };
        match &lookup.source {
            Source::All => {
                range.filter(|entry| alive(*entry)).for_each(|entry| self.consider(entry, lookup));
            }
            Source::Bits(bits) => scan(self, *bits),
            Source::Named(name) => {
                for entry in postings.named(names, name, self.query.fold, range) {
                    if alive(entry) {
                        self.consider(entry, lookup);
                    }
                }
            }
            Source::Extension(text, bits) => {
                let fold = self.query.fold || self.extension_folds(lookup);
                let runs = || postings.with_extension(names, text, fold, &range);
                // Looking names up costs more each than looking their signatures through.
                let count: usize = runs().map(<[_]>::len).sum();
                if lookup.name.is_some() && count * 8 > range.len() {
                    return scan(self, *bits);
                }
                for &entry in runs().flatten() {
                    if alive(entry) {
                        self.consider(entry, lookup);
                    }
                }
            }
            Source::Text(text) => self.look_for_text(range.clone(), text, lookup, alive),
        }
    }

    /// Whether a lookup is for an extension that was asked for as such, in any case.
    fn extension_folds(&self, lookup: &Lookup) -> bool {
        !lookup.is_whole && lookup.name.is_none() && !self.query.find().filter.extensions.is_empty()
    }

    /// Finds the names of a range that a text stands in, all at once.
    fn look_for_text(
        &mut self,
        range: Range<EntryNo>,
        text: &[u8],
        lookup: &Lookup,
        alive: impl Fn(EntryNo) -> bool,
    ) {
        let names = self.view.names;
        let start = |entry: EntryNo| match entry {
            0 => 0,
            entry => names.name_end[entry as usize - 1] as usize,
        };
        let mut at = start(range.start);
        let end = start(range.end);
        let finder = memmem::Finder::new(text);
        let mut first = range.start;
        while let Some(found) = finder.find(&names.names[at..end]) {
            let found = at + found;
            let rest = &names.name_end[first as usize..range.end as usize];
            let entry = first + rest.partition_point(|end| (*end as usize) <= found) as u32;
            let name_end = names.name_end[entry as usize] as usize;
            if found + text.len() > name_end {
                // It lies over the end of a name.
                at = found + 1;
                first = entry;
                continue;
            }
            if alive(entry) {
                self.consider(entry, lookup);
            }
            (at, first) = (name_end, entry + 1);
        }
    }

    fn consider(&mut self, entry: EntryNo, lookup: &Lookup) {
        let has_shape = |name: &NameShape| name.accepts(self.view.name(entry), self.query.fold);
        if lookup.name.as_ref().is_none_or(has_shape)
            && self.accepts(entry, lookup.is_whole && self.query.alone)
        {
            self.found.push(entry);
        }
    }

    /// Whether an entry is what is looked for; with `is_decided` its path is.
    fn accepts(&mut self, entry: EntryNo, is_decided: bool) -> bool {
        let (find, view) = (self.query.find(), self.view);
        let flags = view.flags(entry);
        let kind = super::names::kind_of(flags);
        if !find.filter.types.contains(kind) || !self.is_shown(entry, flags) {
            return false;
        }
        let name = view.name(entry);
        if !find.filter.extensions.is_empty() && !find.filter.accepts_name(name, kind) {
            return false;
        }
        (is_decided && !self.asks_state || self.accepts_place(entry, name, kind, is_decided))
            && self.accepts_stat(entry, name, kind)
    }

    /// Whether dots and rules leave it.
    fn is_shown(&self, entry: EntryNo, flags: u8) -> bool {
        if let Some(column) = &self.column {
            return column.shows(entry);
        }
        if self.query.find().hidden {
            return true;
        }
        if self.flags_hold && !self.has_changed {
            return flags & HIDDEN_PATH == 0;
        }
        !self.view.is_hidden(entry, self.top)
    }

    fn accepts_place(&mut self, entry: EntryNo, name: &[u8], kind: Kind, is_decided: bool) -> bool {
        let (query, view) = (self.query, self.view);
        let (find, patterns) = (query.find(), &query.plan.patterns);
        let dir = view.dir(entry);
        let state = if self.asks_state || (query.places && !is_decided) {
            match self.state(dir) {
                Some(state) => state,
                None => return false,
            }
        } else {
            self.start.clone()
        };
        if self.asks_state && (state.depth < find.depth_min || state.depth > find.depth_max) {
            return false;
        }
        if let (Some(excludes), Some(at)) = (&query.plan.excludes, &state.excludes)
            && excludes.match_entry(at, name, kind == Kind::Directory, &mut self.numbers)
        {
            return false;
        }
        if is_decided {
            return true;
        }
        let before = self.path.len();
        if patterns.want_path() {
            view.dir_path_into(dir, self.top, &mut self.path);
        }
        let matches = patterns.matches(&state.place, name, &mut self.path);
        self.path.truncate(before);
        matches
    }

    fn accepts_stat(&self, entry: EntryNo, name: &[u8], kind: Kind) -> bool {
        let filter = &self.query.find().filter;
        if filter.needs_stat() || filter.executable || filter.empty {
            let Some(stat) = self.index.stat(entry) else { return false };
            if !filter.accepts_stat(&stat) || filter.executable && !is_executable(name, &stat) {
                return false;
            }
            if filter.empty {
                let child = self.view.child(entry);
                return match kind {
                    Kind::File => stat.size_bytes == 0,
                    Kind::Directory => child.is_some_and(|dir| self.index.is_empty_dir(dir)),
                    _ => false,
                };
            }
        }
        true
    }

    /// What a directory's entries are asked by; nothing if a walk does not come there.
    fn state(&mut self, dir: DirNo) -> Option<Rc<DirState>> {
        let (mut way, mut at) = (Vec::new(), dir);
        let mut state = loop {
            if let Some(known) = self.states.get(&at) {
                break known.clone();
            }
            way.push(at);
            at = match self.view.above(at) {
                Some(above) => above,
                None => break None,
            };
        };
        while let Some(dir) = way.pop() {
            state = state.and_then(|above| self.descend(&above, dir)).map(Rc::new);
            self.states.insert(dir, state.clone());
        }
        state
    }

    fn descend(&mut self, above: &DirState, dir: DirNo) -> Option<DirState> {
        let (query, view) = (self.query, self.view);
        let find = query.find();
        let entry = view.entry_of(dir)?;
        let name = view.name(entry);
        if above.depth >= find.depth_max || self.is_skipped(dir) {
            return None;
        }
        let excludes = match (&query.plan.excludes, &above.excludes) {
            (Some(excludes), Some(at)) => {
                if excludes.match_entry(at, name, true, &mut self.numbers) {
                    return None;
                }
                at.descend(name)
            }
            _ => None,
        };
        if find.prune && above.depth >= find.depth_min && self.accepts(entry, false) {
            return None;
        }
        if find.one_file_system {
            let device = self.index.stat(entry)?.device;
            let top = view.entry_of(self.top).and_then(|top| self.index.stat(top));
            let top = top.unwrap_or_else(|| self.index.tree().root_stat());
            if device != top.device {
                return None;
            }
        }
        let place = query.plan.patterns.descend(&above.place, name)?;
        Some(DirState { place, excludes, depth: above.depth + 1 })
    }

    fn is_skipped(&self, dir: DirNo) -> bool {
        let names = &self.query.find().skip_holding;
        names.iter().any(|name| self.view.find(dir, name).is_some())
    }
}

/// Which directories are below one.
struct Below {
    top: DirNo,
    known: HashMap<DirNo, bool>,
}

impl Below {
    fn contains(&mut self, view: Numbered<'_>, dir: DirNo) -> bool {
        if self.top == ROOT {
            return true;
        }
        let (mut way, mut at) = (Vec::new(), dir);
        let is_below = loop {
            if at == self.top {
                break true;
            }
            if let Some(known) = self.known.get(&at) {
                break *known;
            }
            way.push(at);
            match view.above(at) {
                Some(above) => at = above,
                None => break false,
            }
        };
        way.into_iter().for_each(|dir| _ = self.known.insert(dir, is_below));
        is_below
    }
}
