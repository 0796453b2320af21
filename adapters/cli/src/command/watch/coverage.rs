//! `treenail watch --coverage`: what is watched how, and what nobody sees.

use serde_json::{Map, json};

use super::follow::State;
use super::lines::backend;
use super::open;
use crate::Outcome;
use crate::args::Watch;
use crate::output::{Failed, Output, insert_path, shown};

pub(super) fn run(args: &Watch, output: &mut Output) -> Result<Outcome, Failed> {
    let (watcher, _) = open(args, &State::none())?;
    let coverage = watcher.coverage()?;
    for row in &coverage.watched {
        if output.json() {
            let mut object = Map::new();
            insert_path(&mut object, "path", &row.path);
            object.insert("backend".into(), backend(row.by).into());
            object.insert("reasons".into(), row.reasons.as_slice().into());
            output.json_line(&json!({ "covered": object }))?;
            continue;
        }
        output.write(&[&*place(&row.path), format!(": by {}\n", row.by).as_bytes()].concat())?;
        for reason in &row.reasons {
            output.write(format!("  {reason}\n").as_bytes())?;
        }
    }
    for row in &coverage.unseen {
        if output.json() {
            let mut object = Map::new();
            insert_path(&mut object, "path", &row.path);
            object.insert("what".into(), row.what.as_str().into());
            output.json_line(&json!({ "unseen": object }))?;
        } else {
            let text = [&*place(&row.path), b": not seen: ", row.what.as_bytes(), b"\n"].concat();
            output.write(&text)?;
        }
    }
    if output.json() {
        let (covered, unseen) = (coverage.watched.len(), coverage.unseen.len());
        let watches = watcher.statistics().feed.watched;
        let summary = json!({ "covered": covered, "unseen": unseen, "watches": watches });
        output.json_line(&json!({ "summary": summary }))?;
    }
    Ok(Outcome::Done)
}

fn place(path: &[u8]) -> Vec<u8> {
    if path.is_empty() { b".".to_vec() } else { shown(path).into_owned() }
}
