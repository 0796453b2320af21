//! One tree, many readers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use treenail_share::{Delivered, Delivery, ErrorKind, From, Keeper, Subscription};
use treenail_tree::live::{Clock, EventKind, Options, Since};

const SOON: Option<Duration> = Some(Duration::from_secs(20));

fn keep(root: &Path) -> Keeper {
    Keeper::start(root, &Options::default()).expect("a keeper")
}

/// The paths of a delivery, with what became of each.
fn paths(delivery: &Delivery) -> Vec<(String, EventKind)> {
    let text = |path: &[u8]| String::from_utf8(path.to_vec()).unwrap();
    match &delivery.what {
        Delivered::Batch(batch) => {
            batch.changes.iter().map(|change| (text(&change.path), change.kind)).collect()
        }
        Delivered::Net { changes, .. } => {
            changes.iter().map(|change| (text(&change.path), change.kind)).collect()
        }
        Delivered::Fresh(fresh) => panic!("{fresh}"),
    }
}

/// Everything that is delivered until a clock.
fn until(subscription: &mut Subscription, clock: Clock) -> Vec<Delivery> {
    let mut deliveries = Vec::new();
    while subscription.clock().tick < clock.tick {
        deliveries.push(subscription.next(SOON).expect("no error").expect("a delivery"));
    }
    deliveries
}

#[test]
fn a_reader_that_is_away_during_20_000_rewrites_of_2_000_files_loses_none() {
    let dir = tempfile::tempdir().unwrap();
    for file in 0..2_000 {
        fs::write(dir.path().join(format!("f{file}")), "begin").unwrap();
    }
    let keeper = keep(dir.path());
    let mut away = keeper.subscribe(From::Now);
    let counted = Arc::new(Mutex::new(0));
    let count = counted.clone();
    let call = move |batch: &treenail_tree::live::Batch, _, _: &treenail_tree::Tree| {
        *count.lock().unwrap() += batch.changes.len();
    };
    keeper.call(Box::new(call)).unwrap();
    for round in 0..10 {
        for file in 0..2_000 {
            fs::write(dir.path().join(format!("f{file}")), format!("{round}")).unwrap();
        }
    }
    let end = keeper.barrier(SOON).unwrap();
    assert!(*counted.lock().unwrap() >= 2_000, "a callback is never behind");
    let told: BTreeMap<String, EventKind> = until(&mut away, end).iter().flat_map(paths).collect();
    assert_eq!(told.len(), 2_000);
    assert!(told.values().all(|kind| *kind == EventKind::Modify));
    while let Some(delivery) = away.next(Some(Duration::ZERO)).unwrap() {
        // Ids that became known; many of them, if this thread had to wait for its turn.
        let quiet = match &delivery.what {
            Delivered::Batch(batch) => batch.changes.iter().all(|change| change.quiet),
            Delivered::Net { changes, .. } => changes.iter().all(|change| change.quiet),
            Delivered::Fresh(_) => false,
        };
        assert!(quiet, "{:?}", delivery.what);
    }
}

#[test]
fn whoever_writes_a_large_file_can_say_where() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image");
    fs::write(&path, vec![7; 3 << 20]).unwrap();
    let options = Options { open_max: Duration::from_secs(600), ..Options::default() };
    let keeper = Keeper::start(dir.path(), &options).unwrap();
    let mut changes = keeper.subscribe(From::Now);
    keeper.learn(b"image");
    let known = changes.next(SOON).unwrap().unwrap();
    assert_eq!(paths(&known), [("image".to_owned(), EventKind::Modify)]);
    let mut file = fs::File::options().write(true).open(&path).unwrap();
    file.write_all(b"new").unwrap();
    // As long as the file is open nobody else reads it.
    keeper.wrote(b"image", 0..3).unwrap();
    drop(file);
    let told = changes.next(SOON).unwrap().unwrap();
    let Delivered::Batch(batch) = &told.what else { panic!("{:?}", told.what) };
    assert_eq!(batch.changes[0].ranges.first(), Some(&(0..4096)));
    let missing = keeper.wrote(b"none", 0..3).unwrap_err();
    assert_eq!(missing.path(), Path::new("none"));
    keeper.stop().unwrap();
}

#[test]
fn who_keeps_up_gets_batches_and_who_falls_behind_gets_the_sum_and_then_batches_again() {
    let dir = tempfile::tempdir().unwrap();
    let keeper = keep(dir.path());
    let (mut quick, mut slow) = (keeper.subscribe(From::Now), keeper.subscribe(From::Now));
    let mut batches = 0;
    for step in 0..300 {
        fs::write(dir.path().join(format!("f{}", step % 7)), format!("{step}")).unwrap();
        let clock = keeper.barrier(SOON).unwrap();
        for delivery in until(&mut quick, clock) {
            assert!(matches!(delivery.what, Delivered::Batch(_)));
            batches += 1;
        }
    }
    assert!(batches >= 300, "a rewrite may be seen in two steps");
    let net = slow.next(SOON).unwrap().expect("what it missed");
    assert!(matches!(net.what, Delivered::Net { .. }), "{:?}", net.what);
    assert_eq!(net.clock, keeper.clock());
    let names: Vec<(String, EventKind)> =
        (0..7).map(|file| (format!("f{file}"), EventKind::Create)).collect();
    assert_eq!(paths(&net), names);
    fs::write(dir.path().join("f0"), "again").unwrap();
    let next = slow.next(SOON).unwrap().expect("a batch");
    assert!(matches!(next.what, Delivered::Batch(_)));
    assert_eq!(paths(&next), [("f0".to_owned(), EventKind::Modify)]);
}

#[test]
fn one_that_pauses_goes_on_from_its_place_also_as_another_subscription() {
    let dir = tempfile::tempdir().unwrap();
    let keeper = keep(dir.path());
    let mut first = keeper.subscribe(From::Now);
    fs::write(dir.path().join("a"), "1").unwrap();
    let end = keeper.barrier(SOON).unwrap();
    until(&mut first, end);
    let place = first.clock();
    drop(first);
    fs::write(dir.path().join("b"), "1").unwrap();
    fs::remove_file(dir.path().join("a")).unwrap();
    keeper.barrier(SOON).unwrap();
    let mut second = keeper.subscribe(From::Clock(place));
    let delivery = second.next(SOON).unwrap().unwrap();
    let told = paths(&delivery);
    assert_eq!(told, [("a".into(), EventKind::Delete), ("b".into(), EventKind::Create)]);
    assert!(delivery.tree.lookup(b"b").is_some() && delivery.tree.lookup(b"a").is_none());
}

#[test]
fn a_clock_that_says_nothing_is_answered_so_and_the_stream_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let keeper = keep(dir.path());
    let other = Clock { root: keeper.clock().root ^ 1, ..keeper.clock() };
    let mut subscription = keeper.subscribe(From::Clock(other));
    let delivery = subscription.next(SOON).unwrap().unwrap();
    assert!(matches!(delivery.what, Delivered::Fresh(_)));
    fs::write(dir.path().join("a"), "1").unwrap();
    assert_eq!(paths(&subscription.next(SOON).unwrap().unwrap()).len(), 1);
}

#[test]
fn many_readers_each_get_everything() {
    let dir = tempfile::tempdir().unwrap();
    let keeper = keep(dir.path());
    let readers: Vec<Subscription> = (0..16).map(|_| keeper.subscribe(From::Now)).collect();
    let told = thread::scope(|scope| {
        let reading: Vec<_> = readers
            .into_iter()
            .map(|mut reader| {
                scope.spawn(move || {
                    let mut names = BTreeSet::new();
                    while !names.contains("last") {
                        let delivery = reader.next(SOON).unwrap().expect("in time");
                        names.extend(paths(&delivery).into_iter().map(|(path, _)| path));
                    }
                    names
                })
            })
            .collect();
        for file in 0..500 {
            fs::write(dir.path().join(format!("f{file}")), "x").unwrap();
        }
        keeper.barrier(SOON).unwrap();
        fs::write(dir.path().join("last"), "x").unwrap();
        reading.into_iter().map(|reader| reader.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(told.iter().all(|names| names.len() == 501));
}

#[test]
fn a_root_that_goes_is_told_to_all_after_the_rest_and_questions_are_still_answered() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("a"), "1").unwrap();
    let keeper = keep(&root);
    let begin = keeper.clock();
    let mut readers: Vec<Subscription> = (0..3).map(|_| keeper.subscribe(From::Now)).collect();
    fs::remove_dir_all(&root).unwrap();
    for reader in &mut readers {
        let mut gone = BTreeSet::new();
        let error = loop {
            match reader.next(SOON) {
                Ok(delivery) => gone.extend(paths(&delivery.expect("in time"))),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::Tree(treenail_tree::ErrorKind::RootGone));
        assert!(error.remedy().is_some());
        assert!(gone.contains(&("a".to_owned(), EventKind::Delete)), "{gone:?}");
        assert!(reader.next(None).is_err(), "and again");
    }
    assert!(matches!(keeper.since(begin).unwrap().0, Since::Net { .. }));
    let error = keeper.barrier(SOON).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tree(treenail_tree::ErrorKind::RootGone));
}

#[test]
fn stop_ends_the_thread_and_wakes_who_waits() {
    let dir = tempfile::tempdir().unwrap();
    let keeper = keep(dir.path());
    let mut reader = keeper.subscribe(From::Now);
    thread::scope(|scope| {
        let waiting = scope.spawn(move || reader.next(None).map(|_| ()).unwrap_err());
        keeper.stop().unwrap();
        assert_eq!(waiting.join().unwrap().kind(), ErrorKind::Stopped);
    });
}

#[test]
fn an_interruption_ends_one_wait_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let keeper = keep(dir.path());
    let mut reader = keeper.subscribe(From::Now);
    let interrupter = reader.interrupter();
    thread::scope(|scope| {
        let waiting = scope.spawn(move || {
            assert!(reader.next(None).unwrap().is_none());
            reader
        });
        interrupter.interrupt();
        let mut reader = waiting.join().unwrap();
        fs::write(dir.path().join("a"), "1").unwrap();
        assert_eq!(paths(&reader.next(None).unwrap().unwrap()).len(), 1);
    });
}

#[test]
fn a_callback_that_panics_ends_the_keeper_and_nobody_waits_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let keeper = keep(dir.path());
    let mut reader = keeper.subscribe(From::Now);
    keeper.call(Box::new(|_, _, _| panic!("a callback's own fault"))).unwrap();
    fs::write(dir.path().join("a"), "1").unwrap();
    let ended = std::iter::repeat_with(|| reader.next(SOON)).find_map(Result::err).unwrap();
    assert_eq!(ended.kind(), ErrorKind::Stopped);
    assert_eq!(keeper.barrier(SOON).unwrap_err().kind(), ErrorKind::Stopped);
    assert_eq!(keeper.statistics().unwrap_err().kind(), ErrorKind::Stopped);
}

#[test]
fn a_keeper_that_starts_again_goes_on_from_clocks_of_the_one_before() {
    let (dir, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let options = Options { state: Some(state.path().join("s")), ..Options::default() };
    let keeper = Keeper::start(dir.path(), &options).unwrap();
    let place = keeper.subscribe(From::Now).clock();
    keeper.stop().unwrap();
    fs::write(dir.path().join("a"), "1").unwrap();
    let keeper = Keeper::start(dir.path(), &options).unwrap();
    assert!(keeper.ready().resumed);
    let mut now = keeper.subscribe(From::Now);
    assert!(now.next(Some(Duration::ZERO)).unwrap().is_none(), "what is past is not news");
    let mut then = keeper.subscribe(From::Clock(place));
    let delivery = then.next(SOON).unwrap().unwrap();
    assert_eq!(paths(&delivery), [("a".to_owned(), EventKind::Create)]);
    assert!(keeper.tree().lookup(b"a").is_some());
}

#[test]
fn a_barrier_ends_in_time_and_others_are_served_where_writing_never_ends() {
    let dir = tempfile::tempdir().unwrap();
    let keeper = keep(dir.path());
    let mut subscription = keeper.subscribe(From::Now);
    let stop = AtomicBool::new(false);
    let keeps_writing = |number: u32| {
        while !stop.load(Ordering::Relaxed) {
            fs::write(dir.path().join(format!("file{number}")), "text").unwrap();
        }
    };
    thread::scope(|scope| {
        for number in 0..4 {
            scope.spawn(move || keeps_writing(number));
        }
        // A barrier without an end, which must be in nobody's way.
        let endless = scope.spawn(|| keeper.barrier(None));
        for _ in 0..5 {
            match keeper.barrier(Some(Duration::from_millis(100))) {
                Ok(_) => {}
                Err(error) => assert_eq!(error.kind(), ErrorKind::TimedOut),
            }
            keeper.statistics().unwrap();
            subscription.next(SOON).unwrap().expect("a delivery");
        }
        stop.store(true, Ordering::Relaxed);
        endless.join().unwrap().unwrap();
    });
    keeper.barrier(SOON).unwrap();
    assert_eq!(keeper.tree().counts().files, 4);
}
