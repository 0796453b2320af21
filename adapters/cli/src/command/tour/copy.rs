//! The copy of real files that the tour works on.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use treenail::os::{Kind, os_str_of};
use treenail::tree::{DirId, IdKind, Scan, TreeView, View};

use crate::output::{Failed, Problem};

/// The copy ends at this many files or bytes: the tour is to take less than a minute.
const FILES_MAX: usize = 20_000;
const BYTES_MAX: u64 = 256 << 20;

/// What was copied.
#[derive(Default)]
pub(super) struct Copied {
    pub(super) files: u64,
    pub(super) dirs: u64,
    pub(super) bytes: u64,
    /// Files whose content is not empty and unlike that of any other, relative to the copy.
    pub(super) unique: Vec<PathBuf>,
}

/// Copies regular files and directories, leaving out what git ignores.
pub(super) fn copy(from: &Path, to: &Path) -> Result<Copied, Failed> {
    let ids = Some(IdKind::XXH3);
    let scanned = Scan::new().gitignore(true).run(from, ids)?;
    let mut copied = Copied::default();
    let mut seen = HashSet::new();
    fs::create_dir(to).map_err(|error| Problem::io(to, &error))?;
    let view = scanned.tree.view(ids);
    let mut below = vec![(view.root(), PathBuf::new())];
    while let Some((dir, path)) = below.pop() {
        copy_directory(&view, dir, &path, from, to, &mut copied, &mut seen)?;
        for entry in view.entries(dir) {
            let Some(child) = entry.child else { continue };
            let path = path.join(name_of(entry.name)?);
            let target = to.join(&path);
            fs::create_dir(&target).map_err(|error| Problem::io(&target, &error))?;
            copied.dirs += 1;
            below.push((child, path));
        }
    }
    Ok(copied)
}

fn copy_directory(
    view: &TreeView<'_>,
    dir: DirId,
    path: &Path,
    from: &Path,
    to: &Path,
    copied: &mut Copied,
    seen: &mut HashSet<Vec<u8>>,
) -> Result<(), Failed> {
    for entry in view.entries(dir) {
        let size = entry.stat.size_bytes;
        let full = copied.files >= FILES_MAX as u64 || copied.bytes + size > BYTES_MAX;
        let Some(id) = entry.id else { continue };
        if entry.stat.kind != Kind::File || full {
            continue;
        }
        let path = path.join(name_of(entry.name)?);
        fs::copy(from.join(&path), to.join(&path))
            .map_err(|error| Problem::io(&from.join(&path), &error))?;
        copied.files += 1;
        copied.bytes += size;
        if seen.insert(id.to_vec()) && size > 0 && path.to_str().is_some_and(is_plain) {
            copied.unique.push(path);
        }
    }
    Ok(())
}

fn name_of(name: &[u8]) -> Result<Cow<'_, OsStr>, Failed> {
    Ok(os_str_of(name).map_err(|error| Problem::io_at(name.to_vec(), &error))?)
}

/// Whether a path can be shown and compared as it is.
fn is_plain(path: &str) -> bool {
    path.chars().all(|c| c.is_ascii_graphic() && !"'\"\\".contains(c))
}
