//! What the paths that a glob matches have in common, for an index in which they are looked up.

use super::error::PatternError;
use super::parse::{self, Expansion};
use super::{Options, components};
use crate::name::NameMatcher;
use crate::paths::Component;
use crate::table::Owner;
use crate::token::Token;

/// What the paths that one alternative of a glob matches have in common. Where letters match
/// whatever their case, those in it are in lower case, as far as they are ASCII.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shape {
    /// Where the names stand.
    pub dir: DirShape,
    /// What the names look like.
    pub name: NameShape,
    /// Whether each path of that shape matches.
    pub is_whole: bool,
}

/// Where the names that a glob matches stand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DirShape {
    /// In this directory; the empty path is the one that paths are relative to.
    In(Vec<u8>),
    /// In this directory or anywhere below it.
    Below(Vec<u8>),
}

/// What the names that a glob matches look like.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NameShape {
    /// Exactly this.
    Literal(Box<[u8]>),
    /// They begin with the first, end with the second and have the rest somewhere between, in this
    /// order; any may be empty.
    Parts(Box<[u8]>, Box<[u8]>, Vec<Box<[u8]>>),
}

impl Shape {
    /// The shapes of a glob, one for each pattern that its braces stand for.
    ///
    /// # Errors
    /// As [`Glob::compile`](super::Glob::compile).
    pub fn of(pattern: impl AsRef<[u8]>, options: Options) -> Result<Vec<Self>, PatternError> {
        let expanded = parse::expand(pattern.as_ref(), options)?;
        if !options.literal_separator {
            let name = NameShape::Parts([].into(), [].into(), Vec::new());
            return Ok(vec![Self { dir: DirShape::Below(Vec::new()), name, is_whole: false }]);
        }
        let fold = options.case_insensitive;
        Ok(expanded.iter().map(|expansion| Self::of_expansion(expansion, fold)).collect())
    }

    fn of_expansion(expansion: &Expansion, fold: bool) -> Self {
        let pattern = components::path_pattern(expansion, Owner { id: 0, dirs_only: false });
        let mut dirs = pattern.dirs.iter().peekable();
        let mut path: Vec<&[u8]> = Vec::new();
        // A directory's name on disk may have other letters than the pattern.
        while !fold && let Some(Component::Name(NameMatcher::Literal(name))) = dirs.peek() {
            path.push(name);
            dirs.next();
        }
        let any_depth = dirs.clone().all(|component| *component == Component::AnyDepth);
        let path = path.join(&b'/');
        let (name, name_is_whole) = name_shape(expansion);
        let dir = if dirs.next().is_none() { DirShape::In(path) } else { DirShape::Below(path) };
        Self { dir, name, is_whole: any_depth && name_is_whole }
    }
}

/// The shape of the last component, and whether it says all.
fn name_shape(expansion: &Expansion) -> (NameShape, bool) {
    let last = expansion.rsplit(|token| *token == Token::Byte(b'/')).next().unwrap_or_default();
    let mut pieces = vec![Vec::new()];
    let mut plain = true;
    for token in last {
        match token {
            Token::Byte(byte) => pieces.last_mut().expect("never empty").push(*byte),
            Token::Star => pieces.push(Vec::new()),
            _ => {
                plain = false;
                pieces.push(Vec::new());
            }
        }
    }
    let mut pieces: Vec<Box<[u8]>> = pieces.into_iter().map(Vec::into_boxed_slice).collect();
    let last = pieces.pop().expect("never empty");
    if pieces.is_empty() {
        return (NameShape::Literal(last), true);
    }
    let first = pieces.remove(0);
    pieces.retain(|piece| !piece.is_empty());
    (NameShape::Parts(first, last, pieces), plain)
}

impl NameShape {
    /// Whether a name has the shape; with `fold`, whatever the case of ASCII letters.
    #[must_use]
    pub fn accepts(&self, name: &[u8], fold: bool) -> bool {
        let eq = |a: &[u8], b: &[u8]| if fold { a.eq_ignore_ascii_case(b) } else { a == b };
        match self {
            Self::Literal(whole) => eq(name, whole),
            Self::Parts(first, last, rest) => {
                let Some(from) = name.len().checked_sub(first.len() + last.len()) else {
                    return false;
                };
                let (start, middle) = name.split_at(first.len());
                let (mut middle, end) = middle.split_at(from);
                // The earliest place of each part leaves the most for the next ones.
                let mut parts = rest.iter();
                eq(start, first)
                    && eq(end, last)
                    && parts.all(|part| match find(middle, part, fold) {
                        Some(at) => {
                            middle = &middle[at + part.len()..];
                            true
                        }
                        None => false,
                    })
            }
        }
    }
}

/// Where a part that is not empty begins in a text.
fn find(text: &[u8], part: &[u8], fold: bool) -> Option<usize> {
    match fold {
        false => memchr::memmem::find(text, part),
        true => text.windows(part.len()).position(|found| found.eq_ignore_ascii_case(part)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::glob::Glob;

    fn shapes(pattern: &str, fold: bool) -> Vec<Shape> {
        let options = Options { case_insensitive: fold, ..Options::default() };
        Shape::of(pattern, options).expect("a glob")
    }

    fn parts(first: &str, last: &str, rest: &[&str]) -> NameShape {
        let bytes = |text: &str| text.as_bytes().into();
        NameShape::Parts(bytes(first), bytes(last), rest.iter().map(|text| bytes(text)).collect())
    }

    #[test]
    fn leading_names_are_the_directory_and_the_last_component_is_the_name() {
        let below = |path: &str| DirShape::Below(path.into());
        let within = |path: &str| DirShape::In(path.into());
        for (pattern, dir, name, is_whole) in [
            ("*.js", within(""), parts("", ".js", &[]), true),
            ("**/*.js", below(""), parts("", ".js", &[]), true),
            ("a/b/**/*.js", below("a/b"), parts("", ".js", &[]), true),
            ("a/**/**/x", below("a"), NameShape::Literal((*b"x").into()), true),
            ("a/*/x", below("a"), NameShape::Literal((*b"x").into()), false),
            ("a/b", within("a"), NameShape::Literal((*b"b").into()), true),
            ("a/**", below("a"), parts("", "", &[]), true),
            ("x*y", within(""), parts("x", "y", &[]), true),
            ("x*mid?dle*", within(""), parts("x", "", &["mid", "dle"]), false),
            ("[ab]c", within(""), parts("", "c", &[]), false),
        ] {
            assert_eq!(shapes(pattern, false), [Shape { dir, name, is_whole }], "{pattern}");
        }
        assert_eq!(shapes("*.{c,h}", false).len(), 2);
        assert_eq!(shapes("Src/*.C", true)[0].dir, below(""));
        assert!(!shapes("Src/*.C", true)[0].is_whole);
        assert_eq!(shapes("Src/*.C", true)[0].name, parts("", ".c", &[]));
    }

    #[test]
    fn what_matches_has_the_shape_and_what_has_a_whole_one_matches() {
        let paths = ["x", "ab", "a/b", "a/xay", "a/b/xy", "b/.x", "a/b/c/x.Y", "xy", "xmiddley"];
        let patterns = [
            "*",
            "**",
            "a/**",
            "a/*/*",
            "**/x*y",
            "x*y",
            "a/**/x",
            "{a,b}/*",
            "?x*",
            "**/*mi*dd*y",
            "x*m*e*y",
            "*x*x*",
            "**/*X*",
            "xy*y",
        ];
        for (pattern, path, fold) in patterns
            .iter()
            .flat_map(|pattern| paths.iter().map(move |path| (pattern, path)))
            .flat_map(|(pattern, path)| [(pattern, path, false), (pattern, path, true)])
        {
            let options = Options { case_insensitive: fold, ..Options::default() };
            let matches = Glob::compile(pattern, options).unwrap().is_match(path.as_bytes());
            let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
            let has = |shape: &Shape| {
                let in_dir = match &shape.dir {
                    DirShape::In(wanted) => dir.as_bytes() == wanted,
                    DirShape::Below(top) => {
                        top.is_empty()
                            || format!("{dir}/").as_bytes().starts_with(&[top, &b"/"[..]].concat())
                    }
                };
                in_dir && shape.name.accepts(name.as_bytes(), fold)
            };
            let shapes = shapes(pattern, fold);
            assert!(!matches || shapes.iter().any(has), "{pattern} {path}");
            let whole = shapes.iter().any(|shape| shape.is_whole && has(shape));
            assert!(!whole || matches, "{pattern} {path}");
        }
    }
}
