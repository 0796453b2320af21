//! Questions and answers.

use std::fs;
use std::time::Duration;

use treenail_share::protocol::{Query, Selection};
use treenail_share::{From, Problem};
use treenail_tree::Class;
use treenail_tree::live::Since;

use super::support::{Daemon, write};

#[test]
fn since_and_barrier_tell_what_changed_before_the_question() {
    let daemon = Daemon::start("");
    let (root, client) = (daemon.root(), daemon.client());
    let before = client.barrier(&root, None).unwrap();
    write(&root.join("one"), "1");
    let after = client.barrier(&root, Some(Duration::from_secs(20))).unwrap();
    let (since, now) = client.since(&root, before).unwrap();
    let Since::Net { changes, gaps } = since else { panic!("{since:?}") };
    assert_eq!((changes.len(), gaps.len(), now), (1, 0, after));
    assert_eq!(&*changes[0].path, b"one");
}

#[test]
fn entries_are_looked_up_by_path() {
    let daemon = Daemon::start("");
    let (root, client) = (daemon.root(), daemon.client());
    fs::create_dir(root.join("dir")).unwrap();
    write(&root.join("dir/file"), "12345");
    client.barrier(&root, None).unwrap();
    let file = client.lookup(&root, b"dir/file").unwrap().unwrap();
    assert_eq!((&*file.path, file.stat.size_bytes), (&b"dir/file"[..], 5));
    assert_eq!(Class::of(&client.lookup(&root, b"").unwrap().unwrap().stat), Class::Directory);
    assert_eq!(client.lookup(&root, b"dir/none").unwrap(), None);
}

#[test]
fn a_query_finds_what_its_globs_and_classes_say_in_pages() {
    let daemon = Daemon::start("");
    let (root, client) = (daemon.root(), daemon.client());
    fs::create_dir_all(root.join("src/deep")).unwrap();
    for n in 0..2000 {
        write(&root.join(format!("src/deep/{n:04}.rs")), "");
    }
    write(&root.join("src/main.RS"), "");
    write(&root.join("readme"), "");
    client.barrier(&root, None).unwrap();
    let find = |query: &Query| {
        let mut found = Vec::new();
        client.query(&root, query, |entry| found.push(entry.path)).unwrap();
        found
    };
    let globs = vec![b"**/*.rs".to_vec()];
    let all = find(&Query { globs: globs.clone(), ..Query::default() });
    assert_eq!(all.len(), 2000);
    assert!(all.is_sorted() && all[0] == b"src/deep/0000.rs");
    let folded = Query { globs: globs.clone(), case_insensitive: true, ..Query::default() };
    assert_eq!(find(&folded)[0], b"src/main.RS");
    let below = Query { below: b"src/deep".to_vec(), globs, ..Query::default() };
    assert_eq!(find(&Query { entries_max: Some(3), ..below })[2], b"0002.rs");
    let dirs = Query { classes: vec![Class::Directory], ..Query::default() };
    assert_eq!(find(&dirs), [&b"src"[..], b"src/deep"]);
    assert!(find(&Query { below: b"none".to_vec(), ..Query::default() }).is_empty());
    assert_eq!(find(&Query::default()).len(), 2004);
}

#[test]
fn what_cannot_be_done_is_told_and_the_connection_goes_on() {
    let daemon = Daemon::start("roots_max = 1");
    let (root, client) = (daemon.root(), daemon.client());
    let missing = client.barrier(&root.join("missing"), None).unwrap_err();
    assert!(missing.path.unwrap().ends_with("missing") && missing.remedy.is_some());
    let bad = Query { globs: vec![b"[".to_vec()], ..Query::default() };
    assert_eq!(client.query(&root, &bad, |_| {}).unwrap_err().kind, Problem::USAGE);
    let changes = client.watch(&root, From::Now).unwrap();
    let other = tempfile::tempdir().unwrap();
    let problem = client.barrier(other.path(), None).unwrap_err();
    assert_eq!(problem.kind, Problem::LIMIT);
    assert!(problem.remedy.unwrap().contains("roots_max"));
    drop(changes);
    super::support::eventually("a root that nobody uses makes room", || {
        client.barrier(other.path(), None).is_ok()
    });
}

#[test]
fn a_selection_is_refused_by_a_daemon_that_nobody_gave_filters() {
    let daemon = Daemon::start("");
    let selected = daemon.client().select(&daemon.root(), From::Now, &Selection::default(), false);
    let problem = selected.err().expect("a problem");
    assert_eq!(problem.kind, Problem::USAGE);
    assert!(problem.remedy.is_some());
}

#[test]
fn coverage_statistics_and_roots_are_told() {
    let daemon = Daemon::start("");
    let (root, client) = (daemon.root(), daemon.client());
    let _changes = client.watch(&root, From::Now).unwrap();
    write(&root.join("a"), "");
    client.recheck(&root).unwrap();
    client.learn(&root, b"a").unwrap();
    client.barrier(&root, None).unwrap();
    let coverage = client.coverage(&root).unwrap();
    let roots = client.roots().unwrap();
    assert_eq!(coverage.mounts[0].rung, roots[0].rung);
    assert!(client.statistics(&root).unwrap().events > 0);
    assert!(client.welcome().clients >= 1 && client.welcome().pid == std::process::id());
}

#[test]
fn a_client_can_end_the_daemon_and_knows_when_it_has_ended() {
    let daemon = Daemon::start("");
    let _watching = daemon.client().watch(&daemon.root(), From::Now).unwrap();
    daemon.client().stop().unwrap();
    assert!(!daemon.place.socket().exists());
    daemon.ended();
}
