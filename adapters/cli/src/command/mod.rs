//! The commands, one a file.

#[cfg(all(feature = "glob", feature = "watch"))]
mod contents;
#[cfg(all(unix, feature = "daemon"))]
pub(crate) mod daemon;
pub(crate) mod diff;
#[cfg(feature = "glob")]
pub(crate) mod find;
#[cfg(feature = "glob")]
pub(crate) mod grep;
pub(crate) mod hash;
#[cfg(all(feature = "glob", feature = "watch"))]
pub(crate) mod index;
pub(crate) mod manual;
mod side;
#[cfg(feature = "watch")]
pub(crate) mod since;
pub(crate) mod tour;
pub(crate) mod tree;
#[cfg(feature = "watch")]
pub(crate) mod watch;
