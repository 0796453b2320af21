//! What the simulator found, as literals; and the history against a model.

mod history;
mod links;
mod losses;
mod machine;
mod ranges;
mod unexplained;

use treenail_os::feed::{Event, What};
use treenail_os::{Kind, Stat};

use super::{Action, Batch, Clock, EventKind, Live, Settings, token};
use crate::ids::{IdKind, Xxh3Ids};
use crate::pages::DirId;
use crate::tree::Tree;
use crate::update::{Edit, Ids, Outcome};

fn stat(kind: Kind, inode: u64, size_bytes: u64, ctime_ns: i64) -> Stat {
    let mode = if kind == Kind::Directory { 0o755 } else { 0o644 };
    let (mtime_ns, device, nlink, uid, gid) = (1, 1, 1, 0, 0);
    Stat { kind, mode, size_bytes, mtime_ns, ctime_ns, inode, device, nlink, uid, gid }
}

fn file(inode: u64) -> Stat {
    stat(Kind::File, inode, 8, 1)
}

fn dir(inode: u64) -> Stat {
    stat(Kind::Directory, inode, 0, 1)
}

fn put(tree: &mut Tree, at: DirId, name: &[u8], stat: Stat) -> Option<DirId> {
    match tree.apply([Edit::Put { at: (at, name), stat, ids: Ids::Dropped }]).outcomes[0] {
        Outcome::Added(dir) => dir,
        other => panic!("{other:?}"),
    }
}

/// An id that a file had.
const KNOWN: Ids = Ids::Known(&[(IdKind::XXH3, &[1; 16])]);

/// A tree with ids, and with one file in it, `a`.
fn with_ids(a: Stat, ids: Ids) -> Tree {
    let mut tree = Tree::empty(dir(2), 0);
    tree.add_column::<Xxh3Ids>();
    tree.apply([Edit::Put { at: (DirId::ROOT, b"a"), stat: a, ids }]);
    tree
}

fn live(tree: Tree) -> Live {
    Live::new(tree, Clock { root: 1, incarnation: 1, tick: 0 }, Settings::default())
}

fn live_with_ids(tree: Tree) -> Live {
    let settings = Settings { ids: Some(IdKind::XXH3), ..Settings::default() };
    Live::new(tree, Clock { root: 1, incarnation: 1, tick: 0 }, settings)
}

fn entry(live: &mut Live, dir: DirId, name: &[u8], what: What) {
    live.event(0, Event::Entry { dir: token(dir), name, what });
}

/// Longer than the system takes to tell of a rename that can be seen.
const LATER_NS: u64 = 1_000_000;

/// Answers looks from what is at each place, and lists directories as empty, until nothing is left
/// to do, although the feed has nothing more to tell; what else was asked for.
fn answer(live: &mut Live, now: &[(DirId, &[u8], Stat)]) -> Vec<Action> {
    let mut others = answer_unheard(live, now);
    for _ in 0..3 {
        live.heard(LATER_NS);
        others.extend(answer_unheard(live, now));
    }
    others
}

/// The same while the feed may have more to tell.
fn answer_unheard(live: &mut Live, now: &[(DirId, &[u8], Stat)]) -> Vec<Action> {
    let mut others = Vec::new();
    while let Some(action) = live.next_action(0) {
        if let Action::Look { dir, names } = action {
            let find = |name: &[u8]| now.iter().find(|(at, known, _)| *at == dir && *known == name);
            let found = names.iter().map(|name| find(name).map(|(.., stat)| *stat)).collect();
            live.looked(dir, names, Ok(found));
        } else {
            if let Action::List { dir } = action {
                live.listed(dir, Ok(Vec::new()));
            }
            others.push(action);
        }
    }
    others
}

fn kinds(batch: Option<Batch>) -> Vec<(EventKind, String)> {
    let changes = batch.map(|batch| batch.changes).unwrap_or_default();
    let text = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
    changes.iter().map(|change| (change.kind, text(&change.path))).collect()
}
