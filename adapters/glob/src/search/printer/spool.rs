//! What is printed of a file is collected, and written in one go while nobody else writes.

use std::io::{self, Write};
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use termcolor::{Ansi, ColorSpec, HyperlinkSpec, NoColor, WriteColor};

/// What is collected at most; who has more keeps the output until the file's end.
const SPOOL_BYTES_MAX: usize = 1 << 20;

/// The output, and what stands between files.
#[derive(Debug)]
pub(super) struct State<W> {
    pub(super) out: W,
    separator: Option<Vec<u8>>,
    has_written: bool,
}

impl<W: Write> State<W> {
    pub(super) fn new(out: W, separator: Option<Vec<u8>>) -> Self {
        Self { out, separator, has_written: false }
    }

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
}

/// What one thread prints of a file.
#[derive(Debug)]
pub(super) struct Spool<'a, W> {
    state: &'a Mutex<State<W>>,
    /// The output, once what is printed is more than is collected.
    held: Option<MutexGuard<'a, State<W>>>,
    collected: Vec<u8>,
    /// Lines are handed on as soon as they are whole.
    by_line: bool,
    /// Why the output could not be written.
    failed: Option<io::Error>,
}

impl<'a, W: Write> Spool<'a, W> {
    pub(super) fn new(state: &'a Mutex<State<W>>, by_line: bool) -> Self {
        Self { state, held: None, collected: Vec::new(), by_line, failed: None }
    }

    fn hand_on(&mut self) -> io::Result<()> {
        let written = match &mut self.held {
            Some(held) => held.out.write_all(&self.collected),
            none => {
                let held = none.insert(self.state.lock().unwrap_or_else(PoisonError::into_inner));
                held.begin_file().and_then(|()| held.out.write_all(&self.collected))
            }
        };
        self.collected.clear();
        written.inspect_err(|error| self.failed = Some(error.kind().into()))
    }

    /// Writes what is left of a file, and lets others write.
    pub(super) fn end_of_file(&mut self) -> io::Result<()> {
        if !self.collected.is_empty() {
            self.hand_on()?;
        }
        match self.held.take() {
            Some(mut held) => held.out.flush(),
            None => Ok(()),
        }
    }

    /// Forgets what was not written yet of a file, and says why the output could not be written if
    /// that was it.
    pub(super) fn discard(&mut self) -> Option<io::Error> {
        self.collected.clear();
        self.held = None;
        self.failed.take()
    }
}

impl<W: Write> Write for Spool<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.collected.extend_from_slice(bytes);
        if self.collected.len() >= SPOOL_BYTES_MAX {
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
