//! Globs whose wildcards stay within a component, as path patterns.

use super::parse::Expansion;
use crate::name::NameMatcher;
use crate::paths::{Component, PathPattern};
use crate::table::Owner;
use crate::token::Token;

/// Cuts a pattern at its slashes.
pub(super) fn path_pattern(expansion: &Expansion, owner: Owner) -> PathPattern {
    let mut dirs = Vec::new();
    let mut name = NameMatcher::All;
    let parts: Vec<_> = expansion.split(|token| *token == Token::Byte(b'/')).collect();
    for (i, part) in parts.iter().enumerate() {
        let is_last = i + 1 == parts.len();
        let any_depth = part.len() == 2 && part.iter().all(|token| *token == Token::Star);
        match (any_depth, is_last) {
            // At the end `**` is one component or more, so the name may be any.
            (true, _) => dirs.push(Component::AnyDepth),
            (false, true) => name = NameMatcher::new(part.to_vec()),
            (false, false) => dirs.push(Component::Name(NameMatcher::new(part.to_vec()))),
        }
    }
    PathPattern { dirs, name, owner }
}
