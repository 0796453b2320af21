//! Path patterns, grouped by what they ask of the directory.
//!
//! Every pattern is a list of components; the last is for a name, those before it for the
//! directory that holds the name. Patterns that ask the same of the directory share one
//! [`NameTable`], so a directory is prepared once and its names cost look-ups.

use std::collections::HashMap;

use crate::index::{Index, hash};
use crate::name::NameMatcher;
use crate::positions::PositionSet;
use crate::table::{NameTable, Owner, Probe, Sink};

/// One component of a path pattern.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Component {
    /// Exactly one component.
    Name(NameMatcher),
    /// `**`: any number of components, none too.
    AnyDepth,
}

/// A path pattern: what it asks of the directories, and what of the name.
pub(crate) struct PathPattern {
    pub(crate) dirs: Vec<Component>,
    pub(crate) name: NameMatcher,
    pub(crate) owner: Owner,
}

/// The directory that a name stands in: `None` is the root of the patterns, which differs from
/// the empty component of an absolute path.
pub(crate) type Dir<'d> = Option<&'d [u8]>;

/// The compiled patterns.
#[derive(Debug)]
pub(crate) struct PathTable {
    tables: Vec<NameTable>,
    /// The table of patterns that hold in any directory.
    anywhere: Option<u32>,
    /// The table of patterns that hold in the root.
    root: Option<u32>,
    /// Tables of patterns that hold in one directory.
    literal_dirs: Index<u32>,
    automaton: Vec<Position>,
    /// Where the groups start that only the automaton decides.
    start_wild: PositionSet,
    /// Where all groups start, closed over empty `**`; whole only when built for descending.
    start_all: PositionSet,
    /// The bare starts behind `start_all`.
    starts: Vec<usize>,
}

/// What patterns ask of the directory, and the names of those that ask it.
type Group = (Vec<Component>, Vec<(NameMatcher, Owner)>);

/// One position of the automaton that reads a directory's components.
#[derive(Debug)]
enum Position {
    Name(NameMatcher),
    AnyDepth,
    Accept(u32),
}

impl PathTable {
    /// Groups and compiles the patterns; with `descends`, [`PathTable::start`] may be used.
    pub(crate) fn new(patterns: Vec<PathPattern>, descends: bool) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        let mut by_dirs: HashMap<Vec<Component>, usize> = HashMap::new();
        for mut pattern in patterns {
            let any = Component::AnyDepth;
            pattern.dirs.dedup_by(|a, b| *a == any && *b == any);
            let group = *by_dirs.entry(pattern.dirs).or_insert_with_key(|dirs| {
                groups.push((dirs.clone(), Vec::new()));
                groups.len() - 1
            });
            groups[group].1.push((pattern.name, pattern.owner));
        }
        let (mut anywhere, mut root, mut literal_dirs) = (None, None, Vec::new());
        let (mut automaton, mut wild, mut all) = (Vec::new(), Vec::new(), Vec::new());
        let mut tables = Vec::with_capacity(groups.len());
        for (dirs, names) in groups {
            let table = tables.len() as u32;
            tables.push(NameTable::new(names));
            let mut only_automaton = false;
            if dirs.is_empty() {
                root = Some(table);
            } else if dirs == [Component::AnyDepth] {
                anywhere = Some(table);
            } else if let Some(path) = literal_path(&dirs) {
                literal_dirs.push((path.into_boxed_slice(), table));
            } else {
                only_automaton = true;
            }
            if only_automaton || descends {
                all.push(automaton.len());
                if only_automaton {
                    wild.push(automaton.len());
                }
                automaton.extend(dirs.into_iter().map(|component| match component {
                    Component::Name(matcher) => Position::Name(matcher),
                    Component::AnyDepth => Position::AnyDepth,
                }));
                automaton.push(Position::Accept(table));
            }
        }
        let literal_dirs = Index::new(literal_dirs);
        let empty = PositionSet::new(automaton.len());
        let (start_wild, start_all) = (empty.clone(), empty);
        let mut this = Self {
            tables,
            anywhere,
            root,
            literal_dirs,
            automaton,
            start_wild,
            start_all,
            starts: all,
        };
        this.start_wild = this.closed(&wild);
        this.start_all = this.closed(&this.starts);
        this
    }

    /// Calls `f` with each table whose patterns may match names in `dir`.
    pub(crate) fn tables_for_dir<'t>(&'t self, dir: Dir<'_>, mut f: impl FnMut(&'t NameTable)) {
        let direct = match dir {
            None => self.root,
            Some(_) if self.literal_dirs.is_empty() => None,
            Some(path) => self.literal_dirs.get(hash(path), path).next().copied(),
        };
        for table in self.anywhere.into_iter().chain(direct) {
            f(&self.tables[table as usize]);
        }
        if self.start_wild.is_empty() {
            return;
        }
        let mut state = self.start_wild.clone();
        for component in dir.into_iter().flat_map(|path| path.split(|&b| b == b'/')) {
            state = self.step(&state, component);
            if state.is_empty() {
                return;
            }
        }
        self.accepted(&state, f);
    }

    /// The state in the root.
    pub(crate) fn start(&self) -> PositionSet {
        self.start_all.clone()
    }

    /// The state in the directory `name` of a directory in `state`; empty if nothing below it can
    /// match.
    pub(crate) fn step(&self, state: &PositionSet, name: &[u8]) -> PositionSet {
        let mut next = PositionSet::new(self.automaton.len());
        state.for_each(|at| match &self.automaton[at] {
            Position::Name(matcher) if matcher.matches(name) => self.enter(&mut next, at + 1),
            Position::AnyDepth => self.enter(&mut next, at),
            Position::Name(_) | Position::Accept(_) => {}
        });
        next
    }

    /// Gives `sink` the owners of the patterns that match `name` in a directory in `state`.
    pub(crate) fn visit(&self, state: &PositionSet, name: &[u8], sink: &mut impl Sink) {
        let probe = Probe::new(name);
        self.accepted(state, |table| table.visit(&probe, false, sink));
    }

    /// The directory components that every pattern starts with.
    pub(crate) fn common_prefix(&self) -> Vec<u8> {
        let mut common: Option<Vec<&[u8]>> = None;
        for &start in &self.starts {
            let literals = self.automaton[start..].iter().map_while(|position| match position {
                Position::Name(NameMatcher::Literal(name)) => Some(&**name),
                _ => None,
            });
            common = Some(match common.take() {
                None => literals.collect(),
                Some(so_far) => so_far
                    .into_iter()
                    .zip(literals)
                    .map_while(|(a, b)| (a == b).then_some(a))
                    .collect(),
            });
        }
        common.unwrap_or_default().join(&b'/')
    }

    fn accepted<'t>(&'t self, state: &PositionSet, mut f: impl FnMut(&'t NameTable)) {
        state.for_each(|at| {
            if let Position::Accept(table) = self.automaton[at] {
                f(&self.tables[table as usize]);
            }
        });
    }

    fn closed(&self, starts: &[usize]) -> PositionSet {
        let mut set = PositionSet::new(self.automaton.len());
        for &start in starts {
            self.enter(&mut set, start);
        }
        set
    }

    /// Adds a position and, since `**` may be nothing, the one after it. Two never stand in a row.
    fn enter(&self, set: &mut PositionSet, at: usize) {
        set.insert(at);
        if matches!(self.automaton[at], Position::AnyDepth) {
            set.insert(at + 1);
        }
    }
}

fn literal_path(dirs: &[Component]) -> Option<Vec<u8>> {
    let names: Option<Vec<&[u8]>> = dirs
        .iter()
        .map(|component| match component {
            Component::Name(NameMatcher::Literal(name)) => Some(&**name),
            _ => None,
        })
        .collect();
    Some(names?.join(&b'/'))
}
