//! The C interface of Treenail. Nothing happens here but translation: each function checks what C
//! can get wrong (null pointers, lengths, alignment, numbers that are no constant), calls the crate
//! that does the work, keeps panics from crossing into C, and turns errors into a status.
//!
//! What a C programmer reads is `include/treenail.h`, which cbindgen writes from the text of this
//! crate; a test compares the two.
//!
//! - `status`: what functions return, and the details of the last failure.
//! - `boundary`: panics, and the thread's last failure.
//! - `memory`: pointers and lengths become slices, or an error.
//! - `hash`, `ring`, `merkle`, `wal`, `index`, `tree`: the crates of the same names.

pub mod boundary;
pub mod hash;
pub mod index;
pub mod memory;
pub mod merkle;
pub mod ring;
pub mod status;
pub mod tree;
pub mod wal;
