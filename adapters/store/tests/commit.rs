//! How many syncs commits take, and what a killed writer leaves.

mod support;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use support::{Probe, ProbedDisk, drain, kind, payloads, small};
use treenail_store::disk::OsDisk;
use treenail_store::{Error, ErrorKind, Log, Lsn, Options, Reader};

#[test]
fn a_single_writer_takes_exactly_one_sync_for_each_commit() {
    let dir = tempfile::tempdir().expect("a directory");
    let probe = Probe::new();
    let options = Options { segment_bytes: 1 << 20, ..small() };
    let (log, _) = Log::open_on(ProbedDisk::new(dir.path(), &probe), &options).expect("opened");
    let before = (probe.syncs(), probe.calls());
    for number in 0..100_u32 {
        log.append(kind(), b"two records").expect("appended");
        log.write(kind(), &number.to_le_bytes()).expect("written");
    }
    assert_eq!((probe.syncs() - before.0, probe.calls() - before.1), (100, 200));
    let counts = log.counts();
    assert_eq!((counts.records, counts.writes, counts.syncs), (200, 100, 100));
    log.commit(log.durable()).expect("nothing to do");
    assert_eq!(log.counts(), counts);
}

#[test]
fn a_flush_takes_exactly_one_call() {
    let dir = tempfile::tempdir().expect("a directory");
    let probe = Probe::new();
    let options = Options { segment_bytes: 1 << 20, ..small() };
    let (log, _) = Log::open_on(ProbedDisk::new(dir.path(), &probe), &options).expect("opened");
    let before = (probe.syncs(), probe.calls());
    for number in 0..100_u32 {
        log.append(kind(), b"two records").expect("appended");
        let end = log.append(kind(), &number.to_le_bytes()).expect("appended");
        log.flush(end).expect("flushed");
        assert_eq!((log.written(), log.durable()), (end, Lsn::ZERO));
        log.flush(end).expect("nothing to do");
        let mut reader = Reader::open(OsDisk::open(dir.path()).expect("opened")).expect("opened").0;
        assert_eq!(drain(&mut reader).len(), 2 * (number as usize + 1), "others see it");
    }
    assert_eq!((probe.syncs() - before.0, probe.calls() - before.1), (0, 100));
    log.commit(log.end()).expect("committed");
    assert_eq!((probe.syncs() - before.0, probe.calls() - before.1), (1, 101));
    let beyond = log.end().checked_add(8).expect("an LSN");
    assert_eq!(log.flush(beyond).expect_err("nothing is there").kind(), ErrorKind::Invalid);
}

/// Whoever is forgotten hangs.
#[test]
fn flushes_and_commits_at_the_same_time_all_end() {
    let dir = tempfile::tempdir().expect("a directory");
    let probe = Probe::with_slow_sync(Duration::from_micros(100));
    let (log, _) = Log::open_on(ProbedDisk::new(dir.path(), &probe), &small()).expect("opened");
    thread::scope(|scope| {
        for thread in 0..4 {
            let log = &log;
            scope.spawn(move || {
                for number in 0..500_u32 {
                    let end = log.append(kind(), &[thread; 500]).expect("appended");
                    if thread < 2 {
                        log.flush(end).expect("flushed");
                        assert!(log.written() >= end);
                    } else if number % 5 == 0 {
                        log.commit(end).expect("committed");
                        assert!(log.durable() >= end);
                    }
                    // By one thread: a checkpoint before the last one is refused.
                    if thread == 0 && number % 100 == 0 {
                        log.checkpoint(log.durable(), b"").expect("a checkpoint");
                    }
                }
            });
        }
    });
    assert_eq!(log.counts().records, 2000);
    log.close().expect("closed");
}

#[test]
fn writers_at_the_same_time_share_syncs() {
    const WRITERS: u32 = 64;
    const EACH: u32 = 50;
    let dir = tempfile::tempdir().expect("a directory");
    let probe = Probe::with_slow_sync(Duration::from_millis(1));
    let options = Options { segment_bytes: 1 << 20, ..small() };
    let (log, _) = Log::open_on(ProbedDisk::new(dir.path(), &probe), &options).expect("opened");
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let log = &log;
            scope.spawn(move || {
                for number in 0..EACH {
                    let payload = (writer << 16 | number).to_le_bytes();
                    let end = log.write(kind(), &payload).expect("written");
                    assert!(log.durable() >= end);
                }
            });
        }
    });
    let commits = u64::from(WRITERS * EACH);
    let counts = log.counts();
    assert_eq!(counts.records, commits);
    // In ten thousandths.
    let ratio = counts.syncs * 10_000 / commits;
    assert!(ratio <= 500, "{} syncs for {commits} commits", counts.syncs);
    let mut found: Vec<u32> = payloads(&log, Lsn::ZERO)
        .into_iter()
        .map(|bytes| u32::from_le_bytes(bytes.try_into().expect("four bytes")))
        .collect();
    for writer in 0..WRITERS {
        let own: Vec<u32> = found.iter().copied().filter(|one| one >> 16 == writer).collect();
        assert!(own.is_sorted(), "a writer's records are in its order");
    }
    found.sort_unstable();
    found.dedup();
    assert_eq!(found.len() as u64, commits);
}

/// Syncs of every length from nothing on, and few threads, so that all orders of leading, joining
/// and being woken come up; a thread that is forgotten hangs.
#[test]
fn no_writer_is_forgotten() {
    let dir = tempfile::tempdir().expect("a directory");
    let probe = Probe::with_slow_sync(Duration::from_nanos(1));
    let options = Options { segment_bytes: 1 << 20, ..small() };
    let (log, _) = Log::open_on(ProbedDisk::new(dir.path(), &probe), &options).expect("opened");
    let commits = if cfg!(debug_assertions) { 1000 } else { 20_000 };
    for writers in 2..6 {
        thread::scope(|scope| {
            for _ in 0..writers {
                scope.spawn(|| {
                    for number in 0..commits / writers {
                        log.write(kind(), b"x").expect("written");
                        if number % 7 == 0 {
                            thread::yield_now();
                        }
                    }
                });
            }
        });
        log.checkpoint(log.durable(), b"").expect("a checkpoint");
    }
}

#[test]
fn many_writers_go_through_many_segments() {
    let dir = tempfile::tempdir().expect("a directory");
    for background in [false, true] {
        let options = Options { background, ..small() };
        let (log, recovery) = Log::open(dir.path(), &options).expect("opened");
        thread::scope(|scope| {
            for writer in 0..8_u8 {
                let log = &log;
                scope.spawn(move || {
                    for _ in 0..40 {
                        let end = log.write(kind(), &[writer; 9000]).expect("written");
                        if writer == 0 {
                            log.checkpoint(end, b"").expect("a checkpoint");
                        }
                    }
                });
            }
        });
        assert!(log.counts().segments > 30, "{:?}", log.counts());
        assert_eq!(log.counts().records, 320);
        log.close().expect("closed");
        assert!(recovery.created != background);
    }
}

/// Where a child process of these tests is to write, and what it is to do.
const CHILD: &str = "TREENAIL_STORE_TEST_CHILD";

/// Not a test of its own: what the others start as a process.
#[test]
fn child() {
    let Some(task) = std::env::var_os(CHILD) else { return };
    let task = task.into_string().expect("UTF-8");
    let (what, path) = task.split_once(' ').expect("a task and a path");
    let options = Options { segment_bytes: 64 << 10, ..Options::default() };
    let (log, recovery) = Log::open(Path::new(path), &options).expect("opened");
    match what {
        "commit" => {
            for number in 0..200_u32 {
                log.write(kind(), &number.to_le_bytes()).expect("written");
            }
        }
        "endless" => write_endlessly(&log, recovery.checkpoint.lsn, Log::commit),
        "flush" => write_endlessly(&log, recovery.checkpoint.lsn, Log::flush),
        _ => panic!("what is {what}?"),
    }
}

/// Two threads write numbered records, and say so when each is committed, or flushed.
fn write_endlessly(log: &Log, from: Lsn, settle: fn(&Log, Lsn) -> Result<(), Error>) {
    let mut start = [0_u64; 2];
    for payload in payloads(log, from) {
        start[payload[0] as usize] = number(&payload);
    }
    thread::scope(|scope| {
        for writer in 0..2 {
            let start = start[writer] + 1;
            scope.spawn(move || {
                for number in start.. {
                    let mut payload = vec![writer as u8; 9 + (number * 37 % 2000) as usize];
                    payload[1..9].copy_from_slice(&number.to_le_bytes());
                    let end = log.append(kind(), &payload).expect("appended");
                    settle(log, end).expect("settled");
                    let line = format!("committed {writer} {number}\n");
                    let mut out = std::io::stdout().lock();
                    out.write_all(line.as_bytes()).expect("the parent reads");
                }
            });
        }
    });
}

fn number(payload: &[u8]) -> u64 {
    u64::from_le_bytes(payload[1..9].try_into().expect("eight bytes"))
}

fn start_child(program: &mut Command, task: &str, path: &Path) -> Child {
    program
        .args(["--exact", "child", "--nocapture", "--test-threads", "1"])
        .env(CHILD, format!("{task} {}", path.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("started")
}

fn this_program() -> PathBuf {
    std::env::current_exe().expect("it has a path")
}

#[cfg(target_os = "linux")]
#[test]
fn strace_sees_one_fdatasync_for_each_commit() {
    let dir = tempfile::tempdir().expect("a directory");
    let trace = dir.path().join("trace");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-e", "trace=fdatasync,fsync,sync,msync,syncfs,pwrite64", "-o"]);
    strace.arg(&trace).arg(this_program());
    if Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_err() {
        eprintln!("skipped: there is no strace");
        return;
    }
    let mut child = start_child(&mut strace, "commit", &dir.path().join("log"));
    let status = child.wait().expect("it ends");
    let calls = std::fs::read_to_string(&trace).unwrap_or_default();
    if !status.success() && !calls.contains("fdatasync") {
        eprintln!("skipped: strace may not trace here");
        return;
    }
    assert!(status.success());
    // Opening has its own syncs; commits begin with the first record, behind the header's block.
    let first = calls.find(".wal>").expect("it writes to a segment");
    let commits: Vec<&str> = calls[first..].lines().skip(1).collect();
    let count = |name: &str| commits.iter().filter(|line| line.contains(name)).count();
    assert_eq!(count("fdatasync("), 200, "{calls}");
    let others = ["fsync(", "msync(", "sync()", "syncfs("].iter().map(|name| count(name));
    assert_eq!(others.sum::<usize>(), 0, "{calls}");
}

#[cfg(unix)]
#[test]
fn a_killed_writer_loses_nothing_that_it_had_said_was_committed() {
    kill_writers("endless");
}

#[cfg(unix)]
#[test]
fn a_killed_writer_loses_nothing_that_it_had_flushed() {
    kill_writers("flush");
}

/// Kills writers in the middle, again and again, and compares what they said with what is there.
#[cfg(unix)]
fn kill_writers(task: &str) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("log");
    let mut committed = [0_u64; 2];
    for round in 0..25_u64 {
        let mut child = start_child(&mut Command::new(this_program()), task, &path);
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut left = 1 + round * 7 % 60;
        for line in lines.by_ref() {
            note(&line.expect("a line"), &mut committed, &mut left);
            if left == 0 {
                break;
            }
        }
        // While it is writing, which takes most of its time.
        child.kill().expect("killed");
        child.wait().expect("dead");
        left = u64::MAX;
        lines.for_each(|line| note(&line.expect("a line"), &mut committed, &mut left));

        let disk = OsDisk::open(&path).expect("opened");
        let (mut reader, _) = Reader::open(disk).expect("opened");
        let seen = drain(&mut reader);
        let (log, recovery) = Log::open(&path, &Options::default()).expect("its lock died too");
        let found = payloads(&log, recovery.checkpoint.lsn);
        assert_eq!(found, seen, "what a reader saw, recovery finds");
        for (writer, &committed) in committed.iter().enumerate() {
            let own = found.iter().filter(|payload| payload[0] as usize == writer);
            let numbers: Vec<u64> = own.map(|payload| number(payload)).collect();
            assert!(numbers.iter().copied().eq(1..=numbers.len() as u64), "{numbers:?}");
            assert!(numbers.len() as u64 >= committed, "round {round}: one is lost");
        }
    }
    assert!(committed.iter().sum::<u64>() > 500, "{committed:?}");
}

/// Remembers what a child said, and counts it.
fn note(line: &str, committed: &mut [u64; 2], left: &mut u64) {
    // The test harness says things too, and a line may be cut.
    let Some(rest) = line.split("committed ").nth(1) else { return };
    let Some((writer, number)) = rest.split_once(' ') else { return };
    if let (Ok(writer), Ok(number)) = (writer.parse::<usize>(), number.parse::<u64>()) {
        committed[writer] = committed[writer].max(number);
        *left = left.saturating_sub(1);
    }
}
