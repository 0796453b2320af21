//! When segments are put together.

use std::fs;

use crate::error::Error;

use super::merge::merge;
use super::segment::{FileEntry, Segment};
use super::store::{self, Lock, Name};

/// With more segments than this some are put together.
const SEGMENTS_MAX: usize = 8;

/// How many segments are put together at once, each an open file.
const MERGED_MAX: usize = 48;

/// How many entries of files that are gone are minded.
const GONE_MIN: usize = 256;

/// Puts segments together where there are many, or where more than half of what they have is gone.
///
/// # Errors
/// A segment cannot be read or written.
pub(super) fn compact(lock: &Lock, keeps: impl Fn(&FileEntry) -> bool) -> Result<(), Error> {
    loop {
        let names = store::list(lock.dir())?;
        let some = if names.len() > SEGMENTS_MAX {
            &names[names.len() - newest(lock, &names)..]
        } else if is_mostly_gone(lock, &names, &keeps)? {
            &names[..]
        } else {
            return Ok(());
        };
        let segments: Vec<Segment> =
            some.iter().map(|name| open(lock, *name)).collect::<Result<_, _>>()?;
        let range = Name { first: some[0].first, last: some[some.len() - 1].last };
        lock.write(range, |out| merge(&segments, &keeps, out))?;
        lock.clean(&[])?;
    }
}

fn open(lock: &Lock, name: Name) -> Result<Segment, Error> {
    let path = name.path(lock.dir());
    Segment::open(&path).map_err(|error| Error::io_at("use the index of contents", &path, error))
}

/// How many of the newest segments are put together: as long as an older one is not much larger
/// than all newer ones, so that what is large is rarely written again.
fn newest(lock: &Lock, names: &[Name]) -> usize {
    let size = |name: &Name| fs::metadata(name.path(lock.dir())).map_or(0, |meta| meta.len());
    let (mut count, mut sum) = (0, 0);
    for name in names.iter().rev().take(MERGED_MAX) {
        let size = size(name);
        if count >= 2 && size > 2 * sum {
            break;
        }
        count += 1;
        sum += size;
    }
    count
}

fn is_mostly_gone(
    lock: &Lock,
    names: &[Name],
    keeps: impl Fn(&FileEntry) -> bool,
) -> Result<bool, Error> {
    let (mut all, mut gone) = (0, 0);
    for name in names {
        let segment = open(lock, *name)?;
        all += segment.files().len();
        gone += segment.files().iter().filter(|file| !keeps(file)).count();
    }
    Ok(gone >= GONE_MIN && gone > all / 2)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use treenail_os::FileId;

    use super::*;
    use crate::search::contents::segment::{Trigram, Writer};

    type Postings = BTreeMap<Trigram, Vec<u32>>;

    fn entry(inode: u64, ctime_ns: i64) -> FileEntry {
        let id = FileId { device: 1, inode };
        FileEntry { id, size_bytes: 1, mtime_ns: 0, ctime_ns, flags: 0 }
    }

    fn write(lock: &Lock, files: &[FileEntry], postings: &Postings) -> Name {
        let name = lock.next().unwrap();
        let written = lock.write(name, |out| {
            let mut writer = Writer::new(out, files.len())?;
            for (trigram, numbers) in postings {
                writer.push(*trigram, numbers)?;
            }
            writer.finish(files)
        });
        written.unwrap();
        name
    }

    fn read(lock: &Lock) -> (Vec<FileEntry>, Postings) {
        let names = store::list(lock.dir()).unwrap();
        let [name] = names[..] else { panic!("{names:?}") };
        let segment = open(lock, name).unwrap();
        let mut postings = Postings::new();
        for lead in segment.leads() {
            let block = segment.block(lead).unwrap();
            for third in block.thirds() {
                let list = postings.entry(u32::from(lead.bytes) << 8 | u32::from(third));
                let list: &mut Vec<u32> = list.or_default();
                block.each(third, |number| list.push(number)).unwrap();
            }
        }
        (segment.files().to_vec(), postings)
    }

    #[test]
    fn the_newest_of_a_file_counts_and_what_is_gone_goes() {
        let dir = tempfile::tempdir().unwrap();
        let lock = Lock::take(dir.path()).unwrap();
        let old = [entry(1, 1), entry(3, 1), entry(5, 1)];
        write(&lock, &old, &[(7, vec![0, 1, 2]), (0x900, vec![1])].into());
        write(&lock, &[entry(2, 1), entry(3, 2)], &[(7, vec![0]), (8, vec![0, 1])].into());
        let names = store::list(dir.path()).unwrap();
        let segments: Vec<_> = names.iter().map(|name| open(&lock, *name).unwrap()).collect();
        let all = Name { first: 0, last: 1 };
        let keeps = |file: &FileEntry| file.id.inode != 5;
        lock.write(all, |out| merge(&segments, keeps, out)).unwrap();
        let (files, postings) = read(&lock);
        assert_eq!(files, [entry(1, 1), entry(2, 1), entry(3, 2)]);
        assert_eq!(postings, [(7, vec![0, 1]), (8, vec![1, 2])].into());
    }

    #[test]
    fn small_segments_are_put_together_and_a_large_one_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let lock = Lock::take(dir.path()).unwrap();
        let large: Vec<_> = (0..1_000).map(|inode| entry(inode, 1)).collect();
        let first = write(&lock, &large, &Postings::new());
        for number in 0..SEGMENTS_MAX as u64 {
            compact(&lock, |_| true).unwrap();
            write(&lock, &[entry(2_000 + number, 1)], &[(7, vec![0])].into());
        }
        assert_eq!(store::list(dir.path()).unwrap().len(), SEGMENTS_MAX + 1);
        compact(&lock, |_| true).unwrap();
        let names = store::list(dir.path()).unwrap();
        assert_eq!(names, [first, Name { first: 1, last: SEGMENTS_MAX as u32 }]);
        compact(&lock, |file| file.id.inode >= 2_000).unwrap();
        let (files, postings) = read(&lock);
        assert_eq!(files.len(), SEGMENTS_MAX);
        assert_eq!(postings, [(7, (0..SEGMENTS_MAX as u32).collect())].into());
    }
}
