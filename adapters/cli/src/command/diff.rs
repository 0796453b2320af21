//! `treenail diff`: what differs between two directories or snapshots.

use anstyle::AnsiColor;
use serde_json::{Map, Value, json};
use treenail::tree::{Change, ChangeKind, Class, IdKind, Scan, View};

use super::side::{self, Loaded, Side};
use crate::Outcome;
use crate::args::Diff;
use crate::output::{Failed, Output, Problem, insert_path, shown};

pub(crate) fn run(args: &Diff, output: &mut Output) -> Result<Outcome, Failed> {
    let (old, new) = (Side::open(&args.old)?, Side::open(&args.new)?);
    let snapshots = [old.snapshot(), new.snapshot()];
    let from_snapshot = snapshots.iter().flatten().next();
    let ids = match (args.ids, from_snapshot) {
        (Some(ids), _) => ids.kind(),
        (None, Some(snapshot)) => snapshot.ids(),
        (None, None) => Some(IdKind::XXH3),
    };
    let gitignore = args.gitignore || from_snapshot.is_some_and(|snapshot| snapshot.gitignore());
    let scan = Scan::new()
        .threads(args.threads)
        .gitignore(gitignore)
        .same_file_system(args.one_file_system);
    let (mut failures, mut read, mut reused) = (0, 0, 0);
    let mut load = |side: &'_ Side, other: &'_ Side| -> Result<Option<Loaded<'_>>, Failed> {
        let Side::Directory(dir) = side else { return Ok(None) };
        let previous = if args.rehash { None } else { other.snapshot() };
        let previous = previous.filter(|snapshot| snapshot.ids() == ids);
        // Reusing ids is safe for any directory: what proves a file unchanged is its inode.
        let scanned = match previous {
            Some(snapshot) => side::scan(scan.previous(Some(snapshot)), dir, ids, output)?,
            None => side::scan(scan, dir, ids, output)?,
        };
        failures += scanned.failures_total;
        read += scanned.files_read;
        reused += scanned.files_reused;
        Ok(Some(Loaded::Tree(Box::new(scanned.tree), ids)))
    };
    let loaded = [load(&old, &new)?, load(&new, &old)?];
    let [old_loaded, new_loaded] = loaded;
    let old_loaded = old_loaded.or(old.snapshot().map(Loaded::Snapshot)).expect("one of both");
    let new_loaded = new_loaded.or(new.snapshot().map(Loaded::Snapshot)).expect("one of both");
    let difference = old_loaded.diff(&new_loaded, &args.new)?;
    let errors = failures + difference.unknown;
    match print_all(&difference.changes, errors, args, output) {
        // Whoever reads the output has seen enough; the sides differ all the same.
        Ok(()) | Err(Failed::OutputClosed) => {}
        Err(failed) => return Err(failed),
    }
    if difference.unknown > 0 {
        let message = format!(
            "{} entries could not be compared, since their content is not known",
            difference.unknown
        );
        let remedy = Some("see the errors above, or make the snapshot again");
        output.problem(&Problem { kind: "unknown", message, path: None, remedy });
    }
    let counts =
        ALL_KINDS.map(|kind| format!("{} {}", count(&difference.changes, kind), words(kind).1));
    output.note(&format!(
        "{}; {read} files read, {reused} unchanged since the snapshot",
        counts.join(", ")
    ));
    Ok(match (errors, difference.changes.is_empty()) {
        (0, true) => Outcome::Done,
        (0, false) => Outcome::No,
        _ => Outcome::Incomplete,
    })
}

/// The letter, the word and the colour of a kind of change.
fn words(kind: ChangeKind) -> (&'static str, &'static str, AnsiColor) {
    match kind {
        ChangeKind::Added => ("A", "added", AnsiColor::Green),
        ChangeKind::Modified => ("M", "modified", AnsiColor::Yellow),
        ChangeKind::Deleted => ("D", "deleted", AnsiColor::Red),
        ChangeKind::Type => ("T", "type", AnsiColor::Magenta),
        ChangeKind::Renamed => ("R", "renamed", AnsiColor::Cyan),
    }
}

const ALL_KINDS: [ChangeKind; 5] = [
    ChangeKind::Added,
    ChangeKind::Modified,
    ChangeKind::Deleted,
    ChangeKind::Type,
    ChangeKind::Renamed,
];

fn count(changes: &[Change], kind: ChangeKind) -> usize {
    changes.iter().filter(|change| change.kind == kind).count()
}

fn print_all(
    changes: &[Change],
    errors: u64,
    args: &Diff,
    output: &mut Output,
) -> Result<(), Failed> {
    changes.iter().try_for_each(|change| print(change, args, output))?;
    if output.json() { print_summary(changes, errors, output) } else { Ok(()) }
}

fn print(change: &Change, args: &Diff, output: &mut Output) -> Result<(), Failed> {
    let (letter, word, color) = words(change.kind);
    if output.json() {
        let mut object = Map::new();
        object.insert("change".into(), word.into());
        insert_path(&mut object, "path", &change.path);
        if let Some(from) = &change.from {
            insert_path(&mut object, "from", from);
        }
        object.insert("type".into(), type_name(change.class).into());
        return output.json_line(&Value::Object(object));
    }
    if args.null {
        output.write(letter.as_bytes())?;
        for path in change.from.iter().chain([&change.path]) {
            output.write(b"\0")?;
            output.write(path)?;
        }
        return output.write(b"\0");
    }
    output.styled(color.on_default(), letter.as_bytes())?;
    output.write(b" ")?;
    if let Some(from) = &change.from {
        output.write(&shown(from))?;
        output.write(b" -> ")?;
    }
    output.write(&shown(&change.path))?;
    output.write(b"\n")
}

fn type_name(class: Class) -> &'static str {
    match class {
        Class::File | Class::Executable => "file",
        Class::Directory => "dir",
        Class::Symlink => "symlink",
        _ => "other",
    }
}

fn print_summary(changes: &[Change], errors: u64, output: &mut Output) -> Result<(), Failed> {
    let mut summary = Map::new();
    for kind in ALL_KINDS {
        summary.insert(words(kind).1.into(), count(changes, kind).into());
    }
    summary.insert("errors".into(), errors.into());
    output.json_line(&json!({ "summary": summary }))
}
