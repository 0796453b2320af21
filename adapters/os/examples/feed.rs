//! Prints what changes below a directory: `feed [--rung file-system|inodes|inotify] [--arm] [DIR]`.
//!
//! Directories made later are not followed, which is the live tree's business. With `--arm` it only
//! measures how long watching takes, against a bare loop of `inotify_add_watch` over known paths.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use treenail_os::feed::{Event, Feed, Options, Rung, Token, Watched};
use treenail_os::{Directory, Handle, Kind, Next, Place, Visit, Walk};

struct Arm<'f> {
    feed: &'f Feed,
    tokens: AtomicU64,
    /// Path of each token, if they are to be kept.
    paths: Option<Mutex<HashMap<Token, Vec<u8>>>>,
    polled: Mutex<Vec<Arc<str>>>,
}

impl Visit for Arm<'_> {
    /// First name of the path below the root.
    type State = Arc<[u8]>;
    type Task = ();
    type Worker = ();

    fn worker(&self) {}

    fn opened(&self, _: &mut (), dir: &Arc<Handle>, top: &Arc<[u8]>) {
        let token = Token(self.tokens.fetch_add(1, Ordering::Relaxed));
        if let Some(paths) = &self.paths {
            paths.lock().unwrap().insert(token, dir.path());
        }
        if let Watched::Polled { reason } = self.feed.watch(dir, token, top) {
            self.polled.lock().unwrap().push(reason);
        }
    }

    fn directory(
        &self,
        _: &mut (),
        dir: &mut Directory<'_>,
        top: Arc<[u8]>,
        next: &mut Next<'_, Self>,
    ) {
        for index in 0..dir.len() {
            let entry = dir.entry(index);
            if entry.kind == Kind::Directory {
                let top = if dir.depth() == 0 { entry.name.into() } else { top.clone() };
                next.descend(dir, index, top);
            }
        }
    }

    fn task(&self, _: &mut (), (): (), _: &mut Next<'_, Self>) {}

    fn failed(&self, _: &mut (), place: Place<'_>, error: io::Error, _: Arc<[u8]>) {
        eprintln!("feed: {}: {error}", String::from_utf8_lossy(&place.full_path()));
    }
}

fn arm(feed: &Feed, root: &Path, keep_paths: bool) -> Result<Option<Paths>, treenail_os::Error> {
    let arm = Arm {
        feed,
        tokens: AtomicU64::new(0),
        paths: keep_paths.then(Mutex::default),
        polled: Mutex::default(),
    };
    Walk::new().run(root, &arm, Arc::from(&b""[..]))?;
    let polled = arm.polled.into_inner().unwrap();
    if let Some(first) = polled.first() {
        eprintln!("feed: {} directories have to be polled: {first}", polled.len());
    }
    Ok(arm.paths.map(|paths| paths.into_inner().unwrap()))
}

type Paths = HashMap<Token, Vec<u8>>;

fn follow(feed: &Feed, paths: &Paths) -> io::Result<()> {
    loop {
        feed.wait(None)?;
        feed.read(|event| {
            let text = |dir: Token, name: &[u8]| {
                let dir = paths.get(&dir).map_or(&b"?"[..], |path| path);
                format!("{}/{}", dir.escape_ascii(), name.escape_ascii())
            };
            match event {
                Event::Entry { dir, name, what } => println!("{} {what:?}", text(dir, name)),
                Event::Renamed { from, to, .. } => {
                    println!("{} -> {}", text(from.0, from.1), text(to.0, to.1));
                }
                Event::Directory { dir, what } => println!("{} itself {what:?}", text(dir, b"")),
                other => println!("{other:?}"),
            }
        })?;
    }
}

/// Five times each, the two by turns; the best of each is shown.
fn measure(root: &Path, options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    let milliseconds = |since: Instant| since.elapsed().as_secs_f64() * 1e3;
    let (mut opening, mut arming, mut bare) = (f64::MAX, f64::MAX, f64::MAX);
    let paths = directories(root)?;
    let mut watched = 0;
    for _ in 0..5 {
        let start = Instant::now();
        let feed = Feed::open(root, options)?;
        opening = opening.min(milliseconds(start));
        arm(&feed, root, false)?;
        arming = arming.min(milliseconds(start));
        watched = feed.statistics().watched;
        drop(feed);
        if let Some(took) = bare_loop(&paths)? {
            bare = bare.min(took);
        }
    }
    println!("{watched} directories: opened in {opening:.2} ms, all watched in {arming:.2} ms");
    println!("a bare loop of inotify_add_watch: {bare:.2} ms, ratio {:.2}", arming / bare);
    Ok(())
}

fn directories(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = vec![root.to_owned()];
    let mut at = 0;
    while at < found.len() {
        for entry in std::fs::read_dir(&found[at])? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                found.push(entry.path());
            }
        }
        at += 1;
    }
    Ok(found)
}

#[cfg(all(target_os = "linux", not(feature = "portable")))]
fn bare_loop(paths: &[PathBuf]) -> io::Result<Option<f64>> {
    use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};
    let start = Instant::now();
    let queue = init(CreateFlags::CLOEXEC)?;
    for path in paths {
        add_watch(&queue, path, WatchFlags::ALL_EVENTS)?;
    }
    Ok(Some(start.elapsed().as_secs_f64() * 1e3))
}

#[cfg(any(not(target_os = "linux"), feature = "portable"))]
fn bare_loop(_: &[PathBuf]) -> io::Result<Option<f64>> {
    Ok(None)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut options = Options::new();
    let mut only_arm = false;
    let mut root = OsString::from(".");
    let mut arguments = std::env::args_os().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--arm") => only_arm = true,
            Some("--rung") => {
                let rung = match arguments.next().as_ref().and_then(|rung| rung.to_str()) {
                    Some("file-system") => Rung::FileSystem,
                    Some("inodes") => Rung::Inodes,
                    Some("inotify") => Rung::Inotify,
                    _ => return Err("--rung needs file-system, inodes or inotify".into()),
                };
                options = options.rungs(&[rung]);
            }
            _ => root = argument,
        }
    }
    let root = Path::new(&root);
    if only_arm {
        return measure(root, &options);
    }
    let feed = Feed::open(root, &options)?;
    for mount in feed.coverage() {
        println!("{}: {} {:?}", mount.path.display(), mount.rung, mount.reasons);
    }
    let paths = arm(&feed, root, true)?.unwrap_or_default();
    Ok(follow(&feed, &paths)?)
}
