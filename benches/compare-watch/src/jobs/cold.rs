//! The first start on a tree of 50,000 files, of which nothing is known yet.

use treenail_compare::figures::{Limit, Table, Target};

use super::Bench;
use super::ready::{columns, figures, slow_rounds, start_in_turns};
use crate::contender::Contender;
use crate::tree::Copy;
use crate::{CHOKIDAR, COMMAND, OURS};

const FILES: usize = 50_000;

pub(crate) fn run(bench: &mut Bench, _: &mut Copy) -> Result<Vec<Table>, String> {
    let mut copy = Copy::open(&bench.settings.corpus, "watched-50k", FILES)?;
    let rounds = bench.share(3);
    let all: Vec<&Contender> = bench.contenders.iter().collect();
    let entrants = start_in_turns(&bench.site, &all, &mut copy, &mut bench.random, rounds);
    let table = Table {
        name: "cold scan".to_owned(),
        note: format!(
            "{} files in {} directories, warm cache; medians of {rounds} interleaved starts, of \
             {} for {CHOKIDAR}.",
            copy.tree.files.len(),
            copy.tree.dirs.len(),
            slow_rounds(rounds)
        ),
        columns: columns(),
        rows: entrants.iter().map(|entrant| entrant.row(figures)).collect(),
        targets: [OURS, COMMAND]
            .map(|contender| Target { contender, column: "complete", limit: Limit::Max(200.0) })
            .into(),
    };
    copy.close()?;
    Ok(vec![table])
}
