//! `treenail.glob`: the functions of the standard library's `glob`, and their meaning.
//!
//! - `plan`: a pattern taken apart
//! - `fnmatch`: one name against one segment of it
//! - `machine`: the expansion itself, in the standard library's order
//! - `parallel`: several machines at one pattern
//! - `results`: what they find
//! - `system`: what they ask of the system
//! - `call`: what comes from Python, and what is left to the standard library

mod call;
mod fnmatch;
mod machine;
mod parallel;
mod plan;
mod results;
mod system;

pub(crate) use call::register;
