//! What happens when memory runs out: results so far, a clear error, an end.
//!
//! Rust's own answer is to abort. Here the thread that got no memory waits until no result is half
//! written, says what happened, and ends the process with the command's exit code for errors.

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::EXIT_ERROR;

/// A writer that does not come to its end is not waited for.
const WAIT_MAX: Duration = Duration::from_millis(500);

const MESSAGE: &[u8] =
    b"error: there is no more memory, so this is not all; allow the process more, or \
ask for less at once\n";

/// The exit code where memory runs out.
static EXIT_CODE: AtomicU8 = AtomicU8::new(EXIT_ERROR);
/// How many threads are writing results.
static WRITING: AtomicUsize = AtomicUsize::new(0);
static IS_OVER: AtomicBool = AtomicBool::new(false);

#[global_allocator]
static MEMORY: OrEnd = OrEnd;

/// The system's allocator; where it has no memory left the process ends.
struct OrEnd;

// SAFETY: every call goes to the system's allocator, which keeps the contract; a call that it
// answers with null does not return.
unsafe impl GlobalAlloc for OrEnd {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the same contract.
        or_end(unsafe { System.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the same contract.
        or_end(unsafe { System.alloc_zeroed(layout) })
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller keeps the same contract.
        or_end(unsafe { System.realloc(memory, layout, size) })
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the same contract.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// Says what the exit code is from now on, if memory runs out.
pub(crate) fn set_exit_code(code: u8) {
    EXIT_CODE.store(code, Ordering::Relaxed);
}

/// For as long as it lives the process does not end for want of memory.
pub(crate) struct Writing(());

/// See [`Writing`]. Does not come back once memory has run out.
pub(crate) fn writing() -> Writing {
    WRITING.fetch_add(1, Ordering::SeqCst);
    // Counted before it is asked: either who ends the process sees that, or this sees the end.
    if IS_OVER.load(Ordering::SeqCst) {
        WRITING.fetch_sub(1, Ordering::SeqCst);
        loop {
            std::thread::park();
        }
    }
    Writing(())
}

/// An output that is not left with a line half written.
pub(crate) struct Whole<W> {
    out: W,
    /// There while what was written last is no whole line.
    begun: Option<Writing>,
}

impl<W: Write> Whole<W> {
    /// Lines, or what ends with NUL, that go to `out`.
    pub(crate) fn new(out: W) -> Self {
        Self { out, begun: None }
    }
}

impl<W: Write> Write for Whole<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let begun = self.begun.take().unwrap_or_else(writing);
        let written = self.out.write(bytes)?;
        let is_whole = matches!(bytes[..written].last(), Some(b'\n' | 0));
        self.begun = (!is_whole).then_some(begun);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        WRITING.fetch_sub(1, Ordering::SeqCst);
    }
}

fn or_end(memory: *mut u8) -> *mut u8 {
    if memory.is_null() {
        end();
    }
    memory
}

#[cold]
fn end() -> ! {
    if IS_OVER.swap(true, Ordering::SeqCst) {
        // Another thread ends the process, or this one has come here again while it does.
        std::thread::sleep(2 * WAIT_MAX);
        std::process::abort();
    }
    let begun = Instant::now();
    while WRITING.load(Ordering::SeqCst) > 0 && begun.elapsed() < WAIT_MAX {
        std::thread::yield_now();
    }
    _ = io::stderr().write_all(MESSAGE);
    std::process::exit(i32::from(EXIT_CODE.load(Ordering::Relaxed)))
}
