//! Trees to look in, and ways to look.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use tempfile::TempDir;
use treenail_glob::Error;
use treenail_glob::find::{Batch, Find, Sink};

/// A directory that vanishes.
pub(crate) struct Tree(TempDir);

impl Tree {
    /// With these files; what ends in a slash is a directory.
    pub(crate) fn new(paths: &[&str]) -> Self {
        let this = Self(tempfile::tempdir().expect("a temporary directory"));
        for path in paths {
            match path.strip_suffix('/') {
                Some(dir) => fs::create_dir_all(this.path().join(dir)).expect("mkdir"),
                None => this.write(path, ""),
            }
        }
        this
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, path: &str, content: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("mkdir");
        fs::write(path, content).expect("write");
    }

    /// Everything in it that is not hidden, by paths below it.
    pub(crate) fn find(&self) -> Find {
        Find::new().root_shown(self.path(), "")
    }

    /// Makes it a repository.
    pub(crate) fn repository(&self) {
        self.repository_at(".");
    }

    pub(crate) fn repository_at(&self, dir: &str) {
        self.git(&["init", "-q", dir]);
    }

    /// The sorted lines that git prints.
    pub(crate) fn git(&self, args: &[&str]) -> Vec<String> {
        let mut git = Command::new("git");
        git.args(["-c", "core.excludesFile=", "-c", "core.quotePath=false"]).args(args);
        let output = git.current_dir(self.path()).output().expect("git runs");
        assert!(output.status.success(), "{output:?}");
        let mut lines: Vec<_> =
            String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    /// Directories in directories, a multiple of 250, with a file in the last.
    pub(crate) fn chain(&self, depth: usize) {
        // No path of that length can be given to the system at once.
        let step = "directory/".repeat(250);
        let script = "for ((i = 0; i < $1; i += 250)); do mkdir -p $2; cd -P $2; done; : > end";
        let made = Command::new("bash")
            .args(["-c", script, "bash", &depth.to_string(), &step])
            .current_dir(self.path())
            .status();
        assert!(made.expect("bash runs").success());
    }

    /// Many directories with a file each.
    pub(crate) fn wide(&self, count: usize) {
        (0..count).for_each(|dir| self.write(&format!("{dir}/file"), ""));
    }
}

/// All paths, sorted.
pub(crate) fn found(find: Find) -> Vec<String> {
    let mut paths = found_in_order(find);
    paths.sort();
    paths
}

/// All paths in the order in which they come.
pub(crate) fn found_in_order(find: Find) -> Vec<String> {
    let matches = find.iter().expect("valid patterns");
    let path = |found: Result<treenail_glob::find::Match, Error>| {
        let found = found.unwrap_or_else(|error| panic!("{error}"));
        String::from_utf8(found.path().to_vec()).expect("text")
    };
    matches.map(path).collect()
}

/// All paths, and how many threads looked.
pub(crate) fn visit(find: &Find) -> (Vec<Vec<u8>>, usize) {
    let sink = Collected::default();
    find.visit(&sink).expect("valid patterns");
    (sink.paths.into_inner().unwrap(), sink.threads.into_inner().unwrap().len())
}

#[derive(Default)]
struct Collected {
    paths: Mutex<Vec<Vec<u8>>>,
    threads: Mutex<std::collections::HashSet<std::thread::ThreadId>>,
}

impl Sink for Collected {
    type Worker = ();

    fn worker(&self) {
        self.threads.lock().unwrap().insert(std::thread::current().id());
    }

    fn batch(&self, (): &mut (), batch: &mut Batch) -> ControlFlow<()> {
        self.paths.lock().unwrap().extend(batch.iter().map(|found| found.path().to_vec()));
        ControlFlow::Continue(())
    }

    fn error(&self, (): &mut (), error: Error) -> ControlFlow<()> {
        panic!("{error}");
    }
}
