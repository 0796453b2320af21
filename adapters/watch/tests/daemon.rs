//! A watcher tells the same, whether its tree is its own or the daemon's.
#![cfg(unix)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use treenail_os::feed::Rung;
use treenail_share::client::Client;
use treenail_share::server::{self, Server, Stopper};
use treenail_share::{Place, Problem};
use treenail_tree::live::{Clock, EventKind, Fresh};
use treenail_watch::{ErrorKind, Filter, Options, Report, Type, Watcher, select};

const SOON: Option<Duration> = Some(Duration::from_secs(20));

type Told = (EventKind, String, Option<String>);

/// A daemon in a thread of the test.
struct Daemon {
    temp: tempfile::TempDir,
    stopper: Stopper,
    thread: Option<JoinHandle<Result<(), Problem>>>,
}

impl Daemon {
    fn start() -> Self {
        let temp = tempfile::tempdir().unwrap();
        fs::create_dir(temp.path().join("root")).unwrap();
        let server = Server::bind(server::Options {
            place: Place::at(temp.path().join("run")),
            state: Some(temp.path().join("state")),
            config_file: None,
            select: Some(Box::new(select)),
            ..server::Options::of_user()
        });
        let server = server.unwrap();
        let stopper = server.stopper();
        let thread = Some(std::thread::spawn(|| server.run()));
        Self { temp, stopper, thread }
    }

    fn root(&self) -> PathBuf {
        self.temp.path().join("root")
    }

    fn client(&self) -> Client {
        Client::connect_at(&Place::at(self.temp.path().join("run"))).unwrap()
    }

    fn watch(&self, options: &Options) -> Watcher {
        Watcher::connect(self.client(), &self.root(), options).unwrap()
    }

    fn stop(&mut self) {
        self.stopper.stop_and_wait();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap().unwrap();
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stopper.stop_and_wait();
    }
}

fn told(report: &Report) -> Vec<Told> {
    let text = |path: &[u8]| String::from_utf8(path.to_vec()).unwrap();
    let tell = |change: &treenail_tree::live::Change| {
        (change.kind, text(&change.path), change.from.as_deref().map(text))
    };
    report.changes.iter().map(tell).collect()
}

/// What is told until a file is, in order of paths. That a file which is new was written to is not
/// among it: whoever looked in between saw two changes, and others one.
fn until(watcher: &mut Watcher, end: &str) -> BTreeSet<Told> {
    let mut all = BTreeSet::new();
    while !all.iter().any(|(_, path, _): &Told| path == end) {
        all.extend(told(&watcher.next(SOON).unwrap().expect("in time")));
    }
    let created = |path: &str| (EventKind::Create, path.to_owned(), None);
    let is_new = |(_, path, _): &Told| all.contains(&created(path));
    all.iter().filter(|one| one.0 != EventKind::Modify || !is_new(one)).cloned().collect()
}

fn change(root: &Path) {
    let at = |path: &str| root.join(path);
    fs::create_dir_all(at("out/deep")).unwrap();
    fs::create_dir_all(at("ignored/deep")).unwrap();
    for file in ["out/a.c", "out/deep/b.c", "out/deep/x.o", "long.c", "ignored/deep/c.c"] {
        fs::write(at(file), if file == "long.c" { "longer than four" } else { "x" }).unwrap();
    }
}

/// What filters need to know of the tree: what is below what moves, types, sizes, rules.
fn filters() -> [Filter; 4] {
    [
        Filter::new().glob("!out").glob("!*.o"),
        Filter::new().wants(Type::File).size_max(4),
        Filter::new().gitignore(true).glob("*.c"),
        Filter::new(),
    ]
}

#[test]
fn filters_say_the_same_through_the_daemon_as_without() {
    for (at, filter) in filters().into_iter().enumerate() {
        let daemon = Daemon::start();
        let root = daemon.root();
        fs::write(root.join(".gitignore"), "ignored\n").unwrap();
        let options = Options::new().filter(filter);
        let mut own = Watcher::start(&root, &options).unwrap();
        let mut remote = daemon.watch(&options);
        assert!(remote.keeper().is_none() && own.keeper().is_some());
        assert_eq!(remote.root(), own.root());
        let moves = [("out", "in"), ("in", "inside"), ("inside", "out"), ("ignored", "seen")];
        for step in 0..=moves.len() {
            match step.checked_sub(1) {
                None => change(&root),
                Some(step) => {
                    fs::rename(root.join(moves[step].0), root.join(moves[step].1)).unwrap()
                }
            }
            for watcher in [&own, &remote] {
                watcher.barrier(SOON).unwrap();
            }
            let end = format!("end{step}.c");
            fs::write(root.join(&end), "").unwrap();
            let both = [&mut own, &mut remote].map(|watcher| until(watcher, &end));
            assert_eq!(both[0], both[1], "filter {at}, step {step}");
        }
        let (own, remote) = (own.statistics(), remote.statistics());
        assert_eq!(remote.filtered > 0, own.filtered > 0, "{remote:?}");
        assert!(remote.feed.watched > 0 || remote.feed.records > 0);
    }
}

#[test]
fn a_clock_and_a_debounce_go_through_the_daemon() {
    let daemon = Daemon::start();
    let root = daemon.root();
    let options = Options::new().filter(Filter::new().glob("*.c"));
    let watcher = daemon.watch(&options);
    let clock = watcher.clock();
    drop(watcher);
    fs::write(root.join("missed.c"), "").unwrap();
    fs::write(root.join("missed.o"), "").unwrap();
    daemon.client().barrier(&root, SOON).unwrap();
    let mut watcher = daemon.watch(&options.clone().since(clock));
    let report = watcher.next(SOON).unwrap().unwrap();
    assert_eq!(told(&report), [(EventKind::Create, "missed.c".to_owned(), None)]);
    assert!(report.changes[0].stat.is_some() && report.fresh.is_none());

    let mut slow = daemon.watch(&options.clone().debounce(Duration::from_millis(200)));
    fs::write(root.join("new.c"), "1").unwrap();
    fs::rename(root.join("new.c"), root.join("newer.c")).unwrap();
    let report = slow.next(SOON).unwrap().unwrap();
    assert_eq!(told(&report), [(EventKind::Create, "newer.c".to_owned(), None)]);

    let other = Clock { root: 1, incarnation: 1, tick: 1 };
    let mut watcher = daemon.watch(&options.since(other));
    let report = watcher.next(SOON).unwrap().unwrap();
    assert_eq!(report.fresh, Some(Fresh::OtherRoot));
    let paths: BTreeSet<String> = told(&report).into_iter().map(|one| one.1).collect();
    assert_eq!(paths, ["missed.c", "newer.c"].map(str::to_owned).into());
}

#[test]
fn a_long_report_comes_in_parts_and_whole() {
    let daemon = Daemon::start();
    let (root, outside) = (daemon.root(), daemon.temp.path().join("outside"));
    fs::create_dir(&outside).unwrap();
    let long = "n".repeat(240);
    for n in 0..6000 {
        fs::write(outside.join(format!("{long}{n}")), "").unwrap();
    }
    let mut watcher = daemon.watch(&Options::new().filter(Filter::new().wants(Type::File)));
    fs::rename(&outside, root.join("inside")).unwrap();
    let mut count = 0;
    while count < 6000 {
        count += watcher.next(SOON).unwrap().expect("in time").changes.len();
    }
    assert_eq!(count, 6000);
}

#[test]
fn coverage_interruption_pause_and_the_end_are_as_without() {
    let mut daemon = Daemon::start();
    let root = daemon.root();
    let mut watcher = daemon.watch(&Options::new());
    assert_eq!(watcher.coverage().unwrap().watched[0].path, b"");
    assert_ne!(watcher.coverage().unwrap().watched[0].by, Rung::System);
    let clock = watcher.recheck(SOON).unwrap();
    assert_eq!(clock.root, watcher.clock().root);
    watcher.interrupter().interrupt();
    assert!(watcher.next(None).unwrap().is_none());
    let (sender, reports) = std::sync::mpsc::channel();
    let call =
        move |report: Result<Report, _>| sender.send(report.map(|report| told(&report))).unwrap();
    let background = watcher.spawn(call).unwrap();
    fs::write(root.join("a"), "").unwrap();
    let a = (EventKind::Create, "a".to_owned(), None);
    assert_eq!(reports.recv_timeout(SOON.unwrap()).unwrap().unwrap(), [a]);
    background.pause();
    fs::write(root.join("b"), "").unwrap();
    background.resume();
    let b = (EventKind::Create, "b".to_owned(), None);
    assert_eq!(reports.recv_timeout(SOON.unwrap()).unwrap().unwrap(), [b]);
    let mut watcher = background.stop().expect("the function did not panic");
    daemon.stop();
    let error = watcher.next(SOON).map(|report| report.is_some()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Daemon);
    assert_eq!(error.problem().unwrap().kind, Problem::DISCONNECTED);
}

#[test]
fn what_is_wrong_is_told() {
    let daemon = Daemon::start();
    let wrong = Options::new().filter(Filter::new().glob("[a"));
    let error = Watcher::connect(daemon.client(), &daemon.root(), &wrong).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Pattern);
    let nowhere = daemon.root().join("nowhere");
    let error = Watcher::connect(daemon.client(), &nowhere, &Options::new()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Io);
}
