//! The engine driven by hand: what it asks for, in which order, and when it lets others join.

mod support;

use std::io;

use support::{kind, small};
use treenail_store::disk::OsDisk;
use treenail_store::{Action, Done, Lsn, Parts, Refusal, open};

fn parts() -> (tempfile::TempDir, Parts<OsDisk>) {
    let dir = tempfile::tempdir().expect("a directory");
    let disk = OsDisk::open(dir.path()).expect("opened");
    let parts = open(disk, &small()).expect("opened");
    (dir, parts)
}

/// Performs the action that is next, and says what it was.
fn step(parts: &mut Parts<OsDisk>) -> Option<&'static str> {
    let action = parts.engine.commit()?;
    let name = match &action {
        Action::Begin(segment) => {
            assert_eq!(segment.durable, segment.first, "all before a segment is durable");
            assert_eq!(parts.engine.durable(), segment.first);
            "begin"
        }
        Action::Write { .. } => "write",
        Action::Sync => "sync",
        Action::Provide => panic!("that is the other lane's"),
    };
    assert!(parts.engine.commit().is_none(), "one action at a time");
    let done = parts.files.perform(action);
    parts.engine.complete(done);
    Some(name)
}

fn steps(parts: &mut Parts<OsDisk>) -> Vec<&'static str> {
    std::iter::from_fn(|| step(parts)).collect()
}

fn provide(parts: &mut Parts<OsDisk>) {
    let action = parts.engine.provide().expect("there is no spare file");
    assert!(parts.engine.provide().is_none(), "one is coming");
    let done = parts.files.perform(action);
    parts.engine.complete(done);
}

#[test]
fn what_comes_while_a_write_is_under_way_shares_its_sync() {
    let (_dir, mut parts) = parts();
    assert!(parts.engine.commit().is_none());
    let first = parts.engine.append(kind(), b"first").expect("appended");
    let write = parts.engine.commit().expect("a write");
    let second = parts.engine.append(kind(), b"second").expect("appended");
    let done = parts.files.perform(write);
    parts.engine.complete(done);
    assert_eq!(parts.engine.under_way(), first);
    assert_eq!(step(&mut parts), Some("write"));
    let sync = parts.engine.commit().expect("a sync");
    let late = parts.engine.append(kind(), b"late").expect("appended");
    let done = parts.files.perform(sync);
    assert_eq!(parts.engine.durable(), Lsn::ZERO, "nothing is durable before the sync is done");
    parts.engine.complete(done);
    assert_eq!(parts.engine.durable(), second);
    assert_eq!(steps(&mut parts), ["write", "sync"]);
    assert_eq!(parts.engine.durable(), late);
}

#[test]
fn a_busy_appender_does_not_put_a_sync_off_for_ever() {
    let (_dir, mut parts) = parts();
    let mut writes = 0;
    for _ in 0..100 {
        parts.engine.append(kind(), b"more").expect("appended");
        match step(&mut parts) {
            Some("write") => writes += 1,
            _ => break,
        }
    }
    assert!((2..10).contains(&writes), "{writes}");
}

/// Performs what a flush takes, and says what it was.
fn flush(parts: &mut Parts<OsDisk>) -> Vec<&'static str> {
    std::iter::from_fn(|| {
        let action = parts.engine.flush()?;
        let name = match &action {
            Action::Begin(_) => "begin",
            Action::Write { .. } => "write",
            Action::Sync => "sync",
            Action::Provide => panic!("that is the other lane's"),
        };
        assert!(parts.engine.flush().is_none(), "one action at a time");
        let done = parts.files.perform(action);
        parts.engine.complete(done);
        Some(name)
    })
    .collect()
}

#[test]
fn a_flush_is_one_write_and_the_commit_behind_it_one_sync() {
    let (_dir, mut parts) = parts();
    assert!(flush(&mut parts).is_empty());
    for _ in 0..10 {
        parts.engine.append(kind(), b"one").expect("appended");
        let end = parts.engine.append(kind(), b"two").expect("appended");
        assert_eq!(flush(&mut parts), ["write"]);
        assert_eq!((parts.engine.written(), parts.engine.durable()), (end, Lsn::ZERO));
        assert!(flush(&mut parts).is_empty());
    }
    let end = parts.engine.append(kind(), b"committed").expect("appended");
    assert_eq!(steps(&mut parts), ["write", "sync"], "flushes do not use up the joining writes");
    assert_eq!((parts.engine.written(), parts.engine.durable()), (end, end));
    parts.engine.append(kind(), b"more").expect("appended");
    assert_eq!(flush(&mut parts), ["write"]);
    assert_eq!(steps(&mut parts), ["sync"]);
}

#[test]
fn a_flush_syncs_only_to_begin_a_segment() {
    let (_dir, mut parts) = parts();
    let payload = [1; 20_000];
    for _ in 0..3 {
        parts.engine.append(kind(), &payload).expect("appended");
        assert_eq!(flush(&mut parts), ["write"]);
    }
    provide(&mut parts);
    let middle = parts.engine.end();
    let end = parts.engine.append(kind(), &payload).expect("appended");
    assert_eq!(flush(&mut parts), ["sync", "begin", "write"]);
    assert_eq!((parts.engine.durable(), parts.engine.written()), (middle, end));
}

#[test]
fn a_failed_flush_poisons_the_log() {
    let (_dir, mut parts) = parts();
    parts.engine.append(kind(), b"lost").expect("appended");
    let Some(Action::Write { bytes, .. }) = parts.engine.flush() else { panic!("a write") };
    parts.engine.complete(Done::Written(Err(io::Error::other("no")), bytes));
    assert!(parts.engine.fault().expect("a fault").operation.contains("write"));
    assert!(parts.engine.flush().is_none() && parts.engine.commit().is_none());
    assert_eq!(parts.engine.written(), Lsn::ZERO);
}

#[test]
fn a_segment_is_begun_when_all_before_it_is_durable() {
    let (_dir, mut parts) = parts();
    let payload = [1; 20_000];
    for _ in 0..3 {
        parts.engine.append(kind(), &payload).expect("appended");
    }
    assert!(parts.engine.wants_spare());
    let refusal = parts.engine.append(kind(), &payload).expect_err("the segment is full");
    assert!(matches!(refusal, Refusal::NoSpare), "{refusal:?}");
    provide(&mut parts);
    parts.engine.append(kind(), &payload).expect("appended");
    assert!(parts.engine.provide().is_none(), "the spare is not begun yet");
    for _ in 0..2 {
        parts.engine.append(kind(), &payload).expect("appended");
    }
    let refusal = parts.engine.append(kind(), &payload).expect_err("two segments wait");
    assert!(matches!(refusal, Refusal::Pending), "{refusal:?}");
    assert_eq!(steps(&mut parts), ["write", "sync", "begin", "write", "sync"]);
    assert_eq!(parts.engine.durable(), parts.engine.end());
}

#[test]
fn what_waits_is_bounded() {
    let dir = tempfile::tempdir().expect("a directory");
    let disk = OsDisk::open(dir.path()).expect("opened");
    let options = treenail_store::Options { pending_bytes_max: 10_000, ..small() };
    let mut parts = open(disk, &options).expect("opened");
    parts.engine.append(kind(), &[0; 50_000]).expect("one larger than that is let in alone");
    let refusal = parts.engine.append(kind(), b"").expect_err("enough waits");
    assert!(matches!(refusal, Refusal::Pending), "{refusal:?}");
    assert_eq!(steps(&mut parts), ["write", "sync"]);
    parts.engine.append(kind(), b"").expect("appended");
}

#[test]
fn a_failed_spare_file_poisons_nothing() {
    let (_dir, mut parts) = parts();
    for _ in 0..3 {
        parts.engine.append(kind(), &[1; 20_000]).expect("appended");
    }
    parts.engine.provide().expect("an action");
    parts.engine.complete(Done::Provided(Err(io::ErrorKind::StorageFull.into())));
    assert!(!parts.engine.wants_spare(), "not before it is needed");
    assert_eq!(steps(&mut parts), ["write", "sync"]);
    let refusal = parts.engine.append(kind(), &[1; 20_000]).expect_err("still full");
    assert!(matches!(refusal, Refusal::NoSpare), "{refusal:?}");
    provide(&mut parts);
    parts.engine.append(kind(), &[1; 20_000]).expect("appended");
}

#[test]
fn a_failed_action_poisons_everything_behind_it() {
    for failing in ["write", "sync"] {
        let (_dir, mut parts) = parts();
        let durable = parts.engine.append(kind(), b"durable").expect("appended");
        steps(&mut parts);
        parts.engine.append(kind(), b"lost").expect("appended");
        if failing == "sync" {
            step(&mut parts);
        }
        let error = || Err(io::Error::other("no"));
        let done = match parts.engine.commit().expect("an action") {
            Action::Write { bytes, .. } => Done::Written(error(), bytes),
            Action::Sync => Done::Synced(error()),
            other => panic!("{other:?}"),
        };
        parts.engine.complete(done);
        assert!(parts.engine.fault().expect("a fault").operation.contains(failing));
        assert!(parts.engine.commit().is_none() && parts.engine.provide().is_none());
        let refusal = parts.engine.append(kind(), b"").expect_err("poisoned");
        assert!(matches!(refusal, Refusal::Poisoned(_)), "{refusal:?}");
        assert_eq!(parts.engine.durable(), durable);
    }
}

#[test]
#[should_panic(expected = "Synced")]
fn an_action_that_was_not_asked_for_is_not_completed() {
    let (_dir, mut parts) = parts();
    parts.engine.complete(Done::Synced(Ok(())));
}
