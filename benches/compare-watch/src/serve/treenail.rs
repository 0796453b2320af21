//! Ours, in process: a keeper's callback, and the library's `since`.

use std::sync::Mutex;
use std::time::Duration;

use treenail_share::Keeper;
use treenail_tree::live::feed::{self, Rung};
use treenail_tree::live::{self, Batch, Clock, EventKind, Options};

use super::{Consumer, Kept, Place, Watching};
use crate::protocol::{Answer, Change, Kind, Ready, now};

/// With the best that the system offers.
pub(crate) fn watch(place: &Place, consumer: &Consumer) -> Result<Watching, String> {
    start(place, consumer, feed::Options::new())
}

/// As somebody who is not root.
pub(crate) fn watch_on_inotify(place: &Place, consumer: &Consumer) -> Result<Watching, String> {
    start(place, consumer, feed::Options::new().rungs(&[Rung::Inotify]))
}

pub(crate) fn keep(place: &Place) -> Result<Kept, String> {
    let keeper = Keeper::start(&place.root, &remembered(place)).map_err(|e| e.to_string())?;
    let state = keeper.clock().to_string();
    keeper.stop().map_err(|error| error.to_string())?;
    Ok(Kept { state, version: env!("CARGO_PKG_VERSION").to_owned() })
}

pub(crate) fn since(place: &Place, state: &str) -> Result<Answer, String> {
    let clock: Clock = state.parse().map_err(|_| format!("no clock: {state}"))?;
    let options = treenail_watch::Options::new().live(remembered(place)).since(clock);
    let start = now();
    let report = treenail_watch::since(&place.root, &options, Some(Duration::from_secs(60)));
    let end = now();
    let report = report.map_err(|error| error.to_string())?;
    let paths = report.changes.iter().map(|change| text(&change.path)).collect();
    Ok(Answer { start, end, is_fresh: report.fresh.is_some(), paths })
}

fn remembered(place: &Place) -> Options {
    Options { state: Some(place.state().join("live")), ..Options::default() }
}

fn start(place: &Place, consumer: &Consumer, feed: feed::Options) -> Result<Watching, String> {
    let start = now();
    let options = Options { feed, ..Options::default() };
    let keeper = Keeper::start(&place.root, &options).map_err(|error| error.to_string())?;
    let told = Mutex::new(consumer.clone());
    let call = move |batch: &Batch, _, _: &treenail_tree::Tree| {
        let at = now();
        consume(at, batch, &told.lock().expect("no callback has panicked"));
    };
    keeper.call(Box::new(call)).map_err(|error| error.to_string())?;
    let begun = keeper.ready();
    let after = |elapsed: Duration| start + elapsed.as_nanos() as u64;
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

/// Tells what a batch says.
pub(super) fn consume(at: u64, batch: &Batch, consumer: &Consumer) {
    for gap in &batch.gaps {
        consumer.error(format!("lost: {}", gap.reason));
    }
    consumer.changes(at, batch.changes.iter().filter_map(change).collect());
}

/// Tells what is said in sum.
pub(super) fn consume_net(
    at: u64,
    changes: Vec<live::Net>,
    gaps: &[live::Gap],
    consumer: &Consumer,
) {
    let changes = changes.into_iter().map(live::Change::from).collect();
    consume(at, &Batch { tick: 0, changes, gaps: gaps.to_vec() }, consumer);
}

/// Nothing for what nobody needs to act on.
fn change(change: &live::Change) -> Option<Change> {
    let path = text(&change.path);
    (!change.quiet).then(|| match (change.kind, &change.from) {
        (EventKind::Rename, Some(from)) => Change::rename(&text(from), &path),
        (EventKind::Delete, _) => Change::new(Kind::Gone, &path),
        _ => Change::new(Kind::Change, &path),
    })
}

fn text(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}
