//! What is left out of a live tree.

use std::fmt;
use std::sync::Arc;

use treenail_hash::xxh3::xxh3_64;

use super::change::Change;

/// Says which directories are left out. Several threads ask at once.
pub trait Exclusion: Send + Sync {
    /// What tells this exclusion from others: a state that was made with one of another name is not
    /// taken for the tree's.
    fn name(&self) -> Vec<u8>;

    /// Whether the directory at a path, relative to the root, is left out. Of what lies below one
    /// that is, nothing is asked.
    fn excludes(&self, dir: &[u8]) -> bool;

    /// Takes note of changes that may be changes of the rules. Returns the directories below which
    /// something may be left out now that was not, or the other way round; those that are in none
    /// of them are as they were. A directory that moved need not be named.
    fn note(&self, changes: &[Change]) -> Vec<Box<[u8]>> {
        let _ = changes;
        Vec::new()
    }
}

/// An [`Exclusion`], shared.
///
/// A directory that is left out is not in the tree and not reported; it is neither entered nor
/// watched. One that is left out from some moment on is reported as gone, with all below; one that
/// is not any more is reported as if it had just come. The fanotify mark of a directory that was
/// watched before it was left out stays, since no name leads to it any more: it is ignored.
#[derive(Clone)]
pub struct Exclude(Arc<dyn Exclusion>);

impl Exclude {
    /// Leaves out what `exclusion` says.
    #[must_use]
    pub fn new(exclusion: Arc<dyn Exclusion>) -> Self {
        Self(exclusion)
    }

    /// Leaves out the directories of which `verdict` says so, which never changes its mind; `name`
    /// tells it from others.
    pub fn fixed(
        name: impl Into<Vec<u8>>,
        verdict: impl Fn(&[u8]) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Fixed { name: name.into(), verdict }))
    }

    /// Whether the directory at a path is left out.
    #[must_use]
    pub fn excludes(&self, dir: &[u8]) -> bool {
        self.0.excludes(dir)
    }

    pub(super) fn note(&self, changes: &[Change]) -> Vec<Box<[u8]>> {
        self.0.note(changes)
    }
}

impl fmt::Debug for Exclude {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Exclude").field(&String::from_utf8_lossy(&self.0.name())).finish()
    }
}

/// What stands for an exclusion in a state; 0 for none.
pub(super) fn key_of(exclude: Option<&Exclude>) -> u64 {
    exclude.map_or(0, |exclude| xxh3_64(&exclude.0.name()).max(1))
}

struct Fixed<F> {
    name: Vec<u8>,
    verdict: F,
}

impl<F: Fn(&[u8]) -> bool + Send + Sync> Exclusion for Fixed<F> {
    fn name(&self) -> Vec<u8> {
        self.name.clone()
    }

    fn excludes(&self, dir: &[u8]) -> bool {
        (self.verdict)(dir)
    }
}
