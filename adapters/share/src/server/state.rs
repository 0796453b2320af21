//! Where the histories of the daemon's trees are stored.

use std::env;
use std::path::{Path, PathBuf};

use treenail_hash::{Hash, Xxh128};
use treenail_os::bytes_of;

/// Where the user's programs keep state: `$XDG_STATE_HOME/treenail`, or else
/// `~/.local/state/treenail`; nothing if there is no home either.
pub(super) fn base_of_user() -> Option<PathBuf> {
    let absolute = |name: &str| {
        let dir = PathBuf::from(env::var_os(name)?);
        dir.is_absolute().then_some(dir)
    };
    let home = || Some(absolute("HOME")?.join(".local/state"));
    Some(absolute("XDG_STATE_HOME").or_else(home)?.join("treenail"))
}

/// The directory for the state of a root, named by a digest of the root's path. Nothing if that
/// would be within the root, whose changes it would then be among: such a root's clocks do not
/// outlive the daemon.
pub(super) fn dir_of(base: &Path, root: &Path) -> Option<PathBuf> {
    if is_within(base, root) {
        return None;
    }
    let digest = Xxh128::hash(bytes_of(root.as_os_str()));
    Some(base.join(format!("{:032x}", u128::from_be_bytes(digest))))
}

/// Whether a path that need not be there is within a directory, whatever links lead to it.
fn is_within(path: &Path, dir: &Path) -> bool {
    let real = path.ancestors().find_map(|above| {
        let rest = path.strip_prefix(above).ok()?;
        Some(above.canonicalize().ok()?.join(rest))
    });
    real.is_none_or(|real| real.starts_with(dir))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::is_within;

    #[test]
    fn links_and_missing_directories_do_not_hide_what_is_within() {
        let temp = tempfile::tempdir().unwrap();
        let temp = temp.path().canonicalize().unwrap();
        let root = temp.join("root");
        fs::create_dir(&root).unwrap();
        symlink(&root, temp.join("link")).unwrap();
        assert!(is_within(&root.join("not/yet/there"), &root));
        assert!(is_within(&temp.join("link/not/there"), &root));
        assert!(!is_within(&temp.join("other/root"), &root));
        assert!(!is_within(&temp.join("root2"), &root));
    }
}
