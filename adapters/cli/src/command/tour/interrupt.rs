//! Ctrl-C during the tour: the copy goes, and then the process.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::output::{Failed, Problem};

/// How often to begin again when a command of the tour is still writing.
const ATTEMPTS_MAX: usize = 100;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(1);

static ENDING: AtomicBool = AtomicBool::new(false);

/// Has the directory removed when a signal ends the process.
pub(super) fn remove(place: &Path) -> Result<(), Failed> {
    let path = place.to_owned();
    let clean_up = move || {
        ENDING.store(true, Ordering::Release);
        for _ in 0..ATTEMPTS_MAX {
            if fs::remove_dir_all(&path).is_ok() || !path.exists() {
                return;
            }
            thread::sleep(BETWEEN_ATTEMPTS);
        }
    };
    Ok(treenail::os::before_termination(clean_up).map_err(|error| Problem::io(place, &error))?)
}

/// Waits for the end if it is near: that the files are gone is then no error to report.
pub(super) fn wait_if_ending() {
    while ENDING.load(Ordering::Acquire) {
        thread::park();
    }
}
