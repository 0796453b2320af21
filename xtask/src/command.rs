//! Running programs: the command line is printed, the output is kept back until it is wanted.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// A program to run, its arguments, and what its environment has beyond ours.
#[derive(Clone, Debug)]
pub(crate) struct Cmd {
    program: String,
    args: Vec<String>,
    env: Vec<(String, String)>,
    dir: Option<PathBuf>,
}

/// What a program left behind.
pub(crate) struct Finished {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// Standard output and standard error as they came, in one.
    pub(crate) output: String,
}

impl Cmd {
    /// The words of `line`, split at spaces; arguments with spaces come through [`Cmd::arg`].
    pub(crate) fn new(line: &str) -> Self {
        let mut words = line.split_whitespace().map(str::to_owned);
        let program = words.next().expect("a command line names a program");
        Self { program, args: words.collect(), env: Vec::new(), dir: None }
    }

    /// The program at a path, taken as it is.
    pub(crate) fn program(path: &Path) -> Self {
        let program = path.to_string_lossy().into_owned();
        Self { program, args: Vec::new(), env: Vec::new(), dir: None }
    }

    /// One more argument, taken as it is.
    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_string_lossy().into_owned());
        self
    }

    /// More arguments, split at spaces.
    pub(crate) fn words(mut self, line: &str) -> Self {
        self.args.extend(line.split_whitespace().map(str::to_owned));
        self
    }

    /// Sets a variable for this program.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.to_owned(), value.as_ref().to_string_lossy().into_owned()));
        self
    }

    /// Runs in `dir`.
    pub(crate) fn dir(mut self, dir: &Path) -> Self {
        self.dir = Some(dir.to_owned());
        self
    }

    /// Prints the command line, runs the program and keeps its output.
    ///
    /// # Errors
    /// If the program cannot be started.
    pub(crate) fn capture(&self) -> Result<Finished, String> {
        println!("    $ {}", self.line());
        self.capture_quietly()
    }

    /// As [`Cmd::capture`], without printing the command line: for questions asked by the way.
    ///
    /// # Errors
    /// If the program cannot be started.
    pub(crate) fn capture_quietly(&self) -> Result<Finished, String> {
        let (mut reader, writer) = std::io::pipe().map_err(|e| format!("no pipe: {e}"))?;
        let other = writer.try_clone().map_err(|e| format!("no pipe: {e}"))?;
        let mut command = self.to_std();
        command.stdin(Stdio::null()).stdout(writer).stderr(other);
        let mut child = command.spawn().map_err(|e| self.cannot_start(&e))?;
        // The command holds our ends of the pipe: while they are open, reading never ends.
        drop(command);
        let mut output = Vec::new();
        reader.read_to_end(&mut output).map_err(|e| format!("{}: {e}", self.line()))?;
        let status = child.wait().map_err(|e| format!("{}: {e}", self.line()))?;
        Ok(Finished { status, output: String::from_utf8_lossy(&output).into_owned() })
    }

    /// Prints the command line and runs the program on our own terminal.
    ///
    /// # Errors
    /// If the program cannot be started or ends with another status than 0.
    pub(crate) fn run(&self) -> Result<(), String> {
        eprintln!("    $ {}", self.line());
        let status = self.to_std().status().map_err(|e| self.cannot_start(&e))?;
        if status.success() { Ok(()) } else { Err(format!("{}: {status}", self.line())) }
    }

    /// Standard output alone, of a program that must succeed.
    ///
    /// # Errors
    /// If the program cannot be started or ends with another status than 0.
    pub(crate) fn read(&self) -> Result<String, String> {
        let output = self.to_std().output().map_err(|e| self.cannot_start(&e))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let errors = String::from_utf8_lossy(&output.stderr);
        Err(format!("{}: {}\n{errors}", self.line(), output.status))
    }

    /// The command as a person would type it.
    pub(crate) fn line(&self) -> String {
        let mut line = String::new();
        for (name, value) in &self.env {
            write!(line, "{name}={} ", quoted(value)).expect("a string takes all");
        }
        line + &self.line_without_env()
    }

    /// The command as a person would type it, without the variables: enough to recognise it.
    pub(crate) fn line_without_env(&self) -> String {
        let mut line = self.program.clone();
        for arg in &self.args {
            line.push(' ');
            line.push_str(&quoted(arg));
        }
        line
    }

    fn to_std(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args);
        // `cargo run` puts its own toolchain's libraries first; another toolchain's compiler
        // started from here must find its own.
        command.env_remove("LD_LIBRARY_PATH");
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        command
    }

    fn cannot_start(&self, error: &std::io::Error) -> String {
        format!("cannot start `{}`: {error}", self.program)
    }
}

/// Whether `program` is found on the PATH.
pub(crate) fn on_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

/// `word`, in quotes where a shell would need them.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=+,./:@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::{Cmd, on_path, quoted};

    #[test]
    fn both_outputs_and_the_status_come_back() {
        let cmd = Cmd::new("sh -c").arg("echo out; echo err >&2; exit 3");
        let finished = cmd.capture_quietly().unwrap();
        assert_eq!(finished.output, "out\nerr\n");
        assert_eq!(finished.status.code(), Some(3));
        assert!(cmd.read().unwrap_err().contains("err"));
    }

    #[test]
    fn the_line_shown_can_be_typed() {
        let cmd = Cmd::new("cargo doc").env("RUSTDOCFLAGS", "-D warnings").arg("it's");
        assert_eq!(cmd.line(), "RUSTDOCFLAGS='-D warnings' cargo doc 'it'\\''s'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = Cmd::new("treenail-no-such-program").read().unwrap_err();
        assert!(error.contains("treenail-no-such-program"), "{error}");
        assert!(!on_path("treenail-no-such-program"));
        assert!(on_path("sh"));
    }
}
