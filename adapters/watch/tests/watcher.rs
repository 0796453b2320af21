//! Watching, as a program does it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use treenail_share::Keeper;
use treenail_tree::live::{self, EventKind};
use treenail_watch::{Error, ErrorKind, Filter, Options, Report, Type, Watcher};

const SOON: Option<Duration> = Some(Duration::from_secs(20));

type Told = (EventKind, String, Option<String>);

fn start(root: &Path, options: &Options) -> Watcher {
    Watcher::start(root, options).expect("a watcher")
}

fn told(report: &Report) -> Vec<Told> {
    let text = |path: &[u8]| String::from_utf8(path.to_vec()).unwrap();
    let tell =
        |change: &live::Change| (change.kind, text(&change.path), change.from.as_deref().map(text));
    report.changes.iter().map(tell).collect()
}

fn next(watcher: &mut Watcher) -> Vec<Told> {
    told(&watcher.next(SOON).expect("no error").expect("in time"))
}

fn simple(kind: EventKind, path: &str) -> Told {
    (kind, path.to_owned(), None)
}

#[test]
fn a_directory_that_crosses_the_border_comes_and_goes_with_all_below() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    fs::create_dir_all(root.join("out/deep")).unwrap();
    for file in ["out/a.c", "out/deep/b.c", "out/deep/x.o"] {
        fs::write(root.join(file), "x").unwrap();
    }
    let filter = Filter::new().glob("!out").glob("!*.o");
    let mut watcher = start(root, &Options::new().filter(filter));
    fs::rename(root.join("out"), root.join("in")).unwrap();
    let paths = ["in", "in/a.c", "in/deep", "in/deep/b.c"];
    assert_eq!(next(&mut watcher), paths.map(|path| simple(EventKind::Create, path)));
    fs::rename(root.join("in"), root.join("inside")).unwrap();
    let renamed = (EventKind::Rename, "inside".to_owned(), Some("in".to_owned()));
    assert_eq!(next(&mut watcher), [renamed]);
    fs::rename(root.join("inside"), root.join("out")).unwrap();
    let paths = ["inside/deep/b.c", "inside/deep", "inside/a.c", "inside"];
    assert_eq!(next(&mut watcher), paths.map(|path| simple(EventKind::Delete, path)));
}

#[test]
fn what_happens_to_a_moved_directory_at_the_same_time_is_told_of_the_right_paths() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    fs::create_dir(root.join("a")).unwrap();
    for file in ["a/kept", "a/gone"] {
        fs::write(root.join(file), "x").unwrap();
    }
    let filter = Filter::new().wants(Type::File);
    let options = Options::new().filter(filter).debounce(Duration::from_millis(300));
    let mut watcher = start(root, &options);
    fs::rename(root.join("a"), root.join("b")).unwrap();
    fs::remove_file(root.join("b/gone")).unwrap();
    fs::rename(root.join("b"), root.join("c")).unwrap();
    fs::write(root.join("c/new"), "x").unwrap();
    let mut known: BTreeSet<String> = ["a/kept", "a/gone"].map(str::to_owned).into();
    while known.len() != 2 || !known.contains("c/kept") || !known.contains("c/new") {
        for (kind, path, from) in next(&mut watcher) {
            let from = from.unwrap_or_else(|| path.clone());
            assert!(kind == EventKind::Create || known.remove(&from), "{kind} {path} {from}");
            if kind != EventKind::Delete {
                known.insert(path);
            }
        }
    }
}

#[test]
fn sizes_are_those_of_now() {
    let dir = tempfile::tempdir().unwrap();
    let filter = Filter::new().wants(Type::File).size_min(3).size_max(5);
    let mut watcher = start(dir.path(), &Options::new().filter(filter));
    for (name, text) in [("short", "12"), ("long", "123456"), ("fits", "1234")] {
        fs::write(dir.path().join(name), text).unwrap();
    }
    assert_eq!(next(&mut watcher), [simple(EventKind::Create, "fits")]);
    fs::remove_file(dir.path().join("long")).unwrap();
    assert_eq!(next(&mut watcher), [simple(EventKind::Delete, "long")]);
    assert!(watcher.statistics().filtered >= 2);
}

#[test]
fn in_the_background_a_pause_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let watcher = start(dir.path(), &Options::new());
    let (sender, reports) = channel();
    let call = move |report: Result<Report, Error>| sender.send(told(&report.unwrap())).unwrap();
    let background = watcher.spawn(call).unwrap();
    fs::write(dir.path().join("a"), "").unwrap();
    let soon = SOON.unwrap();
    assert_eq!(reports.recv_timeout(soon).unwrap(), [simple(EventKind::Create, "a")]);
    background.pause();
    for text in ["1", "2", "3"] {
        fs::write(dir.path().join("b"), text).unwrap();
    }
    background.resume();
    let mut paths = BTreeSet::new();
    while !paths.contains("b") {
        paths.extend(reports.recv_timeout(soon).unwrap().into_iter().map(|(_, path, _)| path));
    }
    let mut watcher = background.stop().expect("the function did not panic");
    fs::write(dir.path().join("c"), "").unwrap();
    while !next(&mut watcher).contains(&simple(EventKind::Create, "c")) {}
    watcher.stop().unwrap();
}

#[test]
fn several_watchers_of_one_keeper_want_different_things() {
    let dir = tempfile::tempdir().unwrap();
    let keeper = Arc::new(Keeper::start(dir.path(), &live::Options::default()).unwrap());
    let watcher = |glob: &str| {
        let options = Options::new().filter(Filter::new().glob(glob));
        Watcher::with_keeper(keeper.clone(), &options).unwrap()
    };
    let (mut texts, mut pictures) = (watcher("*.txt"), watcher("*.png"));
    fs::write(dir.path().join("a.txt"), "").unwrap();
    fs::write(dir.path().join("b.png"), "").unwrap();
    assert_eq!(next(&mut texts), [simple(EventKind::Create, "a.txt")]);
    assert_eq!(next(&mut pictures), [simple(EventKind::Create, "b.png")]);
    texts.stop().unwrap();
    drop(keeper);
    fs::write(dir.path().join("c.png"), "").unwrap();
    assert_eq!(next(&mut pictures), [simple(EventKind::Create, "c.png")]);
}

#[test]
fn the_iterator_ends_when_it_is_interrupted() {
    let dir = tempfile::tempdir().unwrap();
    let watcher = start(dir.path(), &Options::new());
    let interrupter = watcher.interrupter();
    interrupter.interrupt();
    assert_eq!(watcher.count(), 0);
}

#[test]
fn a_wrong_glob_is_told_before_anything_is_watched() {
    let options = Options::new().filter(Filter::new().glob("[a"));
    let error = Watcher::start(Path::new("/nowhere"), &options).err().expect("an error");
    assert_eq!(error.kind(), ErrorKind::Pattern);
    assert!(error.remedy().is_some());
}

#[test]
fn a_recheck_and_the_coverage_can_be_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let mut watcher = start(dir.path(), &Options::new());
    fs::write(dir.path().join("a"), "").unwrap();
    let clock = watcher.recheck(SOON).unwrap();
    next(&mut watcher);
    assert!(watcher.clock().tick <= clock.tick);
    let coverage = watcher.coverage().unwrap();
    assert_eq!(coverage.watched[0].path, b"");
    assert!(coverage.unseen.iter().any(|row| row.what.contains("memory mapping")));
}
