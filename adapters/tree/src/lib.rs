//! A Merkle index of a directory: scan, content ids, digests, snapshots, diff with renames.
//!
//! A [`Tree`] holds the structure and the stat of everything below a directory in immutable blocks,
//! and any number of columns of content ids beside them; a clone is a snapshot in memory. Each
//! directory has a digest that depends on what it holds and nothing else, so equal digests mean
//! equal subtrees.
//!
//! ```
//! use treenail_tree::{ChangeKind, IdKind, Scan, Snapshot, View, diff};
//!
//! let dir = tempfile::tempdir()?;
//! std::fs::write(dir.path().join("draft"), "text")?;
//! let ids = Some(IdKind::BLAKE3);
//! let saved = dir.path().with_extension("snapshot");
//! Scan::new().run(dir.path(), ids)?.tree.view(ids).save(&saved)?;
//!
//! std::fs::rename(dir.path().join("draft"), dir.path().join("final"))?;
//! let before = Snapshot::open(&saved)?;
//! before.verify()?;
//! let now = Scan::new().previous(Some(&before)).run(dir.path(), ids)?.tree;
//! let found = diff(&before, &now.view(ids), dir.path())?;
//! assert_eq!(found.changes[0].kind, ChangeKind::Renamed);
//! assert_eq!(found.changes[0].from.as_deref(), Some(&b"draft"[..]));
//! # std::fs::remove_file(saved)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - [`Scan`]: a directory becomes a tree, read in parallel.
//! - [`Snapshot::to_tree`]: a saved tree back in memory.
//! - [`Recheck`]: what differs between a known tree and the disk, found without listing.
//! - [`Tree::apply`]: a batch of [`Edit`]s, copying what it touches.
//! - [`Tree::changed_since`]: what differs from an earlier state, found by what both share.
//! - [`View`]: what trees and [`Snapshot`]s can be asked.
//! - [`diff`]: what differs between two views.
//! - [`ContentId`]: what stands for a file's content, built in or a product's own.
//! - [`LargeFiles`]: ids of large files that follow a change at the cost of the changed blocks.
//!
//! What must never live here: ignore rules (`treenail-pattern`), system calls (`treenail-os`), and
//! what a product does with a change.

mod block;
mod changed;
mod column;
mod diff;
mod digest;
mod error;
mod ids;
mod index;
mod large;
pub mod live;
mod lookup;
mod pages;
mod recheck;
mod scan;
mod snapshot;
mod tree;
mod unshared;
mod update;
mod view;

pub use changed::Changed;
pub use diff::{Change, ChangeKind, Diff, diff};
pub use error::{Error, ErrorKind};
pub use ids::{
    Attack, Blake3Ids, BlockIds, BlockStream, ContentId, GitIds, IdKind, WHOLE_BYTES_MAX, Xxh3Ids,
};
pub use large::{Identified, LargeFiles};
pub use pages::DirId;
pub use recheck::{Difference, OnOpen, Recheck, Rechecked};
pub use scan::{Arm, FAILURES_KEPT_MAX, Failure, Progress, Scan, Scanned};
pub use snapshot::Snapshot;
pub use tree::{Listing, Tree, TreeView};
pub use update::{Applied, Edit, Ids, Outcome, Place, Refusal};
pub use view::{Class, Counts, Entry, View};
