//! How soon every directory is watched and the tree complete, beside a bare loop of
//! `inotify_add_watch` over known paths.
//!
//! ```console
//! $ cargo run --release --example arm -- DIR [inotify|inodes|file-system [ROUNDS]]
//! ```
//!
//! Each figure is the least of all rounds, in which the two take turns. On a busy machine, what the
//! processors had to do until all was watched tells more than the clock; two threads share it.

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("arm: there is nothing to compare with on this system");
}

#[cfg(target_os = "linux")]
mod linux {
    use std::env;
    use std::error::Error;
    use std::path::{Path, PathBuf};
    use std::sync::{Arc, Mutex};
    use std::time::{Duration, Instant};

    use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};
    use rustix::time::{ClockId, clock_gettime};
    use treenail_os::Handle;
    use treenail_os::feed::{self, Feed, Rung, Token, Watched};
    use treenail_tree::live::{LiveTree, Options};
    use treenail_tree::{Arm, DirId, Scan, Tree, View};

    pub(super) fn main() -> Result<(), Box<dyn Error>> {
        let args: Vec<String> = env::args().skip(1).collect();
        let usage = "usage: arm DIR [inotify|inodes|file-system [ROUNDS]]";
        let root = std::fs::canonicalize(args.first().ok_or(usage)?)?;
        let rung = match args.get(1).map(String::as_str) {
            None | Some("inotify") => Rung::Inotify,
            Some("inodes") => Rung::Inodes,
            Some("file-system") => Rung::FileSystem,
            Some(_) => return Err(usage.into()),
        };
        let rounds = args.get(2).map_or(Ok(15), |text| text.parse::<usize>())?;
        let feed = feed::Options::new().rungs(&[rung]);
        let options = Options { feed, threads: 2, ..Options::default() };

        let tree = Scan::new().run(&root, None)?.tree;
        let paths = directories(&tree, &root);
        drop(tree);
        let mut bare = Cost::MOST;
        let (mut armed, mut whole) = (Cost::MOST, Cost::MOST);
        let (mut live_armed, mut live_whole) = (Duration::MAX, Duration::MAX);
        for _ in 0..rounds {
            bare = bare.min(bare_loop(&paths)?);
            let scanned = scan(&root, &options)?;
            armed = armed.min(scanned.0);
            whole = whole.min(scanned.1);
            let live = LiveTree::open(&root, &options)?;
            live_armed = live_armed.min(live.ready().armed);
            live_whole = live_whole.min(live.ready().elapsed);
        }
        println!("{} directories, {rung}", paths.len());
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let print = |what: &str, cost: Cost| {
            println!("{what:22} {:7.2} ms, processors {:7.2} ms", ms(cost.wall), ms(cost.cpu));
        };
        print("bare loop", bare);
        print("scan: all watched", armed);
        print("scan: complete", whole);
        println!(
            "live tree: all watched {:7.2} ms, complete {:7.2} ms",
            ms(live_armed),
            ms(live_whole)
        );
        println!(
            "all watched / bare loop: {:.2}, by half of the processors' time {:.2}",
            live_armed.as_secs_f64() / bare.wall.as_secs_f64(),
            armed.cpu.as_secs_f64() / 2.0 / bare.cpu.as_secs_f64(),
        );
        Ok(())
    }

    #[derive(Clone, Copy)]
    struct Cost {
        wall: Duration,
        cpu: Duration,
    }

    impl Cost {
        const MOST: Self = Self { wall: Duration::MAX, cpu: Duration::MAX };

        fn min(self, other: Self) -> Self {
            Self { wall: self.wall.min(other.wall), cpu: self.cpu.min(other.cpu) }
        }
    }

    /// A moment, by the clock and by what the processors have done.
    struct Start(Instant, Duration);

    impl Start {
        fn now() -> Self {
            Self(Instant::now(), cpu())
        }

        fn cost(&self) -> Cost {
            Cost { wall: self.0.elapsed(), cpu: cpu() - self.1 }
        }
    }

    fn cpu() -> Duration {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
    }

    fn bare_loop(paths: &[PathBuf]) -> Result<Cost, Box<dyn Error>> {
        let start = Start::now();
        let queue = init(CreateFlags::CLOEXEC)?;
        for path in paths {
            add_watch(&queue, path, WatchFlags::ALL_EVENTS)?;
        }
        Ok(start.cost())
    }

    /// As the live tree does it, so that the cost up to the moment is known.
    struct Hook {
        feed: Feed,
        start: Start,
        armed: Mutex<Option<Cost>>,
    }

    impl Arm for Hook {
        fn open(&self, dir: &Arc<Handle>, id: DirId) {
            feed::roam();
            let top = dir.path();
            let top = top.split(|byte| *byte == b'/').next().unwrap_or_default();
            self.feed.watch(dir, Token(u64::from(id.index)), top);
        }

        fn is_urgent(&self) -> bool {
            self.feed.rung() != Rung::FileSystem
        }

        fn child(&self, dir: &Handle, name: &[u8], id: DirId) -> bool {
            feed::roam();
            let above = dir.path();
            let top = above.split(|byte| *byte == b'/').next().filter(|top| !top.is_empty());
            let token = Token(u64::from(id.index));
            let watched = self.feed.watch_child(dir, name, token, top.unwrap_or(name));
            matches!(watched, Watched::By(_))
        }

        fn armed(&self) {
            *self.armed.lock().unwrap() = Some(self.start.cost());
        }
    }

    fn scan(root: &Path, options: &Options) -> Result<(Cost, Cost), Box<dyn Error>> {
        let start = Start::now();
        let feed = Feed::open(root, &options.feed)?;
        let hook = Hook { feed, start, armed: Mutex::default() };
        let scan = Scan::new().threads(options.threads).arm(&hook);
        // The threads that watch roam, and this one is not to.
        let scanned = std::thread::scope(|scope| scope.spawn(|| scan.run(root, None)).join());
        let tree = scanned.expect("no panic")?.tree;
        let whole = hook.start.cost();
        drop(tree);
        let armed = hook.armed.lock().unwrap().ok_or("it was never armed")?;
        Ok((armed, whole))
    }

    fn directories(tree: &Tree, root: &Path) -> Vec<PathBuf> {
        let view = tree.view(None);
        let mut found = vec![root.to_owned()];
        let mut dirs = vec![(view.root(), root.to_owned())];
        while let Some((dir, path)) = dirs.pop() {
            for entry in view.entries(dir) {
                let Some(child) = entry.child else { continue };
                let path = path.join(&*treenail_os::os_str_of(entry.name).expect("a name"));
                found.push(path.clone());
                dirs.push((child, path));
            }
        }
        found
    }
}
