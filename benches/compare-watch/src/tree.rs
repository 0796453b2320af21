//! The trees that are watched: copies of the corpus, kept beside it, and what is done to them.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::protocol::{Nanos, now};

/// A directory to watch, and what it consists of.
pub(crate) struct Tree {
    pub(crate) root: PathBuf,
    /// All directories, relative to the root, which is the first.
    pub(crate) dirs: Vec<String>,
    /// All regular files, relative to the root.
    pub(crate) files: Vec<String>,
}

/// A copy of the corpus. While it is in use it is marked as changed, so that a run which does not
/// come to its end leaves nothing that a later one would take for a copy.
pub(crate) struct Copy {
    pub(crate) tree: Tree,
    source: PathBuf,
    touched: BTreeSet<usize>,
    /// Of these only the beginning is another.
    written_over: BTreeSet<usize>,
    clean: PathBuf,
    /// Held while this lives: one run at a time.
    _lock: File,
}

/// A generator of numbers that are the same in each run.
pub(crate) struct Random(u64);

impl Tree {
    /// Lists what is below `root`, in order of names.
    pub(crate) fn list(root: &Path) -> Result<Self, String> {
        let mut tree = Self { root: root.to_owned(), dirs: Vec::new(), files: Vec::new() };
        tree.add("", usize::MAX)?;
        Ok(tree)
    }

    /// Makes a tree of the same names, with empty files, at `root`.
    pub(crate) fn skeleton(&self, root: &Path) -> Result<Self, String> {
        for dir in &self.dirs {
            fs::create_dir_all(root.join(dir)).map_err(|e| format!("{dir}: {e}"))?;
        }
        for file in &self.files {
            File::create(root.join(file)).map_err(|e| format!("{file}: {e}"))?;
        }
        Ok(Self { root: root.to_owned(), dirs: self.dirs.clone(), files: self.files.clone() })
    }

    /// The directories as [`crate::serve::Place`] wants them.
    pub(crate) fn directories(&self) -> String {
        self.dirs.join("\n") + "\n"
    }

    /// As many different files, at random.
    pub(crate) fn pick(&self, count: usize, random: &mut Random) -> Vec<usize> {
        let mut picked = BTreeSet::new();
        let mut files = Vec::new();
        while files.len() < count.min(self.files.len()) {
            let file = random.below(self.files.len());
            if picked.insert(file) {
                files.push(file);
            }
        }
        files
    }

    fn add(&mut self, dir: &str, files_max: usize) -> Result<(), String> {
        self.dirs.push(dir.to_owned());
        let path = self.root.join(dir);
        let listed = fs::read_dir(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let mut entries = Vec::new();
        for entry in listed {
            let entry = entry.map_err(|e| format!("{}: {e}", path.display()))?;
            let name = entry.file_name().into_string().map_err(|_| "a name is not UTF-8")?;
            let kind = entry.file_type().map_err(|e| format!("{}: {e}", path.display()))?;
            entries.push((name, kind));
        }
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        for (name, kind) in entries {
            if self.files.len() >= files_max {
                return Ok(());
            }
            let name = if dir.is_empty() { name } else { format!("{dir}/{name}") };
            if kind.is_dir() {
                self.add(&name, files_max)?;
            } else if kind.is_file() {
                self.files.push(name);
            }
        }
        Ok(())
    }
}

impl Copy {
    /// The copy of the first `files_max` files of `source`, made if it is not there.
    pub(crate) fn open(source: &Path, suffix: &str, files_max: usize) -> Result<Self, String> {
        let name = source.file_name().ok_or("the corpus has no name")?.to_string_lossy();
        let beside = |suffix: &str| source.with_file_name(format!("{name}-{suffix}"));
        let root = beside(suffix);
        let clean = beside(&format!("{suffix}.clean"));
        let locked = beside(&format!("{suffix}.lock"));
        let lock = File::create(&locked).map_err(|e| format!("{}: {e}", locked.display()))?;
        lock.try_lock().map_err(|_| format!("{}: another run uses it", root.display()))?;
        let mut tree = Tree { root: source.to_owned(), dirs: Vec::new(), files: Vec::new() };
        tree.add("", files_max)?;
        if clean.exists() {
            fs::remove_file(&clean).map_err(|e| format!("{}: {e}", clean.display()))?;
        } else {
            eprintln!("copying {} files to {}", tree.files.len(), root.display());
            if root.exists() {
                fs::remove_dir_all(&root).map_err(|e| format!("{}: {e}", root.display()))?;
            }
            copy(&tree, &root)?;
            // Lest the disk be busy with it while others are measured.
            rustix::fs::sync();
        }
        tree.root = root;
        let source = source.to_owned();
        let (touched, written_over) = (BTreeSet::new(), BTreeSet::new());
        Ok(Self { tree, source, touched, written_over, clean, _lock: lock })
    }

    /// Says that a file is about to be changed, and where it is.
    pub(crate) fn touch(&mut self, file: usize) -> PathBuf {
        self.touched.insert(file);
        self.tree.root.join(&self.tree.files[file])
    }

    /// Writes over a file's first 100 bytes. Some file systems have the disk write what was
    /// truncated and is closed, which for thousands of files would take a minute.
    pub(crate) fn write_over(&mut self, file: usize) -> Result<(), String> {
        self.written_over.insert(file);
        let name = &self.tree.files[file];
        put(&self.tree.root.join(name), &content()).map_err(|e| format!("{name}: {e}"))?;
        Ok(())
    }

    /// Makes the copy one again.
    pub(crate) fn restore(&mut self) -> Result<(), String> {
        for file in std::mem::take(&mut self.written_over).difference(&self.touched) {
            let name = &self.tree.files[*file];
            let restore = || {
                let mut begin = Vec::new();
                let source = File::open(self.source.join(name))?;
                let size = source.metadata()?.len();
                source.take(content().len() as u64).read_to_end(&mut begin)?;
                put(&self.tree.root.join(name), &begin)?.set_len(size)
            };
            restore().map_err(|e: io::Error| format!("restoring {name}: {e}"))?;
        }
        for file in std::mem::take(&mut self.touched) {
            let name = &self.tree.files[file];
            let path = self.tree.root.join(name);
            // A new file: what is truncated the disk would write at once.
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(format!("removing {name}: {error}"));
                }
                _ => fs::copy(self.source.join(name), &path)
                    .map_err(|e| format!("restoring {name}: {e}"))?,
            };
        }
        Ok(())
    }

    /// Leaves the copy for the next run.
    pub(crate) fn close(mut self) -> Result<(), String> {
        self.restore()?;
        File::create(&self.clean).map_err(|e| format!("{}: {e}", self.clean.display()))?;
        Ok(())
    }
}

fn copy(tree: &Tree, to: &Path) -> Result<(), String> {
    for dir in &tree.dirs {
        let (from, to) = (tree.root.join(dir), to.join(dir));
        fs::create_dir_all(&to).map_err(|e| format!("{}: {e}", to.display()))?;
        for entry in fs::read_dir(&from).map_err(|e| format!("{}: {e}", from.display()))? {
            let from = entry.map_err(|e| format!("{}: {e}", from.display()))?.path();
            if let Ok(target) = fs::read_link(&from) {
                let to = to.join(from.file_name().expect("an entry has a name"));
                symlink(target, &to).map_err(|e| format!("{}: {e}", to.display()))?;
            }
        }
    }
    for file in &tree.files {
        fs::copy(tree.root.join(file), to.join(file)).map_err(|e| format!("{file}: {e}"))?;
    }
    Ok(())
}

/// What a save writes: 100 bytes that were never there before.
fn content() -> [u8; 100] {
    let mut content = [b'.'; 100];
    let time = format!("{}\n", now());
    content[..time.len()].copy_from_slice(time.as_bytes());
    content
}

/// Opens with `O_TRUNC`, writes 100 bytes, closes; the time just before the close.
pub(crate) fn save(path: &Path) -> Result<Nanos, String> {
    let mut file = File::create(path).map_err(|e| format!("{}: {e}", path.display()))?;
    file.write_all(&content()).map_err(|e| format!("{}: {e}", path.display()))?;
    let ending = now();
    drop(file);
    Ok(ending)
}

/// Writes a file beside it and renames that; the time just before the renaming.
pub(crate) fn save_atomically(path: &Path) -> Result<Nanos, String> {
    let name = path.file_name().ok_or("no name")?.to_string_lossy();
    let fresh = path.with_file_name(format!(".{name}.tmp"));
    let mut file = File::create(&fresh).map_err(|e| format!("{}: {e}", fresh.display()))?;
    file.write_all(&content()).map_err(|e| format!("{}: {e}", fresh.display()))?;
    // As careful programs do. Without it the renaming would wait for the disk.
    file.sync_data().map_err(|e| format!("{}: {e}", fresh.display()))?;
    drop(file);
    let ending = now();
    fs::rename(&fresh, path).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(ending)
}

/// Writes to the beginning of a file.
fn put(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let mut file = File::options().write(true).open(path)?;
    file.write_all(bytes)?;
    Ok(file)
}

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        // xorshift64*, Vigna 2016.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
        usize::try_from(number).expect("32 bits") % end
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Copy, Random, Tree, save, save_atomically};

    #[test]
    fn a_copy_is_made_changed_and_restored() {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("c");
        fs::create_dir_all(source.join("a/b")).unwrap();
        fs::write(source.join("a/b/one"), "1").unwrap();
        fs::write(source.join("two"), "2").unwrap();
        std::os::unix::fs::symlink("two", source.join("link")).unwrap();

        let mut copy = Copy::open(&source, "watched", usize::MAX).unwrap();
        assert!(Copy::open(&source, "watched", usize::MAX).is_err(), "it is in use");
        assert_eq!(copy.tree.dirs, ["", "a", "a/b"]);
        assert_eq!(copy.tree.files, ["a/b/one", "two"]);
        let root = copy.tree.root.clone();
        assert!(root.join("link").is_symlink());
        save(&copy.touch(0)).unwrap();
        save_atomically(&copy.touch(1)).unwrap();
        assert_eq!(fs::read(root.join("two")).unwrap().len(), 100);
        copy.restore().unwrap();
        assert_eq!(fs::read(root.join("two")).unwrap(), b"2");
        copy.write_over(0).unwrap();
        copy.write_over(1).unwrap();
        assert_eq!(fs::read(root.join("two")).unwrap().len(), 100);
        fs::remove_file(copy.touch(1)).unwrap();
        copy.close().unwrap();
        assert_eq!(fs::read(root.join("two")).unwrap(), b"2");
        assert_eq!(fs::read(root.join("a/b/one")).unwrap(), b"1");

        // What was left changed is not taken for a copy.
        let mut copy = Copy::open(&source, "watched", usize::MAX).unwrap();
        save(&copy.touch(0)).unwrap();
        drop(copy);
        let copy = Copy::open(&source, "watched", 1).unwrap();
        assert_eq!(copy.tree.files, ["a/b/one"]);
        assert!(!root.join("two").exists());
        assert_eq!(fs::read(root.join("a/b/one")).unwrap(), b"1");
    }

    #[test]
    fn files_are_picked_once_each() {
        let files: Vec<String> = (0..10).map(|i| i.to_string()).collect();
        let tree = Tree { root: "r".into(), dirs: Vec::new(), files };
        let mut picked = tree.pick(10, &mut Random::new(7));
        picked.sort_unstable();
        assert!(picked.into_iter().eq(0..10));
    }
}
