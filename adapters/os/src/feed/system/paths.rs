//! Watched directories by their paths below the root.

use std::collections::HashMap;
use std::path::{Component, Path};

use crate::name::bytes_of;

use super::super::Token;

/// Paths and tokens, each of the other.
#[derive(Default)]
pub(super) struct Paths {
    tokens: HashMap<Vec<u8>, Token>,
    paths: HashMap<Token, Vec<u8>>,
}

impl Paths {
    /// Gives a directory a token, in place of any that it has.
    pub(super) fn insert(&mut self, path: Vec<u8>, token: Token) {
        self.remove(token);
        if let Some(replaced) = self.tokens.insert(path.clone(), token) {
            self.paths.remove(&replaced);
        }
        self.paths.insert(token, path);
    }

    pub(super) fn remove(&mut self, token: Token) {
        if let Some(path) = self.paths.remove(&token) {
            self.tokens.remove(&path);
        }
    }

    pub(super) fn get(&self, path: &[u8]) -> Option<Token> {
        self.tokens.get(path).copied()
    }

    /// The directory that the path lies in, if it is watched, and the path's last name.
    pub(super) fn parent_of<'p>(&self, path: &'p [u8]) -> Option<(Token, &'p [u8])> {
        if path.is_empty() {
            return None;
        }
        let (dir, name) = match path.iter().rposition(|&b| b == b'/') {
            Some(at) => (&path[..at], &path[at + 1..]),
            None => (&b""[..], path),
        };
        Some((self.get(dir)?, name))
    }

    /// Gives a directory another path, and with it all below it.
    pub(super) fn rename(&mut self, from: &[u8], to: &[u8]) {
        let below = |path: &[u8]| match path.strip_prefix(from) {
            Some(rest) if rest.first().is_none_or(|&b| b == b'/') => Some([to, rest].concat()),
            _ => None,
        };
        let moved: Vec<_> =
            self.paths.iter().filter_map(|(&token, path)| Some((token, below(path)?))).collect();
        for (token, _) in &moved {
            self.remove(*token);
        }
        for (token, path) in moved {
            self.insert(path, token);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }
}

/// The path below the root, its names joined with `/`; none if it leads elsewhere.
pub(super) fn relative(root: &Path, path: &Path) -> Option<Vec<u8>> {
    let mut joined = Vec::new();
    for component in path.strip_prefix(root).ok()?.components() {
        let Component::Normal(name) = component else {
            return None;
        };
        if !joined.is_empty() {
            joined.push(b'/');
        }
        joined.extend_from_slice(bytes_of(name));
    }
    Some(joined)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_moves_takes_those_below_it_along() {
        let mut paths = Paths::default();
        for (path, token) in [("", 0), ("a", 1), ("a/b", 2), ("ab", 3)] {
            paths.insert(path.into(), Token(token));
        }
        paths.rename(b"a", b"c/d");
        assert_eq!(paths.get(b"c/d"), Some(Token(1)));
        assert_eq!(paths.get(b"c/d/b"), Some(Token(2)));
        assert_eq!(paths.get(b"ab"), Some(Token(3)), "another name with the same beginning");
        assert_eq!(paths.get(b"a"), None);
        assert_eq!(paths.parent_of(b"c/d/file"), Some((Token(1), &b"file"[..])));
        assert_eq!(paths.parent_of(b"file"), Some((Token(0), &b"file"[..])));
        assert_eq!(paths.parent_of(b""), None);
    }

    #[test]
    fn the_newest_token_wins() {
        let mut paths = Paths::default();
        paths.insert(b"a".to_vec(), Token(1));
        paths.insert(b"a".to_vec(), Token(2));
        paths.remove(Token(1));
        assert_eq!(paths.get(b"a"), Some(Token(2)));
        assert_eq!(paths.len(), 1);
    }

    #[test]
    fn what_is_not_below_the_root_has_no_path_there() {
        let root = Path::new("root");
        assert_eq!(relative(root, &root.join("a").join("b")), Some(b"a/b".to_vec()));
        assert_eq!(relative(root, root), Some(Vec::new()));
        assert_eq!(relative(root, Path::new("other")), None);
        assert_eq!(relative(root, &root.join("..")), None);
    }
}
