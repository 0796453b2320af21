//! Python's exceptions from this package's errors.

use std::io;

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use treenail_glob::{Error, ErrorKind, search};

use crate::text;

/// The exception for an error.
pub(crate) fn exception(py: Python<'_>, error: &Error) -> PyErr {
    let system = error.io_error();
    let made = match error.kind() {
        ErrorKind::Pattern => pattern_error(py, &error.to_string(), error.position()),
        _ if system.is_some_and(|error| error.kind() == io::ErrorKind::Unsupported) => {
            class(py, "TraversalNotSupportedError")
                .and_then(|class| class.call1((error.to_string(),)))
        }
        _ => search_error(py, error),
    };
    made.map_or_else(|failure| failure, PyErr::from_value)
}

/// The exception for a regular expression that cannot be searched for.
pub(crate) fn regex_exception(py: Python<'_>, error: &search::PatternError, regex: &str) -> PyErr {
    let position = error.offset().map(|byte| text::characters_before(regex, byte));
    let message = format!("{error}; {}", error.remedy());
    pattern_error(py, &message, position).map_or_else(|failure| failure, PyErr::from_value)
}

/// The exception for what is asked for of a process that it was not begun in.
pub(crate) fn forked(py: Python<'_>) -> PyErr {
    let message = "this iterator was made before the process forked, and its threads are the \
                   parent's; make another";
    let made = class(py, "TraversalNotSupportedError").and_then(|class| class.call1((message,)));
    made.map_or_else(|failure| failure, PyErr::from_value)
}

/// The exception for a root that is not there.
pub(crate) fn root_exception(py: Python<'_>, root: &[u8], error: io::Error) -> PyErr {
    exception(py, &Error::io("look in", root, error))
}

fn pattern_error<'py>(
    py: Python<'py>,
    message: &str,
    position: Option<usize>,
) -> PyResult<Bound<'py, PyAny>> {
    class(py, "PatternError")?.call1((message, position))
}

/// An `OSError` with number, text and path, as the system's calls in Python raise it.
fn search_error<'py>(py: Python<'py>, error: &Error) -> PyResult<Bound<'py, PyAny>> {
    let class = class(py, "SearchError")?;
    let path = text::path(py, error.path().unwrap_or_default())?;
    match error.io_error() {
        Some(system) => match system.raw_os_error() {
            Some(number) => {
                let strerror = py.import("os")?.call_method1("strerror", (number,))?;
                class.call1((number, strerror, path))
            }
            None => class.call1((py.None(), system.to_string(), path)),
        },
        None => class.call1((error.to_string(),)),
    }
}

fn class<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    static ERRORS: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let errors = ERRORS.get_or_try_init(py, || py.import("treenail._errors").map(Bound::unbind))?;
    errors.bind(py).getattr(name)
}
