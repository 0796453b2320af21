//! Changes on their way to another machine.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use treenail_share::protocol::Query;
use treenail_share::remote::client::Subscription;
use treenail_share::{Delivered, From, Problem};
use treenail_tree::live::{Clock, EventKind, Since};

use super::daemon::{Daemon, LONG, paths, write};
use super::support::Served;

/// Reads until a path has been told; all paths that were, and whether any in sum.
fn until(changes: &mut Subscription, path: &str) -> (BTreeSet<Vec<u8>>, bool) {
    let (mut seen, mut in_sum) = (BTreeSet::new(), false);
    while !seen.contains(path.as_bytes()) {
        let received = changes.next(LONG).unwrap();
        let received = received.unwrap_or_else(|| panic!("{path} is not told"));
        in_sum |= matches!(received.what, Delivered::Net { .. });
        seen.extend(paths(&received));
    }
    (seen, in_sum)
}

#[test]
fn a_batch_arrives_as_it_left() {
    let served = Served::start("");
    let (root, client) = (served.daemon.root(), served.client());
    let mut changes = client.watch("site", From::Now).unwrap();
    assert_eq!(changes.ready().counts.files, 0);
    assert!(changes.next(Some(Duration::ZERO)).unwrap().is_none());
    let odd = std::ffi::OsStr::from_bytes(b"od\xff\nd");
    fs::write(root.join(odd), "text").unwrap();
    let received = changes.next(LONG).unwrap().unwrap();
    let Delivered::Batch(batch) = &received.what else { panic!("{received:?}") };
    assert_eq!(batch.tick, received.clock.tick);
    assert_eq!(received.clock, changes.clock());
    assert_eq!(&*batch.changes[0].path, odd.as_bytes());
    assert_eq!(batch.changes[0].kind, EventKind::Create);
    assert_eq!(batch.changes[0].stat.unwrap().size_bytes, 4);
    fs::rename(root.join(odd), root.join("b")).unwrap();
    let received = changes.next(LONG).unwrap().unwrap();
    let Delivered::Batch(batch) = &received.what else { panic!("{received:?}") };
    assert_eq!(batch.changes[0].from.as_deref(), Some(odd.as_bytes()));
    assert_eq!(&*batch.changes[0].path, b"b");

    // The same batch as a local client has it.
    let mut local = served.daemon.client().watch(&root, From::Now).unwrap();
    write(&root.join("b"), "longer text");
    let (here, there) = (local.next(LONG).unwrap().unwrap(), changes.next(LONG).unwrap().unwrap());
    assert_eq!(format!("{here:?}"), format!("{there:?}"));
}

#[test]
fn questions_are_answered() {
    let served = Served::start("");
    let (root, client) = (served.daemon.root(), served.client());
    assert!(client.roots().unwrap().iter().all(|root| root.watched.is_none()));
    let before = client.clock("site").unwrap();
    fs::create_dir(root.join("dir")).unwrap();
    for n in 0..1_000 {
        write(&root.join(format!("dir/{n:0200}")), "");
    }
    let now = client.barrier("site", LONG).unwrap();
    assert!(now.tick > before.tick);
    let (since, clock) = client.since("site", before).unwrap();
    let Since::Net { changes, .. } = since else { panic!("{since:?}") };
    assert_eq!((changes.len(), clock), (1_001, now));
    let other = Clock { root: before.root ^ 1, ..before };
    assert!(matches!(client.since("site", other).unwrap().0, Since::Fresh(_)));

    let mut entries = Vec::new();
    client.query("site", &Query::default(), |entry| entries.push(entry)).unwrap();
    assert_eq!(entries.len(), 1_001);
    assert!(entries.iter().any(|entry| entry.path == b"dir"));
    let query = Query { below: b"dir".into(), globs: vec![b"*7".into()], ..Query::default() };
    let mut found = 0;
    client.query("site", &query, |_| found += 1).unwrap();
    assert_eq!(found, 100);
    let query = Query { globs: vec![b"{".into()], ..Query::default() };
    assert_eq!(client.query("site", &query, |_| ()).unwrap_err().kind, Problem::USAGE);

    let coverage = client.coverage("site").unwrap();
    assert_eq!(coverage.mounts[0].path, root.canonicalize().unwrap());
    let roots = client.roots().unwrap();
    assert_eq!(roots.len(), 2);
    let watched = roots.into_iter().find(|root| root.name == "site").unwrap().watched.unwrap();
    assert_eq!((watched.counts.files, watched.clock), (1_000, now));
}

#[test]
fn a_client_that_does_not_read_gets_net_changes_and_misses_nothing() {
    let served = Served::start("");
    let (root, client) = (served.daemon.root(), served.client());
    let long = "n".repeat(100);
    let name = |n: usize| format!("d{}/{long}{n}", n % 20);
    for n in 0..20 {
        fs::create_dir(root.join(format!("d{n}"))).unwrap();
    }
    for n in 0..20_000 {
        write(&root.join(name(n)), "1");
    }
    client.barrier("site", LONG).unwrap();
    let mut slow = client.watch("site", From::Now).unwrap();
    let mut fast = client.watch("site", From::Now).unwrap();
    let told = std::thread::scope(|scope| {
        let reading = scope.spawn(|| until(&mut fast, "end").0);
        // Twice as many changes as the daemon keeps for who has not taken them.
        for round in [b"2", b"3"] {
            for n in 0..20_000 {
                // Without cutting it first, which some file systems bring to the disk at once.
                let mut file = fs::File::options().write(true).open(root.join(name(n))).unwrap();
                file.write_all(round).unwrap();
            }
            served.daemon.client().barrier(&root, LONG).unwrap();
        }
        write(&root.join("end"), "");
        reading.join().unwrap()
    });
    assert_eq!(told.len(), 20_001);
    let (mut seen, mut in_sum) = until(&mut slow, "end");
    while seen.len() < 20_001 {
        let received = slow.next(LONG).unwrap().expect("all of it is told");
        in_sum |= matches!(received.what, Delivered::Net { .. });
        seen.extend(paths(&received));
    }
    assert_eq!(seen, told);
    assert!(in_sum, "it had fallen behind");
}

#[test]
fn a_daemon_that_ends_says_so_and_the_clock_goes_on_with_the_next() {
    let mut served = Served::start("");
    let root = served.daemon.root();
    let client = served.client();
    let mut changes = client.watch("site", From::Now).unwrap();
    write(&root.join("before"), "1");
    until(&mut changes, "before");
    let clock = changes.clock();
    let next = Daemon::start("");
    let temp = std::mem::replace(&mut served.daemon, next).stop();
    let problem = changes.next(LONG).unwrap_err();
    assert_eq!(problem.kind, Problem::DISCONNECTED, "{problem}");
    assert!(problem.message.contains("the daemon ends"), "{problem}");
    assert_eq!(changes.next(LONG).unwrap_err(), problem, "it stays ended");
    assert_eq!(client.roots().unwrap_err().kind, Problem::DISCONNECTED);

    write(&root.join("between"), "2");
    served.daemon = Daemon::start_in(temp);
    let mut changes = served.client().watch("site", From::Clock(clock)).unwrap();
    assert!(changes.ready().resumed);
    let (seen, _) = until(&mut changes, "between");
    assert!(!seen.contains(&b"before"[..]));
}

#[test]
fn a_client_that_goes_gives_its_root_back() {
    let served = Served::start("");
    let client = served.client();
    let changes = client.watch("site", From::Now).unwrap();
    let users = || served.daemon.client().roots().unwrap()[0].users;
    assert_eq!(users(), 1);
    drop(changes);
    super::daemon::eventually("nobody uses it", || users() == 0);
}

#[test]
fn a_root_that_goes_is_told() {
    let served = Served::start("");
    let (root, client) = (served.daemon.root(), served.client());
    let mut changes = client.watch("site", From::Now).unwrap();
    fs::remove_dir(&root).unwrap();
    let problem = loop {
        match changes.next(LONG) {
            Ok(received) => assert!(received.is_some(), "nothing is told"),
            Err(problem) => break problem,
        }
    };
    assert_eq!(&*problem.kind, "root_gone", "{problem}");
    assert!(client.watch("site", From::Now).is_err());
}

#[test]
fn while_others_are_served_an_idle_daemon_stays() {
    let served = Served::start("");
    served.configure(&format!("idle_seconds = 1\n{}", served.config("")));
    served.daemon.wait_for("read again");
    let client = served.client();
    client.clock("site").unwrap();
    served.daemon.wait_for("it is given up");
    std::thread::sleep(Duration::from_millis(1_500));
    write(&served.daemon.root().join("a"), "");
    client.barrier("site", LONG).unwrap();
    served.configure("idle_seconds = 1");
    served.daemon.ended();
}
