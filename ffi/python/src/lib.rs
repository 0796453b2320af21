//! The native half of the Python package `treenail`.
//!
//! - `glob`: the expansion of patterns with the meaning that the standard library gives them
//! - `find`: what to look for and what to search for, as Python says it
//! - `stream`: results on their way to Python, from threads that go on meanwhile
//! - `errors`: Python's exceptions from this package's errors
//! - `text`: paths and lines as Python's text

mod errors;
mod find;
#[cfg(unix)]
mod glob;
mod stream;
mod text;

use pyo3::prelude::*;

/// What the Python half of the package builds on.
#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    #[cfg(unix)]
    glob::register(module)?;
    find::register(module)?;
    module.add_class::<stream::Results>()
}
