//! How a log is opened for writing.

use std::hash::{BuildHasher, RandomState};
use std::path::Path;

use crate::error::{Error, ErrorKind};

/// How a log is opened for writing.
///
/// ```
/// use treenail_store::Options;
///
/// let options = Options { segment_bytes: 1 << 20, ..Options::default() };
/// # let _ = options;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The length of each segment's file, taken from the disk when the segment is begun: a
    /// multiple of 4,096 from 64 KiB to 1 GiB; 16 MiB by default. It bounds the size of a record,
    /// what a recovery has in memory at a time, and what is kept beyond a checkpoint.
    pub segment_bytes: u64,
    /// How many bytes of records may be appended and not yet written; 16 MiB by default. Who
    /// appends more has to wait for the disk.
    pub pending_bytes_max: usize,
    /// Whether a thread of the log's own makes the file of the segment to come, while writers go
    /// on with the current one; it lives as long as that takes. Without it, a writer does so now
    /// and then, and nothing depends on the order of threads.
    pub background: bool,
    /// The number that a new log gets, by which its files know that they belong together; by
    /// default a random one. A log that exists keeps its own.
    pub log_id: u64,
}

/// The least that a segment may be.
const SEGMENT_BYTES_MIN: u64 = 64 << 10;
/// The most.
const SEGMENT_BYTES_MAX: u64 = 1 << 30;

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 16 << 20,
            pending_bytes_max: 16 << 20,
            background: true,
            // The keys of the standard library's hash maps come from the system's randomness.
            log_id: RandomState::new().hash_one(0),
        }
    }
}

impl Options {
    pub(crate) fn check(&self, path: &Path) -> Result<(), Error> {
        let invalid = |detail| Err(Error::new(ErrorKind::Invalid, path, "open", detail));
        let size = self.segment_bytes;
        if !(SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX).contains(&size) || !size.is_multiple_of(4096) {
            return invalid(format!(
                "segment_bytes is {size}, but has to be a multiple of 4096 from \
                 {SEGMENT_BYTES_MIN} to {SEGMENT_BYTES_MAX}"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_have_a_sensible_size() {
        let check = |segment_bytes| {
            Options { segment_bytes, ..Options::default() }.check("log".as_ref()).is_ok()
        };
        assert!(check(64 << 10) && check(1 << 30) && check(16 << 20));
        for wrong in [0, 4096, (64 << 10) + 1, (1 << 30) + 4096, u64::MAX] {
            assert!(!check(wrong), "{wrong}");
        }
    }

    #[test]
    fn two_logs_have_two_numbers() {
        assert_ne!(Options::default().log_id, Options::default().log_id);
    }
}
