//! Globs and ignore rules, compiled once per directory stack, with git's verdicts.
