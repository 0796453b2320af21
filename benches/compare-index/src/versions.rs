//! The locked versions of what takes part.

const LOCK: &str = include_str!("../../Cargo.lock");

/// The newest locked version of a package.
pub(crate) fn version(package: &str) -> &'static str {
    let mut newest = "unknown";
    let mut is_it = false;
    for line in LOCK.lines() {
        if let Some(name) = line.strip_prefix("name = ") {
            is_it = name.trim_matches('"') == package;
        } else if let (true, Some(version)) = (is_it, line.strip_prefix("version = ")) {
            newest = version.trim_matches('"');
        }
    }
    newest
}
