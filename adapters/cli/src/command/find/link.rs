//! Links that a terminal opens (OSC 8, <https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda>).

use std::path::MAIN_SEPARATOR;

use treenail::os::bytes_of;

use crate::command::grep::host;

/// What links begin with.
pub(super) struct Links {
    host: String,
    here: Vec<u8>,
}

impl Links {
    /// Links to files of this machine, below the current directory or anywhere.
    pub(super) fn new() -> std::io::Result<Self> {
        let here = std::env::current_dir()?;
        Ok(Self {
            host: host(None).unwrap_or_default(),
            here: bytes_of(here.as_os_str()).to_owned(),
        })
    }

    /// Adds `text` as a link to `path`.
    pub(super) fn write(&self, path: &[u8], text: &[u8], to: &mut Vec<u8>) {
        to.extend_from_slice(b"\x1b]8;;file://");
        to.extend_from_slice(self.host.as_bytes());
        if !is_absolute(path) {
            encode(&self.here, to);
            to.push(b'/');
        }
        encode(path.strip_prefix(b"./").unwrap_or(path), to);
        to.extend_from_slice(b"\x1b\\");
        to.extend_from_slice(text);
        to.extend_from_slice(b"\x1b]8;;\x1b\\");
    }
}

fn is_absolute(path: &[u8]) -> bool {
    path.first() == Some(&b'/') || cfg!(windows) && path.get(1) == Some(&b':')
}

/// Adds a path as addresses have it (RFC 3986, section 2).
fn encode(path: &[u8], to: &mut Vec<u8>) {
    if cfg!(windows) && path.get(1) == Some(&b':') {
        to.push(b'/');
    }
    for &byte in path {
        match byte {
            byte if char::from(byte) == MAIN_SEPARATOR => to.push(b'/'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b':' => {
                to.push(byte);
            }
            byte => to.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Links;

    #[test]
    #[cfg(unix)]
    fn a_link_leads_to_the_whole_path_and_shows_the_text() {
        let links = Links { host: "h".to_owned(), here: b"/a b".to_vec() };
        let link = |path: &[u8]| {
            let mut to = Vec::new();
            links.write(path, b"T", &mut to);
            String::from_utf8(to).unwrap()
        };
        assert_eq!(link(b"./c\xff%"), "\x1b]8;;file://h/a%20b/c%FF%25\x1b\\T\x1b]8;;\x1b\\");
        assert_eq!(link(b"/c/"), "\x1b]8;;file://h/c/\x1b\\T\x1b]8;;\x1b\\");
    }
}
