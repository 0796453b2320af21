//! Where the histories of live trees are stored.

use std::env;
use std::path::{Path, PathBuf};

use treenail_hash::xxh3::xxh3_64;
use treenail_os::bytes_of;

/// Where the states of this user's trees are: `$XDG_STATE_HOME/treenail/watch`, or else
/// `~/.local/state/treenail/watch`; nothing if there is no home either. All programs use the same,
/// so that a clock that one gave out is understood by the others.
#[must_use]
pub fn states_of_user() -> Option<PathBuf> {
    let absolute = |name: &str| {
        let dir = PathBuf::from(env::var_os(name)?);
        dir.is_absolute().then_some(dir)
    };
    let home = || Some(absolute("HOME")?.join(".local/state"));
    Some(absolute("XDG_STATE_HOME").or_else(home)?.join("treenail/watch"))
}

/// The directory for the state of a root without symbolic links in its path, among those in
/// `states`; one for each `exclusion`, which is the name of what the tree leaves out. Nothing if
/// that would be within the root, whose changes it would then be among: such a root's clocks do not
/// outlive the process.
#[must_use]
pub fn state_of(states: &Path, root: &Path, exclusion: Option<&[u8]>) -> Option<PathBuf> {
    let mut name = format!("{:016x}", xxh3_64(bytes_of(root.as_os_str())));
    if let Some(exclusion) = exclusion {
        name += &format!("-{:016x}", xxh3_64(exclusion));
    }
    (!is_within(states, root)).then(|| states.join(name))
}

/// Whether a path that need not be there is within a directory, whatever links lead to it.
fn is_within(path: &Path, dir: &Path) -> bool {
    let real = path.ancestors().find_map(|above| {
        let rest = path.strip_prefix(above).ok()?;
        Some(above.canonicalize().ok()?.join(rest))
    });
    real.is_none_or(|real| real.starts_with(dir))
}

#[cfg(all(test, unix))]
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
