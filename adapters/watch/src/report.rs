//! What is reported.

use treenail_tree::live::{Change, Clock, EventKind, Fresh, Gap, Net, Since};
use treenail_tree::{DirId, IdKind, Tree};

use crate::border::{cross, known_id, walk};
use crate::filter::Compiled;

/// What changed since the report before.
#[derive(Clone)]
pub struct Report {
    /// The moment up to which everything has been reported.
    pub clock: Clock,
    /// The changes, in an order in which they lead from the tree before to that at the clock.
    pub changes: Vec<Change>,
    /// Events were lost; the changes make up for it as far as the tree now shows.
    pub gaps: Vec<Gap>,
    /// The clock that was to begin with says nothing here: `changes` is everything that there is,
    /// and what was deleted is not known.
    pub fresh: Option<Fresh>,
    /// The tree at the clock; nothing if a daemon keeps it.
    pub tree: Option<Tree>,
}

impl Report {
    /// What changed in sum, with what the tree says of it.
    pub(crate) fn of(since: Since, clock: Clock, tree: Tree, ids: Option<IdKind>) -> Self {
        let (changes, gaps, fresh) = match since {
            Since::Net { changes, gaps } => {
                (changes.iter().map(|net| whole(net, &tree, ids)).collect(), gaps, None)
            }
            Since::Fresh(fresh) => (everything(&tree, ids), Vec::new(), Some(fresh)),
        };
        Self { clock, changes, gaps, fresh, tree: Some(tree) }
    }

    /// What a filter wants of it; `before` is the tree that it starts from, if that is known.
    pub(crate) fn filtered(
        mut self,
        filter: &mut Compiled,
        ids: Option<IdKind>,
        before: Option<&Tree>,
    ) -> Self {
        if let Some(tree) = self.tree.as_ref().filter(|_| !filter.is_open()) {
            self.changes = cross(filter, ids, before, tree, &self.changes);
        }
        self
    }

    /// Without what nobody needs to act on.
    pub(crate) fn without_quiet(mut self) -> Self {
        self.changes.retain(|change| !change.quiet);
        self
    }
}

/// A change with what the tree says of its entry.
fn whole(net: &Net, tree: &Tree, ids: Option<IdKind>) -> Change {
    let entry = tree.view(ids).lookup(&net.path).filter(|_| net.kind != EventKind::Delete);
    // After a rename another may have come there, which has a change of its own.
    let entry = entry.filter(|entry| entry.class() == net.class);
    Change {
        stat: entry.map(|entry| entry.stat),
        id: entry.and_then(|entry| known_id(entry.class(), entry.id)),
        ..Change::from(net.clone())
    }
}

/// Everything that a tree holds, as if it had just come.
fn everything(tree: &Tree, ids: Option<IdKind>) -> Vec<Change> {
    let mut changes = Vec::new();
    walk(tree, ids, DirId::ROOT, &mut |change| changes.push(change));
    changes
}
