//! Changes for clients on other machines: gRPC over TLS, with a token.
//!
//! `proto/treenail.proto` says what is said, `docs/format/remote.md` how and by whom. The daemon's
//! side runs where its configuration has a section `[remote]`; the client's is a blocking one, as
//! the local one is. Each has one thread for the network, which sleeps while nothing happens.

mod background;
pub mod client;
mod convert;
mod message;
#[cfg(unix)]
pub(crate) mod server;
mod status;
mod token;

pub use token::Token;

/// The longest message that a client says: requests are short.
const REQUEST_BYTES_MAX: usize = 64 << 10;

/// The longest message that a daemon says. What has more to say says it in parts.
const REPLY_BYTES_MAX: usize = 4 << 20;
