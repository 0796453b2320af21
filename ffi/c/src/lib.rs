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

/// What the header promises of handles, where the compiler can see it: any thread may use any
/// handle, and some handles several threads at once.
const _: () = {
    const fn is_sent<T: Send>() {}
    const fn is_shared<T: Send + Sync>() {}

    is_shared::<hash::stream::Hasher>();
    is_sent::<hash::cdc::Chunker>();
    is_shared::<hash::rolling::MatchSet>();
    is_sent::<hash::rolling::Candidates>();
    is_shared::<hash::blocks::Blocks>();
    is_sent::<ring::numbers::RingProducer>();
    is_sent::<ring::numbers::RingConsumer>();
    is_sent::<ring::frames::FramesProducer>();
    is_sent::<ring::frames::FramesConsumer>();
    is_sent::<ring::shared::SharedProducer>();
    is_sent::<ring::shared::SharedConsumer>();
    is_sent::<wal::encode::WalEncoder>();
    is_shared::<wal::encode::WalStamp>();
    is_sent::<wal::scan::WalScanner>();
    is_shared::<merkle::set::Set>();
    is_shared::<merkle::log::Log>();
    is_shared::<merkle::tiles::Tiles>();
    is_shared::<merkle::array::Array>();
    is_shared::<index::map::Map>();
    is_shared::<index::fuse::Fuse>();
    is_shared::<tree::Tree>();
    is_sent::<tree::entries::Entries>();
    is_shared::<tree::diff::Diff>();
};
