//! What is found, and what is not, on real directories.
#![cfg(unix)]

mod support;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::time::{Duration, SystemTime};

use support::{Tree, found, found_in_order};
use treenail_glob::find::{Cancel, Find, Ignores, Overrides, Types};
use treenail_glob::{Case, Pattern, Subject};
use treenail_os::Kind;

#[test]
fn what_is_hidden_is_found_when_it_is_asked_for() {
    let tree = Tree::new(&["a", ".b", ".c/d", "e/.f"]);
    assert_eq!(found(tree.find()), ["a", "e"]);
    assert_eq!(found(tree.find().hidden(true)), [".b", ".c", ".c/d", "a", "e", "e/.f"]);
}

#[test]
fn patterns_ask_names_or_paths() {
    let tree = Tree::new(&["a.rs", "src/b.rs", "src/c.js", "src/deep/d.rs", "other/src/e.rs"]);
    assert_eq!(found(tree.find().glob("*.rs")).len(), 4);
    assert_eq!(found(tree.find().glob("src/*.rs")), ["src/b.rs"]);
    assert_eq!(
        found(tree.find().glob("src/**/*.{rs,js}")),
        ["src/b.rs", "src/c.js", "src/deep/d.rs"]
    );
    assert_eq!(found(tree.find().regex(r"^src/.*/d").on(Subject::Path)), ["src/deep/d.rs"]);
    assert_eq!(found(tree.find().fixed("DEEP").case(Case::Insensitive)), ["src/deep"]);
    assert_eq!(found(tree.find().glob("SRC/B.rs").case(Case::Insensitive)), ["src/b.rs"]);
    let both = tree.find().regex("s$").and(Pattern::Fixed(b"rc".to_vec()));
    assert_eq!(found(both), Vec::<String>::new());
    let either = tree.find().glob("src/b.rs").fixed("c.j");
    assert_eq!(found(either), ["src/b.rs", "src/c.js"]);
    let absolute = format!("{}/src/*", tree.path().display());
    assert_eq!(found(tree.find().glob(absolute).on(Subject::Absolute)).len(), 3);
}

#[test]
fn a_prefix_that_leads_nowhere_is_no_error() {
    let tree = Tree::new(&["net/ipv4/tcp.c", "net/core/x/y.c", "drivers/net/z.c", "n.c"]);
    assert_eq!(found(tree.find().glob("net/**/*.c")), ["net/core/x/y.c", "net/ipv4/tcp.c"]);
    assert_eq!(found(tree.find().glob("net/ipv4/tcp.c")), ["net/ipv4/tcp.c"]);
    for nowhere in ["none/*.c", "n.c/*", "net/../n*", "../*", "./n.c", "net/./ipv4/*"] {
        assert!(found(tree.find().glob(nowhere)).is_empty());
    }
}

#[test]
fn a_prefix_that_rules_leave_out_is_left_out() {
    let tree = Tree::new(&["net/a.c", ".hid/b.c", "net/sub/c.c"]);
    tree.write(".ignore", "/net/sub\n");
    let find = tree.find().ignores(Ignores::standard());
    assert!(found(find.clone().glob("net/sub/*.c")).is_empty());
    assert!(found(find.clone().glob(".hid/*.c")).is_empty());
    assert!(found(find.clone().exclude("net").glob("net/*.c")).is_empty());
    assert_eq!(found(find.glob("net/*.c")), ["net/a.c"]);
}

#[test]
fn types_extensions_and_sizes_are_asked_for() {
    let tree = Tree::new(&["a.txt", "b.TXT", "c.tar.gz", "d/.txt", "txt"]);
    tree.write("big.txt", &"x".repeat(5000));
    symlink("a.txt", tree.path().join("l.txt")).unwrap();
    let find = || tree.find().hidden(true);
    assert_eq!(found(find().extension("txt")), ["a.txt", "b.TXT", "big.txt", "l.txt"]);
    assert_eq!(found(find().extension(".tar.gz")), ["c.tar.gz"]);
    assert_eq!(found(find().types(Types::SYMLINK)), ["l.txt"]);
    assert_eq!(found(find().types(Types::DIRECTORY | Types::SYMLINK)), ["d", "l.txt"]);
    assert_eq!(found(find().size(1000..=u64::MAX)), ["big.txt"]);
    assert_eq!(found(find().size(0..=0)).len(), 5);
}

#[test]
fn what_is_empty_is_a_file_without_bytes_or_a_directory_without_entries() {
    let tree = Tree::new(&["none", "dir/"]);
    tree.write("full", "x");
    tree.write("used/.x", "x");
    assert_eq!(found(tree.find().empty(true)), ["dir", "none"]);
}

#[test]
fn times_and_executability_are_asked_for() {
    use std::os::unix::fs::PermissionsExt;
    let tree = Tree::new(&["old", "new", "run"]);
    let then = SystemTime::now() - Duration::from_secs(86_400);
    fs::File::options()
        .write(true)
        .open(tree.path().join("old"))
        .unwrap()
        .set_modified(then)
        .unwrap();
    let hour_ago = SystemTime::now() - Duration::from_secs(3_600);
    assert_eq!(found(tree.find().modified_after(hour_ago)), ["new", "run"]);
    assert_eq!(found(tree.find().modified_before(hour_ago)), ["old"]);
    fs::set_permissions(tree.path().join("run"), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(found(tree.find().executable(true).types(Types::FILE)), ["run"]);
}

#[test]
fn depth_is_counted_from_the_root() {
    let tree = Tree::new(&["a", "b/c", "b/d/e"]);
    assert_eq!(found(tree.find().depth(0, 1)), ["a", "b"]);
    assert_eq!(found(tree.find().depth(2, 2)), ["b/c", "b/d"]);
    assert_eq!(found(tree.find().depth(3, usize::MAX)), ["b/d/e"]);
    assert_eq!(found(tree.find().depth(0, 0)), Vec::<String>::new());
}

#[test]
fn directories_that_match_can_be_pruned_and_those_that_hold_a_mark_skipped() {
    let tree = Tree::new(&["lib/lib/x", "lib/y", "c/CACHEDIR.TAG", "c/z/1", "c/y/z/2"]);
    assert_eq!(found(tree.find().fixed("lib").prune(true)), ["lib"]);
    for below in ["c/**", "c/z/*", "c/y/z/*"] {
        let marked = tree.find().skip_holding("CACHEDIR.TAG").glob(below);
        assert_eq!(found(marked), Vec::<String>::new(), "{below}");
    }
    let marked = tree.find().skip_holding("none").skip_holding("CACHEDIR.TAG");
    assert_eq!(found(marked), ["lib", "lib/lib", "lib/lib/x", "lib/y"]);
    let all_but_lib = ["c", "c/CACHEDIR.TAG", "c/y", "c/y/z", "c/y/z/2", "c/z", "c/z/1"];
    assert_eq!(found(tree.find().exclude("lib/")), all_but_lib);
    assert_eq!(
        found(tree.find().exclude("/c").exclude("lib/lib").exclude("*.{y,z}")),
        ["lib", "lib/y"]
    );
}

#[test]
fn a_huge_directory_is_told_of_while_it_is_listed() {
    let tree = Tree::new(&[]);
    for number in 0..20_000 {
        fs::File::create(tree.path().join(format!("{number:0>80}"))).unwrap();
    }
    for find in [tree.find(), tree.find().sort(true), tree.find().threads(1)] {
        let all = support::visit(&find).0;
        assert_eq!(all.len(), 20_000);
        let mut matches = find.iter().unwrap();
        let first = matches.next_batch().expect("a first").unwrap();
        assert!(first.len() < 2_000, "not {}", first.len());
        let rest = matches.map(|found| found.unwrap().path().to_vec());
        let mut told: Vec<_> =
            first.iter().map(|found| found.path().to_vec()).chain(rest).collect();
        told.sort();
        let mut all = all;
        all.sort();
        assert_eq!(told, all);
    }
}

#[test]
fn nearer_rules_and_nearer_kinds_of_rules_go_first() {
    let tree =
        Tree::new(&["a.log", "b.log", "sub/a.log", "sub/c.log", "keep/d.tmp", ".seen", "e.x"]);
    tree.repository();
    tree.write(".gitignore", "*.log\n*.tmp\n!.seen\n");
    tree.write("sub/.gitignore", "!c.log\n");
    tree.write(".ignore", "!b.log\n");
    tree.write(".fdignore", "b.log\n");
    tree.write("rules", "*.x\n");
    let standard = || tree.find().ignores(Ignores::standard());
    assert_eq!(found(standard()), [".seen", "b.log", "e.x", "keep", "rules", "sub", "sub/c.log"]);
    let named = Ignores { names: vec![b".fdignore".to_vec()], ..Ignores::standard() };
    assert!(!found(tree.find().ignores(named)).contains(&"b.log".to_owned()));
    let files = vec![tree.path().join("rules")];
    let filed = Ignores { files, ..Ignores::standard() };
    assert!(!found(tree.find().ignores(filed)).contains(&"e.x".to_owned()));
    assert_eq!(found(tree.find().hidden(false)).len(), 9, "without rules all that is not hidden");
}

#[test]
fn what_marks_a_repository_is_its_border_unless_none_is_asked_for() {
    let tree = Tree::new(&["out", "in/out", "in/own", "in/kept", "in/deep/out", "in/excluded"]);
    tree.repository();
    tree.write(".gitignore", "out\n");
    tree.write("in/.gitignore", "own\n");
    let borderless = Ignores { git_required: false, ..Ignores::standard() };
    for (marker, excludes) in [(".git", true), (".jj", false)] {
        tree.write(&format!("in/{marker}/info/exclude"), "excluded\n");
        let mut seen = vec!["in", "in/deep", "in/deep/out", "in/excluded", "in/kept", "in/out"];
        let mut joined = vec!["in", "in/deep", "in/excluded", "in/kept"];
        if excludes {
            seen.retain(|path| *path != "in/excluded");
            joined.retain(|path| *path != "in/excluded");
        }
        assert_eq!(found(tree.find().ignores(Ignores::standard())), seen, "{marker}");
        assert_eq!(found(tree.find().ignores(borderless.clone())), joined, "{marker}");
        let inside = Find::new().root_shown(tree.path().join("in"), "");
        assert_eq!(found(inside.clone().ignores(Ignores::standard())).len(), seen.len() - 1);
        assert_eq!(found(inside.ignores(borderless.clone())).len(), joined.len() - 1);
        fs::remove_dir_all(tree.path().join("in").join(marker)).unwrap();
    }
}

#[test]
fn a_huge_directory_comes_in_pieces_by_the_same_rules() {
    let names: Vec<String> = (0..9_000).map(|number| format!("a-file-{number:04}.txt")).collect();
    let tree = Tree::new(&names.iter().map(String::as_str).collect::<Vec<_>>());
    tree.write(".ignore", "*7.txt\n");
    tree.write("zz/last", "");
    let ruled = || tree.find().ignores(Ignores::standard());
    let wanted: Vec<_> = names.iter().filter(|name| !name.ends_with("7.txt")).cloned().collect();
    assert_eq!(found(ruled().types(Types::FILE).depth(1, 1)), wanted);
    assert_eq!(found_in_order(ruled().sort(true)).len(), wanted.len() + 2);
    let visited = support::visit(&ruled());
    assert_eq!(visited.0.len(), wanted.len() + 2);
    assert_eq!(support::visit(&tree.find().skip_holding(".ignore")).0, Vec::<Vec<u8>>::new());
    assert_eq!(support::visit(&tree.find().follow(true)).0.len(), names.len() + 2);
    assert_eq!(support::visit(&tree.find().glob("zz/*")).0, [b"zz/last"]);
    let sorted: Vec<_> = support::visit(&ruled().sort(true)).0;
    assert!(sorted.is_sorted() && sorted.len() == wanted.len() + 2);
}

#[test]
fn rules_of_directories_above_the_root_hold_unless_they_are_not_to() {
    let tree = Tree::new(&["in/a.log", "in/b.tmp", "in/c"]);
    tree.repository();
    tree.write(".gitignore", "/in/*.log\n");
    tree.write(".ignore", "*.tmp\n");
    let inside =
        |ignores| found(Find::new().root_shown(tree.path().join("in"), "").ignores(ignores));
    assert_eq!(inside(Ignores::standard()), ["c"]);
    let alone = Ignores { parents: false, ..Ignores::standard() };
    assert_eq!(inside(alone), ["a.log", "b.tmp", "c"]);
}

#[test]
fn named_rule_files_and_overrides_are_relative_to_the_directory_that_is_named() {
    let tree = Tree::new(&["a/b/x", "a/b/y", "a/x", "a/y.c", "x", "z.h"]);
    tree.write("rules", "/x\ny*\n");
    let files = vec![tree.path().join("rules")];
    let ignores = Ignores { files, ..Ignores::none() };
    assert_eq!(
        found(tree.find().ignores(ignores.clone())),
        ["a", "a/b", "a/b/x", "a/x", "rules", "z.h"]
    );
    let files_base = Some(tree.path().join("a/b"));
    let of_below = tree.find().ignores(Ignores { files_base, ..ignores });
    assert_eq!(found(of_below), ["a", "a/b", "a/x", "rules", "x", "z.h"]);
    let overrides = Overrides::new(tree.path().join("a")).rule("*.{c,h}").rule("!/{q,b/{y,z}}");
    assert_eq!(found(tree.find().overrides(overrides.clone())), ["a", "a/b", "a/y.c", "z.h"]);
    let overrides = overrides.rule("/b/[xy]").rule("!y");
    assert_eq!(found(tree.find().overrides(overrides)), ["a", "a/b", "a/b/x", "a/y.c", "z.h"]);
    for bad in ["{a,b", "a}", "!x[", "x\\"] {
        let find = tree.find().overrides(Overrides::new("/").rule(bad));
        let error = find.iter().err().unwrap();
        assert!(error.position().is_some(), "{error}");
    }
}

#[test]
fn rules_can_hold_whatever_the_case_of_letters() {
    let tree = Tree::new(&["MYFILE", "a/Other", "third"]);
    fs::create_dir(tree.path().join(".git")).unwrap();
    tree.write(".gitignore", "myfile\n");
    tree.write("a/.ignore", "OTHER\n");
    tree.write("rules", "Third\nRULES\n");
    let files = vec![tree.path().join("rules")];
    let ignores = Ignores { files, ..Ignores::standard() };
    assert_eq!(found(tree.find().ignores(ignores.clone())).len(), 5);
    assert_eq!(found(tree.find().ignores(Ignores { any_case: true, ..ignores })), ["a"]);
}

#[test]
fn git_rules_hold_in_repositories_and_each_has_its_own() {
    let tree = Tree::new(&["x.o", "inner/x.o", "inner/y.a"]);
    tree.write(".gitignore", "*.o\n");
    tree.write("inner/.gitignore", "*.a\n");
    let git = || tree.find().ignores(Ignores::git());
    assert_eq!(found(git()).len(), 4, "no repository, no rules");
    let anywhere = Ignores { git_required: false, ..Ignores::git() };
    assert_eq!(found(tree.find().ignores(anywhere)), ["inner"]);
    tree.repository();
    assert_eq!(found(git()), ["inner"]);
    tree.repository_at("inner");
    assert_eq!(found(git()), ["inner", "inner/x.o"], "the outer rules end at the inner repository");
    assert!(!found(git().hidden(true)).iter().any(|path| path.starts_with(".git/")));
}

#[test]
fn each_source_of_gits_rules_has_its_switch() {
    let tree = Tree::new(&["x.o", "y.a", "in/x.o", "in/y.a", "in/z"]);
    tree.write(".git/info/exclude", "*.a\n");
    tree.write(".gitignore", "*.o\n");
    let git = |ignores| found(tree.find().ignores(ignores).types(Types::FILE));
    assert_eq!(git(Ignores::git()).len(), 5, "for git that is no repository");
    assert_eq!(git(Ignores::standard()), ["in/z"]);
    let unexcluded = Ignores { git_exclude: false, ..Ignores::standard() };
    assert_eq!(git(unexcluded.clone()), ["in/y.a", "in/z", "y.a"]);
    tree.repository();
    tree.write(".git/info/exclude", "*.a\n");
    assert_eq!(git(Ignores::git()), ["in/z"]);
    assert_eq!(git(unexcluded), ["in/y.a", "in/z", "y.a"]);
    tree.write("in/.git/x", "");
    assert_eq!(git(Ignores::git()), ["in/z"]);
    assert_eq!(git(Ignores::standard()), ["in/x.o", "in/y.a", "in/z"]);
}

#[test]
fn listings_are_those_of_git() {
    let tree = Tree::new(&[
        "a.c",
        "a.o",
        "build/x",
        "src/build/y",
        "doc/a.txt",
        "doc/b.md",
        "doc/deep/c.txt",
        "tmp~",
        "logs/keep.log",
        "logs/x.log",
        "deep/er/est/file",
        "deep/er/no",
        ".hidden",
        "sp ace",
    ]);
    tree.repository();
    tree.write(".gitignore", "*.o\n/build/\n*~\n*.log\n!keep.log\ndoc/**/*.txt\n!doc/a.txt\n");
    tree.write("deep/.gitignore", "no\n/er/*\n!/er/est\n");
    tree.write(".git/info/exclude", "sp ace\n");
    let files = tree.find().hidden(true).ignores(Ignores::git()).types(Types::FILE);
    assert_eq!(found(files), tree.git(&["ls-files", "-co", "--exclude-standard"]));
}

#[test]
fn sorted_results_are_the_same_in_the_order_of_components() {
    let tree = Tree::new(&[
        "a/b",
        "a-b",
        "a/c/d",
        "b",
        "a.c/x",
        "z/z/z/z",
        "m/n",
        "m/a/q",
        "m/same-beginning-2",
        "m/same-beginning-1/x",
        "m/same-beg",
    ]);
    let sorted = found_in_order(tree.find().sort(true));
    let by_component = |path: &String| path.split('/').map(str::to_owned).collect::<Vec<_>>();
    let mut expected = found(tree.find());
    expected.sort_by_key(by_component);
    assert_eq!(sorted, expected);
    for threads in [1, 2, 8] {
        assert_eq!(found_in_order(tree.find().sort(true).threads(threads)), expected);
    }
    let first = found_in_order(tree.find().sort(true).max_results(4));
    assert_eq!(first, expected[..4]);
}

#[test]
fn a_chain_of_a_thousand_directories_is_walked() {
    let tree = Tree::new(&[]);
    tree.chain(1_000);
    for find in [tree.find(), tree.find().sort(true), tree.find().follow(true)] {
        let deepest = found(find).into_iter().map(|path| path.matches('/').count()).max();
        assert_eq!(deepest, Some(1_000));
    }
}

#[test]
fn links_are_followed_and_each_directory_is_entered_once() {
    let outside = Tree::new(&["far/away", "again/"]);
    let tree = Tree::new(&["d/x", "f"]);
    symlink(".", tree.path().join("d/self")).unwrap();
    symlink("..", tree.path().join("d/up")).unwrap();
    symlink("f", tree.path().join("to-file")).unwrap();
    symlink("nowhere", tree.path().join("broken")).unwrap();
    symlink(outside.path(), tree.path().join("out")).unwrap();
    symlink(outside.path().join("far"), tree.path().join("zfar")).unwrap();
    symlink(tree.path(), outside.path().join("again/home")).unwrap();
    let expected = [
        "broken",
        "d",
        "d/self",
        "d/up",
        "d/x",
        "f",
        "out",
        "out/again",
        "out/again/home",
        "out/far",
        "out/far/away",
        "to-file",
        "zfar",
    ];
    assert_eq!(found(tree.find()).len(), 9, "links are not entered unless they are followed");
    let follow = || tree.find().follow(true);
    assert_eq!(found(follow()), expected);
    assert_eq!(found_in_order(follow().sort(true)), expected);
    assert_eq!(found(follow().types(Types::SYMLINK)), ["broken"]);
    assert_eq!(found(follow().types(Types::FILE)), ["d/x", "f", "out/far/away", "to-file"]);
}

#[test]
fn names_that_are_no_text_are_found_as_they_are() {
    let tree = Tree::new(&[]);
    fs::create_dir(tree.path().join(OsStr::from_bytes(b"d\xff"))).unwrap();
    fs::write(tree.path().join(OsStr::from_bytes(b"d\xff/new\nline\xfe")), "").unwrap();
    let mut paths: Vec<_> =
        tree.find().iter().unwrap().map(|found| found.unwrap().path().to_vec()).collect();
    paths.sort();
    assert_eq!(paths, [&b"d\xff"[..], b"d\xff/new\nline\xfe"]);
    let one = tree.find().glob(b"*\xfe").iter().unwrap().next().unwrap().unwrap();
    assert_eq!(one.name(), b"new\nline\xfe");
}

#[test]
fn matches_say_what_they_are() {
    let tree = Tree::new(&["d/f"]);
    tree.write("d/f", "12345");
    let all: Vec<_> = tree.find().iter().unwrap().map(Result::unwrap).collect();
    let file = all.iter().find(|found| found.name() == b"f").unwrap();
    assert_eq!((file.kind(), file.depth(), file.root()), (Kind::File, 2, 0));
    assert_eq!(file.stat().unwrap().size_bytes, 5);
    assert_eq!(file.get().dir(), b"d/");
    let mut text = String::new();
    std::io::Read::read_to_string(&mut file.get().open().unwrap(), &mut text).unwrap();
    assert_eq!(text, "12345");
    let known = tree.find().stat(true).glob("f").iter().unwrap().next().unwrap().unwrap();
    assert_eq!(known.get().known_stat().unwrap().size_bytes, 5);
}

#[test]
fn a_root_that_is_a_file_is_a_match_and_one_that_is_missing_an_error() {
    let tree = Tree::new(&["a.rs", "b"]);
    let roots =
        Find::new().root(tree.path().join("a.rs")).root(tree.path().join("none")).root(tree.path());
    let (mut paths, mut errors) = (BTreeSet::new(), Vec::new());
    for result in roots.iter().unwrap() {
        match result {
            Ok(found) => _ = paths.insert((found.root(), found.depth(), found.name().to_vec())),
            Err(error) => errors.push(error.path().unwrap().to_vec()),
        }
    }
    let expected = [(0, 0, b"a.rs".to_vec()), (2, 1, b"a.rs".to_vec()), (2, 1, b"b".to_vec())];
    assert_eq!(paths, expected.into());
    assert_eq!(errors, [tree.path().join("none").as_os_str().as_bytes()]);
}

#[test]
fn the_number_of_results_is_kept_to() {
    let tree = Tree::new(&[]);
    for dir in 0..20 {
        (0..50).for_each(|file| tree.write(&format!("{dir}/{file}"), ""));
    }
    for max in [0, 1, 7, 500, 1_020, 5_000] {
        let expected = max.min(1_020);
        assert_eq!(found(tree.find().max_results(max)).len() as u64, expected);
        assert_eq!(tree.find().max_results(max).iter().unwrap().count() as u64, expected);
    }
}

#[test]
fn a_walk_ends_when_it_is_cancelled_and_when_its_iterator_is_dropped() {
    let tree = Tree::new(&[]);
    tree.wide(400);
    let cancel = Cancel::new();
    let mut told = 0;
    let find = tree.find().cancel(cancel.clone());
    find.each(|batch| {
        told += batch.len();
        cancel.cancel();
        std::ops::ControlFlow::Continue(())
    })
    .unwrap();
    assert!(told > 0 && cancel.is_cancelled());
    let mut matches = tree.find().iter().unwrap();
    assert!(matches.next().is_some());
    drop(matches);
    assert_eq!(tree.find().cancel(cancel).iter().unwrap().count(), 0);
}

#[test]
fn one_thread_is_enough_for_one_directory() {
    let tree = Tree::new(&[]);
    (0..3_000).for_each(|file| tree.write(&format!("{file}"), ""));
    let (paths, workers) = support::visit(&tree.find().threads(8));
    assert_eq!((paths.len(), workers), (3_000, 1));
}

#[test]
fn a_directory_of_many_entries_is_told_in_pieces() {
    let tree = Tree::new(&[]);
    (0..20_000).for_each(|file| tree.write(&format!("a-rather-long-name-{file}"), ""));
    let mut sizes = Vec::new();
    tree.find()
        .each(|batch| {
            assert_eq!(batch.text().len(), batch.iter().map(|m| m.path().len() + 1).sum::<usize>());
            sizes.push(batch.text().len());
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    assert!(sizes.len() > 5 && sizes.iter().all(|&size| size < 64 << 10), "{sizes:?}");
}

#[test]
fn the_systems_own_file_systems_are_walked_to_their_end() {
    for dir in ["/proc/self", "/sys/kernel", "/sys/class"] {
        if fs::metadata(dir).is_ok() {
            let find = Find::new().root(dir).hidden(true).follow(dir.starts_with("/sys/class"));
            assert!(find.max_results(200_000).iter().unwrap().count() > 0, "{dir}");
        }
    }
}
