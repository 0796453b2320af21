//! Finding and reading rule files.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use treenail_pattern::gitignore::{
    Above, Case, Environment, OpenOptions, RULE_FILE_BYTES_MAX, Repository, Verdict, is_git_dir,
};

fn make_git_dir(dir: &Path) {
    for name in ["objects", "refs", "info"] {
        fs::create_dir_all(dir.join(name)).unwrap();
    }
    fs::write(dir.join("HEAD"), "ref: refs/heads/main\n").unwrap();
}

#[test]
fn rule_files_above_the_opened_directory_hold() {
    let temporary = tempfile::tempdir().unwrap();
    make_git_dir(&temporary.path().join(".git"));
    fs::create_dir_all(temporary.path().join("a/b")).unwrap();
    fs::write(temporary.path().join(".gitignore"), "*.o\n").unwrap();
    fs::write(temporary.path().join("a/.gitignore"), "!x.o\n").unwrap();
    let dir = temporary.path().join("a/b");
    let repository = Repository::open_with(&dir, &Environment::default()).unwrap();
    assert_eq!(repository.top(), temporary.path().canonicalize().unwrap());
    assert_eq!(repository.prefix(), b"a/b");
    let here = repository.stack().dir(repository.prefix());
    assert_eq!(here.verdict(b"x.o", false), Verdict::Included);
    assert_eq!(here.verdict(b"y.o", false), Verdict::Ignored);
}

#[test]
fn a_linked_worktree_shares_exclude_and_configuration() {
    let temporary = tempfile::tempdir().unwrap();
    let main = temporary.path().join("main/.git");
    make_git_dir(&main);
    fs::write(main.join("info/exclude"), "shared\n").unwrap();
    fs::write(main.join("config"), "[core]\nignorecase = yes\n").unwrap();
    let own = main.join("worktrees/w");
    fs::create_dir_all(&own).unwrap();
    fs::write(own.join("HEAD"), "ref: refs/heads/w\n").unwrap();
    fs::write(own.join("commondir"), "../..\n").unwrap();
    let worktree = temporary.path().join("w");
    fs::create_dir(&worktree).unwrap();
    fs::write(worktree.join(".git"), format!("gitdir: {}\n", own.display())).unwrap();
    let repository = Repository::open_with(&worktree, &Environment::default()).unwrap();
    assert!(repository.is_in_git());
    assert_eq!(repository.case(), Case::Ignored);
    assert_eq!(repository.stack().verdict(b"", b"SHARED", false), Verdict::Ignored);
}

#[test]
fn without_a_repository_rule_files_hold_from_the_directory_down() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("d");
    fs::create_dir_all(dir.join(".git")).unwrap();
    fs::write(temporary.path().join(".gitignore"), "above\n").unwrap();
    fs::write(dir.join(".gitignore"), "here\n").unwrap();
    let repository = Repository::open_with(&dir, &Environment::default()).unwrap();
    assert!(!repository.is_in_git(), "an empty .git is no repository");
    assert_eq!(repository.stack().verdict(b"", b"here", false), Verdict::Ignored);
    assert_eq!(repository.stack().verdict(b"", b"above", false), Verdict::None);
    assert!(is_git_dir(b".git") && !is_git_dir(b".gitignore"));
}

#[test]
fn the_exclude_file_of_a_repository_can_be_left_out() {
    let temporary = tempfile::tempdir().unwrap();
    let git = temporary.path().join(".git");
    make_git_dir(&git);
    fs::write(git.join("info/exclude"), "excluded\n").unwrap();
    fs::write(temporary.path().join(".gitignore"), "ignored\n").unwrap();
    let verdicts = |info_exclude| {
        let options = OpenOptions { info_exclude, ..OpenOptions::default() };
        let environment = Environment::default();
        let repository = Repository::open_as(temporary.path(), &environment, options).unwrap();
        let exclude = git.canonicalize().unwrap().join("info").join("exclude");
        assert_eq!(repository.sources().contains(&exclude), info_exclude);
        [&b"excluded"[..], b"ignored"].map(|name| repository.stack().verdict(b"", name, false))
    };
    assert_eq!(verdicts(true), [Verdict::Ignored, Verdict::Ignored]);
    assert_eq!(verdicts(false), [Verdict::None, Verdict::Ignored]);
}

#[test]
fn rules_from_above_hold_as_far_as_they_are_to() {
    let temporary = tempfile::tempdir().unwrap();
    let (git, sub) = (temporary.path().join(".git"), temporary.path().join("sub"));
    fs::create_dir(&sub).unwrap();
    fs::write(temporary.path().join(".gitignore"), "above\n").unwrap();
    fs::write(sub.join(".gitignore"), "own\n").unwrap();
    let ignored = |above| {
        let options = OpenOptions { above, ..OpenOptions::default() };
        let repository = Repository::open_as(&sub, &Environment::default(), options).unwrap();
        let here = repository.stack().dir(repository.prefix());
        let names = ["excluded", "above", "own"];
        let ignored = |name: &&str| here.verdict(name.as_bytes(), false) == Verdict::Ignored;
        names.into_iter().filter(ignored).collect::<Vec<_>>()
    };
    assert_eq!(ignored(Above::None), ["own"]);
    assert_eq!(ignored(Above::Repository), ["own"], "there is none");
    assert_eq!(ignored(Above::All), ["above", "own"]);
    make_git_dir(&git);
    fs::write(git.join("info/exclude"), "excluded\n").unwrap();
    assert_eq!(ignored(Above::None), ["own"]);
    assert_eq!(ignored(Above::Repository), ["excluded", "above", "own"]);
    assert_eq!(ignored(Above::All), ["excluded", "above", "own"]);
    make_git_dir(&sub.join(".git"));
    assert_eq!(ignored(Above::All), ["own"], "the nearer one's border");
    assert_eq!(ignored(Above::Everywhere), ["excluded", "above", "own"]);
}

#[test]
fn anything_called_git_can_make_a_work_tree() {
    let temporary = tempfile::tempdir().unwrap();
    let top = temporary.path().canonicalize().unwrap();
    make_git_dir(&top.join(".git"));
    for (dir, text) in [("empty", None), ("text", Some("x")), ("gone", Some("gitdir: nowhere"))] {
        let entry = top.join(dir).join(".git");
        match text {
            None => fs::create_dir_all(&entry).unwrap(),
            Some(text) => {
                fs::create_dir_all(top.join(dir)).unwrap();
                fs::write(&entry, text).unwrap();
            }
        }
        let top_of = |any_marker| {
            let options = OpenOptions { any_marker, ..OpenOptions::default() };
            let environment = Environment::default();
            let dir = entry.parent().unwrap();
            Repository::open_as(dir, &environment, options).unwrap().top().to_owned()
        };
        assert_eq!(top_of(true), top.join(dir));
        assert_eq!(top_of(false), top, "git asks for more than an entry, as in {dir}");
    }
    fs::create_dir_all(top.join("jj/.jj")).unwrap();
    let options = OpenOptions { any_marker: true, ..OpenOptions::default() };
    let opened = Repository::open_as(&top.join("jj"), &Environment::default(), options).unwrap();
    assert_eq!(opened.top(), top.join("jj"));
    fs::create_dir(top.join("empty/.git/info")).unwrap();
    fs::write(top.join("empty/.git/info/exclude"), "x\n").unwrap();
    let options = OpenOptions { any_marker: true, ..OpenOptions::default() };
    let environment = Environment::default();
    let repository = Repository::open_as(&top.join("empty"), &environment, options).unwrap();
    assert_eq!(repository.stack().verdict(b"", b"x", false), Verdict::Ignored);
}

#[test]
fn the_users_default_excludes_and_includes_are_read() {
    let temporary = tempfile::tempdir().unwrap();
    let home = temporary.path().join("home");
    let dir = temporary.path().join("d");
    fs::create_dir_all(home.join(".config/git")).unwrap();
    fs::create_dir(&dir).unwrap();
    fs::write(home.join(".config/git/ignore"), "by-default\n").unwrap();
    let environment = Environment { home: Some(home.clone()), ..Environment::default() };
    let verdict = |name: &[u8]| {
        let repository = Repository::open_with(&dir, &environment).unwrap();
        repository.stack().verdict(b"", name, false)
    };
    assert_eq!(verdict(b"by-default"), Verdict::Ignored);
    fs::write(home.join(".gitconfig"), "[include]\npath = more\n").unwrap();
    fs::write(home.join("more"), "[core]\nexcludesFile = ~/mine\n").unwrap();
    fs::write(home.join("mine"), "chosen\n").unwrap();
    assert_eq!(verdict(b"by-default"), Verdict::None);
    assert_eq!(verdict(b"chosen"), Verdict::Ignored);
}

#[test]
fn an_include_cycle_and_an_oversized_rule_file_are_errors_that_name_the_file() {
    let temporary = tempfile::tempdir().unwrap();
    let config = temporary.path().join("config");
    fs::write(&config, "[include]\npath = config\n").unwrap();
    let environment = Environment { config_global: Some(config.clone()), ..Environment::default() };
    let error = Repository::open_with(temporary.path(), &environment).unwrap_err();
    assert_eq!(error.path(), config);
    let rules = temporary.path().join(".gitignore");
    fs::File::create(&rules).unwrap().set_len(RULE_FILE_BYTES_MAX + 1).unwrap();
    let error = Repository::open_with(temporary.path(), &Environment::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FileTooLarge);
    assert_eq!(error.path(), rules.canonicalize().unwrap());
    assert!(error.to_string().contains("limit of 104857600 bytes"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_linked_rule_file_is_none() {
    let temporary = tempfile::tempdir().unwrap();
    fs::write(temporary.path().join("rules"), "x\n").unwrap();
    std::os::unix::fs::symlink("rules", temporary.path().join(".gitignore")).unwrap();
    let repository = Repository::open_with(temporary.path(), &Environment::default()).unwrap();
    assert!(repository.stack().is_empty());
}
