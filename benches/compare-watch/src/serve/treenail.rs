//! Ours, in process: a keeper's callback.

use std::sync::Mutex;

use treenail_share::Keeper;
use treenail_tree::live::feed::{self, Rung};
use treenail_tree::live::{EventKind, Options};

use super::{Consumer, Place, Watching};
use crate::protocol::{Change, Kind, Ready, now};

/// With the best that the system offers.
pub(crate) fn watch(place: &Place, consumer: &Consumer) -> Result<Watching, String> {
    start(place, consumer, feed::Options::new())
}

/// As somebody who is not root.
pub(crate) fn watch_on_inotify(place: &Place, consumer: &Consumer) -> Result<Watching, String> {
    start(place, consumer, feed::Options::new().rungs(&[Rung::Inotify]))
}

fn start(place: &Place, consumer: &Consumer, feed: feed::Options) -> Result<Watching, String> {
    let start = now();
    let options = Options { feed, ..Options::default() };
    let keeper = Keeper::start(&place.root, &options).map_err(|error| error.to_string())?;
    let told = Mutex::new(consumer.clone());
    let call = move |batch: &treenail_tree::live::Batch, _, _: &treenail_tree::Tree| {
        let at = now();
        let text = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
        let loud = batch.changes.iter().filter(|change| !change.quiet);
        let changes = loud.map(|change| match (change.kind, &change.from) {
            (EventKind::Rename, Some(from)) => Change::rename(&text(from), &text(&change.path)),
            (EventKind::Delete, _) => {
                Change { kind: Kind::Gone, path: text(&change.path), old: None }
            }
            _ => Change { kind: Kind::Change, path: text(&change.path), old: None },
        });
        let told = told.lock().expect("no callback has panicked");
        for gap in &batch.gaps {
            told.error(format!("lost: {}", gap.reason));
        }
        told.changes(at, changes.collect());
    };
    keeper.call(Box::new(call)).map_err(|error| error.to_string())?;
    let begun = keeper.ready();
    let after = |elapsed: std::time::Duration| start + elapsed.as_nanos() as u64;
    let ready = Ready {
        start,
        armed: after(begun.armed),
        complete: now(),
        pids: vec![std::process::id()],
        version: env!("CARGO_PKG_VERSION").to_owned(),
        backend: begun.rung.to_string(),
    };
    Ok(Watching { ready, stop: Box::new(move || drop(keeper.stop())) })
}
