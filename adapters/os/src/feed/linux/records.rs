//! The parsers of what the system's queues give, open to the fuzzer.

use std::fmt;

pub use super::fanotify_record as fanotify;
pub use super::inotify_record as inotify;

/// The bytes have no form that the system writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the system's event record has no known form")
    }
}

impl std::error::Error for Malformed {}
