//! The cases of `grep`.

use std::path::Path;

use treenail_compare::Settings;
use treenail_compare::answer::Answer;
use treenail_compare::case::{Case, Contender, Target};
use treenail_compare::work::Work;

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

fn program(name: &'static str, argv: &[&str]) -> Contender {
    Contender {
        name,
        version: Answer::version(argv[0]),
        answers: vec![("lines", Answer::shell(SUM, argv))],
        work: Work::program(&[&["sh", "-c", RUN, "sh"], argv].concat()),
    }
}
