//! The native half of the Python package `treenail`.
//!
//! - `glob`: the expansion of patterns with the meaning that the standard library gives them.

#[cfg(unix)]
mod glob;

use pyo3::prelude::*;

/// What the Python half of the package builds on.
#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    #[cfg(unix)]
    glob::register(module)?;
    let _ = module;
    Ok(())
}
