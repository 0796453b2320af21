//! Compiles C xxHash from the system's header at the best width that this machine has, and passes
//! the rivals' versions on.

use std::path::Path;
use std::{env, fs};

fn main() {
    println!("cargo:rerun-if-changed=../Cargo.lock");
    println!("cargo:rerun-if-changed=src/xxhash.c");
    versions(&fs::read_to_string("../Cargo.lock").expect("cargo writes it before it builds"));
    let mut build = cc::Build::new();
    let (name, flags) = width();
    flags.iter().for_each(|flag| {
        build.flag(flag);
    });
    build.opt_level(3).file("src/xxhash.c").compile("treenail_compare_xxhash");
    println!("cargo:rustc-env=VERSION_C_XXHASH={} {name}", header_version());
}

#[cfg(target_arch = "x86_64")]
fn width() -> (&'static str, &'static [&'static str]) {
    if is_x86_feature_detected!("avx512f") {
        ("AVX-512", &["-mavx512f", "-mavx512vl", "-mbmi2"])
    } else if is_x86_feature_detected!("avx2") {
        ("AVX2", &["-mavx2", "-mbmi2"])
    } else {
        ("SSE2", &[])
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn width() -> (&'static str, &'static [&'static str]) {
    (if cfg!(target_arch = "aarch64") { "NEON" } else { "scalar" }, &[])
}

/// One variable for each locked package; of several versions the newest is ours.
fn versions(lock: &str) {
    let mut name = None;
    for line in lock.lines() {
        if let Some(value) = line.strip_prefix("name = ") {
            name = Some(value.trim_matches('"').replace('-', "_").to_uppercase());
        } else if let (Some(name), Some(value)) = (&name, line.strip_prefix("version = ")) {
            println!("cargo:rustc-env=VERSION_{name}={}", value.trim_matches('"'));
        }
    }
}

fn header_version() -> String {
    let include = env::var("XXHASH_INCLUDE").unwrap_or_else(|_| "/usr/include".to_owned());
    let header = fs::read_to_string(Path::new(&include).join("xxhash.h"))
        .expect("xxhash.h (Debian: libxxhash-dev)");
    let part = |what: &str| {
        let line = header.lines().find(|line| line.contains(&format!("XXH_VERSION_{what} ")));
        line.and_then(|line| line.split_whitespace().last()).unwrap_or("?").to_owned()
    };
    format!("{}.{}.{}", part("MAJOR"), part("MINOR"), part("RELEASE"))
}
