//! The steps that are a cargo command or two, and what all steps need installed.

use std::time::{SystemTime, UNIX_EPOCH};

use super::{Outcome, Session};
use crate::command::{Cmd, on_path};
use crate::install::Tool;
use crate::tidy;

/// Debian packages that the steps need, each with a file or program that proves it.
pub(super) const DEBIAN_PACKAGES: &[Tool] = &[
    Tool::new("git", "git"),
    Tool::new("gcc", "gcc"),
    Tool::new("libc6-dev", "/usr/include/stdio.h"),
    Tool::new("strace", "strace"),
    Tool::new("g++", "g++"),
    Tool::new("binutils", "nm"),
    Tool::new("valgrind", "valgrind"),
    Tool::new("libc6-dbg", "/usr/share/doc/libc6-dbg"),
    Tool::new("pkg-config", "pkg-config"),
    Tool::new("python3-pip", "pip3"),
    Tool::new("libpython3.11-testsuite", "/usr/lib/python3.11/test/test_glob.py"),
    Tool::new("rustc-web", "/usr/bin/rustc"),
    Tool::new("cargo-web", "/usr/bin/cargo"),
    Tool::new("rust-web-src", "/usr/share/doc/rust-web-src"),
    Tool::new("rust-web-llvm", "/usr/share/doc/rust-web-llvm"),
    Tool::new("gcc-aarch64-linux-gnu", "aarch64-linux-gnu-gcc"),
    Tool::new("libc6-dev-arm64-cross", "/usr/aarch64-linux-gnu/include/stdio.h"),
    Tool::new("gcc-s390x-linux-gnu", "s390x-linux-gnu-gcc"),
    Tool::new("libc6-dev-s390x-cross", "/usr/s390x-linux-gnu/include/stdio.h"),
    Tool::new("qemu-user", "qemu-aarch64"),
    Tool::new("clang-22", "clang-22"),
    Tool::new("libclang-rt-22-dev", "/usr/share/doc/libclang-rt-22-dev"),
    Tool::new("gcc-mingw-w64-x86-64", "x86_64-w64-mingw32-gcc"),
    Tool::new("bindfs", "bindfs"),
    Tool::new("btrfs-progs", "mkfs.btrfs"),
    Tool::new("xfsprogs", "mkfs.xfs"),
];

/// What only a full run needs, and a step that only a full run has.
pub(super) const DEBIAN_PACKAGES_FULL: &[Tool] =
    &[Tool::new("wine64", "/usr/lib/wine/wine64"), Tool::new("openssl", "openssl")];

pub(super) fn format(session: &Session) -> Outcome {
    let rivals = session.workspace.root.join("benches/Cargo.toml");
    let others = [Some(rivals), session.workspace.fuzz_manifest()].into_iter().flatten();
    let others =
        others.map(|manifest| Cmd::new("cargo fmt --all --check --manifest-path").arg(manifest));
    session.run([Cmd::new("cargo fmt --all --check")].into_iter().chain(others))
}

pub(super) fn tidy(session: &Session) -> Outcome {
    println!("    $ cargo xtask tidy");
    match tidy::run(session.workspace) {
        Ok(true) => Outcome::Passed,
        Ok(false) => Outcome::Failed("see the problems above".to_owned()),
        Err(message) => Outcome::Failed(message),
    }
}

pub(super) fn clippy(session: &Session) -> Outcome {
    session.run([Cmd::new("cargo clippy --quiet --workspace --all-targets -- -D warnings")])
}

/// How many storms a thorough run kills watchers and daemons in; some quarter of an hour.
const STORMS_FULL: &str = "1000";

/// How many entries a large directory has in a thorough run.
const ENTRIES_FULL: &str = "1000000";

/// All tests, those in the documentation too. The closing line of each program stays to be seen.
pub(super) fn test(session: &Session) -> Outcome {
    match session.output(Cmd::new("cargo test --workspace")) {
        Ok(output) => {
            for line in output.lines().filter(|line| line.starts_with("test result:")) {
                println!("{line}");
            }
        }
        Err(message) => return Outcome::Failed(message),
    }
    if !session.full {
        return Outcome::Passed;
    }
    let storms = Cmd::new("cargo test --quiet --release -p treenail --test cli storm");
    let large = Cmd::new("cargo test --quiet --release -p treenail --test cli find_limits");
    session.run([
        storms.env("TREENAIL_WATCH_SEEDS", STORMS_FULL),
        large.env("TREENAIL_FIND_ENTRIES", ENTRIES_FULL),
    ])
}

/// What serves other machines, which no default build has in it: some sixty crates and two minutes
/// more.
pub(super) fn remote(session: &Session) -> Outcome {
    if !on_path("openssl") {
        return Outcome::Skipped("no `openssl` on the PATH; --install installs it".to_owned());
    }
    let with = "-p treenail-share -p treenail --features treenail/remote";
    session.run([
        Cmd::new("cargo clippy --quiet --all-targets").words(with).words("-- -D warnings"),
        Cmd::new("cargo test --quiet --lib --test remote --test cli").words(with),
        Cmd::new("cargo doc --quiet --no-deps").words(with).env("RUSTDOCFLAGS", "-D warnings"),
    ])
}

pub(super) fn doc(session: &Session) -> Outcome {
    let cmd = Cmd::new("cargo doc --quiet --workspace --no-deps");
    session.run([cmd.env("RUSTDOCFLAGS", "-D warnings")])
}

/// What the simulator runs.
const SCENARIOS: &[&str] = &["log", "live"];

/// What is built on a disk, against disks that tear, lie and fail, and the live tree
/// against a directory that changes between any two looks. A thorough run takes half an
/// hour, on seeds that no earlier one had.
pub(super) fn simulation(session: &Session) -> Outcome {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (first, seconds) = match session.full {
        true => (since_epoch.as_secs(), "900"),
        false => (0, "12"),
    };
    session.run(SCENARIOS.iter().map(|scenario| {
        Cmd::new("cargo run --quiet --profile sim -p treenail-sim --")
            .arg(scenario)
            .words("--quiet --seeds")
            .arg(format!("{first}..{}", first + 1_000_000))
            .words("--seconds")
            .arg(seconds)
    }))
}

/// The README's first command.
pub(super) fn tour(session: &Session) -> Outcome {
    session.run([Cmd::new("cargo run --quiet --release -- tour")])
}
