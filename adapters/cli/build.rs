//! How the binary is linked.

use std::env::var;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if is_linked_at_its_place() {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}

/// Whether the binary stands where it was linked to stand. One that may stand anywhere has eighteen
/// thousand addresses set right each time it starts, on ninety pages that are copied for that,
/// which takes longer than all else before the first result. Programs that serve a network, or have
/// a parser in C in them, keep the protection that comes with an unknown place.
fn is_linked_at_its_place() -> bool {
    let target = |key: &str| var(format!("CARGO_CFG_TARGET_{key}")).unwrap_or_default();
    let has = |feature: &str| var(format!("CARGO_FEATURE_{feature}")).is_ok();
    let is_static = target("FEATURE").split(',').any(|feature| feature == "crt-static");
    target("OS") == "linux"
        && target("ENV") == "gnu"
        && !is_static
        && !has("REMOTE")
        && !has("PCRE2")
}
