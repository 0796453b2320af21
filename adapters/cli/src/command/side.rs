//! One side of a comparison: a directory to be scanned, or a snapshot.

use std::fs;
use std::path::{Path, PathBuf};

use treenail::tree::{Diff, Error, IdKind, Scan, Scanned, Snapshot, Tree, View, diff};

use crate::output::{Failed, Output, Problem};
use crate::progress;

/// A side as it was named.
pub(crate) enum Side {
    Directory(PathBuf),
    Snapshot(Box<Snapshot>),
}

impl Side {
    /// Opens a path; a snapshot is checked wholly.
    pub(crate) fn open(path: &Path) -> Result<Self, Failed> {
        let metadata = fs::metadata(path).map_err(|error| Problem::io(path, &error))?;
        if metadata.is_dir() {
            return Ok(Self::Directory(path.to_owned()));
        }
        let snapshot = Snapshot::open(path)?;
        snapshot.verify()?;
        Ok(Self::Snapshot(Box::new(snapshot)))
    }

    pub(crate) fn snapshot(&self) -> Option<&Snapshot> {
        match self {
            Self::Directory(_) => None,
            Self::Snapshot(snapshot) => Some(snapshot),
        }
    }
}

/// A side that can be compared.
pub(crate) enum Loaded<'a> {
    Tree(Box<Tree>, Option<IdKind>),
    Snapshot(&'a Snapshot),
}

impl Loaded<'_> {
    /// What differs between this side and a newer one, which `path` names.
    pub(crate) fn diff(&self, new: &Self, path: &Path) -> Result<Diff, Error> {
        match self {
            Self::Tree(tree, ids) => new.diff_from(&tree.view(*ids), path),
            Self::Snapshot(snapshot) => new.diff_from(*snapshot, path),
        }
    }

    fn diff_from<V: View>(&self, old: &V, path: &Path) -> Result<Diff, Error> {
        match self {
            Self::Tree(tree, ids) => diff(old, &tree.view(*ids), path),
            Self::Snapshot(snapshot) => diff(old, *snapshot, path),
        }
    }
}

/// Scans a directory, showing progress, and reports what could not be read.
pub(crate) fn scan(
    scan: Scan<'_>,
    dir: &Path,
    ids: Option<IdKind>,
    output: &Output,
) -> Result<Scanned, Failed> {
    let mut scanned = progress::during(output.progress(), |progress| match progress {
        Some(progress) => scan.progress(progress).run(dir, ids),
        None => scan.run(dir, ids),
    })?;
    scanned.failures.sort_by(|a, b| a.path.cmp(&b.path));
    for failure in &scanned.failures {
        output.problem(&Problem::io_at(failure.path.clone(), &failure.error));
    }
    let kept = scanned.failures.len() as u64;
    if scanned.failures_total > kept {
        let message = format!("{} more errors are not shown", scanned.failures_total - kept);
        output.problem(&Problem { kind: "limit", message, path: None, remedy: None });
    }
    Ok(scanned)
}
