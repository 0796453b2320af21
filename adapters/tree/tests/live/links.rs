//! Files of several names, some of them outside the root.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use treenail_tree::live::{EventKind, LiveTree};

use crate::support::{Replica, assert_true, changes, options, rungs};

#[test]
fn a_file_that_is_given_another_name_is_told_as_that_and_no_more() {
    for rung in rungs() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        fs::create_dir(at("sub")).unwrap();
        fs::write(at("one"), "1").unwrap();
        let mut live = LiveTree::open(dir.path(), &options(rung)).unwrap();
        fs::hard_link(at("one"), at("sub/two")).unwrap();
        assert_eq!(changes(&mut live), [(EventKind::Create, "sub/two".into(), None)], "{rung}");
        assert_true(&live);
        fs::remove_file(at("sub/two")).unwrap();
        assert_eq!(changes(&mut live), [(EventKind::Delete, "sub/two".into(), None)], "{rung}");
        assert_true(&live);
    }
}

/// Whoever looks when a name is made sees every write after that, through whatever name.
#[test]
fn files_of_several_names_are_followed_through_a_storm() {
    for (rung, seed) in rungs().into_iter().flat_map(|rung| [(rung, 1), (rung, 2), (rung, 3)]) {
        let mut storm = Storm::new(seed);
        let mut live = LiveTree::open(&storm.dir.path().join("root"), &options(rung)).unwrap();
        let mut replica = Replica::of(live.tree());
        let mut follow = |live: &mut LiveTree| {
            while let Some(batch) = live.barrier().unwrap() {
                replica.apply(&batch);
            }
        };
        for _ in 0..1500 {
            if storm.change() || storm.below(100) == 0 {
                follow(&mut live);
            }
        }
        follow(&mut live);
        assert_true(&live);
        assert_eq!(replica.0, Replica::of(live.tree()).0, "{rung}, seed {seed}");
    }
}

struct Storm {
    dir: tempfile::TempDir,
    state: u64,
}

impl Storm {
    /// A root with files of which half have a second name beside it.
    fn new(seed: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("outside")).unwrap();
        for sub in 0..4 {
            fs::create_dir_all(dir.path().join(format!("root/d{sub}"))).unwrap();
            for file in 0..8 {
                let path = dir.path().join(format!("root/d{sub}/f{file}"));
                fs::write(&path, "text").unwrap();
                if file % 2 == 0 {
                    let other = dir.path().join(format!("outside/f{sub}{file}"));
                    fs::hard_link(&path, other).unwrap();
                }
            }
        }
        Self { dir, state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1 }
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state % limit
    }

    fn inside(&mut self) -> PathBuf {
        let (sub, file) = (self.below(4), self.below(10));
        self.dir.path().join(format!("root/d{sub}/f{file}"))
    }

    fn outside(&mut self) -> PathBuf {
        let (sub, file) = (self.below(4), self.below(8) & !1);
        self.dir.path().join(format!("outside/f{sub}{file}"))
    }

    /// Much of this fails, which is part of the storm; whether there is a name more.
    fn change(&mut self) -> bool {
        let (one, other, outside) = (self.inside(), self.inside(), self.outside());
        match self.below(12) {
            0..2 => return fs::hard_link(&one, &other).is_ok(),
            2..4 => drop(append(&one)),
            4..6 => drop(append(&outside)),
            6 => drop(fs::write(&one, "other")),
            7 => drop(fs::remove_file(&one)),
            8 => drop(fs::rename(&one, &other)),
            9 => {
                let mode = 0o600 + self.below(2) as u32 * 0o44;
                drop(fs::set_permissions(&outside, fs::Permissions::from_mode(mode)));
            }
            10 if self.below(4) == 0 => drop(fs::remove_file(&outside)),
            10 => drop(File::create(&one)),
            _ => {
                let saved = self.dir.path().join("outside/new");
                fs::write(&saved, "saved").unwrap();
                fs::rename(&saved, &one).unwrap();
            }
        }
        false
    }
}

fn append(path: &PathBuf) -> std::io::Result<()> {
    OpenOptions::new().append(true).open(path)?.write_all(b"more")
}
