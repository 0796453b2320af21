//! The reader on files of every size, and on files that change under it.
#![cfg(unix)]

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, symlink};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use treenail_os::{Changed, Handle, Reader, Request, SMALL_BYTES_MAX, Sink, Stat, Whole};

/// Keeps all that it is given.
#[derive(Default)]
struct Keep {
    done: HashMap<usize, (Vec<u8>, Stat)>,
    failed: HashMap<usize, io::Error>,
    current: Option<(usize, Vec<u8>)>,
    batch_max: usize,
    restarts: usize,
}

impl Sink for Keep {
    fn small(&mut self, files: &[Whole<'_>]) {
        assert!(self.current.is_none() && !files.is_empty());
        self.batch_max = self.batch_max.max(files.len());
        for file in files {
            let old = self.done.insert(file.index, (file.bytes.to_vec(), file.stat));
            assert!(old.is_none(), "delivered twice");
        }
    }
    fn begin(&mut self, index: usize, _: &Stat) -> bool {
        assert!(self.current.is_none());
        self.current = Some((index, Vec::new()));
        true
    }
    fn chunk(&mut self, index: usize, bytes: &[u8]) {
        let current = self.current.as_mut().unwrap();
        assert_eq!(current.0, index);
        current.1.extend_from_slice(bytes);
    }
    fn end(&mut self, index: usize, stat: &Stat) {
        let (begun, bytes) = self.current.take().unwrap();
        assert_eq!(begun, index);
        assert!(self.done.insert(index, (bytes, *stat)).is_none(), "delivered twice");
    }
    fn restart(&mut self, index: usize) {
        assert_eq!(self.current.take().unwrap().0, index);
        self.restarts += 1;
    }
    fn failed(&mut self, index: usize, error: io::Error) {
        self.current = None;
        assert!(self.failed.insert(index, error).is_none() && !self.done.contains_key(&index));
    }
}

fn request<'a>(dir: &'a Handle, name: &'a str, before: Option<Stat>) -> Request<'a> {
    Request { dir, name: name.as_bytes(), before }
}

fn read(dir: &Path, names: &[&str]) -> Keep {
    let dir = Handle::open(dir).unwrap();
    let requests: Vec<_> = names.iter().map(|name| request(&dir, name, None)).collect();
    let mut keep = Keep::default();
    Reader::new().read(&requests, &mut keep);
    assert_eq!(keep.done.len() + keep.failed.len(), names.len());
    keep
}

fn content(length: usize, salt: usize) -> Vec<u8> {
    (0..length).map(|i| (i * 31 + i / 251 + salt) as u8).collect()
}

#[test]
fn files_of_every_size_arrive_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let sizes = [
        0,
        1,
        2,
        100,
        4095,
        4096,
        4097,
        SMALL_BYTES_MAX - 1,
        SMALL_BYTES_MAX,
        SMALL_BYTES_MAX + 1,
        512 << 10,
        (512 << 10) + 1,
        3_000_000,
    ];
    let mut names = Vec::new();
    for round in 0..20 {
        for size in sizes {
            let name = format!("{round}-{size}");
            fs::write(dir.path().join(&name), content(size, round)).unwrap();
            names.push(name);
        }
    }
    let handle = Handle::open(dir.path()).unwrap();
    for known in [false, true] {
        let before = |name: &String| known.then(|| handle.stat(name.as_bytes()).unwrap());
        let requests: Vec<_> =
            names.iter().map(|name| request(&handle, name, before(name))).collect();
        let mut keep = Keep::default();
        let mut reader = Reader::new();
        reader.read(&requests, &mut keep);
        assert!(keep.failed.is_empty() && keep.restarts == 0);
        for (index, name) in names.iter().enumerate() {
            let (bytes, stat) = &keep.done[&index];
            let (round, size) = name.split_once('-').unwrap();
            assert!(*bytes == content(size.parse().unwrap(), round.parse().unwrap()), "{name}");
            assert_eq!(*stat, handle.stat(name.as_bytes()).unwrap());
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn reading_is_no_use_of_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    fs::write(&path, "text").unwrap();
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3 * 86_400);
    let times = fs::FileTimes::new().set_accessed(long_ago);
    File::options().write(true).open(&path).unwrap().set_times(times).unwrap();
    let accessed = fs::metadata(&path).unwrap().accessed().unwrap();
    assert_eq!(read(dir.path(), &["a"]).done[&0].0, b"text");
    assert_eq!(fs::metadata(&path).unwrap().accessed().unwrap(), accessed);
}

#[test]
fn small_files_arrive_many_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let names: Vec<_> = (0..300).map(|number| number.to_string()).collect();
    for name in &names {
        fs::write(dir.path().join(name), name).unwrap();
    }
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let keep = read(dir.path(), &names);
    assert!(keep.batch_max >= 100, "only {} at a time", keep.batch_max);
    assert!(names.iter().enumerate().all(|(i, name)| keep.done[&i].0 == name.as_bytes()));
}

/// Evicts the files from memory, as a cold start finds them.
#[test]
#[cfg(target_os = "linux")]
fn files_that_are_not_in_memory_are_fetched() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let names: Vec<_> = (0..300).map(|number| number.to_string()).collect();
    for (number, name) in names.iter().enumerate() {
        let file = File::create(dir.path().join(name)).unwrap();
        file.write_all_at(&content(20_000 + number, number), 0).unwrap();
        file.sync_all().unwrap();
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
    }
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let keep = read(dir.path(), &names);
    for number in 0..names.len() {
        assert!(keep.done[&number].0 == content(20_000 + number, number), "{number}");
    }
}

#[test]
fn what_is_no_regular_file_fails_without_waiting_and_the_rest_is_read() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), b"content").unwrap();
    fs::create_dir(dir.path().join("dir")).unwrap();
    symlink("file", dir.path().join("link")).unwrap();
    let fifo = std::process::Command::new("mkfifo").arg(dir.path().join("fifo")).status();
    assert!(fifo.unwrap().success());
    let names = ["dir", "link", "fifo", "gone", "..", "file"];
    let handle = Handle::open(dir.path()).unwrap();
    let stale = handle.stat(b"file").unwrap();
    for before in [None, Some(stale)] {
        let requests: Vec<_> = names.iter().map(|name| request(&handle, name, before)).collect();
        let mut keep = Keep::default();
        Reader::new().read(&requests, &mut keep);
        assert_eq!(keep.failed.len(), 5);
        assert_eq!(keep.failed[&3].kind(), io::ErrorKind::NotFound);
        assert_eq!(keep.failed[&4].kind(), io::ErrorKind::InvalidInput);
        assert!(keep.failed[&2].to_string().contains("not a regular file"));
        assert_eq!(keep.done[&5].0, b"content");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn files_that_claim_to_be_empty_are_read_to_their_end() {
    let keep = read(Path::new("/proc"), &["version", "kallsyms"]);
    assert_eq!(keep.done[&0].0, fs::read("/proc/version").unwrap());
    assert_eq!(keep.done[&1].0.len(), fs::read("/proc/kallsyms").unwrap().len());
    assert!(keep.done[&1].0.len() > SMALL_BYTES_MAX, "long enough to be a large file");
}

/// Empty before, something else while it is read, empty after, all within a tick of the clock.
#[test]
fn a_file_that_is_emptied_again_and_again_has_the_length_of_its_bytes() {
    let write = |path: &Path, round: usize| {
        let file = File::create(path).unwrap();
        file.write_all_at(&vec![round as u8; 3_000], 0).unwrap();
        file.set_len(0).unwrap();
    };
    hammer(write, uniform);
}

#[test]
fn a_stale_stat_costs_a_second_reading_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let handle = Handle::open(dir.path()).unwrap();
    for (old, new) in [(10, 20), (20, 10), (0, 5), (5, 0), (10, 200_000), (200_000, 10), (9, 9)] {
        let path = dir.path().join("file");
        fs::write(&path, content(old, 1)).unwrap();
        let before = handle.stat(b"file").unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, content(new, 2)).unwrap();
        let mut keep = Keep::default();
        Reader::new().read(&[request(&handle, "file", Some(before))], &mut keep);
        assert!(keep.failed.is_empty(), "{old} to {new}");
        assert!(keep.done[&0].0 == content(new, 2), "{old} to {new}");
    }
}

/// Ends the writer even if a check fails, which would otherwise wait for it for ever.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// How often a file that changes is read.
const READINGS: usize = 300;

/// Reads one file over and over while `write` changes it, and checks each delivered content.
fn hammer(write: impl Fn(&Path, usize) + Sync, valid: impl Fn(&[u8]) -> bool) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    write(&path, 0);
    let stop = AtomicBool::new(false);
    let (mut done, mut refused) = (0, 0);
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 1.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                write(&path, round);
                if round % 7 == 0 {
                    thread::yield_now();
                }
            }
        });
        let _stop = StopOnDrop(&stop);
        let handle: Arc<Handle> = Handle::open(dir.path()).unwrap();
        let mut reader = Reader::new();
        for _ in 0..READINGS {
            let mut keep = Keep::default();
            let before = handle.stat(b"file").ok();
            reader.read(&[request(&handle, "file", before)], &mut keep);
            match (keep.done.get(&0), keep.failed.get(&0)) {
                (Some((bytes, stat)), None) => {
                    assert_eq!(bytes.len() as u64, stat.size_bytes);
                    assert!(valid(bytes), "a mixture of {} bytes", bytes.len());
                    done += 1;
                }
                (None, Some(error)) => {
                    let changed = error.get_ref().is_some_and(|inner| inner.is::<Changed>());
                    assert!(changed || error.kind() == io::ErrorKind::NotFound, "{error}");
                    refused += 1;
                }
                other => panic!("neither or both: {other:?}"),
            }
        }
    });
    assert_eq!(done + refused, READINGS);
}

fn uniform(bytes: &[u8]) -> bool {
    bytes.is_empty() || bytes[1..] == bytes[..bytes.len() - 1]
}

#[test]
fn a_file_that_is_replaced_by_renaming_is_never_delivered_mixed() {
    for length in [3_000, 300_000] {
        let write = |path: &Path, round: usize| {
            let other = path.with_extension("new");
            fs::write(&other, vec![round as u8; length + round % 50]).unwrap();
            fs::rename(&other, path).unwrap();
        };
        hammer(write, uniform);
    }
}

#[test]
fn a_growing_file_is_delivered_only_as_it_was_at_one_time() {
    for step in [1, 700, 50_000] {
        let write = |path: &Path, round: usize| {
            if round.is_multiple_of(20) {
                File::create(path).unwrap();
            }
            let mut file = File::options().append(true).open(path).unwrap();
            file.write_all(&vec![round as u8; step]).unwrap();
        };
        // Steps, each one more than the one before; the system may show an append that is under way
        // as far as it has come.
        let valid = |bytes: &[u8]| {
            let steps: Vec<_> = bytes.chunks(step).collect();
            steps.iter().all(|chunk| uniform(chunk))
                && steps.windows(2).all(|pair| pair[1][0] == pair[0][0].wrapping_add(1))
        };
        hammer(write, valid);
    }
}

#[test]
fn a_file_that_is_truncated_and_written_anew_is_delivered_in_no_false_length() {
    let write = |path: &Path, round: usize| {
        let file = File::create(path).unwrap();
        file.write_all_at(&vec![round as u8; 2_000 + round % 1_000], 0).unwrap();
    };
    hammer(write, uniform);
}
