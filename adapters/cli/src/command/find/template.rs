//! Texts with placeholders for parts of a path.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use treenail::os::{bytes_of, os_str_of};

/// A text with placeholders.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Template(Vec<Part>);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Placeholder {
    Path,
    Name,
    Parent,
    PathWithoutExtension,
    NameWithoutExtension,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Part {
    Text(Vec<u8>),
    Of(Placeholder),
}

/// How placeholders are written; none begins another.
const PLACEHOLDERS: [(&[u8], Placeholder); 5] = [
    (b"{}", Placeholder::Path),
    (b"{/}", Placeholder::Name),
    (b"{//}", Placeholder::Parent),
    (b"{.}", Placeholder::PathWithoutExtension),
    (b"{/.}", Placeholder::NameWithoutExtension),
];

impl Template {
    /// The path alone.
    pub(super) fn path() -> Self {
        Self(vec![Part::Of(Placeholder::Path)])
    }

    /// Reads a text; `{{` and `}}` stand for one brace each.
    pub(super) fn parse(text: &OsStr) -> Self {
        let mut rest = bytes_of(text);
        let (mut parts, mut plain) = (Vec::new(), Vec::new());
        while let Some(&byte) = rest.first() {
            let placeholder = PLACEHOLDERS.iter().find(|(written, _)| rest.starts_with(written));
            if rest.starts_with(b"{{") || rest.starts_with(b"}}") {
                plain.push(byte);
                rest = &rest[2..];
            } else if let Some((written, placeholder)) = placeholder {
                if !plain.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut plain)));
                }
                parts.push(Part::Of(*placeholder));
                rest = &rest[written.len()..];
            } else {
                plain.push(byte);
                rest = &rest[1..];
            }
        }
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Self(parts)
    }

    /// Whether there is a placeholder.
    pub(super) fn has_placeholder(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Of(_)))
    }

    /// Adds the text for a path to `to`; `separator` stands between the parts of what placeholders
    /// stand for.
    pub(super) fn fill(&self, path: &[u8], separator: Option<&[u8]>, to: &mut Vec<u8>) {
        for part in &self.0 {
            match part {
                Part::Text(text) => to.extend_from_slice(text),
                Part::Of(placeholder) => {
                    separated(&part_of(*placeholder, path), separator, to);
                }
            }
        }
    }

    /// The text for a path, as an argument.
    pub(super) fn argument(&self, path: &[u8], separator: Option<&[u8]>) -> OsString {
        let mut filled = Vec::new();
        self.fill(path, separator, &mut filled);
        os_str_of(&filled).map_or_else(|_| OsString::new(), Cow::into_owned)
    }
}

/// Adds a path with another text between its parts.
pub(in crate::command) fn separated(path: &[u8], separator: Option<&[u8]>, to: &mut Vec<u8>) {
    let Some(separator) = separator else { return to.extend_from_slice(path) };
    for (i, part) in path.split(|&byte| byte == b'/').enumerate() {
        if i > 0 {
            to.extend_from_slice(separator);
        }
        to.extend_from_slice(part);
    }
}

fn part_of(placeholder: Placeholder, path: &[u8]) -> Cow<'_, [u8]> {
    let slash = path.iter().rposition(|&byte| byte == b'/');
    let name = slash.map_or(path, |slash| &path[slash + 1..]);
    let parent = match slash {
        Some(0) => &b"/"[..],
        Some(slash) => &path[..slash],
        None => b".",
    };
    match placeholder {
        Placeholder::Path => path.into(),
        Placeholder::Name => name.into(),
        Placeholder::Parent => parent.into(),
        Placeholder::NameWithoutExtension => stem(name).into(),
        Placeholder::PathWithoutExtension => {
            let dir = slash.map_or(0, |slash| slash + 1);
            let shown = &path[..dir + stem(name).len()];
            shown.strip_prefix(b"./").unwrap_or(shown).into()
        }
    }
}

/// A name without its extension; a dot at the beginning begins none.
fn stem(name: &[u8]) -> &[u8] {
    let path = os_str_of(name);
    let stem = path.as_deref().ok().and_then(|name| Path::new(name).file_stem());
    stem.map_or(name, |stem| &name[..bytes_of(stem).len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &str, path: &str) -> String {
        let mut text = Vec::new();
        Template::parse(template.as_ref()).fill(path.as_bytes(), None, &mut text);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn placeholders_are_parts_of_the_path() {
        for (template, path, text) in [
            ("{}", "./a/b.tar.gz", "./a/b.tar.gz"),
            ("{/}", "a/b.c", "b.c"),
            ("{//}", "a/b.c", "a"),
            ("{//}", "b.c", "."),
            ("{//}", "/b.c", "/"),
            ("{.}", "./a/b.tar.gz", "a/b.tar"),
            ("{.}", "a.d/.hidden", "a.d/.hidden"),
            ("{/.}", "a/b.c", "b"),
            ("x{}y{/}", "a/b", "xa/byb"),
        ] {
            assert_eq!(filled(template, path), text, "{template} of {path}");
        }
    }

    #[test]
    fn doubled_braces_are_braces() {
        assert_eq!(filled("{{}}", "a"), "{}");
        assert_eq!(filled("{{{}}}", "a"), "{a}");
        assert!(!Template::parse("{{/}} {x}".as_ref()).has_placeholder());
    }

    #[test]
    fn a_separator_replaces_slashes_of_placeholders_alone() {
        let mut text = Vec::new();
        Template::parse("/{}".as_ref()).fill(b"a/b", Some(b"::"), &mut text);
        assert_eq!(text, b"/a::b");
    }
}
