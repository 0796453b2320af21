//! What is known of the contents of files: which three bytes in a row each has.
//!
//! [`Contents`] is a directory of segments. [`Contents::refresh`] reads what has changed, and
//! [`Contents::sieve`] says which files a search need not read. A file is spared only if it is, by
//! identity, length and times, the one that was read, so what is found is what a search without
//! the index finds; unless somebody stores into a file through a mapping, which its times need not
//! tell, or sets the clock back.
//!
//! ```
//! use treenail_glob::find::Find;
//! use treenail_glob::search::Search;
//! use treenail_glob::search::contents::Contents;
//!
//! let (dir, state) = (tempfile::tempdir()?, tempfile::tempdir()?);
//! std::fs::write(dir.path().join("a"), "a needle\n")?;
//! std::fs::write(dir.path().join("b"), "a haystack\n")?;
//! let find = Find::new().root(dir.path());
//! let mut contents = Contents::open(state.path())?;
//! contents.refresh(&find, &Default::default())?;
//!
//! let searcher = Search::new(["needle"]).compile()?;
//! let sieve = contents.sieve(&searcher);
//! let found = searcher.files().find(find).sieve(sieve.clone()).iter().count();
//! assert_eq!((found, sieve.spared()), (1, 1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod compact;
mod extract;
mod merge;
mod needs;
mod refresh;
mod rice;
mod segment;
mod sieve;
mod store;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use treenail_os::Stat;

use crate::error::Error;

pub use refresh::{RefreshOptions, Refreshed};
pub use sieve::Sieve;

use segment::Segment;

/// What is known of the contents of files, in a directory of its own.
///
/// Where the system gives files no numbers, as on Windows, nothing is ever known.
#[derive(Debug)]
pub struct Contents {
    dir: PathBuf,
    segments: Vec<(PathBuf, Arc<Segment>)>,
    problems: Vec<Error>,
}

impl Contents {
    /// Opens what is kept in a directory; nothing is known if it is not there. Damaged segments
    /// count as not there; see [`problems`](Self::problems).
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let mut contents = Self { dir: dir.to_owned(), segments: Vec::new(), problems: Vec::new() };
        contents.load()?;
        Ok(contents)
    }

    /// Whether a directory keeps contents at all.
    #[must_use]
    pub fn is_kept(dir: &Path) -> bool {
        fs::metadata(dir).is_ok_and(|meta| meta.is_dir())
    }

    /// What could not be read, for which [`refresh`](Self::refresh) is the remedy.
    #[must_use]
    pub fn problems(&self) -> &[Error] {
        &self.problems
    }

    /// How many files are known, those counted twice that have been read again.
    #[must_use]
    pub fn files(&self) -> usize {
        self.segments.iter().map(|(_, segment)| segment.files().len()).sum()
    }

    /// How many bytes it takes on the disk.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        let size = |path: &PathBuf| fs::metadata(path).map_or(0, |meta| meta.len());
        self.segments.iter().map(|(path, _)| size(path)).sum()
    }

    /// The segments, the older before the newer.
    fn segments(&self) -> impl DoubleEndedIterator<Item = &(PathBuf, Arc<Segment>)> {
        self.segments.iter()
    }

    /// Whether a file is known as it is now.
    fn knows(&self, stat: &Stat) -> bool {
        let newest = self.segments().rev().find_map(|(_, segment)| {
            let number = segment.find(stat.id())?;
            Some(segment.files()[number])
        });
        newest.is_some_and(|file| file.is_of(stat))
    }

    /// Reads the segments anew.
    fn load(&mut self) -> Result<(), Error> {
        self.segments.clear();
        self.problems.clear();
        for name in store::list(&self.dir)? {
            let path = name.path(&self.dir);
            match Segment::open(&path) {
                Ok(segment) => self.segments.push((path, Arc::new(segment))),
                // Another process has put it together with others since.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    self.problems.push(Error::io_at("use the index of contents", &path, error));
                }
            }
        }
        Ok(())
    }
}

/// For this project's fuzz targets; nothing here is part of the interface.
#[doc(hidden)]
pub mod __internal {
    use treenail_os::FileId;

    use super::extract::Run;
    use super::segment::{FileEntry, Segment};
    use super::sieve;
    use crate::search::Searcher;

    /// Whether the bytes are a segment, all of which can be read.
    pub fn is_segment(bytes: Vec<u8>) -> bool {
        Segment::from_bytes(bytes).is_ok_and(|segment| segment.verify().is_ok())
    }

    /// Whether a file of these bytes, being known, is let through to a search.
    pub fn may_match(searcher: &Searcher, text: &[u8]) -> bool {
        let mut run = Run::new();
        let read = run.read(text, &mut [0; 256]).expect("bytes can be read");
        let id = FileId { device: 0, inode: 1 };
        run.add(&read, |flags| FileEntry { id, size_bytes: 0, mtime_ns: 0, ctime_ns: 0, flags });
        let mut bytes = std::io::Cursor::new(Vec::new());
        run.write(&mut bytes).expect("a buffer can be written");
        let segment = Segment::from_bytes(bytes.into_inner()).expect("what is written can be read");
        sieve::is_candidate(searcher, &segment, 0)
    }
}
