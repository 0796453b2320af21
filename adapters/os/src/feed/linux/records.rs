//! The parsers of what the system's queues give, open to the fuzzer.

use std::fmt;
use std::marker::PhantomData;

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

/// What a queue gives one after the other.
pub trait Form<'a>: Sized {
    /// The first of some bytes, which are then those behind it; nothing if it is malformed.
    fn first(rest: &mut &'a [u8]) -> Option<Self>;
}

/// The records in what was read.
#[derive(Clone, Debug)]
pub struct Records<'a, R> {
    rest: &'a [u8],
    form: PhantomData<R>,
}

impl<'a, R: Form<'a>> Records<'a, R> {
    /// The records in `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, form: PhantomData }
    }
}

impl<'a, R: Form<'a>> Iterator for Records<'a, R> {
    type Item = Result<R, Malformed>;

    /// The next record. After a malformed one there are no others, since nobody knows where they
    /// would begin.
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let record = R::first(&mut self.rest);
        if record.is_none() {
            self.rest = &[];
        }
        Some(record.ok_or(Malformed))
    }
}
