//! How fast a known tree is compared with the disk, beside a bare loop that asks for the stat of
//! every known path.
//!
//! ```console
//! $ cargo run --release --example recheck -- DIR [THREADS [ROUNDS]]
//! ```

use std::error::Error;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use treenail_tree::{IdKind, Recheck, Scan, Snapshot, Tree, View};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let root = args.first().ok_or("usage: recheck DIR [THREADS [ROUNDS]]")?;
    let threads = args.get(1).map_or(Ok(2), |text| text.parse())?;
    let rounds = args.get(2).map_or(Ok(15), |text| text.parse::<usize>())?;
    let saved = env::temp_dir().join(format!("recheck-{}.snapshot", std::process::id()));
    let ids = Some(IdKind::XXH3);
    Scan::new().run(root.as_ref(), ids)?.tree.view(ids).save(&saved)?;
    // Paths relative to the root cost the bare loop least.
    env::set_current_dir(root)?;
    let tree = Snapshot::open(&saved)?.to_tree()?;
    let paths = paths(&tree);
    println!("{} entries, {} directories", tree.counts().entries(), tree.counts().dirs);

    let mut best = [Duration::MAX; 4];
    for _ in 0..rounds {
        let times = [
            time(|| verify(&saved))?,
            time(|| restore(&saved))?,
            time(|| stat_all(&paths, threads))?,
            time(|| recheck(&tree, threads))?,
        ];
        best = std::array::from_fn(|i| best[i].min(times[i]));
    }
    fs::remove_file(&saved)?;
    let names = ["verify", "verify and restore", "bare loop of stat", "recheck"];
    for (name, time) in names.iter().zip(best) {
        println!("{name:20} {:8.2} ms", time.as_secs_f64() * 1e3);
    }
    println!("recheck / bare loop  {:8.2}", best[3].as_secs_f64() / best[2].as_secs_f64());
    Ok(())
}

/// Every path of the tree, relative to the root, directory by directory.
fn paths(tree: &Tree) -> Vec<PathBuf> {
    let view = tree.view(None);
    let mut paths = Vec::new();
    let mut dirs = vec![(view.root(), PathBuf::new())];
    while let Some((dir, path)) = dirs.pop() {
        for entry in view.entries(dir) {
            let path = path.join(&*treenail_os::os_str_of(entry.name).expect("a name"));
            dirs.extend(entry.child.map(|child| (child, path.clone())));
            paths.push(path);
        }
    }
    paths
}

fn verify(saved: &Path) -> Result<(), treenail_tree::Error> {
    Snapshot::open(saved)?.verify()
}

fn restore(saved: &Path) -> Result<(), treenail_tree::Error> {
    black_box(Snapshot::open(saved)?.to_tree()?);
    Ok(())
}

fn stat_all(paths: &[PathBuf], threads: usize) -> Result<(), treenail_tree::Error> {
    let next = AtomicUsize::new(0);
    let work = || {
        loop {
            let start = next.fetch_add(1024, Ordering::Relaxed).min(paths.len());
            let end = (start + 1024).min(paths.len());
            if start == end {
                break;
            }
            for path in &paths[start..end] {
                _ = black_box(path.symlink_metadata());
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    Ok(())
}

fn recheck(tree: &Tree, threads: usize) -> Result<(), treenail_tree::Error> {
    let found = Recheck::new(tree).threads(threads).run(Path::new("."))?;
    assert!(found.differences.is_empty() && found.failures.is_empty(), "{found:?}");
    Ok(())
}

fn time(
    work: impl FnOnce() -> Result<(), treenail_tree::Error>,
) -> Result<Duration, treenail_tree::Error> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed())
}
