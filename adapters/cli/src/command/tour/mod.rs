//! `treenail tour`: each thing that the program can do, shown on a copy of real files and checked.

mod copy;
#[cfg(unix)]
mod interrupt;
mod stops;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anstyle::{AnsiColor, Style};
use serde_json::{Map, Value, json};

use crate::Outcome;
use crate::args::Tour as Args;
use crate::output::{Failed, Output, Problem};
use copy::Copied;

/// Lines of a command's output that are shown; the checks see all of it.
const LINES_SHOWN_MAX: usize = 14;

pub(crate) fn run(args: &Args, output: &mut Output) -> Result<Outcome, Failed> {
    let place = tempfile::Builder::new()
        .prefix("treenail-tour-")
        .tempdir()
        .map_err(|error| Problem::io(&std::env::temp_dir(), &error))?;
    #[cfg(unix)]
    interrupt::remove(place.path())?;
    let result = take(place.path(), args, output);
    #[cfg(unix)]
    interrupt::wait_if_ending();
    result
}

/// Takes the tour in a temporary directory.
fn take(place: &Path, args: &Args, output: &mut Output) -> Result<Outcome, Failed> {
    let begun = Instant::now();
    let copied = copy::copy(&args.dir, &place.join("copy"))?;
    let mut tour = Tour { place, copied, output, stops: 0, moved: Default::default() };
    for (title, stop) in stops::STOPS {
        tour.title(title)?;
        match stop(&mut tour) {
            Ok(()) => tour.passed(title)?,
            Err(Wrong::Output(failed)) => return Err(failed),
            Err(Wrong::Result(what)) => {
                let message = format!("the stop \"{title}\" came out wrong: {what}");
                return Err(Problem { kind: "tour", message, path: None, remedy: None }.into());
            }
        }
    }
    let stops = tour.stops;
    let seconds = begun.elapsed().as_secs_f64();
    if output.json() {
        let elapsed_ms = (seconds * 1e3).round();
        output.json_line(&json!({ "summary": { "stops": stops, "elapsed_ms": elapsed_ms } }))?;
    } else {
        output.write(format!("\n{stops} stops, all as expected, {seconds:.1} s\n").as_bytes())?;
    }
    Ok(Outcome::Done)
}

/// Why a stop did not come out right.
enum Wrong {
    /// Its own output could not be written.
    Output(Failed),
    /// What happened instead of what was expected.
    Result(String),
}

impl From<Failed> for Wrong {
    fn from(failed: Failed) -> Self {
        Self::Output(failed)
    }
}

impl From<std::io::Error> for Wrong {
    fn from(error: std::io::Error) -> Self {
        Self::Result(error.to_string())
    }
}

type Stop = fn(&mut Tour<'_>) -> Result<(), Wrong>;

struct Tour<'a> {
    /// The temporary directory, in which the commands run.
    place: &'a Path,
    copied: Copied,
    output: &'a mut Output,
    stops: usize,
    /// A directory of the copy that was renamed: from, to.
    moved: (String, String),
}

/// A command that was run.
struct Ran {
    status: i32,
    stdout: String,
    stderr: String,
}

impl Tour<'_> {
    fn title(&mut self, title: &str) -> Result<(), Failed> {
        self.stops += 1;
        if self.output.json() {
            return Ok(());
        }
        let number = self.stops;
        self.output.styled(Style::new().bold(), format!("\n{number}. {title}\n").as_bytes())?;
        Ok(())
    }

    fn passed(&mut self, title: &str) -> Result<(), Failed> {
        if self.output.json() {
            let mut object = Map::new();
            object.insert("stop".into(), self.stops.into());
            object.insert("title".into(), title.into());
            object.insert("ok".into(), true.into());
            self.output.json_line(&Value::Object(object))?;
        }
        // A person follows along.
        self.output.finish()
    }

    /// Says what the tour itself does.
    fn say(&mut self, text: &str) -> Result<(), Wrong> {
        if self.output.json() {
            return Ok(());
        }
        let style = AnsiColor::Cyan.on_default();
        Ok(self.output.styled(style, format!("   {text}\n").as_bytes())?)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.join(name)
    }

    /// The name, or one like it that nothing in a directory of the copy has.
    fn free_name(&self, dir: &Path, name: &str) -> String {
        let taken =
            |name: &String| self.path("copy").join(dir).join(name).symlink_metadata().is_ok();
        let mut free = name.to_owned();
        while taken(&free) {
            free.push_str(".new");
        }
        free
    }

    /// Runs this program as a person would, and shows the command and what it prints.
    fn treenail<S: AsRef<OsStr>>(&mut self, args: &[S]) -> Result<Ran, Wrong> {
        let words: Vec<_> = args.iter().map(|arg| arg.as_ref().to_string_lossy()).collect();
        let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
        let line = format!("   $ treenail {}\n", words.join(" "));
        let ran = self.run_quietly(args)?;
        if !self.output.json() {
            self.output.styled(AnsiColor::Green.on_default(), line.as_bytes())?;
            let lines: Vec<&str> = ran.stdout.lines().chain(ran.stderr.lines()).collect();
            for line in lines.iter().take(LINES_SHOWN_MAX) {
                self.output.write(format!("   {line}\n").as_bytes())?;
            }
            if lines.len() > LINES_SHOWN_MAX {
                let more = lines.len() - LINES_SHOWN_MAX;
                self.output.write(format!("   ... and {more} lines more\n").as_bytes())?;
            }
        }
        Ok(ran)
    }

    /// Runs this program without showing it.
    fn run_quietly<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<Ran, Wrong> {
        let output = Command::new(std::env::current_exe()?)
            .args(args)
            .current_dir(self.place)
            .stdin(Stdio::null())
            .output()?;
        Ok(Ran {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// The summary that a command prints as JSON.
    fn summary<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<Value, Wrong> {
        let ran = self.run_quietly(args)?;
        let last = ran.stdout.lines().last().unwrap_or_default();
        let line: Value = serde_json::from_str(last)
            .map_err(|error| Wrong::Result(format!("no JSON in {last:?}: {error}")))?;
        Ok(line["summary"].clone())
    }

    /// The directory's digest, by the fast kind of ids.
    fn digest(&self, dir: &str) -> Result<String, Wrong> {
        let summary = self.summary(&["tree", "--json", dir])?;
        match summary["digest"].as_str() {
            Some(digest) => Ok(digest.to_owned()),
            None => Err(Wrong::Result(format!("{dir} has no digest: {summary}"))),
        }
    }
}

/// A word as a person would type it in a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=+".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{word}'") }
}

/// Checks what a stop came out with.
fn expect<T: PartialEq + std::fmt::Debug>(what: &str, is: T, should_be: T) -> Result<(), Wrong> {
    if is == should_be {
        return Ok(());
    }
    Err(Wrong::Result(format!("{what} is {is:?} and should be {should_be:?}")))
}

fn write(path: &Path, content: &[u8]) -> Result<(), Wrong> {
    fs::write(path, content).map_err(|error| Wrong::Result(format!("{}: {error}", path.display())))
}
