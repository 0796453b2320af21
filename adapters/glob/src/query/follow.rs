//! What comes to an answer and what leaves it, while the tree changes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use treenail_os::bytes_of;
use treenail_tree::live::{LiveTree, Options, Waker};
use treenail_tree::{Changed, DirId, Entry};

use super::answer::{Answer, Query, Top};
use super::asking::Asking;
use super::index::Index;
use super::names::ROOT;
use super::places::Below;
use crate::error::Error;
use crate::find::Find;

/// An answer that is kept up to date.
pub struct Follow {
    query: Query,
    /// What it was last answered from.
    index: Index,
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
        Self { index: kept(index, &query), query }
    }

    /// The answer as it was last.
    #[must_use]
    pub fn answer(&self) -> Answer<'_> {
        self.index.ask(&self.query)
    }

    /// What has changed, given a later state of the index. It costs what differs between the two,
    /// unless the differences say more than they are: where ignore rules have changed, a directory
    /// has moved, the index was made anew, or the search asks of directories what is in them, all
    /// is asked again.
    pub fn update(&mut self, index: &Index) -> News {
        let mut news = match self.sides(index) {
            Some(sides) => self.differences(index, sides),
            None => {
                let paths = |answer: &Answer<'_>| answer.iter().map(|hit| hit.path()).collect();
                News { added: paths(&index.ask(&self.query)), removed: paths(&self.answer()) }
            }
        };
        news.added.sort_unstable();
        news.removed.sort_unstable();
        let added: Vec<_> = only_first(&news.added, &news.removed).collect();
        news.removed = only_first(&news.removed, &news.added).collect();
        news.added = added;
        self.index = kept(index, &self.query);
        news
    }

    /// Both states of each root, if all that can be new is an entry that differs.
    fn sides<'a>(&'a self, index: &'a Index) -> Option<Vec<[Side<'a>; 2]>> {
        if self.query.asks_across_entries() || !index.has_numbers_of(&self.index) {
            return None;
        }
        let mut sides = Vec::new();
        for top in self.query.tops() {
            let states = [&self.index, index];
            let dirs = states.map(|index| index.view().dir_at(ROOT, &top.path));
            if dirs[0] != dirs[1] {
                return None;
            }
            let Some(dir) = dirs[0] else { continue };
            let both = states.map(|index| {
                let asking = Asking::new(index, &self.query, top, dir, &mut Vec::new());
                Side { asking, top, below: Below::new(dir) }
            });
            if both[0].asking.rules() != both[1].asking.rules() {
                return None;
            }
            sides.push(both);
        }
        Some(sides)
    }

    /// What of the entries that differ was found, and what is.
    fn differences(&self, index: &Index, mut sides: Vec<[Side<'_>; 2]>) -> News {
        let mut news = News::default();
        let asks_stat = self.query.asks_stat();
        index.tree().changed_since(self.index.tree(), |Changed { dir, was, now }| {
            let is_same = |was: Entry<'_, DirId>, now: Entry<'_, DirId>| {
                !asks_stat && was.stat.kind == now.stat.kind && was.child == now.child
            };
            if was.zip(now).is_some_and(|(was, now)| is_same(was, now)) {
                return;
            }
            for [before, after] in &mut sides {
                news.removed.extend(was.and_then(|was| before.path_if_found(dir, was.name)));
                news.added.extend(now.and_then(|now| after.path_if_found(dir, now.name)));
            }
        });
        news
    }
}

/// An index with the rules that a query obeys now, however many there are, for when there are
/// others.
fn kept(index: &Index, query: &Query) -> Index {
    let view = index.view();
    let tops = query.tops().iter().filter_map(|top| Some((top, view.dir_at(ROOT, &top.path)?)));
    let columns =
        tops.filter_map(|(top, dir)| Asking::new(index, query, top, dir, &mut Vec::new()).column);
    let columns = columns.collect();
    let index = index.clone();
    index.keep_verdicts(columns);
    index
}

/// One root in one state.
struct Side<'a> {
    asking: Asking<'a, 'a>,
    top: &'a Top,
    below: Below,
}

impl Side<'_> {
    /// The path of an entry that is in the answer.
    fn path_if_found(&mut self, dir: DirId, name: &[u8]) -> Option<Vec<u8>> {
        let view = self.asking.view;
        let entry = self.asking.index.entry_at(dir, name)?;
        let dir = view.dir(entry);
        let is_found = self.below.contains(view, dir) && self.asking.accepts(entry, false);
        is_found.then(|| {
            let mut path = self.top.shown.clone();
            view.dir_path_into(dir, self.asking.top, &mut path);
            path.extend_from_slice(name);
            path
        })
    }
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

#[cfg(test)]
mod tests {
    use treenail_os::{Kind, Stat};
    use treenail_tree::{DirId, Edit, Ids, Tree};

    use super::*;

    fn stat(kind: Kind) -> Stat {
        Stat {
            kind,
            mode: 0o644,
            size_bytes: 1,
            mtime_ns: 0,
            ctime_ns: 0,
            inode: 1,
            device: 1,
            nlink: 1,
            uid: 0,
            gid: 0,
        }
    }

    fn put<'a>(name: &'a str, kind: Kind) -> Edit<'a> {
        let at = (DirId::ROOT, name.as_bytes());
        Edit::Put { at, stat: stat(kind), ids: Ids::Unchanged }
    }

    #[test]
    fn only_what_differs_is_looked_at_unless_a_directory_moved() {
        let root = Path::new("/");
        let mut tree = Tree::empty(stat(Kind::Directory), 0);
        tree.apply([put("a", Kind::Directory), put("x.js", Kind::File)]);
        let mut index = Index::new(&tree, root).unwrap();
        let query = Query::new(&Find::new().glob("*.js"), root).unwrap();
        let mut follow = Follow::new(query, &index);
        tree.apply([put("y.js", Kind::File), put("z", Kind::File)]);
        index.update(&tree).unwrap();
        assert!(follow.sides(&index).is_some());
        assert_eq!(follow.update(&index).added, [b"y.js"]);

        let (from, to) = ((DirId::ROOT, &b"a"[..]), (DirId::ROOT, &b"b.js"[..]));
        tree.apply([Edit::Move { from, to }]);
        index.update(&tree).unwrap();
        assert!(follow.sides(&index).is_none());
        assert_eq!(follow.update(&index).added, [b"b.js"]);
    }

    #[test]
    fn what_hangs_on_other_entries_is_asked_again() {
        let root = Path::new("/");
        let tree = Tree::empty(stat(Kind::Directory), 0);
        let index = Index::new(&tree, root).unwrap();
        let find = Find::new();
        for find in [
            find.clone().prune(true),
            find.clone().empty(true),
            find.clone().skip_holding("x"),
            find.clone().max_results(1),
        ] {
            let follow = Follow::new(Query::new(&find, root).unwrap(), &index);
            assert!(follow.sides(&index).is_none(), "{find:?}");
        }
        let follow = Follow::new(Query::new(&find.depth(2, 4), root).unwrap(), &index);
        assert!(follow.sides(&index).is_some());
    }
}
