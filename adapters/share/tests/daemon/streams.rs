//! Changes on their way through the daemon.

use std::fs;
use std::time::Duration;

use treenail_share::client::Client;
use treenail_share::{Delivered, From, Problem};

use super::support::{Daemon, LONG, paths, until, write};

#[test]
fn two_clients_of_one_root_share_a_tree_and_each_gets_every_change() {
    let daemon = Daemon::start("");
    let (root, client) = (daemon.root(), daemon.client());
    let mut through_ring = client.watch(&root, From::Now).unwrap();
    let mut through_socket = daemon.client().watch_through(&root, From::Now, false).unwrap();
    assert!(through_ring.has_ring() && !through_socket.has_ring());
    assert_eq!(through_ring.ready().clock.root, through_socket.ready().clock.root);
    for n in 0..50 {
        let name = format!("file{n}");
        write(&root.join(&name), "text");
        until(&mut through_ring, &name);
        until(&mut through_socket, &name);
    }
    let roots = client.roots().unwrap();
    assert_eq!(roots.len(), 1);
    assert_eq!((roots[0].users, roots[0].counts.files), (2, 50));
    assert!(through_ring.next(Some(Duration::ZERO)).unwrap().is_none());
}

#[test]
fn a_batch_arrives_as_it_left() {
    let daemon = Daemon::start("");
    let root = daemon.root();
    let mut changes = daemon.client().watch(&root, From::Now).unwrap();
    write(&root.join("a"), "text");
    until(&mut changes, "a");
    fs::rename(root.join("a"), root.join("b")).unwrap();
    let received = changes.next(LONG).unwrap().unwrap();
    let Delivered::Batch(batch) = &received.what else { panic!("{received:?}") };
    assert_eq!(batch.tick, received.clock.tick);
    assert_eq!(received.clock, changes.clock());
    assert_eq!(batch.changes[0].from.as_deref(), Some(&b"a"[..]));
    assert_eq!(&*batch.changes[0].path, b"b");
    assert_eq!(batch.changes[0].stat.unwrap().size_bytes, 4);
}

#[test]
fn a_client_that_does_not_read_delays_nobody_and_misses_nothing() {
    for ring in [true, false] {
        let daemon = Daemon::start("ring_bytes = 65536");
        let (root, client) = (daemon.root(), daemon.client());
        let mut slow = client.watch_through(&root, From::Now, ring).unwrap();
        let mut fast = client.watch_through(&root, From::Now, ring).unwrap();
        // More batches than ring, socket and queue hold.
        let long = "n".repeat(200);
        for n in 0..1500 {
            write(&root.join(format!("{long}{n}")), "x");
            until(&mut fast, &format!("{long}{n}"));
        }
        write(&root.join("end"), "x");
        until(&mut fast, "end");
        let (mut seen, mut in_sum) = (std::collections::BTreeSet::new(), false);
        while !seen.contains(&b"end"[..]) {
            let received = slow.next(LONG).unwrap().expect("the end is told");
            in_sum |= matches!(received.what, Delivered::Net { .. });
            seen.extend(paths(&received));
        }
        assert_eq!(seen.len(), 1501, "ring {ring}");
        assert!(in_sum, "it had fallen behind; ring {ring}");
    }
}

#[test]
fn a_batch_longer_than_a_message_arrives_whole() {
    for ring in [true, false] {
        let daemon = Daemon::start("ring_bytes = 65536");
        let (root, outside) = (daemon.root(), daemon.temp.path().join("outside"));
        let long = "n".repeat(240);
        fs::create_dir(&outside).unwrap();
        for n in 0..6000 {
            write(&outside.join(format!("{long}{n}")), "");
        }
        let mut changes = daemon.client().watch_through(&root, From::Now, ring).unwrap();
        fs::rename(&outside, root.join("inside")).unwrap();
        write(&root.join("end"), "");
        let seen = until(&mut changes, "end");
        let mut all = seen.len();
        while all < 6002 {
            let more = changes.next(LONG).unwrap().expect("all of it is told");
            all += paths(&more).len();
        }
        assert_eq!(all, 6002);
    }
}

#[test]
fn a_clock_goes_on_with_the_next_daemon() {
    let daemon = Daemon::start("");
    let root = daemon.root();
    let mut changes = daemon.client().watch(&root, From::Now).unwrap();
    write(&root.join("before"), "1");
    until(&mut changes, "before");
    let clock = changes.clock();
    let temp = daemon.stop();
    let problem = changes.next(LONG).unwrap_err();
    assert_eq!(problem.kind, Problem::DISCONNECTED, "{problem}");
    assert_eq!(changes.next(LONG).unwrap_err(), problem, "it stays ended");

    write(&root.join("between"), "2");
    let daemon = Daemon::start_in(temp);
    let mut changes = daemon.client().watch(&daemon.root(), From::Clock(clock)).unwrap();
    assert!(changes.ready().resumed);
    let seen = until(&mut changes, "between");
    assert!(!seen.contains(&b"before"[..]));
}

#[test]
fn a_root_whose_state_another_process_holds_is_watched_without() {
    let daemon = Daemon::start("");
    let root = daemon.root().canonicalize().unwrap();
    let state = treenail_share::state_of(&daemon.temp.path().join("state"), &root, None);
    let options = treenail_tree::live::Options { state, ..Default::default() };
    let _holder = treenail_share::Keeper::start(&root, &options).unwrap();
    let mut changes = daemon.client().watch(&root, From::Now).unwrap();
    write(&root.join("a"), "");
    until(&mut changes, "a");
    daemon.wait_for("its history is not stored");
    let told = changes.ready().lost.clone().expect("the client is told");
    assert!(told.contains("clocks end with the daemon: another process"), "{told}");
    assert_eq!(daemon.client().roots().unwrap()[0].stateless, Some(told));
    // Of a root that has a state nothing of the sort is said.
    let other = daemon.temp.path().join("other");
    fs::create_dir(&other).unwrap();
    let changes = daemon.client().watch(&other, From::Now).unwrap();
    assert_eq!(changes.ready().lost, None);
}

#[test]
fn a_state_that_cannot_be_stored_any_more_ends_nobody() {
    let daemon = Daemon::start("");
    let root = daemon.root();
    let mut changes = daemon.client().watch(&root, From::Now).unwrap();
    write(&root.join("a"), "");
    until(&mut changes, "a");
    // What stands in the journal's place makes that no more of it can be written.
    let state = daemon.temp.path().join("state");
    fs::remove_dir_all(&state).unwrap();
    write(&state, "in the way");
    let name = |one: usize| format!("{one}-{}", "x".repeat(200));
    (0..20_000).for_each(|one| write(&root.join(name(one)), ""));
    write(&root.join("b"), "");
    until(&mut changes, "b");
    daemon.wait_for("its history is not stored");
    let told = daemon.client().roots().unwrap()[0].stateless.clone();
    assert!(told.is_some_and(|why| why.starts_with("clocks end with the daemon: ")));
    // A client that comes later is told, and its clock is good as long as the daemon is.
    let mut later = daemon.client().watch(&root, From::Clock(changes.clock())).unwrap();
    assert!(later.ready().lost.is_some());
    write(&root.join("c"), "");
    assert!(!until(&mut later, "c").contains(&b"b"[..]));
}

#[test]
fn a_clock_goes_on_with_a_root_that_was_given_up() {
    let daemon = Daemon::start("idle_seconds = 1");
    let (root, client) = (daemon.root(), daemon.client());
    let clock = client.barrier(&root, None).unwrap();
    daemon.wait_for("it is given up");
    write(&root.join("meanwhile"), "");
    let mut changes = client.watch(&root, From::Clock(clock)).unwrap();
    assert!(changes.ready().resumed);
    until(&mut changes, "meanwhile");
}

#[test]
fn a_clock_of_another_root_is_fresh() {
    let daemon = Daemon::start("");
    let clock = daemon.client().barrier(&daemon.root(), None).unwrap();
    let other = treenail_tree::live::Clock { root: clock.root ^ 1, ..clock };
    let mut changes = daemon.client().watch(&daemon.root(), From::Clock(other)).unwrap();
    let received = changes.next(LONG).unwrap().unwrap();
    assert!(matches!(received.what, Delivered::Fresh(_)), "{received:?}");
}

#[test]
fn a_root_that_goes_is_told_to_its_clients_and_can_be_watched_again() {
    let daemon = Daemon::start("");
    let root = daemon.root();
    let mut changes = daemon.client().watch(&root, From::Now).unwrap();
    fs::remove_dir(&root).unwrap();
    let problem = loop {
        match changes.next(LONG) {
            Ok(received) => assert!(received.is_some(), "nothing is told"),
            Err(problem) => break problem,
        }
    };
    assert_eq!(
        (&*problem.kind, problem.path),
        ("root_gone", Some(root.canonicalize().unwrap_or(root.clone())))
    );
    assert!(daemon.client().watch(&root, From::Now).is_err());
    fs::create_dir(&root).unwrap();
    let mut changes = daemon.client().watch(&root, From::Now).unwrap();
    write(&root.join("again"), "");
    until(&mut changes, "again");
}

#[test]
fn without_memory_for_a_ring_changes_come_through_the_socket() {
    let daemon = Daemon::start("ring_bytes = 65536\nrings_bytes_max = 100000");
    let (root, client) = (daemon.root(), daemon.client());
    let first = client.watch(&root, From::Now).unwrap();
    let mut second = client.watch(&root, From::Now).unwrap();
    assert!(first.has_ring() && !second.has_ring());
    write(&root.join("a"), "");
    until(&mut second, "a");
    drop(first);
    super::support::eventually("the memory is given back", || {
        client.watch(&root, From::Now).unwrap().has_ring()
    });
}

#[test]
fn a_client_in_its_own_event_loop_is_woken() {
    use rustix::event::{PollFd, PollFlags, poll};
    let daemon = Daemon::start("");
    let root = daemon.root();
    let mut changes = daemon.client().watch(&root, From::Now).unwrap();
    for n in 0..20 {
        assert!(changes.next(Some(Duration::ZERO)).unwrap().is_none());
        write(&root.join(format!("{n}")), "");
        let limit = rustix::event::Timespec { tv_sec: 20, tv_nsec: 0 };
        let ready = poll(&mut [PollFd::new(&changes, PollFlags::IN)], Some(&limit)).unwrap();
        assert_eq!(ready, 1);
        until(&mut changes, &n.to_string());
        while changes.next(Some(Duration::from_millis(20))).unwrap().is_some() {}
    }
}

#[test]
fn an_idle_root_is_given_up_and_an_idle_daemon_ends() {
    let daemon = Daemon::start("idle_seconds = 1");
    let root = daemon.root();
    let client = daemon.client();
    let changes = client.watch(&root, From::Now).unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(client.roots().unwrap().len(), 1, "it is used");
    drop(changes);
    daemon.wait_for("it is given up");
    assert!(client.roots().unwrap().is_empty());
    let place = daemon.place.clone();
    drop(client);
    daemon.ended();
    assert_eq!(Client::connect_at(&place).err().unwrap().kind, Problem::NOT_RUNNING);
}
