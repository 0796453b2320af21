//! The drivers' side: one contender in a process of its own, started by the program that measures.

mod command;
mod daemon;
mod inotify;
mod inotifywait;
mod notify;
mod treenail;
mod watchman;

use std::fs;
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::protocol::{Answer, Change, Message, Nanos, Ready};

/// What a driver works on.
pub(crate) struct Place {
    /// The directory to watch.
    pub(crate) root: PathBuf,
    /// A file that names all directories below the root, one a line, the root as an empty one.
    pub(crate) directories: PathBuf,
    /// A directory for sockets and states, the contender's own.
    pub(crate) private: PathBuf,
    /// The program `treenail`.
    pub(crate) treenail: PathBuf,
}

impl Place {
    /// Where ours is to keep what it knows, so that it is found again.
    pub(crate) fn state(&self) -> PathBuf {
        self.private.join("state")
    }

    /// A place where nothing is known.
    pub(crate) fn fresh_state(&self) -> Result<PathBuf, String> {
        let dir = self.private.join("fresh-state");
        match fs::remove_dir_all(&dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(format!("{}: {error}", dir.display()))
            }
            _ => Ok(dir),
        }
    }
}

/// A contender that watches until it is told to stop.
pub(crate) struct Watching {
    pub(crate) ready: Ready,
    pub(crate) stop: Box<dyn FnOnce()>,
}

/// What a kind of contender can do.
struct Driver {
    name: &'static str,
    watch: fn(&Place, &Consumer) -> Result<Watching, String>,
    /// Where it knows what changed while it did not run.
    state: Option<State>,
}

/// Asking for changes since a state.
struct State {
    /// Keeps a state, and says what names it.
    keep: fn(&Place) -> Result<Kept, String>,
    /// What changed since a state that was kept.
    since: fn(&Place, &str) -> Result<Answer, String>,
}

/// A state that was kept.
pub(crate) struct Kept {
    /// What names it: a clock, or a file.
    pub(crate) state: String,
    /// The contender's version.
    pub(crate) version: String,
}

const DRIVERS: &[Driver] = &[
    Driver {
        name: "treenail",
        watch: treenail::watch,
        state: Some(State { keep: treenail::keep, since: treenail::since }),
    },
    Driver { name: "treenail-inotify", watch: treenail::watch_on_inotify, state: None },
    Driver {
        name: "treenail-watch",
        watch: command::watch,
        state: Some(State { keep: command::keep, since: command::since }),
    },
    Driver { name: "treenail-daemon", watch: daemon::watch, state: None },
    Driver {
        name: "watchman",
        watch: watchman::watch,
        state: Some(State { keep: watchman::keep, since: watchman::since }),
    },
    Driver { name: "notify-8", watch: notify::watch_8, state: None },
    Driver { name: "notify-9", watch: notify::watch_9, state: None },
    Driver { name: "inotifywait", watch: inotifywait::watch, state: None },
    Driver { name: "inotify", watch: inotify::watch, state: None },
];

/// Obeys `NAME watch|keep|since ROOT DIRECTORIES PRIVATE TREENAIL [STATE]`.
pub(crate) fn main(args: &[String]) -> Result<(), String> {
    let [name, order, root, directories, private, treenail, state @ ..] = args else {
        return Err("not the arguments of a driver".to_owned());
    };
    let driver = DRIVERS.iter().find(|driver| driver.name == name).ok_or("no such driver")?;
    let [root, directories, private, treenail] =
        [root, directories, private, treenail].map(PathBuf::from);
    let place = Place { root, directories, private, treenail };
    let (sender, receiver) = mpsc::channel();
    let printer = thread::spawn(move || print(&receiver));
    let consumer = Consumer { messages: sender, gate: Arc::default() };
    match order.as_str() {
        "watch" => {
            let watching = (driver.watch)(&place, &consumer)?;
            consumer.say(Message::Ready(watching.ready));
            listen(&consumer)?;
            (watching.stop)();
            // Threads of the contender may hold the channel's end; nobody listens any longer.
            return Ok(());
        }
        "keep" => {
            let asked = driver.state.as_ref().ok_or("it keeps no state")?;
            let Kept { state, version } = (asked.keep)(&place)?;
            consumer.say(Message::Kept { state, version });
        }
        "since" => {
            let state = state.first().ok_or("since what?")?;
            let asked = driver.state.as_ref().ok_or("it keeps no state")?;
            consumer.say(Message::Answer((asked.since)(&place, state)?));
        }
        _ => return Err(format!("no such order: {order}")),
    }
    drop(consumer);
    printer.join().map_err(|_| "the printer panicked".to_owned())
}

/// Whom a contender tells what it saw.
#[derive(Clone)]
pub(crate) struct Consumer {
    messages: Sender<Message>,
    gate: Arc<Gate>,
}

/// Keeps callbacks from returning until a file is there.
#[derive(Default)]
struct Gate {
    is_closed: AtomicBool,
    flag: Mutex<PathBuf>,
}

impl Consumer {
    /// To be called first in a callback, with the time at its begin: does not return while the
    /// consumer is to be blocked.
    pub(crate) fn changes(&self, at: Nanos, changes: Vec<Change>) {
        self.gate.pass();
        if !changes.is_empty() {
            self.say(Message::Changes { at, changes });
        }
    }

    /// Tells of a loss or a failure.
    pub(crate) fn error(&self, text: impl ToString) {
        self.say(Message::Error(text.to_string()));
    }

    fn say(&self, message: Message) {
        // The printer only ends when nobody reads; then nobody needs to hear this either.
        drop(self.messages.send(message));
    }
}

impl Gate {
    fn close(&self, flag: &str) {
        *self.flag.lock().expect("no panic") = flag.into();
        self.is_closed.store(true, Ordering::Release);
    }

    fn pass(&self) {
        while self.is_closed.load(Ordering::Acquire) {
            if self.flag.lock().expect("no panic").exists() {
                self.is_closed.store(false, Ordering::Release);
            } else {
                thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

/// The path below the root as text; nothing for what lies elsewhere.
pub(crate) fn below(root: &Path, path: &Path) -> Option<String> {
    Some(path.strip_prefix(root).ok()?.to_string_lossy().into_owned())
}

fn print(messages: &Receiver<Message>) {
    for message in messages {
        let line = message.to_line() + "\n";
        if io::stdout().write_all(line.as_bytes()).is_err() {
            return;
        }
    }
}

/// Obeys until the end of the input.
fn listen(consumer: &Consumer) -> Result<(), String> {
    for line in io::stdin().lock().lines() {
        let line = line.map_err(|error| error.to_string())?;
        let flag = line.strip_prefix("block ").ok_or_else(|| format!("not a command: {line}"))?;
        consumer.gate.close(flag);
        consumer.say(Message::Blocked);
    }
    Ok(())
}
