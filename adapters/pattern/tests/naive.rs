//! The compiled verdict against a plain scan of the rules, on random rules and paths.

#[path = "support/naive.rs"]
mod naive;

use std::sync::Arc;

use proptest::prelude::*;
use treenail_pattern::gitignore::{Case, Rules, Stack};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn the_compiled_verdict_is_that_of_a_plain_scan(
        file in r"(([ab.*?A!/\\]|\*\*|/\*\*/|\[a-b\]|\[!a\]|\*\.b|ab){1,8}\n){1,8}",
        path in "[abA.]{1,3}(/[abA.]{1,3}){0,4}",
        is_dir: bool,
        ignore_case: bool,
    ) {
        let case = if ignore_case { Case::Ignored } else { Case::Sensitive };
        let rules = Arc::new(Rules::parse_with(file.as_bytes(), case, ""));
        let stack = Stack::new().push(rules.clone(), b"");
        let (dir, name) = path.rsplit_once('/').unwrap_or(("", &path));
        prop_assert_eq!(
            stack.dir(dir.as_bytes()).explain(name.as_bytes(), is_dir),
            naive::explain(&rules, path.as_bytes(), is_dir)
        );
    }
}
