//! A Merkle index of a directory: scan, content ids, digests, snapshots, diff with renames.
mod block;
mod column;
mod diff;
mod digest;
mod error;
mod ids;
mod index;
mod lookup;
mod pages;
mod scan;
mod snapshot;
mod tree;
mod update;
mod view;

pub use diff::{Change, ChangeKind, Diff, diff};
pub use error::{Error, ErrorKind};
pub use ids::{Attack, Blake3Ids, ContentId, GitIds, IdKind, Xxh3Ids};
pub use pages::DirId;
pub use scan::{FAILURES_KEPT_MAX, Failure, Progress, Scan, Scanned};
pub use snapshot::Snapshot;
pub use tree::{Listing, Tree, TreeView};
pub use update::{Applied, Edit, Ids, Outcome, Place, Refusal};
pub use view::{Class, Counts, Entry, View};
