//! What is printed of a file is collected, and written in one go while nobody else writes.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use termcolor::{Ansi, ColorSpec, HyperlinkSpec, NoColor, WriteColor};

/// What is collected at most; who has more keeps the output until the file's end.
const SPOOL_BYTES_MAX: usize = 1 << 20;

/// What may wait for its turn, of all threads together.
const WAITING_BYTES_MAX: usize = 16 << 20;

/// The output, for all threads.
#[derive(Debug)]
pub(super) struct Shared<W> {
    state: Mutex<State<W>>,
    turned: Condvar,
}

/// The output, what stands between files, and whose turn it is where order counts.
#[derive(Debug)]
struct State<W> {
    out: W,
    separator: Option<Vec<u8>>,
    has_written: bool,
    turn: u64,
    waiting: BTreeMap<u64, Collected>,
    waiting_bytes: usize,
    /// A turn was not finished, so those behind it never come.
    is_over: bool,
}

/// What is printed of some files, and where each ends.
#[derive(Debug, Default)]
struct Collected {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl<W: Write> Shared<W> {
    pub(super) fn new(out: W, separator: Option<Vec<u8>>) -> Self {
        let state = State {
            out,
            separator,
            has_written: false,
            turn: 0,
            waiting: BTreeMap::new(),
            waiting_bytes: 0,
            is_over: false,
        };
        Self { state: Mutex::new(state), turned: Condvar::new() }
    }

    pub(super) fn into_out(self) -> W {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner).out
    }

    fn lock(&self) -> MutexGuard<'_, State<W>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a turn.
    fn wait<'s>(
        &'s self,
        mut state: MutexGuard<'s, State<W>>,
        turn: u64,
    ) -> io::Result<MutexGuard<'s, State<W>>> {
        while state.turn != turn {
            if state.is_over {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            state = self.turned.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(state)
    }
}

impl<W: Write> State<W> {
    /// Writes what separates two files, if there is something to separate.
    fn begin_file(&mut self) -> io::Result<()> {
        if mem::replace(&mut self.has_written, true)
            && let Some(separator) = &self.separator
        {
            self.out.write_all(separator)?;
            self.out.write_all(b"\n")?;
        }
        Ok(())
    }

    /// Writes files, the last of which may go on; whether it was begun already, and then is, is in
    /// `is_begun`.
    fn write(&mut self, collected: &mut Collected, is_begun: &mut bool) -> io::Result<()> {
        let mut start = 0;
        for end in collected.ends.drain(..) {
            self.begin_file()?;
            self.out.write_all(&collected.bytes[start..end])?;
            start = end;
        }
        if start < collected.bytes.len() {
            if !mem::replace(is_begun, true) {
                self.begin_file()?;
            }
            self.out.write_all(&collected.bytes[start..])?;
        }
        collected.bytes.clear();
        Ok(())
    }

    /// Ends a turn, and writes what had waited for it.
    fn next_turn(&mut self) -> io::Result<()> {
        self.turn += 1;
        while let Some(mut collected) = self.waiting.remove(&self.turn) {
            self.waiting_bytes -= collected.bytes.len();
            self.write(&mut collected, &mut false)?;
            self.turn += 1;
        }
        self.out.flush()
    }
}

/// What one thread prints.
#[derive(Debug)]
pub(super) struct Spool<'a, W: Write> {
    shared: &'a Shared<W>,
    /// The output, once what is printed of a file is more than is collected.
    held: Option<MutexGuard<'a, State<W>>>,
    collected: Collected,
    /// Whether a part of the file was written.
    is_begun: bool,
    /// The turn that was begun, where order counts.
    turn: Option<u64>,
    /// Lines are handed on as soon as they are whole.
    by_line: bool,
    /// Why the output could not be written.
    failed: Option<io::Error>,
}

impl<'a, W: Write> Spool<'a, W> {
    pub(super) fn new(shared: &'a Shared<W>, by_line: bool) -> Self {
        Self {
            shared,
            held: None,
            collected: Collected::default(),
            is_begun: false,
            turn: None,
            by_line,
            failed: None,
        }
    }

    /// Begins a turn, if order counts.
    pub(super) fn begin(&mut self, turn: u64) {
        self.turn = Some(turn);
    }

    /// Ends a turn, if order counts.
    pub(super) fn end(&mut self) -> io::Result<()> {
        let Some(turn) = self.turn else { return Ok(()) };
        let mut state = self.shared.lock();
        let length = self.collected.bytes.len();
        if state.turn != turn && state.waiting_bytes + length <= WAITING_BYTES_MAX {
            state.waiting_bytes += length;
            state.waiting.insert(turn, mem::take(&mut self.collected));
        } else {
            state = self.shared.wait(state, turn)?;
            state.write(&mut self.collected, &mut self.is_begun)?;
            state.next_turn()?;
            self.shared.turned.notify_all();
        }
        self.turn = None;
        Ok(())
    }

    /// Ends a file.
    pub(super) fn end_of_file(&mut self) -> io::Result<()> {
        if self.turn.is_some() && !self.is_begun {
            // It waits for its turn with others.
            if self.collected.bytes.len() > self.collected.ends.last().copied().unwrap_or(0) {
                self.collected.ends.push(self.collected.bytes.len());
            }
            return Ok(());
        }
        if !self.collected.bytes.is_empty() {
            self.hand_on()?;
        }
        self.is_begun = false;
        match self.held.take() {
            Some(mut held) => held.out.flush(),
            None => Ok(()),
        }
    }

    /// Forgets what was not written yet of a file, and says why the output could not be written if
    /// that was it.
    pub(super) fn discard(&mut self) -> Option<io::Error> {
        self.collected.bytes.truncate(self.collected.ends.last().copied().unwrap_or(0));
        self.is_begun = false;
        self.held = None;
        self.failed.take()
    }

    fn hand_on(&mut self) -> io::Result<()> {
        let written = self.try_hand_on();
        written.inspect_err(|error| self.failed = Some(error.kind().into()))
    }

    fn try_hand_on(&mut self) -> io::Result<()> {
        let held = match &mut self.held {
            Some(held) => held,
            none => {
                let mut state = self.shared.lock();
                if let Some(turn) = self.turn {
                    state = self.shared.wait(state, turn)?;
                }
                none.insert(state)
            }
        };
        held.write(&mut self.collected, &mut self.is_begun)
    }
}

impl<W: Write> Drop for Spool<'_, W> {
    fn drop(&mut self) {
        // Who waits behind a turn that was not finished would wait for ever.
        if self.turn.is_some() {
            self.held = None;
            self.shared.lock().is_over = true;
            self.shared.turned.notify_all();
        }
    }
}

impl<W: Write> Write for Spool<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.collected.bytes.extend_from_slice(bytes);
        if self.collected.bytes.len() >= SPOOL_BYTES_MAX {
            self.hand_on()?;
        } else if self.by_line && bytes.contains(&b'\n') {
            self.hand_on()?;
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.held {
            Some(held) => held.out.flush(),
            None => Ok(()),
        }
    }
}

/// Writes with colours or without.
#[derive(Debug)]
pub(super) enum Ink<W> {
    Ansi(Ansi<W>),
    Plain(NoColor<W>),
}

impl<W: Write> Ink<W> {
    pub(super) fn new(out: W, color: bool) -> Self {
        if color { Self::Ansi(Ansi::new(out)) } else { Self::Plain(NoColor::new(out)) }
    }

    pub(super) fn inner(&mut self) -> &mut W {
        match self {
            Self::Ansi(ink) => ink.get_mut(),
            Self::Plain(ink) => ink.get_mut(),
        }
    }
}

impl<W: Write> Write for Ink<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner().flush()
    }
}

impl<W: Write> WriteColor for Ink<W> {
    fn supports_color(&self) -> bool {
        matches!(self, Self::Ansi(_))
    }

    fn supports_hyperlinks(&self) -> bool {
        matches!(self, Self::Ansi(_))
    }

    fn set_color(&mut self, spec: &ColorSpec) -> io::Result<()> {
        match self {
            Self::Ansi(ink) => ink.set_color(spec),
            Self::Plain(_) => Ok(()),
        }
    }

    fn set_hyperlink(&mut self, link: &HyperlinkSpec<'_>) -> io::Result<()> {
        match self {
            Self::Ansi(ink) => ink.set_hyperlink(link),
            Self::Plain(_) => Ok(()),
        }
    }

    fn reset(&mut self) -> io::Result<()> {
        match self {
            Self::Ansi(ink) => ink.reset(),
            Self::Plain(_) => Ok(()),
        }
    }
}
