//! Counts what lies below a directory: `walk [--stat] [--threads N] [DIR]`.
//!
//! Names and types only, as fast as the walk goes; with `--stat` the attributes of every entry too.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use treenail_os::{Directory, Kind, Next, Place, Visit, Walk};

#[derive(Default)]
struct Count {
    stat: bool,
    entries: AtomicU64,
    directories: AtomicU64,
    bytes: AtomicU64,
    failed: AtomicU64,
}

impl Visit for Count {
    type State = ();
    type Task = ();
    type Worker = ();

    fn worker(&self) {}

    fn directory(&self, _: &mut (), dir: &mut Directory<'_>, _: (), next: &mut Next<'_, Self>) {
        let mut directories = 0;
        let mut bytes = 0;
        for index in 0..dir.len() {
            if dir.entry(index).kind == Kind::Directory {
                next.descend(dir, index, ());
                directories += 1;
            }
            if self.stat {
                bytes += dir.stat_entry(index).map_or(0, |stat| stat.size_bytes);
            }
        }
        self.entries.fetch_add(dir.len() as u64, Ordering::Relaxed);
        self.directories.fetch_add(directories, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn task(&self, _: &mut (), _: (), _: &mut Next<'_, Self>) {}

    fn failed(&self, _: &mut (), place: Place<'_>, error: io::Error, _: ()) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        eprintln!("walk: {}: {error}", String::from_utf8_lossy(&place.full_path()));
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut count = Count::default();
    let mut walk = Walk::new();
    let mut root = std::ffi::OsString::from(".");
    let mut arguments = std::env::args_os().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--stat") => count.stat = true,
            Some("--threads") => {
                let number = arguments.next().ok_or("--threads needs a number")?;
                walk = walk.threads(number.to_str().ok_or("not a number")?.parse()?);
            }
            _ => root = argument,
        }
    }
    walk.run(root.as_ref(), &count, ())?;
    println!(
        "{} entries, {} directories",
        count.entries.into_inner(),
        count.directories.into_inner()
    );
    if count.stat {
        println!("{} bytes", count.bytes.into_inner());
    }
    if count.failed.into_inner() > 0 {
        return Err("some directories could not be listed".into());
    }
    Ok(())
}
