//! The C library as C and Zig programs see it.
//!
//! The header must be accepted as it stands. Each example and each test in C is built with the
//! address and the undefined-behaviour sanitizer and run, then built without and run under
//! valgrind, which sees what the library itself reads and writes; the examples in Zig are built and
//! run. What they print must be what is written beside them. One program is linked with the shared
//! library, in the way that a user would find it.
//!
//! That the header is what the source says is a test of the crate `treenail-c`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Outcome, Session};
use crate::command::{Cmd, on_path};
use crate::install::PipPackage;
use crate::install_c::{self, Profile, SYSTEM_LIBRARIES};

/// Where the compiler of Zig comes from. 0.17 needs a minute to build its translator of C first;
/// this one has it built in.
pub(super) const ZIG: PipPackage =
    PipPackage { name: "ziglang", version: "0.15.2", proof: "ziglang/zig" };

const HEADER_COMPILERS: [&str; 4] =
    ["gcc -std=c99 -x c", "gcc -std=c11 -x c", "gcc -std=c2x -x c", "g++ -std=c++17 -x c++"];
const C_FLAGS: &str = "-std=c11 -D_POSIX_C_SOURCE=200809L -g -O1 -Wall -Wextra -Wpedantic -Werror";
const SANITIZE: &str = "-fsanitize=address,undefined -fno-sanitize-recover=all";
/// What is still reachable when a program ends, or reached through the middle of a block, is the
/// standard library's, for threads.
const VALGRIND: &str = "valgrind --quiet --error-exitcode=99 --leak-check=full \
                        --show-leak-kinds=definite,indirect \
                        --errors-for-leak-kinds=definite,indirect";

/// Builds the library and everything that uses it, and runs the latter.
pub(super) fn run(session: &Session) -> Outcome {
    if !cfg!(target_os = "linux") {
        return Outcome::Skipped("the programs are built and run on Linux only".to_owned());
    }
    let needed = ["gcc", "g++", "valgrind", "pkg-config"];
    if let Some(missing) = needed.iter().find(|program| !on_path(program)) {
        return Outcome::Skipped(format!("no `{missing}` on the PATH; --install installs it"));
    }
    let zig = ZIG.program(&session.workspace.target);
    if !zig.exists() {
        let PipPackage { name, version, .. } = ZIG;
        return Outcome::Skipped(format!("no {name} {version}; --install installs it"));
    }
    match check(session, &zig) {
        Ok(failures) if failures.is_empty() => Outcome::Passed,
        Ok(failures) => {
            for failure in &failures {
                println!("{failure}\n");
            }
            Outcome::Failed(failures.join("; ").lines().next().unwrap_or_default().to_owned())
        }
        Err(message) => Outcome::Failed(message),
    }
}

/// What is common to all programs of one run.
struct Bench<'a> {
    session: &'a Session<'a>,
    /// The directory of the crate.
    package: PathBuf,
    /// The static library.
    library: PathBuf,
    scratch: tempfile::TempDir,
}

/// A program's source, and what it must print.
struct Program {
    name: String,
    source: PathBuf,
    expected: String,
}

fn check(session: &Session, zig: &Path) -> Result<Vec<String>, String> {
    let scratch = tempfile::tempdir().map_err(|e| format!("no temporary directory: {e}"))?;
    let package = session.workspace.root.join("ffi/c");
    session.output(Cmd::new("cargo build --quiet -p").arg(install_c::PACKAGE))?;
    let library = session.workspace.target.join("debug/libtreenail.a");
    let bench = Bench { session, package, library, scratch };
    let mut programs = bench.programs("examples", "c")?;
    programs.extend(bench.programs("tests/c", "c")?);
    programs.push(bench.readme()?);
    let in_zig = bench.programs("examples/zig", "zig")?;
    let tree = programs.iter().find(|one| one.name == "tree").ok_or("no example `tree`")?;

    let mut jobs: Vec<Job> = Vec::new();
    for compiler in HEADER_COMPILERS {
        jobs.push(Box::new(|| bench.header(compiler)));
    }
    jobs.push(Box::new(|| bench.symbols()));
    jobs.push(Box::new(|| bench.shared(tree)));
    // One after the other: the first fills the compiler's cache.
    jobs.push(Box::new(|| in_zig.iter().try_for_each(|program| bench.zig(program, zig))));
    for program in &programs {
        jobs.push(Box::new(|| bench.sanitized(program)));
        jobs.push(Box::new(|| bench.under_valgrind(program)));
    }
    Ok(run_all(&jobs))
}

type Job<'a> = Box<dyn Fn() -> Result<(), String> + Sync + 'a>;

/// Runs the jobs on as many threads as the machine runs at once; what failed, in their order.
fn run_all(jobs: &[Job]) -> Vec<String> {
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get());
    let next = AtomicUsize::new(0);
    let work = || {
        let mut failures = Vec::new();
        while let Some((index, job)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            jobs.get(index).map(|job| (index, job))
        } {
            failures.extend(job().err().map(|failure| (index, failure)));
        }
        failures
    };
    let mut failures: Vec<(usize, String)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no job panics")).collect()
    });
    failures.sort_unstable();
    failures.into_iter().map(|(_, failure)| failure).collect()
}

impl Bench<'_> {
    /// The header alone, all warnings on.
    fn header(&self, compiler: &str) -> Result<(), String> {
        let cmd = Cmd::new(compiler).words("-Wall -Wextra -Wpedantic -Werror -fsyntax-only");
        self.session.output(cmd.arg(self.package.join("include/treenail.h"))).map(drop)
    }

    /// The shared library exports the functions that the header declares, and nothing else: what
    /// cbindgen could not read would silently be missing.
    fn symbols(&self) -> Result<(), String> {
        let library = self.library.with_extension("so");
        let listed = Cmd::new("nm --dynamic --defined-only --just-symbols").arg(&library).read()?;
        let file = self.package.join("include/treenail.h");
        let header = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        let mut exported: Vec<&str> = listed.lines().map(str::trim).collect();
        let mut declared = declared(&header);
        exported.sort_unstable();
        declared.sort_unstable();
        if exported == declared {
            return Ok(());
        }
        let missing = exported.iter().filter(|name| !declared.contains(name));
        let lacking = declared.iter().filter(|name| !exported.contains(name));
        let list =
            |names: Vec<&&str>| names.iter().map(|name| **name).collect::<Vec<_>>().join(" ");
        Err(format!(
            "not in the header: {}; not in the library: {}",
            list(missing.collect()),
            list(lacking.collect())
        ))
    }

    /// The programs in a directory, in the order of their names.
    fn programs(&self, dir: &str, extension: &str) -> Result<Vec<Program>, String> {
        let dir = self.package.join(dir);
        let listed = fs::read_dir(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
        let sources = listed.filter_map(|entry| Some(entry.ok()?.path()));
        let mut sources: Vec<PathBuf> =
            sources.filter(|path| path.extension().is_some_and(|it| it == extension)).collect();
        sources.sort();
        sources.into_iter().map(program).collect()
    }

    /// The example of the README, which must run without complaint and print what it says.
    fn readme(&self) -> Result<Program, String> {
        let file = self.package.join("README.md");
        let text = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        let code = block(&text, "c").ok_or("ffi/c/README.md has no example in C")?;
        let expected = block(&text, "text").ok_or("ffi/c/README.md does not say what it prints")?;
        let source = self.scratch.path().join("readme.c");
        fs::write(&source, code).map_err(|e| format!("{}: {e}", source.display()))?;
        Ok(Program { name: "readme".to_owned(), source, expected: expected.to_owned() })
    }

    fn sanitized(&self, program: &Program) -> Result<(), String> {
        let built = self.scratch.path().join(format!("{}-sanitized", program.name));
        self.session.output(self.gcc(program, &built).words(SANITIZE))?;
        self.expect(program, Cmd::program(&built))
    }

    fn under_valgrind(&self, program: &Program) -> Result<(), String> {
        let built = self.scratch.path().join(&program.name);
        self.session.output(self.gcc(program, &built))?;
        // It has words about system calls that it does not know, too.
        let log = built.with_extension("log");
        let log_option = format!("--log-file={}", log.display());
        self.expect(program, Cmd::new(VALGRIND).arg(log_option).arg(&built)).map_err(|message| {
            format!("{message}\n{}", fs::read_to_string(log).unwrap_or_default())
        })
    }

    fn zig(&self, program: &Program, zig: &Path) -> Result<(), String> {
        let built = self.scratch.path().join(format!("{}-zig", program.name));
        // The standard library of Rust unwinds with libgcc's functions; Zig brings LLVM's.
        let cmd = Cmd::program(zig)
            .arg("build-exe")
            .arg(&program.source)
            .arg("-I")
            .arg(self.package.join("include"))
            .arg(&self.library)
            .words("-lc -lunwind")
            .arg(format!("-femit-bin={}", built.display()))
            .env("ZIG_LOCAL_CACHE_DIR", self.session.workspace.target.join("zig-cache"))
            .env("ZIG_GLOBAL_CACHE_DIR", self.session.workspace.target.join("zig-cache"));
        self.session.output(cmd)?;
        self.expect(program, Cmd::program(&built))
    }

    /// Installs the library, and builds a program with what pkg-config says of it.
    fn shared(&self, program: &Program) -> Result<(), String> {
        let prefix = self.scratch.path().join("prefix");
        install_c::run(self.session.workspace, &prefix, Profile::Debug)?;
        let flags = Cmd::new("pkg-config --cflags --libs treenail")
            .env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig"))
            .read()?;
        let built = self.scratch.path().join("shared");
        let cmd = Cmd::new("gcc").words(C_FLAGS).arg(&program.source).arg("-o").arg(&built);
        self.session.output(cmd.words(&flags))?;
        let cmd = Cmd::program(&built).env("LD_LIBRARY_PATH", prefix.join("lib"));
        self.expect(program, cmd)
    }

    fn gcc(&self, program: &Program, built: &Path) -> Cmd {
        Cmd::new("gcc")
            .words(C_FLAGS)
            .arg("-I")
            .arg(self.package.join("include"))
            .arg(&program.source)
            .arg(&self.library)
            .words(SYSTEM_LIBRARIES)
            .arg("-o")
            .arg(built)
    }

    /// Runs a program in an empty directory, with the sample text as its argument.
    fn expect(&self, program: &Program, cmd: Cmd) -> Result<(), String> {
        let dir = tempfile::tempdir_in(self.scratch.path())
            .map_err(|e| format!("no temporary directory: {e}"))?;
        let cmd = cmd.arg(self.package.join("examples/sample.txt")).dir(dir.path());
        let finished = cmd.capture()?;
        if !finished.status.success() {
            return Err(format!("{}: {}\n{}", program.name, finished.status, finished.output));
        }
        if finished.output != program.expected {
            return Err(format!("{} prints\n{}", program.name, finished.output));
        }
        Ok(())
    }
}

fn program(source: PathBuf) -> Result<Program, String> {
    let expected = source.with_extension("expected");
    let expected =
        fs::read_to_string(&expected).map_err(|e| format!("{}: {e}", expected.display()))?;
    let name = source.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Program { name, source, expected })
}

/// The functions that a header declares: names before a parenthesis in lines that are no comment
/// and no type.
fn declared(header: &str) -> Vec<&str> {
    let lines = header.lines().filter(|line| !line.starts_with([' ', '/', '#']));
    let lines = lines.filter(|line| !line.starts_with("typedef"));
    let names = lines.filter_map(|line| {
        let before = &line[..line.find('(')?];
        Some(&before[before.rfind(|c: char| c != '_' && !c.is_ascii_alphanumeric())? + 1..])
    });
    names.filter(|name| name.starts_with("tn_")).collect()
}

/// The first block of a Markdown text that is marked so.
fn block<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    let fence = format!("```{mark}\n");
    let start = text.find(&fence)? + fence.len();
    let length = text[start..].find("```")?;
    Some(&text[start..start + length])
}

#[cfg(test)]
mod tests {
    use super::{Job, block, declared, run_all};

    #[test]
    fn failures_come_in_the_order_of_the_jobs() {
        let job = |n: u32| -> Job<'static> {
            Box::new(move || if n.is_multiple_of(2) { Ok(()) } else { Err(n.to_string()) })
        };
        let jobs: Vec<Job> = (0..6).map(job).collect();
        assert_eq!(run_all(&jobs), ["1", "3", "5"]);
    }

    #[test]
    fn functions_are_told_from_types_and_texts() {
        let header = "// tn_no(x)\ntypedef void (*tn_type)(int);\ntn_status tn_one(int a,\n  \
                      int (*tn_f)(int));\nconst char *tn_two(void);\n#define TN_X (1)\n";
        assert_eq!(declared(header), ["tn_one", "tn_two"]);
    }

    #[test]
    fn a_block_is_found_by_its_mark() {
        let text = "a\n```sh\nls\n```\n```c\nint x;\n```\n";
        assert_eq!(block(text, "c"), Some("int x;\n"));
        assert_eq!(block(text, "text"), None);
    }
}
