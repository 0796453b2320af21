//! An index answers what a naive look at the tree finds, and what a walk of the disk finds.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use treenail_os::{Kind, Stat, bytes_of};
use treenail_pattern::glob::{Glob, Options};
use treenail_tree::live::{self, LiveTree};
use treenail_tree::{DirId, Edit, Ids, Tree, View};

use super::{Follow, Index, Query};
use crate::find::{Find, Ignores, Types};
use crate::{Case, Pattern, Subject};

/// Names that patterns tell apart.
const NAMES: [&str; 16] = [
    "a",
    "b",
    "ab",
    "src",
    ".git",
    ".hid",
    "main.rs",
    "Main.RS",
    "x.test.js",
    "y.js",
    "README",
    "read.me",
    "tas\u{212a}",
    "\u{e9}t\u{e9}",
    "a.b.c",
    ".js",
];

const GLOBS: [&str; 34] = [
    "*",
    "**",
    "*.js",
    "*.JS",
    "*.{js,rs}",
    "a*",
    "*a",
    "*a*",
    "main.rs",
    "**/*.js",
    "src/*",
    "src/**",
    "src/**/*.js",
    "**/src/*",
    "a/*/b",
    "{a,src}/**/[ab]*",
    "?",
    "*.*",
    "*.test.*",
    "x*s",
    "src/../a",
    "**/a/**/b",
    "**/src/**/main.rs",
    "**/src/**/*.js",
    "*/*/main.rs",
    "src/*/a",
    "a*/b",
    "*s*/**/*a*",
    "**/*/a",
    "**/a*/*.js",
    "**/*b/a/**/*s",
    "**/*.b.*/*",
    "a/**/src/*/?",
    "**/read*/../a",
];

const REGEXES: [&str; 12] = [
    "^a",
    "js$",
    "(main|read)",
    "^.{2}$",
    "t.s",
    "[ab]+",
    "",
    "x\\.test",
    "a/b",
    "^src/",
    "K$",
    "(?:a|b){1,2}\\.",
];

const TEXTS: [&str; 14] =
    ["a", "ai", "main", "EA", ".", "k", "src/a", "", "src/", "/", "/a", "b/src/m", "c/a/", "a//b"];

fn stat(kind: Kind, size_bytes: u64) -> Stat {
    Stat {
        kind,
        mode: if size_bytes.is_multiple_of(2) { 0o755 } else { 0o644 },
        size_bytes,
        mtime_ns: size_bytes as i64 * 7,
        ctime_ns: 0,
        inode: 1,
        device: 1,
        nlink: 1,
        uid: 0,
        gid: 0,
    }
}

fn dirs(tree: &Tree) -> Vec<DirId> {
    let (mut dirs, mut next) = (vec![DirId::ROOT], 0);
    let view = tree.view(None);
    while let Some(dir) = dirs.get(next) {
        dirs.extend(view.entries(*dir).filter_map(|entry| entry.child));
        next += 1;
    }
    dirs
}

/// What to change, where, which name, and another place.
type Step = (u8, usize, usize, usize);

fn steps(len: usize) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec((any::<u8>(), 0..20_usize, 0..NAMES.len(), 0..20_usize), 0..len)
}

fn change(tree: &mut Tree, steps: &[Step]) {
    for &(what, dir, name, to) in steps {
        let dirs = dirs(tree);
        let (dir, to) = (dirs[dir % dirs.len()], dirs[to % dirs.len()]);
        let (at, ids) = ((dir, NAMES[name].as_bytes()), Ids::Unchanged);
        let other = NAMES[(name + usize::from(what)) % NAMES.len()].as_bytes();
        tree.apply([match what % 8 {
            0..=2 => Edit::Put { at, stat: stat(Kind::Directory, 0), ids },
            3..=4 => Edit::Put { at, stat: stat(Kind::File, u64::from(what)), ids },
            5 => Edit::Put { at, stat: stat(Kind::Symlink, 3), ids },
            6 => Edit::Remove { at },
            _ => Edit::Move { from: at, to: (to, other) },
        }]);
    }
}

fn pattern() -> impl Strategy<Value = Pattern> {
    (0..4_u8, any::<prop::sample::Index>()).prop_map(|(kind, which)| match kind {
        0 | 1 => Pattern::Glob(which.get(&GLOBS).as_bytes().to_vec()),
        2 => Pattern::Regex((*which.get(&REGEXES)).to_owned()),
        _ if which.index(3) == 0 => Pattern::Exact(which.get(&NAMES).as_bytes().to_vec()),
        _ => Pattern::Fixed(which.get(&TEXTS).as_bytes().to_vec()),
    })
}

prop_compose! {
    fn find()(
        (first, more, and) in
            (pattern(), prop::option::weighted(0.3, pattern()),
                prop::option::weighted(0.2, pattern())),
        (subject, case, types) in (0..3_u8, 0..3_u8, 0..4_u8),
        (hidden, depth) in (any::<bool>(), prop::option::weighted(0.3, (0..3_usize, 1..4_usize))),
        (extension, exclude, prune, skip) in (0..6_u8, 0..6_u8, 0..8_u8, 0..8_u8),
        (sized, kind, executable, sort) in (0..6_u8, 0..8_u8, 0..6_u8, any::<bool>()),
    ) -> Find {
        let mut find = Find::new().pattern(first).hidden(hidden).prune(prune == 0).sort(sort);
        find = more.into_iter().fold(find, Find::pattern);
        find = and.into_iter().fold(find, Find::and);
        find = find.on([Subject::Auto, Subject::Name, Subject::Path][usize::from(subject)]);
        find = find.case([Case::Sensitive, Case::Insensitive, Case::Smart][usize::from(case)]);
        find = match types {
            0 => find.types(Types::FILE),
            1 => find.types(Types::DIRECTORY | Types::SYMLINK),
            _ => find,
        };
        find = depth.into_iter().fold(find, |find, (min, more)| find.depth(min, min + more));
        find = match extension {
            0 => find.extension("js"),
            1 => find.extension("RS").extension("test.js"),
            _ => find,
        };
        find = match exclude {
            0 => find.exclude("src"),
            1 => find.exclude("/a").exclude("*.rs/"),
            _ => find,
        };
        find = if skip == 0 { find.skip_holding("README") } else { find };
        find = if sized == 0 { find.size(4..=90) } else { find };
        find = if kind == 0 { find.empty(true) } else { find };
        if executable == 0 { find.executable(true) } else { find }
    }
}

/// Whether a path matches, decided in the plainest way.
fn matches(pattern: &Pattern, find: &Find, fold: bool, path: &[u8]) -> bool {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let of_path = find.subject == Subject::Path;
    let subject = if of_path { path } else { name };
    let regex = |text: &str| {
        let regex = regex::bytes::RegexBuilder::new(text).case_insensitive(fold).build();
        regex.expect("a regex").is_match(subject)
    };
    match pattern {
        Pattern::Glob(text) => {
            let by_path = of_path || find.subject == Subject::Auto && text.contains(&b'/');
            let options = Options { case_insensitive: fold, ..Options::default() };
            let text = if find.subject == Subject::Name {
                text.strip_prefix(b"**/").unwrap_or(text)
            } else {
                text
            };
            Glob::compile(text, options).unwrap().is_match(if by_path { path } else { name })
        }
        Pattern::Regex(text) => regex(text),
        Pattern::Fixed(text) => regex(&regex::escape(str::from_utf8(text).unwrap())),
        Pattern::Exact(text) => {
            regex(&format!(r"\A{}\z", regex::escape(str::from_utf8(text).unwrap())))
        }
    }
}

/// What a walk of the tree finds, by looking at everything.
fn naive(tree: &Tree, find: &Find) -> BTreeSet<Vec<u8>> {
    let fold = match find.case {
        Case::Sensitive => false,
        Case::Insensitive => true,
        Case::Smart => !find.groups.iter().flatten().any(Pattern::has_capital),
    };
    let (view, mut found) = (tree.view(None), BTreeSet::new());
    let mut dirs = vec![(DirId::ROOT, Vec::new(), 1)];
    while let Some((dir, prefix, depth)) = dirs.pop() {
        if find.skip_holding.iter().any(|name| view.entry(dir, name).is_some()) {
            continue;
        }
        for entry in view.entries(dir) {
            let path = [&prefix[..], entry.name].concat();
            let excluded = find.excludes.iter().any(|glob| {
                let dirs_only = glob.ends_with(b"/");
                let glob = glob.strip_suffix(b"/").unwrap_or(glob);
                let rooted = glob.strip_prefix(b"/").map(<[u8]>::to_vec);
                let glob = rooted.unwrap_or_else(|| [b"**/", glob].concat());
                (!dirs_only || entry.child.is_some())
                    && Glob::compile(glob, Options::default()).unwrap().is_match(&path)
            });
            if excluded || (!find.hidden && entry.name.starts_with(b".")) {
                continue;
            }
            let marks = |dir| find.skip_holding.iter().any(|name| view.entry(dir, name).is_some());
            if entry.child.is_some_and(marks) {
                continue;
            }
            let mut groups = find.groups.iter().filter(|group| !group.is_empty());
            let is_empty = match entry.child {
                Some(dir) => view.entries(dir).next().is_none(),
                None => entry.stat.kind == Kind::File && entry.stat.size_bytes == 0,
            };
            let is_match = (find.depth_min..=find.depth_max).contains(&depth)
                && find.filter.accepts_name(entry.name, entry.stat.kind)
                && find.filter.accepts_stat(&entry.stat)
                && (!find.filter.empty || is_empty)
                && (!find.filter.executable || entry.stat.mode & 0o111 != 0)
                && groups.all(|any| any.iter().any(|one| matches(one, find, fold, &path)));
            let enters = depth < find.depth_max && !(is_match && find.prune);
            if let Some(child) = entry.child.filter(|_| enters) {
                dirs.push((child, [&path[..], b"/"].concat(), depth + 1));
            }
            if is_match {
                found.insert(path);
            }
        }
    }
    found
}

fn answer(index: &Index, query: &Query) -> BTreeSet<Vec<u8>> {
    let answer = index.ask(query);
    let paths: Vec<Vec<u8>> = answer.iter().map(|hit| hit.path()).collect();
    if query.find().sort {
        let parts = |path: &Vec<u8>| path.split(|b| *b == b'/').map(<[u8]>::to_vec).collect();
        assert!(paths.is_sorted_by_key(|path| -> Vec<Vec<u8>> { parts(path) }), "in order");
    }
    let set: BTreeSet<Vec<u8>> = paths.iter().cloned().collect();
    assert_eq!(set.len(), paths.len(), "each once");
    set
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn an_index_answers_what_its_tree_holds_however_it_came_there(
        first in steps(150),
        then in prop::collection::vec(steps(12), 0..6),
        finds in prop::collection::vec(find(), 1..12),
        hundred in any::<bool>(),
    ) {
        let mut tree = Tree::empty(stat(Kind::Directory, 0), 0);
        change(&mut tree, &first);
        if hundred {
            // So that blocks are cut, and a scan has more than one chunk.
            for number in 0..600 {
                let name = format!("f{number}.js");
                let at = (DirId::ROOT, name.as_bytes());
                tree.apply([Edit::Put { at, stat: stat(Kind::File, number), ids: Ids::Unchanged }]);
            }
        }
        let mut index = Index::new(&tree, Path::new("/")).unwrap();
        let queries: Vec<Query> =
            finds.iter().map(|find| Query::new(find, Path::new("/")).unwrap()).collect();
        let mut followed: Vec<Follow> =
            queries.iter().map(|query| Follow::new(query.clone(), &index)).collect();
        for (number, steps) in std::iter::once(Vec::new()).chain(then).enumerate() {
            change(&mut tree, &steps);
            let before = (index.clone(), index.tree().clone());
            index.update(&tree).unwrap();
            for (find, query) in finds.iter().zip(&queries) {
                prop_assert_eq!(answer(&index, query), naive(&tree, find), "{:?}", find);
                prop_assert_eq!(answer(&before.0, query), naive(&before.1, find), "{:?}", find);
            }
            if number == 3 {
                index = Index::new(&tree, Path::new("/")).unwrap();
            }
            for (query, follow) in queries.iter().zip(&mut followed) {
                let (was, is) = (answer(&before.0, query), answer(&index, query));
                let news = follow.update(&index);
                prop_assert_eq!(news.added, is.difference(&was).cloned().collect::<Vec<_>>());
                prop_assert_eq!(news.removed, was.difference(&is).cloned().collect::<Vec<_>>());
            }
        }
        let kept = index.tree().clone();
        let anew = Index::new(&kept, Path::new("/")).unwrap();
        for query in &queries {
            prop_assert_eq!(answer(&index, query), answer(&anew, query));
        }
    }
}

fn make(root: &Path, steps: &[Step]) {
    let mut dirs = vec![root.to_owned()];
    for &(what, dir, name, to) in steps {
        let at = dirs[dir % dirs.len()].join(NAMES[name]);
        let other = dirs[to % dirs.len()].join(NAMES[(name + usize::from(what)) % NAMES.len()]);
        // What cannot be done is not done.
        match what % 9 {
            0..=2 => _ = fs::create_dir(&at).map(|()| dirs.push(at)),
            3..=5 => _ = fs::write(&at, vec![b'x'; usize::from(what)]),
            6 => _ = fs::remove_file(&at).or_else(|_| fs::remove_dir_all(&at)),
            7 => {
                let rules = ["a*\n!ab\n", "/src/\n*.js\n", "!.hid\nREADME/\n", "*\n!*.rs\n!*/\n"];
                let dir = &dirs[dir % dirs.len()];
                let name = [".gitignore", ".ignore"][name % 2];
                _ = fs::write(dir.join(name), rules[to % rules.len()]);
            }
            _ => _ = fs::rename(&at, other),
        }
        dirs.retain(|dir| dir.is_dir());
    }
}

fn ignores(rules: u8) -> Ignores {
    match rules {
        0 => Ignores::none(),
        1 => Ignores { git_required: false, ..Ignores::standard() },
        2 => {
            let names = vec![b"README".into()];
            Ignores { dot_ignore: false, names, ..Ignores::standard() }
        }
        _ => Ignores::standard(),
    }
}

fn walk(find: &Find) -> BTreeSet<Vec<u8>> {
    // A pattern through `..` is an error of its path to a walk, and matches nothing.
    find.iter().unwrap().flatten().map(|found| found.path().to_vec()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]
    #[test]
    fn an_index_answers_what_a_walk_finds_after_a_barrier(
        first in steps(80),
        then in prop::collection::vec(steps(15), 1..4),
        finds in prop::collection::vec((find(), 0..4_u8, any::<prop::sample::Index>()), 1..10),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let root = &dir.path().canonicalize().unwrap();
        make(root, &first);
        let mut live = LiveTree::open(root, &live::Options::default()).unwrap();
        let mut index = Index::new(live.tree(), root).unwrap();
        let of_all = |(find, rules, _): &(Find, u8, _)| {
            let find = find.clone().ignores(ignores(*rules)).root(root);
            Query::new(&find, root).unwrap()
        };
        let mut followed: Vec<_> = finds
            .iter()
            .map(|asked| {
                let query = of_all(asked);
                (Follow::new(query.clone(), &index), answer(&index, &query), query)
            })
            .collect();
        for steps in std::iter::once(Vec::new()).chain(then) {
            make(root, &steps);
            live.barrier().unwrap();
            index.update(live.tree()).unwrap();
            for (follow, was, query) in &mut followed {
                let (news, is) = (follow.update(&index), answer(&index, query));
                prop_assert_eq!(news.added, is.difference(was).cloned().collect::<Vec<_>>());
                prop_assert_eq!(news.removed, was.difference(&is).cloned().collect::<Vec<_>>());
                *was = is;
            }
            for (find, rules, which) in &finds {
                let ignores = ignores(*rules);
                let dirs: Vec<_> = dirs(live.tree());
                let below = live.tree().path_of(*which.get(&dirs)).unwrap();
                let top = root.join(&*treenail_os::os_str_of(&below).unwrap());
                let find = find.clone().ignores(ignores).root(top);
                let query = Query::new(&find, root).unwrap();
                prop_assert_eq!(answer(&index, &query), walk(&find), "{:?}", find);
            }
        }
    }
}

#[test]
fn a_batch_of_changes_that_undo_one_another_costs_nothing_afterwards() {
    let mut tree = Tree::empty(stat(Kind::Directory, 0), 0);
    let file = |tree: &mut Tree, name: &str, there: bool| {
        let at = (DirId::ROOT, name.as_bytes());
        tree.apply([match there {
            true => Edit::Put { at, stat: stat(Kind::File, 1), ids: Ids::Unchanged },
            false => Edit::Remove { at },
        }]);
    };
    (0..100).for_each(|number| file(&mut tree, &format!("{number}"), true));
    let mut index = Index::new(&tree, Path::new("/")).unwrap();
    let query = Query::new(&Find::new().glob("7*"), Path::new("/")).unwrap();
    for there in [false, true] {
        file(&mut tree, "77", there);
        index.update(&tree).unwrap();
        assert_eq!(index.ask(&query).len(), 10 + usize::from(there));
    }
    assert!(index.view().overlay.added.is_empty(), "the entry is where it was");
}

#[test]
fn an_index_grown_old_is_made_anew() {
    let mut tree = Tree::empty(stat(Kind::Directory, 0), 0);
    let mut index = Index::new(&tree, Path::new("/")).unwrap();
    for number in 0..10_000 {
        let name = format!("{number}");
        let at = (DirId::ROOT, name.as_bytes());
        tree.apply([Edit::Put { at, stat: stat(Kind::File, 1), ids: Ids::Unchanged }]);
        if number % 1_000 == 999 {
            index.update(&tree).unwrap();
        }
    }
    assert!(index.view().overlay.added.len() < 6_000);
    assert!(index.compact().unwrap());
    assert!(index.view().overlay.is_empty());
    let query = Query::new(&Find::new().glob("999*"), Path::new("/")).unwrap();
    assert_eq!(index.ask(&query).len(), 11);
}

#[test]
fn a_question_that_takes_a_walk_is_refused() {
    let root = std::env::temp_dir();
    assert!(Query::new(&Find::new().follow(true), &root).is_err());
    assert!(Query::new(&Find::new().root("/"), &root).is_err());
    assert!(Query::new(&Find::new().glob("["), &root).is_err());
}

#[test]
fn results_end_where_they_are_to() {
    let mut tree = Tree::empty(stat(Kind::Directory, 0), 0);
    for name in ["c", "a", "b"] {
        let at = (DirId::ROOT, name.as_bytes());
        tree.apply([Edit::Put { at, stat: stat(Kind::File, 1), ids: Ids::Unchanged }]);
    }
    let index = Index::new(&tree, Path::new("/")).unwrap();
    let query = Query::new(&Find::new().sort(true).max_results(2), Path::new("/")).unwrap();
    let answer = index.ask(&query);
    let names: Vec<&[u8]> = answer.iter().map(|hit| hit.name()).collect();
    assert_eq!(names, [b"a", b"b"]);
    assert_eq!(bytes_of(index.root().as_os_str()), b"/");
    let sizes: HashMap<Vec<u8>, u64> =
        answer.iter().map(|hit| (hit.path(), hit.stat().size_bytes)).collect();
    assert_eq!(sizes[&b"a"[..]], 1);
}
