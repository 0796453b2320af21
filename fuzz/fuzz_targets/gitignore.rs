//! Ignore rules: parsing and verdicts never panic, and the compiled verdict is the one that a
//! plain scan of the rules gives.
#![no_main]

#[path = "../../adapters/pattern/tests/support/naive.rs"]
mod naive;

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use treenail_pattern::gitignore::{Case, Rules, Stack};

fuzz_target!(|data: &[u8]| {
    // Flags, then the path up to a 0xFE, then the rule file.
    let Some((&flags, rest)) = data.split_first() else { return };
    let Some(end) = rest.iter().position(|&b| b == 0xFE) else { return };
    let (path, file) = (&rest[..end], &rest[end + 1..]);
    let is_path = !path.contains(&0) && path.split(|&b| b == b'/').all(|name| !name.is_empty());
    let case = if flags & 1 == 0 { Case::Sensitive } else { Case::Ignored };
    let is_dir = flags & 2 != 0;
    let rules = Arc::new(Rules::parse_with(file, case, ""));
    let stack = Stack::new().push(rules.clone(), b"");
    let _ = stack.verdict_path(path, is_dir);
    if !is_path {
        return;
    }
    let (dir, name) = match path.iter().rposition(|&b| b == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (&path[..0], path),
    };
    assert_eq!(stack.dir(dir).explain(name, is_dir), naive::explain(&rules, path, is_dir));
});
