//! Which tokens a watched inode has.

use std::collections::HashMap;
use std::hash::Hash;

use crate::platform::MountId;

use super::super::Token;

/// The tokens of one inode: one for each mount that shows it, the first without an allocation.
#[derive(Clone)]
pub(super) struct Holders {
    first: (MountId, Token),
    others: Vec<(MountId, Token)>,
}

impl Holders {
    pub(super) fn iter(&self) -> impl Iterator<Item = (MountId, Token)> + '_ {
        std::iter::once(self.first).chain(self.others.iter().copied())
    }

    /// The token on that mount.
    pub(super) fn on(&self, mount: MountId) -> Option<Token> {
        self.iter().find(|&(on, _)| on == mount).map(|(_, token)| token)
    }

    /// Sets the token on a mount and returns the one that it replaces.
    fn set(&mut self, mount: MountId, token: Token) -> Option<Token> {
        let mut all = std::iter::once(&mut self.first).chain(&mut self.others);
        if let Some((_, held)) = all.find(|(on, _)| *on == mount) {
            return Some(std::mem::replace(held, token));
        }
        self.others.push((mount, token));
        None
    }

    /// Removes a token and returns whether none is left.
    fn remove(&mut self, token: Token) -> bool {
        if self.first.1 != token {
            self.others.retain(|&(_, held)| held != token);
            return false;
        }
        match self.others.pop() {
            Some(other) => self.first = other,
            None => return true,
        }
        false
    }
}

/// Inodes by what events call them (`K`), and back.
pub(super) struct Registry<K> {
    holders: HashMap<K, Holders>,
    keys: HashMap<Token, K>,
}

impl<K> Default for Registry<K> {
    fn default() -> Self {
        Self { holders: HashMap::new(), keys: HashMap::new() }
    }
}

impl<K: Hash + Eq + Clone> Registry<K> {
    /// Gives an inode a token, in place of any that it has on the same mount.
    pub(super) fn insert(&mut self, key: K, mount: MountId, token: Token) {
        // A token that stood for another inode, or for this one on another mount, stands for this
        // one here from now on.
        let stands_here = |held: &K| {
            *held == key && self.holders.get(held).and_then(|held| held.on(mount)) == Some(token)
        };
        if self.keys.get(&token).is_some_and(|held| !stands_here(held)) {
            self.remove(token);
        }
        let fresh = Holders { first: (mount, token), others: Vec::new() };
        let holders = self.holders.entry(key.clone()).or_insert(fresh);
        if let Some(replaced) = holders.set(mount, token)
            && replaced != token
        {
            self.keys.remove(&replaced);
        }
        self.keys.insert(token, key);
    }

    /// Takes a token away, and returns the inode if that was its last.
    pub(super) fn remove(&mut self, token: Token) -> Option<K> {
        let key = self.keys.remove(&token)?;
        let none_left = self.holders.get_mut(&key).is_some_and(|held| held.remove(token));
        if !none_left {
            return None;
        }
        self.holders.remove(&key);
        Some(key)
    }

    /// Forgets an inode and returns its tokens.
    pub(super) fn forget(&mut self, key: &K) -> Option<Holders> {
        let holders = self.holders.remove(key)?;
        for (_, token) in holders.iter() {
            self.keys.remove(&token);
        }
        Some(holders)
    }

    pub(super) fn get(&self, key: &K) -> Option<&Holders> {
        self.holders.get(key)
    }

    pub(super) fn contains(&self, token: Token) -> bool {
        self.keys.contains_key(&token)
    }

    pub(super) fn tokens(&self) -> impl Iterator<Item = Token> + '_ {
        self.keys.keys().copied()
    }

    /// The tokens that stand for inodes on one mount.
    pub(super) fn tokens_on(&self, mount: MountId) -> impl Iterator<Item = Token> + '_ {
        self.holders.values().filter_map(move |holders| holders.on(mount))
    }

    pub(super) fn len(&self) -> usize {
        self.holders.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: MountId = MountId(1);
    const THERE: MountId = MountId(2);

    fn tokens(registry: &Registry<u8>, key: u8) -> Vec<u64> {
        registry.get(&key).map_or_else(Vec::new, |held| held.iter().map(|(_, t)| t.0).collect())
    }

    #[test]
    fn the_newest_token_of_a_mount_wins_and_the_older_is_forgotten() {
        let mut registry = Registry::default();
        registry.insert(7, HERE, Token(1));
        registry.insert(7, HERE, Token(2));
        assert_eq!(tokens(&registry, 7), [2]);
        assert_eq!(registry.remove(Token(1)), None, "it is another's by now");
        assert_eq!(tokens(&registry, 7), [2]);
        assert_eq!(registry.remove(Token(2)), Some(7));
        assert_eq!(registry.len(), 0);
    }

    #[test]
    fn each_mount_that_shows_an_inode_has_its_own_token() {
        let mut registry = Registry::default();
        registry.insert(7, HERE, Token(1));
        registry.insert(7, THERE, Token(2));
        assert_eq!(tokens(&registry, 7), [1, 2]);
        assert_eq!(registry.remove(Token(1)), None, "the other is left");
        assert_eq!(tokens(&registry, 7), [2]);
        assert_eq!(registry.tokens_on(THERE).collect::<Vec<_>>(), [Token(2)]);
        assert!(registry.forget(&7).is_some());
        assert!(!registry.contains(Token(2)));
    }

    #[test]
    fn a_token_stands_for_an_inode_on_one_mount() {
        let mut registry = Registry::default();
        registry.insert(7, HERE, Token(1));
        registry.insert(7, THERE, Token(1));
        assert_eq!(tokens(&registry, 7), [1]);
        assert_eq!(registry.get(&7).unwrap().on(THERE), Some(Token(1)));
        assert_eq!(registry.remove(Token(1)), Some(7));
    }

    #[test]
    fn a_token_stands_for_one_inode() {
        let mut registry = Registry::default();
        registry.insert(7, HERE, Token(1));
        registry.insert(8, HERE, Token(1));
        assert_eq!(tokens(&registry, 7), [0_u64; 0]);
        assert_eq!(tokens(&registry, 8), [1]);
    }
}
