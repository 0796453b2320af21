//! Globs: compiling never panics, and a walk finds what the whole path says.
#![no_main]

use libfuzzer_sys::fuzz_target;
use treenail_pattern::glob::{Glob, Options};

fuzz_target!(|data: &[u8]| {
    // Flags, then the path up to a 0xFE, then the pattern.
    let Some((&flags, rest)) = data.split_first() else { return };
    let Some(end) = rest.iter().position(|&b| b == 0xFE) else { return };
    let (path, pattern) = (&rest[..end], &rest[end + 1..]);
    let options = Options {
        case_insensitive: flags & 1 != 0,
        literal_separator: flags & 2 == 0,
        braces: flags & 4 == 0,
    };
    let Ok(glob) = Glob::compile(pattern, options) else { return };
    let (dir, name) = match path.iter().rposition(|&b| b == b'/') {
        Some(slash) => (Some(&path[..slash]), &path[slash + 1..]),
        None => (None, path),
    };
    let state = dir
        .into_iter()
        .flat_map(|dir| dir.split(|&b| b == b'/'))
        .try_fold(glob.start(), |state, component| state.descend(component));
    assert_eq!(glob.is_match(path), state.is_some_and(|state| state.matches(name)));
});
