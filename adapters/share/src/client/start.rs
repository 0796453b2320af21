//! Starting a daemon that outlives whoever starts it.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::place::{NOFOLLOW, Place};
use crate::problem::Problem;

/// What a daemon prints when it listens, for who starts it to know.
pub const READY_LINE: &str = "treenail daemon: ready";

/// Starts `command` as the daemon of a place and waits until it prints [`READY_LINE`]. It gets no
/// input, and writes what it has to say to the place's log.
///
/// # Errors
/// If it cannot be started, or ends before; the problem tells what it had to say.
pub fn start(place: &Place, command: &mut Command) -> Result<(), Problem> {
    place.make()?;
    let path = place.log();
    let mut options = OpenOptions::new();
    options.create(true).write(true).truncate(true).mode(0o600).custom_flags(NOFOLLOW);
    let log = options.open(&path);
    let log = log.map_err(|error| Problem::io("cannot open the log", &error).at(&path))?;
    let spawned =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::from(log)).spawn();
    let program = Path::new(command.get_program());
    let cannot = |error| Problem::io("cannot start a daemon", &error).at(program);
    let mut child = spawned.map_err(cannot)?;
    let mut line = String::new();
    if let Some(stdout) = child.stdout.take() {
        BufReader::new(stdout).read_line(&mut line).map_err(cannot)?;
    }
    if line.trim_end() == READY_LINE {
        return Ok(());
    }
    let status = child.wait().map_err(cannot)?;
    let told = std::fs::read_to_string(&path).unwrap_or_default();
    let message = format!("the daemon did not start ({status}): {}", told.trim());
    Err(Problem::new(Problem::IO, message).at(program).remedy("try `treenail daemon --foreground`"))
}

/// Runs the program's own command that starts a daemon.
pub(super) fn through(program: &Path) -> Result<(), Problem> {
    let run = Command::new(program).arg(OsStr::new("daemon")).stdin(Stdio::null()).output();
    let run = run.map_err(|error| {
        let problem = Problem::io("cannot start a daemon", &error).at(program);
        problem.remedy("install `treenail`, or start it yourself: `treenail daemon`")
    })?;
    if run.status.success() {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&run.stderr);
    let message = format!("the daemon did not start ({}): {}", run.status, told.trim());
    Err(Problem::new(Problem::IO, message).at(program).remedy("try `treenail daemon --foreground`"))
}
