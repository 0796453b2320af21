//! A configuration as TOML.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::{DeTable, DeValue};

use super::Config;
use crate::problem::Problem;

/// All keys.
const KEYS: [&str; 8] = [
    "idle_seconds",
    "ring_bytes",
    "rings_bytes_max",
    "clients_max",
    "roots_max",
    "history_bytes",
    "poll_seconds",
    "roots",
];

/// What is wrong with a configuration, and in which line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mistake {
    /// The line, from 1 on.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

impl Mistake {
    /// The mistake in a file.
    #[must_use]
    pub fn at(self, path: &Path) -> Problem {
        let message = format!("line {}: {}", self.line, self.message);
        Problem::new(Problem::CONFIG, message).at(path).remedy(self.remedy)
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}; {}", self.line, self.message, self.remedy)
    }
}

impl std::error::Error for Mistake {}

pub(super) fn parse(text: &str) -> Result<Config, Mistake> {
    let table = DeTable::parse(text).map_err(|error| Mistake {
        line: line_of(text, error.span().unwrap_or_default()),
        message: error.message().trim().to_owned(),
        remedy: "write `key = value`, as TOML has it".to_owned(),
    })?;
    let mut config = Config::default();
    for (key, value) in table.get_ref() {
        let (name, value_at) = (key.get_ref().as_ref(), value.span());
        #[cfg(feature = "remote")]
        if name == "remote" {
            config.remote = Some(super::remote::parse(text, key.span(), value)?);
            continue;
        }
        let set = set(&mut config, name, value.get_ref());
        set.map_err(|Wrong { in_key, message, remedy }| {
            let at = if in_key { key.span() } else { value_at };
            Mistake { line: line_of(text, at), message, remedy }
        })?;
    }
    Ok(config)
}

/// What is wrong with an entry.
pub(super) struct Wrong {
    in_key: bool,
    message: String,
    remedy: String,
}

#[cfg(feature = "remote")]
impl Wrong {
    pub(super) fn new(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { in_key: false, message: message.into(), remedy: remedy.into() }
    }

    pub(super) fn at_line(self, line: usize) -> Mistake {
        Mistake { line, message: self.message, remedy: self.remedy }
    }
}

fn set(config: &mut Config, key: &str, value: &DeValue<'_>) -> Result<(), Wrong> {
    let number = |least: u64, most: u64| number(key, value, least, most);
    let size = |least: u64, most: u64| number(least, most).map(|number| number as usize);
    match key {
        "idle_seconds" => {
            let seconds = number(0, 365 * 86_400)?;
            config.idle = (seconds > 0).then(|| Duration::from_secs(seconds));
        }
        "ring_bytes" => {
            config.ring_bytes = size(0, 1 << 30)?;
            if (1..64 << 10).contains(&config.ring_bytes) {
                return Err(out_of_range(key, "0, or 65536 to 1073741824"));
            }
        }
        "rings_bytes_max" => config.rings_bytes_max = size(0, 1 << 40)?,
        "clients_max" => config.clients_max = size(1, 65_536)?,
        "roots_max" => config.roots_max = size(1, 65_536)?,
        "history_bytes" => config.history_bytes = size(64 << 10, 1 << 36)?,
        "poll_seconds" => config.poll_every = Duration::from_secs(number(1, 86_400)?),
        "roots" => config.roots = roots(value)?,
        #[cfg(not(feature = "remote"))]
        "remote" => return Err(without_remote()),
        _ => return Err(unknown(key)),
    }
    Ok(())
}

#[cfg(not(feature = "remote"))]
fn without_remote() -> Wrong {
    Wrong {
        in_key: true,
        message: "this program is built without what serves other machines".to_owned(),
        remedy: "build it with the feature `remote`, or remove the section".to_owned(),
    }
}

pub(super) fn number(key: &str, value: &DeValue<'_>, least: u64, most: u64) -> Result<u64, Wrong> {
    let number = match value {
        DeValue::Integer(number) => {
            let digits = number.as_str().strip_prefix('+').unwrap_or(number.as_str());
            u64::from_str_radix(digits, number.radix()).ok()
        }
        _ => None,
    };
    let range = || format!("{least} to {most}");
    number.filter(|n| (least..=most).contains(n)).ok_or_else(|| out_of_range(key, &range()))
}

fn out_of_range(key: &str, range: &str) -> Wrong {
    let message = format!("`{key}` is not in its range");
    Wrong { in_key: false, message, remedy: format!("write a whole number, {range}") }
}

fn roots(value: &DeValue<'_>) -> Result<Vec<PathBuf>, Wrong> {
    let wrong = || Wrong {
        in_key: false,
        message: "`roots` is no list of absolute paths".to_owned(),
        remedy: "write `roots = [\"/a/path\", \"/another\"]`".to_owned(),
    };
    let DeValue::Array(items) = value else { return Err(wrong()) };
    let root = |value: &DeValue<'_>| match value {
        DeValue::String(path) if Path::new(&**path).is_absolute() && !path.contains('\0') => {
            Ok(PathBuf::from(&**path))
        }
        _ => Err(wrong()),
    };
    items.iter().map(|item| root(item.get_ref())).collect()
}

fn unknown(key: &str) -> Wrong {
    unknown_of(key, &KEYS)
}

pub(super) fn unknown_of(key: &str, keys: &[&str]) -> Wrong {
    let begins = keys.iter().find(|known| !key.is_empty() && known.starts_with(key));
    let near = keys.iter().min_by_key(|known| distance(key, known));
    let near = begins.or(near.filter(|known| distance(key, known) <= 3));
    let remedy = match near {
        Some(known) => format!("did you mean `{known}`?"),
        None => format!("the keys are {}", keys.join(", ")),
    };
    Wrong { in_key: true, message: format!("`{key}` is no key of this file"), remedy }
}

/// How many letters have to be inserted, removed or replaced to make one text of the other
/// (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.bytes().enumerate() {
            let replaced = corner + usize::from(x != y);
            corner = row[j + 1];
            row[j + 1] = replaced.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

pub(super) fn line_of(text: &str, span: Range<usize>) -> usize {
    let before = &text.as_bytes()[..span.start.min(text.len())];
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::{KEYS, parse};
    use crate::config::Config;

    #[test]
    fn an_empty_file_says_nothing() {
        assert_eq!(parse("# nothing\n"), Ok(Config::default()));
    }

    #[test]
    fn every_key_is_understood() {
        let text = "idle_seconds = 0\nring_bytes = 0x10_0000\nrings_bytes_max = 3\n\
                    clients_max = 4\nroots_max = 5\nhistory_bytes = 1_000_000\npoll_seconds = 7\n\
                    roots = ['/a b', \"/c\"]\n";
        let expected = Config {
            idle: None,
            ring_bytes: 1 << 20,
            rings_bytes_max: 3,
            clients_max: 4,
            roots_max: 5,
            history_bytes: 1_000_000,
            poll_every: Duration::from_secs(7),
            roots: vec![PathBuf::from("/a b"), PathBuf::from("/c")],
            #[cfg(feature = "remote")]
            remote: None,
        };
        assert_eq!(parse(text), Ok(expected));
        assert!(KEYS.iter().all(|key| text.contains(key)));
    }

    #[cfg(not(feature = "remote"))]
    #[test]
    fn a_section_for_what_is_not_built_in_is_refused() {
        let mistake = parse("\n[remote]\nlisten = '127.0.0.1:1'").unwrap_err();
        assert!(mistake.line == 2 && mistake.remedy.contains("feature `remote`"), "{mistake}");
    }

    #[test]
    fn a_mistake_is_told_with_its_line_and_what_to_do() {
        for (text, line, remedy) in [
            ("\n\nidle_second = 3", 3, "did you mean `idle_seconds`?"),
            ("idle = 3", 1, "did you mean `idle_seconds`?"),
            ("colour = 3", 1, "the keys are idle_seconds,"),
            ("\nclients_max = 0", 2, "a whole number, 1 to 65536"),
            ("clients_max = -1", 1, "a whole number"),
            ("clients_max = '3'", 1, "a whole number"),
            ("clients_max = 99999999999999999999999", 1, "a whole number"),
            ("ring_bytes = 1000", 1, "0, or 65536 to"),
            ("#\n#\nroots = ['relative']", 3, "roots = ["),
            ("roots = '/one'", 1, "roots = ["),
            ("roots = [\n1]", 1, "roots = ["),
            ("a = 1\nb = = 2", 2, "key = value"),
            ("roots = [", 1, "key = value"),
            ("poll_seconds = 1\npoll_seconds = 2", 2, "key = value"),
        ] {
            let mistake = parse(text).unwrap_err();
            assert_eq!(mistake.line, line, "{text:?}: {mistake}");
            assert!(mistake.remedy.contains(remedy), "{text:?}: {mistake}");
        }
    }
}
