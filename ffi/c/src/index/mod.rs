//! `treenail-index`: the concurrent map and the filter.

pub mod fuse;
pub mod map;
