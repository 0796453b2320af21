//! Help, options, colours, completions, manual pages.

use std::fs;
use std::path::Path;

use crate::support::{Ran, command, finish, make, other, place, run};

const COMMANDS: &[&str] = &[
    "tree",
    "diff",
    "hash",
    #[cfg(feature = "glob")]
    "find",
    #[cfg(all(feature = "glob", feature = "watch"))]
    "index",
    #[cfg(feature = "glob")]
    "grep",
    #[cfg(feature = "watch")]
    "watch",
    #[cfg(feature = "watch")]
    "since",
    #[cfg(feature = "daemon")]
    "daemon",
    "tour",
    "completions",
    "man",
];

fn here(args: &[&str]) -> Ran {
    run(Path::new("/"), args)
}

#[test]
fn without_a_command_the_help_is_shown_and_the_exit_status_is_2() {
    let ran = here(&[]).expect(2);
    assert!(ran.stderr.contains("Usage: treenail"), "{ran:?}");
    for command in COMMANDS {
        assert!(ran.stderr.contains(command), "{command}");
    }
}

#[test]
fn each_command_has_help_with_examples_and_its_exit_status() {
    for command in COMMANDS {
        let help = here(&[command, "--help"]).expect(0);
        assert!(help.out().contains("Examples:\n  treenail ") || help.out().contains("  tar "));
        assert!(help.out().contains("Exit status: 0"), "{command}: {}", help.out());
        assert!(help.out().lines().all(|line| line.chars().count() <= 100), "{command}");
        assert!(help.out().contains("--json"), "{command}");
        assert!(here(&["help", command]).expect(0).out().contains("Usage: treenail"));
        assert!(here(&[command, "-h"]).expect(0).out().contains("Usage: treenail"));
    }
    assert!(here(&["--version"]).expect(0).out().starts_with("treenail "));
}

#[test]
fn an_option_or_a_value_that_does_not_exist_exits_2() {
    for args in [
        &["--nonsense"][..],
        &["tree", "--nonsense"],
        &["tree", "--ids", "md5"],
        &["hash", "--algo", "md5"],
        &["diff", "one"],
        &["diff", "a", "b", "c"],
        &["tree", "-j", "many"],
        &["nonsense"],
        &["tree", "-q", "-v"],
        &["completions", "cmd"],
    ] {
        let ran = here(args).expect(2);
        assert!(ran.stderr.starts_with("error: "), "{args:?}: {ran:?}");
        assert_eq!(ran.out(), "", "{args:?}");
    }
}

#[test]
fn a_wrong_command_line_is_an_error_in_json_too() {
    let ran = here(&["tree", "--json", "--ids", "md5"]).expect(2);
    let errors = ran.errors();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0]["kind"], "usage");
    assert!(errors[0]["message"].as_str().unwrap().contains("md5"));
    assert!(errors[0]["remedy"].as_str().unwrap().contains("--help"));
}

/// Whether there are escape sequences.
fn is_colored(bytes: &[u8]) -> bool {
    bytes.contains(&0x1b)
}

#[test]
fn colours_are_for_terminals_unless_asked_for() {
    let place = place();
    make(place.path().join("a"), &[]);
    make(place.path().join("b"), &[("f", "x")]);
    let diff = |args: &[&str]| run(place.path(), &[&["diff", "a", "b"], args].concat()).expect(1);
    assert!(!is_colored(&diff(&[]).stdout));
    assert!(!is_colored(&diff(&["--color", "never"]).stdout));
    assert!(is_colored(&diff(&["--color", "always"]).stdout));
    assert!(!is_colored(&diff(&["--color", "always", "--json"]).stdout));
    let ran = run(place.path(), &["--color", "always", "tree", "missing"]).expect(2);
    assert!(is_colored(ran.stderr.as_bytes()));
    let ran = run(place.path(), &["tree", "missing"]).expect(2);
    assert!(!is_colored(ran.stderr.as_bytes()));
}

#[test]
fn a_terminal_gets_colours_unless_no_color_is_set() {
    let place = place();
    make(place.path().join("a"), &[]);
    make(place.path().join("b"), &[("f", "x")]);
    let program = env!("CARGO_BIN_EXE_treenail");
    let on_a_terminal = |before: &str, after: &str| {
        let line = format!("{before} {program} diff a b {after}");
        other(place.path(), "script", &["-qec", &line, "/dev/null"])
    };
    let Some(ran) = on_a_terminal("env -u NO_COLOR", "") else { return };
    assert!(is_colored(&ran.stdout), "{ran:?}");
    assert!(!is_colored(&on_a_terminal("env NO_COLOR=1", "").unwrap().stdout));
    assert!(is_colored(&on_a_terminal("env NO_COLOR=", "").unwrap().stdout));
    assert!(is_colored(&on_a_terminal("env NO_COLOR=1", "--color always").unwrap().stdout));
    assert!(!is_colored(&on_a_terminal("env -u NO_COLOR", "--color never").unwrap().stdout));
}

#[test]
fn completions_are_scripts_that_their_shells_can_read() {
    let place = place();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = run(place.path(), &["completions", shell]).expect(0);
        assert!(COMMANDS.iter().all(|command| ran.out().contains(command)), "{shell}");
        fs::write(place.path().join(shell), &ran.stdout).unwrap();
    }
    for shell in ["bash", "zsh", "fish"] {
        let Some(parsed) = other(place.path(), shell, &["-n", shell]) else { continue };
        assert_eq!(parsed.code, Some(0), "{parsed:?}");
    }
}

#[test]
fn manual_pages_are_written_and_clean() {
    let place = place();
    run(place.path(), &["man", "new/man1"]).expect(0);
    let pages: Vec<_> =
        fs::read_dir(place.path().join("new/man1")).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(pages.len(), COMMANDS.len() + 1);
    for command in COMMANDS {
        assert!(place.path().join(format!("new/man1/treenail-{command}.1")).is_file());
    }
    for page in &pages {
        let args = ["--warnings".as_ref(), "-l".as_ref(), page.as_os_str()];
        let Some(shown) = other(place.path(), "man", &args) else { return };
        assert_eq!((shown.code, shown.stderr.as_str()), (Some(0), ""), "{page:?}");
        assert!(String::from_utf8_lossy(&shown.stdout).contains("SYNOPSIS"));
    }
    make(place.path(), &[("file", "")]);
    run(place.path(), &["man", "file"]).refused("file", "name a directory");
}

#[test]
fn a_full_disk_is_an_error() {
    if !Path::new("/dev/full").exists() {
        return;
    }
    let place = place();
    make(place.path(), &[("a", "1")]);
    for args in [&["tree"][..], &["hash", "a"], &["completions", "bash"]] {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let mut command = command(place.path(), args);
        let child = command.stdout(full).stderr(std::process::Stdio::piped()).spawn().unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains("cannot write the output") && told.contains("make room"), "{told}");
    }
}

#[test]
fn a_closed_pipe_is_no_error() {
    let place = place();
    make(place.path(), &[("a", "1")]);
    for line in ["tree", "hash a", "tree --json", "completions bash", "--help", "tree --help"] {
        let script = format!("exec 3>&1; {{ \"$0\" {line}; echo $? >&3; }} | true");
        let mut command = std::process::Command::new("sh");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_treenail")]).current_dir(place.path());
        let ran = finish(&mut command, b"");
        assert_eq!((ran.out(), ran.stderr.as_str()), ("0\n", ""), "{line}");
    }
}
