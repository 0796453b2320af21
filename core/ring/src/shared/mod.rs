//! A ring of frames between processes, in memory that the other one can scribble on.
//!
//! The memory is a slice of 64-bit words, usually a mapping that two processes have of one object;
//! docs/format/ring.md says what lies where. One side [`create`]s the ring in it and attaches as
//! [`Producer`] or [`Consumer`], the other process attaches as the other.
//!
//! ```
//! use core::sync::atomic::AtomicU64;
//! use treenail_ring::shared::{self, Consumer, Producer};
//!
//! let memory = [const { AtomicU64::new(0) }; shared::words_for(4096)];
//! shared::create(&memory)?;
//! let (mut producer, mut consumer) = (Producer::attach(&memory)?, Consumer::attach(&memory)?);
//!
//! producer.push(b"made src/lib.rs")?;
//! let mut frame = [0; 64];
//! assert_eq!(consumer.pop(&mut frame)?, Some(15));
//! assert_eq!(&frame[..15], b"made src/lib.rs");
//! assert_eq!(consumer.pop(&mut frame)?, None);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # What is trusted
//! Nothing that the other process can write. Each side keeps its own position to itself and only
//! publishes a copy. The other's is loaded once and checked before it is used; so is each frame's
//! header. What cannot be makes the ring [`Error::Poisoned`] for this side, which then neither
//! reads nor writes any more: guessing what was meant would pass damage on. Frames are copied out
//! word by word, with atomic loads, and only the copy is handed out, so that what was checked
//! cannot change afterwards. What the frames say is the caller's to check: a hostile peer can write
//! any.
//!
//! # When a process dies
//! A frame is published when it is whole, so those that a dead producer leaves behind can all be
//! read, and no part of another. Who takes its place attaches and goes on behind them. A consumer
//! that takes another's place may get again the frame that the other had copied out and not yet
//! given back. Where that is not wanted, or the ring is poisoned, the survivor calls
//! `renew`: the ring is then empty and its generation the next, and whoever is left of the former
//! one gets [`Error::Stale`]. The memory cannot tell whether a process lives: ask the kernel, with
//! a lock for instance. `is_closed` says that the peer ended in good order.

mod consumer;
mod error;
mod producer;
mod segment;

pub use consumer::Consumer;
pub use error::{AttachError, Error, Poison};
pub use producer::Producer;
pub use segment::{create, words_for};
