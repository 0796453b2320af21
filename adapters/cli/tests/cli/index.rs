//! `index`, and `find` with `--index` and `--watch`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::support::{Ran, command, finish, place};

/// A place with a root to ask about and a state beside it.
struct Scene(TempDir);

impl Scene {
    fn new() -> Self {
        let scene = Self(place());
        for dir in ["root/src/deep", "root/target"] {
            fs::create_dir_all(scene.0.path().join(dir)).unwrap();
        }
        for file in ["src/main.rs", "src/deep/x.rs", "target/y.rs", "README.md", ".ignore"] {
            scene.write(file, "/target/\n");
        }
        scene
    }

    fn root(&self) -> std::path::PathBuf {
        self.0.path().join("root")
    }

    fn write(&self, path: impl AsRef<Path>, text: &str) {
        fs::write(self.root().join(path), text).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = command(&self.root(), args);
        command.env("XDG_STATE_HOME", self.0.path().join("state"));
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        finish(&mut self.command(args), b"")
    }

    /// What `find` prints, in order.
    fn find(&self, args: &[&str]) -> Vec<String> {
        let ran = self.run(&[&["find"], args].concat()).expect(0);
        let mut lines: Vec<String> = ran.out().lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }
}

#[test]
fn an_index_answers_what_a_walk_finds_also_after_changes() {
    let scene = Scene::new();
    let summary = scene.run(&["index", "--json"]).expect(0).summary();
    assert_eq!(summary["resumed"], false);
    let asked: [&[&str]; 7] = [
        &[],
        &["-e", "rs"],
        &["-g", "src/**/*.rs"],
        &["-tf", "-u", "."],
        &["-H", "x", "src"],
        &["-td", "--max-depth", "1"],
        &["-S", "-3b"],
    ];
    let check = || {
        for args in asked {
            let index = scene.find(&[&["--index"], args].concat());
            assert_eq!(index, scene.find(args), "{args:?}");
        }
    };
    check();
    scene.write("src/new.rs", "");
    fs::rename(scene.root().join("src/deep"), scene.root().join("moved")).unwrap();
    scene.write(".ignore", "*.md\n");
    check();
    let summary = scene.run(&["index", "--json"]).expect(0).summary();
    assert_eq!(summary["resumed"], true);
    check();
}

#[test]
fn json_and_the_exit_status_are_those_of_find() {
    let scene = Scene::new();
    scene.run(&["index"]).expect(0);
    let lines = |args: &[&str]| {
        let mut lines = scene.run(args).expect(0).json();
        lines.pop().expect("a summary");
        lines.sort_by_key(ToString::to_string);
        lines
    };
    assert_eq!(lines(&["find", "--json", "--index", "rs"]), lines(&["find", "--json", "rs"]));
    scene.run(&["find", "--index", "-q", "main"]).expect(0);
    scene.run(&["find", "--index", "-q", "nothing"]).expect(1);
    assert_eq!(scene.run(&["find", "--index", "--has-results", "main"]).expect(0).out(), "");
    let separated = ["--path-separator", "::", "-e", "rs"];
    let index = scene.find(&[&["--index"], &separated[..]].concat());
    assert!(index.iter().any(|path| path.contains("::")), "{index:?}");
    assert_eq!(index, scene.find(&separated));
    for colors in [&["-c", "always"], &["--color", "always"]] {
        let index = scene.find(&[&["--index"], &colors[..]].concat());
        assert!(index.iter().any(|path| path.contains("\u{1b}[")), "{index:?}");
        assert_eq!(index, scene.find(colors));
        scene.run(&[&["find", "--watch"], &colors[..]].concat()).expect(1);
    }
    assert!(scene.run(&["find", "--watch", "-q"]).expect(1).stderr.contains("--quiet"));
}

#[test]
fn without_an_index_the_remedy_is_named() {
    let scene = Scene::new();
    let ran = scene.run(&["find", "--index"]).expect(1);
    assert!(ran.stderr.contains("treenail index"), "{ran:?}");
}

#[test]
fn a_search_that_goes_on_tells_what_comes_and_goes() {
    let scene = Scene::new();
    let mut child =
        scene.command(&["find", "--watch", "-e", "rs"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut first: Vec<String> = lines.by_ref().take(2).map(Result::unwrap).collect();
    first.sort();
    assert_eq!(first, ["src/deep/x.rs", "src/main.rs"]);
    scene.write("src/a.rs", "");
    assert_eq!(lines.next().unwrap().unwrap(), "+src/a.rs");
    fs::rename(scene.root().join("src/deep"), scene.root().join("z")).unwrap();
    let mut moved: Vec<String> = lines.by_ref().take(2).map(Result::unwrap).collect();
    moved.sort();
    assert_eq!(moved, ["+z/x.rs", "-src/deep/x.rs"]);
    child.kill().unwrap();
    child.wait().unwrap();
}
