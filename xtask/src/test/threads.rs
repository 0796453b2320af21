//! What runs in several threads: every order of a model's steps, and ThreadSanitizer on real
//! threads.
//!
//! A crate with atomics of its own has its models in `tests/loom.rs`.

use super::cross::{deb, lacks};
use super::{Outcome, Session};
use crate::command::Cmd;
use crate::workspace::Crate;

/// The compiler driver that knows the sanitizer's run time of the LLVM that `deb` is built with.
const CLANG: &str = "clang-22";

/// The models, in every order of their steps that `loom` finds worth telling apart.
pub(super) fn loom(session: &Session) -> Outcome {
    session.run(crates_with_models(session).map(|one| {
        Cmd::new("cargo test --quiet --release --test loom -p")
            .arg(&one.name)
            .env("RUSTFLAGS", "--cfg loom")
            .env("CARGO_TARGET_DIR", session.workspace.target.join("loom"))
    }))
}

/// The same crates' tests, under ThreadSanitizer.
pub(super) fn sanitizer(session: &Session) -> Outcome {
    if let Some(skipped) = lacks(&[CLANG]) {
        return skipped;
    }
    let flags = format!(
        "-Zsanitizer=thread -Zexternal-clangrt -Clinker={CLANG} -Clink-arg=-fsanitize=thread"
    );
    let target = "x86_64-unknown-linux-gnu";
    session.run(crates_with_models(session).map(|one| {
        deb(session, "test --quiet -Zbuild-std --lib --tests --all-features --target")
            .arg(target)
            .arg("-p")
            .arg(&one.name)
            .env("RUSTFLAGS", &flags)
            .env("CARGO_TARGET_DIR", session.workspace.target.join("tsan"))
    }))
}

fn crates_with_models<'a>(session: &Session<'a>) -> impl Iterator<Item = &'a Crate> {
    let root = &session.workspace.root;
    let crates = session.workspace.crates.iter();
    crates.filter(move |one| root.join(&one.dir).join("tests/loom.rs").exists())
}
