//! Walking, counting and hashing a directory of 100,000 files.

use std::path::{Path, PathBuf};
use std::process::Command;

use treenail_compare::Settings;
use treenail_compare::answer::Answer;
use treenail_compare::case::{Case, Contender, Target};
use treenail_compare::work::Work;

use crate::floor;

/// The contender that opens, reads and closes every file, and nothing else.
const FLOOR: &str = "merely reading, 2 threads";
const FLOOR_THREADS: usize = 2;

/// What every case works on.
struct Inputs {
    /// The corpus.
    dir: String,
    /// The regular files in it, each name ended by a zero byte.
    list: PathBuf,
    /// The binary.
    treenail: String,
    /// The example that walks and counts.
    walk: String,
}

/// All cases of the comparison.
///
/// # Errors
/// If the list of the corpus's files cannot be made.
pub(crate) fn cases(settings: &Settings) -> Result<Vec<Case>, String> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let inputs = Inputs {
        dir: text(&settings.corpus),
        list: settings.release.join("treenail-compare.list"),
        treenail: text(&settings.release.join("treenail")),
        walk: text(&settings.release.join("examples/walk")),
    };
    write_list(&inputs)?;
    Ok(vec![walk(&inputs), stat(&inputs), blake3(&inputs), xxh3(&inputs)])
}

/// Names and kinds of all entries.
fn walk(on: &Inputs) -> Case {
    let dir = on.dir.as_str();
    Case {
        name: "walk, names and types",
        references: vec![
            ("entries", Answer::shell("find \"$1\" -mindepth 1 -printf x | wc -c", &[dir])),
            ("files", Answer::shell("find \"$1\" -type f -printf x | wc -c", &[dir])),
        ],
        contenders: vec![
            Contender {
                name: "treenail-os walk",
                version: Answer::fixed(env!("CARGO_PKG_VERSION")),
                answers: vec![(
                    "entries",
                    Answer::shell("\"$1\" \"$2\" | cut -d' ' -f1", &[&on.walk, dir]),
                )],
                work: Work::program(&[&on.walk, dir]),
            },
            Contender {
                name: "bfs",
                version: Answer::version("bfs"),
                answers: vec![("entries", Answer::shell("bfs \"$1\" -mindepth 1 | wc -l", &[dir]))],
                work: Work::program(&["bfs", dir]),
            },
            Contender {
                name: "find",
                version: Answer::version("find"),
                answers: vec![(
                    "entries",
                    Answer::shell("find \"$1\" -mindepth 1 | wc -l", &[dir]),
                )],
                work: Work::program(&["find", dir]),
            },
            Contender {
                name: "fd -uu",
                version: Answer::version("fd"),
                answers: vec![("entries", Answer::shell("fd -uu . \"$1\" | wc -l", &[dir]))],
                work: Work::program(&["fd", "-uu", ".", dir]),
            },
            Contender {
                name: "rg --files -uu",
                version: Answer::version("rg"),
                answers: vec![("files", Answer::shell("rg --files -uu \"$1\" | wc -l", &[dir]))],
                work: Work::program(&["rg", "--files", "-uu", dir]),
            },
        ],
        size_bytes: None,
        targets: vec![Target::Ratio { rival: "bfs", max: 0.5 }],
        facts: Vec::new(),
    }
}

/// The tree without contents: every file's status is asked for, which `find -type f` does not do.
fn stat(on: &Inputs) -> Case {
    let dir = on.dir.as_str();
    let sized = "find \"$1\" -type f -printf '%s\\n' | awk '{n++; s += $1} END {print n, s}'";
    Case {
        name: "tree --ids none",
        references: vec![
            ("entries", Answer::shell("find \"$1\" -mindepth 1 -printf x | wc -c", &[dir])),
            ("files and bytes", Answer::shell(sized, &[dir])),
        ],
        contenders: vec![
            treenail(on, "treenail tree --ids none", "none"),
            Contender {
                name: "merely walking and statting",
                version: Answer::fixed(env!("CARGO_PKG_VERSION")),
                answers: vec![(
                    "entries",
                    Answer::shell("\"$1\" --stat \"$2\" | sed -n '1s/ .*//p'", &[&on.walk, dir]),
                )],
                work: Work::program(&[&on.walk, "--stat", dir]),
            },
            Contender {
                name: "find -type f",
                version: Answer::version("find"),
                answers: vec![("files", Answer::shell("find \"$1\" -type f | wc -l", &[dir]))],
                work: Work::program(&["find", dir, "-type", "f"]),
            },
            Contender {
                name: "find -type f -printf %s",
                version: Answer::version("find"),
                answers: vec![(
                    "files",
                    Answer::shell("find \"$1\" -type f -printf '%s\\n' | wc -l", &[dir]),
                )],
                work: Work::program(&["find", dir, "-type", "f", "-printf", "%s\n"]),
            },
        ],
        size_bytes: None,
        targets: vec![Target::Ratio { rival: "find -type f", max: 1.0 }],
        facts: Vec::new(),
    }
}

/// Content ids by BLAKE3.
fn blake3(on: &Inputs) -> Case {
    let dir = on.dir.as_str();
    let by_list = |name, program: &str, argv: &[&str], line| Contender {
        name,
        version: Answer::version(program),
        answers: vec![(
            if program == "b3sum" { "BLAKE3 digests" } else { "number of digests" },
            Answer::shell(line, &[&on.list.to_string_lossy()]),
        )],
        work: Work::program_on(&on.list, argv),
    };
    let ours = "< \"$1\" xargs -0 \"$2\" hash --algo blake3 -- | sort | sha256sum";
    Case {
        name: "tree --ids blake3",
        references: vec![
            ("files and bytes", files_and_bytes(dir)),
            ("number of digests", Answer::shell("find \"$1\" -type f -printf x | wc -c", &[dir])),
            ("BLAKE3 digests", Answer::shell(ours, &[&on.list.to_string_lossy(), &on.treenail])),
        ],
        contenders: vec![
            treenail(on, "treenail tree --ids blake3", "blake3"),
            by_list(
                "b3sum, two at a time",
                "b3sum",
                &["xargs", "-0", "-P", "2", "-n", "4000", "b3sum", "--num-threads", "1", "--"],
                "< \"$1\" xargs -0 b3sum -- | sort | sha256sum",
            ),
            by_list(
                "b3sum",
                "b3sum",
                &["xargs", "-0", "-s", "2000000", "b3sum", "--"],
                "< \"$1\" xargs -0 b3sum -- | sort | sha256sum",
            ),
            by_list(
                "xxhsum -H2",
                "xxhsum",
                &["xargs", "-0", "-s", "2000000", "xxhsum", "-H2", "--"],
                "< \"$1\" xargs -0 xxhsum -H2 -- | wc -l",
            ),
            by_list(
                "sha256sum",
                "sha256sum",
                &["xargs", "-0", "-s", "2000000", "sha256sum", "--"],
                "< \"$1\" xargs -0 sha256sum -- | wc -l",
            ),
        ],
        size_bytes: None,
        targets: vec![
            Target::Ratio { rival: "b3sum", max: 1.0 / 1.5 },
            Target::Ratio { rival: "b3sum, two at a time", max: 1.0 / 1.5 },
        ],
        facts: Vec::new(),
    }
}

/// Content ids by XXH3, beside reading the files and doing nothing with them.
fn xxh3(on: &Inputs) -> Case {
    let dir = on.dir.as_str();
    let list = on.list.to_string_lossy().into_owned();
    Case {
        name: "tree --ids xxh3",
        references: vec![
            ("files and bytes", files_and_bytes(dir)),
            (
                "bytes",
                Answer::shell(
                    "find \"$1\" -type f -printf '%s\\n' | awk '{s += $1} END {print s}'",
                    &[dir],
                ),
            ),
            ("number of digests", Answer::shell("find \"$1\" -type f -printf x | wc -c", &[dir])),
        ],
        contenders: vec![
            treenail(on, "treenail tree --ids xxh3", "xxh3"),
            merely_reading(on),
            Contender {
                name: "xxhsum -H2",
                version: Answer::version("xxhsum"),
                answers: vec![(
                    "number of digests",
                    Answer::shell("< \"$1\" xargs -0 xxhsum -H2 -- | wc -l", &[&list]),
                )],
                work: Work::program_on(
                    &on.list,
                    &["xargs", "-0", "-s", "2000000", "xxhsum", "-H2", "--"],
                ),
            },
        ],
        size_bytes: None,
        targets: vec![Target::Ratio { rival: FLOOR, max: 1.3 }],
        facts: Vec::new(),
    }
}

/// In this process: a start of our own small program is nothing beside the reading.
fn merely_reading(on: &Inputs) -> Contender {
    let (list, again) = (on.list.clone(), on.list.clone());
    Contender {
        name: FLOOR,
        version: Answer::fixed(env!("CARGO_PKG_VERSION")),
        answers: vec![(
            "bytes",
            Answer::closure(move || Ok(floor::read_all(&list, FLOOR_THREADS)?.to_string())),
        )],
        work: Work::closure(move || floor::read_all(&again, FLOOR_THREADS).map(drop)),
    }
}

/// `treenail tree` with the ids, checked by the number of files and their size.
fn treenail(on: &Inputs, name: &'static str, ids: &str) -> Contender {
    let args = ["tree", "--ids", ids, &on.dir];
    Contender {
        name,
        version: Answer::version(&on.treenail),
        answers: vec![(
            "files and bytes",
            Answer::summary(&on.treenail, &args, &["files", "size_bytes"]),
        )],
        work: Work::program(&[&[on.treenail.as_str()], &args[..]].concat()),
    }
}

pub(crate) fn files_and_bytes(dir: &str) -> Answer {
    Answer::shell(
        "find \"$1\" -type f -printf '%s\\n' | awk '{n++; s += $1} END {print n, s}'",
        &[dir],
    )
}

/// Writes the list of the corpus's regular files.
fn write_list(on: &Inputs) -> Result<(), String> {
    let file =
        std::fs::File::create(&on.list).map_err(|e| format!("{}: {e}", on.list.display()))?;
    let find = Command::new("find").args([&on.dir, "-type", "f", "-print0"]).stdout(file).status();
    match find {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("find {}: {status}", on.dir)),
        Err(e) => Err(format!("cannot start find: {e}")),
    }
}
