//! What git ignores, as a walk meets it: rules come in from above and from each directory.

use std::io;
use std::path::Path;
use std::sync::Arc;

use treenail_os::Directory;
use treenail_pattern::gitignore::{
    self, DirRules, RULE_FILE_NAME, Repository, Stack, Verdict, is_git_dir, read_rule_file,
};

use crate::error::Error;

/// The rules that hold for the scanned directory.
pub(super) struct Rules(Repository);

/// The rules that hold in one directory.
#[derive(Clone)]
pub(super) struct Inherited {
    stack: Stack,
    /// The directory's path relative to the top of the work tree.
    base: Vec<u8>,
    /// Whether the directory's own rule file is already on the stack.
    entered: bool,
}

impl Rules {
    pub(super) fn open(root: &Path) -> Result<Self, Error> {
        let repository = Repository::open(root).map_err(|error| {
            let path = error.path().to_owned();
            Error::io(&path, "cannot read the ignore rules", error.into_source())
        })?;
        Ok(Self(repository))
    }

    pub(super) fn root(&self) -> Inherited {
        let (stack, base) = (self.0.stack().clone(), self.0.prefix().to_vec());
        Inherited { stack, base, entered: true }
    }

    /// The rules in `dir`, given those that it inherits.
    pub(super) fn enter(
        &self,
        inherited: Inherited,
        dir: &Directory<'_>,
    ) -> (Inherited, Option<io::Error>) {
        let has_file = || dir.entries().any(|entry| entry.name == RULE_FILE_NAME.as_bytes());
        if inherited.entered || !has_file() {
            return (inherited, None);
        }
        match read(dir) {
            Ok(None) => (inherited, None),
            Ok(Some(text)) => {
                let mut source = dir.handle().path();
                source.extend_from_slice(RULE_FILE_NAME.as_bytes());
                let source = String::from_utf8_lossy(&source).into_owned();
                let rules = gitignore::Rules::parse_with(&text, self.0.case(), source);
                let stack = inherited.stack.push(Arc::new(rules), &inherited.base);
                (Inherited { stack, entered: true, ..inherited }, None)
            }
            Err(error) => (inherited, Some(error)),
        }
    }
}

impl Inherited {
    /// What a directory below, of that name, inherits.
    pub(super) fn below(&self, name: &[u8]) -> Self {
        let mut base = Vec::with_capacity(self.base.len() + 1 + name.len());
        base.extend_from_slice(&self.base);
        if !base.is_empty() {
            base.push(b'/');
        }
        base.extend_from_slice(name);
        Self { stack: self.stack.clone(), base, entered: false }
    }

    /// Prepares verdicts on the names of this directory.
    pub(super) fn prepare(&self) -> Prepared<'_> {
        Prepared(self.stack.dir(&self.base))
    }
}

/// The rules that can match in one directory.
pub(super) struct Prepared<'a>(DirRules<'a>);

impl Prepared<'_> {
    pub(super) fn leaves_out(&self, name: &[u8], is_dir: bool) -> bool {
        is_git_dir(name) || self.0.verdict(name, is_dir) == Verdict::Ignored
    }
}

/// The directory's rule file; as in git, one that is no regular file is none.
fn read(dir: &Directory<'_>) -> io::Result<Option<Vec<u8>>> {
    let name = RULE_FILE_NAME.as_bytes();
    if dir.handle().stat(name)?.kind != treenail_os::Kind::File {
        return Ok(None);
    }
    read_rule_file(dir.handle().open_file(name)?)
}
