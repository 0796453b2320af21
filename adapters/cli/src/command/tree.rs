//! `treenail tree`: what is in a directory.

use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount};
use serde_json::json;
use treenail::os::bytes_of;
use treenail::tree::{Counts, Scan, Scanned, View};

use super::side;
use crate::Outcome;
use crate::args::Tree;
use crate::output::{Failed, Output, hex, shown};

pub(crate) fn run(args: &Tree, output: &mut Output) -> Result<Outcome, Failed> {
    let begun = Instant::now();
    let ids = args.ids.kind();
    let scan = Scan::new()
        .threads(args.threads)
        .gitignore(args.gitignore)
        .same_file_system(args.one_file_system);
    let scanned = side::scan(scan, &args.dir, ids, output)?;
    let view = scanned.tree.view(ids);
    let mut unsaved = 0;
    if let Some(file) = &args.save {
        // What the scan found is told all the same.
        if let Err(error) = view.save(file) {
            output.problem(&error.into());
            unsaved = 1;
        }
    }
    let elapsed = begun.elapsed();
    let summary = Summary {
        scanned: &scanned,
        args,
        digest: view.root_digest().map(hex),
        elapsed,
        errors: scanned.failures_total + unsaved,
    };
    match output.json() {
        true => summary.json(output)?,
        false => summary.text(output)?,
    }
    let outcome = if summary.errors == 0 { Outcome::Done } else { Outcome::Incomplete };
    // The process ends now and gives its memory back at once; block by block takes longer.
    std::mem::forget(scanned);
    Ok(outcome)
}

fn ids_name(args: &Tree) -> &'static str {
    args.ids.kind().map_or("none", |kind| kind.name)
}

struct Summary<'a> {
    scanned: &'a Scanned,
    args: &'a Tree,
    digest: Option<String>,
    elapsed: Duration,
    errors: u64,
}

impl Summary<'_> {
    fn json(&self, output: &mut Output) -> Result<(), Failed> {
        let Counts { files, dirs, symlinks, others, size_bytes } = self.scanned.tree.counts();
        output.json_line(&json!({ "summary": {
            "files": files,
            "dirs": dirs,
            "symlinks": symlinks,
            "others": others,
            "size_bytes": size_bytes,
            "digest": self.digest,
            "ids": ids_name(self.args),
            "elapsed_ms": (self.elapsed.as_secs_f64() * 1e6).round() / 1e3,
            "errors": self.errors,
        }}))
    }

    fn text(&self, output: &mut Output) -> Result<(), Failed> {
        let scanned = self.scanned;
        let counts = scanned.tree.counts();
        let seconds = self.elapsed.as_secs_f64();
        let rate = HumanCount((counts.entries() as f64 / seconds) as u64);
        let read = match scanned.bytes_read {
            0 => String::new(),
            bytes => format!(", {}/s", HumanBytes((bytes as f64 / seconds) as u64)),
        };
        let digest = match &self.digest {
            Some(digest) => digest,
            None if scanned.failures_total > 0 => "unknown, since not everything could be read",
            None => "none",
        };
        let mut text = shown(bytes_of(self.args.dir.as_os_str())).into_owned();
        let rows = [
            ("files", HumanCount(counts.files).to_string()),
            ("dirs", HumanCount(counts.dirs).to_string()),
            ("symlinks", HumanCount(counts.symlinks).to_string()),
            ("others", HumanCount(counts.others).to_string()),
            ("size", format!("{} ({} bytes)", HumanBytes(counts.size_bytes), counts.size_bytes)),
            ("ids", ids_name(self.args).to_owned()),
            ("digest", digest.to_owned()),
            ("time", format!("{:.0} ms ({rate} entries/s{read})", seconds * 1e3)),
        ];
        for (name, value) in rows {
            text.extend_from_slice(format!("\n  {name:<9} {value}").as_bytes());
        }
        if self.errors > 0 {
            text.extend_from_slice(format!("\n  errors    {}", self.errors).as_bytes());
        }
        if output.verbose() {
            let memory = scanned.tree.memory_bytes();
            let each = memory as f64 / counts.entries().max(1) as f64;
            let line =
                format!("\n  memory    {} ({each:.0} bytes an entry)", HumanBytes(memory as u64));
            text.extend_from_slice(line.as_bytes());
        }
        text.push(b'\n');
        output.write(&text)
    }
}
