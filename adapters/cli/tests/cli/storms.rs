//! Changes as chance has them, the same for each seed, and what they have to lead to.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::Path;

use treenail::os::{Kind, Stat};
use treenail::tree::{IdKind, Scan, Tree, View};

/// Which seeds: how many, or `FROM..TO`.
const SEEDS: &str = "TREENAIL_WATCH_SEEDS";

/// The seeds of a storm: those in the environment, or the first few.
///
/// # Panics
/// If what is there is no range.
pub(crate) fn seeds(count: u64) -> Range<u64> {
    let Ok(text) = std::env::var(SEEDS) else { return 0..count };
    let (from, to) = text.split_once("..").unwrap_or(("0", &text));
    let number = |text: &str| text.parse().unwrap_or_else(|e| panic!("{SEEDS}={text}: {e}"));
    number(from)..number(to)
}

/// Makes one change somewhere below the root.
pub(crate) fn change(root: &Path, chance: &mut Chance, step: u64) {
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
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn of(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// Path, attributes and, of a file, the id of each entry.
pub(crate) type Entries = BTreeMap<Vec<u8>, (Stat, Option<Vec<u8>>)>;

/// What a scan finds that knows nothing.
pub(crate) fn scanned(root: &Path) -> Entries {
    entries(&Scan::new().run(root, Some(IdKind::BLOCKS)).unwrap().tree)
}

/// What a tree holds, with the ids that are known.
pub(crate) fn entries(tree: &Tree) -> Entries {
    let view = tree.view(Some(IdKind::BLOCKS));
    let mut found = Entries::new();
    let mut dirs = vec![(view.root(), Vec::new())];
    while let Some((dir, path)) = dirs.pop() {
        for entry in view.entries(dir) {
            let path = [&path[..], entry.name].concat();
            found.insert(path.clone(), (entry.stat, entry.id.map(<[u8]>::to_vec)));
            dirs.extend(entry.child.map(|child| (child, [&path[..], b"/"].concat())));
        }
    }
    found
}

/// Compares what a tree holds with what a scan finds: of directories what does not change with
/// their content, of others all attributes, and of files the ids.
pub(crate) fn assert_same(held: &Entries, scanned: &Entries, when: &str) {
    let comparable = |(stat, id): &(Stat, Option<Vec<u8>>)| match stat.kind {
        Kind::Directory => format!("dir {:o} {}", stat.mode, stat.inode),
        Kind::File => format!("{stat:?} {id:02x?}"),
        _ => format!("{stat:?}"),
    };
    let paths = held.keys().chain(scanned.keys());
    for path in paths {
        let [held, scanned] = [held, scanned].map(|all| all.get(path).map(comparable));
        assert_eq!(held, scanned, "{when}: {}", String::from_utf8_lossy(path));
    }
}
