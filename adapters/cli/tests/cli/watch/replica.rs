//! A copy of a directory that knows of it what `watch` prints, and nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// What is at each path, and of a file the content.
type Truth = BTreeMap<String, (String, Vec<u8>)>;

/// What is known to be at each path, and of a file the content; nothing of one that was reported,
/// for whoever is told of a change reads the file.
pub(super) struct Replica(BTreeMap<String, Known>);

/// What an entry is, and the content of a file.
type Known = (String, Option<Vec<u8>>);

impl Replica {
    pub(super) fn of(root: &Path) -> Self {
        let known = truth(root).into_iter();
        Self(known.map(|(path, (kind, content))| (path, (kind, Some(content)))).collect())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn apply(&mut self, line: &Value) {
        let text = |key: &str| line[key].as_str().map(str::to_owned);
        let (Some(kind), Some(path), Some(is)) = (text("kind"), text("path"), text("type")) else {
            return;
        };
        match &*kind {
            "delete" => self.remove(&path),
            "rename" => {
                let from = text("from").expect("where it was");
                let moved = self.take(&from);
                self.remove(&path);
                for (rest, entry) in moved {
                    self.0.insert(format!("{path}{rest}"), entry);
                }
                self.0.entry(path).or_insert((is, None));
            }
            _ => {
                if self.0.get(&path).is_some_and(|(was, _)| *was != is) {
                    self.remove(&path);
                }
                self.0.insert(path, (is, None));
            }
        }
    }

    /// Forgets everything: what follows is all that there is.
    pub(super) fn begin_anew(&mut self) {
        self.0.clear();
    }

    /// Compares it with the directory.
    pub(super) fn check(&self, root: &Path, when: &str) {
        let truth = truth(root);
        for (path, (kind, content)) in &truth {
            let Some((known, read)) = self.0.get(path) else { panic!("{when}: nothing of {path}") };
            assert_eq!(known, kind, "{when}: {path}");
            assert!(read.as_ref().is_none_or(|read| read == content), "{when}: content of {path}");
        }
        for path in self.0.keys() {
            assert!(truth.contains_key(path), "{when}: {path} is gone, and nobody said so");
        }
    }

    fn remove(&mut self, path: &str) {
        self.take(path);
    }

    /// Takes a path and what is below out, each by what follows the path.
    fn take(&mut self, path: &str) -> Vec<(String, Known)> {
        let below = format!("{path}/");
        let keys: Vec<String> =
            self.0.keys().filter(|key| *key == path || key.starts_with(&below)).cloned().collect();
        let take = |key: String| Some((key[path.len()..].to_owned(), self.0.remove(&key)?));
        keys.into_iter().filter_map(take).collect()
    }
}

/// Everything below a directory.
fn truth(root: &Path) -> Truth {
    let mut found = Truth::new();
    let mut dirs = vec![root.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            let kind = fs::symlink_metadata(&path).unwrap().file_type();
            if kind.is_dir() {
                found.insert(name, ("dir".into(), Vec::new()));
                dirs.push(path);
            } else if kind.is_symlink() {
                let target = fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes();
                found.insert(name, ("symlink".into(), target));
            } else {
                found.insert(name, ("file".into(), fs::read(&path).unwrap()));
            }
        }
    }
    found
}
