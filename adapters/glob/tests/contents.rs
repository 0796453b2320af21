//! The index of contents: whatever happens to the files and to the index, a search with it finds
//! what a search without it finds.
#![cfg(all(feature = "search", unix))]

use std::ffi::OsString;
use std::fs::{self, File, FileTimes};
use std::path::Path;
use std::thread;
use std::time::Duration;

use proptest::prelude::*;
use tempfile::TempDir;
use treenail_glob::Case;
use treenail_glob::find::{Cancel, Find, Ignores};
use treenail_glob::search::contents::{Contents, Refreshed, Sieve};
use treenail_glob::search::{Binary, Search};

/// A place with a tree and an index of its contents.
struct Scene {
    dir: TempDir,
    contents: Contents,
}

impl Scene {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("root")).unwrap();
        let contents = Contents::open(&dir.path().join("index")).unwrap();
        Self { dir, contents }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join("root").join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn find(&self) -> Find {
        Find::new().root_shown(self.dir.path().join("root"), "")
    }

    fn refresh(&mut self) -> Refreshed {
        self.contents.refresh(&self.find(), &Default::default()).unwrap()
    }

    /// The files and lines that are found, with the index and without, which must be the same;
    /// and how many files were not read.
    fn check(&self, search: &Search) -> (Vec<String>, u64) {
        let sieve = self.contents.sieve(&search.compile().unwrap());
        let found = lines(search, self.find(), Some(&sieve));
        assert_eq!(found, lines(search, self.find(), None), "{search:?}");
        (found, sieve.spared())
    }
}

fn lines(search: &Search, find: Find, sieve: Option<&Sieve>) -> Vec<String> {
    let files = search.compile().unwrap().files().find(find).sort(true);
    let files = match sieve {
        Some(sieve) => files.sieve(sieve.clone()),
        None => files,
    };
    collect(&files)
}

fn collect(files: &treenail_glob::search::Files) -> Vec<String> {
    let line = |found: Result<treenail_glob::search::SearchMatch, _>| {
        let found = found.unwrap();
        let line = found.line();
        let (path, text) = (found.path(), line.bytes);
        format!("{}:{:?}", String::from_utf8_lossy(path), String::from_utf8_lossy(text))
    };
    files.iter().map(line).collect()
}

fn words(words: &[&str]) -> Search {
    Search::new(words.iter().copied())
}

/// Waits until what changes gets other times than what has been read.
fn wait() {
    thread::sleep(Duration::from_millis(20));
}

#[test]
fn files_without_the_literal_are_not_read_and_changed_ones_are() {
    let mut scene = Scene::new();
    for number in 0..50 {
        scene.write(&format!("dir{}/file{number}", number % 5), format!("content {number}\n"));
    }
    let done = scene.refresh();
    assert_eq!((done.files, done.read, done.unknown), (50, 50, 0));
    assert_eq!(scene.check(&words(&["content 7$"])).1, 49);
    assert_eq!(scene.check(&words(&["tent 1"])).0.len(), 11);
    assert_eq!(scene.check(&words(&["nowhere"])), (Vec::new(), 50));
    assert_eq!(scene.check(&words(&["t$|[0-9]"])).1, 0);
    assert_eq!(scene.refresh().read, 0);

    scene.write("dir0/file0", "elsewhere\n");
    scene.write("new", "nowhere\n");
    fs::rename(scene.path("dir1"), scene.path("dir9")).unwrap();
    fs::remove_file(scene.path("dir2/file2")).unwrap();
    assert_eq!(
        scene.check(&words(&["where"])),
        (vec!["dir0/file0:\"elsewhere\\n\"".to_owned(), "new:\"nowhere\\n\"".to_owned()], 48)
    );
    // A rename leaves the file what it is.
    assert_eq!(scene.check(&words(&["content 21"])).1, 47);
    let done = scene.refresh();
    assert_eq!((done.files, done.read), (50, 2));
    assert_eq!(scene.check(&words(&["nowhere"])).1, 49);
}

#[test]
fn a_change_of_the_same_length_with_the_old_time_is_seen() {
    let mut scene = Scene::new();
    scene.write("a", "some haystack\n");
    scene.write("b", "other haystack\n");
    scene.refresh();
    wait();
    let modified = fs::metadata(scene.path("a")).unwrap().modified().unwrap();
    scene.write("a", "there: needle\n");
    let file = File::options().write(true).open(scene.path("a")).unwrap();
    file.set_times(FileTimes::new().set_modified(modified)).unwrap();
    assert_eq!(scene.check(&words(&["needle"])), (vec!["a:\"there: needle\\n\"".to_owned()], 1));
    // Another file under the name of a known one, with its length and time.
    scene.write("c", "third: needle!\n");
    let modified = fs::metadata(scene.path("b")).unwrap().modified().unwrap();
    let file = File::options().write(true).open(scene.path("c")).unwrap();
    file.set_times(FileTimes::new().set_modified(modified)).unwrap();
    fs::rename(scene.path("c"), scene.path("b")).unwrap();
    assert_eq!(scene.check(&words(&["needle"])).0.len(), 2);
}

#[test]
fn text_that_is_not_what_the_bytes_say_is_always_searched() {
    let mut scene = Scene::new();
    let utf16 = |text: &str| {
        let units = text.encode_utf16().flat_map(u16::to_le_bytes);
        [0xff, 0xfe].into_iter().chain(units).collect::<Vec<u8>>()
    };
    scene.write("utf16", utf16("a needle\n"));
    scene.write("utf8", b"\xef\xbb\xbfa needle\xff\n");
    scene.write("plain", "a haystack\n");
    scene.write("binary", b"first line\nabc\0\nneedle\n");
    scene.write("latin", b"n\xe9\xe9dle needle\n");
    scene.refresh();
    let needle = words(&["needle"]);
    assert_eq!(scene.check(&needle).0.len(), 3);
    assert_eq!(scene.check(&needle).1, 2);
    assert_eq!(scene.check(&needle.clone().binary(Binary::Text)).0.len(), 4);
    assert_eq!(scene.check(&needle.clone().binary(Binary::Search)).0.len(), 4);
    scene.check(&needle.clone().binary(Binary::Search).multiline(true));
    scene.check(&needle.clone().null_data(true));
    scene.check(&needle.clone().crlf(true));
    assert_eq!(scene.check(&words(&["n\u{e9}\u{e9}dle"]).encoding("latin1")).1, 0);
    assert_eq!(scene.check(&words(&["first line"])).1, 2);
    assert_eq!(scene.check(&needle.clone().encoding("none")).1, 2);
    assert_eq!(scene.check(&needle.invert(true)).1, 0);
    assert_eq!(scene.check(&words(&["e\nabc"]).multiline(true)).1, 2);
    assert_eq!(scene.check(&words(&["line\nabc"]).multiline(true)).1, 2);
}

#[cfg(feature = "compressed")]
#[test]
fn compressed_files_are_always_searched_where_they_are_unpacked() {
    let mut scene = Scene::new();
    let mut gzip = std::process::Command::new("gzip");
    scene.write("packed", "a needle\n");
    assert!(gzip.arg(scene.path("packed")).status().unwrap().success());
    scene.write("plain", "a haystack\n");
    scene.refresh();
    assert_eq!(scene.check(&words(&["needle"])).1, 2);
    assert_eq!(scene.check(&words(&["needle"]).compressed(true)).0.len(), 1);
}

#[test]
fn ignored_and_hidden_files_are_found_by_the_same_rules() {
    let mut scene = Scene::new();
    for name in ["seen", ".hidden", "out.log", "sub/deep"] {
        scene.write(name, "needle\n");
    }
    scene.write(".ignore", "*.log\n");
    // The index knows fewer files than are searched.
    let known = scene.find().ignores(Ignores::standard());
    scene.contents.refresh(&known, &Default::default()).unwrap();
    let search = words(&["nothing like it"]);
    let sieve = scene.contents.sieve(&search.compile().unwrap());
    lines(&search, scene.find().hidden(true), Some(&sieve));
    assert_eq!(sieve.spared(), 2);
    for find in [scene.find(), known, scene.find().hidden(true).glob("*e*")] {
        let needle = words(&["needle"]);
        let sieve = scene.contents.sieve(&needle.compile().unwrap());
        assert_eq!(lines(&needle, find.clone(), Some(&sieve)), lines(&needle, find, None));
    }
}

#[cfg(feature = "query")]
#[test]
fn from_a_live_tree_the_same_is_found_without_a_walk() {
    use treenail_glob::query::{Index, Query};
    use treenail_tree::live::{LiveTree, Options};

    let mut scene = Scene::new();
    for number in 0..20 {
        scene.write(&format!("dir{}/file{number}", number % 3), format!("content {number}\n"));
    }
    scene.write(".ignore", "file1?\n");
    scene.refresh();
    let root = scene.dir.path().join("root");
    let find = Find::new().root(&root).ignores(Ignores::standard()).sort(true);
    let mut live = LiveTree::open(&root, &Options::default()).unwrap();
    let mut index = Index::new(live.tree(), &root).unwrap();
    let query = Query::new(&find, &root).unwrap();
    let check = |live: &mut LiveTree, index: &mut Index, pattern: &str| {
        live.barrier().unwrap();
        index.update(live.tree()).unwrap();
        let search = words(&[pattern]);
        let searcher = search.compile().unwrap();
        let sieve = scene.contents.sieve(&searcher);
        let files = searcher.files().answer(&index.ask(&query), &sieve).sort(true);
        assert_eq!(collect(&files), lines(&search, find.clone(), None), "{pattern}");
        sieve.spared()
    };
    assert_eq!(check(&mut live, &mut index, "content 7"), 9);
    assert_eq!(check(&mut live, &mut index, "content"), 0);
    fs::write(root.join("dir1/file7"), "content 4, as it is now\n").unwrap();
    fs::write(root.join("new"), "content 4 too\n").unwrap();
    fs::rename(root.join("dir2"), root.join("dir8")).unwrap();
    assert_eq!(check(&mut live, &mut index, "content 4"), 8);
    fs::write(root.join(".ignore"), "file2\n").unwrap();
    assert_eq!(check(&mut live, &mut index, "content 1"), 7);
}

#[test]
fn links_lead_to_what_is_known() {
    let mut scene = Scene::new();
    scene.write("dir/file", "a haystack\n");
    std::os::unix::fs::symlink("dir/file", scene.path("link")).unwrap();
    fs::hard_link(scene.path("dir/file"), scene.path("twin")).unwrap();
    let done = scene.refresh();
    assert_eq!((done.files, done.read), (1, 1));
    let search = words(&["needle"]);
    let sieve = scene.contents.sieve(&search.compile().unwrap());
    assert!(lines(&search, scene.find().follow(true), Some(&sieve)).is_empty());
    assert_eq!(sieve.spared(), 3);
    fs::write(scene.path("twin"), "a needle\n").unwrap();
    let find = scene.find().follow(true);
    assert_eq!(lines(&search, find, Some(&sieve)).len(), 3);
}

#[test]
fn a_damaged_segment_is_said_and_made_anew() {
    let mut scene = Scene::new();
    for number in 0..20 {
        scene.write(&format!("file{number}"), format!("content {number}, haystack\n"));
    }
    scene.refresh();
    let index = scene.dir.path().join("index");
    let segment = || -> OsString {
        let names = fs::read_dir(&index).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name != "lock").max().unwrap()
    };
    let whole = fs::read(index.join(segment())).unwrap();
    let len = whole.len();
    for (at, cut) in [(3, len), (20, len), (70, len), (len - 5, len), (0, len / 2), (0, 0)] {
        let mut damaged = whole[..cut].to_vec();
        if let Some(byte) = damaged.get_mut(at) {
            *byte ^= 0x40;
        }
        fs::write(index.join(segment()), damaged).unwrap();
        scene.contents = Contents::open(&index).unwrap();
        let search = words(&["content 7"]);
        let sieve = scene.contents.sieve(&search.compile().unwrap());
        let is_said = !scene.contents.problems().is_empty() || !sieve.problems().is_empty();
        // A block that no pattern asks for may be damaged unnoticed.
        assert!(is_said || at == 70, "{at} {cut}");
        assert_eq!(scene.check(&search).0.len(), 1);
        scene.refresh();
        assert_eq!(scene.check(&words(&["nothing at all"])), (Vec::new(), 20), "{at} {cut}");
    }
}

#[test]
fn what_was_read_before_it_was_cancelled_is_kept() {
    let mut scene = Scene::new();
    scene.write("a", "needle\n");
    let cancel = Cancel::new();
    cancel.cancel();
    let options = treenail_glob::search::contents::RefreshOptions { cancel, threads: None };
    let done = scene.contents.refresh(&scene.find(), &options).unwrap();
    assert_eq!(done.read, 0);
    assert_eq!(scene.check(&words(&["needle"])).0.len(), 1);
    assert_eq!(scene.refresh().read, 1);
    scene.contents.refresh(&scene.find(), &options).unwrap();
    assert_eq!(scene.contents.files(), 1);
}

#[test]
fn contents_of_another_version_or_nothing_at_all_know_nothing() {
    let mut scene = Scene::new();
    scene.write("a", "needle\n");
    assert_eq!(scene.check(&words(&["needle"])), (vec!["a:\"needle\\n\"".to_owned()], 0));
    assert!(!Contents::is_kept(&scene.dir.path().join("index")));
    scene.refresh();
    assert!(Contents::is_kept(&scene.dir.path().join("index")));
    fs::remove_dir_all(scene.dir.path().join("index")).unwrap();
    assert_eq!(scene.check(&words(&["needle"])).0.len(), 1);
    assert_eq!(scene.check(&words(&["haystack"])), (Vec::new(), 1));
}

/// What happens between two searches.
#[derive(Clone, Debug)]
enum Step {
    Write(u8, Vec<u8>),
    Append(u8, Vec<u8>),
    Remove(u8),
    Rename(u8, u8),
    Refresh,
}

fn texts() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        6 => Just(&b"abc"[..]), 4 => Just(&b"b"[..]), 4 => Just(&b"\n"[..]), 3 => Just(&b"aB"[..]),
        1 => Just(&b"\0"[..]), 1 => Just(&b"\xff\xfe"[..]), 2 => Just("\u{e9}c".as_bytes()),
        1 => Just(&b"\r\n"[..]), 1 => Just(&b"\x1f\x8b"[..]), 1 => Just("\u{212a}".as_bytes()),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (name, other) = (0_u8..8, 0_u8..8);
    let step = prop_oneof![
        4 => (name.clone(), texts()).prop_map(|(name, text)| Step::Write(name, text)),
        2 => (name.clone(), texts()).prop_map(|(name, text)| Step::Append(name, text)),
        1 => name.clone().prop_map(Step::Remove),
        2 => (name, other).prop_map(|(from, to)| Step::Rename(from, to)),
        1 => Just(Step::Refresh),
    ];
    prop::collection::vec(step, 1..12)
}

fn apply(scene: &mut Scene, step: &Step) {
    let name = |number: &u8| format!("d{}/f{number}", number % 3);
    match step {
        Step::Write(at, text) => scene.write(&name(at), text),
        Step::Append(at, text) => {
            let before = fs::read(scene.path(&name(at))).unwrap_or_default();
            scene.write(&name(at), [before, text.clone()].concat());
        }
        Step::Remove(at) => _ = fs::remove_file(scene.path(&name(at))),
        Step::Rename(from, to) => {
            let to = scene.path(&name(to));
            _ = fs::create_dir_all(to.parent().unwrap_or(Path::new("")));
            _ = fs::rename(scene.path(&name(from)), to);
        }
        Step::Refresh => _ = scene.refresh(),
    }
}

fn searches() -> impl Strategy<Value = Search> {
    let patterns = vec![
        "abc",
        "bab",
        "abcabc",
        "ab+c",
        "a.cb",
        "abc|baB",
        "(?:ab|b)cab",
        "^abc$",
        "abcb?a",
        r"c\nabc",
        "\u{e9}cabc",
        "k",
        "[ab]bca",
        "(?i)abca",
        "b{3}",
        "babc{1,2}",
        r"\babcb",
        "(?-u:\\xff\\xfeabc)",
        "\u{fffd}",
        "[^x]bca",
    ];
    let pattern = prop::sample::select(patterns);
    (prop::collection::vec(pattern, 1..3), 0..3_u8, 0..3_u8, any::<[bool; 4]>()).prop_map(
        |(patterns, case, binary, [multiline, literal, crlf, word])| {
            let has_line_end = patterns.iter().any(|pattern| pattern.contains("\\n"));
            Search::new(patterns)
                .case([Case::Sensitive, Case::Insensitive, Case::Smart][usize::from(case)])
                .binary([Binary::Skip, Binary::Search, Binary::Text][usize::from(binary)])
                .multiline(multiline || has_line_end)
                .literal(literal)
                .crlf(crlf)
                .word(word)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_happens_to_the_files_the_same_is_found(
        before in steps(),
        after in steps(),
        searches in prop::collection::vec(searches(), 12),
    ) {
        let mut scene = Scene::new();
        for step in &before {
            apply(&mut scene, step);
        }
        scene.refresh();
        for search in &searches {
            scene.check(search);
        }
        for step in &after {
            apply(&mut scene, step);
        }
        for search in &searches {
            scene.check(search);
        }
    }
}
