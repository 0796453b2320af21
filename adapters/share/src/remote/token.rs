//! The secret that a client has to know.

use std::fmt;
use std::io::Read;
use std::path::Path;

use subtle::ConstantTimeEq;

use crate::problem::Problem;

/// A secret of 16 to 1,024 letters, digits and `-._~+/=`, as `Authorization: Bearer` takes it.
#[derive(Clone)]
pub struct Token(Box<[u8]>);

/// How long a token is, in bytes: fewer can be guessed.
const BYTES: std::ops::RangeInclusive<usize> = 16..=1024;

impl Token {
    /// The token in a text, without blanks and ends of lines around it.
    ///
    /// # Errors
    /// [`Problem::CONFIG`] if it is none.
    pub fn new(text: &str) -> Result<Self, Problem> {
        let text = text.trim_matches([' ', '\t', '\r', '\n']);
        let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        if BYTES.contains(&text.len()) && text.bytes().all(is_fit) {
            return Ok(Self(text.as_bytes().into()));
        }
        let what = "a token has 16 to 1024 letters, digits and any of -._~+/=, and nothing else";
        Err(Problem::new(Problem::CONFIG, what)
            .remedy("make one: `umask 077; head -c 32 /dev/urandom | base64 -w0 > FILE`"))
    }

    /// The token in a file, which nobody but its owner may read.
    ///
    /// # Errors
    /// If it cannot be read, others may read it, or it holds no token.
    pub fn read(path: &Path) -> Result<Self, Problem> {
        let text = read_secret(path, 0o077, "chmod 600")?;
        Self::new(&text).map_err(|problem| problem.at(path))
    }

    /// Whether this is the token, found out in a time that says nothing but whether it has the same
    /// length.
    pub(crate) fn is(&self, told: &[u8]) -> bool {
        self.0.ct_eq(told).into()
    }

    /// What is told to the daemon.
    pub(super) fn bearer(&self) -> Vec<u8> {
        [b"Bearer ", &*self.0].concat()
    }
}

impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        self.is(&other.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// The text of a file that those have no right to read whose bits of the mode are in `closed_to`.
pub(super) fn read_secret(path: &Path, closed_to: u32, remedy: &str) -> Result<String, Problem> {
    let io = |error| Problem::io("cannot read it", &error).at(path);
    let mut file = std::fs::File::open(path).map_err(io)?;
    let meta = file.metadata().map_err(io)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if meta.mode() & closed_to != 0 {
            let what = format!("others may read it: its mode is {:04o}", meta.mode() & 0o7777);
            let problem = Problem::new(Problem::CONFIG, what).at(path);
            return Err(problem.remedy(format!("make it private: `{remedy} {}`", path.display())));
        }
    }
    #[cfg(not(unix))]
    let _ = (closed_to, remedy);
    if !meta.is_file() || meta.len() > SECRET_BYTES_MAX {
        let what = format!("what is to be read is no file of at most {SECRET_BYTES_MAX} bytes");
        return Err(Problem::new(Problem::CONFIG, what).at(path).remedy("name another file"));
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(io)?;
    Ok(text)
}

/// The largest file with a certificate, key or token.
const SECRET_BYTES_MAX: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::Token;
    use crate::problem::Problem;

    #[test]
    fn a_token_is_long_and_plain() {
        for text in ["", "short", "with a blank in it, and long", &"x".repeat(1025)] {
            assert_eq!(Token::new(text).unwrap_err().kind, Problem::CONFIG, "{text:?}");
        }
        let token = Token::new(" 0123456789abcdef\n").unwrap();
        assert!(token.is(b"0123456789abcdef"));
        for other in [&b"0123456789abcdeF"[..], b"0123456789abcde", b"", b"0123456789abcdef\n"] {
            assert!(!token.is(other));
        }
        assert!(!format!("{token:?}").contains('0'), "it is not told by accident");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_read_is_refused() {
        use std::fs::{self, Permissions};
        use std::os::unix::fs::PermissionsExt;
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("token");
        fs::write(&path, "0123456789abcdef\n").unwrap();
        for (mode, fits) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let token = Token::read(&path);
            assert_eq!(token.is_ok(), fits, "{mode:o}: {token:?}");
            if let Err(problem) = token {
                let remedy = problem.remedy.unwrap();
                assert!(remedy.contains("chmod 600") && problem.path.is_some(), "{remedy}");
            }
        }
    }
}
