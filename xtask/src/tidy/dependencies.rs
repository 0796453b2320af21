//! The dependencies that crates may have: each is named here with its users and its purpose.

use super::Findings;
use crate::workspace::{Crate, Dependency};

/// A crate from the registry that we build on.
struct Allowed {
    name: &'static str,
    /// Directories (`core/hash`, or all below one: `core/*`, or all: `*`) that may use it; `dev:`
    /// before one lets only its tests, examples and benches.
    users: &'static [&'static str],
    /// What it is for, where the name does not say so.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "written for the reader; a test asks for it")
    )]
    purpose: &'static str,
}

const fn allow(
    name: &'static str,
    users: &'static [&'static str],
    purpose: &'static str,
) -> Allowed {
    Allowed { name, users, purpose }
}

/// Rivals stand with `benches/compare` alone.
const ALLOWED: &[Allowed] = &[
    allow("anstyle", &["adapters/cli"], "colours, in the terms that clap uses"),
    allow("blake3", &["core/hash", "dev:adapters/*"], "BLAKE3 by its authors"),
    allow("brotli-decompressor", &["adapters/glob"], "brotli, in Rust alone"),
    allow("bytemuck", &["core/*", "adapters/tree", "adapters/os"], "bytes to plain types and back"),
    allow("bzip2", &["adapters/glob"], "bzip2, in Rust alone"),
    allow("cbindgen", &["dev:ffi/c"], "the C header from the source"),
    allow("clap", &["adapters/cli"], "arguments and their help"),
    allow("clap_complete", &["adapters/cli"], "shell completions"),
    allow("clap_mangen", &["adapters/cli"], "man pages"),
    allow("crc", &["core/hash"], "CRC-32C by tables, where there is no std"),
    allow("crc32c", &["core/hash"], "CRC-32C by the processor's instruction"),
    allow("crc32fast", &["core/hash"], "CRC-32 by carry-less multiplication"),
    allow("flate2", &["adapters/glob"], "gzip, in Rust alone"),
    allow("globset", &["dev:adapters/pattern", "benches/compare"], "oracle for globs"),
    allow("grep-matcher", &["adapters/glob"], "what ripgrep's searcher asks of a regex engine"),
    allow("grep-pcre2", &["adapters/glob"], "PCRE2 behind that, for those who switch it on"),
    allow("grep-printer", &["adapters/glob"], "ripgrep's output"),
    allow("grep-regex", &["adapters/glob"], "the crate regex behind that"),
    allow("grep-searcher", &["adapters/glob"], "lines around matches in contents of any size"),
    allow("http", &["adapters/share"], "the addresses that gRPC is asked at"),
    allow("ignore", &["adapters/glob"], "ripgrep's list of the types of files"),
    allow("ignore", &["dev:adapters/*", "benches/compare"], "oracle for ignore rules; rival walk"),
    allow("indicatif", &["adapters/cli"], "progress bars"),
    allow("io-uring", &["adapters/os"], "submission and completion rings"),
    allow("jiff", &["adapters/glob"], "dates, durations and time zones as people write them"),
    allow(
        "libc",
        &["adapters/os", "adapters/share", "dev:adapters/*", "benches/compare"],
        "calls rustix lacks; in share, whose the peer of a socket is where that is no Linux",
    ),
    allow("libfuzzer-sys", &["fuzz"], "the fuzzing engine"),
    allow("loom", &["dev:core/*"], "every interleaving of atomics, in tests alone"),
    allow("lscolors", &["adapters/cli"], "the colours of LS_COLORS"),
    allow("lz4_flex", &["adapters/glob"], "lz4, in Rust alone"),
    allow("lzma-rust2", &["adapters/glob"], "xz and lzma, in Rust alone"),
    allow("memchr", &["core/*", "adapters/*", "ffi/python"], "byte and substring search"),
    allow(
        "memmap2",
        &["adapters/glob", "adapters/os", "adapters/tree"],
        "memory-mapped files on all platforms",
    ),
    allow("notify", &["adapters/os"], "changes on macOS and Windows, in one watcher"),
    allow("proptest", &["dev:*"], "generated inputs that shrink"),
    allow("prost", &["adapters/share"], "the messages of gRPC"),
    allow("pyo3", &["ffi/python"], "Python's objects and functions"),
    allow("regex", &["adapters/glob"], "regular expressions over bytes, in linear time"),
    allow("regex-syntax", &["adapters/glob"], "where in a regular expression the mistake is"),
    allow("rustix", &["adapters/*", "ffi/python"], "system calls with types"),
    allow("ruzstd", &["adapters/glob"], "Zstandard, in Rust alone"),
    allow("serde_json", &["adapters/cli", "benches/compare", "fuzz/sim", "xtask", "dev:*"], "JSON"),
    allow("sha1dc", &["core/hash"], "SHA-1 with collision detection"),
    allow("sha2", &["core/hash", "dev:adapters/*"], "SHA-256"),
    allow("subtle", &["adapters/share"], "a token compared in a time that tells nothing of it"),
    allow("tempfile", &["adapters/cli", "xtask", "dev:*"], "directories that vanish after use"),
    allow("termcolor", &["adapters/glob"], "colours, in the terms of ripgrep's printer"),
    allow("tokio", &["adapters/share"], "one thread for the network of remote clients"),
    allow(
        "tokio-stream",
        &["adapters/share"],
        "the trait of what comes bit by bit, as gRPC has it",
    ),
    allow("toml", &["adapters/share"], "configuration with spans, without serde"),
    allow("tonic", &["adapters/share"], "gRPC over TLS, for remote clients"),
    allow("tonic-prost", &["adapters/share"], "the codec that joins the two"),
    allow("tower-service", &["adapters/share"], "the trait of what answers, as gRPC has it"),
    allow("xxhash-rust", &["dev:*"], "oracle for XXH3"),
];

/// Features that bring an allocator or an operating system into a crate that has neither.
const HEAVY_FEATURES: &[&str] = &["alloc", "std"];

/// Checks every direct dependency against the table, and that the core stays free of std.
pub(super) fn check(crates: &[Crate], findings: &mut Findings) {
    for user in crates {
        for used in &user.dependencies {
            if !used.local && !ALLOWED.iter().any(|allowed| permits(allowed, user, used)) {
                findings.problem(format!(
                    "{}: `{}` is not allowed here; give the reason in xtask/src/tidy/\
                     dependencies.rs or do without",
                    user.dir, used.name
                ));
            }
            if user.dir.starts_with("core/") && !used.dev {
                check_core(user, used, findings);
            }
        }
    }
}

fn check_core(user: &Crate, used: &Dependency, findings: &mut Findings) {
    if used.default_features {
        findings.problem(format!(
            "{}: `{}` needs `default-features = false`: the core has no std",
            user.dir, used.name
        ));
    }
    for heavy in used.features.iter().filter(|one| HEAVY_FEATURES.contains(&one.as_str())) {
        findings.problem(format!(
            "{}: `{}` must not ask for `{heavy}`; let a feature of ours turn it on",
            user.dir, used.name
        ));
    }
}

fn permits(allowed: &Allowed, user: &Crate, used: &Dependency) -> bool {
    allowed.name == used.name
        && allowed.users.iter().any(|&users| match users.strip_prefix("dev:") {
            Some(users) => used.dev && covers(users, &user.dir),
            None => covers(users, &user.dir),
        })
}

fn covers(users: &str, dir: &str) -> bool {
    match users.strip_suffix('*') {
        Some(prefix) => dir.starts_with(prefix),
        None => users == dir,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Findings;
    use super::{ALLOWED, check};
    use crate::workspace::{Crate, Dependency};

    fn problems(dir: &str, dependency: Dependency) -> Vec<String> {
        let krate =
            Crate { dir: dir.to_owned(), dependencies: vec![dependency], ..Crate::default() };
        let mut findings = Findings::default();
        check(&[krate], &mut findings);
        findings.problems
    }

    fn lean(name: &str) -> Dependency {
        Dependency { name: name.to_owned(), ..Dependency::default() }
    }

    #[test]
    fn only_the_users_in_the_table_pass() {
        assert_eq!(problems("core/hash", lean("blake3")), Vec::<String>::new());
        assert_eq!(problems("adapters/tree", lean("blake3")).len(), 1);
        assert_eq!(problems("adapters/tree", lean("left-pad")).len(), 1);
        assert_eq!(problems("adapters/cli", lean("ignore")).len(), 1, "a rival");
    }

    #[test]
    fn what_is_for_tests_stays_in_tests() {
        let dev = Dependency { dev: true, ..lean("proptest") };
        assert_eq!(problems("adapters/tree", dev), Vec::<String>::new());
        assert_eq!(problems("adapters/tree", lean("proptest")).len(), 1);
    }

    #[test]
    fn the_core_asks_for_no_std() {
        let full = Dependency { default_features: true, ..lean("memchr") };
        assert_eq!(problems("core/hash", full.clone()).len(), 1);
        assert_eq!(problems("adapters/pattern", full), Vec::<String>::new());
        let std = Dependency { features: vec!["std".to_owned()], ..lean("memchr") };
        assert_eq!(problems("core/hash", std).len(), 1);
    }

    #[test]
    fn the_table_is_sorted_and_gives_reasons() {
        assert!(ALLOWED.is_sorted_by_key(|allowed| allowed.name));
        assert!(ALLOWED.iter().all(|one| !one.users.is_empty() && one.purpose.len() > 3));
    }
}
