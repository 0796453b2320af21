//! What can be run by name.

use crate::live::LiveTree;
use crate::log::Log;
use crate::runner::Scenario;

/// All scenarios.
pub fn all() -> Vec<Box<dyn Scenario>> {
    vec![Box::new(Log::sound()), Box::new(LiveTree::sound())]
}
