//! The usual batch: one file that is there gets other attributes or ids.
//!
//! It is what a save comes to, most often after a pause in which memory got cold. So it goes its
//! own way, without the tables that a batch of many edits needs: that takes less than half of the
//! instructions, and half of the code that has to be fetched.

use std::iter;
use std::sync::Arc;

use treenail_os::{Kind, Stat};

use super::refresh::refresh;
use super::resolve::{known_id, normal};
use super::{Edit, Ids, Outcome};
use crate::block;
use crate::tree::{DirIds, Tree};
use crate::view::Class;

/// Makes the edit; nothing, and nothing changed, if it is one for the three passes.
pub(super) fn put(tree: &mut Tree, edit: &Edit<'_>) -> Option<Outcome> {
    let Edit::Put { at: (dir, name), stat, ids } = *edit else { return None };
    let stat = normal(stat);
    if stat.kind == Kind::Directory || !has_columns(tree, &stat, ids) {
        return None;
    }
    let leaves = &tree.dirs.get(dir)?.leaves;
    let (leaf, row) = block::find(leaves.as_slice(), name)?;
    let old = &leaves.as_slice()[leaf];
    let before = old.row(row).stat;
    if before.kind != stat.kind || tree.columns.iter().any(|column| column.dirs.get(dir).is_none())
    {
        return None;
    }
    let same_stat = before == stat;
    let leaves = match same_stat {
        true => None,
        false => Some(leaves.with([(leaf, old.with_stats(iter::once((row, stat)))?)])),
    };
    let mut same_ids = true;
    for column in &mut tree.columns {
        let all = &column.dirs.get(dir)?.0;
        let slot = all.as_slice()[leaf].get(row);
        let known = match ids {
            Ids::Known(known) => known_id(known, column),
            _ => None,
        };
        let stays = match ids {
            _ if known.is_some() => known == slot.map(|slot| column.shown(slot, None)),
            Ids::Kept => true,
            Ids::Dropped => slot.is_none(),
            Ids::Unchanged | Ids::Known(_) => same_stat || slot.is_none(),
        };
        if !stays {
            let ids = all.as_slice()[leaf].with(iter::once((row, known)));
            let all = DirIds(all.with([(leaf, ids)]));
            Arc::make_mut(column).dirs.insert(dir, all);
            same_ids = false;
        }
    }
    if same_stat && same_ids {
        return Some(Outcome::Unchanged(None));
    }
    if let Some(leaves) = leaves {
        tree.counts.remove(&before);
        tree.counts.add(&stat);
        tree.dirs.get_mut(dir)?.leaves = leaves;
    }
    refresh(&tree.dirs, &mut tree.columns, &[dir]);
    Some(Outcome::Changed(None))
}

/// Whether the tree has a column for each id that is given, and the entry can have one.
fn has_columns(tree: &Tree, stat: &Stat, ids: Ids<'_>) -> bool {
    let Ids::Known(known) = ids else { return true };
    let mut kinds = known.iter().map(|(kind, id)| (*kind, id.len()));
    let fits = |(kind, len)| {
        tree.id_kinds().any(|column| column == kind && len == usize::from(column.id_bytes))
    };
    (known.is_empty() || Class::of(stat).has_content()) && kinds.all(fits)
}
