//! How long an index takes to be made, brought up to date and asked: a thousand mixed questions.
//!
//! `questions DIR`, or `questions NUMBER` for a made-up tree of so many files.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use treenail_glob::Case;
use treenail_glob::find::{Find, Types};
use treenail_glob::query::{Follow, Index, Query};
use treenail_os::{Kind, Stat};
use treenail_tree::{DirId, Edit, Ids, Outcome, Scan, Tree, View};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let asked = std::env::args().nth(1).ok_or("questions DIR|NUMBER")?;
    let (tree, root) = match asked.parse() {
        Ok(number) => (made_up(number), PathBuf::from("/")),
        Err(_) => (Scan::new().run(asked.as_ref(), None)?.tree, asked.into()),
    };
    let began = Instant::now();
    let mut index = Index::new(&tree, &root)?;
    let made = began.elapsed();
    let (entries, bytes) = (tree.counts().entries(), index.memory_bytes());
    println!(
        "{entries} entries, index made in {made:?}: {:.1} MB, {:.1} B an entry; tree {:.1} MB",
        bytes as f64 / 1e6,
        bytes as f64 / entries as f64,
        tree.memory_bytes() as f64 / 1e6,
    );
    let mut files = sample(&tree, 5);
    if files.is_empty() {
        files = sample(&tree, 0);
    }
    ask_mixed(&index, &files, &root)?;
    ask_each(&index, &root)?;
    change(&mut index, tree)?;
    Ok(())
}

/// A project's tree, told often: what a name is, and where, follows from its number.
fn made_up(files: u64) -> Tree {
    const SYLLABLES: [&str; 40] = [
        "in", "dex", "ma", "par", "ser", "le", "xer", "to", "ken", "stre", "am", "bu", "ffer",
        "rea", "der", "wri", "ter", "con", "fig", "op", "tion", "han", "dl", "ser", "ver", "cli",
        "ent", "sock", "et", "ca", "che", "sto", "re", "que", "ry", "fil", "mo", "del", "vi", "ew",
    ];
    const ENDS: [&str; 12] =
        ["js", "ts", "d.ts", "js.map", "json", "md", "c", "h", "rs", "py", "txt", "test.js"];
    let word = |seed: u64| {
        let mixed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let part = |shift: u32| SYLLABLES[(mixed >> shift) as usize % SYLLABLES.len()];
        [part(58), part(47), part(33)].concat()
    };
    let stat = |kind, inode| Stat {
        kind,
        mode: 0o644,
        size_bytes: inode * 37 % 50_000,
        mtime_ns: inode as i64 * 1_000_000,
        ctime_ns: 0,
        inode,
        device: 1,
        nlink: 1,
        uid: 0,
        gid: 0,
    };
    let mut tree = Tree::empty(stat(Kind::Directory, 1), 0);
    let mut dirs = vec![DirId::ROOT];
    let mut inode = 1;
    let dirs_wanted = files as usize / 16;
    while dirs.len() < dirs_wanted {
        let parents: Vec<DirId> =
            (0..512).map(|i| dirs[(dirs.len() / 2 + i * 7) % dirs.len()]).collect();
        let names: Vec<String> =
            (0..512).map(|i| format!("{}-{}", word(inode + i), (inode + i) % 9973)).collect();
        let edits = parents.iter().zip(&names).map(|(dir, name)| {
            inode += 1;
            Edit::Put {
                at: (*dir, name.as_bytes()),
                stat: stat(Kind::Directory, inode),
                ids: Ids::Unchanged,
            }
        });
        let outcomes = tree.apply(edits.collect::<Vec<_>>()).outcomes;
        dirs.extend(outcomes.into_iter().filter_map(|outcome| match outcome {
            Outcome::Added(dir) => dir,
            _ => None,
        }));
    }
    let mut left = files;
    for dir in dirs {
        let here = left.min(inode % 33);
        left -= here;
        let names: Vec<String> = (0..here)
            .map(|i| {
                let seed = inode + i;
                let (a, b) = (word(seed), word(seed.wrapping_mul(31) + 7));
                let end = ENDS[seed as usize % ENDS.len()];
                // Each directory has its index, as they do.
                if i == 0 { format!("index.{end}") } else { format!("{a}_{b}.{end}") }
            })
            .collect();
        tree.apply(names.iter().map(|name| {
            inode += 1;
            Edit::Put {
                at: (dir, name.as_bytes()),
                stat: stat(Kind::File, inode),
                ids: Ids::Unchanged,
            }
        }));
        inode += 11;
    }
    tree
}

/// Some paths of the tree, to make questions from, with names longer than so many bytes.
fn sample(tree: &Tree, len_min: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
    let view = tree.view(None);
    let (mut found, mut dirs) = (Vec::new(), vec![(DirId::ROOT, Vec::new())]);
    let step = (tree.counts().entries() / 1_000).max(1);
    let mut number = 0;
    while let Some((dir, path)) = dirs.pop() {
        for entry in view.entries(dir) {
            number += 1;
            if number % step == 0 && entry.stat.kind == Kind::File && entry.name.len() > len_min {
                found.push((path.clone(), entry.name.to_vec()));
            }
            if let Some(child) = entry.child {
                let mut path = path.clone();
                path.extend_from_slice(entry.name);
                path.push(b'/');
                dirs.push((child, path));
            }
        }
    }
    found
}

/// A question of the thousand, and what it took.
struct Asked {
    kind: usize,
    about: String,
    hits: usize,
    /// Made ready, which is done once for any number of answers.
    ready: Duration,
    /// Answered once, as the questions come one after another.
    once: Duration,
    /// The best of five more times: the rest is the machine's.
    best: Duration,
    /// The same with every path written.
    paths: Duration,
}

/// A thousand questions of ten kinds, each about another file of the tree.
fn ask_mixed(
    index: &Index,
    sample: &[(Vec<u8>, Vec<u8>)],
    root: &Path,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut all = Vec::new();
    let mut asked = Vec::new();
    for number in 0..1_000 {
        let (dir, name) = &sample[number * 7919 % sample.len()];
        let (dir, name) = (String::from_utf8_lossy(dir), String::from_utf8_lossy(name));
        let find = question(number % 10, &dir, &name);
        let began = Instant::now();
        let query = Query::new(&find, root)?;
        let ready = began.elapsed();
        let about = format!("{dir}{name}");
        let (hits, rest) = (0, Duration::ZERO);
        let (once, best, paths) = (rest, rest, rest);
        asked.push(Asked { kind: number % 10, about, hits, ready, once, best, paths });
        all.push(query);
    }
    for (query, asked) in all.iter().zip(&mut asked) {
        let began = Instant::now();
        asked.hits = index.ask(query).len();
        asked.once = began.elapsed();
    }
    let mut written = Vec::new();
    for (query, asked) in all.iter().zip(&mut asked) {
        asked.best = best_of(5, || index.ask(query).len());
        asked.paths = best_of(5, || {
            let mut bytes = 0;
            index.ask(query).for_each_path(|path| {
                written.clear();
                written.extend_from_slice(path);
                bytes += written.len();
            });
            bytes
        });
    }
    tell(&mut asked);
    Ok(())
}

/// A question about a file.
fn question(kind: usize, dir: &str, name: &str) -> Find {
    let top = dir.split('/').next().unwrap_or_default();
    let end = name.rsplit('.').next().unwrap_or_default();
    let escape = |text: &str| text.replace(['[', ']', '{', '}', '*', '?', '\\'], "?");
    let (dir, name, top) = (escape(dir), escape(name), escape(top));
    let middle: String = name.chars().skip(1).take(5).collect();
    let find = Find::new().hidden(true);
    match kind {
        0 => find.glob(&*name),
        1 => find.glob(format!("{dir}*")),
        2 => find.glob(format!("{dir}**/*.{end}")),
        3 => find.glob(format!("{dir}{name}")),
        4 => find.fixed(&name[..name.len().min(8)]).types(Types::FILE),
        5 => find.glob(format!("*{middle}*")).max_results(100),
        6 => find.regex(format!("^{}.*{end}$", regex_escape(&middle))),
        7 => find.glob(format!("**/{top}/**/{name}")),
        8 => find.fixed(name.to_uppercase()).case(Case::Insensitive),
        _ => find.glob(format!("{dir}*.{{{end},md}}")).depth(1, 12),
    }
}

fn best_of(rounds: usize, mut ask: impl FnMut() -> usize) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..rounds {
        let began = Instant::now();
        std::hint::black_box(ask());
        best = best.min(began.elapsed());
    }
    best
}

/// The shares of all and of each kind, and the slowest ones.
fn tell(asked: &mut [Asked]) {
    let shares = |what: &str, of: &dyn Fn(&Asked) -> Duration, some: &[&Asked]| {
        let mut times: Vec<Duration> = some.iter().map(|asked| of(asked)).collect();
        times.sort();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
        let (p50, p90, p99) = (at(0.5), at(0.9), at(0.99));
        let max = at(1.0);
        println!("{what:22} p50 {p50:>9.1?}  p90 {p90:>9.1?}  p99 {p99:>9.1?}  max {max:>9.1?}");
    };
    let all: Vec<&Asked> = asked.iter().collect();
    println!("1,000 mixed questions, {} hits:", all.iter().map(|asked| asked.hits).sum::<usize>());
    shares("made ready", &|asked| asked.ready, &all);
    shares("asked once", &|asked| asked.once, &all);
    shares("best of five", &|asked| asked.best, &all);
    shares("with paths written", &|asked| asked.paths, &all);
    for kind in 0..10 {
        let some: Vec<&Asked> = asked.iter().filter(|asked| asked.kind == kind).collect();
        shares(&format!("kind {kind}, asked once"), &|asked| asked.once, &some);
    }
    asked.sort_by_key(|asked| std::cmp::Reverse(asked.once));
    println!("the slowest:");
    for Asked { kind, about, hits, once, best, paths, .. } in asked.iter().take(10) {
        println!(
            "kind {kind}: {once:.1?}, best {best:.1?}, with {hits} paths {paths:.1?}: {about}"
        );
    }
}

fn regex_escape(text: &str) -> String {
    text.chars().map(|c| if c.is_alphanumeric() { c.to_string() } else { ".".into() }).collect()
}

/// The best of some rounds for single questions.
fn ask_each(index: &Index, root: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let all = || Find::new().hidden(true);
    for (what, find) in [
        ("*", all()),
        ("visible", Find::new()),
        ("*.js", all().glob("*.js")),
        ("**/*.js", Find::new().glob("**/*.js")),
        ("scan, no hit: *zqxjkv*", all().glob("*zqxjkv*")),
        ("scan: *parser*", all().glob("*parser*")),
        ("scan: p*r*s", all().glob("p*r*s")),
        ("text of two letters: qz", all().fixed("qz")),
        ("regex ^.{3}$", all().regex("^.{3}$")),
        ("regex in any case", all().regex("read.?me").case(Case::Insensitive)),
        ("size", all().size(40_000..=u64::MAX)),
        ("path of a text", all().fixed("lib/").on(treenail_glob::Subject::Path)),
    ] {
        let query = Query::new(&find, root)?;
        let mut best = Duration::MAX;
        let mut count = 0;
        for _ in 0..15 {
            let began = Instant::now();
            count = index.ask(&query).len();
            best = best.min(began.elapsed());
        }
        println!("{what:28} {count:8} found in {best:?}");
    }
    Ok(())
}

/// What it costs to bring the index up to date.
fn change(index: &mut Index, mut tree: Tree) -> Result<(), Box<dyn std::error::Error>> {
    let stat = tree.view(None).entries(DirId::ROOT).next().ok_or("empty")?.stat;
    let mut times = Vec::new();
    for number in 0..1_000 {
        let name = format!("new-{number}");
        let at = (DirId::ROOT, name.as_bytes());
        let stat = Stat { kind: Kind::File, ..stat };
        tree.apply([Edit::Put { at, stat, ids: Ids::Unchanged }]);
        let began = Instant::now();
        index.update(&tree)?;
        times.push(began.elapsed());
    }
    times.sort();
    println!("one change: p50 {:?}, p99 {:?}", times[500], times[990]);
    let query = Query::new(&Find::new().glob("new-77"), index.root())?;
    let began = Instant::now();
    assert_eq!(index.ask(&query).len(), 1);
    println!("asked with 1,000 changes: {:?}", began.elapsed());
    index.compact()?;
    let mut follow = Follow::new(Query::new(&Find::new().glob("*.js"), index.root())?, index);
    let mut times = Vec::new();
    for number in 0..1_000 {
        let name = format!("new-{number}.js");
        let at = (DirId::ROOT, name.as_bytes());
        let stat = Stat { kind: Kind::File, ..stat };
        tree.apply([Edit::Put { at, stat, ids: Ids::Unchanged }]);
        index.update(&tree)?;
        let began = Instant::now();
        assert_eq!(follow.update(index).added.len(), 1);
        times.push(began.elapsed());
    }
    times.sort();
    println!("news of one change for *.js: p50 {:?}, p99 {:?}", times[500], times[990]);
    Ok(())
}
