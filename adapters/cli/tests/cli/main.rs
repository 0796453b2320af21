//! The program as a stranger meets it: command lines, their output, their exit status.
#![cfg(unix)]

#[cfg(all(unix, feature = "daemon", feature = "watch"))]
mod daemon;
mod diff;
#[cfg(feature = "glob")]
mod find;
mod hash;
mod odd_entries;
mod races;
mod signals;
mod snapshot;
mod support;
mod tour;
mod tree;
mod unreadable;
mod usage;
#[cfg(feature = "watch")]
mod watch;
