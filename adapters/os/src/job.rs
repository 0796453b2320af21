//! Programs that end with the process that runs them.

use std::io;
#[cfg(unix)]
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Runs programs, one at a time, and ends the one that runs together with all that it has started.
///
/// On Unix each is the leader of a process group of its own. So what a terminal sends, such as
/// Ctrl-C, does not reach it: whoever runs it passes that on with [`end`](Self::end). Signals that
/// are blocked for [`before_termination`](crate::before_termination) are not blocked for it. On
/// other systems a program that runs is left to itself.
#[derive(Debug, Default)]
pub struct Job(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The number of the program that runs.
    leader: Option<u32>,
    ended: bool,
}

impl Job {
    /// Starts a program; nothing if it has been [ended](Self::end).
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(&self, command: &mut Command) -> io::Result<Option<Child>> {
        #[cfg(unix)]
        crate::signals::unblock_in(command.process_group(0));
        let mut state = self.lock();
        if state.ended {
            return Ok(None);
        }
        let child = command.spawn()?;
        state.leader = Some(child.id());
        Ok(Some(child))
    }

    /// Waits until the program ends by itself or is ended.
    ///
    /// # Errors
    /// If the system refuses to wait.
    pub fn wait(&self, child: &mut Child) -> io::Result<ExitStatus> {
        // As long as nobody has asked for its status, no other group gets its number.
        #[cfg(unix)]
        wait_until_over(child)?;
        self.lock().leader = None;
        child.wait()
    }

    /// Ends the program that runs, by SIGTERM to its whole group; from now on none is started.
    pub fn end(&self) {
        let mut state = self.lock();
        state.ended = true;
        if let Some(leader) = state.leader.take() {
            #[cfg(unix)]
            terminate_group(leader);
            #[cfg(not(unix))]
            let _: u32 = leader;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits until a child is over, and leaves its status to be asked for.
#[cfg(unix)]
fn wait_until_over(child: &Child) -> io::Result<()> {
    let mut info = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
    let over = libc::WEXITED | libc::WNOWAIT;
    loop {
        // SAFETY: the pointer is to writable memory of the type.
        if unsafe { libc::waitid(libc::P_PID, child.id(), info.as_mut_ptr(), over) } == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

#[cfg(unix)]
fn terminate_group(leader: u32) {
    if let Ok(leader) = libc::pid_t::try_from(leader) {
        // SAFETY: the call touches no memory. It fails only if the group is gone, as is wanted.
        unsafe { libc::killpg(leader, libc::SIGTERM) };
    }
}
