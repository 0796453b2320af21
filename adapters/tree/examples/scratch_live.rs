use std::time::{Duration, Instant};
use treenail_os::feed::Rung;
use treenail_tree::live::{LiveTree, Options};
fn rss() -> String {
    std::fs::read_to_string("/proc/self/status")
        .unwrap()
        .lines()
        .filter(|l| l.starts_with("VmRSS") || l.starts_with("VmHWM"))
        .collect::<Vec<_>>()
        .join(" ")
}
fn main() {
    let mut args = std::env::args().skip(1);
    let root = args.next().unwrap();
    let rung = match args.next().as_deref() {
        Some("inotify") => vec![Rung::Inotify],
        Some("inodes") => vec![Rung::Inodes],
        _ => Rung::ALL.to_vec(),
    };
    let state = args.next().map(Into::into);
    let options = Options {
        feed: treenail_os::feed::Options::new().rungs(&rung),
        state,
        ..Options::default()
    };
    for _ in 0..3 {
        let t = Instant::now();
        let live = LiveTree::open(root.as_ref(), &options).unwrap();
        println!("{:?} total {:?} {}", live.ready(), t.elapsed(), rss());
        live.close().unwrap();
    }
    let mut live = LiveTree::open(root.as_ref(), &options).unwrap();
    let file = std::path::Path::new(&root).join("zz_scratch");
    let (tx, rx) = std::sync::mpsc::channel();
    let f2 = file.clone();
    let th = std::thread::spawn(move || {
        for i in 0..200u32 {
            std::thread::sleep(Duration::from_millis(5));
            std::fs::write(&f2, vec![b'a' + (i % 26) as u8; 100]).unwrap();
            tx.send(Instant::now()).unwrap();
        }
    });
    let mut lat = Vec::new();
    while lat.len() < 199 {
        let b = live.poll(Some(Duration::from_secs(1))).unwrap();
        let now = Instant::now();
        if let Some(b) = b {
            if b.changes.iter().any(|c| !c.quiet && &*c.path == b"zz_scratch") {
                if let Ok(t) = rx.recv_timeout(Duration::from_millis(2)) {
                    lat.push(now.saturating_duration_since(t));
                }
            }
        } else {
            break;
        }
    }
    th.join().unwrap();
    lat.sort();
    println!("n {} median {:?} p99 {:?}", lat.len(), lat[lat.len() / 2], lat[lat.len() * 99 / 100]);
    std::fs::remove_file(&file).unwrap();
    let w = || {
        std::fs::read_to_string("/proc/self/status")
            .unwrap()
            .lines()
            .find(|l| l.starts_with("voluntary"))
            .unwrap()
            .to_owned()
    };
    let b = w();
    live.poll(Some(Duration::from_secs(3))).unwrap();
    live.poll(Some(Duration::from_secs(3))).unwrap();
    println!("{b} -> {} {:?} {}", w(), live.statistics(), rss());
}
