//! The boundary that no panic crosses, and the last failure of each thread.

use std::any::Any;
use std::cell::RefCell;
use std::ffi::{CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::status::Status;

/// Runs the body of a function that C calls: `Err` is what it returns early, be it an error or an
/// answer other than `TN_OK`.
///
/// A body may leave what it changes half done when it panics, which is why the header lets only
/// `_free` be called afterwards.
#[inline]
pub(crate) fn boundary(body: impl FnOnce() -> Result<(), Status>) -> Status {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => Status::TnOk,
        Ok(Err(status)) => {
            if status.is_error() {
                remember_plain(status);
            }
            status
        }
        Err(panic) => after_panic(&*panic),
    }
}

/// As [`boundary`], for functions that return something else than a status; `fallback` stands for a
/// panic.
#[inline]
pub(crate) fn boundary_or<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        after_panic(&*panic);
        fallback
    })
}

/// Keeps the details of a failure, to be returned from the body of a [`boundary`].
pub(crate) fn failure(status: Status, message: String, path: &[u8], os: i32) -> Status {
    debug_assert!(status.is_error(), "answers have no details");
    let detail = Detail { message: c_string(message.as_bytes()), path: c_string(path), os };
    remember(LastError { status, detail: Some(detail), fresh: true });
    status
}

/// What is known of a thread's last failure.
struct LastError {
    status: Status,
    /// Nothing where the status says it all.
    detail: Option<Detail>,
    /// Set by the call that is going on, whose end is not to overwrite it.
    fresh: bool,
}

struct Detail {
    message: CString,
    path: CString,
    os: i32,
}

thread_local! {
    static LAST: RefCell<LastError> =
        const { RefCell::new(LastError { status: Status::TnOk, detail: None, fresh: false }) };
}

fn remember(error: LastError) {
    // A thread that is ending has no place for it any more, and nobody left to ask.
    _ = LAST.try_with(|last| last.replace(error));
}

#[cold]
fn remember_plain(status: Status) {
    let is_fresh = |last: &RefCell<LastError>| {
        let mut last = last.borrow_mut();
        std::mem::take(&mut last.fresh) && last.status == status
    };
    if !LAST.try_with(is_fresh).unwrap_or(false) {
        remember(LastError { status, detail: None, fresh: false });
    }
}

#[cold]
fn after_panic(panic: &(dyn Any + Send)) -> Status {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
    let message = format!("a bug in treenail: {text}");
    let detail = Detail { message: c_string(message.as_bytes()), path: CString::default(), os: 0 };
    let status = Status::TnErrorPanic;
    remember(LastError { status, detail: Some(detail), fresh: false });
    status
}

/// The bytes up to the first zero.
fn c_string(bytes: &[u8]) -> CString {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    CString::new(&bytes[..end]).unwrap_or_default()
}

fn last<T>(fallback: T, look: impl FnOnce(&LastError) -> T) -> T {
    LAST.try_with(|last| look(&last.borrow())).unwrap_or(fallback)
}

/// What the last call that failed on this thread has to say, in English: what was being done and
/// what came of it, with the remedy where there is one. Calls that succeed leave it as it is, so
/// ask only after a failure. Never null.
///
/// Threads: each has its own. Ownership: the string belongs to the library and stays until the next
/// failure on this thread; copy it to keep it.
#[unsafe(no_mangle)]
pub extern "C" fn tn_last_error_message() -> *const c_char {
    last(c"".as_ptr(), |last| match &last.detail {
        Some(detail) => detail.message.as_ptr(),
        None => last.status.text().as_ptr(),
    })
}

/// The path of the file or directory that the last failure on this thread is about, as bytes that
/// end with a zero; empty where it is about none. Never null.
///
/// Threads and ownership: as `tn_last_error_message`.
#[unsafe(no_mangle)]
pub extern "C" fn tn_last_error_path() -> *const c_char {
    last(c"".as_ptr(), |last| last.detail.as_ref().map_or(c"".as_ptr(), |it| it.path.as_ptr()))
}

/// The number that the operating system gave the last failure on this thread (`errno`, or
/// `GetLastError` on Windows); 0 where it gave none.
///
/// Threads: each has its own.
#[unsafe(no_mangle)]
pub extern "C" fn tn_last_error_os() -> i32 {
    last(0, |last| last.detail.as_ref().map_or(0, |it| it.os))
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::*;

    fn message() -> String {
        // SAFETY: the string stays until the next failure on this thread.
        unsafe { CStr::from_ptr(tn_last_error_message()) }.to_str().unwrap().to_owned()
    }

    fn path() -> String {
        // SAFETY: the string stays until the next failure on this thread.
        unsafe { CStr::from_ptr(tn_last_error_path()) }.to_str().unwrap().to_owned()
    }

    #[test]
    fn a_panic_becomes_a_status_with_its_text() {
        let status = boundary(|| panic!("number {}", 7));
        assert_eq!(status, Status::TnErrorPanic);
        assert!(message().contains("number 7"), "{}", message());
        assert_eq!(boundary_or(5, || panic!("again")), 5);
        assert!(message().contains("again"));
    }

    #[test]
    fn details_belong_to_the_failure_that_left_them() {
        let detailed = || Err(failure(Status::TnErrorIo, "no".to_owned(), b"a/b", 2));
        assert_eq!(boundary(detailed), Status::TnErrorIo);
        assert_eq!((message(), path(), tn_last_error_os()), ("no".into(), "a/b".into(), 2));
        assert_eq!(boundary(|| Ok(())), Status::TnOk);
        assert_eq!(path(), "a/b", "success leaves it");
        assert_eq!(boundary(|| Err(Status::TnNone)), Status::TnNone);
        assert_eq!(path(), "a/b", "an answer leaves it");
        assert_eq!(boundary(|| Err(Status::TnErrorIo)), Status::TnErrorIo);
        assert_eq!((message(), path()), ("the operating system refused".into(), String::new()));
        assert_eq!(tn_last_error_os(), 0);
    }

    #[test]
    fn each_thread_has_its_own_failure() {
        boundary(|| Err(failure(Status::TnErrorLimit, "here".to_owned(), b"", 0)));
        let there = std::thread::spawn(|| (message(), path())).join().unwrap();
        assert_eq!(there, ("success".to_owned(), String::new()));
        assert_eq!(message(), "here");
    }
}
