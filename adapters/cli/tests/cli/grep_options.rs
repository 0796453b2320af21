//! Options of `grep` beyond the usual ones: programs before the search, links, what takes back.

use std::fs;
use std::path::Path;

use crate::support::{Ran, make, other, place, run};

fn grep(dir: &Path, args: &[&str]) -> Ran {
    run(dir, &[&["grep"], args].concat())
}

/// Checks the output, against ripgrep's too if it is installed and knows the options.
fn same(dir: &Path, args: &[&str], code: i32, expected: &str) {
    let ran = grep(dir, args).expect(code);
    assert_eq!(ran.out(), expected, "{args:?}");
    let Some(theirs) = other(dir, "rg", &[&["--no-config"], args].concat()) else { return };
    if !theirs.stderr.contains("unrecognized") && !theirs.stderr.contains("Found argument") {
        assert_eq!((theirs.code, theirs.out()), (Some(code), expected), "{args:?}");
    }
}

fn script(dir: &Path, name: &str, text: &str) -> String {
    use std::os::unix::fs::PermissionsExt;
    let path = dir.join(name);
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_program_can_make_text_of_files() {
    let place = place();
    let dir =
        make(place.path().join("t"), &[("a.x", "abc\n"), ("sub/b.x", "abc\n"), ("c", "abc\n")]);
    let upper = script(place.path(), "upper", "tr a-z A-Z");
    let named = script(place.path(), "named", "echo \"$1\"");
    same(&dir, &["--sort", "path", "--pre", &upper, "ABC"], 0, "a.x:ABC\nc:ABC\nsub/b.x:ABC\n");
    same(&dir, &["--pre", &named, "b.x", "sub/b.x"], 0, "sub/b.x\n");
    let globs = ["--sort", "path", "--pre", &upper, "-l", "ABC", "--pre-glob"];
    same(&dir, &[&globs[..], &["*.x"]].concat(), 0, "a.x\nsub/b.x\n");
    same(&dir, &[&globs[..], &["!*.x"]].concat(), 0, "c\n");
    same(&dir, &[&globs[..], &["/*.x"]].concat(), 0, "a.x\n");
    same(&dir, &["--pre", &upper, "--no-pre", "-c", "abc", "c"], 0, "1\n");
    same(&dir, &["--pre", &upper, "--pre", "", "-c", "abc", "c"], 0, "1\n");
    let fails = script(place.path(), "fails", "echo why not >&2; echo abc; exit 3");
    let ran = grep(&dir, &["--pre", &fails, "nothing", "c"]).expect(2);
    assert!(ran.stderr.contains("why not") && ran.stderr.contains("fails"), "{ran:?}");
    let ran = grep(&dir, &["--pre", "no such program", "abc", "c"]).expect(2);
    assert!(ran.stderr.contains("no such program"), "{ran:?}");
    // What ends early is no failure.
    let endless = script(place.path(), "endless", "yes abc");
    same(&dir, &["--pre", &endless, "-m1", "abc", "c"], 0, "abc\n");
}

#[test]
fn names_and_lines_are_links_if_asked() {
    let place = place();
    let dir = make(place.path().join("t"), &[("a b", "abc\n")]).canonicalize().unwrap();
    let format = ["--color", "always", "--colors", "path:none", "--colors", "match:none"];
    let args = |form| [&format[..], &["--hyperlink-format", form, "-H", "abc", "a b"]].concat();
    for (form, link) in [
        ("vscode", "vscode://fileDIR/a%20b:1:1"),
        ("x://{path}?{line}", "x://DIR/a%20b?1"),
        ("file://{path}", "file://DIR/a%20b"),
    ] {
        let ran = grep(&dir, &args(form)).expect(0);
        let link = link.replace("DIR", dir.to_str().unwrap());
        assert!(ran.out().contains(&format!("\x1b]8;;{link}\x1b\\")), "{form}: {ran:?}");
        if let Some(theirs) = other(&dir, "rg", &[&["--no-config"], &args(form)[..]].concat())
            && theirs.code == Some(0)
        {
            assert_eq!(ran.out(), theirs.out(), "{form}");
        }
    }
    let host = script(place.path(), "host", "echo ' box '");
    let ran = grep(&dir, &[&args("default")[..], &["--hostname-bin", &host]].concat()).expect(0);
    assert!(ran.out().contains("file://box/"), "{ran:?}");
    assert!(!grep(&dir, &args("none")).expect(0).out().contains("\x1b]8"));
    let plain = ["--color", "never", "--hyperlink-format", "default", "abc", "a b"];
    assert_eq!(grep(&dir, &plain).expect(0).out(), "abc\n");
    grep(&dir, &["--hyperlink-format", "x://{nonsense}", "a"]).refused("nonsense", "default");
}

#[test]
fn options_can_be_taken_back() {
    let place = place();
    let dir = place.path();
    make(
        dir,
        &[("a", "Abc\n\u{e9} \nb\n"), ("x/.ignore", "i\n"), ("x/i", "Abc\n"), ("bin", "b\0")],
    );
    let cases: &[(&[&str], i32, &str)] = &[
        (&["-F", "--no-fixed-strings", "A.c", "a"], 0, "Abc\n"),
        (&["-v", "--no-invert-match", "Abc", "a"], 0, "Abc\n"),
        (&["-U", "--no-multiline", r"b$", "a"], 0, "b\n"),
        (&["--trim", "--no-trim", "-b", "--no-byte-offset", "b$", "a"], 0, "b\n"),
        (&["--no-ignore", "--ignore", "-l", "Abc", "x"], 1, ""),
        (&["--no-ignore-dot", "--ignore-dot", "-l", "Abc", "x"], 1, ""),
        (&["--ignore", "--no-ignore", "-l", "Abc", "x"], 0, "x/i\n"),
        (&["--no-unicode", "--unicode", r"^\w $", "a"], 0, "\u{e9} \n"),
        (&["--no-unicode", r"^\w $", "a"], 1, ""),
        (&["--no-pcre2-unicode", r"^\w $", "a"], 1, ""),
        (&["-a", "--no-text", "-c", "b", "bin"], 0, "1\n"),
        (&["--encoding", "utf-16le", "--no-encoding", "Abc", "a"], 0, "Abc\n"),
        (&["--json", "--no-json", "Abc", "a"], 0, "Abc\n"),
        (&["--stats", "--no-stats", "Abc", "a"], 0, "Abc\n"),
        (&["-c", "--include-zero", "--no-include-zero", "zzz", "a"], 1, ""),
        (&["-z", "--no-search-zip", "-L", "--no-follow", "Abc", "a"], 0, "Abc\n"),
        (&["--mmap", "Abc", "a"], 0, "Abc\n"),
        (&["--mmap", "--no-mmap", "Abc", "a"], 0, "Abc\n"),
        (&["--sort-files", "-l", ".", "x/i", "a"], 0, "x/i\na\n"),
        (&["--sortr", "path", "--sort-files", "--no-sort-files", "-c", "Abc", "a"], 0, "1\n"),
        (&["--line-buffered", "--block-buffered", "Abc", "a"], 0, "Abc\n"),
        (&["--no-config", "--no-messages", "--messages", "Abc", "a"], 0, "Abc\n"),
        (&["--engine", "auto", "--no-pcre2", "Abc", "a"], 0, "Abc\n"),
        (&["--auto-hybrid-regex", "--no-auto-hybrid-regex", "Abc", "a"], 0, "Abc\n"),
    ];
    for (args, code, expected) in cases {
        same(dir, args, *code, expected);
    }
}

#[test]
fn mapped_files_are_searched_like_others() {
    let place = place();
    let text = "line with needle\nand without\n".repeat(20_000);
    make(place.path(), &[("large", &text), ("empty", ""), ("small", "needle"), ("bom", "")]);
    let utf16: Vec<u8> = "\u{feff}needle\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(place.path().join("bom"), utf16).unwrap();
    for args in [&["-c", "needle"][..], &["-U", "-c", "needle\nand"], &["-v", "-c", "needle"]] {
        let read = grep(place.path(), &[&["--sort", "path"], args].concat());
        let mapped = grep(place.path(), &[&["--mmap", "--sort", "path"], args].concat());
        assert_eq!((mapped.code, mapped.out()), (read.code, read.out()), "{args:?}");
    }
}

#[test]
fn brotli_is_unpacked_by_its_ending() {
    // One stored block with the text, as RFC 7932 has it in section 9.2.
    let packed = b"\x0b\x06\x80a needle here\x03";
    let place = place();
    fs::write(place.path().join("a.br"), packed).unwrap();
    let ran = grep(place.path(), &["-z", "-o", "needle", "a.br"]).expect(0);
    assert_eq!(ran.out(), "needle\n");
    fs::write(place.path().join("bad.br"), b"\xff\xff\xff\xff").unwrap();
    let ran = grep(place.path(), &["-z", "x", "bad.br"]).expect(2);
    assert!(ran.stderr.contains("bad.br"), "{ran:?}");
}
