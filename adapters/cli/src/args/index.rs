//! The grammar of `treenail index`.

use std::path::PathBuf;

/// Keep what is in a directory, for `find --index`
///
/// The tree is saved where `treenail watch` keeps it, and compared with the directory when it is
/// used: directories that did not change are not listed again.
#[derive(clap::Args, Debug)]
#[command(after_long_help = "\
Examples:
  treenail index ~/src                   once; again after much has changed
  treenail find --index -e rs ~/src/os   answered from it
  treenail watch ~/src &                 keeps it true, so that nothing need be compared

Exit status: 0 done; 2 something could not be listed.")]
pub(crate) struct Index {
    /// The directory
    #[arg(default_value = ".", value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Where to keep it; `find --index` looks below $XDG_STATE_HOME/treenail/watch alone [default:
    /// a directory for each root there]
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
}
