//! What a filter leaves out as a whole is not watched either.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use treenail_hash::xxh3::xxh3_64;
use treenail_os::bytes_of;
use treenail_pattern::gitignore::is_git_dir;
use treenail_tree::live::{Change, Exclude, Exclusion};

use crate::error::Error;
use crate::filter::Globs;
use crate::ignored::{Ignored, split};

/// Rules outside of the root that change while they are read are read again so often.
const TRIES_MAX: usize = 8;

/// Directories that globs and Git's ignore rules leave out.
pub(crate) struct Excluded {
    name: Vec<u8>,
    globs: Option<Globs>,
    git: Option<Mutex<Git>>,
}

struct Git {
    rules: Ignored,
    /// What stands for the rules outside of the root, of which the tree's changes do not tell.
    outside: u64,
}

impl Excluded {
    pub(crate) fn open(
        root: &Path,
        name: Vec<u8>,
        globs: Option<Globs>,
        gitignore: bool,
    ) -> Result<Exclude, Error> {
        let git = if gitignore { Some(Mutex::new(Git::open(root)?)) } else { None };
        Ok(Exclude::new(Arc::new(Self { name, globs, git })))
    }

    fn git(&self) -> Option<MutexGuard<'_, Git>> {
        let git = self.git.as_ref()?;
        Some(git.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Exclusion for Excluded {
    fn name(&self) -> Vec<u8> {
        let outside = self.git().map(|git| git.outside.to_le_bytes());
        [&self.name[..], &outside.unwrap_or_default()].concat()
    }

    fn excludes(&self, dir: &[u8]) -> bool {
        // Globs of which none says what is wanted.
        self.globs.as_ref().is_some_and(|globs| !globs.admit(dir, true))
            || self.git().is_some_and(|mut git| git.excludes(dir))
    }

    fn note(&self, changes: &[Change]) -> Vec<Box<[u8]>> {
        self.git().map_or_else(Vec::new, |mut git| {
            let outside = git.outside;
            let mut holds_in = git.rules.note(changes);
            if !holds_in.is_empty() {
                // Others were read again too.
                git.settle();
            }
            if git.outside != outside {
                holds_in = vec![Box::default()];
            }
            holds_in
        })
    }
}

impl Git {
    fn open(root: &Path) -> Result<Self, Error> {
        let mut git = Self { rules: Ignored::open(root)?, outside: 0 };
        git.settle();
        Ok(git)
    }

    /// Sees to it that the fingerprint is that of the rules that were read.
    fn settle(&mut self) {
        for _ in 0..TRIES_MAX {
            let before = self.fingerprint();
            if before == self.outside {
                return;
            }
            self.rules.open_again();
            self.outside = before;
        }
    }

    fn fingerprint(&self) -> u64 {
        let mut text = Vec::new();
        for file in self.rules.sources_outside() {
            text.extend(bytes_of(file.as_os_str()));
            // What cannot be read counts as not there.
            let content = fs::read(file).ok().map(|content| xxh3_64(&content));
            text.extend(content.unwrap_or_default().to_le_bytes());
        }
        xxh3_64(&text)
    }

    fn excludes(&mut self, dir: &[u8]) -> bool {
        match dir {
            // In them are rules, whose changes are to be seen.
            b".git" | b".git/info" => false,
            dir if dir.starts_with(b".git/") || is_git_dir(split(dir).1) => true,
            dir => self.rules.holds(None, dir, true),
        }
    }
}
