//! `treenail hash`.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::support::{Ran, make, other, place, run, run_with_input};

fn hash(dir: &Path, args: &[&str]) -> Ran {
    run(dir, &[&["hash"], args].concat())
}

/// The digests of nothing and of `abc`.
const VECTORS: [(&str, &str, &str); 7] = [
    ("xxh3", "2d06800538d394c2", "78af5f94892f3950"),
    ("xxh128", "99aa06d3014798d86001c324468d497f", "06b05ab6733a618578af5f94892f3950"),
    (
        "blake3",
        "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
        "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85",
    ),
    (
        "sha256",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    ),
    (
        "sha1",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "a9993e364706816aba3e25717850c26c9cd0d89d",
    ),
    ("crc32", "00000000", "352441c2"),
    ("crc32c", "00000000", "364b3fb7"),
];

#[test]
fn each_algorithm_gives_its_published_values() {
    let place = place();
    make(place.path(), &[("empty", ""), ("abc", "abc")]);
    for (algo, empty, abc) in VECTORS {
        let ran = hash(place.path(), &["--algo", algo, "empty", "abc"]).expect(0);
        assert_eq!(ran.out(), format!("{empty}  empty\n{abc}  abc\n"), "{algo}");
    }
    assert_eq!(
        hash(place.path(), &["abc"]).out(),
        hash(place.path(), &["-a", "xxh3", "abc"]).out()
    );
}

// The first 320 bytes of the two PDF files of Stevens, Bursztein, Karpman, Albertini and Markov,
// "The first collision for full SHA-1" (2017): a common head, then two blocks each.
const HEAD: &str = "\
    255044462d312e330a25e2e3cfd30a0a0a312030206f626a0a3c3c2f57696474682032203020522f\
    4865696768742033203020522f547970652034203020522f537562747970652035203020522f4669\
    6c7465722036203020522f436f6c6f7253706163652037203020522f4c656e677468203820302052\
    2f42697473506572436f6d706f6e656e7420383e3e0a73747265616d0affd8fffe00245348412d31\
    20697320646561642121212121852fec092339759c39b1a1c63c4c97e1fffe01";
const FIRST: &str = "\
    7f46dc93a6b67e013b029aaa1db2560b45ca67d688c7f84b8c4c791fe02b3df614f86db1690901c5\
    6b45c1530afedfb76038e972722fe7ad728f0e4904e046c230570fe9d41398abe12ef5bc942be335\
    42a4802d98b5d70f2a332ec37fac3514e74ddc0f2cc1a874cd0c78305a21566461309789606bd0bf\
    3f98cda8044629a1";

#[test]
fn a_sha1_collision_is_refused_and_the_rest_is_done() {
    let place = place();
    let text = format!("{HEAD}{FIRST}");
    let byte = |i| u8::from_str_radix(&text[i..i + 2], 16).unwrap();
    let content: Vec<u8> = (0..text.len()).step_by(2).map(byte).collect();
    make(place.path(), &[("a", "abc")]);
    fs::write(place.path().join("collision"), content).unwrap();
    let ran = hash(place.path(), &["--algo", "sha1", "collision", "a"]);
    let ran = ran.refused("collision", "use blake3 instead");
    assert_eq!(ran.out(), format!("{}  a\n", VECTORS[4].2));
}

#[test]
fn the_usual_tools_print_the_same() {
    let place = place();
    let files = ["a", "b", "c", "back\\slash", "new\nline"];
    for (i, name) in files.into_iter().enumerate() {
        let content: Vec<u8> = (0..i * 100_003).map(|byte| byte as u8).collect();
        fs::write(place.path().join(name), content).unwrap();
    }
    for (algo, tool) in [("sha256", "sha256sum"), ("sha1", "sha1sum"), ("blake3", "b3sum")] {
        let Some(theirs) = other(place.path(), tool, &files) else { continue };
        let ours = hash(place.path(), &[&["--algo", algo], &files[..]].concat()).expect(0);
        assert_eq!(ours.out(), theirs.out(), "{tool}");
    }
    for (algo, option) in [("xxh3", "-H3"), ("xxh128", "-H2")] {
        let Some(theirs) = other(place.path(), "xxhsum", &[option, "c"]) else { continue };
        let ours = hash(place.path(), &["--algo", algo, "c"]).expect(0);
        // Between versions of xxhsum the form of the line differs.
        let digest = ours.out().split_once(' ').unwrap().0;
        assert!(theirs.out().contains(digest), "xxhsum {option}: {theirs:?}");
    }
    let program = "import sys, zlib; print('%08x' % zlib.crc32(open('c', 'rb').read()))";
    if let Some(theirs) = other(place.path(), "python3", &["-c", program]) {
        let ours = hash(place.path(), &["--algo", "crc32", "c"]).expect(0);
        assert_eq!(ours.out(), format!("{}  c\n", theirs.out().trim()));
    }
}

#[test]
fn lists_go_both_ways_between_us_and_the_usual_tools() {
    let place = place();
    let names = ["plain", "two words", " leading", "back\\slash", "new\nline", "*star"];
    make(place.path(), &names.map(|name| (name, name)));
    for (algo, tool) in [("sha256", "sha256sum"), ("sha1", "sha1sum"), ("blake3", "b3sum")] {
        let ours = hash(place.path(), &[&["--algo", algo], &names[..]].concat()).expect(0);
        fs::write(place.path().join("OURS"), &ours.stdout).unwrap();
        let Some(theirs) = other(place.path(), tool, &["--check", "OURS"]) else { continue };
        assert_eq!(theirs.code, Some(0), "{tool}: {theirs:?}");
        let theirs = other(place.path(), tool, &names).unwrap();
        fs::write(place.path().join("THEIRS"), &theirs.stdout).unwrap();
        hash(place.path(), &["--algo", algo, "--check", "THEIRS"]).expect(0);
    }
    for (algo, option) in [("xxh3", "-H3"), ("xxh128", "-H2")] {
        let args = [option, "plain", "two words"];
        let Some(theirs) = other(place.path(), "xxhsum", &args) else { continue };
        fs::write(place.path().join("THEIRS"), &theirs.stdout).unwrap();
        hash(place.path(), &["--algo", algo, "--check", "THEIRS"]).expect(0);
    }
}

#[test]
fn standard_input_is_read_for_a_dash_and_when_no_file_is_named() {
    let place = place();
    for args in [&["hash", "--algo", "sha256", "-"][..], &["hash", "--algo", "sha256"]] {
        let ran = run_with_input(place.path(), args, b"abc").expect(0);
        assert_eq!(ran.out(), format!("{}  -\n", VECTORS[3].2));
    }
    let list = format!("{}  abc\n", VECTORS[3].2);
    make(place.path(), &[("abc", "abc")]);
    let args = ["hash", "--algo", "sha256", "--check", "-"];
    let ran = run_with_input(place.path(), &args, list.as_bytes()).expect(0);
    assert_eq!(ran.out(), "abc: OK\n");
}

#[test]
fn check_tells_right_wrong_and_missing_files_apart() {
    let place = place();
    make(place.path(), &[("a", "1"), ("b", "2"), ("c", "3")]);
    let ran = hash(place.path(), &["a", "b", "c"]).expect(0);
    fs::write(place.path().join("SUMS"), &ran.stdout).unwrap();
    let ran = hash(place.path(), &["--check", "SUMS"]).expect(0);
    assert_eq!((ran.out(), ran.stderr.as_str()), ("a: OK\nb: OK\nc: OK\n", ""));
    fs::write(place.path().join("b"), "!").unwrap();
    fs::remove_file(place.path().join("c")).unwrap();
    let ran = hash(place.path(), &["-c", "SUMS"]).expect(1);
    assert_eq!(ran.out(), "a: OK\nb: FAILED\nc: FAILED open or read\n");
    assert!(ran.stderr.contains("error: c: "), "{ran:?}");
    assert!(ran.stderr.contains("2 of 3 files"), "{ran:?}");
    let ran = hash(place.path(), &["-c", "-q", "SUMS"]).expect(1);
    assert_eq!(
        ran.out(),
        "b: FAILED\nc: FAILED open or read\n",
        "-q is to leave out what is right"
    );
    let ran = hash(place.path(), &["-c", "--json", "SUMS"]).expect(1);
    let lines = ran.json();
    assert_eq!((&lines[0]["path"], &lines[0]["ok"]), (&"a".into(), &true.into()));
    assert_eq!((&lines[1]["path"], &lines[1]["ok"]), (&"b".into(), &false.into()));
    assert_eq!(ran.summary()["ok"], 1);
    assert_eq!(ran.summary()["failed"], 2);
}

#[test]
fn a_malformed_line_is_reported_and_the_others_are_checked() {
    let place = place();
    make(place.path(), &[("a", "1"), ("b", "2"), ("empty", ""), ("noise", "what\nis this\n")]);
    let list = hash(place.path(), &["a", "b"]).expect(0).out().replace('\n', "\nnonsense\n");
    fs::write(place.path().join("SUMS"), format!("# a comment\n{list}")).unwrap();
    let ran = hash(place.path(), &["--check", "SUMS"]).refused("SUMS", "--algo");
    assert_eq!(ran.out(), "a: OK\nb: OK\n");
    assert!(ran.stderr.contains("line 3"), "{ran:?}");
    hash(place.path(), &["--check", "empty"]).refused("empty", "list");
    hash(place.path(), &["--check", "noise"]).refused("noise", "--algo");
    hash(place.path(), &["--check", "missing"]).refused("missing", "check that the path exists");
    // A list of another algorithm is no list of this one.
    hash(place.path(), &["--algo", "sha256", "--check", "SUMS"]).refused("SUMS", "--algo");
}

#[test]
fn a_list_with_windows_line_ends_is_read() {
    let place = place();
    make(place.path(), &[("a", "1")]);
    let list = hash(place.path(), &["a"]).expect(0).out().replace('\n', "\r\n");
    fs::write(place.path().join("SUMS"), list.to_uppercase().replace('A', "a")).unwrap();
    fs::write(place.path().join("SUMS"), list).unwrap();
    assert_eq!(hash(place.path(), &["--check", "SUMS"]).expect(0).out(), "a: OK\n");
}

#[test]
fn names_that_are_no_text_are_checked_and_given_in_base_64() {
    let place = place();
    let name = OsStr::from_bytes(b"caf\xe9");
    fs::write(place.path().join(name), "x").unwrap();
    let ran = run(place.path(), &[OsStr::new("hash"), name]).expect(0);
    assert!(ran.stdout.ends_with(b"  caf\xe9\n"));
    fs::write(place.path().join("SUMS"), &ran.stdout).unwrap();
    let ran = hash(place.path(), &["--check", "SUMS"]).expect(0);
    assert_eq!(ran.out(), "caf\\xe9: OK\n");
    let ran = run(place.path(), &[OsStr::new("hash"), OsStr::new("--json"), name]).expect(0);
    assert_eq!(ran.json()[0]["path_b64"], "Y2Fm6Q==");
    assert!(ran.json()[0].get("path").is_none());
}

#[test]
fn a_directory_and_a_missing_file_are_errors_and_the_rest_is_done() {
    let place = place();
    make(place.path(), &[("a", "abc"), ("d/x", "x"), ("z", "abc")]);
    let ran = hash(place.path(), &["a", "d", "missing", "z"]).expect(2);
    assert_eq!(ran.out(), "78af5f94892f3950  a\n78af5f94892f3950  z\n");
    assert!(ran.stderr.contains("error: d: ") && ran.stderr.contains("treenail tree"), "{ran:?}");
    assert!(ran.stderr.contains("error: missing: "), "{ran:?}");
    let ran = hash(place.path(), &["--json", "a", "d", "missing", "z"]).expect(2);
    assert_eq!(ran.json().len(), 3);
    let errors = ran.errors();
    assert_eq!((&errors[0]["path"], &errors[1]["path"]), (&"d".into(), &"missing".into()));
    assert!(errors.iter().all(|error| error["remedy"].is_string()), "{errors:?}");
    assert_eq!(ran.summary()["errors"], 2);
}

#[test]
fn json_has_the_documented_keys_and_a_summary() {
    let place = place();
    make(place.path(), &[("a", "abc")]);
    let ran = hash(place.path(), &["--json", "--algo", "crc32", "a"]).expect(0);
    let line = r#"{"path":"a","algo":"crc32","digest":"352441c2","size_bytes":3}"#;
    assert_eq!(ran.out().lines().next(), Some(line));
    let summary = ran.summary();
    assert_eq!((&summary["files"], &summary["size_bytes"]), (&1.into(), &3.into()));
    assert_eq!(summary["errors"], 0);
}

#[test]
fn many_files_keep_their_order() {
    let place = place();
    let names: Vec<String> = (0..500).map(|i| format!("f{i}")).collect();
    for (i, name) in names.iter().enumerate() {
        fs::write(place.path().join(name), vec![0; (500 - i) * 100]).unwrap();
    }
    let mut args = vec!["hash"];
    args.extend(names.iter().map(String::as_str));
    let ran = run(place.path(), &args).expect(0);
    let listed: Vec<&str> =
        ran.out().lines().map(|line| line.split_once("  ").unwrap().1).collect();
    assert_eq!(listed, names);
}
