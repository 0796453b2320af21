//! Files that a program makes text of.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use treenail_os::bytes_of;
use treenail_pattern::gitignore::{Case, Rules, Stack, Verdict};

/// How much of what a program says of its failure is kept.
const COMPLAINT_BYTES_MAX: u64 = 4 << 10;

/// A program whose output is searched in the place of files. It is given a file's path as its only
/// argument, and the file as its standard input.
#[derive(Clone, Debug)]
pub struct Preprocessor {
    program: PathBuf,
    base: PathBuf,
    rules: Stack,
    has_wanted: bool,
}

impl Preprocessor {
    /// A program for all files. Globs with a slash will be relative to the directory `base`.
    pub fn new(program: impl Into<PathBuf>, base: impl Into<PathBuf>) -> Self {
        let (program, base) = (program.into(), base.into());
        Self { program, base, rules: Stack::new(), has_wanted: false }
    }

    /// Adds a glob: the program is for files that it matches, or with a `!` before it not for
    /// those. Of several that match the last decides.
    #[must_use]
    pub fn glob(mut self, glob: impl AsRef<[u8]>) -> Self {
        let glob = glob.as_ref();
        self.has_wanted |= !glob.starts_with(b"!");
        let rules = Rules::parse_with(glob, Case::Sensitive, PathBuf::new());
        self.rules = self.rules.push(Arc::new(rules), b"");
        self
    }

    /// Whether the program is for this file.
    pub(super) fn is_for(&self, path: &Path) -> bool {
        let below = std::path::absolute(path);
        let below = below.as_deref().unwrap_or(path);
        let below = bytes_of(below.strip_prefix(&self.base).unwrap_or(below).as_os_str());
        let slash = below.iter().rposition(|byte| *byte == b'/');
        let (dir, name) = slash.map_or((&b""[..], below), |at| (&below[..at], &below[at + 1..]));
        let dir = dir.strip_prefix(b"/").unwrap_or(dir);
        match self.rules.verdict(dir, name, false) {
            // Taken for ignore rules, it is the other way round.
            Verdict::Ignored => true,
            Verdict::Included => false,
            Verdict::None => !self.has_wanted,
        }
    }

    /// Runs the program on a file.
    pub(super) fn run(&self, path: &Path, file: File) -> io::Result<Output> {
        let mut command = Command::new(&self.program);
        command.arg(path).stdin(file).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| self.failed(&error))?;
        let (out, mut err) = (child.stdout.take(), child.stderr.take());
        let complaint = thread::spawn(move || {
            let mut kept = Vec::new();
            if let Some(err) = &mut err {
                _ = err.take(COMPLAINT_BYTES_MAX).read_to_end(&mut kept);
                _ = io::copy(err, &mut io::sink());
            }
            kept
        });
        let program = self.program.clone();
        Ok(Output { child, out, complaint: Some(complaint), program, is_checked: false })
    }

    fn failed(&self, error: &io::Error) -> io::Error {
        let program = self.program.display();
        io::Error::new(error.kind(), format!("the program '{program}' cannot be run: {error}"))
    }
}

/// What a program prints. That it failed is an error at the end.
pub(super) struct Output {
    child: Child,
    out: Option<ChildStdout>,
    complaint: Option<JoinHandle<Vec<u8>>>,
    program: PathBuf,
    is_checked: bool,
}

impl Output {
    /// Waits for the program's end, and says if it was no good one.
    fn check(&mut self) -> io::Result<()> {
        self.is_checked = true;
        self.out = None;
        let status = self.child.wait()?;
        let complaint = self.complaint.take().and_then(|thread| thread.join().ok());
        if status.success() {
            return Ok(());
        }
        let program = Path::new(OsStr::new(&self.program)).display();
        let complaint = complaint.unwrap_or_default();
        let said = String::from_utf8_lossy(&complaint);
        let said = said.trim_end();
        let colon = if said.is_empty() { "" } else { ": " };
        Err(io::Error::other(format!("the program '{program}' failed ({status}){colon}{said}")))
    }
}

impl Read for Output {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(out) = &mut self.out else { return Ok(0) };
        match out.read(buffer) {
            Ok(0) if !buffer.is_empty() => self.check().map(|()| 0),
            read => read,
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // Whoever stopped reading early has what they want; a program that goes on to write ends.
        if !self.is_checked {
            _ = self.check();
        }
    }
}
