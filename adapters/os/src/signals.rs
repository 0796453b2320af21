//! The signals with which a person ends a process: SIGINT, SIGTERM and SIGHUP.

#[cfg(unix)]
pub use unix::{Flagged, before_termination, flag_termination};
#[cfg(unix)]
pub(crate) use unix::{Hold, unblock_in};

#[cfg(unix)]
mod unix {
    use std::io;
    use std::mem::MaybeUninit;
    use std::os::unix::process::CommandExt;
    use std::process::Command;
    use std::ptr;
    use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, Ordering};
    use std::sync::{Arc, OnceLock};
    use std::thread;

    use libc::{c_int, sigset_t};

    const TERMINATING: [c_int; 3] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP];

    /// What was blocked before [`before_termination`] blocked more.
    static BLOCKED_BEFORE: OnceLock<sigset_t> = OnceLock::new();

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
        BLOCKED_BEFORE.get_or_init(|| before);
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

    /// Has a program begin with what was blocked before [`before_termination`]; otherwise it would
    /// inherit what that has blocked, and no signal but SIGKILL would end it.
    pub(crate) fn unblock_in(command: &mut Command) {
        let Some(before) = BLOCKED_BEFORE.get() else { return };
        let unblock = move || {
            mask(libc::SIG_SETMASK, before);
            Ok(())
        };
        // SAFETY: between fork and exec it calls sigemptyset and pthread_sigmask alone, which may
        // be called there; it allocates nothing and takes no lock.
        unsafe { command.pre_exec(unblock) };
    }

    /// How long whoever asked for a flag may go on after the signal.
    const GRACE_US: libc::suseconds_t = 40_000;

    /// The signal that came; 0 as long as none has.
    static CAME: AtomicI32 = AtomicI32::new(0);
    /// What a signal sets: of an [`Arc`] that is never given back, or null.
    static FLAG: AtomicPtr<AtomicBool> = AtomicPtr::new(ptr::null_mut());

    /// Has a signal that is about to end this process set `flag` instead, once, and end the process
    /// 40 ms later. Who sees the flag brings what it does to an end and calls
    /// [`Flagged::end_if_signalled`]; a second signal ends the process at once. It takes no
    /// thread, and programs that this one runs get the signal as always.
    ///
    /// Signals that the process ignores (`nohup`, a shell's background job) stay ignored. Of
    /// several calls in a process the last counts.
    pub fn flag_termination(flag: Arc<AtomicBool>) -> Flagged {
        FLAG.store(Arc::into_raw(flag).cast_mut(), Ordering::SeqCst);
        for signal in TERMINATING {
            if ends_the_process(signal) {
                handle(signal, raise_flag);
            }
        }
        Flagged(())
    }

    /// Says that a flag was asked for; see [`flag_termination`].
    #[derive(Debug)]
    pub struct Flagged(());

    impl Flagged {
        /// Ends the process by the signal, if one has come.
        pub fn end_if_signalled(&self) {
            let signal = CAME.load(Ordering::SeqCst);
            if signal != 0 {
                end_by(signal);
            }
        }
    }

    /// Handles the first signal. All that it calls may be called in a handler.
    extern "C" fn raise_flag(signal: c_int) {
        if CAME.swap(signal, Ordering::SeqCst) != 0 {
            // Another one before the first had its effect.
            end_by(signal);
        }
        // SAFETY: the pointer is null or from an `Arc` that is never given back.
        if let Some(flag) = unsafe { FLAG.load(Ordering::SeqCst).as_ref() } {
            flag.store(true, Ordering::SeqCst);
        }
        handle(libc::SIGALRM, too_late);
        let never = libc::timeval { tv_sec: 0, tv_usec: 0 };
        let soon = libc::timeval { tv_sec: 0, tv_usec: GRACE_US };
        let once = libc::itimerval { it_interval: never, it_value: soon };
        // SAFETY: the new value is live, and the old one is not asked for.
        unsafe { libc::setitimer(libc::ITIMER_REAL, &once, ptr::null_mut()) };
    }

    /// Handles the end of the time that was given.
    extern "C" fn too_late(_: c_int) {
        end_by(CAME.load(Ordering::SeqCst));
    }

    /// Ends the process by a signal, as if nobody handled it. May be called in a handler.
    fn end_by(signal: c_int) {
        // SAFETY: the default disposition runs none of our code; that it holds for other threads
        // too is wanted, since the process ends.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
        mask(libc::SIG_UNBLOCK, &set(std::iter::once(signal)));
        // SAFETY: the signal's disposition is the default one, so no handler runs.
        unsafe { libc::raise(signal) };
    }

    /// Has `handler` called in the place of what the signal does.
    fn handle(signal: c_int, handler: extern "C" fn(c_int)) {
        let mut action = MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: zeros are a valid action: the default disposition, no flags, an empty mask. The
        // handler has the form that goes without SA_SIGINFO, calls only what a handler may, and is
        // there for as long as the process; calls that it interrupts are begun again.
        unsafe {
            let new = action.assume_init_mut();
            new.sa_sigaction = handler as *const () as libc::sighandler_t;
            new.sa_flags = libc::SA_RESTART;
            libc::sigaction(signal, action.as_ptr(), ptr::null_mut());
        }
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
            libc::sigaction(signal, ptr::null(), action.as_mut_ptr());
            action.assume_init()
        };
        action.sa_sigaction == libc::SIG_DFL
    }
}
