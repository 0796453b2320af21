//! Questions, and their answers from an index.

use std::path::Path;
use std::sync::Arc;

use treenail_os::{Kind, Stat, bytes_of};

use super::asking::Asking;
use super::found::Found;
use super::index::Index;
use super::names::{DirNo, EntryNo, ROOT};
use super::plan::{Lookup, cost, plan, with_extensions};
use crate::error::Error;
use crate::find::Find;
use crate::find::plan::Plan;
use crate::pattern::{Case, Pattern, Subject};

/// A [`Find`] that was made ready to be answered from an index, any number of times.
#[derive(Clone)]
pub struct Query {
    pub(super) plan: Arc<Plan>,
    lookups: Arc<Vec<Lookup>>,
    /// Whether nothing but the lookups is asked of names and paths.
    pub(super) alone: bool,
    pub(super) fold: bool,
    /// Whether the place of a directory in globs counts.
    pub(super) places: bool,
    tops: Vec<Top>,
}

/// A directory to look in.
#[derive(Clone, Debug)]
pub(super) struct Top {
    /// Relative to the root of the index.
    pub(super) path: Vec<u8>,
    /// What stands before what is below it.
    pub(super) shown: Vec<u8>,
    /// From the root of the file system, where patterns ask for it.
    pub(super) absolute: Vec<u8>,
}

impl Query {
    /// Prepares a search in a directory of which there is an index. The roots of `find` are that
    /// directory, as seen from the present one, or lie in it; without roots it is the directory
    /// itself, and paths are relative to it.
    ///
    /// # Errors
    /// A pattern is malformed, a root is not in the directory, or it takes a walk: links are to be
    /// followed, or there are [`Overrides`](crate::find::Overrides) or a
    /// [`NameChoice`](crate::find::NameChoice).
    pub fn new(find: &Find, root: &Path) -> Result<Self, Error> {
        let takes_walk = if find.follow {
            Some("an index does not follow symbolic links; search without it")
        } else if find.overrides.is_some() || !find.names.is_empty() {
            Some("an index knows neither overrides nor types of files; search without it")
        } else {
            None
        };
        if let Some(reason) = takes_walk {
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

    pub(super) fn tops(&self) -> &[Top] {
        &self.tops
    }

    /// Whether attributes are asked for that only the tree knows.
    pub(super) fn asks_stat(&self) -> bool {
        let filter = &self.find().filter;
        filter.needs_stat() || filter.executable || filter.empty
    }

    /// Whether it hangs on other entries besides whether one is found; on those above only by
    /// their names.
    pub(super) fn asks_across_entries(&self) -> bool {
        let find = self.find();
        find.prune
            || find.one_file_system
            || find.filter.empty
            || !find.skip_holding.is_empty()
            || find.results_max != u64::MAX
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
    groups: Vec<Group<'i>>,
    errors: Vec<Error>,
}

/// What was found below one root.
struct Group<'i> {
    top: DirNo,
    shown: Vec<u8>,
    entries: Found<'i>,
}

/// One entry that was found.
#[derive(Clone, Copy)]
pub struct Hit<'a> {
    index: &'a Index,
    group: &'a Group<'a>,
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

    /// What was found, root by root; sorted by path if that was asked for, and otherwise as it lies
    /// in the index.
    pub fn iter(&self) -> impl Iterator<Item = Hit<'_>> {
        self.groups.iter().flat_map(move |group| {
            let entries = group.entries.iter();
            entries.map(move |entry| Hit { index: self.index, group, entry })
        })
    }

    /// Calls `each` with the path of everything that was found, in the order of
    /// [`iter`](Self::iter). What stands before the names of a directory is put together once, so
    /// that it costs less than a [`path`](Hit::path) for each.
    pub fn for_each_path(&self, mut each: impl FnMut(&[u8])) {
        let (view, mut path) = (self.index.view(), Vec::new());
        for group in &self.groups {
            let (mut last, mut before) = (None, 0);
            for entry in group.entries.iter() {
                let dir = view.dir(entry);
                if last == Some(dir) {
                    path.truncate(before);
                } else {
                    path.clear();
                    path.extend_from_slice(&group.shown);
                    view.dir_path_into(dir, group.top, &mut path);
                    (last, before) = (Some(dir), path.len());
                }
                path.extend_from_slice(view.name(entry));
                each(&path);
            }
        }
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
            let mut asking = Asking::new(self, query, top, dir, &mut answer.errors);
            if query.lookups.len() > 1 {
                asking.left = usize::MAX;
            }
            for lookup in query.lookups.iter() {
                asking.look(lookup);
            }
            let mut entries = asking.found;
            entries.order(self.view().len());
            if query.find().sort {
                self.sort(entries.list());
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
