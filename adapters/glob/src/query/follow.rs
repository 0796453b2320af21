//! What comes to an answer and what leaves it, while the tree changes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use treenail_os::bytes_of;
use treenail_tree::live::{LiveTree, Options, Waker};

use super::answer::{Answer, Query};
use super::index::Index;
use super::names::{DirNo, EntryNo};
use crate::error::Error;
use crate::find::Find;

/// An answer that is kept up to date.
pub struct Follow {
    query: Query,
    /// What it was last answered from.
    index: Index,
    /// What was found then below each root, in order of the numbers.
    found: Vec<(DirNo, Vec<EntryNo>)>,
}

/// What is new in an answer. A path in neither list is in both answers, or in none.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct News {
    /// The paths that came, in order of their bytes.
    pub added: Vec<Vec<u8>>,
    /// The paths that are not in the answer any more, in order of their bytes.
    pub removed: Vec<Vec<u8>>,
}

impl News {
    /// Whether nothing is new.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

impl Follow {
    /// Follows the answer to a query, from what an index says now.
    #[must_use]
    pub fn new(query: Query, index: &Index) -> Self {
        let found = numbers(&index.ask(&query));
        Self { query, index: index.clone(), found }
    }

    /// The answer as it was last.
    #[must_use]
    pub fn answer(&self) -> Answer<'_> {
        self.index.ask(&self.query)
    }

    /// What has changed, given a later state of the index.
    pub fn update(&mut self, index: &Index) -> News {
        let answer = index.ask(&self.query);
        let found = numbers(&answer);
        let mut news = News::default();
        let same_roots =
            found.iter().map(|(root, _)| root).eq(self.found.iter().map(|(root, _)| root));
        if same_roots && index.has_numbers_of(&self.index) {
            for (number, ((_, old), (_, new))) in self.found.iter().zip(&found).enumerate() {
                let path = |entry: EntryNo| answer.path_of(number, entry);
                news.removed.extend(only_first(old, new).map(path));
                news.added.extend(only_first(new, old).map(path));
            }
        } else {
            let paths = |answer: &Answer<'_>| answer.iter().map(|hit| hit.path()).collect();
            (news.added, news.removed) = (paths(&answer), paths(&self.answer()));
        }
        drop(answer);
        news.added.sort_unstable();
        news.removed.sort_unstable();
        let added: Vec<_> = only_first(&news.added, &news.removed).collect();
        news.removed = only_first(&news.removed, &news.added).collect();
        news.added = added;
        (self.index, self.found) = (index.clone(), found);
        news
    }
}

fn numbers(answer: &Answer<'_>) -> Vec<(DirNo, Vec<EntryNo>)> {
    let mut found = answer.numbers();
    found.iter_mut().for_each(|(_, found)| found.sort_unstable());
    found
}

/// What is in the first list only; both are in order.
fn only_first<'a, T: Ord + Clone>(first: &'a [T], second: &'a [T]) -> impl Iterator<Item = T> + 'a {
    let mut rest = second.iter().peekable();
    first
        .iter()
        .filter(move |item| {
            while rest.next_if(|other| other < item).is_some() {}
            rest.peek() != Some(item)
        })
        .cloned()
}

/// A search that goes on: the first answer, and what is new in it as the directory changes.
///
/// ```
/// use treenail_glob::find::Find;
/// use treenail_glob::query::Watch;
/// use treenail_tree::live::Options;
///
/// let dir = tempfile::tempdir()?;
/// let find = Find::new().root_shown(dir.path(), "").glob("*.rs");
/// let mut watch = Watch::open(&find, &Options::default())?;
/// assert!(watch.answer().is_empty());
/// std::fs::write(dir.path().join("a.rs"), "")?;
/// let news = watch.next(None)?.expect("without a limit, it waits for news");
/// assert_eq!(news.added, [b"a.rs"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Watch {
    root: PathBuf,
    live: LiveTree,
    index: Index,
    follow: Follow,
}

impl Watch {
    /// Begins to follow the directory that a search is for, `.` if it names none. `options` say how
    /// the tree is kept; ids are not needed.
    ///
    /// # Errors
    /// The search cannot be answered from an index, is for more than one directory, or the
    /// directory cannot be watched.
    pub fn open(find: &Find, options: &Options) -> Result<Self, Error> {
        let root = match &find.roots[..] {
            [] => PathBuf::from("."),
            [root] => root.path.clone(),
            [_, second, ..] => {
                let reason = std::io::Error::other("one search watches one directory");
                return Err(Error::io_at("watch", &second.path, reason));
            }
        };
        let query = Query::new(find, &root)?;
        let mut live = LiveTree::open(&root, options).map_err(|error| failed(&root, error))?;
        live.barrier().map_err(|error| failed(&root, error))?;
        let index = Index::new(live.tree(), live.root())?;
        let follow = Follow::new(query, &index);
        Ok(Self { root, live, index, follow })
    }

    /// The answer as it is with the news given so far.
    #[must_use]
    pub fn answer(&self) -> Answer<'_> {
        self.follow.answer()
    }

    /// Waits for news, at most for `timeout` (`None`: for ever). Returns nothing when the time is
    /// over, or a [`Waker`] was used.
    ///
    /// # Errors
    /// The directory is gone, or cannot be watched any more.
    pub fn next(&mut self, timeout: Option<Duration>) -> Result<Option<News>, Error> {
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            let batch = self.live.poll(left).map_err(|error| failed(&self.root, error))?;
            if batch.is_none() {
                // Nothing is to be done at present.
                if self.index.compact()? {
                    self.follow = Follow::new(self.follow.query.clone(), &self.index);
                }
                return Ok(None);
            }
            self.index.update(self.live.tree())?;
            let news = self.follow.update(&self.index);
            if !news.is_empty() {
                return Ok(Some(news));
            }
        }
    }

    /// What wakes a thread that is in [`next`](Self::next), or else keeps the next one from
    /// waiting.
    #[must_use]
    pub fn waker(&self) -> Waker {
        self.live.waker()
    }

    /// The tree that is followed.
    #[must_use]
    pub fn live(&self) -> &LiveTree {
        &self.live
    }
}

fn failed(root: &Path, error: treenail_tree::Error) -> Error {
    Error::io("follow", bytes_of(root.as_os_str()), std::io::Error::other(error))
}

impl Index {
    /// Whether an entry has the same number and path in both, if it is in both.
    fn has_numbers_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(self.shared_names(), other.shared_names())
            && self.view().overlay.moves() == other.view().overlay.moves()
    }
}
