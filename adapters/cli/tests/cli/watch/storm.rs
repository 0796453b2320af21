//! kill -9 in the middle of a storm: what was printed, and what `since` says afterwards, together
//! lead to what there is.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use treenail::share::state_of;
use treenail::tree::live::{LiveTree, Options};

use super::{COMES_WITHIN, Scene, Watching};
use crate::replica::Replica;
use crate::storms::{Chance, assert_same, change, entries, scanned, seeds};

#[test]
fn a_process_that_is_killed_in_a_storm_and_its_successor_tell_everything() {
    seeds(6).for_each(storm);
}

fn storm(seed: u64) {
    let scene = Scene::new();
    let root = scene.root();
    let mut chance = Chance::of(seed);
    for step in 0..60 {
        change(&root, &mut chance, step);
    }
    let backends = ["auto", "inodes", "inotify"];
    let backend = backends[seed as usize % backends.len()];
    let watching = scene.watch(&["--backend", backend]);
    let mut replica = Replica::of(&root);
    let mut clock = watching.clock.clone();
    let killed_after = Duration::from_micros(chance.below(60_000));
    let lines = thread::scope(|scope| {
        let writing = scope.spawn(|| {
            for step in 100..600 {
                change(&root, &mut chance, step);
            }
        });
        thread::sleep(killed_after);
        let (_, lines) = Watching::end(watching, "-KILL");
        writing.join().unwrap();
        lines
    });
    let when = format!("seed {seed}, {backend}, killed after {killed_after:?}");
    for line in lines {
        // The last one may be torn.
        let Ok(line) = serde_json::from_str::<Value>(&line) else { break };
        replica.apply(&line);
        if let Some(now) = line["clock"].as_str() {
            now.clone_into(&mut clock);
        }
    }
    let ran = scene.run(&["since", "--json", "root", &clock]);
    assert!(ran.code.is_some_and(|code| code < 2), "{when}: {ran:?}");
    let lines = ran.json();
    if ran.summary()["fresh"] == true {
        replica.begin_anew();
    }
    lines.iter().for_each(|line| replica.apply(line));
    replica.check(&root, &when);
    check_state(&scene, &when);
}

/// What is stored leads to what there is.
fn check_state(scene: &Scene, when: &str) {
    let root = scene.root().canonicalize().unwrap();
    let states = scene.place.path().join("state/treenail/watch");
    let options = Options { state: state_of(&states, &root, None), ..Options::default() };
    let mut live = LiveTree::open(&root, &options).unwrap();
    assert!(live.ready().resumed && live.ready().lost.is_none(), "{when}: {:?}", live.ready());
    while live.barrier().unwrap().is_some() {}
    let fresh = scanned(&root);
    for path in fresh.keys() {
        live.learn(path);
    }
    let begun = Instant::now();
    let is_whole = |live: &LiveTree| {
        let unknown = |(stat, id): &(treenail::os::Stat, Option<Vec<u8>>)| {
            stat.kind == treenail::os::Kind::File && id.is_none()
        };
        !entries(live.tree()).values().any(unknown)
    };
    while !is_whole(&live) && begun.elapsed() < COMES_WITHIN {
        live.poll(Some(Duration::from_millis(1))).unwrap();
    }
    assert_same(&entries(live.tree()), &fresh, when);
}
