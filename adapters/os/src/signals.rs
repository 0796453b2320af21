//! The signals with which a person ends a process: SIGINT, SIGTERM and SIGHUP.

#[cfg(unix)]
pub(crate) use unix::Hold;
#[cfg(unix)]
pub use unix::before_termination;

#[cfg(unix)]
mod unix {
    use std::io;
    use std::mem::MaybeUninit;
    use std::thread;

    use libc::{c_int, sigset_t};

    const TERMINATING: [c_int; 3] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP];

    /// Has `clean_up` run, once, when a signal is about to end this process; the signal ends it
    /// afterwards. Call it before other threads are started: those that run already may still be
    /// the ones to get the signal, which then ends the process at once.
    ///
    /// Signals that the process ignores (`nohup`, a shell's background job) stay ignored.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn before_termination(clean_up: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let signals = set(TERMINATING.into_iter().filter(|signal| ends_the_process(*signal)));
        let before = mask(libc::SIG_BLOCK, &signals);
        let waiting = thread::Builder::new().name("signals".into()).spawn(move || {
            let mut signal = 0;
            // SAFETY: both pointers are to live values of the right type.
            if unsafe { libc::sigwait(&signals, &mut signal) } != 0 {
                return;
            }
            clean_up();
            mask(libc::SIG_UNBLOCK, &signals);
            // SAFETY: the signal's disposition is the default one, so no handler runs.
            unsafe { libc::raise(signal) };
        });
        if waiting.is_err() {
            mask(libc::SIG_SETMASK, &before);
        }
        waiting.map(drop)
    }

    /// While it lives, the signals do not end this thread; one that came is acted on at its end.
    pub(crate) struct Hold(sigset_t);

    impl Hold {
        pub(crate) fn new() -> Self {
            Self(mask(libc::SIG_BLOCK, &set(TERMINATING.into_iter())))
        }
    }

    impl Drop for Hold {
        fn drop(&mut self) {
            mask(libc::SIG_SETMASK, &self.0);
        }
    }

    fn set(signals: impl Iterator<Item = c_int>) -> sigset_t {
        let mut set = MaybeUninit::uninit();
        // SAFETY: the pointer is to writable memory of the type, which the call initialises.
        unsafe { libc::sigemptyset(set.as_mut_ptr()) };
        for signal in signals {
            // SAFETY: the set was initialised above, and the numbers are the platform's own.
            unsafe { libc::sigaddset(set.as_mut_ptr(), signal) };
        }
        // SAFETY: initialised by sigemptyset, which fails only for a bad pointer.
        unsafe { set.assume_init() }
    }

    /// Changes what this thread blocks and gives back what it blocked before.
    fn mask(how: c_int, signals: &sigset_t) -> sigset_t {
        let mut before = set(std::iter::empty());
        // SAFETY: both sets are live and initialised; the call fails only for an unknown `how`.
        unsafe { libc::pthread_sigmask(how, signals, &mut before) };
        before
    }

    fn ends_the_process(signal: c_int) -> bool {
        let mut action = MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: a null new action only asks; the old one goes to memory of its type, for which
        // zeros are valid too, should the call fail.
        let action = unsafe {
            libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr());
            action.assume_init()
        };
        action.sa_sigaction == libc::SIG_DFL
    }
}
