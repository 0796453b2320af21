//! Who may write.

mod support;

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use support::{drain, kind, small};
use treenail_store::disk::OsDisk;
use treenail_store::{ErrorKind, Log, Reader};

#[test]
fn one_writer_at_a_time_and_any_number_of_readers() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, _) = Log::open(dir.path(), &small()).expect("opened");
    log.write(kind(), b"a").expect("written");
    let error = Log::open(dir.path(), &small()).expect_err("it fails");
    assert_eq!(error.kind(), ErrorKind::Locked);
    assert!(error.to_string().contains("another writer"), "{error}");
    let disk = OsDisk::open(dir.path()).expect("opened");
    let (mut reader, _) = Reader::open(disk).expect("opened");
    assert_eq!(drain(&mut reader), [b"a"]);
    drop(log);
    Log::open(dir.path(), &small()).expect("opened again");
}

#[test]
fn a_process_that_is_begun_meanwhile_does_not_keep_the_lock() {
    let dir = tempfile::tempdir().expect("a directory");
    let done = AtomicBool::new(false);
    let program = std::env::current_exe().expect("this program");
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                // It says which tests there are.
                let mut child = Command::new(&program);
                child.args(["--list", "one_writer"]).stdout(Stdio::null());
                assert!(child.status().expect("it runs").success());
            }
        });
        let opened = (0..300).find_map(|_| Log::open(dir.path(), &small()).err());
        done.store(true, Ordering::Relaxed);
        assert!(opened.is_none(), "{opened:?}");
    });
}
