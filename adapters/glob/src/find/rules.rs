//! Ignore rules as a walk meets them: from above, and from each directory.
//!
//! There are four kinds of rule files, each a stack of its own, and the first that has something to
//! say decides: files of further names, `.ignore`, git's, and those named by the caller.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use treenail_os::{Entry, Handle, bytes_of, is_elsewhere, os_str_of};
use treenail_pattern::gitignore::{
    Above, Case, DirRules, Environment, OpenOptions, RULE_FILE_NAME, Repository, Rules, Stack,
    Verdict, exclude_file_of, read_rule_file,
};

use crate::error::Error;

use super::choice::{Override, Overrides, is_anchored};

/// Which ignore rules a walk obeys. The nearer file goes before the farther one of its kind; of the
/// kinds, `names` go before `dot_ignore`, that before git's, and those before `files`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ignores {
    /// Git's own: `.gitignore` files, also of repositories inside others.
    pub git: bool,
    /// With `git`: the excludes of the user's configuration.
    pub git_global: bool,
    /// With `git`: each repository's `info/exclude`.
    pub git_exclude: bool,
    /// With `git`: outside of repositories no `.gitignore` holds. Where it is not, and
    /// `git_markers` is, borders of repositories count for nothing: the rules above one hold in it.
    pub git_required: bool,
    /// With `git`: whatever is called `.git` or `.jj` makes its directory a repository, as search
    /// tools have it, also an empty directory, which git itself does not take for one.
    pub git_markers: bool,
    /// With `git`: `.git` is left out, as git does, whether hidden entries are found or not.
    pub git_dir: bool,
    /// Files named `.ignore`.
    pub dot_ignore: bool,
    /// Further names of rule files, each of which goes before those that stand before it.
    pub names: Vec<Vec<u8>>,
    /// Rule files of the directories above the roots.
    pub parents: bool,
    /// Further rule files; a later one goes before an earlier one.
    pub files: Vec<PathBuf>,
    /// The directory that rules with a slash in `files` are relative to; without one, each root.
    pub files_base: Option<PathBuf>,
    /// Letters in all these rules match whatever their case.
    pub any_case: bool,
}

impl Ignores {
    /// No rules.
    #[must_use]
    pub fn none() -> Self {
        Self {
            git: false,
            git_global: false,
            git_exclude: false,
            git_required: true,
            git_markers: false,
            git_dir: false,
            dot_ignore: false,
            names: Vec::new(),
            parents: true,
            files: Vec::new(),
            files_base: None,
            any_case: false,
        }
    }

    /// What git obeys.
    #[must_use]
    pub fn git() -> Self {
        Self { git: true, git_global: true, git_exclude: true, git_dir: true, ..Self::none() }
    }

    /// What search tools obey: git's rules and `.ignore`. Whatever is called `.git` or `.jj` makes
    /// a repository.
    #[must_use]
    pub fn standard() -> Self {
        Self { dot_ignore: true, git_markers: true, git_dir: false, ..Self::git() }
    }

    /// Whether rules go on where a repository begins.
    fn knows_no_borders(&self) -> bool {
        self.git_markers && !self.git_required
    }

    fn case(&self) -> Case {
        if self.any_case { Case::Ignored } else { Case::Sensitive }
    }

    fn is_none(&self) -> bool {
        !self.git && !self.dot_ignore && self.names.is_empty() && self.files.is_empty()
    }
}

/// What holds for one root.
pub(crate) struct RootRules {
    ignores: Ignores,
    environment: Environment,
    /// Whether a name in `ignores.names` begins otherwise than with a dot.
    odd_names: bool,
    /// The root without links, and without the slash at its beginning.
    at: Vec<u8>,
    overrides: Option<Override>,
}

/// The rules that hold in one directory.
#[derive(Clone)]
pub(crate) struct Held {
    names: Stack,
    dot: Stack,
    git: Option<Git>,
    files: Stack,
}

#[derive(Clone)]
struct Git {
    stack: Stack,
    /// How long the path of the work tree's top is.
    top_len: usize,
    case: Case,
}

/// Which rule files a directory has.
#[derive(Clone, Copy, Default)]
pub(crate) struct Seen {
    gitignore: bool,
    dot: bool,
    names: bool,
    git_dir: bool,
}

impl Seen {
    /// Any that there may be.
    pub(super) fn unlisted() -> Self {
        Self { gitignore: true, dot: true, names: true, git_dir: true }
    }

    pub(crate) fn nothing(self) -> bool {
        !(self.gitignore || self.dot || self.names || self.git_dir)
    }
}

impl RootRules {
    /// Reads what holds for `root` from above and from outside; none if no rules are asked for.
    /// What cannot be read is an error, and the rest holds.
    pub(crate) fn open(
        ignores: &Ignores,
        overrides: Option<&Overrides>,
        root: &Path,
        errors: &mut Vec<Error>,
    ) -> Option<(Self, Arc<Held>)> {
        if ignores.is_none() && overrides.is_none() {
            return None;
        }
        // A root that is not there is told of when it is opened.
        let absolute = root.canonicalize().ok()?;
        let mut environment = Environment::of_process();
        if !ignores.git_global {
            environment = Environment::default();
        }
        let at = spelt(&absolute);
        let this = Self {
            odd_names: ignores.names.iter().any(|name| name.first() != Some(&b'.')),
            overrides: overrides.map(|overrides| overrides.stack(spelt)),
            at,
            ignores: ignores.clone(),
            environment,
        };
        let mut held =
            Held { names: Stack::new(), dot: Stack::new(), git: None, files: Stack::new() };
        let base = ignores.files_base.as_ref().map(|base| base.canonicalize());
        let base = base.and_then(Result::ok).map_or_else(|| this.at.clone(), |base| spelt(&base));
        for path in &ignores.files {
            match read(File::open(path)) {
                Ok(Some(text)) => held.push_file(&text, path, &base, ignores.case()),
                Ok(None) => {}
                Err(error) => errors.push(Error::io_at("read the ignore rules", path, error)),
            }
        }
        if ignores.git {
            held.git = this.repository(&absolute, false).unwrap_or_else(|error| {
                errors.push(error);
                None
            });
        }
        if ignores.parents && (ignores.dot_ignore || !ignores.names.is_empty()) {
            let above: Vec<_> = absolute.ancestors().skip(1).collect();
            for dir in above.into_iter().rev() {
                let open = |name: &[u8]| File::open(dir.join(os_str_of(name)?));
                this.push_dot(&mut held, &spelt(dir), Seen::unlisted(), open, |error| {
                    errors.push(Error::io_at("read the ignore rules in", dir, error));
                });
            }
        }
        Some((this, Arc::new(held)))
    }

    /// The root without links, as paths are told to [`enter`](Self::enter).
    pub(crate) fn at(&self) -> &[u8] {
        &self.at
    }

    /// The rules that go before all files'.
    pub(super) fn overrides(&self) -> Option<&Override> {
        self.overrides.as_ref()
    }

    /// Whether `.git` is left out.
    pub(crate) fn leaves_git_dir(&self) -> bool {
        self.ignores.git && self.ignores.git_dir
    }

    /// Which rule files are among the entries.
    pub(crate) fn seen<'e>(&self, entries: impl Iterator<Item = Entry<'e>>) -> Seen {
        let mut seen = Seen::default();
        for entry in entries {
            if entry.name.first() != Some(&b'.') && !self.odd_names {
                continue;
            }
            match entry.name {
                b".gitignore" => seen.gitignore = true,
                b".ignore" => seen.dot = true,
                b".git" => seen.git_dir = true,
                b".jj" => seen.git_dir |= self.ignores.git_markers && self.ignores.git_required,
                name => seen.names |= self.ignores.names.iter().any(|own| own == name),
            }
        }
        seen.gitignore &= self.ignores.git;
        seen.git_dir &= self.ignores.git;
        seen.dot &= self.ignores.dot_ignore;
        seen
    }

    /// The rules in the directory `dir` at the path `at`, given those that it inherits.
    pub(crate) fn enter(
        &self,
        inherited: Arc<Held>,
        dir: &Handle,
        at: &[u8],
        seen: Seen,
        errors: &mut Vec<Error>,
    ) -> Arc<Held> {
        if seen.nothing() {
            return inherited;
        }
        let mut held = Held::clone(&inherited);
        let is_root = at.len() == self.at.len();
        let refused = |error| Error::io("read the ignore rules in", dir.full_path(), error);
        let open = |name: &[u8]| dir.open_file(name);
        self.push_dot(&mut held, at, seen, open, |error| errors.push(refused(error)));
        // What holds in the root was read with its repository.
        if seen.git_dir && !is_root && self.ignores.knows_no_borders() {
            self.push_exclude(&mut held, dir, at).unwrap_or_else(|error| errors.push(error));
        } else if seen.git_dir && !is_root {
            let path = dir.full_path();
            let found = os_str_of(&path).map_err(refused);
            match found.and_then(|path| self.repository(Path::new(&*path), true)) {
                Ok(Some(git)) => {
                    held.git = Some(Git { top_len: at.len(), ..git });
                    return Arc::new(held);
                }
                Ok(None) => {}
                Err(error) => errors.push(error),
            }
        }
        if let (Some(git), true, false) = (&mut held.git, seen.gitignore, is_root) {
            match read(dir.open_file(RULE_FILE_NAME.as_bytes())) {
                Ok(Some(text)) => {
                    let rules = Rules::parse_with(&text, git.case, RULE_FILE_NAME);
                    git.stack = git.stack.push(Arc::new(rules), below(at, git.top_len));
                }
                Ok(None) => {}
                Err(error) => errors.push(refused(error)),
            }
        }
        Arc::new(held)
    }

    /// Adds what the repository excludes that begins in a directory.
    fn push_exclude(&self, held: &mut Held, dir: &Handle, at: &[u8]) -> Result<(), Error> {
        let (Some(git), true) = (&mut held.git, self.ignores.git_exclude) else { return Ok(()) };
        let path = dir.full_path();
        let refused = |error| Error::io("read the ignore rules in", path.clone(), error);
        let found = exclude_file_of(Path::new(&*os_str_of(&path).map_err(refused)?));
        if let Some(file) = found.map_err(Error::rules)?
            && let Some(text) = read(File::open(&file)).map_err(refused)?
        {
            let rules = Rules::parse_with(&text, git.case, file);
            git.stack = git.stack.push(Arc::new(rules), below(at, git.top_len));
        }
        Ok(())
    }

    /// The repository that `dir` is in, or is the top of.
    fn repository(&self, dir: &Path, only_top: bool) -> Result<Option<Git>, Error> {
        let options = OpenOptions {
            info_exclude: self.ignores.git_exclude,
            any_marker: self.ignores.git_markers,
            above: match (self.ignores.parents && !only_top, self.ignores.git_required) {
                (false, _) => Above::None,
                (true, true) => Above::Repository,
                (true, false) if self.ignores.knows_no_borders() => Above::Everywhere,
                (true, false) => Above::All,
            },
            any_case: self.ignores.any_case,
        };
        let found = Repository::open_as(dir, &self.environment, options).map_err(Error::rules)?;
        let usable = match found.is_in_git() {
            true => found.prefix().is_empty() || !only_top,
            false => !self.ignores.git_required && !only_top,
        };
        let git = || {
            let top = spelt(found.top());
            let top_len = top.strip_suffix(b"/").unwrap_or(&top).len();
            Git { stack: found.stack().clone(), top_len, case: found.case() }
        };
        Ok(usable.then(git))
    }

    /// Adds the rule files of one directory that are not git's.
    fn push_dot(
        &self,
        held: &mut Held,
        at: &[u8],
        seen: Seen,
        open: impl Fn(&[u8]) -> io::Result<File>,
        mut refused: impl FnMut(io::Error),
    ) {
        let mut push = |stack: &mut Stack, name: &[u8]| match read(open(name)) {
            Ok(Some(text)) => {
                let rules = Rules::parse_with(&text, self.ignores.case(), PathBuf::new());
                *stack = stack.push(Arc::new(rules), at);
            }
            Ok(None) => {}
            Err(error) => refused(error),
        };
        if seen.dot && self.ignores.dot_ignore {
            push(&mut held.dot, b".ignore");
        }
        if seen.names {
            for name in &self.ignores.names {
                push(&mut held.names, name);
            }
        }
    }
}

impl Held {
    /// Adds a rule file that holds everywhere, but for those of its rules that are relative to the
    /// directory `base`.
    fn push_file(&mut self, text: &[u8], path: &Path, base: &[u8], case: Case) {
        let lines = text.split_inclusive(|&byte| byte == b'\n');
        let loose: Vec<u8> =
            lines.filter(|line| !is_anchored(line.trim_ascii_end())).flatten().copied().collect();
        // In the directory all of them decide, in their order.
        for (text, base) in [(&loose[..], &b""[..]), (text, base)] {
            let rules = Rules::parse_with(text, case, path);
            self.files = self.files.push(Arc::new(rules), base);
        }
    }

    /// Prepares verdicts on the names in the directory at the path `at`.
    pub(crate) fn prepare<'h>(&'h self, at: &[u8]) -> Prepared<'h> {
        let dir = |stack: &'h Stack| (!stack.is_empty()).then(|| stack.dir(at));
        let git = self.git.as_ref().map(|git| git.stack.dir(below(at, git.top_len)));
        let kinds = [dir(&self.names), dir(&self.dot), git, dir(&self.files)];
        Prepared(kinds.map(|rules| rules.filter(|rules| !rules.is_empty())))
    }
}

/// The rules that can match in one directory.
pub(crate) struct Prepared<'h>([Option<DirRules<'h>>; 4]);

impl Prepared<'_> {
    pub(crate) fn verdict(&self, name: &[u8], is_dir: bool) -> Verdict {
        let verdicts = self.0.iter().flatten().map(|rules| rules.verdict(name, is_dir));
        verdicts.into_iter().find(|verdict| *verdict != Verdict::None).unwrap_or(Verdict::None)
    }

    /// Whether no rule can match.
    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }
}

/// A path without the slash at its beginning, its components between slashes.
fn spelt(path: &Path) -> Vec<u8> {
    let mut bytes = bytes_of(path.as_os_str()).to_vec();
    if cfg!(windows) {
        bytes.iter_mut().filter(|byte| **byte == b'\\').for_each(|byte| *byte = b'/');
    }
    let from = bytes.iter().take_while(|&&byte| byte == b'/').count();
    bytes.split_off(from)
}

/// What follows the first `top_len` bytes of a path and a slash.
fn below(at: &[u8], top_len: usize) -> &[u8] {
    match top_len {
        0 => at,
        _ => at.get(top_len + 1..).unwrap_or_default(),
    }
}

/// A rule file's content; as in git, what is no regular file is none.
fn read(file: io::Result<File>) -> io::Result<Option<Vec<u8>>> {
    match file {
        Err(error) if is_elsewhere(&error) => Ok(None),
        file => read_rule_file(file?),
    }
}
