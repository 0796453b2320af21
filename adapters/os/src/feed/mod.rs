//! What the system reports of changes in directories.

mod event;

pub use event::{Event, Loss, Token, What};
