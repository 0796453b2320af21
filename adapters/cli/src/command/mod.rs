//! The commands, one a file.

pub(crate) mod diff;
pub(crate) mod hash;
pub(crate) mod manual;
mod side;
pub(crate) mod tour;
pub(crate) mod tree;
