//! `treenail grep`: ripgrep's output, byte for byte, on files that show what it does.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Ran, command, finish, make, other, place, run, run_with_input};

/// What is searched.
const FILES: &[(&str, &str)] = &[
    ("src/main.rs", "fn main() {\n    let needle = 1;\n}\n"),
    ("src/lib.rs", "// Needle\npub fn needle() {}\n\npub fn other() {}\n"),
    ("notes.md", "needle in a haystack, needle\nnothing\nlast\n"),
    ("binary.bin", "needle\0\nneedle\n"),
    (".hidden", "needle\n"),
    ("ignored.log", "needle\n"),
    (".ignore", "*.log\n"),
];

/// Arguments beside `--sort path`, and the exit status and output of ripgrep 13 and 15.
const CASES: &[(&[&str], i32, &str)] = &[
    (
        &["needle"],
        0,
        "notes.md:needle in a haystack, needle\n\
         src/lib.rs:pub fn needle() {}\n\
         src/main.rs:    let needle = 1;\n",
    ),
    (
        &["-n", "needle"],
        0,
        "notes.md:1:needle in a haystack, needle\n\
         src/lib.rs:2:pub fn needle() {}\n\
         src/main.rs:2:    let needle = 1;\n",
    ),
    (&["-i", "-c", "needle"], 0, "notes.md:1\nsrc/lib.rs:2\nsrc/main.rs:1\n"),
    (&["--count-matches", "needle"], 0, "notes.md:2\nsrc/lib.rs:1\nsrc/main.rs:1\n"),
    (&["-l", "needle"], 0, "notes.md\nsrc/lib.rs\nsrc/main.rs\n"),
    (&["--files-without-match", "needle"], 0, ""),
    (
        &["-o", "-b", "needle"],
        0,
        "notes.md:0:needle\n\
         notes.md:22:needle\n\
         src/lib.rs:17:needle\n\
         src/main.rs:20:needle\n",
    ),
    (
        &["-w", "-n", "let|pub"],
        0,
        "src/lib.rs:2:pub fn needle() {}\n\
         src/lib.rs:4:pub fn other() {}\n\
         src/main.rs:2:    let needle = 1;\n",
    ),
    (&["-x", r"\}"], 0, "src/main.rs:}\n"),
    (
        &["-v", "-n", "e"],
        0,
        "notes.md:2:nothing\n\
         notes.md:3:last\n\
         src/lib.rs:3:\n\
         src/main.rs:1:fn main() {\n\
         src/main.rs:3:}\n",
    ),
    (
        &["-F", "()"],
        0,
        "src/lib.rs:pub fn needle() {}\n\
         src/lib.rs:pub fn other() {}\n\
         src/main.rs:fn main() {\n",
    ),
    (&["-C1", "-n", "other"], 0, "src/lib.rs-3-\nsrc/lib.rs:4:pub fn other() {}\n"),
    (
        &["-A1", "-e", "main", "-e", "other"],
        0,
        "src/lib.rs:pub fn other() {}\n\
         --\n\
         src/main.rs:fn main() {\n\
         src/main.rs-    let needle = 1;\n",
    ),
    (&["-m1", "-n", "fn"], 0, "src/lib.rs:2:pub fn needle() {}\nsrc/main.rs:1:fn main() {\n"),
    (
        &["-r", "<$0>", "needle"],
        0,
        "notes.md:<needle> in a haystack, <needle>\n\
         src/lib.rs:pub fn <needle>() {}\n\
         src/main.rs:    let <needle> = 1;\n",
    ),
    (
        &["--column", "needle"],
        0,
        "notes.md:1:1:needle in a haystack, needle\n\
         src/lib.rs:2:8:pub fn needle() {}\n\
         src/main.rs:2:9:    let needle = 1;\n",
    ),
    (
        &["--vimgrep", "needle"],
        0,
        "notes.md:1:1:needle in a haystack, needle\n\
         notes.md:1:23:needle in a haystack, needle\n\
         src/lib.rs:2:8:pub fn needle() {}\n\
         src/main.rs:2:9:    let needle = 1;\n",
    ),
    (
        &["--heading", "-n", "needle"],
        0,
        "notes.md\n\
         1:needle in a haystack, needle\n\
         \n\
         src/lib.rs\n\
         2:pub fn needle() {}\n\
         \n\
         src/main.rs\n\
         2:    let needle = 1;\n",
    ),
    (&["--hidden", "-l", "needle"], 0, ".hidden\nnotes.md\nsrc/lib.rs\nsrc/main.rs\n"),
    (&["-u", "-l", "needle"], 0, "ignored.log\nnotes.md\nsrc/lib.rs\nsrc/main.rs\n"),
    (
        &["-uuu", "-l", "needle"],
        0,
        ".hidden\n\
         binary.bin\n\
         ignored.log\n\
         notes.md\n\
         src/lib.rs\n\
         src/main.rs\n",
    ),
    (&["-a", "-c", "needle"], 0, "binary.bin:2\nnotes.md:1\nsrc/lib.rs:1\nsrc/main.rs:1\n"),
    (
        &["-g", "*.rs", "needle"],
        0,
        "src/lib.rs:pub fn needle() {}\n\
         src/main.rs:    let needle = 1;\n",
    ),
    (&["-g", "!src", "needle"], 0, "notes.md:needle in a haystack, needle\n"),
    (&["-tmd", "needle"], 0, "notes.md:needle in a haystack, needle\n"),
    (&["-Trust", "needle"], 0, "notes.md:needle in a haystack, needle\n"),
    (
        &["-U", r"\{\n.*\n\}"],
        0,
        "src/main.rs:fn main() {\n\
         src/main.rs:    let needle = 1;\n\
         src/main.rs:}\n",
    ),
    (
        &["-I", "needle"],
        0,
        "needle in a haystack, needle\n\
         pub fn needle() {}\n\
         \x20   let needle = 1;\n",
    ),
    (&["-0", "-l", "needle"], 0, "notes.md\0src/lib.rs\0src/main.rs\0"),
    (
        &["--color", "always", "-n", "needle"],
        0,
        "\x1b[0m\x1b[35mnotes.md\x1b[0m:\x1b[0m\x1b[32m1\x1b[0m:\
         \x1b[0m\x1b[1m\x1b[31mneedle\x1b[0m in a haystack, \
         \x1b[0m\x1b[1m\x1b[31mneedle\x1b[0m\n\
         \x1b[0m\x1b[35msrc/lib.rs\x1b[0m:\x1b[0m\x1b[32m2\x1b[0m:pub fn \
         \x1b[0m\x1b[1m\x1b[31mneedle\x1b[0m() {}\n\
         \x1b[0m\x1b[35msrc/main.rs\x1b[0m:\x1b[0m\x1b[32m2\x1b[0m:    let \
         \x1b[0m\x1b[1m\x1b[31mneedle\x1b[0m = 1;\n",
    ),
    (
        &["--trim", "needle"],
        0,
        "notes.md:needle in a haystack, needle\n\
         src/lib.rs:pub fn needle() {}\n\
         src/main.rs:let needle = 1;\n",
    ),
    (
        &["-M10", "needle"],
        0,
        "notes.md:[Omitted long matching line]\n\
         src/lib.rs:[Omitted long matching line]\n\
         src/main.rs:[Omitted long matching line]\n",
    ),
    (&["-s", "NEEDLE"], 1, ""),
    (&["-S", "Needle"], 0, "src/lib.rs:// Needle\n"),
    (
        &["--passthru", "-tmd", "last"],
        0,
        "notes.md-needle in a haystack, needle\n\
         notes.md-nothing\n\
         notes.md:last\n",
    ),
    (&["--files"], 0, "binary.bin\nnotes.md\nsrc/lib.rs\nsrc/main.rs\n"),
    (&["--files", "-g", "*.md"], 0, "notes.md\n"),
    (&["-q", "needle"], 0, ""),
    (&["-q", "nothing there"], 1, ""),
    (&["--max-depth", "1", "needle"], 0, "notes.md:needle in a haystack, needle\n"),
    (&["needle", "notes.md"], 0, "needle in a haystack, needle\n"),
    (
        &["needle", "notes.md", "src/lib.rs"],
        0,
        "notes.md:needle in a haystack, needle\n\
         src/lib.rs:pub fn needle() {}\n",
    ),
    (&["needle", "binary.bin"], 0, "binary file matches (found \"\\0\" byte around offset 6)\n"),
    (
        &["-n", "needle", "src"],
        0,
        "src/lib.rs:2:pub fn needle() {}\n\
         src/main.rs:2:    let needle = 1;\n",
    ),
    (&["needle", "missing"], 2, ""),
    (&["("], 2, ""),
    (&[r"a\nb"], 2, ""),
];

fn files() -> TempDir {
    let place = place();
    make(place.path(), FILES);
    place
}

fn grep(dir: &Path, args: &[&str]) -> Ran {
    run(dir, &[&["grep"], args].concat())
}

/// What ripgrep does, if it is installed.
fn ripgrep(dir: &Path, args: &[&str]) -> Option<Ran> {
    // Where it maps a file it sees NUL bytes later.
    other(dir, "rg", &[&["--no-config", "--no-mmap"], args].concat())
}

/// Whether the ripgrep that is installed, if there is one, counts searches as it does today.
fn counts_as_today() -> bool {
    let ran = Command::new("rg").arg("--version").output();
    let version = ran.map_or(Vec::new(), |ran| ran.stdout);
    !version.starts_with(b"ripgrep 13.")
}

/// JSON without what a clock has measured.
fn untimed(ran: &Ran) -> Vec<Value> {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|key, _| !key.starts_with("elapsed"));
                fields.values_mut().for_each(strip);
            }
            Value::Array(values) => values.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut lines = ran.json();
    lines.iter_mut().for_each(strip);
    lines
}

#[test]
fn the_output_is_that_of_ripgrep() {
    let place = files();
    for (args, code, expected) in CASES {
        let args = [&["--sort", "path"], *args].concat();
        let ran = grep(place.path(), &args).expect(*code);
        assert_eq!(ran.out(), *expected, "{args:?}");
        if let Some(theirs) = ripgrep(place.path(), &args) {
            assert_eq!((theirs.code, theirs.out()), (Some(*code), *expected), "{args:?}");
        }
    }
}

#[test]
fn each_option_of_rules_leaves_out_what_ripgrep_leaves_out() {
    let place = place();
    make(
        place.path(),
        &[
            // For ripgrep it is a repository all the same.
            ("top/.git/info/exclude", "*.exclude\n"),
            ("top/.gitignore", "*.git\n"),
            ("top/.ignore", "*.dot\n"),
            ("top/sub/.gitignore", "*.sub\n"),
            ("top/a.exclude", "needle\n"),
            ("top/a.git", "needle\n"),
            ("top/a.dot", "needle\n"),
            ("top/a.file", "needle\n"),
            ("top/sub/b.exclude", "needle\n"),
            ("top/sub/b.git", "needle\n"),
            ("top/sub/b.sub", "needle\n"),
            ("rules", "*.file\n"),
            ("bare/.gitignore", "*.git\n"),
            ("bare/in/c.git", "needle\n"),
            ("bare/in/c", "needle\n"),
        ],
    );
    let all_top = "a.dot a.exclude a.file a.git sub/b.exclude sub/b.git sub/b.sub";
    let cases: [(&str, &[&str], &str); 13] = [
        ("top", &[], "a.file"),
        ("top", &["--no-ignore-exclude"], "a.exclude a.file sub/b.exclude"),
        ("top", &["--no-ignore-dot"], "a.dot a.file"),
        ("top", &["--no-ignore-vcs"], "a.exclude a.file a.git sub/b.exclude sub/b.git sub/b.sub"),
        ("top", &["--no-ignore"], all_top),
        ("top", &["--ignore-file", "../rules"], ""),
        ("top", &["--ignore-file", "../rules", "--no-ignore-files"], "a.file"),
        ("top", &["-u", "--ignore-file", "../rules"], &all_top.replace("a.file ", "")),
        ("top/sub", &[], ""),
        ("top/sub", &["--no-ignore-parent"], "b.exclude b.git"),
        ("bare/in", &[], "c c.git"),
        ("bare/in", &["--no-require-git"], "c"),
        ("bare/in", &["--no-require-git", "--no-ignore-parent"], "c c.git"),
    ];
    for (dir, args, expected) in cases {
        let dir = place.path().join(dir);
        let args = [&["-l", "--sort", "path", "needle"], args].concat();
        let expected: Vec<_> = expected.split_whitespace().collect();
        let ran = grep(&dir, &args);
        assert_eq!(ran.out().lines().collect::<Vec<_>>(), expected, "{args:?}");
        if let Some(theirs) = ripgrep(&dir, &args) {
            assert_eq!((ran.code, ran.out()), (theirs.code, theirs.out()), "{args:?}");
        }
    }
}

#[test]
fn the_json_is_that_of_ripgrep_but_for_the_times() {
    let place = files();
    for args in [
        &["needle"][..],
        &["-C1", "needle"],
        &["-v", "e"],
        &["-U", r"\{\n.*\n\}"],
        &["-uuu", "needle"],
        &["needle", "binary.bin"],
        &["-m1", "e"],
        &["nothing there"],
    ] {
        let args = [&["--json", "--sort", "path"], args].concat();
        let ours = grep(place.path(), &args);
        let summary = &untimed(&ours)[untimed(&ours).len() - 1];
        assert_eq!(summary["type"], "summary");
        assert!(summary["data"]["stats"]["searches"].as_u64().unwrap() >= 1);
        let Some(theirs) = ripgrep(place.path(), &args).filter(|_| counts_as_today()) else {
            return;
        };
        assert_eq!((ours.code, untimed(&ours)), (theirs.code, untimed(&theirs)), "{args:?}");
    }
}

#[test]
fn a_match_in_json_has_its_line_its_number_and_its_places() {
    let place = files();
    let lines = grep(place.path(), &["--json", "need", "notes.md"]).expect(0).json();
    let data = &lines[1]["data"];
    assert_eq!(lines[1]["type"], "match");
    assert_eq!(data["path"]["text"], "notes.md");
    assert_eq!(data["lines"]["text"], "needle in a haystack, needle\n");
    assert_eq!((&data["line_number"], &data["absolute_offset"]), (&1.into(), &0.into()));
    assert_eq!(data["submatches"][1]["start"], 22);
    assert_eq!(lines[2]["data"]["stats"]["matches"], 2);
}

#[test]
fn statistics_follow_the_results() {
    let place = files();
    let ran = grep(place.path(), &["--stats", "needle"]).expect(0);
    for line in ["4 matches", "3 matched lines", "3 files contained matches", "4 files searched"] {
        assert!(ran.out().contains(&format!("\n{line}\n")), "{line}: {ran:?}");
    }
}

#[test]
fn standard_input_is_searched_if_something_is_piped_into_it() {
    let place = files();
    let piped =
        |args: &[&str]| run_with_input(place.path(), &[&["grep"], args].concat(), b"a\nb\n");
    assert_eq!(piped(&["b"]).expect(0).out(), "b\n");
    assert_eq!(piped(&["-nH", "b", "-"]).expect(0).out(), "<stdin>:2:b\n");
    assert_eq!(piped(&["-c", "needle", "notes.md"]).expect(0).out(), "1\n");
    // Patterns from there leave the current directory.
    let ran = piped(&["-f", "-", "-l", "--sort", "path"]).expect(0);
    assert_eq!(ran.out(), "notes.md\nsrc/lib.rs\nsrc/main.rs\n");
    piped(&["-f", "-", "-"]).refused("", "standard input");
}

#[test]
fn patterns_come_from_files_too() {
    let place = files();
    make(place.path(), &[("patterns", "last\r\nmain\n"), ("none", "")]);
    let ran = grep(place.path(), &["-f", "patterns", "-I", "--sort", "path", "-tmd", "-trust"]);
    assert_eq!(ran.expect(0).out(), "last\nfn main() {\n");
    assert_eq!(grep(place.path(), &["-f", "none"]).expect(1).out(), "");
    grep(place.path(), &["-f", "missing"]).refused("missing", "check that the path exists");
}

#[test]
fn types_of_files_can_be_made_and_listed() {
    let place = files();
    let list = grep(place.path(), &["--type-list"]).expect(0);
    assert!(list.out().contains("\nrust: *.rs\n"));
    let args = ["--type-add", "doc:*.md", "-tdoc", "-l", "needle"];
    assert_eq!(grep(place.path(), &args).expect(0).out(), "notes.md\n");
    grep(place.path(), &["-tnonsense", "x"]).refused("nonsense", "--type-list");
}

#[test]
fn mistakes_are_named_with_their_place_and_exit_with_2() {
    let place = files();
    grep(place.path(), &["a(b"]).refused("column 2", "search for it literally");
    grep(place.path(), &["-E", "klingon", "a"]).refused("klingon", "utf-16le");
    grep(place.path(), &["--colors", "match:fg", "a"]).refused("match:fg", "match:fg:red");
    grep(place.path(), &["--regex-size-limit", "1K", r"\w{99}"]).refused("1024", "limit");
    let ran = grep(place.path(), &["needle", "missing", "notes.md"]).expect(2);
    assert_eq!(ran.out(), "notes.md:needle in a haystack, needle\n");
    let quiet = grep(place.path(), &["--no-messages", "needle", "missing"]).expect(2);
    assert_eq!(quiet.stderr, "");
    grep(place.path(), &["-q", "needle", "notes.md", "missing"]).expect(0);
    let json = grep(place.path(), &["--json", "(", "notes.md"]).expect(2);
    assert_eq!(json.errors()[0]["kind"], "pattern");
    make(place.path(), &[("empty/.ignore", "*")]);
    grep(&place.path().join("empty"), &["x"]).refused("no file was searched", "exclude");
}

#[test]
fn compressed_files_are_searched_if_asked() {
    let place = files();
    if other(place.path(), "gzip", &["-k", "notes.md"]).is_none() {
        return;
    }
    assert_eq!(grep(place.path(), &["last", "notes.md.gz"]).expect(1).out(), "");
    assert_eq!(grep(place.path(), &["-z", "last", "notes.md.gz"]).expect(0).out(), "last\n");
}

#[test]
fn files_come_in_the_order_of_their_times_if_asked() {
    let place = files();
    let touch = |name: &str, seconds| {
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        let file = fs::File::options().write(true).open(place.path().join(name)).unwrap();
        file.set_modified(time).unwrap();
    };
    touch("src/main.rs", 1);
    touch("notes.md", 2);
    touch("src/lib.rs", 3);
    let order = ["src/main.rs", "notes.md", "src/lib.rs"];
    let listed = |args: &[&str]| -> Vec<String> {
        let ran = grep(place.path(), &[args, &["-l", "needle"]].concat()).expect(0);
        ran.out().lines().map(str::to_owned).collect()
    };
    assert_eq!(listed(&["--sort", "modified"]), order);
    let reversed: Vec<_> = order.iter().rev().collect();
    assert_eq!(listed(&["--sortr", "modified"]).iter().collect::<Vec<_>>(), reversed);
    assert_eq!(listed(&["--sortr", "path"]), ["src/main.rs", "src/lib.rs", "notes.md"]);
}

#[test]
fn later_options_go_before_earlier_ones() {
    let place = files();
    let out = |args: &[&str]| grep(place.path(), args).out().to_owned();
    assert_eq!(out(&["-i", "-s", "NEEDLE"]), "");
    assert_eq!(out(&["-H", "-I", "last", "notes.md"]), "last\n");
    assert_eq!(out(&["-l", "-c", "needle", "notes.md"]), "1\n");
    assert_eq!(out(&["-n", "-N", "last", "notes.md"]), "last\n");
    assert_eq!(out(&["-C1", "-A0", "nothing", "notes.md"]).lines().count(), 2);
    // What other commands know as -q and -v is grep's own here.
    assert_eq!(out(&["-v", "-v", "needle", "notes.md"]), "nothing\nlast\n");
    assert_eq!(out(&["-q", "-v", "needle"]), "");
}

#[test]
fn a_line_is_printed_before_the_input_has_ended() {
    use std::io::{BufRead, BufReader, Write};
    use std::process::Stdio;

    let place = files();
    let mut command = command(place.path(), &["grep", "--line-buffered", "needle"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    for text in ["needle 1", "needle 2"] {
        writeln!(input, "{text}\nnothing").unwrap();
        assert_eq!(output.next().unwrap().unwrap(), text);
    }
    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_configuration_file_of_ripgrep_goes_before_the_command_line() {
    let place = files();
    fs::write(place.path().join("rgrc"), "# for people\n\n  --ignore-case \n-n\n--glob\n!*.rs\n")
        .unwrap();
    let out = |args: &[&str]| {
        let mut command = command(place.path(), args);
        finish(command.env("RIPGREP_CONFIG_PATH", "rgrc"), b"").expect(0)
    };
    assert_eq!(out(&["grep", "LAST", "notes.md"]).out(), "3:last\n");
    assert_eq!(out(&["--color=never", "grep", "-N", "LAST", "notes.md"]).out(), "last\n");
    assert_eq!(out(&["grep", "--no-config", "last", "notes.md"]).out(), "last\n");
    assert_eq!(out(&["find", "-g", "rgrc"]).out(), "rgrc\n");
    let mut command = command(place.path(), &["grep", "last", "notes.md"]);
    let missing = finish(command.env("RIPGREP_CONFIG_PATH", "none"), b"").expect(0);
    assert_eq!(missing.out(), "last\n");
    assert!(missing.stderr.contains("none") && missing.stderr.contains("--no-config"));
}
