//! Finding and reading the rule files that hold for a directory: the only I/O of this crate.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::config::{Config, expand_home};
use super::rules::{Case, Rules};
use super::stack::Stack;

/// The largest rule file that is read, in bytes; git has the same limit.
pub const RULE_FILE_BYTES_MAX: u64 = 100 << 20;

/// The name of the rule files within a tree.
pub const RULE_FILE_NAME: &str = ".gitignore";

/// Whether a name is git's own directory or file, which git never lists and a walk skips.
#[must_use]
pub fn is_git_dir(name: &[u8]) -> bool {
    name == b".git"
}

/// Where git finds its configuration.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Environment {
    /// The home directory, for `~/`.
    pub home: Option<PathBuf>,
    /// `$XDG_CONFIG_HOME`; `~/.config` if there is none.
    pub xdg_config_home: Option<PathBuf>,
    /// `$GIT_CONFIG_GLOBAL`, which replaces the user's own files.
    pub config_global: Option<PathBuf>,
    /// The file for the whole machine.
    pub config_system: Option<PathBuf>,
}

impl Environment {
    /// What the process's environment variables say.
    #[must_use]
    pub fn of_process() -> Self {
        let path = |name| std::env::var_os(name).filter(|v: &OsString| !v.is_empty());
        let no_system = path("GIT_CONFIG_NOSYSTEM").is_some_and(|v| v != "0" && v != "false");
        let system = path("GIT_CONFIG_SYSTEM").map_or("/etc/gitconfig".into(), PathBuf::from);
        Self {
            home: std::env::home_dir(),
            xdg_config_home: path("XDG_CONFIG_HOME").map(PathBuf::from),
            config_global: path("GIT_CONFIG_GLOBAL").map(PathBuf::from),
            config_system: (!no_system).then_some(system),
        }
    }

    fn user_config_dir(&self) -> Option<PathBuf> {
        let xdg = self.xdg_config_home.clone();
        xdg.or_else(|| Some(self.home.as_ref()?.join(".config"))).map(|dir| dir.join("git"))
    }

    fn config_files(&self) -> Vec<PathBuf> {
        let mut files: Vec<_> = self.config_system.iter().cloned().collect();
        match &self.config_global {
            Some(file) => files.push(file.clone()),
            None => {
                files.extend(self.user_config_dir().map(|dir| dir.join("config")));
                files.extend(self.home.as_ref().map(|home| home.join(".gitconfig")));
            }
        }
        files
    }
}

/// What [`Repository::open_as`] takes for a repository, and what it reads of it. The default is
/// what git does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpenOptions {
    /// Whether the rules of `$GIT_DIR/info/exclude` hold.
    pub info_exclude: bool,
    /// Whether anything called `.git` or `.jj` makes the directory that holds it a work tree, as
    /// search tools have it. Git asks for `HEAD`, `objects` and `refs`, and knows no `.jj`.
    pub any_marker: bool,
    /// Of which directories above the opened one the rules hold.
    pub above: Above,
    /// Whether letters in rules match whatever their case, also where `core.ignoreCase` says no.
    pub any_case: bool,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { info_exclude: true, any_marker: false, above: Above::Repository, any_case: false }
    }
}

/// Of which directories above one the rules hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Above {
    /// Of none, nor those of `info/exclude` if the work tree's top is above.
    None,
    /// Of those in the same work tree.
    Repository,
    /// Of those in the same work tree, or without a repository of all.
    All,
    /// Of all, in repositories or not, and the `info/exclude` of each that has one.
    Everywhere,
}

/// The rules that hold for a directory from outside it, and the way to those inside.
///
/// Inside a git repository these are the global excludes file, `info/exclude` and the rule files
/// of the directories above; paths are relative to the worktree's top. Elsewhere only the rule
/// files from the directory itself downwards hold, and the global excludes.
///
/// Not read: `includeIf` sections, `core.worktree`, `GIT_DIR` and `~user/` paths.
#[derive(Clone, Debug)]
pub struct Repository {
    top: PathBuf,
    prefix: Vec<u8>,
    in_git: bool,
    case: Case,
    stack: Stack,
    sources: Vec<PathBuf>,
}

impl Repository {
    /// Reads what holds for `dir`, with the configuration of the process's environment.
    ///
    /// # Errors
    /// If `dir` cannot be resolved, or a file that holds for it cannot be read or is too large.
    pub fn open(dir: &Path) -> Result<Self, LoadError> {
        Self::open_with(dir, &Environment::of_process())
    }

    /// Reads what holds for `dir`, with the configuration that `environment` names.
    ///
    /// # Errors
    /// As for [`Repository::open`].
    pub fn open_with(dir: &Path, environment: &Environment) -> Result<Self, LoadError> {
        Self::open_as(dir, environment, OpenOptions::default())
    }

    /// Reads what holds for `dir`, with the configuration that `environment` names, of what
    /// `options` takes for a repository.
    ///
    /// # Errors
    /// As for [`Repository::open`].
    pub fn open_as(
        dir: &Path,
        environment: &Environment,
        options: OpenOptions,
    ) -> Result<Self, LoadError> {
        let dir = fs::canonicalize(dir).map_err(|error| LoadError::new(dir, error))?;
        let (found, goes_out) = match options.above {
            Above::Everywhere => (None, true),
            above => (discover(&dir, options.any_marker)?, above == Above::All),
        };
        let in_git = found.is_some();
        let (top, git) = found.unwrap_or_else(|| {
            let outermost = dir.ancestors().last().filter(|_| goes_out);
            (outermost.unwrap_or(&dir).to_owned(), None)
        });
        let from_above = options.above != Above::None;
        let home = environment.home.as_deref();
        let mut config = Config::default();
        let mut sources = environment.config_files();
        for file in environment.config_files() {
            match config.read(&file, home) {
                // As in git: whoever runs as another user may not see the files of the first.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
                result => result?,
            }
        }
        if let Some(git) = &git {
            let (common, own) = (git.common.join("config"), git.own.join("config.worktree"));
            config.read(&common, home)?;
            if config.worktree_config {
                config.read(&own, home)?;
            }
            sources.extend([common, own]);
        }
        let any_case = config.ignore_case || options.any_case;
        let case = if any_case { Case::Ignored } else { Case::Sensitive };
        let (prefix, stack) = Default::default();
        let mut this = Self { top, prefix, in_git, case, stack, sources };
        let global = match &config.excludes_file {
            Some(path) => expand_home(path, home).map(|path| this.top.join(path)),
            None => environment.user_config_dir().map(|dir| dir.join("ignore")),
        };
        if let Some(global) = global {
            match this.push_file(&global, &global) {
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
                result => result?,
            }
        }
        let obeys_exclude = options.info_exclude && (from_above || this.top == dir);
        if let (Some(git), true) = (&git, obeys_exclude) {
            this.push_exclude(git)?;
        }
        let excludes_all = options.info_exclude && options.above == Above::Everywhere;
        this.descend_to(&dir, from_above, excludes_all)?;
        Ok(this)
    }

    /// The directory that all paths are relative to: the worktree's top, or without a repository
    /// the directory that was opened, or with [`Above::All`] the outermost one.
    #[must_use]
    pub fn top(&self) -> &Path {
        &self.top
    }

    /// The opened directory relative to [`Repository::top`].
    #[must_use]
    pub fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// Whether the directory is inside a git repository; not asked with [`Above::Everywhere`].
    #[must_use]
    pub fn is_in_git(&self) -> bool {
        self.in_git
    }

    /// How letters match, by `core.ignoreCase`.
    #[must_use]
    pub fn case(&self) -> Case {
        self.case
    }

    /// The rules that hold in the opened directory, those of its own rule file included. Whether
    /// the directory is itself ignored is [`Stack::verdict_path`] of [`Repository::prefix`].
    #[must_use]
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// The files that were read, or would have been if they were there: whether one is another now
    /// is a matter for whoever keeps the rules.
    #[must_use]
    pub fn sources(&self) -> &[PathBuf] {
        &self.sources
    }

    /// The stack for a directory that a walk enters: `stack` with the directory's own rule file,
    /// if there is one. `dir` is where it is, `base` its path relative to [`Repository::top`].
    ///
    /// As in git, a rule file that is a symbolic link is no rule file.
    ///
    /// # Errors
    /// If the rule file cannot be read or is larger than [`RULE_FILE_BYTES_MAX`]. Git warns and
    /// goes on without it; a caller may do so with `stack`.
    pub fn enter(&self, stack: &Stack, dir: &Path, base: &[u8]) -> Result<Stack, LoadError> {
        let file = dir.join(RULE_FILE_NAME);
        let Some(text) = read_limited(&file, RULE_FILE_BYTES_MAX, false)? else {
            return Ok(stack.clone());
        };
        let source = path_from_bytes(base).join(RULE_FILE_NAME);
        Ok(stack.push(Arc::new(Rules::parse_with(&text, self.case, source)), base))
    }

    /// Adds a repository's own excludes, which hold below the directory that is come to.
    fn push_exclude(&mut self, git: &GitDir) -> Result<(), LoadError> {
        let file = git.exclude_file();
        let source = file.strip_prefix(&self.top).unwrap_or(&file).to_path_buf();
        self.push_file(&file, &source)
    }

    fn push_file(&mut self, file: &Path, source: &Path) -> Result<(), LoadError> {
        self.sources.push(file.to_owned());
        if let Some(text) = read_limited(file, RULE_FILE_BYTES_MAX, true)? {
            let rules = Rules::parse_with(&text, self.case, source);
            self.stack = self.stack.push(Arc::new(rules), &self.prefix);
        }
        Ok(())
    }

    /// Goes from the top down to `dir`, and enters it; with `enters_all` also each on the way, and
    /// with `excludes_all` for what each one's repository excludes.
    fn descend_to(
        &mut self,
        dir: &Path,
        enters_all: bool,
        excludes_all: bool,
    ) -> Result<(), LoadError> {
        let mut here = self.top.clone();
        let way = dir.strip_prefix(&self.top).unwrap_or(Path::new(""));
        let mut components = way.components();
        loop {
            let next = components.next();
            if excludes_all && let Some(git) = git_dir_of(&here)? {
                self.push_exclude(&git)?;
            }
            if enters_all || next.is_none() {
                self.stack = self.enter(&self.stack, &here, &self.prefix)?;
                self.sources.push(here.join(RULE_FILE_NAME));
            }
            let Some(component) = next else { return Ok(()) };
            here.push(component);
            if !self.prefix.is_empty() {
                self.prefix.push(b'/');
            }
            self.prefix.extend_from_slice(component.as_os_str().as_encoded_bytes());
        }
    }
}

/// A rule or configuration file that could not be used.
#[derive(Debug)]
pub struct LoadError {
    path: PathBuf,
    error: io::Error,
}

impl LoadError {
    pub(super) fn new(path: &Path, error: io::Error) -> Self {
        Self { path: path.into(), error }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What kind of failure it was; [`io::ErrorKind::FileTooLarge`] for a limit.
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        self.error.kind()
    }

    /// The system's error, or which limit was passed.
    #[must_use]
    pub fn into_source(self) -> io::Error {
        self.error
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.error)
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

struct GitDir {
    /// The directory of this worktree.
    own: PathBuf,
    /// The directory that all worktrees share.
    common: PathBuf,
}

/// What makes a directory a work tree for search tools: git's directory and that of Jujutsu, whose
/// repositories have rule files of the same form.
const MARKERS: [&str; 2] = [".git", ".jj"];

/// The top of the work tree that holds `dir`, and its repository; with `any_marker` there may be
/// a top without one.
fn discover(dir: &Path, any_marker: bool) -> Result<Option<(PathBuf, Option<GitDir>)>, LoadError> {
    for top in dir.ancestors() {
        let git = git_dir_of(top)?;
        let is_top = match &git {
            _ if any_marker => MARKERS.iter().any(|name| top.join(name).exists()),
            Some(git) => git.is_repository(),
            None => false,
        };
        if is_top {
            return Ok(Some((top.into(), git)));
        }
    }
    Ok(None)
}

/// The directory that `.git` in `top` is or names, whatever is in it.
fn git_dir_of(top: &Path) -> Result<Option<GitDir>, LoadError> {
    /// A `.git` file holds one path.
    const POINTER_BYTES_MAX: u64 = 64 << 10;
    let dot_git = top.join(".git");
    let own = if dot_git.is_dir() {
        dot_git
    } else if dot_git.is_file() {
        let text = read_limited(&dot_git, POINTER_BYTES_MAX, true)?.unwrap_or_default();
        match text.strip_prefix(b"gitdir: ") {
            Some(path) => top.join(path_from_bytes(trim_line_end(path))),
            None => return Ok(None),
        }
    } else {
        return Ok(None);
    };
    let pointer = read_limited(&own.join("commondir"), POINTER_BYTES_MAX, true)?;
    let common = match pointer {
        Some(path) => own.join(path_from_bytes(trim_line_end(&path))),
        None => own.clone(),
    };
    Ok(Some(GitDir { own, common }))
}

/// Where the repository whose `.git` stands in `dir` keeps its own excludes; none if there is no
/// such repository. Whether there is the file is not asked.
///
/// # Errors
/// What `.git` says of where the repository is cannot be read.
pub fn exclude_file_of(dir: &Path) -> Result<Option<PathBuf>, LoadError> {
    Ok(git_dir_of(dir)?.map(|git| git.exclude_file()))
}

impl GitDir {
    fn exclude_file(&self) -> PathBuf {
        self.common.join("info").join("exclude")
    }

    /// Whether it has what git asks of a directory before it takes it for a repository.
    fn is_repository(&self) -> bool {
        self.own.join("HEAD").symlink_metadata().is_ok()
            && self.common.join("objects").is_dir()
            && self.common.join("refs").is_dir()
    }
}

fn trim_line_end(mut text: &[u8]) -> &[u8] {
    while let [rest @ .., b'\n' | b'\r'] = text {
        text = rest;
    }
    text
}

/// The contents of a regular file; `None` if it is absent or something else.
pub(super) fn read_limited(
    path: &Path,
    bytes_max: u64,
    follow: bool,
) -> Result<Option<Vec<u8>>, LoadError> {
    let absent = |error: &io::Error| {
        matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
    };
    let metadata = if follow { fs::metadata(path) } else { fs::symlink_metadata(path) };
    let metadata = match metadata {
        Ok(metadata) if metadata.is_file() => metadata,
        Ok(_) => return Ok(None),
        Err(error) if absent(&error) => return Ok(None),
        Err(error) => return Err(LoadError::new(path, error)),
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if absent(&error) => return Ok(None),
        Err(error) => return Err(LoadError::new(path, error)),
    };
    let opened = file.metadata().map_err(|error| LoadError::new(path, error))?;
    // Between the two calls a link may have taken the file's place.
    if !follow && !same_file(&metadata, &opened) {
        return Ok(None);
    }
    read_opened(file, bytes_max).map_err(|error| LoadError::new(path, error))
}

/// The contents of a rule file that a walk has opened; as in git, what is no regular file is none.
///
/// # Errors
/// If it cannot be read or is larger than [`RULE_FILE_BYTES_MAX`].
pub fn read_rule_file(file: File) -> io::Result<Option<Vec<u8>>> {
    match file.metadata()?.is_file() {
        true => read_opened(file, RULE_FILE_BYTES_MAX),
        false => Ok(None),
    }
}

fn read_opened(file: File, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
    let mut text = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut text)?;
    if text.len() as u64 > bytes_max {
        let message = format!(
            "larger than the limit of {bytes_max} bytes, so what it says does not hold; \
             shorten or remove it"
        );
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(Some(text))
}

#[cfg(unix)]
fn same_file(a: &fs::Metadata, b: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

/// Elsewhere std gives no file identity; the type is the most that can be compared.
#[cfg(not(unix))]
fn same_file(a: &fs::Metadata, b: &fs::Metadata) -> bool {
    a.file_type() == b.file_type()
}

#[cfg(unix)]
pub(super) fn path_from_bytes(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    std::ffi::OsStr::from_bytes(bytes).into()
}

/// Git's files are UTF-8 where paths are not bytes.
#[cfg(not(unix))]
pub(super) fn path_from_bytes(bytes: &[u8]) -> PathBuf {
    String::from_utf8_lossy(bytes).into_owned().into()
}
