//! Measures verdicts on every path below a directory, beside the crate `ignore`:
//! `cargo run --release -p treenail-pattern --example verdicts -- DIR [RULES]`.

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ignore::gitignore::GitignoreBuilder;
use treenail_pattern::gitignore::{Rules, Stack, Verdict};

const ROUNDS: usize = 9;

/// A directory's path and the names in it, each with whether it is a directory.
type Listing = (Vec<u8>, Vec<(Vec<u8>, bool)>);

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args_os().skip(1);
    let root = PathBuf::from(args.next().ok_or("usage: verdicts DIR [RULES]")?);
    let rules = match args.next() {
        Some(file) => fs::read_to_string(file)?,
        None => include_str!("typical.gitignore").to_owned(),
    };
    let mut listings = Vec::new();
    list(&root, "", &mut listings)?;
    let paths: Vec<(String, bool)> = listings.iter().flat_map(full_paths).collect();
    let stack = Stack::new().push(Arc::new(Rules::parse(rules.as_bytes())), b"");
    let mut builder = GitignoreBuilder::new("");
    for line in rules.lines() {
        builder.add_line(None, line)?;
    }
    let theirs = builder.build()?;

    let ours = || {
        let mut ignored = 0;
        for (dir, names) in &listings {
            let dir = stack.dir(dir);
            for (name, is_dir) in names {
                ignored += usize::from(dir.verdict(name, *is_dir) == Verdict::Ignored);
            }
        }
        ignored
    };
    let others = || paths.iter().filter(|(p, d)| theirs.matched(p, *d).is_ignore()).count();
    // Interleaved, so that a busy machine slows both.
    let (mut a, mut b) = (Vec::new(), Vec::new());
    let mut counts = (0, 0);
    for _ in 0..ROUNDS {
        a.push(timed(|| counts.0 = black_box(ours())));
        b.push(timed(|| counts.1 = black_box(others())));
    }
    let (a, b) = (median(a), median(b));
    let each = |d: Duration| d.as_nanos() as f64 / paths.len() as f64;
    println!("{} paths in {} directories", paths.len(), listings.len());
    println!("treenail: {a:?}, {:.1} ns each, {} ignored", each(a), counts.0);
    println!("ignore:   {b:?}, {:.1} ns each, {} ignored", each(b), counts.1);
    println!("ratio: {:.3}", a.as_secs_f64() / b.as_secs_f64());
    Ok(())
}

fn list(dir: &Path, relative: &str, out: &mut Vec<Listing>) -> Result<(), Box<dyn Error>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let is_dir = entry.file_type()?.is_dir();
        let name = entry.file_name().into_string().map_err(|_| "a name is not UTF-8")?;
        if is_dir {
            let separator = if relative.is_empty() { "" } else { "/" };
            list(&entry.path(), &format!("{relative}{separator}{name}"), out)?;
        }
        names.push((name.into_bytes(), is_dir));
    }
    out.push((relative.as_bytes().to_vec(), names));
    Ok(())
}

fn full_paths((dir, names): &Listing) -> Vec<(String, bool)> {
    let dir = String::from_utf8_lossy(dir);
    let join = |name: &[u8]| {
        let name = String::from_utf8_lossy(name);
        if dir.is_empty() { name.into_owned() } else { format!("{dir}/{name}") }
    };
    names.iter().map(|(name, is_dir)| (join(name), *is_dir)).collect()
}

fn timed(f: impl FnOnce()) -> Duration {
    let start = Instant::now();
    f();
    start.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
