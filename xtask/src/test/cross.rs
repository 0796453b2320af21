//! Other machines: bare metal as proof of no std and no allocator, Windows, macOS, aarch64.
//!
//! All are built by Debian's compiler from the standard library's source, which it may only do
//! when told that unstable options are wanted.

use std::fs;
use std::path::Path;

use super::{Outcome, Session};
use crate::command::{Cmd, on_path};
use crate::install::{DEBIAN_TOOLCHAIN, debian_toolchain_is_linked};
use crate::workspace::Crate;

/// Targets for which no library is installed: when `core` alone is built for them, neither `alloc`
/// nor `std` is to be found. One with all of x86-64's instructions, and a microcontroller.
const BARE_TARGETS: &[&str] = &["x86_64-unknown-linux-musl", "thumbv7em-none-eabi"];

/// What a thorough run adds: a kernel without vector registers, and a browser.
const BARE_TARGETS_FULL: &[&str] = &["x86_64-unknown-none", "wasm32-unknown-unknown"];

/// Features that a crate of the core has for those who do have an allocator or more.
const HOSTED_FEATURES: &[&str] = &["default", "alloc", "std"];

/// Every core crate, with every feature that is not a hosted one, on bare metal.
pub(super) fn no_std(session: &Session) -> Outcome {
    if let Some(skipped) = lacks(&[]) {
        return skipped;
    }
    let core = core_crates(session);
    let features: Vec<String> = core.iter().flat_map(|one| bare_features(one)).collect();
    // In one command, so that one target's library is compiled beside the other's.
    let cmd = deb(session, "build --quiet -Zbuild-std=core");
    let more = if session.full { BARE_TARGETS_FULL } else { &[] };
    let targets = BARE_TARGETS.iter().chain(more);
    let cmd = targets.fold(cmd, |cmd, target| cmd.arg("--target").arg(target));
    let cmd = core.iter().fold(cmd, |cmd, one| cmd.arg("-p").arg(&one.name));
    session.run([cmd.words("--no-default-features --features").arg(features.join(","))])
}

const WINDOWS: &str = "x86_64-pc-windows-gnu";
const MINGW: &str = "x86_64-w64-mingw32-gcc";
/// Where Debian has the program that runs others written for Windows.
const WINE: &str = "/usr/lib/wine/wine64";

/// A library that the standard library needs and wine 8 lacks.
const RANDOM_DLL: &str = "unsigned char __stdcall SystemFunction036(void *, unsigned long);
__declspec(dllexport) int ProcessPrng(unsigned char *bytes, unsigned long long count)
{ return SystemFunction036(bytes, (unsigned long)count); }
";

/// For which no C compiler is to be had from Debian. Checking needs no object code of C: blake3's
/// build script is content with a compiler that accepts everything.
const MACOS: &str = "aarch64-apple-darwin";

/// The library crates and the binary, checked for Windows and macOS; in a full run, what the
/// system's watcher reports on Windows, as far as wine does what Windows does.
pub(super) fn systems(session: &Session) -> Outcome {
    if let Some(skipped) = lacks(&[MINGW]) {
        return skipped;
    }
    let checked = session.run([check(session)]);
    if !session.full || !matches!(checked, Outcome::Passed) {
        return checked;
    }
    if !Path::new(WINE).exists() {
        return Outcome::Skipped("no wine64; --install installs it".to_owned());
    }
    let prefix = session.workspace.target.join("wine");
    let system = prefix.join("drive_c/windows/system32");
    let source = session.workspace.target.join("random.c");
    if let Err(error) = fs::write(&source, RANDOM_DLL) {
        return Outcome::Failed(format!("{}: {error}", source.display()));
    }
    let made = Cmd::new(WINE).words("wineboot -i").env("WINEPREFIX", &prefix);
    let library = Cmd::new(MINGW).words("-shared -o").arg(system.join("bcryptprimitives.dll"));
    let tests = deb(session, "test --quiet -Zbuild-std -p treenail-os --lib --test feed_system");
    let tests = tests
        .arg("--target")
        .arg(WINDOWS)
        .env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER", MINGW)
        .env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER", WINE)
        .env("WINEPREFIX", &prefix);
    session.run([made, library.arg(&source).arg("-ladvapi32"), tests])
}

/// In one command: each standard library is a chain of crates, and there are two to go through.
fn check(session: &Session) -> Cmd {
    let cmd = deb(session, "check --quiet --workspace -Zbuild-std --target").arg(WINDOWS);
    let cmd = cmd.arg("--target").arg(MACOS);
    let tools = session.workspace.crates.iter().filter(|one| !one.publish);
    tools
        .fold(cmd, |cmd, tool| cmd.arg("--exclude").arg(&tool.name))
        .env("CC_aarch64_apple_darwin", "true")
        .env("AR_aarch64_apple_darwin", "true")
}

/// Where the core crates' tests run under emulation: for the NEON paths, and for numbers that begin
/// with their greatest byte.
const EMULATED: &[&str] = &["aarch64", "s390x"];

/// The core crates' tests on emulated machines.
pub(super) fn emulated(session: &Session) -> Outcome {
    let linker = |arch: &str| format!("{arch}-linux-gnu-gcc");
    let emulator = |arch: &str| format!("qemu-{arch}");
    let programs: Vec<String> =
        EMULATED.iter().flat_map(|arch| [linker(arch), emulator(arch)]).collect();
    if let Some(skipped) = lacks(&programs.iter().map(String::as_str).collect::<Vec<_>>()) {
        return skipped;
    }
    let test = |archs: &[&str], crates: &[&str]| {
        let line = "test --quiet -Zbuild-std --lib --tests --all-features";
        let cmd = crates.iter().fold(deb(session, line), |cmd, one| cmd.arg("-p").arg(one));
        archs.iter().fold(cmd, |cmd, arch| {
            let prefix = format!("CARGO_TARGET_{}_UNKNOWN_LINUX_GNU", arch.to_uppercase());
            let runner = format!("{} -L /usr/{arch}-linux-gnu", emulator(arch));
            cmd.arg("--target")
                .arg(format!("{arch}-unknown-linux-gnu"))
                .env(&format!("{prefix}_LINKER"), linker(arch))
                .env(&format!("{prefix}_RUNNER"), runner)
        })
    };
    let all: Vec<&str> = core_crates(session).into_iter().map(|one| one.name.as_str()).collect();
    // In one command, so that one machine's library is compiled beside the other's. Only one of
    // them has instructions of its own; what is the same on all machines that begin with the least
    // byte need not be emulated each time.
    let has_instructions = ["treenail-hash"];
    let both = if session.full { all.as_slice() } else { &has_instructions };
    let others: Vec<&str> = all.iter().copied().filter(|one| !both.contains(one)).collect();
    let rest = (!others.is_empty()).then(|| test(&["s390x"], &others));
    session.run([test(EMULATED, both)].into_iter().chain(rest))
}

fn core_crates<'a>(session: &Session<'a>) -> Vec<&'a Crate> {
    session.workspace.crates.iter().filter(|one| one.dir.starts_with("core/")).collect()
}

/// The crate's features that need no allocator, as `CRATE/FEATURE`.
fn bare_features(one: &Crate) -> impl Iterator<Item = String> {
    let features = one.features.iter().filter(|name| !HOSTED_FEATURES.contains(&name.as_str()));
    features.map(|feature| format!("{}/{feature}", one.name))
}

/// `cargo +deb` with its own target directory: the other compiler's results stay valid.
pub(super) fn deb(session: &Session, line: &str) -> Cmd {
    Cmd::new(&format!("cargo +{DEBIAN_TOOLCHAIN} {line}"))
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", session.workspace.target.join("deb"))
}

/// Why a step that needs Debian's compiler and these programs cannot run here.
pub(super) fn lacks(programs: &[&str]) -> Option<Outcome> {
    if !debian_toolchain_is_linked() {
        let why = "rustup knows no toolchain `deb` (Debian's compiler); --install links it";
        return Some(Outcome::Skipped(why.to_owned()));
    }
    let missing = programs.iter().find(|program| !on_path(program))?;
    Some(Outcome::Skipped(format!("no `{missing}` on the PATH; --install installs it")))
}

#[cfg(test)]
mod tests {
    use super::{bare_features, lacks};
    use crate::test::Outcome;
    use crate::workspace::Crate;

    #[test]
    fn hosted_features_stay_off_on_bare_metal() {
        let features = ["alloc", "default", "sha1", "std", "xxh3"].map(str::to_owned).to_vec();
        let one = Crate { name: "hash".to_owned(), features, ..Crate::default() };
        assert_eq!(bare_features(&one).collect::<Vec<_>>(), ["hash/sha1", "hash/xxh3"]);
    }

    #[test]
    fn a_missing_program_skips_the_step() {
        let outcome = lacks(&["treenail-no-such-program"]);
        assert!(matches!(outcome, Some(Outcome::Skipped(_))), "{outcome:?}");
    }
}
