//! `treenail find`.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::support::{Ran, command, finish, is_root, make, other, place, run, wait};

const SIGTERM: i32 = 15;

/// The lines that `find` prints, sorted.
fn found(dir: &Path, args: &[&str]) -> Vec<String> {
    let ran = run(dir, &[&["find"], args].concat()).expect(0);
    let mut lines: Vec<_> = ran.out().lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

fn sample() -> tempfile::TempDir {
    let place = place();
    make(
        place.path(),
        &[
            ("a.rs", "1"),
            ("B.rs", "22"),
            ("src/lib.rs", "333"),
            ("src/deep/x.txt", "4444"),
            (".hidden/y.rs", ""),
            ("empty/", ""),
            ("net/a/b.c", ""),
            ("net/c.h", ""),
        ],
    );
    place
}

#[test]
fn names_are_matched_as_fd_does() {
    let place = sample();
    let dir = place.path();
    assert_eq!(found(dir, &["rs$"]), ["B.rs", "a.rs", "src/lib.rs"]);
    assert_eq!(found(dir, &["b"]), ["B.rs", "net/a/b.c", "src/lib.rs"], "smart case");
    assert_eq!(found(dir, &["B"]), ["B.rs"]);
    assert_eq!(found(dir, &["-i", "^B.R"]), ["B.rs"]);
    assert_eq!(found(dir, &["-F", "b.r"]), ["B.rs", "src/lib.rs"]);
    assert_eq!(found(dir, &["--exact", "a.rs"]), ["a.rs"]);
    assert_eq!(found(dir, &["-g", "*.{c,h}"]), ["net/a/b.c", "net/c.h"]);
    assert_eq!(found(dir, &["-g", "net/**/*.c"]), ["net/a/b.c"]);
    assert_eq!(found(dir, &["-H", "^y"]), [".hidden/y.rs"]);
    assert_eq!(found(dir, &["--and", "lib", "rs"]), ["src/lib.rs"]);
    assert_eq!(found(dir, &["-p", "src/.*x"]), ["src/deep/x.txt"]);
    assert_eq!(found(dir, &[".", "src", "-d", "1"]), ["src/deep/", "src/lib.rs"]);
    assert_eq!(found(dir, &["-e", "rs", "-E", "src"]), ["B.rs", "a.rs"]);
    assert_eq!(found(dir, &["-te", "-td"]), ["empty/"]);
    assert_eq!(found(dir, &["-S", "+3b"]), ["src/deep/x.txt", "src/lib.rs"]);
    assert_eq!(found(dir, &["--changed-before", "1h"]), Vec::<String>::new());
    assert_eq!(found(dir, &["--changed-within", "1h", "-tf", "--exact-depth", "1"]).len(), 2);
}

#[test]
fn paths_are_shown_as_fd_does() {
    let place = sample();
    let dir = place.path().canonicalize().unwrap();
    let absolute = vec![format!("{}/a.rs", dir.display())];
    assert_eq!(found(&dir, &["-a", "^a.r"]), absolute);
    assert_eq!(found(&dir, &["^a.r", &dir.to_string_lossy()]), absolute);
    assert_eq!(run(&dir, &["find", "-0", "^a.r"]).expect(0).stdout, b"./a.rs\0");
    assert_eq!(
        run(&dir, &["find", "-0", "^a.r", "--strip-cwd-prefix"]).expect(0).stdout,
        b"a.rs\0"
    );
    assert_eq!(found(&dir, &["c.h", "--path-separator", "::"]), ["net::c.h"]);
    assert_eq!(found(&dir, &["-C", "src", "x"]), ["deep/x.txt"]);
    assert_eq!(found(&dir, &["--format", "{/.}|{//}|{}", "lib"]), ["lib|src|src/lib.rs"]);
    let sorted = run(&dir, &["find", "--sort", "net|src"]).expect(0);
    assert_eq!(sorted.out(), "net/\nsrc/\n");
    let colored = run(&dir, &["find", "-c", "always", "c.h"]).expect(0);
    assert_eq!(colored.out(), "\u{1b}[1;34mnet/\u{1b}[0mc.h\n");
}

#[test]
fn json_lines_have_type_size_and_time() {
    let place = sample();
    let ran = run(place.path(), &["find", "--json", "--sort", "src|lib"]).expect(0);
    let lines = ran.json();
    assert_eq!((&lines[0]["path"], &lines[0]["type"]), (&"src".into(), &"dir".into()));
    assert_eq!(lines[1]["path"], "src/lib.rs");
    assert_eq!(lines[1]["size_bytes"], 3);
    assert!(lines[1]["modified"].as_str().unwrap().ends_with('Z'));
    assert_eq!(ran.summary()["matches"], 2);
}

#[test]
fn anything_called_git_makes_a_repository_as_for_fd() {
    let place = place();
    let files =
        [(".gitignore", "*.o\n"), ("in/.gitignore", "*.a\n"), ("in/x.a", ""), ("in/x.o", "")];
    make(place.path(), &files);
    let (dir, sub) = (place.path(), place.path().join("in"));
    assert_eq!(found(dir, &["-tf"]), ["in/x.a", "in/x.o"]);
    assert_eq!(found(&sub, &["--no-require-git"]), Vec::<String>::new());
    fs::create_dir(dir.join(".git")).unwrap();
    assert_eq!(found(dir, &["-tf"]), Vec::<String>::new());
    assert_eq!(found(&sub, &["--no-ignore-parent"]), ["x.o"]);
    fs::write(sub.join(".git"), "no repository").unwrap();
    assert_eq!(found(dir, &["-tf"]), ["in/x.o"], "the outer rules end there");
}

#[test]
fn the_last_of_an_option_and_its_opposite_counts() {
    let place = sample();
    fs::write(place.path().join(".ignore"), "a.rs\n").unwrap();
    let count = |args: &[&str]| found(place.path(), &[&["-e", "rs"], args].concat()).len();
    assert_eq!(count(&[]), 2);
    assert_eq!(count(&["-H", "--hidden", "-I", "-I"]), 4, "once more is no more");
    assert_eq!(count(&["-H", "--no-hidden", "-I", "--ignore"]), 2);
    assert_eq!(count(&["--ignore", "-I"]), 3);
    assert_eq!(count(&["-d", "9", "-d", "1"]), 1);
}

#[test]
fn ignore_files_are_obeyed_like_git_does() {
    let place = sample();
    let dir = place.path();
    fs::write(dir.join(".gitignore"), "*.rs\n!a.rs\n/net/\n").unwrap();
    assert!(found(dir, &["-e", "rs"]).len() == 3, "outside of a repository it is no rule");
    assert_eq!(found(dir, &["-e", "rs", "--no-require-git"]), ["a.rs"]);
    crate::support::must(dir, "git", &["init", "-q"]);
    let listed = other(dir, "git", &["ls-files", "-co", "--exclude-standard"]).unwrap().expect(0);
    let mut listed: Vec<_> = listed.out().lines().map(str::to_owned).collect();
    listed.sort();
    assert_eq!(found(dir, &["-H", "-tf", "-E", ".git"]), listed);
    assert_eq!(found(dir, &["-I", "-e", "rs"]).len(), 3);
    assert_eq!(found(dir, &["-e", "rs", "--no-ignore-vcs"]).len(), 3);
    fs::write(dir.join(".fdignore"), "a.rs\n").unwrap();
    assert_eq!(found(dir, &["-e", "rs"]), Vec::<String>::new());
}

#[test]
fn exit_codes_are_fds() {
    let place = sample();
    let dir = place.path();
    run(dir, &["find", "nothing"]).expect(0);
    run(dir, &["find", "-q", "nothing"]).expect(1);
    assert!(run(dir, &["find", "-q", "rs"]).expect(0).stdout.is_empty());
    let missing = run(dir, &["find", "--max-depth=1", ".", "none", "."]).expect(0);
    assert!(missing.stderr.contains("none"), "the rest will do: {missing:?}");
    let missing = run(dir, &["find", ".", "none"]).expect(1);
    assert!(missing.stderr.contains("none"), "{missing:?}");
    run(dir, &["find", "--nonsense"]).expect(2);
    run(dir, &["find", "rs", "-x", "false"]).expect(1);
    run(dir, &["find", "rs", "-x", "true"]).expect(0);
}

#[test]
fn more_threads_than_any_machine_has_are_no_mistake() {
    let place = sample();
    let many = usize::MAX.to_string();
    run(place.path(), &["find", "-j", &many, "rs"]).expect(0);
    run(place.path(), &["grep", "-j", &many, "-q", "."]).expect(0);
}

#[test]
fn a_file_of_rules_that_is_not_there_is_said() {
    let place = sample();
    for command in [&["find", "rs"][..], &["grep", "--files"]] {
        let ran = run(place.path(), &[command, &["--ignore-file", "gone"]].concat()).expect(0);
        assert!(ran.stderr.contains("gone") && !ran.stdout.is_empty(), "{ran:?}");
    }
}

#[test]
fn mistakes_name_their_place_and_a_remedy() {
    let place = sample();
    for (args, place_of, remedy) in [
        (&["-g", "a[b"][..], "byte 1", "escape"),
        (&["a(b"], "byte 1", "unclosed"),
        (&["src/lib"], "slash", "--full-path"),
        (&["^\\.h"], "hidden", "--hidden"),
        (&["-S", "much"], "much", "+10k"),
        (&["--changed-within", "soon"], "soon", "2d"),
        (&["-E", "{a"], "{a", "byte 0"),
        (&["-o", "nobody-of-that-name"], "nobody-of-that-name", "number"),
    ] {
        // What fd's own command line refuses, too.
        let code = if ["-S", "-o"].contains(&args[0]) { 2 } else { 1 };
        let ran = run(place.path(), &[&["find"], args].concat()).expect(code);
        assert!(ran.stderr.contains(place_of) && ran.stderr.contains(remedy), "{args:?}: {ran:?}");
        assert!(ran.stdout.is_empty());
    }
}

#[test]
fn commands_get_paths_as_arguments_and_no_shell_sees_them() {
    let place = place();
    let dir = make(place.path().join("d"), &[("$(touch x) 'y' \"z\".txt", ""), ("-n", "")]);
    let args = ["find", "-x", "printf", "<%s>\\n", "{}", "{/.}"];
    let ran = run(&dir, &args).expect(0);
    let mut lines: Vec<_> = ran.out().lines().collect();
    lines.sort_unstable();
    let expected = ["<$(touch x) 'y' \"z\">", "<-n>", "<./$(touch x) 'y' \"z\".txt>", "<./-n>"];
    assert_eq!(lines, expected);
    assert!(!dir.join("x").exists());
    let ran = run(&dir, &["find", "-X", "sh", "-c", "echo $#", "sh"]).expect(0);
    assert_eq!(ran.out(), "2\n");
    let ran = run(&dir, &["find", "--batch-size", "1", "-X", "echo"]).expect(0);
    assert_eq!(ran.out().lines().count(), 2);
    let ran = run(&dir, &["find", "-n", "-d", "1", "-x", "echo", "one", ";", "-x", "echo", "two"]);
    assert_eq!(ran.code, Some(2), "a pattern that begins with a dash stands behind --");
    let ran = run(&dir, &["find", "-x", "echo", "one", ";", "-x", "echo", "two", ";", "--", "-n"]);
    assert_eq!(ran.expect(0).out(), "one ./-n\ntwo ./-n\n");
    let gone = run(&dir, &["find", "-x", "no-such-program"]).expect(1);
    assert!(gone.stderr.contains("no-such-program"), "{gone:?}");
}

#[test]
fn a_prefix_is_opened_and_nothing_beside_it() {
    let place = sample();
    let program = env!("CARGO_BIN_EXE_treenail");
    let args =
        ["-f", "-e", "trace=openat,openat2", program, "find", "-g", "net/**/*.c", "-I", "-j", "1"];
    let Some(ran) = other(place.path(), "strace", &args) else { return };
    assert_eq!(ran.out(), "net/a/b.c\n", "{ran:?}");
    let opened = ran.stderr.lines().filter(|line| line.contains("O_DIRECTORY")).count();
    assert_eq!(opened, 3, "the root, net, net/a: {ran:?}");
}

#[test]
fn what_may_not_be_read_is_told_and_the_rest_found() {
    let place = sample();
    let dir = place.path();
    fs::copy(env!("CARGO_BIN_EXE_treenail"), dir.join("program")).unwrap();
    fs::set_permissions(dir.join("net"), fs::Permissions::from_mode(0o000)).unwrap();
    let as_nobody = |args: &[&str]| -> Ran {
        let mut command = Command::new(dir.join("program"));
        command.arg("find").args(args).current_dir(dir).stdin(Stdio::null());
        if is_root() {
            command.uid(65_534).gid(65_534);
        }
        finish(&mut command, b"")
    };
    let quiet = as_nobody(&["-tf", "-e", "rs"]).expect(0);
    assert!(quiet.out().lines().count() == 3 && quiet.stderr.is_empty(), "{quiet:?}");
    let told = as_nobody(&["-tf", "--show-errors"]).expect(0);
    assert!(told.stderr.contains("net") && told.out().contains("src/lib.rs"), "{told:?}");
    fs::set_permissions(dir.join("net"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn links_that_lead_round_in_circles_end() {
    let place = sample();
    symlink("..", place.path().join("src/up")).unwrap();
    symlink("up", place.path().join("src/more")).unwrap();
    let lines = found(place.path(), &["-L"]);
    assert_eq!(lines.iter().filter(|line| line.ends_with("lib.rs")).count(), 1, "{lines:?}");
    assert!(lines.contains(&"src/up/".to_owned()), "{lines:?}");
}

#[test]
fn few_descriptors_and_little_memory_are_enough() {
    let place = place();
    let mut dir = place.path().join("t");
    for level in 0..60 {
        make(&dir, &[("f", ""), ("g/h", "")]);
        dir.push(format!("d{level}"));
    }
    let program = env!("CARGO_BIN_EXE_treenail");
    let script = "ulimit -n 64; ulimit -v 65536; exec \"$0\" find -j 2 -tf --sort . t";
    let mut command = Command::new("bash");
    command.args(["-c", script, program]).current_dir(place.path()).stdin(Stdio::null());
    let ran = finish(&mut command, b"").expect(0);
    assert_eq!(ran.out().lines().count(), 120, "{}", ran.stderr);
}

#[test]
fn a_signal_in_the_middle_leaves_whole_lines_and_ends_it() {
    let place = place();
    for dir in 0..40 {
        let dir = make(place.path().join(format!("t/{dir}")), &[]);
        (0..50).for_each(|file| drop(fs::File::create(dir.join(format!("file-{file}"))).unwrap()));
    }
    // Each name asks for much: the walk takes a while.
    let slow = format!("({})$", vec!["[^x]*e"; 40].join("|"));
    let mut child = command(place.path(), &["find", "-p", "--and", &slow, "file", "t", "-L"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut first = [0; 1];
    out.read_exact(&mut first).ok();
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let reading = thread::spawn(move || {
        let mut text = first.to_vec();
        out.read_to_end(&mut text).map(|_| text)
    });
    let status = wait(&mut child, Duration::from_secs(5)).expect("it ends");
    assert!(status.success() || status.signal() == Some(SIGTERM), "{status}");
    let text = reading.join().unwrap().unwrap();
    assert!(text.is_empty() || text.ends_with(b"\n") || text == [0], "no half line");
}

#[test]
fn who_stops_reading_ends_it_quietly() {
    let place = place();
    for dir in 0..100 {
        let dir = make(place.path().join(format!("t/{dir}")), &[]);
        (0..100).for_each(|file| drop(fs::File::create(dir.join(format!("file-{file}"))).unwrap()));
    }
    let script = "\"$0\" find . t | head -n 1; echo ${PIPESTATUS[0]}";
    let mut command = Command::new("bash");
    command.args(["-c", script, env!("CARGO_BIN_EXE_treenail")]).current_dir(place.path());
    let ran = finish(command.stdin(Stdio::null()), b"").expect(0);
    assert!(ran.stderr.is_empty() && ran.out().ends_with("\n0\n"), "{ran:?}");
}

#[test]
fn paths_are_links_where_they_are_to_be() {
    let place = sample();
    let out =
        |args: &[&str]| run(place.path(), &[&["find"], args].concat()).expect(0).out().to_owned();
    let path = place.path().canonicalize().unwrap();
    let link = out(&["--hyperlink=always", "-g", "a.rs"]);
    assert!(link.starts_with("\x1b]8;;file://"), "{link:?}");
    let end = format!("{}/a.rs\x1b\\a.rs\x1b]8;;\x1b\\\n", path.display());
    assert!(link.ends_with(&end), "{link:?}");
    assert_eq!(out(&["--hyperlink", "-g", "a.rs"]), "a.rs\n");
    assert!(out(&["--hyperlink", "--color=always", "-g", "a.rs"]).contains("\x1b]8;;file:"));
}
