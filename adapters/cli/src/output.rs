//! What goes to standard output and standard error, for people and for programs.

use std::borrow::Cow;
use std::error::Error as _;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::path::Path;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use serde_json::{Map, Value, json};
use treenail::os::{Changed, bytes_of};
use treenail::tree::Attack;

use crate::args::{Global, When};

/// Why a command ended early.
#[derive(Debug)]
pub(crate) enum Failed {
    /// Nobody reads the output any more.
    OutputClosed,
    /// An error to report.
    Error(Problem),
}

/// An error as it is shown: what, where, remedy.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) kind: &'static str,
    pub(crate) message: String,
    pub(crate) path: Option<Vec<u8>>,
    pub(crate) remedy: Option<&'static str>,
}

impl Problem {
    /// The system refused something that concerns a path.
    pub(crate) fn io(path: &Path, error: &io::Error) -> Self {
        Self::io_at(bytes_of(path.as_os_str()).to_vec(), error)
    }

    pub(crate) fn io_at(path: Vec<u8>, error: &io::Error) -> Self {
        let (kind, remedy) = kind_and_remedy(error);
        Self { kind, message: error.to_string(), path: Some(path), remedy }
    }
}

/// The kind of a system's error in JSON, and what a person can do about it.
fn kind_and_remedy(error: &io::Error) -> (&'static str, Option<&'static str>) {
    use io::ErrorKind as Kind;
    let inside = error.get_ref();
    if inside.is_some_and(|inside| inside.is::<Changed>()) {
        return ("changed", Some("run again when nothing writes to it"));
    }
    if inside.is_some_and(|inside| inside.is::<Attack>()) {
        return ("collision", Some("use blake3 instead"));
    }
    if treenail::os::is_exhausted(error) {
        return ("exhausted", Some("allow the process more open files or memory (`ulimit`)"));
    }
    let (kind, remedy) = match error.kind() {
        Kind::NotFound => ("not_found", "check that the path exists, or run again if it just went"),
        Kind::PermissionDenied => ("permission_denied", "run as a user who may, or leave it out"),
        Kind::NotADirectory => ("not_a_directory", "name a directory"),
        Kind::IsADirectory => ("is_a_directory", "name a file"),
        Kind::StorageFull | Kind::QuotaExceeded => {
            ("storage_full", "make room, or name another place")
        }
        Kind::ReadOnlyFilesystem => ("read_only", "name a place that can be written to"),
        // A directory was seen in the place of a file, or the other way round.
        Kind::InvalidInput if error.raw_os_error().is_none() => {
            ("changed", "run again when nothing moves there")
        }
        Kind::FileTooLarge => ("limit", "make it shorter, or leave it out"),
        _ => ("io", "run again; if it stays, check the disk or the connection to it"),
    };
    (kind, Some(remedy))
}

impl From<io::Error> for Failed {
    /// An error of standard output; errors of files are made with [`Problem::io`].
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::OutputClosed;
        }
        let (kind, remedy) = kind_and_remedy(&error);
        let message = format!("cannot write the output: {error}");
        Self::Error(Problem { kind, message, path: None, remedy })
    }
}

impl From<Problem> for Failed {
    fn from(problem: Problem) -> Self {
        Self::Error(problem)
    }
}

impl From<treenail::tree::Error> for Failed {
    fn from(error: treenail::tree::Error) -> Self {
        Self::Error(error.into())
    }
}

impl From<treenail::tree::Error> for Problem {
    fn from(error: treenail::tree::Error) -> Self {
        let system = error.source().and_then(|source| source.downcast_ref::<io::Error>());
        let (kind, remedy) = match system {
            Some(system) => kind_and_remedy(system),
            None => (error.kind().name(), error.remedy()),
        };
        let path = Some(bytes_of(error.path().as_os_str()).to_vec());
        Self { kind, message: error.message().to_owned(), path, remedy }
    }
}

#[cfg(feature = "glob")]
impl From<treenail::glob::Error> for Failed {
    fn from(error: treenail::glob::Error) -> Self {
        Self::Error(error.into())
    }
}

#[cfg(feature = "glob")]
impl From<treenail::glob::Error> for Problem {
    fn from(error: treenail::glob::Error) -> Self {
        match (error.path(), error.io_error()) {
            (Some(path), Some(system)) => Self::io_at(path.to_vec(), system),
            _ => Self { kind: "pattern", message: error.to_string(), path: None, remedy: None },
        }
    }
}

#[cfg(any(feature = "daemon", feature = "watch"))]
impl From<treenail::share::Problem> for Failed {
    fn from(problem: treenail::share::Problem) -> Self {
        Self::Error(problem.into())
    }
}

#[cfg(any(feature = "daemon", feature = "watch"))]
impl From<treenail::share::Problem> for Problem {
    fn from(problem: treenail::share::Problem) -> Self {
        // What another process told is kept until this one ends, which is soon.
        let kept = |text: Cow<'static, str>| match text {
            Cow::Borrowed(text) => text,
            Cow::Owned(text) => text.leak(),
        };
        Self {
            kind: kept(problem.kind),
            message: problem.message,
            path: problem.path.map(|path| bytes_of(path.as_os_str()).to_vec()),
            remedy: problem.remedy.map(kept),
        }
    }
}

#[cfg(feature = "watch")]
impl From<treenail::watch::Error> for Failed {
    fn from(error: treenail::watch::Error) -> Self {
        Self::Error(error.into())
    }
}

#[cfg(feature = "watch")]
impl From<treenail::watch::Error> for Problem {
    fn from(error: treenail::watch::Error) -> Self {
        let system = error.source().and_then(|source| source.downcast_ref::<io::Error>());
        let system = system.map(kind_and_remedy);
        let told = Self::from(treenail::share::Problem::from(error));
        let (kind, remedy) = system.unwrap_or((told.kind, told.remedy));
        Self { kind, remedy, ..told }
    }
}

/// Reports a command line that is none, or shows the help that it asks for.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    let json = std::env::args_os().any(|arg| arg == "--json");
    if !error.use_stderr() || !json {
        // Nobody may be reading; the exit status says it too.
        _ = error.print();
    } else {
        let text = error.to_string();
        let message = text.lines().next().unwrap_or_default();
        let message = message.strip_prefix("error: ").unwrap_or(message).to_owned();
        let remedy = Some("see `treenail --help`, or `--help` after a command");
        let problem = Problem { kind: "usage", message, path: None, remedy };
        _ = io::stderr().write_all(&problem_json(&problem));
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(crate::EXIT_ERROR))
}

/// The two streams, and how to write to them.
pub(crate) struct Output {
    stdout: BufWriter<Stdout>,
    json: bool,
    color_out: bool,
    color_err: bool,
    #[cfg(all(feature = "glob", feature = "watch"))]
    color_always: bool,
    progress: bool,
    quiet: bool,
    verbose: bool,
}

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        let color = |terminal: bool| match global.color {
            When::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
            When::Always => true,
            When::Never => false,
        };
        let terminal_err = io::stderr().is_terminal();
        Self {
            stdout: BufWriter::with_capacity(1 << 16, io::stdout()),
            json: global.json,
            color_out: color(io::stdout().is_terminal()) && !global.json,
            color_err: color(terminal_err) && !global.json,
            #[cfg(all(feature = "glob", feature = "watch"))]
            color_always: global.color == When::Always,
            progress: terminal_err && !global.quiet && !global.json,
            quiet: global.quiet,
            verbose: global.verbose,
        }
    }

    pub(crate) fn json(&self) -> bool {
        self.json
    }

    /// Whether results have colours.
    #[cfg(feature = "glob")]
    pub(crate) fn colors(&self) -> bool {
        self.color_out
    }

    /// Whether colours were asked for, whatever the output is.
    #[cfg(all(feature = "glob", feature = "watch"))]
    pub(crate) fn always_colors(&self) -> bool {
        self.color_always
    }

    /// Whether a progress bar has somebody to look at it.
    pub(crate) fn progress(&self) -> bool {
        self.progress
    }

    pub(crate) fn quiet(&self) -> bool {
        self.quiet
    }

    pub(crate) fn verbose(&self) -> bool {
        self.verbose
    }

    /// Writes bytes as they are.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Failed> {
        Ok(self.stdout.write_all(bytes)?)
    }

    /// Writes a JSON line.
    pub(crate) fn json_line(&mut self, value: &Value) -> Result<(), Failed> {
        serde_json::to_writer(&mut self.stdout, value).map_err(io::Error::from)?;
        Ok(self.stdout.write_all(b"\n")?)
    }

    /// Writes text in a style, if colours are wanted.
    pub(crate) fn styled(&mut self, style: Style, text: &[u8]) -> Result<(), Failed> {
        if !self.color_out {
            return self.write(text);
        }
        self.write(style.render().to_string().as_bytes())?;
        self.write(text)?;
        self.write(style.render_reset().to_string().as_bytes())
    }

    /// Hands everything to whoever reads it.
    pub(crate) fn finish(&mut self) -> Result<(), Failed> {
        Ok(self.stdout.flush()?)
    }

    /// Says, if more is wanted, what a person may like to know and a program finds in the summary.
    pub(crate) fn note(&self, text: &str) {
        if self.verbose && !self.json {
            _ = writeln!(io::stderr(), "{text}");
        }
    }

    /// Says to a person at the terminal what they may not have thought of.
    #[cfg(feature = "glob")]
    pub(crate) fn aside(&self, text: &str) {
        if self.progress || self.verbose {
            _ = writeln!(io::stderr(), "{text}");
        }
    }

    /// Says what a person wants to know and a program finds in the results.
    #[cfg(feature = "watch")]
    pub(crate) fn hint(&self, text: &str) {
        if !self.quiet && !self.json {
            _ = writeln!(io::stderr(), "{text}");
        }
    }

    /// Reports an error on standard error.
    pub(crate) fn problem(&self, problem: &Problem) {
        let mut line = Vec::new();
        if self.json {
            line = problem_json(problem);
        } else {
            let style = AnsiColor::Red.on_default().bold();
            let (on, off) = match self.color_err {
                true => (style.render().to_string(), style.render_reset().to_string()),
                false => Default::default(),
            };
            line.extend_from_slice(format!("{on}error{off}: ").as_bytes());
            if let Some(path) = &problem.path {
                line.extend_from_slice(&shown(path));
                line.extend_from_slice(b": ");
            }
            line.extend_from_slice(problem.message.as_bytes());
            if let Some(remedy) = problem.remedy {
                line.extend_from_slice(format!("; {remedy}").as_bytes());
            }
            line.push(b'\n');
        }
        // When even standard error is closed, the exit status has to say it all.
        _ = io::stderr().write_all(&line);
    }
}

fn problem_json(problem: &Problem) -> Vec<u8> {
    let mut error = Map::new();
    error.insert("kind".into(), problem.kind.into());
    error.insert("message".into(), problem.message.as_str().into());
    if let Some(path) = &problem.path {
        insert_path(&mut error, "path", path);
    }
    if let Some(remedy) = problem.remedy {
        error.insert("remedy".into(), remedy.into());
    }
    format!("{}\n", json!({ "error": error })).into_bytes()
}

/// Adds a path to a JSON object: as text, or in base 64 under `KEY_b64` if it is not UTF-8.
pub(crate) fn insert_path(object: &mut Map<String, Value>, key: &str, path: &[u8]) {
    match std::str::from_utf8(path) {
        Ok(text) => object.insert(key.into(), text.into()),
        Err(_) => object.insert(format!("{key}_b64"), base64(path).into()),
    };
}

/// A path for people: what is no text, or would confuse a terminal or a line, is escaped.
pub(crate) fn shown(path: &[u8]) -> Cow<'_, [u8]> {
    if str::from_utf8(path).is_ok_and(|text| !text.chars().any(char::is_control)) {
        return Cow::Borrowed(path);
    }
    let mut text = String::with_capacity(path.len() + 8);
    for chunk in path.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' => text.push_str("\\n"),
                '\t' => text.push_str("\\t"),
                c if c.is_control() => push_hex(&mut text, c.encode_utf8(&mut [0; 4]).as_bytes()),
                c => text.push(c),
            }
        }
        push_hex(&mut text, chunk.invalid());
    }
    Cow::Owned(text.into_bytes())
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    text.extend(bytes.iter().map(|byte| format!("\\x{byte:02x}")));
}

/// Bytes in lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// RFC 4648 base 64, with padding.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let index = (bits >> (18 - 6 * digit)) as usize & 63;
            text.push(if digit <= chunk.len() { ALPHABET[index] as char } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        let cases: [(&[u8], &str); 5] =
            [(b"", ""), (b"f", "Zg=="), (b"fo", "Zm8="), (b"foo", "Zm9v"), (b"\xff\xfe", "//4=")];
        for (bytes, text) in cases {
            assert_eq!(base64(bytes), text);
        }
    }

    #[test]
    fn what_is_no_text_is_escaped_and_the_rest_kept() {
        for (path, text) in [
            (&b"a b/c"[..], "a b/c"),
            (b"a\nb\x1b[\xff", r"a\nb\x1b[\xff"),
            (b"e\xcc\x81\xc2\x9b\t", "e\u{301}\\xc2\\x9b\\t"),
        ] {
            assert_eq!(shown(path), text.as_bytes());
        }
    }
}
