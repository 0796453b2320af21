//! `index --content`, and `grep --index`.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::support::{Ran, command, finish, make, place};

struct Scene(TempDir);

impl Scene {
    fn new() -> Self {
        let scene = Self(place());
        make(
            scene.root(),
            &[
                ("src/main.rs", "fn main() { needle() }\n"),
                ("src/lib.rs", "pub fn hay() {}\n"),
                ("notes.md", "hay and hay\n"),
                (".hidden", "needle\n"),
                ("out.log", "needle\n"),
                (".ignore", "*.log\n"),
            ],
        );
        scene
    }

    fn root(&self) -> PathBuf {
        self.0.path().join("root")
    }

    fn run(&self, args: &[&str]) -> Ran {
        let mut command = command(&self.root(), args);
        finish(command.env("XDG_STATE_HOME", self.0.path().join("state")), b"")
    }

    /// What a search prints, which is the same with the index and without, and how many files the
    /// index spared.
    fn grep(&self, args: &[&str]) -> (String, u64) {
        let plain = self.run(&[&["grep", "--sort", "path"], args].concat());
        let ran = self.run(&[&["grep", "--sort", "path", "--index"], args].concat());
        assert_eq!((ran.code, ran.out()), (plain.code, plain.out()), "{args:?}: {ran:?}");
        let stats = self.run(&[&["grep", "--index", "--stats"], args].concat());
        let last = stats.out().lines().last().unwrap().to_owned();
        assert!(last.contains(" files spared by the index"), "{stats:?}");
        (plain.out().to_owned(), last.split(' ').next().unwrap().parse().unwrap())
    }
}

#[test]
fn with_the_index_the_same_is_found_and_less_is_read() {
    let scene = Scene::new();
    let summary = scene.run(&["index", "--content", "--json"]).expect(0).summary();
    assert_eq!((&summary["content"]["files"], &summary["files"]), (&3.into(), &6.into()));
    assert_eq!(scene.grep(&["needle"]), ("src/main.rs:fn main() { needle() }\n".to_owned(), 2));
    assert_eq!(scene.grep(&["nowhere"]), (String::new(), 3));
    assert_eq!(scene.grep(&["-uu", "needle"]).1, 2);
    assert_eq!(scene.grep(&["-tmd", "needle"]).1, 1);
    assert_eq!(scene.grep(&["needle", "src"]).1, 1);
    assert_eq!(scene.grep(&["-l", "NEEDLE", "-i"]).1, 2);
    assert_eq!(scene.grep(&["-c", "n"]).1, 0);
    assert_eq!(scene.grep(&["-v", "needle"]).1, 0);
    assert_eq!(scene.grep(&["--files-without-match", "needle"]).1, 0);
    assert_eq!(scene.grep(&["-c", "--include-zero", "needle"]).1, 0);
    assert_eq!(scene.grep(&["--pre", "cat", "needle"]).1, 0);
    assert_eq!(scene.grep(&["--pre", "cat", "--pre-glob", "*.md", "needle"]).1, 1);
    assert_eq!(scene.grep(&["--sort", "modified", "needle"]).1, 2);
    make(scene.root(), &[("src/lib.rs", "needle\n"), ("src/new.rs", "needle\n")]);
    assert_eq!(scene.grep(&["needle"]).0.lines().count(), 3);
    let summary = scene.run(&["index", "--content", "--json"]).expect(0).summary();
    assert_eq!((&summary["content"]["files"], &summary["content"]["read"]), (&4.into(), &2.into()));
    assert_eq!(scene.grep(&["needle"]).1, 1);
    let summary = scene.run(&["index", "--content", "-HI", "--json"]).expect(0).summary();
    assert_eq!(summary["content"]["files"], 7);
    assert_eq!(scene.grep(&["-uu", "nowhere"]), (String::new(), 7));
}

#[test]
fn without_an_index_of_contents_the_remedy_is_named_and_damage_is_said() {
    let scene = Scene::new();
    scene.run(&["index"]).expect(0);
    scene.run(&["grep", "--index", "needle"]).refused("", "treenail index --content");
    scene.run(&["grep", "--index", "--no-index", "needle"]).expect(0);
    scene.run(&["index", "--hidden"]).expect(2);
    scene.run(&["index", "--content"]).expect(0);
    let mut states = fs::read_dir(scene.0.path().join("state/treenail/watch")).unwrap();
    let contents = states.next().unwrap().unwrap().path().join("contents");
    for entry in fs::read_dir(contents).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some() {
            fs::write(path, "no index at all").unwrap();
        }
    }
    let ran = scene.run(&["grep", "--index", "-l", "needle"]).expect(0);
    assert_eq!(ran.out(), "src/main.rs\n");
    assert!(ran.stderr.contains("treenail index --content"), "{ran:?}");
    let ran = scene.run(&["index", "--content"]).expect(0);
    assert!(ran.stderr.contains("could not be used"), "{ran:?}");
    assert_eq!(scene.grep(&["nowhere"]), (String::new(), 3));
}
