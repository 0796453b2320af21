//! Finds what moved: content that went from one path and came at another.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::Found;
use super::paths::Paths;
use crate::view::Class;

/// The most pairs of equal content that are weighed against one another; larger groups (a licence
/// text in ten thousand packages) are paired by name and order.
const PAIRS_WEIGHED_MAX: usize = 1 << 16;

/// What renames explain.
pub(super) struct Renames {
    /// Positions in the two lists, those implied by a directory's rename left out.
    pub(super) pairs: Vec<(usize, usize)>,
    /// Of each entry that went, whether a rename explains it.
    pub(super) gone: Vec<bool>,
    /// Of each entry that came, whether a rename explains it.
    pub(super) came: Vec<bool>,
}

/// Pairs what went with what came.
pub(super) fn find(gone: &[Found], came: &[Found], paths: &Paths) -> Renames {
    let mut matcher = Matcher {
        gone,
        came,
        paths,
        partner: vec![None; gone.len()],
        taken: vec![false; came.len()],
        whole: Vec::new(),
    };
    matcher.whole_directories();
    matcher.content();
    matcher.emptied_directories();
    matcher.finish()
}

struct Matcher<'a> {
    gone: &'a [Found],
    came: &'a [Found],
    paths: &'a Paths,
    /// Where each entry that went is now.
    partner: Vec<Option<usize>>,
    taken: Vec<bool>,
    /// Directories that moved with an equal digest.
    whole: Vec<(usize, usize)>,
}

/// Entries of equal content on both sides.
#[derive(Default)]
struct Group {
    gone: Vec<usize>,
    came: Vec<usize>,
}

impl Matcher<'_> {
    /// Directories of equal digest, the largest first, so that a parent goes before its children.
    fn whole_directories(&mut self) {
        let is_whole =
            |found: &Found, at: usize| found.class == Class::Directory && found.end > at + 1;
        let mut groups: Vec<Group> = self.groups(is_whole);
        groups.sort_by_key(|group| {
            let first = group.gone[0];
            (Reverse(self.gone[first].end - first), first)
        });
        for mut group in groups {
            group.gone.retain(|at| self.partner[*at].is_none());
            group.came.retain(|at| !self.taken[*at]);
            for (old, new) in self.nearest(&group) {
                // Equal digests are equal sets of entries, and both lists are in pre-order of the
                // same sorted names: the subtrees correspond entry by entry. Only ids that were
                // made to collide can break that.
                let len = self.gone[old].end - old;
                if self.came[new].end - new != len {
                    continue;
                }
                for below in 0..len {
                    self.partner[old + below] = Some(new + below);
                    self.taken[new + below] = true;
                }
                self.whole.push((old, new));
            }
        }
    }

    /// Files and symbolic links of equal, non-empty content.
    fn content(&mut self) {
        let has_content =
            |found: &Found, _: usize| found.class.has_content() && found.size_bytes > 0;
        for mut group in self.groups(has_content) {
            group.gone.retain(|at| self.partner[*at].is_none());
            group.came.retain(|at| !self.taken[*at]);
            for (old, new) in self.nearest(&group) {
                self.partner[old] = Some(new);
                self.taken[new] = true;
            }
        }
    }

    /// Directories that went and whose every entry is now under one that came.
    fn emptied_directories(&mut self) {
        let parents = parents(self.came);
        // Children stand behind their parents, so they are settled first.
        for old in (0..self.gone.len()).rev() {
            if self.gone[old].class != Class::Directory || self.partner[old].is_some() {
                continue;
            }
            let children: Vec<usize> = children_of(self.gone, old).collect();
            let moved = children.iter().find_map(|child| parents[self.partner[*child]?]);
            let Some(new) = moved.filter(|new| !self.taken[*new]) else { continue };
            let below: HashMap<&[u8], usize> = children_of(self.came, new)
                .map(|at| (self.paths.name(self.came[at].path), at))
                .collect();
            let targets: Option<Vec<usize>> =
                children.iter().map(|child| self.follows(*child, &below)).collect();
            let Some(targets) = targets else { continue };
            for (child, target) in children.into_iter().zip(targets) {
                self.partner[child] = Some(target);
                self.taken[target] = true;
            }
            self.partner[old] = Some(new);
            self.taken[new] = true;
        }
    }

    /// Where the child of a directory that went is in another, `below`, under the same name. What
    /// has no content of its own (an empty file, a pipe, an empty directory) follows its directory.
    fn follows(&self, child: usize, below: &HashMap<&[u8], usize>) -> Option<usize> {
        let gone = &self.gone[child];
        let target = *below.get(self.paths.name(gone.path))?;
        let came = &self.came[target];
        match self.partner[child] {
            Some(partner) => (partner == target).then_some(target),
            None => {
                let bare = gone.end == child + 1 && came.end == target + 1;
                let has_content = gone.class.has_content() && gone.size_bytes > 0;
                let same = gone.class == came.class && gone.id == came.id;
                (bare && !has_content && same && !self.taken[target]).then_some(target)
            }
        }
    }

    fn finish(self) -> Renames {
        let parents_gone = parents(self.gone);
        let parents_came = parents(self.came);
        let implied = |old: usize, new: usize| {
            let same_name =
                self.paths.name(self.gone[old].path) == self.paths.name(self.came[new].path);
            match (parents_gone[old], parents_came[new]) {
                (Some(above), Some(target)) => same_name && self.partner[above] == Some(target),
                _ => false,
            }
        };
        let pairs = self.partner.iter().enumerate();
        let pairs = pairs.filter_map(|(old, new)| Some((old, (*new)?)));
        let pairs = pairs.filter(|(old, new)| !implied(*old, *new)).collect();
        let gone = self.partner.iter().map(Option::is_some).collect();
        Renames { pairs, gone, came: self.taken }
    }

    /// The groups of equal content that have members on both sides, in the order in which their
    /// first members went.
    fn groups(&self, belongs: impl Fn(&Found, usize) -> bool) -> Vec<Group> {
        let mut numbers: HashMap<(bool, [u8; 32]), usize> = HashMap::new();
        let mut groups: Vec<Group> = Vec::new();
        let key = |found: &Found| Some((found.class == Class::Symlink, found.id?));
        for (at, found) in self.gone.iter().enumerate() {
            if self.partner[at].is_none() && belongs(found, at) {
                let Some(key) = key(found) else { continue };
                let number = *numbers.entry(key).or_insert_with(|| {
                    groups.push(Group::default());
                    groups.len() - 1
                });
                groups[number].gone.push(at);
            }
        }
        for (at, found) in self.came.iter().enumerate() {
            if !self.taken[at] && belongs(found, at) {
                let number = key(found).and_then(|key| numbers.get(&key));
                if let Some(number) = number {
                    groups[*number].came.push(at);
                }
            }
        }
        groups.retain(|group| !group.came.is_empty());
        groups
    }

    /// Pairs the members of a group, the nearest paths first.
    fn nearest(&self, group: &Group) -> Vec<(usize, usize)> {
        if group.gone.len() * group.came.len() > PAIRS_WEIGHED_MAX {
            return self.by_name_and_order(group);
        }
        let names = |found: &[Found], at: usize| -> Vec<&[u8]> {
            self.paths.names_upwards(found[at].path).collect()
        };
        let old: Vec<_> = group.gone.iter().map(|at| (*at, names(self.gone, *at))).collect();
        let new: Vec<_> = group.came.iter().map(|at| (*at, names(self.came, *at))).collect();
        let mut pairs = Vec::with_capacity(old.len() * new.len());
        for (old_at, old_names) in &old {
            for (new_at, new_names) in &new {
                let renamed = old_names.first() != new_names.first();
                pairs.push((distance(old_names, new_names), renamed, *old_at, *new_at));
            }
        }
        pairs.sort_unstable();
        let mut used_old = std::collections::HashSet::new();
        let mut used_new = std::collections::HashSet::new();
        pairs.retain(|(_, _, old, new)| {
            let free = !used_old.contains(old) && !used_new.contains(new);
            if free {
                used_old.insert(*old);
                used_new.insert(*new);
            }
            free
        });
        pairs.into_iter().map(|(_, _, old, new)| (old, new)).collect()
    }

    fn by_name_and_order(&self, group: &Group) -> Vec<(usize, usize)> {
        let mut by_name: HashMap<&[u8], Vec<usize>> = HashMap::new();
        for at in group.came.iter().rev() {
            by_name.entry(self.paths.name(self.came[*at].path)).or_default().push(*at);
        }
        let mut pairs = Vec::new();
        let mut left = Vec::new();
        for at in &group.gone {
            match by_name.get_mut(self.paths.name(self.gone[*at].path)).and_then(Vec::pop) {
                Some(new) => pairs.push((*at, new)),
                None => left.push(*at),
            }
        }
        let mut free: Vec<usize> = by_name.into_values().flatten().collect();
        free.sort_unstable();
        pairs.extend(left.into_iter().zip(free));
        pairs
    }
}

/// How many names must change to make one path of the other; both are given upwards.
fn distance(a: &[&[u8]], b: &[&[u8]]) -> usize {
    let shorter = a.len().min(b.len());
    let below = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let above = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    let common = (below + above).min(shorter);
    a.len() + b.len() - 2 * common
}

/// The positions of the children of the directory at `dir`.
fn children_of(list: &[Found], dir: usize) -> impl Iterator<Item = usize> {
    let end = list[dir].end;
    let first = (dir + 1 < end).then_some(dir + 1);
    std::iter::successors(first, move |at| Some(list[*at].end).filter(|next| *next < end))
}

/// The position of the parent of each entry, where the parent is in the list too.
fn parents(list: &[Found]) -> Vec<Option<usize>> {
    let mut parents = vec![None; list.len()];
    let mut above: Vec<usize> = Vec::new();
    for at in 0..list.len() {
        while above.last().is_some_and(|dir| list[*dir].end <= at) {
            above.pop();
        }
        parents[at] = above.last().copied();
        if list[at].class == Class::Directory {
            above.push(at);
        }
    }
    parents
}
