//! Passes the rivals' versions on.

use std::fs;

fn main() {
    println!("cargo:rerun-if-changed=../Cargo.lock");
    let lock = fs::read_to_string("../Cargo.lock").expect("cargo writes it before it builds");
    let mut name = None;
    for line in lock.lines() {
        if let Some(value) = line.strip_prefix("name = ") {
            name = Some(value.trim_matches('"').replace('-', "_").to_uppercase());
        } else if let (Some(name), Some(value)) = (&name, line.strip_prefix("version = ")) {
            println!("cargo:rustc-env=VERSION_{name}={}", value.trim_matches('"'));
        }
    }
}
