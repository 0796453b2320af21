//! Globs and ignore rules, compiled once per directory stack, with git's verdicts.

pub mod gitignore;
pub mod glob;
mod index;
mod name;
mod paths;
mod positions;
mod table;
mod token;
