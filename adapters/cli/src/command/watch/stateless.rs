//! Why clocks end with this run although nobody asked for that: told once.

use std::sync::Arc;

use serde_json::json;
use treenail::watch::Watcher;

use super::follow::State;
use crate::output::{Failed, Output};

/// What was told of it.
pub(super) struct Stateless(Option<Arc<str>>);

impl Stateless {
    /// What is to be told at the start.
    pub(super) fn new(watcher: &Watcher, state: &State) -> Self {
        Self(reason(watcher).or(state.missing.map(Arc::from)))
    }

    pub(super) fn why(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// Tells that the state could not be stored any more, if that is news.
    pub(super) fn tell(&mut self, watcher: &Watcher, output: &mut Output) -> Result<(), Failed> {
        if self.0.is_some() {
            return Ok(());
        }
        self.0 = reason(watcher);
        let Some(why) = self.why() else { return Ok(()) };
        if output.json() {
            output.json_line(&json!({ "stateless": why }))?;
        } else {
            output.hint(&hint(why));
        }
        output.finish()
    }
}

pub(super) fn hint(why: &str) -> String {
    format!("clocks end with this run: {why}")
}

/// How the daemon keeps its state is its own matter.
fn reason(watcher: &Watcher) -> Option<Arc<str>> {
    watcher.keeper()?.stateless()
}
