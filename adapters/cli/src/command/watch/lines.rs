//! Changes as lines, for people and for programs.

use anstyle::AnsiColor;
use serde_json::{Map, Value, json};
use treenail::os::feed::Rung;
#[cfg(feature = "remote")]
use treenail::share::{Delivered, Received, protocol::Entry};
#[cfg(feature = "remote")]
use treenail::tree::Class;
use treenail::tree::live::{Change, Clock, EventKind, Fresh, Gap};
use treenail::watch::{Report, Type};

use crate::output::{Failed, Output, hex, insert_path, shown};

/// What is printed of a report, whoever made it.
pub(crate) struct Told {
    pub(crate) clock: Clock,
    pub(crate) changes: Vec<Change>,
    pub(crate) gaps: Vec<Gap>,
    pub(crate) fresh: Option<Fresh>,
}

impl From<Report> for Told {
    fn from(report: Report) -> Self {
        let Report { clock, changes, gaps, fresh, .. } = report;
        Self { clock, changes, gaps, fresh }
    }
}

#[cfg(feature = "remote")]
impl Told {
    /// What another process has sent; `everything` says what there is, where that is needed.
    pub(crate) fn received<E>(
        received: Received,
        everything: impl FnOnce() -> Result<Vec<Change>, E>,
    ) -> Result<Self, E> {
        let clock = received.clock;
        let told = Self { clock, changes: Vec::new(), gaps: Vec::new(), fresh: None };
        Ok(match received.what {
            Delivered::Batch(batch) => {
                Self { changes: batch.changes.clone(), gaps: batch.gaps.clone(), ..told }
            }
            Delivered::Net { changes, gaps } => {
                Self { changes: changes.into_iter().map(Change::from).collect(), gaps, ..told }
            }
            Delivered::Fresh(fresh) => Self { changes: everything()?, fresh: Some(fresh), ..told },
        })
    }
}

/// An entry as if it had just come.
#[cfg(feature = "remote")]
pub(crate) fn created(entry: Entry) -> Change {
    Change {
        stat: Some(entry.stat),
        id: entry.id,
        ..Change::new(EventKind::Create, Class::of(&entry.stat), entry.path.into())
    }
}

/// Prints reports one after another.
pub(crate) struct Lines {
    /// The moment up to which everything has been printed.
    clock: Clock,
}

impl Lines {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock }
    }

    /// Prints a report. Whoever reads a line can go on from its clock, should no more follow: so
    /// the last line alone has the report's.
    pub(crate) fn print(&mut self, report: &Told, output: &mut Output) -> Result<(), Failed> {
        let fresh =
            report.fresh.map(|fresh| Gap { path: Box::default(), reason: fresh.to_string() });
        for gap in fresh.iter().chain(&report.gaps) {
            print_gap(gap, output)?;
        }
        let last = report.changes.len().saturating_sub(1);
        for (at, change) in report.changes.iter().enumerate() {
            let clock = if at == last { report.clock } else { self.clock };
            match output.json() {
                true => print_json(change, report.clock.tick, clock, output)?,
                false => print_text(change, output)?,
            }
        }
        self.clock = report.clock;
        Ok(())
    }
}

fn print_gap(gap: &Gap, output: &mut Output) -> Result<(), Failed> {
    if output.json() {
        let mut object = Map::new();
        insert_path(&mut object, "path", &gap.path);
        object.insert("reason".into(), gap.reason.as_str().into());
        return output.json_line(&json!({ "gap": object }));
    }
    let path = if gap.path.is_empty() { b".".into() } else { shown(&gap.path) };
    output.styled(AnsiColor::Red.on_default().bold(), b"!")?;
    output.write(&[b" ", &*path, b": ", gap.reason.as_bytes(), b"\n"].concat())
}

fn print_json(change: &Change, tick: u64, clock: Clock, output: &mut Output) -> Result<(), Failed> {
    let mut object = Map::new();
    object.insert("tick".into(), tick.into());
    object.insert("clock".into(), clock.to_string().into());
    object.insert("kind".into(), change.kind.name().into());
    object.insert("type".into(), Type::of(change.class).name().into());
    insert_path(&mut object, "path", &change.path);
    if let Some(from) = &change.from {
        insert_path(&mut object, "from", from);
    }
    if let Some(id) = &change.id {
        object.insert("id".into(), hex(id.as_bytes()).into());
    }
    if change.open_for_write {
        object.insert("open_for_write".into(), true.into());
    }
    if change.quiet {
        object.insert("quiet".into(), true.into());
    }
    if !change.ranges.is_empty() {
        let ranges = change.ranges.iter().map(|range| json!([range.start, range.end]));
        object.insert("ranges".into(), ranges.collect());
    }
    output.json_line(&Value::Object(object))
}

fn print_text(change: &Change, output: &mut Output) -> Result<(), Failed> {
    let (letter, color) = match change.kind {
        EventKind::Create => (b"A", AnsiColor::Green),
        EventKind::Modify => (b"M", AnsiColor::Yellow),
        EventKind::Delete => (b"D", AnsiColor::Red),
        EventKind::Rename => (b"R", AnsiColor::Cyan),
    };
    output.styled(color.on_default(), letter)?;
    output.write(b" ")?;
    if let Some(from) = &change.from {
        output.write(&shown(from))?;
        output.write(b" -> ")?;
    }
    output.write(&shown(&change.path))?;
    let is_dir = Type::of(change.class) == Type::Dir;
    output.write(if is_dir { b"/\n" } else { b"\n" })
}

/// The name of a back end in JSON, and of its option.
pub(crate) fn backend(rung: Rung) -> &'static str {
    match rung {
        Rung::FileSystem => "filesystem",
        Rung::Inodes => "inodes",
        Rung::Inotify => "inotify",
        Rung::System => "system",
        _ => "polling",
    }
}
