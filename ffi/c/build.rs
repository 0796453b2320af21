//! Names the shared library for the dynamic linker, so that programs bind to one version of the
//! interface: while the major version is 0, each minor one is a version of its own.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let variable = |name: &str| std::env::var(name).expect("cargo sets it");
    let (major, minor) = (variable("CARGO_PKG_VERSION_MAJOR"), variable("CARGO_PKG_VERSION_MINOR"));
    let version = if major == "0" { format!("0.{minor}") } else { major };
    let system = variable("CARGO_CFG_TARGET_OS");
    if matches!(system.as_str(), "linux" | "android" | "freebsd" | "netbsd" | "openbsd") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libtreenail.so.{version}");
    }
}
