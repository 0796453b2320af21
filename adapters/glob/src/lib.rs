//! Finds files by name, and text in files.

#[cfg(feature = "search")]
pub mod search;
