//! What functions return, and what it means in words.

use std::ffi::{CStr, c_char};

/// How a call ended: 0 is success, what is positive an answer other than the usual one, what is
/// negative an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i32)]
#[allow(clippy::enum_variant_names, reason = "C has one name space for all constants")]
pub enum Status {
    /// Success.
    TnOk = 0,
    /// There is nothing, or nothing more: the end of an iteration, an empty ring, an unknown key.
    TnNone = 1,
    /// There is no room now; nothing was changed.
    TnFull = 2,
    /// A pointer that must not be null is.
    TnErrorNull = -1,
    /// An argument is outside what the function takes.
    TnErrorArgument = -2,
    /// The caller's buffer or memory is too short.
    TnErrorShort = -3,
    /// A pointer is not aligned as its type asks.
    TnErrorAlignment = -4,
    /// The content carries a SHA-1 collision attack.
    TnErrorCollision = -5,
    /// The content is longer or shorter than was declared.
    TnErrorLength = -6,
    /// Data that the call needs are missing.
    TnErrorMissing = -7,
    /// The operating system refused; `tn_last_error_os` has its number.
    TnErrorIo = -8,
    /// The file is not a snapshot.
    TnErrorNotASnapshot = -9,
    /// The data end before they should.
    TnErrorTruncated = -10,
    /// The data are not those that were written, or never were valid.
    TnErrorCorrupt = -11,
    /// The data were made by a later version.
    TnErrorNewer = -12,
    /// The two sides are of different kinds and cannot be compared.
    TnErrorMismatch = -13,
    /// A named limit was reached.
    TnErrorLimit = -14,
    /// What the handle belongs to was made anew without it.
    TnErrorStale = -15,
    /// Another writer holds what the call needs, for longer than anybody should: try again later.
    TnErrorBusy = -16,
    /// A proof does not hold.
    TnErrorProof = -17,
    /// The library has a bug: a panic was caught. Of the handles of this call only `_free` may be
    /// called any more.
    TnErrorPanic = -100,
}

impl Status {
    const ALL: [Self; 21] = [
        Self::TnOk,
        Self::TnNone,
        Self::TnFull,
        Self::TnErrorNull,
        Self::TnErrorArgument,
        Self::TnErrorShort,
        Self::TnErrorAlignment,
        Self::TnErrorCollision,
        Self::TnErrorLength,
        Self::TnErrorMissing,
        Self::TnErrorIo,
        Self::TnErrorNotASnapshot,
        Self::TnErrorTruncated,
        Self::TnErrorCorrupt,
        Self::TnErrorNewer,
        Self::TnErrorMismatch,
        Self::TnErrorLimit,
        Self::TnErrorStale,
        Self::TnErrorBusy,
        Self::TnErrorProof,
        Self::TnErrorPanic,
    ];

    pub(crate) fn is_error(self) -> bool {
        (self as i32) < 0
    }

    pub(crate) fn text(self) -> &'static CStr {
        match self {
            Self::TnOk => c"success",
            Self::TnNone => c"there is nothing, or nothing more",
            Self::TnFull => c"there is no room now; nothing was changed",
            Self::TnErrorNull => c"a pointer that must not be null is",
            Self::TnErrorArgument => c"an argument is outside what the function takes",
            Self::TnErrorShort => c"the buffer is too short",
            Self::TnErrorAlignment => c"a pointer is not aligned as its type asks",
            Self::TnErrorCollision => c"the content carries a SHA-1 collision attack",
            Self::TnErrorLength => c"the content is longer or shorter than was declared",
            Self::TnErrorMissing => c"data that the call needs are missing",
            Self::TnErrorIo => c"the operating system refused",
            Self::TnErrorNotASnapshot => c"the file is not a snapshot",
            Self::TnErrorTruncated => c"the data end before they should",
            Self::TnErrorCorrupt => c"the data are damaged",
            Self::TnErrorNewer => c"the data were made by a later version of treenail",
            Self::TnErrorMismatch => c"the two sides are of different kinds",
            Self::TnErrorLimit => c"a limit was reached",
            Self::TnErrorStale => c"what the handle belongs to was made anew without it",
            Self::TnErrorBusy => c"another writer holds what the call needs; try again later",
            Self::TnErrorProof => c"the proof does not hold",
            Self::TnErrorPanic => c"a bug in treenail: a panic was caught",
        }
    }
}

/// What a status means, in English: a string that is there forever. Any number may be passed; one
/// that is no status is called unknown.
///
/// Threads: any. `tn_last_error_message` has more to say about the last failure.
#[unsafe(no_mangle)]
pub extern "C" fn tn_strerror(status: i32) -> *const c_char {
    let known = Status::ALL.into_iter().find(|known| *known as i32 == status);
    known.map_or(c"unknown status", Status::text).as_ptr()
}

/// The version of the library that runs, as in `TN_VERSION` of the header it was built with: a
/// string that is there forever.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn tn_version() -> *const c_char {
    const VERSION: &CStr =
        match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
            Ok(version) => version,
            Err(_) => panic!("a version has no zero byte"),
        };
    VERSION.as_ptr()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(status: i32) -> &'static str {
        // SAFETY: the function returns a string that is there forever.
        unsafe { CStr::from_ptr(tn_strerror(status)) }.to_str().unwrap()
    }

    #[test]
    fn every_status_has_a_text_of_its_own() {
        let mut texts: Vec<&str> = Status::ALL.iter().map(|one| text(*one as i32)).collect();
        texts.sort();
        texts.dedup();
        assert_eq!(texts.len(), Status::ALL.len());
        assert!(!texts.contains(&"unknown status"));
    }

    #[test]
    fn numbers_that_are_no_status_are_unknown() {
        for number in [i32::MIN, -99, 3, i32::MAX] {
            assert_eq!(text(number), "unknown status");
        }
    }
}
