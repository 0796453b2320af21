//! `treenail watch --daemon`: another process watches.

use std::env;
use std::path::Path;

use treenail::share::client::Client;
use treenail::watch::{Options, Watcher};

use crate::output::{Failed, Problem};

/// Watches through the daemon, which is started if none runs; with its process.
pub(super) fn open(dir: &Path, options: &Options) -> Result<(Watcher, Option<u32>), Failed> {
    let program = env::current_exe().map_err(|error| {
        let message = format!("cannot tell which program this is: {error}");
        Problem { kind: "io", message, path: None, remedy: Some("leave --daemon out") }
    })?;
    let client = Client::connect_or_start(&program)?;
    let pid = client.welcome().pid;
    Ok((Watcher::connect(client, dir, options)?, Some(pid)))
}
