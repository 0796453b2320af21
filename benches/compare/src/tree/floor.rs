//! The floor under content hashing: open, read and close every file, and do nothing with it.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Big enough that most files are one read, small enough for the second-level cache.
const BUFFER_SIZE_BYTES: usize = 128 << 10;

/// How many files a thread takes at a time.
const SHARE: usize = 64;

/// Reads the files that the list names, each name ended by a zero byte, with several threads;
/// returns the number of bytes. No stat, no second read to see the end: a read that does not fill
/// the buffer was the last.
///
/// # Errors
/// If the list or a file cannot be read.
pub(crate) fn read_all(list: &Path, threads: usize) -> Result<u64, String> {
    let list = std::fs::read(list).map_err(|e| format!("{}: {e}", list.display()))?;
    let names: Vec<&[u8]> = list.split(|&byte| byte == 0).filter(|name| !name.is_empty()).collect();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let readers: Vec<_> =
            (0..threads.max(1)).map(|_| scope.spawn(|| read_shares(&names, &next))).collect();
        readers.into_iter().map(|reader| reader.join().expect("readers do not panic")).sum()
    })
}

fn read_shares(names: &[&[u8]], next: &AtomicUsize) -> Result<u64, String> {
    let mut buffer = vec![0; BUFFER_SIZE_BYTES];
    let mut total = 0;
    loop {
        let start = next.fetch_add(SHARE, Ordering::Relaxed).min(names.len());
        let share = &names[start..(start + SHARE).min(names.len())];
        if share.is_empty() {
            return Ok(total);
        }
        for name in share {
            let path = Path::new(OsStr::from_bytes(name));
            total += read(path, &mut buffer).map_err(|e| format!("{}: {e}", path.display()))?;
        }
    }
}

fn read(path: &Path, buffer: &mut [u8]) -> std::io::Result<u64> {
    let mut file = File::open(path)?;
    let mut total = 0;
    loop {
        let count = file.read(buffer)?;
        total += count as u64;
        if count < buffer.len() {
            return Ok(total);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BUFFER_SIZE_BYTES, SHARE, read_all};

    #[test]
    fn every_byte_of_every_file_is_read_once() {
        let dir = tempfile::tempdir().unwrap();
        let sizes = (0..3 * SHARE).chain([BUFFER_SIZE_BYTES, 2 * BUFFER_SIZE_BYTES + 1]);
        let mut list = Vec::new();
        let mut expected = 0;
        for (index, size) in sizes.enumerate() {
            let path = dir.path().join(index.to_string());
            std::fs::write(&path, vec![7; size]).unwrap();
            list.extend_from_slice(path.to_str().unwrap().as_bytes());
            list.push(0);
            expected += size as u64;
        }
        let file = dir.path().join("list");
        std::fs::write(&file, &list).unwrap();
        assert_eq!(read_all(&file, 2), Ok(expected));
        std::fs::write(&file, "/treenail/no/such/file\0").unwrap();
        assert!(read_all(&file, 2).unwrap_err().contains("no/such/file"));
    }
}
