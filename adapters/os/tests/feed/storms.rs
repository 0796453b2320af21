//! Many changes at once.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use treenail_os::Handle;
use treenail_os::feed::{Event, Feed, Loss, Options, Rung, Token, What};

use crate::harness::{Said, Scene, join};
use crate::namespace::inside;

on_each_rung!(
    nested_directories_made_at_once_are_all_found,
    every_rename_of_a_storm_is_paired,
    events_outlast_a_reader_that_is_away,
);

/// What a live tree does, in short: watch, then list; at each new directory again.
struct Follower<'f> {
    feed: &'f Feed,
    dirs: HashMap<Token, (Arc<Handle>, Vec<u8>)>,
    files: BTreeSet<Vec<u8>>,
}

impl Follower<'_> {
    fn enter(&mut self, dir: Arc<Handle>, path: Vec<u8>) {
        let token = Token(self.dirs.len() as u64 + 1);
        let top = path.split(|&b| b == b'/').next().unwrap().to_vec();
        self.feed.watch(&dir, token, &top);
        self.dirs.insert(token, (dir.clone(), path.clone()));
        let full = treenail_os::os_str_of(&dir.full_path()).unwrap().into_owned();
        let names = fs::read_dir(full).unwrap().map(|entry| entry.unwrap().file_name());
        for name in names.collect::<Vec<_>>() {
            self.look(&dir, &path, treenail_os::bytes_of(&name));
        }
    }

    fn look(&mut self, dir: &Arc<Handle>, path: &[u8], name: &[u8]) {
        let path = join(path, name);
        match dir.open_directory(name) {
            Ok(below) if !self.dirs.values().any(|(_, held)| *held == path) => {
                self.enter(below, path);
            }
            Ok(_) => {}
            Err(_) => _ = self.files.insert(path),
        }
    }
}

fn nested_directories_made_at_once_are_all_found(rung: Rung) {
    const COUNT: usize = 1_000;
    let Some(scene) = Scene::new(rung, |_| {}) else { return };
    let root = scene.root.clone();
    let maker = thread::spawn(move || {
        for index in 0..COUNT {
            // Spread over several top-level names, so over several queues where there are such.
            let dir = root.join(format!("{}/{index}/b/c", index % 7));
            fs::create_dir_all(&dir).unwrap();
            fs::write(dir.join("file"), b"").unwrap();
        }
    });
    let mut follower = Follower { feed: &scene.feed, dirs: HashMap::new(), files: BTreeSet::new() };
    follower.enter(Handle::open(&scene.root).unwrap(), Vec::new());
    let start = Instant::now();
    while follower.files.len() < COUNT {
        let mut named = Vec::new();
        let read = scene.feed.read(|event| match event {
            Event::Entry { dir, name, .. } => named.push((dir, name.to_vec())),
            Event::Lost { .. } => panic!("{event:?}"),
            _ => {}
        });
        read.unwrap();
        for (dir, name) in named {
            if let Some((dir, path)) = follower.dirs.get(&dir).cloned() {
                follower.look(&dir, &path, &name);
            }
        }
        let found = follower.files.len();
        assert!(start.elapsed() < Duration::from_secs(120), "only {found} of {COUNT} found");
        scene.feed.wait(Some(Duration::from_millis(50))).unwrap();
    }
    maker.join().unwrap();
}

fn every_rename_of_a_storm_is_paired(rung: Rung) {
    const COUNT: usize = 2_000;
    let prepare = |scratch: &std::path::Path| {
        for dir in 0..8 {
            fs::create_dir_all(scratch.join(format!("root/{dir}"))).unwrap();
            fs::write(scratch.join(format!("root/{dir}/0")), b"").unwrap();
        }
    };
    // A mover may be put aside between the two halves of its rename.
    let options = Options::new().rename_hold(Duration::from_secs(30));
    let Some(mut scene) = Scene::with(rung, options, prepare) else { return };
    // Each file goes round through all directories, and so from queue to queue.
    let movers: Vec<_> = (0..8)
        .map(|file: usize| {
            let root = scene.root.clone();
            thread::spawn(move || {
                let mut at = root.join(format!("{file}/0"));
                for step in 1..=COUNT / 8 {
                    let to = root.join(format!("{}/{file}-{step}", (file + step) % 8));
                    fs::rename(&at, &to).unwrap();
                    at = to;
                }
            })
        })
        .collect();
    let is_rename = |said: &&Said| matches!(said, Said::Renamed { .. });
    scene.until("every rename", |said| said.iter().filter(is_rename).count() == COUNT);
    for mover in movers {
        mover.join().unwrap();
    }
    assert_eq!(scene.feed.statistics().unpaired, 0);
}

/// The queue of a file system mark has no limit; the others' limits are far above this.
fn events_outlast_a_reader_that_is_away(rung: Rung) {
    const COUNT: usize = 3_000;
    let Some(mut scene) = Scene::new(rung, |_| {}) else { return };
    for index in 0..COUNT {
        fs::File::create(scene.path(&index.to_string())).unwrap();
    }
    scene.until("every file", |said| {
        let created = said.iter().filter_map(|said| match said {
            Said::Entry { path, what } if what.has(What::CREATED) => Some(path),
            _ => None,
        });
        created.collect::<BTreeSet<_>>().len() == COUNT
    });
}

/// More than any queue with a limit holds.
fn overflow(scene: &Scene, dir: &str) {
    let limits = ["inotify", "fanotify"].map(|system| {
        let path = format!("/proc/sys/fs/{system}/max_queued_events");
        fs::read_to_string(path).unwrap().trim().parse::<usize>().unwrap()
    });
    // Each with a name of its own: like events are merged.
    let path = |index: usize| scene.path(&format!("{dir}/{index}"));
    fs::write(path(0), b"").unwrap();
    for index in 0..limits.into_iter().max().unwrap() + 10 {
        fs::rename(path(index), path(index + 1)).unwrap();
    }
}

fn lost(said: &[Said]) -> Option<&Vec<Vec<u8>>> {
    said.iter().find_map(|said| match said {
        Said::Lost { dirs, reason: Loss::Overflow } => Some(dirs),
        _ => None,
    })
}

#[test]
fn an_overflow_of_inotify_concerns_the_directories_of_one_queue() {
    let prepare = |scratch: &std::path::Path| {
        for dir in 0..16 {
            fs::create_dir_all(scratch.join(format!("root/{dir}/below"))).unwrap();
        }
    };
    let Some(mut scene) = Scene::new(Rung::Inotify, prepare) else { return };
    overflow(&scene, "3");
    scene.until("the loss", |said| lost(said).is_some());
    let lost = lost(&scene.said).unwrap().clone();
    assert!(lost.contains(&b"3".to_vec()) && lost.contains(&b"3/below".to_vec()), "{lost:?}");
    assert!(lost.len() < 33, "not all of them: {lost:?}");
    // And it goes on.
    fs::write(scene.path("3/after"), b"").unwrap();
    scene.until_entry("3/after", &[What::CREATED]);
}

/// Without the rights to a queue without limit.
#[test]
fn an_overflow_of_directory_marks_concerns_all_of_them() {
    let test = "storms::an_overflow_of_directory_marks_concerns_all_of_them";
    if !inside(test, &["--user", "--map-root-user"]) {
        return;
    }
    let prepare = |scratch: &std::path::Path| {
        fs::create_dir_all(scratch.join("root/a")).unwrap();
    };
    let Some(mut scene) = Scene::new(Rung::Inodes, prepare) else { return };
    overflow(&scene, "a");
    scene.until("the loss", |said| lost(said).is_some());
    assert_eq!(lost(&scene.said).unwrap(), &[b"".to_vec(), b"a".to_vec()]);
    fs::write(scene.path("a/after"), b"").unwrap();
    scene.until_entry("a/after", &[What::CREATED]);
}
