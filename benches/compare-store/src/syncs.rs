//! Counts the syncs of this process, whoever asks for them.

use std::sync::atomic::{AtomicU64, Ordering};

static COUNT: AtomicU64 = AtomicU64::new(0);

/// How many there were so far.
pub(crate) fn count() -> u64 {
    COUNT.load(Ordering::Relaxed)
}

/// Stands before the C library's, for all that is linked into this program.
#[cfg(target_os = "linux")]
mod interposed {
    use std::ffi::{c_int, c_long};
    use std::sync::atomic::Ordering;

    unsafe extern "C" {
        fn syscall(number: c_long, ...) -> c_long;
    }

    #[cfg(target_arch = "x86_64")]
    const NUMBERS: [c_long; 2] = [74, 75];
    #[cfg(not(target_arch = "x86_64"))]
    const NUMBERS: [c_long; 2] = [82, 83];

    fn sync(number: c_long, file: c_int) -> c_int {
        super::COUNT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: both calls take one descriptor and touch no memory of ours; a wrong one is an
        // error that they return.
        unsafe { syscall(number, file) as c_int }
    }

    // SAFETY: the name is the C library's, and so are the signature and what it does.
    #[unsafe(no_mangle)]
    extern "C" fn fsync(file: c_int) -> c_int {
        sync(NUMBERS[0], file)
    }

    // SAFETY: as above.
    #[unsafe(no_mangle)]
    extern "C" fn fdatasync(file: c_int) -> c_int {
        sync(NUMBERS[1], file)
    }
}
