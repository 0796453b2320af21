//! Passes the rivals' versions on, and for each also by its major version.

use std::fs;

fn main() {
    println!("cargo:rerun-if-changed=../Cargo.lock");
    let lock = fs::read_to_string("../Cargo.lock").expect("cargo writes it before it builds");
    let mut name = None;
    for line in lock.lines() {
        if let Some(value) = line.strip_prefix("name = ") {
            name = Some(value.trim_matches('"').replace('-', "_").to_uppercase());
        } else if let (Some(name), Some(value)) = (&name, line.strip_prefix("version = ")) {
            let version = value.trim_matches('"');
            let major = version.split('.').next().unwrap_or_default();
            println!("cargo:rustc-env=VERSION_{name}={version}");
            println!("cargo:rustc-env=VERSION_{name}_{major}={version}");
        }
    }
}
