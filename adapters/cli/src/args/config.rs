//! The options that people keep in ripgrep's configuration file.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::Path;

use treenail::os::{bytes_of, os_str_of};

/// Names the file, as for ripgrep.
const VARIABLE: &str = "RIPGREP_CONFIG_PATH";

/// The command line, with what the file says before what `grep` is told. Without a file, or with
/// `--no-config`, it is what it was; so it is with a file that cannot be read, and `tell` is told.
pub(super) fn with_config(mut line: Vec<OsString>, tell: impl FnOnce(&str)) -> Vec<OsString> {
    let Some(path) = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()) else {
        return line;
    };
    let is_option = |word: &OsString| bytes_of(word).first() == Some(&b'-');
    let command = line.iter().skip(1).position(|word| !is_option(word)).map(|at| at + 1);
    let Some(command) = command.filter(|&at| line[at] == "grep") else { return line };
    let own = &line[command + 1..];
    let own = own.iter().take_while(|word| *word != "--");
    if own.clone().any(|word| word == "--no-config") {
        return line;
    }
    match read(Path::new(&path)) {
        Ok(words) => drop(line.splice(command + 1..command + 1, words)),
        Err(error) => tell(&format!(
            "{}: {error}; {VARIABLE} names it: correct that, or search with --no-config",
            path.display()
        )),
    }
    line
}

/// One word a line; empty lines and those that begin with `#` are for people.
fn read(path: &Path) -> std::io::Result<Vec<OsString>> {
    let text = fs::read(path)?;
    let lines = text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let words = lines.filter(|line| !line.is_empty() && line[0] != b'#');
    words.map(|word| os_str_of(word).map(|word| OsStr::to_os_string(&word))).collect()
}
