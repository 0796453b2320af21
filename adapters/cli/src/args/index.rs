//! The grammar of `treenail index`.

use std::path::PathBuf;

/// Keep what is in a directory, for `find --index` and `grep --index`
///
/// The tree is saved where `treenail watch` keeps it, and compared with the directory when it is
/// used: directories that did not change are not listed again. With --content also which three
/// bytes in a row each file has, for `grep --index`; only files that have changed are read.
#[derive(clap::Args, Debug)]
#[command(after_long_help = "\
Examples:
  treenail index ~/src                   once; again after much has changed
  treenail find --index -e rs ~/src/os   answered from it
  treenail watch ~/src &                 keeps it true, so that nothing need be compared
  treenail index --content ~/src         contents too; again whenever much has changed
  treenail grep --index TODO ~/src       reads only files that may have it, and changed ones

Exit status: 0 done; 2 something could not be listed.")]
pub(crate) struct Index {
    /// The directory
    #[arg(default_value = ".", value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Where to keep it; `find --index` looks below $XDG_STATE_HOME/treenail/watch alone [default:
    /// a directory for each root there]
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
    /// Keep the contents too, of the files that `grep` searches: those that rules of .gitignore,
    /// .ignore and .rgignore files do not exclude, and up to 64 MiB each
    #[arg(long)]
    pub(crate) content: bool,
    /// With --content: hidden files too
    #[arg(short = 'H', long, requires = "content")]
    pub(crate) hidden: bool,
    /// With --content: ignored files too
    #[arg(short = 'I', long, requires = "content")]
    pub(crate) no_ignore: bool,
}
