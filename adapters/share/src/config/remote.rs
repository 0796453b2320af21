//! The section `[remote]`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::parse::{Mistake, Wrong, line_of, number, unknown_of};

/// The longest name of a root.
const NAME_BYTES_MAX: usize = 64;

/// The keys.
const KEYS: [&str; 8] =
    ["listen", "tls", "certificate", "key", "token_file", "clients_max", "streams_max", "roots"];

/// How clients on other machines are served.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Remote {
    /// `listen`: the address and port; port 0 is any that is free, and the log says which.
    pub listen: SocketAddr,
    /// `certificate` and `key`: files with the chain of certificates, the daemon's own first, and
    /// with its private key, both as PEM. Nothing if `tls` is false, which only an address of this
    /// machine itself may be.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// `token_file`: the file with what a client has to know.
    pub token_file: PathBuf,
    /// `clients_max`: how many connections are served at once.
    pub clients_max: usize,
    /// `streams_max`: how many subscriptions and other long answers are under way at once.
    pub streams_max: usize,
    /// `roots`: what clients may ask for: a name, and the directory that it stands for. Each is
    /// watched when the first client asks.
    pub roots: BTreeMap<String, PathBuf>,
}

impl Remote {
    /// The files besides the configuration's own that say how clients are served.
    #[cfg_attr(not(unix), expect(dead_code, reason = "only a daemon follows them"))]
    pub(crate) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let identity = self.identity.iter().flat_map(|(certificate, key)| [certificate, key]);
        identity.chain([&self.token_file])
    }
}

/// What the section says; `name` is the place of its name.
pub(super) fn parse(
    text: &str,
    name: Range<usize>,
    section: &Spanned<DeValue<'_>>,
) -> Result<Remote, Mistake> {
    let mistake = |at: Range<usize>, wrong: Wrong| wrong.at_line(line_of(text, at));
    let DeValue::Table(table) = section.get_ref() else {
        let wrong = Wrong::new("`remote` is no section", "write `[remote]` and its keys below");
        return Err(mistake(name, wrong));
    };
    let mut found = Found { clients_max: 64, streams_max: 256, ..Found::default() };
    for (key, value) in table {
        let set = found.set(key.get_ref(), value.get_ref());
        set.map_err(|(in_key, wrong)| {
            mistake(if in_key { key.span() } else { value.span() }, wrong)
        })?;
    }
    found.finish(table).map_err(|(key, wrong)| {
        let at = key.and_then(|key| table.iter().find(|(one, _)| one.get_ref() == key));
        mistake(at.map_or(name, |(key, _)| key.span()), wrong)
    })
}

#[derive(Default)]
struct Found {
    listen: Option<SocketAddr>,
    plain: bool,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    token_file: Option<PathBuf>,
    clients_max: usize,
    streams_max: usize,
    roots: BTreeMap<String, PathBuf>,
}

impl Found {
    /// Takes a key over; what is wrong, and whether in the key.
    fn set(&mut self, key: &str, value: &DeValue<'_>) -> Result<(), (bool, Wrong)> {
        let in_value = |wrong| (false, wrong);
        match key {
            "listen" => self.listen = Some(address(value).map_err(in_value)?),
            "tls" => match value {
                DeValue::Boolean(tls) => self.plain = !tls,
                _ => return Err((false, Wrong::new("`tls` is no flag", "write true or false"))),
            },
            "certificate" => self.certificate = Some(file(key, value).map_err(in_value)?),
            "key" => self.key = Some(file(key, value).map_err(in_value)?),
            "token_file" => self.token_file = Some(file(key, value).map_err(in_value)?),
            "clients_max" => self.clients_max = count(key, value).map_err(in_value)?,
            "streams_max" => self.streams_max = count(key, value).map_err(in_value)?,
            "roots" => self.roots = roots(value).map_err(in_value)?,
            _ => return Err((true, unknown_of(key, &KEYS))),
        }
        Ok(())
    }

    /// What it comes to; or what is missing or does not fit, and the key to blame.
    fn finish(self, table: &DeTable<'_>) -> Result<Remote, (Option<&'static str>, Wrong)> {
        let missing = |key: &str, example: &str| {
            let message = format!("`[remote]` has no `{key}`");
            (None, Wrong::new(message, format!("write `{key} = {example}`")))
        };
        let listen = self.listen.ok_or_else(|| missing("listen", "\"192.0.2.1:7411\""))?;
        let token_file =
            self.token_file.ok_or_else(|| missing("token_file", "\"/a/path/token\""))?;
        let identity = match (self.plain, self.certificate, self.key) {
            (false, Some(certificate), Some(key)) => Some((certificate, key)),
            (false, None, _) => return Err(missing("certificate", "\"/a/path/cert.pem\"")),
            (false, _, None) => return Err(missing("key", "\"/a/path/key.pem\"")),
            (true, None, None) if listen.ip().is_loopback() => None,
            (true, None, None) => {
                let what = format!("`tls = false` and {listen}: others could read all of it");
                let remedy = "listen at 127.0.0.1, or name a certificate and a key";
                return Err((Some("tls"), Wrong::new(what, remedy)));
            }
            (true, ..) => {
                let what = "`tls = false`, and a certificate or key all the same";
                return Err((Some("tls"), Wrong::new(what, "remove the one or the other")));
            }
        };
        if !table.contains_key("roots") {
            return Err(missing("roots", "{ site = \"/srv/site\" }"));
        }
        let Self { clients_max, streams_max, roots, .. } = self;
        Ok(Remote { listen, identity, token_file, clients_max, streams_max, roots })
    }
}

fn address(value: &DeValue<'_>) -> Result<SocketAddr, Wrong> {
    let address = match value {
        DeValue::String(text) => text.parse().ok(),
        _ => None,
    };
    address.ok_or_else(|| {
        let what = "`listen` is no address of this machine with a port";
        Wrong::new(what, "write it as \"192.0.2.1:7411\" or \"[2001:db8::1]:7411\"")
    })
}

fn count(key: &str, value: &DeValue<'_>) -> Result<usize, Wrong> {
    number(key, value, 1, 65_536).map(|count| count as usize)
}

fn file(key: &str, value: &DeValue<'_>) -> Result<PathBuf, Wrong> {
    path(value).ok_or_else(|| {
        Wrong::new(format!("`{key}` is no absolute path"), "write it as \"/a/path\"")
    })
}

fn roots(value: &DeValue<'_>) -> Result<BTreeMap<String, PathBuf>, Wrong> {
    let wrong = |what: String| {
        let remedy = "write `NAME = \"/a/path\"`, a name of at most 64 letters, digits and -._";
        Wrong::new(what, remedy)
    };
    let DeValue::Table(table) = value else {
        return Err(wrong("`roots` is no table of names and paths".to_owned()));
    };
    let root = |(name, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let name: &str = AsRef::<str>::as_ref(name.get_ref() as &std::borrow::Cow<'_, str>);
        let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if !(1..=NAME_BYTES_MAX).contains(&name.len()) || !name.bytes().all(is_fit) {
            return Err(wrong(format!("`{name}` cannot be the name of a root")));
        }
        let path = path(value.get_ref());
        let path = path.ok_or_else(|| wrong(format!("`{name}` stands for no absolute path")))?;
        Ok((name.to_owned(), path))
    };
    table.iter().map(root).collect()
}

fn path(value: &DeValue<'_>) -> Option<PathBuf> {
    match value {
        DeValue::String(path) if Path::new(&**path).is_absolute() && !path.contains('\0') => {
            Some(PathBuf::from(&**path))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::KEYS;
    use crate::config::Config;

    const WHOLE: &str = "[remote]\nlisten = '127.0.0.1:0'\ncertificate = '/c'\nkey = '/k'\n\
                         token_file = '/t'\nclients_max = 3\nstreams_max = 4\n\
                         [remote.roots]\nsite = '/srv/site'\n";

    #[test]
    fn every_key_is_understood() {
        let remote = Config::parse(WHOLE).unwrap().remote.unwrap();
        assert_eq!(remote.listen.port(), 0);
        assert_eq!(remote.identity, Some((PathBuf::from("/c"), PathBuf::from("/k"))));
        assert_eq!((remote.clients_max, remote.streams_max), (3, 4));
        assert_eq!(remote.roots["site"], PathBuf::from("/srv/site"));
        assert_eq!(remote.files().count(), 3);
        let text = WHOLE.replace("certificate = '/c'\nkey = '/k'", "tls = false\n");
        assert_eq!(Config::parse(&text).unwrap().remote.unwrap().identity, None);
        let both = format!("{WHOLE}{text}");
        assert!(KEYS.iter().all(|key| both.contains(key)));
    }

    #[test]
    fn a_mistake_is_told_with_its_line_and_what_to_do() {
        for (before, after, line, remedy) in [
            ("listen = '127.0.0.1:0'\n", "", 1, "`listen = "),
            ("127.0.0.1:0", "localhost", 2, "192.0.2.1:7411"),
            ("key = '/k'\n", "", 1, "`key = "),
            ("certificate = '/c'", "", 1, "`certificate = "),
            ("token_file = '/t'", "", 1, "`token_file = "),
            ("token_file = '/t'", "token_file = 't'", 5, "/a/path"),
            ("token_file", "token", 5, "did you mean `token_file`?"),
            ("clients_max = 3", "clients_max = 0", 6, "1 to 65536"),
            ("streams_max = 4", "tls = false", 7, "remove the one"),
            ("streams_max = 4", "tls = 'no'", 7, "true or false"),
            ("[remote.roots]\nsite = '/srv/site'", "", 1, "`roots = "),
            ("site", "'a name'", 8, "at most 64"),
            ("'/srv/site'", "'site'", 8, "NAME = "),
            (WHOLE, "remote = 3", 1, "[remote]"),
        ] {
            assert!(WHOLE.contains(before), "{before:?}");
            let text = WHOLE.replacen(before, after, 1);
            let mistake = Config::parse(&text).unwrap_err();
            assert!(mistake.remedy.contains(remedy), "{text}: {mistake}");
            assert!(mistake.line == line || mistake.line == line + 1, "{text}: {mistake}");
        }
    }

    #[test]
    fn without_tls_only_this_machine_is_served() {
        let text = WHOLE.replace("certificate = '/c'\nkey = '/k'", "tls = false");
        for (address, fits) in [
            ("127.0.0.1:1", true),
            ("[::1]:1", true),
            ("0.0.0.0:1", false),
            ("[::]:1", false),
            ("192.0.2.1:1", false),
        ] {
            let parsed = Config::parse(&text.replace("127.0.0.1:0", address));
            assert_eq!(parsed.is_ok(), fits, "{address}: {parsed:?}");
            if let Err(mistake) = parsed {
                assert!(mistake.message.contains("tls") && mistake.line == 3, "{mistake}");
            }
        }
    }
}
