//! The way to the directories that the components of a glob name.

use std::ops::{ControlFlow, Range};

use treenail_pattern::glob::{NameShape, Options, Shape};

use super::index::Numbered;
use super::names::{DirNo, EntryNo};
use super::postings::within;
use super::signature::{EDGE, Signature};

/// With so many bits, few of all names are looked at: that is faster than looking at all
/// directories.
const SELECTIVE: u32 = 4;

/// The directories of a glob, component by component.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Way {
    steps: Vec<Step>,
    /// Whether the shape of the name in the last component says all.
    pub(super) is_whole: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Step {
    /// The directory of that name.
    Name(Box<[u8]>),
    /// Those whose names look so, and so have these bits.
    Like(NameShape, Signature),
    /// It and all directories below.
    AnyDepth,
}

/// The way of a glob whose directories are names and plain wildcards.
pub(super) fn way(glob: &[u8]) -> Option<Way> {
    if glob.iter().any(|byte| b"{}[]\\".contains(byte)) {
        return None;
    }
    let (dirs, last) = glob.split_at(memchr::memrchr(b'/', glob)?);
    let mut steps = Vec::new();
    for component in dirs.split(|byte| *byte == b'/') {
        steps.push(match component {
            b"" | b"." | b".." => return None,
            b"**" => Step::AnyDepth,
            name if !name.iter().any(|byte| b"*?".contains(byte)) => Step::Name(name.into()),
            wild => match &mut Shape::of(wild, Options::default()).ok()?[..] {
                [Shape { name: NameShape::Parts(first, last, rest), is_whole: true, .. }] => {
                    Step::like(first, last, std::mem::take(rest))
                }
                _ => return None,
            },
        });
    }
    // A last component of two stars is every name below.
    let shapes = Shape::of(&last[1..], Options::default()).ok()?;
    let is_whole = &last[1..] != b"**" && shapes.iter().all(|shape| shape.is_whole);
    Some(Way { steps, is_whole })
}

impl Step {
    fn like(first: &[u8], last: &[u8], rest: Vec<Box<[u8]>>) -> Self {
        let ends = Signature::of_part(&[&[EDGE], first].concat())
            | Signature::of_part(&[last, &[EDGE]].concat());
        let bits = rest.iter().fold(ends, |bits, part| bits | Signature::of_part(part));
        Self::Like(NameShape::Parts(first.into(), last.into(), rest), bits)
    }
}

impl Way {
    /// The ways to the paths that a text stands in: to the directories in which names begin with
    /// the end of the text, which is told too, if it has a slash before that; and to those that
    /// have it in their paths.
    pub(super) fn with(text: &[u8]) -> Option<([Option<Self>; 2], &[u8])> {
        let mut parts: Vec<&[u8]> = text.split(|byte| *byte == b'/').collect();
        let last = parts.pop()?;
        if text.is_empty() || parts.iter().skip(1).any(|part| part.is_empty()) {
            return None;
        }
        let mut steps = vec![Step::AnyDepth];
        let mut parts = parts.into_iter();
        let first = parts.next();
        steps.extend(first.map(|first| Step::like(b"", first, Vec::new())));
        steps.extend(parts.map(|part| Step::Name(part.into())));
        let way = |steps| Self { steps, is_whole: true };
        let here = (first.is_some() && !last.is_empty()).then(|| way(steps.clone()));
        match (first, last) {
            (None, _) => steps.push(Step::like(b"", b"", vec![last.into()])),
            (Some(_), []) => {}
            (Some(_), _) => steps.push(Step::like(last, b"", Vec::new())),
        }
        steps.push(Step::AnyDepth);
        Some(([here, Some(way(steps))], last))
    }

    /// The entries of the columns in those directories below `top`, as ranges in order that do not
    /// overlap. What came or moved since is not in them.
    pub(super) fn entries(&self, view: Numbered<'_>, top: DirNo) -> Vec<Range<EntryNo>> {
        let names = view.names;
        let mut dirs = if view.is_settled(top) { vec![top] } else { Vec::new() };
        let mut is_below = false;
        for step in &self.steps {
            dirs = match step {
                Step::AnyDepth => {
                    is_below = true;
                    outermost(view, dirs)
                }
                Step::Name(name) if is_below => {
                    is_below = false;
                    named_below(view, &dirs, name)
                }
                Step::Name(name) => {
                    let child = |dir: &DirNo| child(view, names.find(*dir, name)?);
                    dirs.iter().filter_map(child).collect()
                }
                Step::Like(shape, bits) if is_below => {
                    is_below = false;
                    like_below(view, &dirs, shape, *bits)
                }
                Step::Like(shape, _) => {
                    let here = dirs.iter().map(|dir| names.entries(*dir));
                    here.flat_map(|range| children(view, range, shape)).collect()
                }
            };
        }
        dirs.sort_unstable();
        let ranges = dirs.iter().map(|dir| match is_below {
            true => names.entries_below(*dir),
            false => names.entries(*dir),
        });
        ranges.filter(|range| !range.is_empty()).collect()
    }
}

/// The directories that are in no other one of them.
fn outermost(view: Numbered<'_>, mut dirs: Vec<DirNo>) -> Vec<DirNo> {
    dirs.sort_unstable();
    let mut end = 0;
    dirs.retain(|dir| {
        let is_out = *dir >= end;
        if is_out {
            end = view.names.end[*dir as usize];
        }
        is_out
    });
    dirs
}

/// The directories of a name anywhere below some that are not in one another.
fn named_below(view: Numbered<'_>, dirs: &[DirNo], name: &[u8]) -> Vec<DirNo> {
    let names = view.names;
    let Some(number) = names.base.find(name) else { return Vec::new() };
    let named = names.postings.named(number);
    let below = dirs.iter().flat_map(|dir| within(named, &names.entries_below(*dir)));
    below.filter_map(|entry| child(view, *entry)).collect()
}

/// The directories anywhere below some that are not in one another, whose names look so.
fn like_below(
    view: Numbered<'_>,
    dirs: &[DirNo],
    shape: &NameShape,
    bits: Signature,
) -> Vec<DirNo> {
    let names = view.names;
    let below = dirs.iter().map(|dir| names.entries_below(*dir));
    if bits.count() < SELECTIVE {
        return below.flat_map(|range| children(view, range, shape)).collect();
    }
    let (below, mut found) = (below.collect::<Vec<_>>(), Vec::new());
    _ = names.postings.signatures.scan(bits, |name| {
        if shape.accepts(names.base.get(name), false) {
            let named = names.postings.named(name);
            let here = below.iter().flat_map(|range| within(named, range));
            found.extend(here.filter_map(|entry| child(view, *entry)));
        }
        ControlFlow::Continue(())
    });
    found
}

/// The directory that an entry of the columns is, if it is where it was.
fn child(view: Numbered<'_>, entry: EntryNo) -> Option<DirNo> {
    let is_there = !view.overlay.is_dead(entry);
    view.names.child(entry).filter(|dir| is_there && view.is_settled(*dir))
}

/// The directories among some entries, whose names look so.
fn children(view: Numbered<'_>, range: Range<EntryNo>, shape: &NameShape) -> Vec<DirNo> {
    let names = view.names;
    let from = names.children.partition_point(|(entry, _)| *entry < range.start);
    let here = names.children[from..].iter().take_while(|(entry, _)| *entry < range.end);
    let like = here.filter(|(entry, _)| shape.accepts(names.name(*entry), false));
    like.filter_map(|(entry, _)| child(view, *entry)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_plain_wildcards_lead_somewhere() {
        assert!(way(b"**/a/**/x.js").is_some_and(|way| way.is_whole));
        assert!(way(b"a*/?.js").is_some_and(|way| !way.is_whole));
        assert!(way(b"packages/*/src/**/*.ts").is_some_and(|way| way.is_whole));
        assert!(way(b"a/**").is_some_and(|way| !way.is_whole));
        assert!(way(b"**/*/x").is_some_and(|way| way.is_whole));
        for none in [&b"a?/x"[..], b"a/../x", b"/a/x", b"{a,b}/x", b"[ab]/x", b"x"] {
            assert_eq!(way(none), None, "{}", none.escape_ascii());
        }
    }
}
