//! Paths and lines as Python's text.

use std::ops::Range;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyString;

/// A path as Python decodes file names.
pub(crate) fn path<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyString>> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(PyString::new(py, text)),
        Err(_) => undecodable(py, bytes),
    }
}

/// Text of what is no UTF-8.
#[cold]
pub(crate) fn undecodable<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyString>> {
    let length = bytes.len() as ffi::Py_ssize_t;
    // SAFETY: the pointer is to as many bytes as is said, the interpreter is attached, and what is
    // returned is a new reference or NULL with an exception set, which is what is expected of it.
    let decoded = unsafe {
        let decoded = ffi::PyUnicode_DecodeFSDefaultAndSize(bytes.as_ptr().cast(), length);
        Bound::from_owned_ptr_or_err(py, decoded)?
    };
    Ok(decoded.cast_into()?)
}

/// A line of a file without its end, and ranges of it counted in characters. What is no UTF-8
/// becomes U+FFFD.
pub(crate) fn line(bytes: &[u8], spans: &[Range<usize>]) -> (String, Vec<(usize, usize)>) {
    let end = match bytes {
        [.., b'\r', b'\n'] => bytes.len() - 2,
        [.., b'\n'] => bytes.len() - 1,
        _ => bytes.len(),
    };
    if bytes[..end].is_ascii() {
        let spans = spans.iter().map(|span| (span.start.min(end), span.end.min(end))).collect();
        return (String::from_utf8_lossy(&bytes[..end]).into_owned(), spans);
    }
    let (mut text, mut count, mut done) = (String::with_capacity(end), 0, 0);
    // A span begins and ends where characters do, so that nothing is torn by decoding it alone.
    let mut decode_to = |to: usize| {
        let to = to.clamp(done, end);
        let piece = String::from_utf8_lossy(&bytes[done..to]);
        count += piece.chars().count();
        text.push_str(&piece);
        done = to;
        count
    };
    let spans = spans.iter().map(|span| (decode_to(span.start), decode_to(span.end))).collect();
    decode_to(end);
    (text, spans)
}

/// How many characters stand before a byte of the text.
pub(crate) fn characters_before(text: &str, byte: usize) -> usize {
    text.char_indices().take_while(|&(at, _)| at < byte).count()
}
