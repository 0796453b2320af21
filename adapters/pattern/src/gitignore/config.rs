//! The few settings of git's configuration that bear on ignore rules.

use std::io;
use std::path::{Path, PathBuf};

use super::loader::{LoadError, path_from_bytes, read_limited};

/// The largest configuration file that is read, in bytes.
pub const CONFIG_BYTES_MAX: u64 = 1 << 20;
/// How deep `include.path` may nest, as in git.
const INCLUDE_DEPTH_MAX: u32 = 10;

/// What the configuration says, later files overriding earlier ones.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(super) struct Config {
    /// `core.excludesFile`, as written.
    pub(super) excludes_file: Option<Vec<u8>>,
    /// `core.ignoreCase`.
    pub(super) ignore_case: bool,
    /// `extensions.worktreeConfig`.
    pub(super) worktree_config: bool,
}

impl Config {
    /// Adds the settings of a file, which may be absent.
    pub(super) fn read(&mut self, file: &Path, home: Option<&Path>) -> Result<(), LoadError> {
        self.read_nested(file, home, 0)
    }

    fn read_nested(
        &mut self,
        file: &Path,
        home: Option<&Path>,
        depth: u32,
    ) -> Result<(), LoadError> {
        let Some(text) = read_limited(file, CONFIG_BYTES_MAX, true)? else { return Ok(()) };
        for setting in settings(&text) {
            match (&setting.section[..], &setting.key[..]) {
                (b"core", b"excludesfile") => self.excludes_file = setting.value,
                (b"core", b"ignorecase") => self.ignore_case = is_true(setting.value.as_deref()),
                (b"extensions", b"worktreeconfig") => {
                    self.worktree_config = is_true(setting.value.as_deref());
                }
                (b"include", b"path") if depth < INCLUDE_DEPTH_MAX => {
                    let Some(path) = setting.value.and_then(|p| expand_home(&p, home)) else {
                        continue;
                    };
                    let path = file.parent().unwrap_or(Path::new("")).join(path);
                    self.read_nested(&path, home, depth + 1)?;
                }
                (b"include", b"path") => {
                    let nested = format!(
                        "include.path nests deeper than {INCLUDE_DEPTH_MAX} files; break the cycle"
                    );
                    return Err(LoadError::new(file, io::Error::other(nested)));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// A path of the configuration with a leading `~/` replaced; `None` without a home directory.
pub(super) fn expand_home(path: &[u8], home: Option<&Path>) -> Option<PathBuf> {
    match path.strip_prefix(b"~/") {
        Some(rest) => Some(home?.join(path_from_bytes(rest))),
        None => Some(path_from_bytes(path)),
    }
}

/// One `key = value`; section and key in lower case. `value` is `None` where there is no `=`.
struct Setting {
    section: Vec<u8>,
    key: Vec<u8>,
    value: Option<Vec<u8>>,
}

fn is_true(value: Option<&[u8]>) -> bool {
    let Some(value) = value else { return true };
    match value.to_ascii_lowercase().as_slice() {
        b"true" | b"yes" | b"on" => true,
        number => str::from_utf8(number).is_ok_and(|n| n.parse().is_ok_and(|n: i64| n != 0)),
    }
}

/// The settings of a file up to the first thing that git would reject.
fn settings(text: &[u8]) -> Vec<Setting> {
    let mut reader = Reader { text: text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text), at: 0 };
    let (mut section, mut found) = (Vec::new(), Vec::new());
    loop {
        reader.skip(|b| b.is_ascii_whitespace());
        match reader.peek() {
            None => break,
            Some(b'#' | b';') => reader.skip(|b| b != b'\n'),
            Some(b'[') => match reader.header() {
                Some(name) => section = name,
                None => break,
            },
            Some(byte) if byte.is_ascii_alphabetic() => {
                let key = reader.take(|b| b.is_ascii_alphanumeric() || b == b'-');
                let Some(value) = reader.assigned() else { break };
                found.push(Setting {
                    section: section.clone(),
                    key: key.to_ascii_lowercase(),
                    value,
                });
            }
            Some(_) => break,
        }
    }
    found
}

struct Reader<'t> {
    text: &'t [u8],
    at: usize,
}

impl<'t> Reader<'t> {
    /// The next byte, a carriage return before a line end being part of it.
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn take(&mut self, wanted: impl Fn(u8) -> bool) -> &'t [u8] {
        let from = self.at;
        while self.peek().is_some_and(&wanted) {
            self.at += 1;
        }
        &self.text[from..self.at]
    }

    fn skip(&mut self, wanted: impl Fn(u8) -> bool) {
        self.take(wanted);
    }

    /// Reads `[name]`, or `[name "more"]`, whose subsection makes it another section.
    fn header(&mut self) -> Option<Vec<u8>> {
        self.at += 1;
        let name = self.take(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'));
        let mut name = name.to_ascii_lowercase();
        self.skip(|b| matches!(b, b' ' | b'\t'));
        if self.peek() == Some(b'"') {
            name.push(b'.');
            self.at += 1;
            loop {
                let byte = self.next().filter(|&b| b != b'\n')?;
                match byte {
                    b'"' => break,
                    b'\\' => name.push(self.next()?),
                    byte => name.push(byte),
                }
            }
        }
        (self.next()? == b']').then_some(name)
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// Reads what follows a key: `Some(None)` for nothing, `None` for what git rejects.
    fn assigned(&mut self) -> Option<Option<Vec<u8>>> {
        self.skip(|b| matches!(b, b' ' | b'\t'));
        match self.peek() {
            Some(b'=') => {
                self.at += 1;
                self.value().map(Some)
            }
            None | Some(b'\n' | b'\r' | b'#' | b';') => Some(None),
            Some(_) => None,
        }
    }

    fn value(&mut self) -> Option<Vec<u8>> {
        let mut value = Vec::new();
        // The length up to which the value stays: unquoted blanks at the end go.
        let mut kept = 0;
        let mut quoted = false;
        self.skip(|b| matches!(b, b' ' | b'\t'));
        while let Some(byte) = self.next() {
            match byte {
                b'\n' if quoted => return None,
                b'\n' => break,
                b'\r' if self.peek() == Some(b'\n') => continue,
                b'#' | b';' if !quoted => {
                    self.skip(|b| b != b'\n');
                    break;
                }
                b'"' => {
                    quoted = !quoted;
                    continue;
                }
                b'\\' => match self.next()? {
                    b'\n' => continue,
                    b'\r' if self.peek() == Some(b'\n') => {
                        self.at += 1;
                        continue;
                    }
                    b'n' => value.push(b'\n'),
                    b't' => value.push(b'\t'),
                    b'b' => value.push(8),
                    byte @ (b'"' | b'\\') => value.push(byte),
                    _ => return None,
                },
                b' ' | b'\t' if !quoted => {
                    value.push(byte);
                    continue;
                }
                byte => value.push(byte),
            }
            kept = value.len();
        }
        value.truncate(kept);
        (!quoted).then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(text: &str, section: &str, key: &str) -> Option<Option<String>> {
        let wanted = |s: &Setting| s.section == section.as_bytes() && s.key == key.as_bytes();
        let last = settings(text.as_bytes()).into_iter().rfind(wanted)?;
        Some(last.value.map(|v| String::from_utf8(v).unwrap()))
    }

    fn value(text: &str) -> Option<String> {
        get(text, "core", "excludesfile").flatten()
    }

    #[test]
    fn values_lose_comments_quotes_and_blanks() {
        assert_eq!(value("[core]\n excludesFile = a b  # c\n").unwrap(), "a b");
        assert_eq!(value("[CORE] excludesfile=\"a # b \" \r\n").unwrap(), "a # b ");
        assert_eq!(value("[core]\nexcludesfile = a\\\n b\\\\c\\t\n").unwrap(), "a b\\c\t");
        assert_eq!(get("[core]\nignorecase\n", "core", "ignorecase"), Some(None));
    }

    #[test]
    fn a_subsection_is_another_section() {
        assert_eq!(value("[core \"x\"]\nexcludesfile = a\n"), None);
        assert_eq!(
            value("[core]\nexcludesfile = a\n[core \"]\"]\nexcludesfile = b\n").unwrap(),
            "a"
        );
    }

    #[test]
    fn reading_stops_at_what_git_rejects() {
        assert_eq!(value("[core]\n=x\nexcludesfile = a\n"), None);
        assert_eq!(value("[core]\nexcludesfile = \"a\nb\n"), None);
    }

    #[test]
    fn truth_is_spelt_in_several_ways() {
        assert!(is_true(None) && is_true(Some(b"On")) && is_true(Some(b"2")));
        assert!(!is_true(Some(b"off")) && !is_true(Some(b"")) && !is_true(Some(b"0")));
    }
}
