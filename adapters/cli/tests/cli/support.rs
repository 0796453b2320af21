//! Running the program, and making what it is run on.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// A command that takes longer hangs.
const RUN_FOR_MAX: Duration = Duration::from_secs(60);

/// What a command did.
pub(crate) struct Ran {
    /// The exit status; none if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl fmt::Debug for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stdout = String::from_utf8_lossy(&self.stdout);
        write!(f, "exit {:?}\nstdout:\n{stdout}\nstderr:\n{}", self.code, self.stderr)
    }
}

impl Ran {
    pub(crate) fn out(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("UTF-8 on standard output")
    }

    /// The lines of standard output as JSON.
    pub(crate) fn json(&self) -> Vec<Value> {
        json_lines(self.out())
    }

    /// The summary, which is the last line.
    pub(crate) fn summary(&self) -> Value {
        let last = self.json().pop().unwrap_or_else(|| panic!("no output: {self:?}"));
        assert!(last["summary"].is_object(), "the last line is no summary: {self:?}");
        last["summary"].clone()
    }

    /// The errors that `--json` puts on standard error.
    pub(crate) fn errors(&self) -> Vec<Value> {
        json_lines(&self.stderr).iter().map(|line| line["error"].clone()).collect()
    }

    /// Checks the exit status, showing everything if it is another.
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Checks that the command failed with an error that says where, and what to do.
    pub(crate) fn refused(self, path: &str, remedy: &str) -> Self {
        let ran = self.expect(2);
        assert!(ran.stderr.starts_with("error: "), "{ran:#?}");
        assert!(ran.stderr.contains(path), "no path {path:?} in {ran:#?}");
        assert!(ran.stderr.contains(remedy), "no remedy {remedy:?} in {ran:#?}");
        ran
    }
}

fn json_lines(text: &str) -> Vec<Value> {
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line:?}: {e}"));
    text.lines().map(parse).collect()
}

/// A command line of the program, its paths relative to `dir`.
pub(crate) fn command<S: AsRef<OsStr>>(dir: &Path, args: &[S]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_treenail"));
    command.args(args).current_dir(dir).stdin(Stdio::null());
    command.env_remove("NO_COLOR").env_remove("RIPGREP_CONFIG_PATH");
    command
}

/// Runs the program.
pub(crate) fn run<S: AsRef<OsStr>>(dir: &Path, args: &[S]) -> Ran {
    finish(&mut command(dir, args), b"")
}

/// Runs the program with bytes on its standard input.
pub(crate) fn run_with_input<S: AsRef<OsStr>>(dir: &Path, args: &[S], input: &[u8]) -> Ran {
    finish(command(dir, args).stdin(Stdio::piped()), input)
}

/// Runs a command to its end, and ends it if it hangs.
pub(crate) fn finish(command: &mut Command, input: &[u8]) -> Ran {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("spawn");
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let stdin = child.stdin.take();
    thread::scope(|scope| {
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input)));
        let stdout = scope.spawn(move || {
            let mut bytes = Vec::new();
            out.read_to_end(&mut bytes).map(|_| bytes)
        });
        let stderr = scope.spawn(move || {
            let mut bytes = Vec::new();
            err.read_to_end(&mut bytes).map(|_| bytes)
        });
        let status = wait(&mut child, RUN_FOR_MAX);
        let stdout = stdout.join().unwrap().expect("standard output");
        let stderr = stderr.join().unwrap().expect("standard error");
        let stderr = String::from_utf8_lossy(&stderr).into_owned();
        let Some(status) = status else { panic!("{command:?} hangs; so far {stderr}") };
        assert!(!stderr.contains("panicked"), "{command:?}: {stderr}");
        Ran { code: status.code(), stdout, stderr }
    })
}

/// Waits for a child, and ends it if that takes too long.
pub(crate) fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let begun = Instant::now();
    while begun.elapsed() < limit {
        if let Some(status) = child.try_wait().expect("wait") {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(2));
    }
    child.kill().expect("kill");
    child.wait().expect("wait");
    None
}

/// A temporary directory that everyone may enter.
pub(crate) fn place() -> TempDir {
    use std::os::unix::fs::PermissionsExt;
    let place = tempfile::tempdir().expect("a temporary directory");
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).expect("chmod");
    place
}

/// A temporary directory in memory where there is one: for many entries.
pub(crate) fn place_in_memory() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        return tempfile::tempdir_in(memory).expect("a temporary directory");
    }
    place()
}

/// Makes a directory with files of the given content; a name that ends in `/` is a directory.
pub(crate) fn make<P: AsRef<Path>>(dir: P, files: &[(&str, &str)]) -> PathBuf {
    let dir = dir.as_ref();
    fs::create_dir_all(dir).expect("mkdir");
    for (name, content) in files {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().unwrap()).expect("mkdir");
        match name.ends_with('/') {
            true => fs::create_dir_all(path).expect("mkdir"),
            false => fs::write(path, content).expect("write"),
        }
    }
    dir.to_owned()
}

/// The digest that `tree` prints for a directory.
pub(crate) fn digest<S: AsRef<OsStr>>(dir: &Path, args: &[S]) -> String {
    let mut command = command(dir, &["tree", "--json"]);
    let summary = finish(command.args(args), b"").expect(0).summary();
    summary["digest"].as_str().expect("a digest").to_owned()
}

/// The output of another program, if it is installed.
pub(crate) fn other<S: AsRef<OsStr>>(dir: &Path, program: &str, args: &[S]) -> Option<Ran> {
    let found = Command::new("sh").args(["-c", "command -v \"$0\" >&2", program]).output();
    if !found.is_ok_and(|found| found.status.success()) {
        eprintln!("skipped: {program} is not installed");
        return None;
    }
    Some(finish(Command::new(program).args(args).current_dir(dir).stdin(Stdio::null()), b""))
}

/// Runs a program that the test cannot do without.
pub(crate) fn must<S: AsRef<OsStr>>(dir: &Path, program: &str, args: &[S]) {
    let ran = finish(Command::new(program).args(args).current_dir(dir), b"");
    assert_eq!(ran.code, Some(0), "{program}: {ran:?}");
}

/// Whether permissions mean nothing to this process.
pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0)
}
