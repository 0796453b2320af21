//! Differential test against `git check-ignore`: verdict, source, line and pattern must be equal
//! on every path of random trees with random rule files.
//!
//! `TREENAIL_SEEDS=from..to` runs other seeds than the usual ones.
#![cfg(unix)]

#[path = "support/rng.rs"]
mod rng;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rng::Rng;
use treenail_pattern::gitignore::{Environment, Repository, Stack, is_git_dir};

/// What git says of a path: source, line and pattern, all empty where no rule matches.
type Answer = (Vec<u8>, Vec<u8>, Vec<u8>);
type Answers = BTreeMap<Vec<u8>, Answer>;

const NAMES: &[&[u8]] = &[
    b"a",
    b"b",
    b"foo",
    b"bar",
    b"foobar",
    b"fooXbar",
    b"Foo",
    b"A",
    b"a.c",
    b"b.o",
    b"x.tar.gz",
    b"foo.c",
    b".hidden",
    b"a b",
    b"a ",
    b"#x",
    b"!x",
    b"*",
    b"[a]",
    b"a\\",
    b"-",
    b"]",
    b"a\tb",
    "\u{e9}".as_bytes(),
    "\u{fc}.c".as_bytes(),
    b"\xFF",
    b"foo~",
    b"~",
    b".",
    b"target",
    b"z9_",
    b"a-b",
    b"\n",
    b"\x7F\x0B",
    b"^",
    b"a\rb",
    b"foo\t",
];

const ATOMS: &[&[u8]] = &[
    b"a",
    b"b",
    b"foo",
    b"bar",
    b"o",
    b"c",
    b".c",
    b".o",
    b".",
    b"*",
    b"*",
    b"**",
    b"***",
    b"?",
    b"[a-c]",
    b"[!a]",
    b"[^f]",
    b"[]a]",
    b"[a",
    b"[[:alpha:]]",
    b"[[:upper:]]",
    b"[![:space:]]",
    b"[[:punct:][:cntrl:]]",
    b"[[:x:]]",
    b"[\\]a]",
    b"[a-\\c]",
    b"[A-C]",
    b"[--/]",
    b"[/]",
    b"[a/]",
    b"\\a",
    b"\\A",
    b"\\*",
    b"\\[",
    b"\\",
    b"\\ ",
    b" ",
    b"  ",
    b"\t",
    b"A",
    b"F",
    b"#",
    b"!",
    "\u{e9}".as_bytes(),
    b"\xFF",
    b"~",
    b"-",
    b"[[:digit:]-z]",
    b"[f-",
    b"\\\\",
    b"tar.gz",
    b"X",
    b"[[:graph:]]",
    b"[[:print:]]",
    b"[[:blank:]]",
    b"[z-a]",
    b"[[:]",
    b"[[:a]",
    b"target",
];

const JOINS: &[&[u8]] =
    &[b"/", b"/", b"/", b"/**/", b"/**/", b"**/", b"/*/", b"\\/", b"//", b"/***/", b"**\\/"];

fn random_rule(rng: &mut Rng) -> Vec<u8> {
    let mut rule = Vec::new();
    if rng.chance(25) {
        rule.push(b'!');
    }
    if rng.chance(20) {
        rule.extend_from_slice(if rng.chance(50) { b"/" } else { b"**/" });
    }
    for component in 0..=[0, 0, 0, 1, 1, 2][rng.below(6)] {
        if component > 0 {
            rule.extend_from_slice(rng.pick(JOINS));
        }
        if rng.chance(45) {
            rule.extend_from_slice(rng.pick(NAMES));
        } else {
            for _ in 0..=rng.below(4) {
                rule.extend_from_slice(rng.pick(ATOMS));
            }
        }
    }
    match rng.below(12) {
        0 | 1 => rule.push(b'/'),
        2 => rule.extend_from_slice(b"/**"),
        3 => rule.extend_from_slice(b"/*"),
        4 => rule.extend_from_slice(b"  "),
        5 => rule.extend_from_slice(b"**"),
        6 if rng.chance(20) => rule.extend_from_slice(b"\0x"),
        _ => {}
    }
    rule
}

fn random_file(rng: &mut Rng) -> Vec<u8> {
    let mut file = Vec::new();
    if rng.chance(10) {
        file.extend_from_slice(b"\xEF\xBB\xBF");
    }
    for _ in 0..rng.below(10) {
        match rng.below(12) {
            0 => file.extend_from_slice(b"# comment"),
            1 => {}
            _ => file.extend(random_rule(rng)),
        }
        file.extend_from_slice(if rng.chance(10) { b"\r\n" } else { b"\n" });
    }
    if rng.chance(30) {
        file.extend(random_rule(rng));
    }
    file
}

fn random_tree(rng: &mut Rng, dir: &Path, depth: usize) {
    if rng.chance(if depth == 0 { 90 } else { 30 }) {
        let file = dir.join(".gitignore");
        if rng.chance(4) {
            std::os::unix::fs::symlink("elsewhere", file).unwrap();
        } else {
            fs::write(file, random_file(rng)).unwrap();
        }
    }
    for _ in 0..3 + rng.below(6) {
        let path = dir.join(OsStr::from_bytes(rng.pick(NAMES)));
        if path.exists() {
            continue;
        }
        if depth < 4 && rng.chance(if depth == 0 { 60 } else { 35 }) {
            fs::create_dir(&path).unwrap();
            random_tree(rng, &path, depth + 1);
        } else {
            fs::write(&path, b"").unwrap();
        }
    }
}

struct Fixture {
    _temporary: tempfile::TempDir,
    top: std::path::PathBuf,
    environment: Environment,
}

impl Fixture {
    fn new(ignore_case: bool, global: &[u8], exclude: &[u8]) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let home = temporary.path().canonicalize().unwrap();
        let top = home.join("repository");
        for dir in [".git/objects", ".git/refs", ".git/info"] {
            fs::create_dir_all(top.join(dir)).unwrap();
        }
        fs::write(top.join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
        let config = format!("[core]\n\tbare = false\n\tignorecase = {ignore_case}\n");
        fs::write(top.join(".git/config"), config).unwrap();
        fs::write(top.join(".git/info/exclude"), exclude).unwrap();
        fs::write(home.join("excludes"), global).unwrap();
        fs::write(home.join("gitconfig"), "[Core]\n\texcludesFile = \"~/excludes\" ; ours\n")
            .unwrap();
        let environment = Environment {
            config_global: Some(home.join("gitconfig")),
            home: Some(home),
            ..Environment::default()
        };
        Self { _temporary: temporary, top, environment }
    }

    fn ours(&self) -> Answers {
        let repository = Repository::open_with(&self.top, &self.environment).unwrap();
        assert!(repository.is_in_git());
        let mut answers = Answers::new();
        collect(&repository, repository.stack(), &self.top, b"", &mut answers);
        answers
    }

    fn git(&self, paths: &Answers) -> Answers {
        let mut child = Command::new("git")
            .args(["check-ignore", "-v", "-n", "-z", "--stdin", "--no-index"])
            .current_dir(&self.top)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.environment.home.as_ref().unwrap())
            .env("GIT_CONFIG_GLOBAL", self.environment.config_global.as_ref().unwrap())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("git is needed as the oracle");
        // A path that starts with a colon would be pathspec magic.
        let input: Vec<u8> = paths.keys().flat_map(|p| [b"./", &p[..], b"\0"].concat()).collect();
        let mut stdin = child.stdin.take().unwrap();
        let writer = std::thread::spawn(move || stdin.write_all(&input).unwrap());
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(matches!(output.status.code(), Some(0 | 1)), "git failed: {errors}");
        let mut fields = output.stdout.split(|&b| b == 0).map(<[u8]>::to_vec);
        let mut answers = Answers::new();
        while let (Some(source), Some(line), Some(pattern), Some(path)) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        {
            let path = path.strip_prefix(b"./").expect("as it was asked").to_vec();
            answers.insert(path, (source, line, pattern));
        }
        answers
    }

    /// Compares on every path; returns how many there were and how many a rule decided.
    fn check(&self, context: &str) -> (usize, usize) {
        let ours = self.ours();
        let git = self.git(&ours);
        assert_eq!(ours.len(), git.len(), "{context}");
        for (path, theirs) in &git {
            let show = |(source, line, pattern): &Answer| {
                let parts = [source, line, pattern];
                parts.map(|part| part.escape_ascii().to_string()).join(":")
            };
            let answer = &ours[path];
            assert!(
                answer == theirs,
                "{context}, path {:?}:\n git  {}\n ours {}",
                path.escape_ascii().to_string(),
                show(theirs),
                show(answer),
            );
        }
        (git.len(), git.values().filter(|answer| !answer.1.is_empty()).count())
    }
}

fn collect(repository: &Repository, stack: &Stack, dir: &Path, base: &[u8], answers: &mut Answers) {
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if is_git_dir(name.as_bytes()) {
            continue;
        }
        let separator: &[u8] = if base.is_empty() { b"" } else { b"/" };
        let path = [base, separator, name.as_bytes()].concat();
        let is_dir = entry.file_type().unwrap().is_dir();
        let answer = stack.explain_path(&path, is_dir).map_or_else(Answer::default, |rule| {
            let source = rule.source.as_os_str().as_bytes().to_vec();
            (source, rule.line.to_string().into_bytes(), rule.pattern.to_vec())
        });
        if is_dir {
            let below = repository.enter(stack, &entry.path(), &path).unwrap();
            collect(repository, &below, &entry.path(), &path, answers);
        }
        answers.insert(path, answer);
    }
}

fn seeds() -> std::ops::Range<u64> {
    let Ok(range) = std::env::var("TREENAIL_SEEDS") else { return 0..100 };
    let (from, to) = range.split_once("..").expect("TREENAIL_SEEDS is from..to");
    from.parse().unwrap()..to.parse().unwrap()
}

#[test]
fn random_repositories_get_the_answers_of_git() {
    let seeds = seeds();
    println!("seeds {seeds:?}");
    let (mut paths, mut decided) = (0, 0);
    for seed in seeds {
        let mut rng = Rng::new(seed);
        let (global, exclude) = (random_file(&mut rng), random_file(&mut rng));
        let fixture = Fixture::new(rng.chance(25), &global, &exclude);
        random_tree(&mut rng, &fixture.top, 0);
        let (all, some) = fixture.check(&format!("seed {seed}"));
        paths += all;
        decided += some;
    }
    println!("{paths} paths, {decided} decided by a rule");
    assert!(decided * 5 > paths, "the rules decide too little to tell anything");
}

#[test]
fn classes_hold_the_bytes_they_hold_in_git() {
    let classes = "alnum alpha blank cntrl digit graph lower print punct space upper xdigit";
    for ignore_case in [false, true] {
        let fixture = Fixture::new(ignore_case, b"", b"");
        for byte in (1..=255_u8).filter(|b| !b"./".contains(b)) {
            fs::write(fixture.top.join(OsStr::from_bytes(&[byte])), b"").unwrap();
            fs::write(fixture.top.join(OsStr::from_bytes(&[byte, b'b'])), b"").unwrap();
        }
        for class in classes.split_whitespace() {
            let rules = format!("[[:{class}:]]\n[^[:{class}:]]b\n");
            fs::write(fixture.top.join(".gitignore"), rules).unwrap();
            fixture.check(class);
        }
    }
}

/// Patterns that people really write, and the corners that git's own documentation names.
#[test]
fn known_corners_get_the_answers_of_git() {
    let files: &[&[u8]] = &[
        b"foo**/bar\n",
        b"foo**\n/foo**\n!foo/\n",
        b"a/**/b\n",
        b"**/foo/**\n!**/foo/bar\n",
        b"foo**\\/bar\n",
        b"**\\/bar\n",
        b"foo**//bar\n",
        b"foo**/**/bar\n",
        b"foo**/**\n",
        b"/*\n!/foo\n/foo/*\n!/foo/bar\n",
        b"foo/\n!foo/bar\n",
        b"*\n!*/\n!*.c\n",
        b"/\n!\n!/\n//\n",
        b"**/\n",
        b"**\n",
        b"/**\n",
        b"\\!x\n\\#x\n",
        b"a\\ \n",
        b"a \n",
        b"foo\\\n",
        b"foo\\/\n",
        b"\\/foo\n",
        b"foo[/]bar\n",
        b"foo/**/**/bar\n",
        b"f*/**/b*r\n",
        b"*/foo\n",
        b"foo/*/\n",
        b"\r\nfoo\r\n",
        b"a\rb\n",
        b"foo\t\n",
        b"foo \t\n",
        b"foo\t \n",
        b"/foo/**/\n",
        b"**/**\n",
        b"a/**/**/**/b\n",
        b"**foo/bar\n",
    ];
    for ignore_case in [false, true] {
        for file in files {
            let fixture = Fixture::new(ignore_case, b"", b"");
            fs::write(fixture.top.join(".gitignore"), file).unwrap();
            for dir in
                ["foo/bar/x", "foo/x/bar", "foox/y/bar", "a/b/b", "Foo/A", "a/x/y/b", "x/foo/bar"]
            {
                fs::create_dir_all(fixture.top.join(dir)).unwrap();
            }
            for name in [
                "foobar",
                "a ",
                "a b",
                "#x",
                "!x",
                "a.c",
                "foo/a.c",
                "a\rb",
                "foo\t",
                "foo \t",
                "foo/bar/x/z",
            ] {
                fs::write(fixture.top.join(name), b"").unwrap();
            }
            fixture.check(&file.escape_ascii().to_string());
        }
    }
}

#[test]
fn a_typical_rule_file_gets_the_answers_of_git() {
    let fixture = Fixture::new(false, b".DS_Store\n*.swp\n", b"");
    let rules = b"node_modules\n.npm\n*.tgz\ncoverage/\n.nyc_output\nbuild/Release\n/lib\n\
        !lib/keep.js\n*.log\nnpm-debug.log*\n.env.*\n!.env.example\n**/dist/*.map\n\
        packages/*/dist\ntest/**/snap\n*.py[cod]\n";
    fs::write(fixture.top.join(".gitignore"), rules).unwrap();
    for path in [
        "lib/keep.js",
        "src/a.log",
        "npm-debug.log.1",
        ".env.local",
        ".env.example",
        "x/dist/a.map",
        "packages/p/dist/x.js",
        "packages/p/src/dist.js",
        "test/a/b/snap",
        "x.pyc",
        "coverage/c",
        "src/coverage",
        "build/Release/x",
        "sub/build/Release",
        "a.tgz",
        ".DS_Store",
        "x/y/.a.swp",
    ] {
        let path = fixture.top.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, b"").unwrap();
    }
    let (_, decided) = fixture.check("a typical file");
    assert!(decided > 10);
}
