//! What the log does when the disk refuses, fails or is full.

mod support;

use std::io;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use support::{Call, Probe, ProbedDisk, kind, payloads, small};
use treenail_store::{Error, ErrorKind, Log, Lsn, Options, Recovery};

fn eio() -> io::Error {
    io::Error::other("the disk is on fire")
}

fn full() -> io::Error {
    io::ErrorKind::StorageFull.into()
}

fn open(path: &Path, probe: &Arc<Probe>) -> Result<(Log<ProbedDisk>, Recovery), Error> {
    Log::open_on(ProbedDisk::new(path, probe), &small())
}

#[test]
fn a_failed_sync_poisons_the_log_and_is_never_tried_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let probe = Probe::new();
    let (log, _) = open(dir.path(), &probe).expect("opened");
    let durable = log.write(kind(), b"safe").expect("written");
    let mut once = Some(eio());
    probe.set(move |call, _| match once.take_if(|_| call == Call::Sync) {
        Some(error) => Err(error),
        None => Ok(()),
    });
    let end = log.append(kind(), b"unknown").expect("appended");
    let error = log.commit(end).expect_err("the sync fails");
    assert_eq!(error.kind(), ErrorKind::Poisoned);
    for part in ["sync", "on fire", "open the log again", &*dir.path().to_string_lossy()] {
        assert!(error.to_string().contains(part), "{error}");
    }
    let calls = probe.calls();
    let kinds = [
        log.commit(end).expect_err("poisoned").kind(),
        log.append(kind(), b"more").expect_err("poisoned").kind(),
        log.write(kind(), b"more").expect_err("poisoned").kind(),
        log.checkpoint(durable, b"").expect_err("poisoned").kind(),
    ];
    assert_eq!(kinds, [ErrorKind::Poisoned; 4]);
    assert_eq!(probe.calls(), calls, "nothing more was asked of the disk");
    log.commit(durable).expect("that was durable before");
    assert_eq!(payloads(&log, Lsn::ZERO), [b"safe"]);
    assert_eq!(log.close().expect_err("poisoned").kind(), ErrorKind::Poisoned);

    let (log, _) = open(dir.path(), &probe).expect("opened");
    let found = payloads(&log, Lsn::ZERO);
    assert_eq!(found[0], b"safe");
    log.write(kind(), b"again").expect("written");
}

/// A power failure keeps what was synced, and of what was only flushed any part, in any order.
#[test]
fn a_torn_flush_is_cut_and_what_was_committed_stays() {
    let whole = tempfile::tempdir().expect("a directory");
    let probe = Probe::new();
    let (log, _) = open(whole.path(), &probe).expect("opened");
    let durable = log.write(kind(), &[0; 600]).expect("written");
    let mut starts = vec![durable];
    for number in 1..8_u8 {
        let end = log.append(kind(), &[number; 600]).expect("appended");
        log.flush(end).expect("flushed");
        starts.push(end);
    }
    drop(log);
    for lost in 0..7 {
        let dir = tempfile::tempdir().expect("a directory");
        for name in ["checkpoint.a", "checkpoint.b", "0000000000000000.wal"] {
            std::fs::copy(whole.path().join(name), dir.path().join(name)).expect("copied");
        }
        // One record never reached the disk, those behind it did.
        let file = dir.path().join("0000000000000000.wal");
        let mut bytes = std::fs::read(&file).expect("read");
        let at = |lsn: Lsn| 4096 + lsn.get() as usize;
        bytes[at(starts[lost])..at(starts[lost + 1])].fill(0);
        std::fs::write(&file, bytes).expect("written");
        let (log, recovery) = open(dir.path(), &probe).expect("no corruption: nobody testified");
        assert_eq!(recovery.end(), starts[lost]);
        let found = payloads(&log, Lsn::ZERO);
        assert_eq!(found.len(), lost + 1, "what follows a gap is cut");
        assert!((0..).zip(&found).all(|(number, payload)| *payload == [number; 600]));
        log.write(kind(), b"again").expect("written");
        log.close().expect("closed");
        let (log, _) = open(dir.path(), &probe).expect("opened");
        assert_eq!(payloads(&log, Lsn::ZERO).len(), lost + 2, "nothing of the old tail is back");
    }
}

#[test]
fn a_failed_flush_poisons_the_log_and_tells_all_who_wait() {
    let dir = tempfile::tempdir().expect("a directory");
    let probe = Probe::new();
    let (log, _) = open(dir.path(), &probe).expect("opened");
    log.write(kind(), b"safe").expect("written");
    let mut left = 20;
    probe.set(move |call, _| {
        left -= i32::from(call == Call::Write);
        if left < 0 { Err(eio()) } else { Ok(()) }
    });
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let flush = |_| log.append(kind(), b"x").and_then(|end| log.flush(end)).err();
                let error = (0..).find_map(flush).expect("it ends");
                assert_eq!(error.kind(), ErrorKind::Poisoned);
            });
        }
    });
    probe.set(|_, _| Ok(()));
    drop(log);
    let (log, _) = open(dir.path(), &probe).expect("opened");
    assert_eq!(payloads(&log, Lsn::ZERO)[0], b"safe");
}

#[test]
fn all_who_wait_for_a_sync_that_fails_are_told() {
    let dir = tempfile::tempdir().expect("a directory");
    let probe = Probe::with_slow_sync(Duration::from_millis(1));
    let (log, _) = open(dir.path(), &probe).expect("opened");
    let before = probe.syncs();
    let counted = probe.clone();
    probe.set(
        move |call, _| {
            if call == Call::Sync && counted.syncs() > before + 3 { Err(eio()) } else { Ok(()) }
        },
    );
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let error = (0..).find_map(|_| log.write(kind(), b"x").err());
                assert_eq!(error.expect("it ends").kind(), ErrorKind::Poisoned);
            });
        }
    });
    assert!(!probe.retried.load(Ordering::Relaxed));
}

#[test]
fn a_failed_checkpoint_leaves_the_one_before() {
    let dir = tempfile::tempdir().expect("a directory");
    let probe = Probe::new();
    let (log, _) = open(dir.path(), &probe).expect("opened");
    let first = log.write(kind(), b"a").expect("written");
    log.checkpoint(first, b"one").expect("a checkpoint");
    let second = log.write(kind(), b"b").expect("written");
    probe.set(|call, _| if call == Call::Write { Err(full()) } else { Ok(()) });
    let error = log.checkpoint(second, b"two").expect_err("no space");
    assert_eq!(error.kind(), ErrorKind::NoSpace);
    probe.set(|call, _| if call == Call::Sync { Err(eio()) } else { Ok(()) });
    let error = log.checkpoint(second, b"two").expect_err("the sync fails");
    assert_eq!(error.kind(), ErrorKind::Poisoned);
    probe.set(|_, _| Ok(()));
    assert_eq!(log.write(kind(), b"c").expect_err("poisoned").kind(), ErrorKind::Poisoned);
    drop(log);
    let (_, recovery) = open(dir.path(), &probe).expect("opened");
    // Nobody knows which: the bytes were written, and may be on the disk.
    assert!([&b"one"[..], b"two"].contains(&&*recovery.checkpoint.content));
}

/// Takes no space: every call that would take some says that there is none.
fn no_space(call: Call, _: u64) -> io::Result<()> {
    if matches!(call, Call::Create | Call::Allocate) { Err(full()) } else { Ok(()) }
}

#[test]
fn a_full_disk_leaves_the_log_readable_and_usable_later() {
    let dir = tempfile::tempdir().expect("a directory");
    let probe = Probe::new();
    let (log, _) = open(dir.path(), &probe).expect("opened");
    probe.set(no_space);
    let mut written = 0;
    let error = loop {
        match log.write(kind(), &[1; 5000]) {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::NoSpace, "{error}");
    assert!(error.to_string().contains("free space"), "{error}");
    assert!(written > 5, "the segment's own space was there");
    assert_eq!(payloads(&log, Lsn::ZERO).len(), written);
    log.write(kind(), b"small enough").expect("written");
    log.checkpoint(log.durable(), b"on a full disk").expect("a checkpoint");
    probe.set(|_, _| Ok(()));
    log.write(kind(), &[1; 5000]).expect("there is space again");
    drop(log);

    // And opening takes none.
    probe.set(no_space);
    let (log, recovery) = open(dir.path(), &probe).expect("opened on a full disk");
    assert_eq!(recovery.records, 1);
    log.write(kind(), b"written on a full disk").expect("written");
    log.close().expect("closed");
}

#[test]
fn a_full_file_system_is_survived() {
    let dir = tempfile::tempdir().expect("a directory");
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=1m", "none"])
        .arg(dir.path())
        .output()
        .is_ok_and(|output| output.status.success());
    if !mounted {
        eprintln!("skipped: only root can mount a small file system");
        return;
    }
    let result = std::panic::catch_unwind(|| fill_file_system(&dir.path().join("log")));
    let unmounted = Command::new("umount").arg("-l").arg(dir.path()).status();
    assert!(unmounted.is_ok_and(|status| status.success()), "left mounted: {dir:?}");
    if let Err(panic) = result {
        std::panic::resume_unwind(panic);
    }
}

fn fill_file_system(path: &Path) {
    let options = Options { segment_bytes: 128 << 10, ..small() };
    let (log, _) = Log::open(path, &options).expect("opened");
    let mut ends = Vec::new();
    let error = loop {
        match log.write(kind(), &[ends.len() as u8; 1000]) {
            Ok(end) => ends.push(end),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::NoSpace, "{error}");
    drop(log);
    let (log, recovery) = Log::open(path, &options).expect("opened on a full disk");
    assert_eq!(recovery.records, ends.len() as u64);
    let found = payloads(&log, Lsn::ZERO);
    assert!(found.iter().enumerate().all(|(i, one)| *one == [i as u8; 1000]));
    // A checkpoint makes room.
    log.checkpoint(ends[ends.len() / 2], b"half").expect("a checkpoint on a full disk");
    for _ in 0..100 {
        log.write(kind(), &[9; 1000]).expect("there is room again");
    }
    log.close().expect("closed");
}

/// What a workload was told, and so what has to be true afterwards.
#[derive(Default)]
struct Told {
    /// Each record's end and payload.
    appended: Vec<(Lsn, Vec<u8>)>,
    /// How many of them were committed.
    committed: usize,
    checkpoint: Lsn,
    /// A checkpoint that may or may not be there.
    tried: Lsn,
}

/// Opens, appends, commits, makes checkpoints and closes, over several segments; stops at the
/// first error.
fn work(path: &Path, probe: &Arc<Probe>, told: &mut Told) -> Result<(), Error> {
    for round in 0..3_u8 {
        let (log, _) = open(path, probe)?;
        for number in 0..6_u8 {
            let payload = vec![round * 10 + number; 13_000];
            for part in [&payload[..], b"second of the group"] {
                let end = log.append(kind(), part)?;
                told.appended.push((end, part.to_vec()));
            }
            log.commit(log.end())?;
            told.committed = told.appended.len();
            if number == 4 {
                told.tried = log.durable();
                log.checkpoint(told.tried, &[round])?;
                told.checkpoint = told.tried;
            }
        }
        if round != 1 {
            log.close()?;
        }
    }
    Ok(())
}

/// Opens without faults, twice, and compares with what was told.
fn check(path: &Path, told: &Told, what: &str) {
    let mut first = None;
    for _ in 0..2 {
        let (log, recovery) = open(path, &Probe::with_slow_sync(Duration::from_nanos(1)))
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        let start = recovery.checkpoint.lsn;
        assert!([told.checkpoint, told.tried].contains(&start), "{what}: checkpoint {start}");
        let found = payloads(&log, start);
        let after_start = |records: &[(Lsn, Vec<u8>)]| -> Vec<Vec<u8>> {
            let after = records.iter().filter(|(end, _)| *end > start);
            after.map(|(_, payload)| payload.clone()).collect()
        };
        assert!(after_start(&told.appended).starts_with(&found), "{what}: not what was appended");
        let committed = after_start(&told.appended[..told.committed]);
        assert!(found.starts_with(&committed), "{what}: committed and lost");
        assert_eq!(first.get_or_insert(recovery.end()), &recovery.end(), "{what}: opened twice");
    }
}

/// Lets the workload's call number `at` fail, and those after it if it is to be `dead`; true if
/// there was such a call.
fn fail_at(at: u64, dead: bool, make_error: fn() -> io::Error) -> bool {
    let dir = tempfile::tempdir().expect("a directory");
    // Without real syncs: there are thousands, and no machine stops here.
    let probe = Probe::with_slow_sync(Duration::from_nanos(1));
    probe.set(
        move |_, number| {
            if number == at || dead && number > at { Err(make_error()) } else { Ok(()) }
        },
    );
    let mut told = Told::default();
    let result = work(dir.path(), &probe, &mut told);
    let what = format!("call {at}, dead: {dead}, {}, {result:?}", make_error());
    assert!(!probe.retried.load(Ordering::Relaxed), "{what}: a failed sync was tried again");
    check(dir.path(), &told, &what);
    probe.calls() > at
}

#[test]
fn whichever_call_fails_nothing_committed_is_lost() {
    for make_error in [eio, full] {
        let calls = (0..).find(|&at| !fail_at(at, false, make_error)).expect("it ends");
        assert!(calls > 100, "{calls}");
    }
}

#[test]
fn wherever_the_process_stops_nothing_committed_is_lost() {
    let calls = (0..).find(|&at| !fail_at(at, true, eio)).expect("it ends");
    assert!(calls > 100, "{calls}");
}
