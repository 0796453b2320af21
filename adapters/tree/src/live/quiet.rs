//! Files of which new attributes were taken to be all that changed.

use std::collections::VecDeque;

use treenail_os::feed::What;

use super::Live;
use super::dirt::{At, Mark};
use crate::lookup::split;
use crate::pages::DirId;

/// So many files are remembered; of those before them the system has long told everything.
const FILES_MAX: usize = 4096;

/// Files whose content counts as what it was although their ctime is another: had they been
/// written, with their mtime set back, the system would tell. If it then says that something was
/// lost, nobody knows, and a comparison finds the attributes that the tree has already.
#[derive(Default)]
pub(super) struct Quiet {
    /// The oldest first; may hold a file twice.
    files: VecDeque<At>,
    /// Those among them of which the system may still have to tell.
    unheard: VecDeque<At>,
}

impl Quiet {
    pub(super) fn add(&mut self, at: At) {
        for files in [&mut self.files, &mut self.unheard] {
            if files.len() == FILES_MAX {
                files.pop_front();
            }
            files.push_back(at.clone());
        }
    }

    /// Takes out the files in these directories, which are sorted; all if there are none.
    pub(super) fn take(&mut self, dirs: &[DirId]) -> VecDeque<At> {
        let is_in = |at: &At| dirs.is_empty() || dirs.binary_search(&at.0).is_ok();
        let (taken, left) = std::mem::take(&mut self.files).into_iter().partition(is_in);
        self.files = left;
        taken
    }
}

impl Live {
    /// Has files read whose content was taken to be what it was: what was lost may say otherwise.
    pub(super) fn doubt_quiet(&mut self, dirs: &[DirId]) {
        for at in self.quiet.take(dirs) {
            self.doubt_file(at);
        }
    }

    /// The files whose content was taken to be what it was, of which the feed may still have to
    /// tell otherwise; by their paths. Whoever goes on from this tree without hearing the rest has
    /// to [`doubt`](Self::doubt) them.
    #[must_use]
    pub fn unheard(&self) -> Vec<Box<[u8]>> {
        let mut paths: Vec<_> =
            self.quiet.unheard.iter().filter_map(|at| self.path_of(at)).collect();
        paths.sort_unstable();
        paths.dedup();
        paths
    }

    /// Says that the feed has told everything that happened before the last look.
    pub fn heard_all(&mut self, now_ns: u64) {
        self.heard(now_ns);
        if !self.round.is_empty() || self.outstanding > 0 || self.owes_recheck() {
            return;
        }
        let Self { quiet, dirt, content, refused, .. } = self;
        // Of these it has told something that was not acted upon yet.
        let is_refused =
            |at: &At| refused.get(&at.0).is_some_and(|names| names.contains_key(&at.1));
        quiet.unheard.retain(|at| dirt.has(at) || content.is_verifying_file(at) || is_refused(at));
    }

    /// Says that these files were [`unheard`](Self::unheard) when the process ended that kept the
    /// tree; after [`recheck`](Self::recheck).
    pub fn doubt(&mut self, paths: &[Box<[u8]>]) {
        for path in paths {
            let (above, name) = split(path);
            if let Some(dir) = self.tree.dir_at(above) {
                let at: At = (dir, name.into());
                self.quiet.add(at.clone());
                self.doubt_file(at);
            }
        }
    }

    fn doubt_file(&mut self, at: At) {
        let what = What::MODIFIED | What::CLOSED;
        self.dirt.mark_due(at, Mark::of(what));
    }
}
