//! How long a save takes to its reader: in this process, and through a daemon that is another one.
//!
//! `cargo run --release -p treenail-share --example latency [DIR [SAVES]]`

#[cfg(unix)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    unix::main()
}

#[cfg(not(unix))]
fn main() {
    eprintln!("there is no daemon on this system");
}

#[cfg(unix)]
mod unix {
    use std::error::Error;
    use std::path::{Path, PathBuf};
    use std::process::Command;
    use std::sync::mpsc;
    use std::time::{Duration, Instant};
    use std::{env, fs, thread};

    use treenail_share::client::{self, Client};
    use treenail_share::server::{self, Options, Server};
    use treenail_share::{From, Keeper, Place};

    type Result<T> = std::result::Result<T, Box<dyn Error>>;

    pub(super) fn main() -> Result<()> {
        let mut args = env::args_os().skip(1);
        let dir = args.next().map_or_else(env::temp_dir, PathBuf::from);
        let saves = args.next();
        if dir.as_os_str() == "--be-the-daemon" {
            return daemon(&PathBuf::from(saves.ok_or("no place")?));
        }
        let saves = saves.and_then(|saves| saves.to_str()?.parse().ok()).unwrap_or(300);
        let (root, own) = (tempfile::tempdir_in(&dir)?, tempfile::tempdir()?);

        let keeper = Keeper::start(root.path(), &treenail_tree::live::Options::default())?;
        let (called, mut calls) = mpsc::channel();
        let note = move || called.send(Instant::now()).unwrap_or_default();
        let call = keeper.call(Box::new(move |_, _, _| note()))?;
        show("in this process, a callback", measure(root.path(), saves, &mut calls)?);
        keeper.end_call(call);
        let mut changes = keeper.subscribe(From::Now);
        let mut heard = hear(move || matches!(changes.next(None), Ok(Some(_))));
        show("in this process, another thread", measure(root.path(), saves, &mut heard)?);
        keeper.stop()?;

        let place = Place::at(own.path().join("run"));
        let mut command = Command::new(env::current_exe()?);
        client::start(&place, command.arg("--be-the-daemon").arg(place.dir()))?;
        let client = Client::connect_at(&place)?;
        for (ring, what) in [(true, "through a daemon's ring"), (false, "through its socket")] {
            let begun = Instant::now();
            let mut changes = client.watch_through(root.path(), From::Now, ring)?;
            println!("watching after {:.1} ms", begun.elapsed().as_secs_f64() * 1e3);
            let mut heard = hear(move || matches!(changes.next(None), Ok(Some(_))));
            show(what, measure(root.path(), saves, &mut heard)?);
        }
        Ok(client.stop()?)
    }

    fn daemon(dir: &Path) -> Result<()> {
        let server = Server::bind(Options {
            place: Place::at(dir),
            state: Some(dir.join("state")),
            config_file: None,
            ..Options::of_user()
        })?;
        server::say_ready()?;
        Ok(server.run()?)
    }

    /// The times at which `next` returned, in a thread of its own.
    fn hear(mut next: impl FnMut() -> bool + Send + 'static) -> mpsc::Receiver<Instant> {
        let (told, heard) = mpsc::channel();
        thread::spawn(move || while next() && told.send(Instant::now()).is_ok() {});
        heard
    }

    /// Saves files again and again and takes the time until it is heard of.
    fn measure(
        root: &Path,
        saves: usize,
        heard: &mut mpsc::Receiver<Instant>,
    ) -> Result<Vec<Duration>> {
        let mut times = Vec::new();
        for n in 0..saves {
            thread::sleep(Duration::from_millis(3));
            while heard.try_recv().is_ok() {}
            fs::write(root.join(format!("file{}", n % 10)), format!("text {n}"))?;
            // What is told before the file was closed is not what is waited for.
            let saved = Instant::now();
            let at = heard.recv_timeout(Duration::from_secs(10))?;
            times.push(at.saturating_duration_since(saved));
        }
        Ok(times)
    }

    fn show(what: &str, mut times: Vec<Duration>) {
        times.sort();
        let at =
            |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e6;
        let (median, p99, worst) = (at(0.5), at(0.99), at(1.0));
        println!("{what}: median {median:.0} us, p99 {p99:.0} us, worst {worst:.0} us");
    }
}
