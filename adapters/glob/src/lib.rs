//! Finds files by name, and text in files.
