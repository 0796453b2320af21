//! The locked versions of what takes part.

const LOCK: &str = include_str!("../../Cargo.lock");

/// The newest locked version of a package.
pub(crate) fn version(package: &str) -> &'static str {
    let mut newest = "unknown";
    let mut lines = LOCK.lines();
    while let Some(line) = lines.next() {
        let name = line.strip_prefix("name = ").map(|name| name.trim_matches('"'));
        if let (true, Some(line)) = (name == Some(package), lines.next()) {
            newest = line.strip_prefix("version = ").unwrap_or(line).trim_matches('"');
        }
    }
    newest
}
