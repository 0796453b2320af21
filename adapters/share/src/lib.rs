//! One live tree of a directory, shared.
//!
//! A [`Keeper`] owns the thread in which a [`LiveTree`](treenail_tree::live::LiveTree) lives, and
//! answers any number of other threads. A [`Subscription`] is a place in the stream of changes: it
//! costs its reader nothing to stay behind, and stays correct however far behind it is.
//!
//! ```
//! use treenail_share::{Delivered, From, Keeper};
//! use treenail_tree::live::Options;
//!
//! let dir = tempfile::tempdir()?;
//! let keeper = Keeper::start(dir.path(), &Options::default())?;
//! let mut changes = keeper.subscribe(From::Now);
//! std::fs::write(dir.path().join("news"), "text")?;
//! let delivery = changes.next(None)?.expect("without a limit, it waits for a change");
//! let Delivered::Batch(batch) = delivery.what else { panic!("nobody is behind") };
//! assert_eq!(&*batch.changes[0].path, b"news");
//! keeper.stop()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(unix)]
pub mod client;
pub mod config;
mod error;
mod keeper;
#[cfg(unix)]
mod peer;
#[cfg(unix)]
mod place;
mod problem;
pub mod protocol;
#[cfg(feature = "remote")]
pub mod remote;
#[cfg(unix)]
mod ring;
#[cfg(unix)]
pub mod server;
mod state;
mod subscription;

pub use error::{Error, ErrorKind};
pub use keeper::{Call, CallId, Coverage, Keeper};
#[cfg(unix)]
pub use place::Place;
pub use problem::Problem;
pub use state::{state_of, states_of_user};
pub use subscription::{Delivered, Delivery, From, Interrupter, Received, Subscription};

/// Keeps the README's example true.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
