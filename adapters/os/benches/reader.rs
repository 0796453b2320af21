//! Times the reader against merely reading:
//! `cargo bench -p treenail-os --bench reader -- DIR [cold]`.
//!
//! All regular files below DIR by two threads, five rounds in turn, the shortest of each shown.
//! `cold` (root only) drops the page cache before each.

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use treenail_os::{Directory, Handle, Kind, Next, Place, Reader, Request, Sink, Stat, Visit, Walk};
use treenail_os::{SMALL_BYTES_MAX, Whole};

const ROUNDS: usize = 5;
const THREADS: usize = 2;

struct Found {
    dir: Arc<Handle>,
    name: Vec<u8>,
    before: Stat,
}

#[derive(Default)]
struct Collect(Mutex<Vec<Found>>);

impl Visit for Collect {
    type State = ();
    type Task = ();
    type Worker = ();
    fn worker(&self) {}
    fn directory(&self, (): &mut (), dir: &mut Directory<'_>, (): (), next: &mut Next<'_, Self>) {
        for index in 0..dir.len() {
            let entry = dir.entry(index);
            match entry.kind {
                Kind::Directory => next.descend(dir, index, ()),
                Kind::File => {
                    let before = dir.stat_entry(index).expect("a tree at rest");
                    let (dir, name) = (dir.handle().clone(), entry.name.to_vec());
                    self.0.lock().unwrap().push(Found { dir, name, before });
                }
                _ => {}
            }
        }
    }
    fn task(&self, (): &mut (), (): (), _: &mut Next<'_, Self>) {}
    fn failed(&self, (): &mut (), _: Place<'_>, error: io::Error, (): ()) {
        panic!("{error}");
    }
}

/// Touches every byte, as the cheapest digest would.
#[derive(Default)]
struct Touch {
    sum: u64,
    bytes: u64,
}

impl Touch {
    fn touch(&mut self, bytes: &[u8]) {
        let words = bytes.chunks_exact(8).map(|word| u64::from_ne_bytes(word.try_into().unwrap()));
        self.sum ^= words.fold(0, |sum, word| sum ^ word);
        self.bytes += bytes.len() as u64;
    }
}

impl Sink for Touch {
    fn small(&mut self, files: &[Whole<'_>]) {
        files.iter().for_each(|file| self.touch(file.bytes));
    }
    fn begin(&mut self, _: usize, _: &Stat) -> bool {
        true
    }
    fn chunk(&mut self, _: usize, bytes: &[u8]) {
        self.touch(bytes);
    }
    fn end(&mut self, _: usize, _: &Stat) {}
    fn restart(&mut self, _: usize) {}
    fn failed(&mut self, _: usize, error: io::Error) {
        panic!("{error}");
    }
}

/// The calls that no reading can do without, file by file, and the check of the length.
fn merely(files: &[Found]) -> Touch {
    let mut touch = Touch::default();
    let mut buffer = vec![0; SMALL_BYTES_MAX * 4];
    for found in files {
        let mut file = found.dir.open_file(&found.name).unwrap();
        let mut left = found.before.size_bytes;
        while left > 0 {
            let read = file.read(&mut buffer).unwrap();
            touch.touch(&buffer[..read]);
            left -= read as u64;
        }
        assert_eq!(file.metadata().unwrap().size(), found.before.size_bytes);
    }
    touch
}

fn reader(files: &[Found], known: bool) -> Touch {
    let mut touch = Touch::default();
    let mut reader = Reader::new();
    for files in files.chunks(1024) {
        let mut requests = Vec::with_capacity(files.len());
        for Found { dir, name, before } in files {
            requests.push(Request { dir, name, before: known.then_some(*before) });
        }
        reader.read(&requests, &mut touch);
    }
    touch
}

fn time(files: &[Found], cold: bool, read: impl Fn(&[Found]) -> Touch + Sync) -> (Duration, u64) {
    if cold {
        fs::write("/proc/sys/vm/drop_caches", "1").expect("dropping caches needs root");
    }
    let start = Instant::now();
    let bytes = thread::scope(|scope| {
        let read = &read;
        let parts = files.chunks(files.len().div_ceil(THREADS));
        let threads: Vec<_> = parts.map(|part| scope.spawn(move || read(part))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap().bytes).sum()
    });
    (start.elapsed(), bytes)
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let Some(root) = arguments.next() else {
        return println!("usage: reader DIR [cold]");
    };
    let cold = arguments.next().is_some_and(|argument| argument == "cold");
    let collect = Collect::default();
    Walk::new().run(Path::new(&root), &collect, ()).expect("a directory to read");
    let files = collect.0.into_inner().unwrap();
    type Way = fn(&[Found]) -> Touch;
    let ways: [(&str, Way); 3] = [
        ("merely reading", merely),
        ("reader, stat known", |files| reader(files, true)),
        ("reader", |files| reader(files, false)),
    ];
    let mut best = [Duration::MAX; 3];
    for _ in 0..ROUNDS {
        for (best, (_, way)) in best.iter_mut().zip(ways) {
            let (took, bytes) = time(&files, cold, way);
            assert_eq!(bytes, files.iter().map(|found| found.before.size_bytes).sum());
            *best = took.min(*best);
        }
    }
    println!("{} files", files.len());
    for (best, (name, _)) in best.iter().zip(ways) {
        println!("{name:20} {:8.1} ms", best.as_secs_f64() * 1e3);
    }
}
