//! What the simulator found, as literals; and the history against a model.

mod history;
mod machine;
