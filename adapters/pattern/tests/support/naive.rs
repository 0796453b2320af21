//! Ignore rules decided the plain way, as an oracle: every rule of a file from the last to the
//! first, each by `wildmatch` alone.

use treenail_pattern::gitignore::{Case, Rule, Rules, WildmatchOptions, wildmatch};

/// The rule of `rules` that decides on `path`, relative to where the rules hold.
pub(crate) fn explain<'r>(rules: &'r Rules, path: &[u8], is_dir: bool) -> Option<Rule<'r>> {
    let fold = rules.case() == Case::Ignored;
    let mut found = None;
    for rule in rules.iter() {
        if matches(&rule, path, is_dir, fold) {
            found = Some(rule);
        }
    }
    found
}

fn matches(rule: &Rule<'_>, path: &[u8], is_dir: bool, fold: bool) -> bool {
    let pattern = &rule.pattern[usize::from(rule.negated)..];
    let (pattern, dirs_only) = match pattern.strip_suffix(b"/") {
        Some(stripped) => (stripped, true),
        None => (pattern, false),
    };
    if dirs_only && !is_dir || pattern.is_empty() {
        return false;
    }
    if !pattern.contains(&b'/') {
        let name = path.rsplit(|&b| b == b'/').next().unwrap_or(path);
        return wildmatch(pattern, name, WildmatchOptions { pathname: false, fold_case: fold });
    }
    let pattern = pattern.strip_prefix(b"/").unwrap_or(pattern);
    // Git compares what stands before the first wildcard on its own.
    let special = |b: &u8| matches!(b, b'*' | b'?' | b'[' | b'\\');
    let literal = pattern.iter().position(special).unwrap_or(pattern.len());
    let Some((head, tail)) = path.split_at_checked(literal) else { return false };
    let same = if fold {
        head.eq_ignore_ascii_case(&pattern[..literal])
    } else {
        head == &pattern[..literal]
    };
    let options = WildmatchOptions { pathname: true, fold_case: fold };
    same && wildmatch(&pattern[literal..], tail, options)
}
