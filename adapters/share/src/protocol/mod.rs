//! What a daemon and its clients say to each other, as `docs/format/share.md` describes it.
//!
//! Nothing here reads or writes a socket: messages become bytes and bytes become messages, each
//! part checked before it is used.

mod answer;
mod frame;
mod item;
#[cfg(unix)]
pub(crate) mod parts;
mod request;
mod selection;
mod wire;

use std::fmt;

pub use answer::{Answer, Entry, ReportHead, RootStatus, Statistics, Welcome};
#[cfg(unix)]
pub use frame::read_message;
pub use frame::{Frames, write_message};
pub use item::CoverageItem;
#[cfg(all(unix, feature = "remote"))]
pub(crate) use item::number_of;
#[cfg(feature = "remote")]
pub(crate) use item::rung_of;
pub use request::{Query, Request};
pub use selection::Selection;
#[cfg(feature = "remote")]
pub(crate) use wire::path_below;

/// The protocol's version. A daemon of another version says so and is to be ended.
pub const VERSION: u32 = 2;

/// The longest message, its length not counted. What has more to say says it in parts.
pub const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// How many globs a query or a selection may have.
pub const GLOBS_MAX: usize = 256;

/// Why bytes are no message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Malformed(pub(crate) &'static str);

impl Malformed {
    pub(crate) const SHORT: Self = Self("it ends early");
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "malformed message: {}", self.0)
    }
}

impl std::error::Error for Malformed {}

/// Decodes bytes as a message of either side; what is one is encoded to the same bytes again. For
/// fuzzing.
///
/// # Panics
/// If it is not.
#[doc(hidden)]
#[must_use]
pub fn decodes(bytes: &[u8]) -> bool {
    let (request, answer) = (Request::decode(bytes), Answer::decode(bytes));
    let mut again = Vec::new();
    if let Ok(request) = &request {
        request.encode(&mut again);
        assert_eq!(again, bytes, "{request:?}");
    }
    if let Ok(answer) = &answer {
        again.clear();
        answer.encode(&mut again);
        assert_eq!(again, bytes, "{answer:?}");
    }
    request.is_ok() || answer.is_ok()
}
