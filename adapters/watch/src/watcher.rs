//! Watching a directory.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use treenail_os::feed;
#[cfg(unix)]
use treenail_share::client::Client;
use treenail_share::{From, Interrupter, Keeper};
use treenail_tree::Counts;
use treenail_tree::live::{Clock, Ready};

use crate::coverage::Coverage;
use crate::error::Error;
use crate::options::Options;
#[cfg(unix)]
use crate::remote::Remote;
use crate::report::Report;
use crate::reports::Reports;

/// What was counted.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Statistics {
    /// Reports given out.
    pub reports: u64,
    /// Changes in them.
    pub changes: u64,
    /// Changes that nobody needs to act on, which were left out; through a daemon those up to the
    /// last report.
    pub quiet: u64,
    /// Changes that the filter left out; through a daemon likewise.
    pub filtered: u64,
    /// Losses reported.
    pub gaps: u64,
    /// What the back end has counted.
    pub feed: feed::Statistics,
}

/// Watches a directory: [`next`](Self::next), or the iterator, gives what changed.
///
/// Whoever does not ask for a while loses nothing: the next report says what changed in sum.
///
/// The tree behind it is its own ([`start`](Self::start)), one of this process that others may use
/// too ([`with_keeper`](Self::with_keeper)), or that of this user's daemon
/// ([`connect`](Self::connect)); what is told is the same.
///
/// ```
/// use treenail_watch::{Filter, Options, Watcher};
///
/// let dir = tempfile::tempdir()?;
/// let options = Options::new().filter(Filter::new().glob("*.txt"));
/// let mut watcher = Watcher::start(dir.path(), &options)?;
/// std::fs::write(dir.path().join("note.txt"), "text")?;
/// let report = watcher.next(None)?.expect("without a limit, it waits for a change");
/// assert_eq!(&*report.changes[0].path, b"note.txt");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Watcher(Side);

/// Who keeps the tree.
enum Side {
    Own(Arc<Keeper>, Box<Reports>),
    #[cfg(unix)]
    Daemon(Box<Remote>),
}

impl Watcher {
    /// Watches a directory from now on, or from [`Options::since`] on.
    ///
    /// # Errors
    /// If the root is no directory or cannot be listed, its state is held by another process, a
    /// glob is none, or ignore rules cannot be read.
    pub fn start(root: &Path, options: &Options) -> Result<Self, Error> {
        // Mistakes in the filter are told before the tree is looked at.
        options.filter.clone().gitignore(false).compile(root)?;
        let keeper = Keeper::start(root, &options.live_at(root)?)?;
        Self::with_keeper(Arc::new(keeper), options)
    }

    /// Watches what is kept already, perhaps for others too; [`Options::live`] counts for its ids
    /// alone.
    ///
    /// # Errors
    /// If a glob is none, or ignore rules cannot be read.
    pub fn with_keeper(keeper: Arc<Keeper>, options: &Options) -> Result<Self, Error> {
        let subscription = keeper.subscribe(options.since.map_or(From::Now, From::Clock));
        let reports = Reports::new(keeper.root(), subscription, options)?;
        Ok(Self(Side::Own(keeper, Box::new(reports))))
    }

    /// Watches through the daemon, which selects what is wanted: how its tree is kept is its own
    /// matter, so [`Options::live`] does not count. The tree is shared and leaves nothing out: what
    /// the filter leaves out is watched all the same.
    ///
    /// # Errors
    /// If the directory cannot be watched, a glob is none, ignore rules cannot be read, or the
    /// daemon has gone.
    #[cfg(unix)]
    pub fn connect(
        client: impl Into<Arc<Client>>,
        root: &Path,
        options: &Options,
    ) -> Result<Self, Error> {
        options.filter.clone().gitignore(false).compile(root)?;
        Ok(Self(Side::Daemon(Box::new(Remote::new(client.into(), root, options)?))))
    }

    /// Who keeps the tree, to ask it more; nothing if that is a daemon.
    #[must_use]
    pub fn keeper(&self) -> Option<&Arc<Keeper>> {
        match &self.0 {
            Side::Own(keeper, _) => Some(keeper),
            #[cfg(unix)]
            Side::Daemon(_) => None,
        }
    }

    /// The directory, without symbolic links in its path.
    #[must_use]
    pub fn root(&self) -> &Path {
        match &self.0 {
            Side::Own(keeper, _) => keeper.root(),
            #[cfg(unix)]
            Side::Daemon(remote) => remote.root(),
        }
    }

    /// How watching began; through a daemon, how it began to watch the directory.
    #[must_use]
    pub fn ready(&self) -> &Ready {
        match &self.0 {
            Side::Own(keeper, _) => keeper.ready(),
            #[cfg(unix)]
            Side::Daemon(remote) => remote.ready(),
        }
    }

    /// What the tree holds; through a daemon, what it held when that began to watch the directory.
    #[must_use]
    pub fn counts(&self) -> Counts {
        match &self.0 {
            Side::Own(keeper, _) => keeper.tree().counts(),
            #[cfg(unix)]
            Side::Daemon(remote) => remote.ready().counts,
        }
    }

    /// The moment up to which everything that is wanted has been given out: with it another
    /// watcher, also in a later process, goes on where this one ended.
    #[must_use]
    pub fn clock(&self) -> Clock {
        match &self.0 {
            Side::Own(_, reports) => reports.clock(),
            #[cfg(unix)]
            Side::Daemon(remote) => remote.clock(),
        }
    }

    /// What ends a [`next`](Self::next) under way from another thread.
    #[must_use]
    pub fn interrupter(&self) -> Interrupter {
        match &self.0 {
            Side::Own(_, reports) => reports.interrupter(),
            #[cfg(unix)]
            Side::Daemon(remote) => remote.interrupter(),
        }
    }

    /// Waits for what comes next, at most for `timeout` (`None`: for ever). Returns nothing when
    /// the time is over, or it is interrupted; what waits for a quiet moment is not lost by that.
    ///
    /// # Errors
    /// Once everything has been given out: why there will be no more, each time that it is called.
    ///
    /// # Panics
    /// In a callback of the keeper, which would wait for itself.
    pub fn next(&mut self, timeout: Option<Duration>) -> Result<Option<Report>, Error> {
        match &mut self.0 {
            Side::Own(_, reports) => reports.next(timeout),
            #[cfg(unix)]
            Side::Daemon(remote) => remote.next(timeout),
        }
    }

    /// Waits until everything that happened before this call has been seen, files that are still
    /// being written included, and returns the clock of that moment; [`next`](Self::next) tells it.
    ///
    /// # Errors
    /// If that takes longer than `timeout` (`None`: for ever), or the tree fails.
    ///
    /// # Panics
    /// As [`next`](Self::next).
    pub fn barrier(&self, timeout: Option<Duration>) -> Result<Clock, Error> {
        match &self.0 {
            Side::Own(keeper, _) => Ok(keeper.barrier(timeout)?),
            #[cfg(unix)]
            Side::Daemon(remote) => remote.barrier(timeout),
        }
    }

    /// Has everything compared with the directory, and waits for it: this finds what no back end
    /// reports, such as stores through a memory mapping. What it finds is reported as ever.
    ///
    /// # Errors
    /// As [`barrier`](Self::barrier).
    ///
    /// # Panics
    /// As [`next`](Self::next).
    pub fn recheck(&self, timeout: Option<Duration>) -> Result<Clock, Error> {
        match &self.0 {
            Side::Own(keeper, _) => keeper.recheck(),
            #[cfg(unix)]
            Side::Daemon(remote) => remote.recheck()?,
        }
        self.barrier(timeout)
    }

    /// What is watched how, and what no back end sees.
    ///
    /// # Errors
    /// If nobody keeps the tree any more.
    pub fn coverage(&self) -> Result<Coverage, Error> {
        let (coverage, has_rules) = match &self.0 {
            Side::Own(keeper, reports) => (keeper.coverage()?, reports.has_rules()),
            #[cfg(unix)]
            Side::Daemon(remote) => (remote.coverage()?, remote.has_rules()),
        };
        Ok(Coverage::new(self.root(), coverage, has_rules))
    }

    /// What was counted so far.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        // When nobody keeps the tree any more, the back end's numbers are gone with it.
        match &self.0 {
            Side::Own(keeper, reports) => {
                Statistics { feed: keeper.statistics().unwrap_or_default(), ..reports.statistics() }
            }
            #[cfg(unix)]
            Side::Daemon(remote) => remote.statistics(),
        }
    }

    /// Ends it. If nobody else uses the keeper, that ends too, with everything stored so that the
    /// next start knows that nothing is missing.
    ///
    /// # Errors
    /// If the state cannot be stored.
    pub fn stop(self) -> Result<(), Error> {
        self.into_keeper().map_or(Ok(()), |keeper| Ok(keeper.stop()?))
    }

    /// Ends it as fast as may be: what was given out is there at the next start, unless the machine
    /// loses power.
    ///
    /// # Errors
    /// If the state cannot be stored.
    pub fn leave(self) -> Result<(), Error> {
        self.into_keeper().map_or(Ok(()), |keeper| Ok(keeper.leave()?))
    }

    /// The keeper, if nobody else uses it.
    fn into_keeper(self) -> Option<Keeper> {
        match self.0 {
            Side::Own(keeper, reports) => {
                drop(reports);
                Arc::into_inner(keeper)
            }
            #[cfg(unix)]
            Side::Daemon(_) => None,
        }
    }
}

impl Iterator for Watcher {
    type Item = Result<Report, Error>;

    /// Waits for what comes next; ends when it is [interrupted](Watcher::interrupter).
    fn next(&mut self) -> Option<Result<Report, Error>> {
        self.next(None).transpose()
    }
}
