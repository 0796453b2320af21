//! The codec of a write-ahead log, over memory that the caller owns; `no_std`, no alloc, no I/O.
//!
//! An [`Encoder`] frames records into a buffer that somebody else writes and syncs. A [`Scanner`]
//! reads a segment back without copying, and ends with a [`Tail`]: whether the log was closed, or
//! is torn where a crash left it, or has lost what was once durable. Every record says up to where
//! the log was durable when it was framed; that is how the three are told apart.
//!
//! ```
//! use treenail_wal::{Encoder, Kind, Scanner, Segment, Tail};
//!
//! let (mut log, put) = ([0; 512], Kind::new(1).unwrap());
//! let segment = Segment { salt: 0x5eed, ..Segment::default() };
//! let mut used = segment.encode(&mut log)?;
//! let mut encoder = Encoder::new(&segment);
//! used += encoder.encode(&mut log[used..], put, b"peg")?;
//! // Here the caller writes, syncs, and knows:
//! encoder.set_durable(encoder.next());
//! used += encoder.witness(&mut log[used..])?;
//!
//! let mut scanner = Scanner::new(&log)?;
//! assert_eq!(scanner.next().unwrap().payload, b"peg");
//! assert!(matches!(scanner.finish(), Tail::Clean { .. }));
//!
//! log[80] ^= 1; // a byte of what was durable
//! assert!(matches!(Scanner::new(&log)?.finish(), Tail::Corrupt { .. }));
//! # let _ = used;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | type | for |
//! |---|---|
//! | [`Lsn`], [`Epoch`], [`Kind`] | positions, openings and sorts of records |
//! | [`Segment`] | the header of a segment, and where its records lie |
//! | [`Encoder`], [`Stamp`] | framing records, copied or in place |
//! | [`Scanner`], [`Record`], [`Tail`] | reading a segment, and its verdict |
//! | [`LogScanner`] | the same over several segments |
//!
//! The bytes are defined in `docs/format/wal.md`.
#![no_std]
#![forbid(unsafe_code)]

mod encode;
mod log;
mod lsn;
mod record;
mod resync;
mod salt;
mod scan;
mod segment;
mod tail;

pub use self::encode::{EncodeError, Encoder, Stamp};
pub use self::log::{LogError, LogScanner};
pub use self::lsn::{Epoch, Kind, Lsn};
pub use self::record::{
    ALIGN_BYTES, PAYLOAD_SIZE_BYTES_MAX, RECORD_HEADER_SIZE_BYTES, Record, record_size_bytes,
};
pub use self::resync::Evidence;
pub use self::scan::Scanner;
pub use self::segment::{SEGMENT_HEADER_SIZE_BYTES, Segment, SegmentError};
pub use self::tail::{Damage, Tail};

/// The README's example, compiled and run with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
