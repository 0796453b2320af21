//! Which changes are wanted.

use std::path::Path;

use treenail_os::Stat;
use treenail_pattern::glob::{GlobSet, Options};
#[cfg(unix)]
use treenail_share::protocol::Selection;
use treenail_tree::live::{Change, Exclude};
use treenail_tree::{Class, Tree};

use crate::error::Error;
use crate::excluded::Excluded;
use crate::ignored::Ignored;

/// Which entries somebody wants to hear of. Without further words: all.
#[derive(Clone, Default, Debug)]
pub struct Filter {
    globs: Vec<String>,
    gitignore: bool,
    types: Vec<Type>,
    size_min: u64,
    size_max: Option<u64>,
}

/// The kinds of entries that filters and JSON tell apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Type {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link.
    Symlink,
    /// A pipe, a socket or a device.
    Other,
}

impl Type {
    /// The type of an entry of that class.
    #[must_use]
    pub fn of(class: Class) -> Self {
        match class {
            Class::File | Class::Executable => Self::File,
            Class::Directory => Self::Dir,
            Class::Symlink => Self::Symlink,
            _ => Self::Other,
        }
    }

    /// A class that is of the type.
    #[cfg(unix)]
    fn class(self) -> Class {
        match self {
            Self::File => Class::File,
            Self::Dir => Class::Directory,
            Self::Symlink => Class::Symlink,
            Self::Other => Class::Other,
        }
    }

    /// The name that JSON uses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Dir => "dir",
            Self::Symlink => "symlink",
            Self::Other => "other",
        }
    }
}

impl Filter {
    /// Everything.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Wants what the glob matches, or with `!` before it does not want that. The last glob that
    /// matches decides; if there are globs without `!`, what none matches is not wanted. One
    /// without a slash, but perhaps at its end, matches names in any directory, another paths from
    /// the root. One that ends in a slash matches directories. What is below a directory shares
    /// its fate, unless a glob says otherwise of it that comes later.
    #[must_use]
    pub fn glob(mut self, glob: impl Into<String>) -> Self {
        self.globs.push(glob.into());
        self
    }

    /// Whether to leave out what Git ignores, and `.git` itself.
    #[must_use]
    pub fn gitignore(mut self, gitignore: bool) -> Self {
        self.gitignore = gitignore;
        self
    }

    /// Wants entries of this type, and of the others that are named so.
    #[must_use]
    pub fn wants(mut self, wanted: Type) -> Self {
        self.types.push(wanted);
        self
    }

    /// Wants files that have at least so many bytes. Deletions are reported whatever the size was.
    #[must_use]
    pub fn size_min(mut self, bytes: u64) -> Self {
        self.size_min = bytes;
        self
    }

    /// Wants files that have at most so many bytes. Deletions are reported whatever the size was.
    #[must_use]
    pub fn size_max(mut self, bytes: u64) -> Self {
        self.size_max = Some(bytes);
        self
    }

    /// Whether what Git ignores is left out.
    #[must_use]
    pub fn leaves_ignored_out(&self) -> bool {
        self.gitignore
    }

    /// What tells the directories that it leaves out as a whole from those of other filters;
    /// nothing if it leaves out none. A tree that leaves out others has a state, and clocks, of its
    /// own.
    #[must_use]
    pub fn exclusion(&self) -> Option<Vec<u8>> {
        let globs = self.last_word();
        let mut name = globs.join("\0").into_bytes();
        if self.gitignore {
            name.extend(b"\0gitignore");
        }
        (self.gitignore || !globs.is_empty()).then_some(name)
    }

    /// The same as a daemon is told.
    #[cfg(unix)]
    pub(crate) fn selection(&self) -> Selection {
        let Self { globs, gitignore, types, size_min, size_max } = self.clone();
        let classes = types.into_iter().map(Type::class).collect();
        Selection { globs, gitignore, classes, size_min, size_max, ..Selection::default() }
    }

    /// What a daemon was told.
    #[cfg(unix)]
    pub(crate) fn of_selection(selection: &Selection) -> Self {
        let Selection { globs, gitignore, classes, size_min, size_max, .. } = selection.clone();
        let types = classes.into_iter().map(Type::of).collect();
        Self { globs, gitignore, types, size_min, size_max }
    }

    /// What it leaves out as a whole below a root, and need not be watched.
    pub(crate) fn exclude(&self, root: &Path) -> Result<Option<Exclude>, Error> {
        let Some(name) = self.exclusion() else { return Ok(None) };
        let globs = Globs::compile(self.last_word());
        let globs = globs.map_err(|message| Error::pattern(root, message))?;
        Excluded::open(root, name, globs, self.gitignore).map(Some)
    }

    /// The globs that say what is not wanted, with none after them to say otherwise.
    fn last_word(&self) -> &[String] {
        let last = self.globs.iter().rposition(|glob| !glob.starts_with('!'));
        &self.globs[last.map_or(0, |last| last + 1)..]
    }

    /// Makes it ready for the paths below a root.
    pub(crate) fn compile(&self, root: &Path) -> Result<Compiled, Error> {
        let globs = Globs::compile(&self.globs).map_err(|message| Error::pattern(root, message))?;
        let ignored = match self.gitignore {
            true => Some(Ignored::open(root)?),
            false => None,
        };
        Ok(Compiled {
            globs,
            ignored,
            types: self.types.clone(),
            size_min: self.size_min,
            size_max: self.size_max.unwrap_or(u64::MAX),
        })
    }
}

/// A filter that can be asked.
#[derive(Debug)]
pub(crate) struct Compiled {
    globs: Option<Globs>,
    ignored: Option<Ignored>,
    types: Vec<Type>,
    size_min: u64,
    size_max: u64,
}

impl Compiled {
    /// Whether everything passes.
    pub(crate) fn is_open(&self) -> bool {
        self.globs.is_none()
            && self.ignored.is_none()
            && self.types.is_empty()
            && (self.size_min, self.size_max) == (0, u64::MAX)
    }

    /// Whether Git's ignore rules are asked.
    pub(crate) fn has_rules(&self) -> bool {
        self.ignored.is_some()
    }

    /// Takes note of changes that may be changes of the rules.
    pub(crate) fn note(&mut self, changes: &[Change]) {
        if let Some(ignored) = &mut self.ignored {
            ignored.note(changes);
        }
    }

    /// Whether an entry is wanted; `tree` says where rule files are.
    pub(crate) fn admits(
        &mut self,
        tree: &Tree,
        path: &[u8],
        class: Class,
        stat: Option<&Stat>,
    ) -> bool {
        let is_dir = class == Class::Directory;
        let has_size = |stat: &Stat| (self.size_min..=self.size_max).contains(&stat.size_bytes);
        (self.types.is_empty() || self.types.contains(&Type::of(class)))
            && (!class.is_file() || stat.is_none_or(has_size))
            && self.globs.as_ref().is_none_or(|globs| globs.admit(path, is_dir))
            && self.ignored.as_mut().is_none_or(|ignored| !ignored.holds(Some(tree), path, is_dir))
    }
}

/// Globs of which the last that matches decides.
#[derive(Debug)]
pub(crate) struct Globs {
    set: GlobSet,
    rows: Vec<Row>,
    /// Whether what none matches is wanted.
    rest: bool,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    wanted: bool,
    dirs_only: bool,
}

impl Globs {
    /// Makes globs ready to be asked; nothing if there are none.
    ///
    /// # Errors
    /// What is wrong with one, its own place named.
    pub(crate) fn compile(globs: &[String]) -> Result<Option<Self>, String> {
        if globs.is_empty() {
            return Ok(None);
        }
        let mut rows = Vec::with_capacity(globs.len());
        let mut patterns = Vec::with_capacity(globs.len());
        for whole in globs {
            let (wanted, glob) =
                whole.strip_prefix('!').map_or((true, &**whole), |rest| (false, rest));
            let (dirs_only, glob) =
                glob.strip_suffix('/').map_or((false, glob), |glob| (true, glob));
            let pattern = match glob.strip_prefix('/') {
                Some(glob) => glob.to_owned(),
                None if glob.contains('/') => glob.to_owned(),
                None => format!("**/{glob}"),
            };
            if glob.trim_matches('/').is_empty() {
                return Err(format!("`{whole}` is no glob: it has no name to match"));
            }
            rows.push(Row { wanted, dirs_only });
            patterns.push(pattern);
        }
        let set = GlobSet::compile(&patterns, Options::default()).map_err(|(at, mut error)| {
            let (whole, pattern) = (&globs[at], &patterns[at]);
            // The two end alike, but for the slash.
            let end = whole.strip_suffix('/').unwrap_or(whole).len();
            error.position = (error.position + end).saturating_sub(pattern.len());
            format!("`{whole}`: {error}")
        })?;
        let rest = rows.iter().all(|row| !row.wanted);
        Ok(Some(Self { set, rows, rest }))
    }

    pub(crate) fn admit(&self, path: &[u8], is_dir: bool) -> bool {
        let above = (0..path.len()).filter(|at| path[*at] == b'/').map(|at| (&path[..at], true));
        let mut found = Vec::new();
        let mut last: Option<usize> = None;
        for (path, is_dir) in above.chain([(path, is_dir)]) {
            found.clear();
            self.set.matches_into(path, &mut found);
            let hits = found.iter().filter(|glob| is_dir || !self.rows[**glob].dirs_only);
            last = last.max(hits.max().copied());
        }
        last.map_or(self.rest, |glob| self.rows[glob].wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::Globs;

    fn admitted(globs: &[&str], path: &str) -> bool {
        let globs: Vec<String> = globs.iter().map(|glob| (*glob).to_owned()).collect();
        let is_dir = path.ends_with('/');
        let path = path.trim_end_matches('/');
        Globs::compile(&globs).unwrap().is_none_or(|globs| globs.admit(path.as_bytes(), is_dir))
    }

    #[test]
    fn the_last_glob_that_matches_a_path_or_what_is_above_it_decides() {
        let cases: &[(&[&str], &str, bool)] = &[
            (&[], "a", true),
            (&["*.rs"], "src/main.rs", true),
            (&["*.rs"], "src/main.c", false),
            (&["*.rs"], "src/", false),
            (&["!*.o"], "main.c", true),
            (&["!*.o"], "deep/main.o", false),
            (&["!target"], "target/debug/x", false),
            (&["!target/"], "target", true),
            (&["!target", "target/keep"], "target/keep", true),
            (&["*.o", "!a.o"], "a.o", false),
            (&["!a.o", "*.o"], "a.o", true),
            (&["src/*.rs"], "src/a.rs", true),
            (&["src/*.rs"], "lib/src/a.rs", false),
            (&["/a"], "b/a", false),
            (&["src"], "src/deep/a", true),
            (&["*.{c,h}"], "x/y.h", true),
        ];
        for (globs, path, wanted) in cases {
            assert_eq!(admitted(globs, path), *wanted, "{globs:?} on {path}");
        }
    }

    #[test]
    fn a_wrong_glob_is_named_with_the_place_in_it_as_it_was_given() {
        let cases = [
            ("[", "at byte 0"),
            ("![", "at byte 1"),
            ("/a[", "at byte 2"),
            ("!/a[/", "at byte 3"),
            ("a/{b", "at byte 2"),
            ("", "no name to match"),
            ("!", "no name to match"),
            ("!/", "no name to match"),
            ("//", "no name to match"),
        ];
        for (glob, reason) in cases {
            let told = Globs::compile(&["*.c".to_owned(), glob.to_owned()]).unwrap_err();
            assert!(told.contains(&format!("`{glob}`")) && told.contains(reason), "{glob}: {told}");
        }
    }
}
