//! What a daemon does to outlive whoever started it.

use std::fs::OpenOptions;
use std::io::{self, Write};

use crate::client::READY_LINE;

/// Leaves the session of whoever started this process, so that the end of a terminal does not end
/// it. To be called by a process that was started for this, not by a shell itself.
///
/// # Errors
/// If the process leads a group already.
pub fn leave_session() -> io::Result<()> {
    rustix::process::setsid()?;
    // No file system is kept from being unmounted.
    std::env::set_current_dir("/")
}

/// Tells whoever started this process, and waits for [`READY_LINE`], that the daemon listens. The
/// process says nothing more on standard output.
///
/// # Errors
/// If that is closed already, or there is no `/dev/null`.
pub fn say_ready() -> io::Result<()> {
    let mut stdout = io::stdout();
    writeln!(stdout, "{READY_LINE}")?;
    stdout.flush()?;
    let nothing = OpenOptions::new().write(true).open("/dev/null")?;
    Ok(rustix::stdio::dup2_stdout(nothing)?)
}
