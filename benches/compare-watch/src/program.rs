//! Programs that a driver starts, and that never outlive it.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rustix::process::{Signal, set_parent_process_death_signal};

/// Lets the program be killed when the thread that starts it ends, however that comes about.
pub(crate) fn bound_to_us(command: &mut Command) -> &mut Command {
    let bind = || set_parent_process_death_signal(Some(Signal::KILL)).map_err(io::Error::from);
    // SAFETY: what runs between fork and exec is one system call, which allocates nothing and
    // takes no lock.
    unsafe { command.pre_exec(bind) }
}

/// Waits for a program to end by itself, and kills it when that takes too long.
pub(crate) fn end(child: &mut Child, patience: Duration) {
    let start = Instant::now();
    while start.elapsed() < patience {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    // It may have ended just now.
    drop(child.kill());
    drop(child.wait());
}
