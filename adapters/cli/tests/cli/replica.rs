//! A copy of a directory that knows of it what it was told, and nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use treenail::hash::xxh3::xxh3_128;

/// What is at each path, and of a file the id of its content.
type Truth = BTreeMap<String, Known>;

/// What is known to be at each path, and of a file the id of its content; nothing of one that was
/// reported without, for whoever is told of a change reads the file.
pub(crate) struct Replica(BTreeMap<String, Known>);

/// What an entry is, and the id of what a file holds or of where a link leads.
type Known = (String, Option<String>);

/// What is told of an entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told<'a> {
    pub(crate) kind: &'a str,
    pub(crate) is: &'a str,
    pub(crate) path: &'a str,
    pub(crate) from: Option<&'a str>,
    pub(crate) id: Option<&'a str>,
    pub(crate) quiet: bool,
}

impl Replica {
    pub(crate) fn of(root: &Path) -> Self {
        Self(truth(root))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes a line of `watch --json` or `since --json` in, if it tells of a change.
    pub(crate) fn apply(&mut self, line: &Value) {
        let text = |key: &str| line[key].as_str();
        if let (Some(kind), Some(path), Some(is)) = (text("kind"), text("path"), text("type")) {
            let quiet = line["quiet"] == true;
            self.told(Told { kind, is, path, from: text("from"), id: text("id"), quiet });
        }
    }

    pub(crate) fn told(&mut self, told: Told<'_>) {
        let Told { kind, is, path, from, id, quiet } = told;
        let id = id.map(str::to_owned);
        match kind {
            "delete" => self.remove(path),
            "rename" => {
                let moved = self.take(from.expect("where it was"));
                self.remove(path);
                for (rest, entry) in moved {
                    self.0.insert(format!("{path}{rest}"), entry);
                }
                let known = self.0.entry(path.to_owned()).or_insert((is.to_owned(), None));
                known.1 = id.or(known.1.take());
            }
            "modify" if quiet => {
                let Some((_, known)) = self.0.get_mut(path) else {
                    panic!("{told:?}: of what nobody has been told")
                };
                assert!(known.is_none() || id.is_none() || *known == id, "{told:?}: was {known:?}");
                *known = id.or(known.take());
            }
            _ => {
                if self.0.get(path).is_some_and(|(was, _)| *was != is) {
                    self.remove(path);
                }
                self.0.insert(path.to_owned(), (is.to_owned(), id));
            }
        }
    }

    /// Forgets everything: what follows is all that there is.
    pub(crate) fn begin_anew(&mut self) {
        self.0.clear();
    }

    /// Compares it with the directory.
    pub(crate) fn check(&self, root: &Path, when: &str) {
        let truth = truth(root);
        for (path, (kind, id)) in &truth {
            let Some((known, read)) = self.0.get(path) else { panic!("{when}: nothing of {path}") };
            assert_eq!(known, kind, "{when}: {path}");
            assert!(read.is_none() || read == id, "{when}: content of {path}");
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

/// Everything below a directory. Files are short, and their ids those of all their bytes.
fn truth(root: &Path) -> Truth {
    let mut found = Truth::new();
    let mut dirs = vec![root.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            let kind = fs::symlink_metadata(&path).unwrap().file_type();
            if kind.is_dir() {
                found.insert(name, ("dir".into(), None));
                dirs.push(path);
            } else if kind.is_symlink() {
                let target = fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes();
                found.insert(name, ("symlink".into(), Some(id_of(&target))));
            } else {
                found.insert(name, ("file".into(), Some(id_of(&fs::read(&path).unwrap()))));
            }
        }
    }
    found
}

fn id_of(content: &[u8]) -> String {
    hex(&xxh3_128(content).to_be_bytes())
}

/// Bytes as JSON has them.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
