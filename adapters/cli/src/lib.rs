//! The facade of Treenail: every crate under one name, for those who want more than one of them.
//!
//! ```
//! use treenail::tree::{IdKind, Scan, View, diff};
//!
//! let before = Scan::new().run("src".as_ref(), Some(IdKind::XXH3))?;
//! let after = Scan::new().run("src".as_ref(), Some(IdKind::XXH3))?;
//! let ids = Some(IdKind::XXH3);
//! let (before, after) = (before.tree.view(ids), after.tree.view(ids));
//! assert_eq!(before.root_digest(), after.root_digest());
//! assert!(diff(&before, &after, "src".as_ref())?.changes.is_empty());
//! # Ok::<(), treenail::tree::Error>(())
//! ```
//!
//! The binary `treenail` comes with the default feature `cli`; a library user switches it off.

#[cfg(feature = "glob")]
pub use treenail_glob as glob;
pub use treenail_hash as hash;
pub use treenail_index as index;
pub use treenail_merkle as merkle;
pub use treenail_os as os;
pub use treenail_pattern as pattern;
pub use treenail_ring as ring;
#[cfg(any(feature = "daemon", feature = "watch"))]
pub use treenail_share as share;
pub use treenail_store as store;
pub use treenail_tree as tree;
pub use treenail_wal as wal;
#[cfg(feature = "watch")]
pub use treenail_watch as watch;
