//! The cases of `grep`.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use treenail_compare::Settings;
use treenail_compare::answer::Answer;
use treenail_compare::case::{Case, Contender, Target};
use treenail_compare::work::Work;
use treenail_glob::find::{Find, Ignores};
use treenail_glob::query::{Index, Query};
use treenail_glob::search::Search;
use treenail_glob::search::contents::Contents;
use treenail_tree::live::{LiveTree, Options};

/// Our time over ripgrep's.
const RATIO_MAX: f64 = 1.0;

/// What is printed, in order, as one number. That nothing is found is an answer too.
const SUM: &str = "(\"$@\" || [ $? = 1 ]) | LC_ALL=C sort | md5sum";
/// Runs a program that may find nothing.
const RUN: &str = "\"$@\" || [ $? = 1 ]";

/// All cases of searching.
pub(crate) fn cases(settings: &Settings) -> Vec<Case> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let (dir, treenail) = (text(&settings.corpus), text(&settings.release.join("treenail")));
    let case = |name, args: &[&str]| {
        let ours = [&[&treenail, "grep"], args, &[&dir]].concat();
        let theirs = [&["rg", "--no-config"], args, &[&dir]].concat();
        Case {
            name,
            references: Vec::new(),
            contenders: vec![program("treenail grep", &ours), program("rg", &theirs)],
            size_bytes: None,
            targets: vec![Target::Ratio { rival: "rg", max: RATIO_MAX }],
            facts: Vec::new(),
        }
    };
    vec![
        case("grep: a literal", &["createElement"]),
        case("grep: an alternation", &["createElement|querySelector|addEventListener"]),
        case("grep: a regex without a literal", &[r"\w{5}\s+\w{5}\s+\w{5}\s\d"]),
        case("grep: no match", &["zqzqzqxjqk"]),
        case("grep: whatever the case", &["-i", "createelement"]),
        case("grep: many lines, numbered", &["-n", "the"]),
        case("grep: names of files, hidden and ignored ones too", &["-uu", "-l", "createElement"]),
    ]
}

/// What the index may cost of a search that reads everything.
const INDEX_RATIO_MAX: f64 = 0.5;
/// A search with the index in the same process, from a tree that is known.
const KNOWN_MS_MAX: f64 = 20.0;
/// Everything that is found, in order, as one number, without the directory.
const RELATIVE: &str = "dir=$1; shift; (\"$@\" || [ $? = 1 ]) | sed \"s|^$dir/||\" | \
                        LC_ALL=C sort | md5sum";

/// The cases of the index of contents, on sources: the index, made once beside them, brought up to
/// date first.
pub(crate) fn indexed(settings: &Settings) -> Result<Vec<Case>, String> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let dir = text(&settings.corpus.with_file_name("linux"));
    if !Path::new(&dir).is_dir() {
        eprintln!("no cases of the index: `cargo xtask corpus linux` makes {dir}");
        return Ok(Vec::new());
    }
    let treenail = text(&settings.release.join("treenail"));
    let states = format!("{dir}-states");
    let made = Command::new(&treenail)
        .args(["index", "--content", "--json", &dir])
        .env("XDG_STATE_HOME", &states)
        .output()
        .map_err(|error| format!("{treenail}: {error}"))?;
    if !made.status.success() {
        return Err(format!("{treenail} index: {}", String::from_utf8_lossy(&made.stderr)));
    }
    eprint!("the index of {dir}: {}", String::from_utf8_lossy(&made.stdout));
    let known = Arc::new(Known::open(&dir, &states)?);
    let case = |name, pattern: &'static str| {
        let ours = ["env", &format!("XDG_STATE_HOME={states}"), &treenail, "grep", "--index"];
        let ours = [&ours[..], &["-n", "-e", pattern, &dir]].concat();
        let plain = [&treenail, "grep", "-n", "-e", pattern, &dir];
        let theirs = ["rg", "--no-config", "-n", "-e", pattern, &dir];
        let mut contenders = vec![
            in_process("treenail_glob, tree and index known", known.clone(), pattern),
            program("treenail grep --index", &ours),
            program("treenail grep", &plain),
            program("rg", &theirs),
        ];
        for (contender, argv) in
            contenders[1..].iter_mut().zip([&ours[..], &plain[..], &theirs[..]])
        {
            let sum = Answer::shell(RELATIVE, &[&[&dir[..]], argv].concat());
            contender.answers = vec![("lines", sum)];
        }
        contenders[1].version = Answer::version(&treenail);
        Case {
            name,
            references: Vec::new(),
            contenders,
            size_bytes: None,
            targets: vec![
                Target::Ratio { rival: "rg", max: INDEX_RATIO_MAX },
                Target::WallMs(KNOWN_MS_MAX),
            ],
            facts: Vec::new(),
        }
    };
    Ok(vec![
        case("grep --index: a rare literal", "printk_deferred_once"),
        case("grep --index: a regex with a literal", "[a-z]+_PM_[A-Z]+_SUSPEND"),
        case("grep --index: an alternation", "ns_to_ktime_t|pm_runtime_barrier|zap_vma_ptes"),
        case("grep --index: no match", "zqzqzqxjqk"),
    ])
}

/// A tree and the index of its contents, held in memory as a program does that asks often.
struct Known {
    dir: String,
    index: Index,
    query: Query,
    contents: Contents,
}

impl Known {
    fn open(dir: &str, states: &str) -> Result<Self, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let live = LiveTree::open(Path::new(dir), &Options::default()).map_err(|e| text(&e))?;
        let index = Index::new(live.tree(), Path::new(dir)).map_err(|e| text(&e))?;
        let find = Find::new().root(dir).ignores(Ignores::standard());
        let query = Query::new(&find, Path::new(dir)).map_err(|e| text(&e))?;
        let states = Path::new(states).join("treenail/watch");
        let mut kept = std::fs::read_dir(states).map_err(|e| text(&e))?;
        let kept = kept.next().ok_or("no state")?.map_err(|e| text(&e))?.path().join("contents");
        let contents = Contents::open(&kept).map_err(|e| text(&e))?;
        Ok(Self { dir: dir.to_owned(), index, query, contents })
    }

    /// The lines, with their paths and numbers.
    fn search(&self, pattern: &str) -> Result<Vec<Vec<u8>>, String> {
        let searcher = Search::new([pattern]).compile().map_err(|error| error.to_string())?;
        let sieve = self.contents.sieve(&searcher);
        let files = searcher.files().answer(&self.index.ask(&self.query), &sieve);
        let mut lines = Vec::new();
        for found in files.iter() {
            let found = found.map_err(|error| error.to_string())?;
            let number = found.line().number.unwrap_or(0);
            let path = &found.path()[self.dir.len() + 1..];
            let mut line = [path, format!(":{number}:").as_bytes(), found.line().bytes].concat();
            if line.last() != Some(&b'\n') {
                line.push(b'\n');
            }
            lines.push(line);
        }
        Ok(lines)
    }
}

fn in_process(name: &'static str, known: Arc<Known>, pattern: &'static str) -> Contender {
    let asked = known.clone();
    let answer = Answer::closure(move || {
        let mut lines = asked.search(pattern)?;
        lines.sort_unstable();
        crate::find::md5(&lines.concat())
    });
    Contender {
        name,
        version: Answer::fixed(env!("CARGO_PKG_VERSION")),
        answers: vec![("lines", answer)],
        work: Work::closure(move || known.search(pattern).map(drop)),
    }
}

fn program(name: &'static str, argv: &[&str]) -> Contender {
    Contender {
        name,
        version: Answer::version(argv[0]),
        answers: vec![("lines", Answer::shell(SUM, argv))],
        work: Work::program(&[&["sh", "-c", RUN, "sh"], argv].concat()),
    }
}
