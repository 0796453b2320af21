//! What is left out of a live tree.

use std::fmt;
use std::sync::Arc;

/// Says of each path, relative to the root, and whether it is a directory, if it is left out.
///
/// What is left out is not in the tree and not reported; a directory is neither entered nor
/// watched. Of what lies below one that is left out nothing is asked.
#[derive(Clone)]
pub struct Exclude(Arc<Verdict>);

type Verdict = dyn Fn(&[u8], bool) -> bool + Send + Sync;

impl Exclude {
    /// Leaves out what `verdict` says; it is called from several threads at once.
    pub fn new(verdict: impl Fn(&[u8], bool) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(verdict))
    }

    /// Whether an entry is left out.
    #[must_use]
    pub fn excludes(&self, path: &[u8], is_dir: bool) -> bool {
        (self.0)(path, is_dir)
    }
}

impl fmt::Debug for Exclude {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exclude(..)")
    }
}
