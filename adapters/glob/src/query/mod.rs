//! The questions of `find`, answered from a tree that is known instead of by a walk.
//!
//! An [`Index`] holds the names of a [`Tree`](treenail_tree::Tree) in columns: a directory and all
//! below it are one range, each extension and each name has a list, and 192 bits for each distinct
//! name say what cannot be in it. A [`Query`] is a [`Find`](crate::find::Find) made ready; its
//! answer is what a walk of that state of the tree would have found. [`Follow`] says what is new in
//! an answer when the tree has changed, and [`Watch`] does so for a directory.
//!
//! ```
//! use treenail_glob::find::Find;
//! use treenail_glob::query::{Index, Query};
//! use treenail_tree::live::{LiveTree, Options};
//!
//! let dir = tempfile::tempdir()?;
//! std::fs::write(dir.path().join("a.rs"), "")?;
//! let mut live = LiveTree::open(dir.path(), &Options::default())?;
//! let mut index = Index::new(live.tree(), dir.path())?;
//! let query = Query::new(&Find::new().glob("*.rs"), dir.path())?;
//! assert_eq!(index.ask(&query).len(), 1);
//!
//! std::fs::write(dir.path().join("b.rs"), "")?;
//! live.barrier()?;
//! index.update(live.tree())?;
//! let paths: Vec<Vec<u8>> = index.ask(&query).iter().map(|hit| hit.path()).collect();
//! assert_eq!(paths, [b"a.rs", b"b.rs"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod accept;
mod answer;
mod asking;
mod basenames;
mod follow;
mod found;
mod index;
mod names;
mod overlay;
mod places;
mod plan;
mod postings;
mod scan;
mod signature;
mod stats;
mod verdicts;
mod way;

pub use answer::{Answer, Hit, Query};
pub use follow::{Follow, News, Watch};
pub use index::Index;

#[cfg(test)]
mod tests;
