//! The compiled form: each kind of test by what decides it soonest.

use memchr::memmem;
use regex::bytes::{Regex, RegexBuilder};
use treenail_pattern::glob::{GlobSet, Options, State};

use super::{Case, Pattern, Subject};
use crate::error::Error;

/// Groups of patterns: of each group one must match.
#[derive(Debug)]
pub(crate) struct Patterns {
    groups: Vec<Group>,
    absolute: bool,
}

/// Where a walk stands in the globs of paths.
#[derive(Clone, Debug)]
pub(crate) struct Place(Box<[Option<State>]>);

/// Patterns of which one must match.
#[derive(Debug, Default)]
struct Group {
    names: Vec<Test>,
    /// Where the globs of names stand in every directory.
    name_globs: Option<State>,
    paths: Vec<Test>,
    path_globs: Option<GlobSet>,
}

/// One test of a text.
#[derive(Debug)]
enum Test {
    Suffix(Box<[u8]>),
    SuffixOfAnyCase(Box<[u8]>),
    Exact(Box<[u8]>),
    Contains(Box<memmem::Finder<'static>>),
    /// Text of ASCII, and the same for names that are not.
    ContainsOfAnyCase(Box<[u8]>, Box<Regex>),
    Regex(Regex),
}

impl Patterns {
    /// Compiles the groups.
    pub(crate) fn compile(
        groups: &[Vec<Pattern>],
        subject: Subject,
        case: Case,
    ) -> Result<Self, Error> {
        let any_case = match case {
            Case::Sensitive => false,
            Case::Insensitive => true,
            Case::Smart => !groups.iter().flatten().any(Pattern::has_capital),
        };
        let mut compiled = Vec::new();
        for group in groups {
            if !group.is_empty() && !group.iter().any(|one| matches_all(one, subject)) {
                compiled.push(Group::compile(group, subject, any_case)?);
            }
        }
        Ok(Self { groups: compiled, absolute: subject == Subject::Absolute })
    }

    /// Whether some test asks for the path.
    pub(crate) fn want_path(&self) -> bool {
        self.groups.iter().any(|group| !group.paths.is_empty())
    }

    /// Whether paths are absolute.
    pub(crate) fn are_absolute(&self) -> bool {
        self.absolute
    }

    /// The directory below the root that holds all matches, as far as the patterns name it.
    pub(crate) fn prefix(&self) -> &[u8] {
        let decided = self.groups.iter().filter(|group| group.only_path_globs() && !self.absolute);
        decided.filter_map(|group| group.path_globs.as_ref()).map(GlobSet::prefix).fold(
            b"",
            |longest, prefix| if prefix.len() > longest.len() { prefix } else { longest },
        )
    }

    /// The place of a root, whose absolute path is asked for if paths are absolute; none if
    /// nothing in it can match.
    pub(crate) fn start(&self, absolute: &[u8]) -> Option<Place> {
        self.place(|group, globs| {
            let state = match self.absolute {
                true => globs.start_in(absolute.strip_suffix(b"/").unwrap_or(absolute)),
                false => Some(globs.start()),
            };
            state.ok_or(()).map(Some).or_else(|()| group.without_globs())
        })
    }

    /// The place in the directory `name`; none if nothing in it can match.
    pub(crate) fn descend(&self, place: &Place, name: &[u8]) -> Option<Place> {
        let mut states = place.0.iter();
        self.place(|group, _| {
            let state = states.next().expect("a state for each group with globs");
            match state.as_ref().and_then(|state| state.descend(name)) {
                Some(state) => Ok(Some(state)),
                None => group.without_globs(),
            }
        })
    }

    /// Whether a path matches whose name begins at `name`, told at once and not on the way to it.
    #[cfg(feature = "query")]
    pub(crate) fn match_path(&self, path: &[u8], name: usize) -> bool {
        let name = &path[name..];
        self.groups.iter().all(|group| {
            group.names.iter().any(|test| test.matches(name))
                || group.name_globs.as_ref().is_some_and(|globs| globs.matches(name))
                || group.path_globs.as_ref().is_some_and(|globs| globs.is_match(path))
                || group.paths.iter().any(|test| test.matches(path))
        })
    }

    fn place(
        &self,
        mut state: impl FnMut(&Group, &GlobSet) -> Result<Option<State>, ()>,
    ) -> Option<Place> {
        let groups = self.groups.iter();
        let with_globs = groups.filter_map(|g| g.path_globs.as_ref().map(|globs| (g, globs)));
        let states: Result<_, ()> = with_globs.map(|(group, globs)| state(group, globs)).collect();
        states.ok().map(Place)
    }

    /// Whether the entry `name` matches. `path` holds what stands before the name in its path, and
    /// is given back so.
    pub(crate) fn matches(&self, place: &Place, name: &[u8], path: &mut Vec<u8>) -> bool {
        let mut states = place.0.iter();
        self.groups.iter().all(|group| {
            let state = match group.path_globs {
                Some(_) => states.next().and_then(Option::as_ref),
                None => None,
            };
            group.names.iter().any(|test| test.matches(name))
                || group.name_globs.as_ref().is_some_and(|globs| globs.matches(name))
                || state.is_some_and(|state| state.matches(name))
                || group.matches_path(name, path)
        })
    }
}

impl Group {
    fn compile(patterns: &[Pattern], subject: Subject, any_case: bool) -> Result<Self, Error> {
        let mut this = Self::default();
        let (mut names, mut paths) = (Vec::new(), Vec::new());
        for pattern in patterns {
            let of_path = matches!(subject, Subject::Path | Subject::Absolute);
            if let Pattern::Glob(text) = pattern {
                let has_slash = text.contains(&b'/');
                let rest = text.strip_prefix(b"**/").unwrap_or(text);
                let of_path = of_path || (subject == Subject::Auto && has_slash);
                if of_path && (rest.contains(&b'/') || rest.len() == text.len()) {
                    paths.push(&text[..]);
                } else if let Some(test) = Test::plain_glob(rest, any_case) {
                    this.names.push(test);
                } else {
                    names.push(rest);
                }
                continue;
            }
            let test = Test::compile(pattern, any_case)?;
            if of_path { &mut this.paths } else { &mut this.names }.push(test);
        }
        let options = Options { case_insensitive: any_case, ..Options::default() };
        let compile = |globs: Vec<&[u8]>| {
            if globs.is_empty() {
                return Ok(None);
            }
            let compiled = GlobSet::compile(&globs, options);
            compiled.map(Some).map_err(|(index, error)| {
                let reason = format!("glob: {}", error.reason);
                Error::pattern(globs[index], Some(error.position), reason)
            })
        };
        this.name_globs = compile(names)?.map(|globs| globs.start());
        this.path_globs = compile(paths)?;
        Ok(this)
    }

    fn only_path_globs(&self) -> bool {
        self.names.is_empty() && self.name_globs.is_none() && self.paths.is_empty()
    }

    /// What is left of the group where its globs of paths can match no more.
    fn without_globs(&self) -> Result<Option<State>, ()> {
        if self.only_path_globs() { Err(()) } else { Ok(None) }
    }

    fn matches_path(&self, name: &[u8], path: &mut Vec<u8>) -> bool {
        if self.paths.is_empty() {
            return false;
        }
        let dir = path.len();
        path.extend_from_slice(name);
        let matches = self.paths.iter().any(|test| test.matches(path));
        path.truncate(dir);
        matches
    }
}

impl Test {
    /// A glob that is no more than text, or `*` and text.
    fn plain_glob(glob: &[u8], any_case: bool) -> Option<Self> {
        let special = |text: &[u8]| text.iter().any(|b| b"*?[]{}\\/".contains(b));
        match glob.strip_prefix(b"*") {
            Some([]) => None,
            Some(suffix) if special(suffix) => None,
            Some(suffix) if any_case => Some(Self::SuffixOfAnyCase(suffix.into())),
            Some(suffix) => Some(Self::Suffix(suffix.into())),
            None if special(glob) || any_case => None,
            None => Some(Self::Exact(glob.into())),
        }
    }

    fn compile(pattern: &Pattern, any_case: bool) -> Result<Self, Error> {
        let regex = match pattern {
            Pattern::Fixed(text) if !any_case => {
                return Ok(Self::Contains(Box::new(memmem::Finder::new(text).into_owned())));
            }
            Pattern::Exact(text) if !any_case => return Ok(Self::Exact(text[..].into())),
            Pattern::Fixed(text) => {
                let regex = compile_regex(&literal_regex(text), true)?;
                return Ok(match text.is_ascii() && !text.is_empty() {
                    true => Self::ContainsOfAnyCase(text[..].into(), Box::new(regex)),
                    false => Self::Regex(regex),
                });
            }
            Pattern::Glob(text) | Pattern::Exact(text) => format!(r"\A{}\z", literal_regex(text)),
            Pattern::Regex(regex) => regex.clone(),
        };
        compile_regex(&regex, any_case).map(Self::Regex)
    }

    #[inline]
    fn matches(&self, text: &[u8]) -> bool {
        match self {
            Self::Suffix(suffix) => text.ends_with(suffix),
            Self::SuffixOfAnyCase(suffix) => {
                let from = text.len().checked_sub(suffix.len());
                from.is_some_and(|from| text[from..].eq_ignore_ascii_case(suffix))
            }
            Self::Exact(whole) => **whole == *text,
            Self::Contains(finder) => finder.find(text).is_some(),
            // Other letters than those of ASCII may be the same whatever their case.
            Self::ContainsOfAnyCase(part, regex) => match text.is_ascii() {
                true => text.windows(part.len()).any(|at| at.eq_ignore_ascii_case(part)),
                false => regex.is_match(text),
            },
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

fn compile_regex(regex: &str, any_case: bool) -> Result<Regex, Error> {
    // Only the parser says where the mistake is.
    let parsed = regex_syntax::ParserBuilder::new().utf8(false).build().parse(regex);
    if let Err(error) = parsed {
        let (position, reason) = match &error {
            regex_syntax::Error::Parse(e) => (Some(e.span().start.offset), e.kind().to_string()),
            regex_syntax::Error::Translate(e) => {
                (Some(e.span().start.offset), e.kind().to_string())
            }
            other => (None, other.to_string()),
        };
        return Err(Error::pattern(regex.as_bytes(), position, format!("regex: {reason}")));
    }
    let built =
        RegexBuilder::new(regex).case_insensitive(any_case).dot_matches_new_line(true).build();
    built.map_err(|error| {
        let reason = format!("regex: {error}; ask for less repetition");
        Error::pattern(regex.as_bytes(), None, reason)
    })
}

/// A regular expression that matches just these bytes.
fn literal_regex(text: &[u8]) -> String {
    let mut regex = String::new();
    for chunk in text.utf8_chunks() {
        regex.push_str(&regex::escape(chunk.valid()));
        for byte in chunk.invalid() {
            regex.push_str(&format!(r"(?-u:\x{byte:02X})"));
        }
    }
    regex
}

/// Whether every name matches, those that are no text too.
fn matches_all(pattern: &Pattern, subject: Subject) -> bool {
    match pattern {
        // Of paths it matches those without a slash.
        Pattern::Glob(text) if text == b"*" => matches!(subject, Subject::Auto | Subject::Name),
        Pattern::Glob(text) => matches!(&text[..], b"**" | b"**/*"),
        Pattern::Regex(text) => matches!(text.as_str(), "" | "." | ".*" | "^"),
        Pattern::Fixed(text) => text.is_empty(),
        Pattern::Exact(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(patterns: &[Pattern], subject: Subject, case: Case) -> Patterns {
        Patterns::compile(&[patterns.to_vec()], subject, case).expect("valid patterns")
    }

    fn matches(patterns: &Patterns, dir: &str, name: &str) -> bool {
        let mut place = patterns.start(b"/top").expect("a start");
        for part in dir.split('/').filter(|part| !part.is_empty()) {
            match patterns.descend(&place, part.as_bytes()) {
                Some(below) => place = below,
                None => return false,
            }
        }
        let mut path = if dir.is_empty() { Vec::new() } else { format!("{dir}/").into_bytes() };
        patterns.matches(&place, name.as_bytes(), &mut path)
    }

    #[test]
    fn a_glob_without_a_slash_asks_the_name_and_one_with_a_slash_the_path() {
        let globs = [Pattern::Glob(b"*.c".into()), Pattern::Glob(b"net/*.h".into())];
        let patterns = compile(&globs, Subject::Auto, Case::Sensitive);
        assert!(matches(&patterns, "a/b", "x.c") && matches(&patterns, "net", "x.h"));
        assert!(!matches(&patterns, "a/net", "x.h") && !matches(&patterns, "", "x.h"));
        assert_eq!(patterns.prefix(), b"", "the name may be anywhere");
    }

    #[test]
    fn globs_of_paths_alone_have_a_prefix_and_prune() {
        let patterns =
            compile(&[Pattern::Glob(b"net/**/*.c".into())], Subject::Auto, Case::Sensitive);
        assert_eq!(patterns.prefix(), b"net");
        let start = patterns.start(b"/").unwrap();
        assert!(patterns.descend(&start, b"drivers").is_none());
        assert!(matches(&patterns, "net/ipv4", "tcp.c"));
    }

    #[test]
    fn every_group_must_match() {
        let groups = [
            vec![Pattern::Fixed(b"a".into()), Pattern::Fixed(b"b".into())],
            vec![Pattern::Regex(r"\.rs$".into())],
        ];
        let patterns = Patterns::compile(&groups, Subject::Auto, Case::Smart).unwrap();
        assert!(matches(&patterns, "", "xA.RS") && matches(&patterns, "", "b.rs"));
        assert!(!matches(&patterns, "", "c.rs") && !matches(&patterns, "", "a.js"));
    }

    #[test]
    fn absolute_paths_begin_at_the_top() {
        let globs = [Pattern::Glob(b"/top/*/x".into())];
        let patterns = compile(&globs, Subject::Absolute, Case::Sensitive);
        assert!(matches(&patterns, "d", "x"));
        assert!(!matches(&patterns, "d/e", "x"));
        assert!(patterns.start(b"/other").is_none());
    }

    #[test]
    fn bytes_that_are_no_text_can_be_asked_for_in_any_case() {
        let patterns =
            compile(&[Pattern::Fixed(b"A\xff".into())], Subject::Name, Case::Insensitive);
        let place = patterns.start(b"").unwrap();
        assert!(patterns.matches(&place, b"xa\xffy", &mut Vec::new()));
        assert!(!patterns.matches(&place, b"xa\xfey", &mut Vec::new()));
    }

    #[test]
    fn mistakes_name_their_place() {
        for (pattern, position) in [
            (Pattern::Glob(b"a[b".into()), 1),
            (Pattern::Glob(b"x/{a,b".into()), 2),
            (Pattern::Regex("a(b".into()), 1),
            (Pattern::Regex("a{2,1}".into()), 1),
        ] {
            let error = Patterns::compile(&[vec![pattern]], Subject::Auto, Case::Sensitive);
            let error = error.expect_err("malformed");
            assert_eq!(error.position(), Some(position), "{error}");
        }
    }

    #[test]
    fn a_regex_that_grows_beyond_its_limit_is_refused() {
        let bomb = Pattern::Regex("((a{100}){100}){100}".into());
        let error = Patterns::compile(&[vec![bomb]], Subject::Auto, Case::Sensitive);
        assert!(error.expect_err("too large").to_string().contains("limit"));
    }
}
