//! What is in a directory, by name and attributes.
//!
//! [`Find`] says what to look for and where; [`each`](Find::each), [`iter`](Find::iter) and
//! [`visit`](Find::visit) walk. The first two hand results to the caller's thread, the last to a
//! [`Sink`] in the threads that find them.

mod batch;
mod choice;
pub(crate) mod look;
mod matches;
mod order;
pub(crate) mod plan;
pub(crate) mod rules;
mod run;
mod visitor;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use treenail_os::bytes_of;

use crate::error::Error;
use crate::filter::{Filter, nanoseconds};
use crate::pattern::{Case, Pattern, Subject};

pub use crate::filter::Types;
pub use batch::{Batch, Match, MatchRef};
pub use choice::{NameChoice, Overrides};
pub use matches::Matches;
pub use rules::Ignores;

use plan::Plan;
use run::Run;

/// What to look for, and where. The default finds everything that is not hidden below `.`,
/// follows no links and knows no ignore rules.
#[derive(Clone, Debug)]
pub struct Find {
    pub(crate) roots: Vec<Root>,
    pub(crate) groups: Vec<Vec<Pattern>>,
    pub(crate) subject: Subject,
    pub(crate) case: Case,
    pub(crate) filter: Filter,
    pub(crate) depth_min: usize,
    pub(crate) depth_max: usize,
    pub(crate) hidden: bool,
    pub(crate) ignores: Ignores,
    pub(crate) overrides: Option<Overrides>,
    pub(crate) names: NameChoice,
    pub(crate) excludes: Vec<Vec<u8>>,
    pub(crate) skip_holding: Vec<Vec<u8>>,
    pub(crate) prune: bool,
    pub(crate) follow: bool,
    pub(crate) one_file_system: bool,
    pub(crate) sort: bool,
    stat: bool,
    mark: bool,
    terminator: u8,
    threads: usize,
    pub(crate) results_max: u64,
    cancel: Cancel,
}

#[derive(Clone, Debug)]
pub(crate) struct Root {
    pub(crate) path: PathBuf,
    /// What stands for it in paths.
    pub(crate) shown: Vec<u8>,
}

impl Default for Find {
    fn default() -> Self {
        Self {
            roots: Vec::new(),
            groups: vec![Vec::new()],
            subject: Subject::default(),
            case: Case::default(),
            filter: Filter::default(),
            depth_min: 0,
            depth_max: usize::MAX,
            hidden: false,
            ignores: Ignores::none(),
            overrides: None,
            names: NameChoice::default(),
            excludes: Vec::new(),
            skip_holding: Vec::new(),
            prune: false,
            follow: false,
            one_file_system: false,
            sort: false,
            stat: false,
            mark: false,
            terminator: 0,
            threads: 0,
            results_max: u64::MAX,
            cancel: Cancel::default(),
        }
    }
}

/// Where to look, and for which names.
impl Find {
    /// See [`Find`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a directory to look in; a symbolic link to one is followed. What is no directory is a
    /// match itself, if it is what is looked for. Without a root it is `.`.
    #[must_use]
    pub fn root(self, path: impl AsRef<Path>) -> Self {
        let shown = bytes_of(path.as_ref().as_os_str()).to_vec();
        self.root_shown(path, shown)
    }

    /// As [`root`](Self::root), with other bytes in its place in paths: nothing, so that paths are
    /// relative to it, or an absolute path for a relative one.
    #[must_use]
    pub fn root_shown(mut self, path: impl AsRef<Path>, shown: impl Into<Vec<u8>>) -> Self {
        self.roots.push(Root { path: path.as_ref().to_owned(), shown: shown.into() });
        self
    }

    /// Adds a glob; of several patterns any one is to match.
    #[must_use]
    pub fn glob(self, glob: impl AsRef<[u8]>) -> Self {
        self.pattern(Pattern::Glob(glob.as_ref().to_vec()))
    }

    /// Adds a regular expression; of several patterns any one is to match.
    #[must_use]
    pub fn regex(self, regex: impl Into<String>) -> Self {
        self.pattern(Pattern::Regex(regex.into()))
    }

    /// Adds a text that is to stand somewhere; of several patterns any one is to match.
    #[must_use]
    pub fn fixed(self, text: impl AsRef<[u8]>) -> Self {
        self.pattern(Pattern::Fixed(text.as_ref().to_vec()))
    }

    /// Adds a pattern; of several patterns any one is to match.
    #[must_use]
    pub fn pattern(mut self, pattern: Pattern) -> Self {
        self.groups[0].push(pattern);
        self
    }

    /// Adds a pattern that is to match besides.
    #[must_use]
    pub fn and(mut self, pattern: Pattern) -> Self {
        self.groups.push(vec![pattern]);
        self
    }

    /// What patterns are asked of.
    #[must_use]
    pub fn on(mut self, subject: Subject) -> Self {
        self.subject = subject;
        self
    }

    /// Whether letters match whatever their case. They differ by default.
    #[must_use]
    pub fn case(mut self, case: Case) -> Self {
        self.case = case;
        self
    }
}

/// What is asked besides.
impl Find {
    /// What is asked of an entry besides its name, all at once.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = filter;
        self
    }

    /// Kinds of entries.
    #[must_use]
    pub fn types(mut self, types: Types) -> Self {
        self.filter.types = types;
        self
    }

    /// Adds an extension, with or without its dot; any of them.
    #[must_use]
    pub fn extension(mut self, extension: impl AsRef<[u8]>) -> Self {
        let extension = extension.as_ref();
        let extension = extension.strip_prefix(b".").unwrap_or(extension);
        self.filter.extensions.push(extension.to_vec());
        self
    }

    /// Adds a range of sizes in bytes, for regular files alone.
    #[must_use]
    pub fn size(mut self, range: std::ops::RangeInclusive<u64>) -> Self {
        self.filter.sizes.push(range);
        self
    }

    /// The last change of the content lies after this time.
    #[must_use]
    pub fn modified_after(mut self, time: std::time::SystemTime) -> Self {
        self.filter.modified_after_ns = Some(nanoseconds(time));
        self
    }

    /// The last change of the content lies before this time.
    #[must_use]
    pub fn modified_before(mut self, time: std::time::SystemTime) -> Self {
        self.filter.modified_before_ns = Some(nanoseconds(time));
        self
    }

    /// How far below its root a match lies, both ends included; what stands in a root has depth 1.
    #[must_use]
    pub fn depth(mut self, min: usize, max: usize) -> Self {
        (self.depth_min, self.depth_max) = (min, max);
        self
    }

    /// Files of no bytes and directories without entries alone.
    #[must_use]
    pub fn empty(mut self, empty: bool) -> Self {
        self.filter.empty = empty;
        self
    }

    /// What this process may execute alone.
    #[must_use]
    pub fn executable(mut self, executable: bool) -> Self {
        self.filter.executable = executable;
        self
    }

    /// Whether names that begin with a dot are found, and entered. Off by default; a `!` rule of an
    /// ignore file brings one in all the same.
    #[must_use]
    pub fn hidden(mut self, hidden: bool) -> Self {
        self.hidden = hidden;
        self
    }

    /// The ignore rules to obey.
    #[must_use]
    pub fn ignores(mut self, ignores: Ignores) -> Self {
        self.ignores = ignores;
        self
    }

    /// Rules that go before those of all files.
    #[must_use]
    pub fn overrides(mut self, overrides: Overrides) -> Self {
        self.overrides = (!overrides.is_empty()).then_some(overrides);
        self
    }

    /// Which files are found by their names, once no rule has left them out.
    #[must_use]
    pub fn names(mut self, names: NameChoice) -> Self {
        self.names = names;
        self
    }

    /// Leaves out what the glob matches, and all below it, whatever other rules say: without a
    /// slash at any depth, else from the root; with a slash at its end directories alone.
    #[must_use]
    pub fn exclude(mut self, glob: impl AsRef<[u8]>) -> Self {
        self.excludes.push(glob.as_ref().to_vec());
        self
    }

    /// Leaves out directories that hold an entry of that name, such as `CACHEDIR.TAG`, and all that
    /// is in them; a link that leads to one is left, without what is behind it.
    #[must_use]
    pub fn skip_holding(mut self, name: impl AsRef<[u8]>) -> Self {
        self.skip_holding.push(name.as_ref().to_vec());
        self
    }
}

/// How to walk, and what is told of matches.
impl Find {
    /// Whether directories that match are not entered.
    #[must_use]
    pub fn prune(mut self, prune: bool) -> Self {
        self.prune = prune;
        self
    }

    /// Whether symbolic links are followed. A link is then what it leads to, and a directory is
    /// entered once, however many ways lead there: by its own path if the walk comes that way,
    /// else by the link whose path is the first in order.
    #[must_use]
    pub fn follow(mut self, follow: bool) -> Self {
        self.follow = follow;
        self
    }

    /// Whether directories on other file systems than their root's are not entered.
    #[must_use]
    pub fn one_file_system(mut self, stay: bool) -> Self {
        self.one_file_system = stay;
        self
    }

    /// Whether matches come in the order of their paths, component by component and byte by byte:
    /// a directory, what is in it, its next sibling. A match waits for those before it alone.
    #[must_use]
    pub fn sort(mut self, sort: bool) -> Self {
        self.sort = sort;
        self
    }

    /// Whether the attributes of every match are asked for, in the threads that walk; see
    /// [`MatchRef::known_stat`]. A match that is gone by then is left out.
    #[must_use]
    pub fn stat(mut self, stat: bool) -> Self {
        self.stat = stat;
        self
    }

    /// Whether directories have a slash behind their paths in [`Batch::text`].
    #[must_use]
    pub fn mark_directories(mut self, mark: bool) -> Self {
        self.mark = mark;
        self
    }

    /// The byte behind each path in [`Batch::text`]; 0 by default.
    #[must_use]
    pub fn terminator(mut self, terminator: u8) -> Self {
        self.terminator = terminator;
        self
    }

    /// How many threads may walk; 0 means as many as the machine runs at once. None is started
    /// before there is a second directory.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Ends the walk after so many matches.
    #[must_use]
    pub fn max_results(mut self, results: u64) -> Self {
        self.results_max = results;
        self
    }

    /// The token that ends the walk.
    #[must_use]
    pub fn cancel(mut self, cancel: Cancel) -> Self {
        self.cancel = cancel;
        self
    }
}

/// The walk.
impl Find {
    /// Walks, and hands batches to `each` on this thread while other threads go on. Errors of
    /// single paths are dropped; see [`each_or_error`](Self::each_or_error).
    ///
    /// # Errors
    /// A pattern is malformed. Whether the roots exist is no part of that.
    pub fn each(&self, mut each: impl FnMut(&Batch) -> ControlFlow<()>) -> Result<(), Error> {
        self.each_or_error(|result| match result {
            Ok(batch) => each(batch),
            Err(_) => ControlFlow::Continue(()),
        })
    }

    /// As [`each`](Self::each), with the errors of single paths as values between the batches.
    ///
    /// # Errors
    /// A pattern is malformed.
    pub fn each_or_error(
        &self,
        mut each: impl FnMut(Result<&Batch, Error>) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let mut matches = self.iter()?;
        while let Some(result) = matches.next_batch() {
            let flow = match result {
                Ok(batch) => each(Ok(&batch)),
                Err(error) => each(Err(error)),
            };
            if flow.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Walks in the background; the first directory is listed by the caller's thread unless it is
    /// huge, and no thread is started if there is nothing below it. Nothing is opened before the
    /// first result is asked for.
    ///
    /// # Errors
    /// A pattern is malformed.
    pub fn iter(&self) -> Result<Matches, Error> {
        Ok(Matches::new(Run::new(Arc::new(Plan::new(self)?))))
    }

    /// Walks in this thread and others, and hands each batch to the sink in the thread that found
    /// it. Returns when all is done.
    ///
    /// # Errors
    /// A pattern is malformed.
    ///
    /// # Panics
    /// If the sink does.
    pub fn visit<S: Sink>(&self, sink: &S) -> Result<(), Error> {
        Run::new(Arc::new(Plan::new(self)?)).all(sink);
        Ok(())
    }
}

/// Takes results in the threads that find them.
pub trait Sink: Sync {
    /// What one thread works with.
    type Worker;

    /// Makes what one thread works with, in that thread.
    fn worker(&self) -> Self::Worker;

    /// Takes a batch, which is never empty: it may be taken out, else its memory is used again.
    /// [`Break`](ControlFlow::Break) ends the walk. Where results are sorted, one call ends before
    /// the next begins, in whichever threads.
    fn batch(&self, worker: &mut Self::Worker, batch: &mut Batch) -> ControlFlow<()>;

    /// Takes the error of a path that could not be walked; the walk goes on with the others.
    fn error(&self, worker: &mut Self::Worker, error: Error) -> ControlFlow<()>;

    /// Called when the thread has nothing to do at present: what was put by is to be handed on.
    fn idle(&self, worker: &mut Self::Worker) {
        let _ = worker;
    }
}

/// Ends a walk from outside: all clones are one.
#[derive(Clone, Default, Debug)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// One that was not used yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the walks that it was given to; each thread finishes the directory that it is in.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was used.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// What it sets, for those that can do no more than that, such as a signal's handler.
    #[must_use]
    pub fn flag(&self) -> Arc<AtomicBool> {
        self.0.clone()
    }
}
