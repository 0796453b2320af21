//! The history-independent set against a naive twin.

mod diff;
mod digest;
mod naive;
mod table;
