//! The program as a stranger meets it: command lines, their output, their exit status.
#![cfg(unix)]

#[cfg(all(feature = "glob", feature = "watch"))]
mod contents;
#[cfg(all(unix, feature = "daemon", feature = "watch"))]
mod daemon;
mod diff;
#[cfg(feature = "glob")]
mod find;
#[cfg(feature = "glob")]
mod find_limits;
#[cfg(feature = "glob")]
mod grep;
#[cfg(feature = "glob")]
mod grep_limits;
#[cfg(feature = "glob")]
mod grep_options;
mod hash;
#[cfg(all(feature = "glob", feature = "watch"))]
mod index;
mod odd_entries;
mod races;
#[cfg(feature = "remote")]
mod remote;
#[cfg(feature = "watch")]
mod replica;
#[cfg(feature = "remote")]
#[path = "../../../share/tests/remote/secrets.rs"]
mod secrets;
mod signals;
mod snapshot;
#[cfg(feature = "watch")]
mod storms;
mod support;
mod tour;
mod tree;
mod unreadable;
mod usage;
#[cfg(feature = "watch")]
mod watch;
