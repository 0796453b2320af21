//! kill -9 in the middle of a storm: what was printed, and what `since` says afterwards, together
//! lead to what there is.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::replica::Replica;
use super::{Scene, Watching};

/// How many storms; more of them with this in the environment.
const SEEDS: &str = "TREENAIL_WATCH_SEEDS";

#[test]
fn a_process_that_is_killed_in_a_storm_and_its_successor_tell_everything() {
    let seeds = std::env::var(SEEDS).ok().and_then(|text| text.parse().ok()).unwrap_or(6);
    for seed in 0..seeds {
        storm(seed);
    }
}

fn storm(seed: u64) {
    let scene = Scene::new();
    let root = scene.root();
    let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
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
    for line in lines {
        // The last one may be torn.
        let Ok(line) = serde_json::from_str::<Value>(&line) else { break };
        replica.apply(&line);
        if let Some(now) = line["clock"].as_str() {
            now.clone_into(&mut clock);
        }
    }
    let ran = scene.run(&["since", "--json", "root", &clock]);
    assert!(ran.code.is_some_and(|code| code < 2), "seed {seed}: {ran:?}");
    let lines = ran.json();
    if ran.summary()["fresh"] == true {
        replica.begin_anew();
    }
    lines.iter().for_each(|line| replica.apply(line));
    replica.check(&root, &format!("seed {seed}, {backend}, killed after {killed_after:?}"));
}

/// Makes one change somewhere below the root.
fn change(root: &Path, chance: &mut Chance, step: u64) {
    let mut place = |names: u64| {
        let mut path = root.to_owned();
        for _ in 0..chance.below(3) {
            path.push(format!("d{}", chance.below(4)));
        }
        path.push(format!("f{}", chance.below(names)));
        path
    };
    let (one, two) = (place(12), place(12));
    // Most of these fail now and then, as nothing or something else is there.
    match chance.below(10) {
        0..=3 => {
            one.parent().map(fs::create_dir_all);
            drop(fs::write(&one, format!("{step}")));
        }
        4 => drop(fs::remove_file(&one)),
        5 => drop(fs::rename(&one, &two)),
        6 => drop(fs::rename(one.parent().unwrap(), two.with_extension("dir"))),
        7 => {
            if one.parent() != Some(root) {
                drop(fs::remove_dir_all(one.parent().unwrap()));
            }
        }
        8 => {
            let name = two.file_name().unwrap_or_default();
            drop(std::os::unix::fs::symlink(name, one.with_extension("link")));
        }
        _ => {
            let new = root.join(format!("d{}", chance.below(4)));
            drop(fs::rename(two.with_extension("dir"), new));
        }
    }
}

/// Numbers that look like chance and are always the same.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}
