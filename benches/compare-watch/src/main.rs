//! `cargo xtask compare watch`: how soon watchers are ready and tell of changes, what they lose and
//! what they cost, ours beside Watchman, notify, inotify-tools, @parcel/watcher and chokidar.
//!
//! Every contender runs in a process of its own with a driver of ours around it, which stamps what
//! it is told at the begin of the callback. Where several are started at once, all but the one
//! that is measured are halted.

mod contender;
mod jobs;
mod process;
mod program;
mod protocol;
mod quiet;
mod restat;
mod serve;
mod stats;
mod tree;

use std::process::ExitCode;

use contender::{Contender, Driver, Site};
use jobs::Bench;
use tree::Random;

/// Ours as a library, on the rung that it chooses, and held to inotify.
pub(crate) const OURS: &str = "treenail, in process";
pub(crate) const OURS_ON_INOTIFY: &str = "treenail, in process, inotify";
/// The command `treenail watch`, read through a pipe.
pub(crate) const COMMAND: &str = "treenail watch --json";
/// The daemon `treenail daemon`, and a client of the library.
pub(crate) const DAEMON: &str = "treenail daemon, a client";
pub(crate) const BARE: &str = "inotify_add_watch, bare loop";
pub(crate) const PARCEL: &str = "@parcel/watcher";
pub(crate) const CHOKIDAR: &str = "chokidar";

const fn contender(name: &'static str, driver: Driver) -> Contender {
    Contender { name, driver, follows: true, keeps: false, is_slow: false }
}

/// Ours first.
const CONTENDERS: &[Contender] = &[
    Contender { keeps: true, ..contender(OURS, Driver::Own("treenail")) },
    contender(OURS_ON_INOTIFY, Driver::Own("treenail-inotify")),
    Contender { keeps: true, ..contender(COMMAND, Driver::Own("treenail-watch")) },
    contender(DAEMON, Driver::Own("treenail-daemon")),
    Contender { follows: false, ..contender(BARE, Driver::Own("inotify")) },
    contender("notify 8", Driver::Own("notify-8")),
    contender("notify 9", Driver::Own("notify-9")),
    contender("inotifywait -m -r", Driver::Own("inotifywait")),
    Contender { keeps: true, ..contender("Watchman", Driver::Own("watchman")) },
    Contender {
        keeps: true,
        ..contender(PARCEL, Driver::Node("parcel.mjs", include_str!("../js/parcel.mjs")))
    },
    Contender {
        is_slow: true,
        ..contender(CHOKIDAR, Driver::Node("chokidar.mjs", include_str!("../js/chokidar.mjs")))
    },
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|first| first == "serve") {
        return match serve::main(&args[1..]) {
            Ok(()) => ExitCode::SUCCESS,
            Err(message) => {
                eprintln!("error: {message}");
                ExitCode::FAILURE
            }
        };
    }
    let may_mount = quiet::own_mounts();
    treenail_compare::run(|settings| {
        let scratch = tempfile::tempdir().map_err(|error| error.to_string())?;
        let site = Site {
            scratch: scratch.path().to_owned(),
            treenail: settings.release.join("treenail"),
        };
        let mut bench = Bench {
            settings,
            site,
            contenders: CONTENDERS,
            may_mount,
            random: Random::new(0x7265_6e61_696c),
        };
        bench.run()
    })
}
