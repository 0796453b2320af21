//! Writes matches as they come, in large pieces.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

use treenail::glob::find::{Batch, MatchRef, Sink};
use treenail::glob::{Error, rfc3339};
use treenail::os::Kind;

use super::Found;
use super::color::{Colors, Shown};
use super::link::Links;
use super::template::{Template, separated};
use crate::memory;
use crate::output::{self, Failed};

/// What is written of a match.
pub(super) enum Form {
    /// Nothing: it is enough that there is one.
    Nothing,
    /// The path as it stands in the batch.
    Plain,
    /// A path that is put together.
    Built {
        end: u8,
        template: Option<Template>,
        colors: Option<Box<Colors>>,
        links: Option<Links>,
        separator: Option<Vec<u8>>,
        /// Whether what would confuse a terminal is escaped.
        for_people: bool,
    },
    /// A JSON object.
    Json,
}

/// Writes to standard output from the threads that find.
pub(super) struct Printer<'f, 'a> {
    found: &'f Found<'a>,
    form: Form,
    failed: Mutex<Option<io::Error>>,
}

impl<'f, 'a> Printer<'f, 'a> {
    pub(super) fn new(found: &'f Found<'a>, form: Form) -> Self {
        Self { found, form, failed: Mutex::new(None) }
    }

    /// Whether all could be written.
    pub(super) fn finish(self) -> Result<(), Failed> {
        let failed = self.failed.into_inner().unwrap_or_else(PoisonError::into_inner);
        failed.map_or(Ok(()), |error| Err(error.into()))
    }

    fn write(&self, bytes: &[u8]) -> ControlFlow<()> {
        let mut stdout = io::stdout().lock();
        let _whole = memory::writing();
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                ControlFlow::Break(())
            }
        }
    }
}

impl Sink for Printer<'_, '_> {
    type Worker = Vec<u8>;

    fn worker(&self) -> Vec<u8> {
        Vec::new()
    }

    fn batch(&self, text: &mut Vec<u8>, batch: &mut Batch) -> ControlFlow<()> {
        self.found.matches.fetch_add(batch.len() as u64, Ordering::Relaxed);
        text.clear();
        match &self.form {
            Form::Nothing => return ControlFlow::Continue(()),
            Form::Plain => return self.write(batch.text()),
            Form::Json => batch.iter().for_each(|found| json(&found, text)),
            Form::Built { end, template, colors, links, separator, for_people } => {
                let how = Built { template, colors, separator: separator.as_deref(), for_people };
                let mut shown = Vec::new();
                for found in batch.iter() {
                    match links {
                        Some(links) => {
                            shown.clear();
                            how.write(&found, &mut shown);
                            links.write(found.path(), &shown, text);
                        }
                        None => how.write(&found, text),
                    }
                    text.push(*end);
                }
            }
        }
        self.write(text)
    }

    fn error(&self, _: &mut Vec<u8>, error: Error) -> ControlFlow<()> {
        self.found.error(error);
        ControlFlow::Continue(())
    }
}

/// How a path is put together.
struct Built<'p> {
    template: &'p Option<Template>,
    colors: &'p Option<Box<Colors>>,
    separator: Option<&'p [u8]>,
    for_people: &'p bool,
}

impl Built<'_> {
    fn write(&self, found: &MatchRef<'_>, to: &mut Vec<u8>) {
        if let Some(template) = self.template {
            let mut filled = Vec::new();
            template.fill(found.path(), self.separator, &mut filled);
            self.escape(&filled, to);
            return;
        }
        let part = |text: &[u8]| {
            let (mut parted, mut escaped) = (Vec::new(), Vec::new());
            separated(text, self.separator, &mut parted);
            self.escape(&parted, &mut escaped);
            escaped
        };
        let (dir, name) = (part(found.dir()), part(found.name()));
        match self.colors {
            Some(colors) => {
                let (path, stat) = (found.path(), found.known_stat());
                let shown = Shown { path, name: found.name(), kind: found.kind(), stat };
                colors.write(shown, &dir, &name, to);
            }
            None => {
                to.extend_from_slice(&dir);
                to.extend_from_slice(&name);
                if found.kind() == Kind::Directory {
                    to.extend_from_slice(self.separator.unwrap_or(b"/"));
                }
            }
        }
    }

    fn escape(&self, text: &[u8], to: &mut Vec<u8>) {
        match self.for_people {
            true => to.extend_from_slice(&output::shown(text)),
            false => to.extend_from_slice(text),
        }
    }
}

/// Adds a match as a JSON line.
fn json(found: &MatchRef<'_>, to: &mut Vec<u8>) {
    let mut object = serde_json::Map::new();
    output::insert_path(&mut object, "path", found.path());
    let kind = match found.kind() {
        Kind::File => "file",
        Kind::Directory => "dir",
        Kind::Symlink => "symlink",
        _ => "other",
    };
    object.insert("type".into(), kind.into());
    if let Some(stat) = found.known_stat() {
        if stat.kind == Kind::File {
            object.insert("size_bytes".into(), stat.size_bytes.into());
        }
        if let Some(time) = rfc3339(stat.mtime_ns) {
            object.insert("modified".into(), time.into());
        }
    }
    serde_json::to_writer(&mut *to, &object).expect("memory can be written to");
    to.push(b'\n');
}
