//! What is asked for: a pattern, taken apart as the standard library takes it apart.

use std::os::fd::RawFd;

use super::fnmatch::Matcher;

/// A pattern, and where to look.
pub(super) struct Plan {
    /// Path below which the pattern is looked for, with a slash at its end; empty for the working
    /// directory or that of `dir_fd`.
    pub(super) root: Box<[u8]>,
    /// An open directory that relative paths start from.
    pub(super) dir_fd: Option<RawFd>,
    /// What precedes the first segment with a wildcard; the whole pattern if there is none.
    pub(super) base: Box<[u8]>,
    /// The segments behind it, the first of them with a wildcard.
    pub(super) segments: Box<[Segment]>,
    /// Whether wildcards match names that start with a dot.
    pub(super) include_hidden: bool,
    /// Whether `**` at the end finds its own directory only if there is such a directory, as since
    /// Python 3.13.
    pub(super) checks_directory: bool,
    /// Whether the first result is left out if it is empty.
    pub(super) skips_empty: bool,
}

/// What stands between two slashes.
pub(super) enum Segment {
    /// A name.
    Name(Box<[u8]>),
    /// Nothing, behind a slash at the end: what was found must be a directory.
    Directory,
    /// A pattern for names; whether it begins with a dot, so that it is meant for hidden ones.
    Wild { matcher: Matcher, is_hidden: bool },
    /// `**`: any number of directories.
    Recursive,
}

/// How a pattern is to be taken.
pub(super) struct Options {
    pub(super) is_text: bool,
    pub(super) recursive: bool,
    pub(super) include_hidden: bool,
    pub(super) checks_directory: bool,
}

impl Plan {
    pub(super) fn new(
        pattern: &[u8],
        root_dir: &[u8],
        dir_fd: Option<RawFd>,
        options: &Options,
    ) -> Self {
        let Options { is_text, recursive, include_hidden, checks_directory } = *options;
        let mut segments = Vec::new();
        let mut base = pattern;
        while has_magic(base) {
            let (head, name) = split(base);
            segments.push(match name {
                b"" => Segment::Directory,
                b"**" if recursive => Segment::Recursive,
                name if has_magic(name) => Segment::Wild {
                    matcher: Matcher::new(name, is_text),
                    is_hidden: name[0] == b'.',
                },
                name => Segment::Name(name.into()),
            });
            base = head;
        }
        segments.reverse();
        let mut root = Vec::new();
        if !base.starts_with(b"/") {
            root.extend_from_slice(root_dir);
            if !root_dir.is_empty() && !root_dir.ends_with(b"/") {
                root.push(b'/');
            }
        }
        Self {
            root: root.into(),
            dir_fd,
            base: base.into(),
            segments: segments.into(),
            include_hidden,
            checks_directory,
            skips_empty: pattern.is_empty() || recursive && pattern.starts_with(b"**"),
        }
    }

    /// Whether the segment is the last one.
    pub(super) fn is_last(&self, segment: usize) -> bool {
        segment + 1 == self.segments.len()
    }
}

pub(super) fn has_magic(pattern: &[u8]) -> bool {
    memchr::memchr3(b'*', b'?', b'[', pattern).is_some()
}

/// The part behind the last slash, and the part before, without slashes at its end unless it is
/// nothing else.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    let Some(slash) = memchr::memrchr(b'/', path) else { return (b"", path) };
    let (head, name) = (&path[..=slash], &path[slash + 1..]);
    match head.iter().rposition(|&byte| byte != b'/') {
        Some(last) => (&head[..=last], name),
        None => (head, name),
    }
}
