//! The project's own commands: test, tidy, compare, corpus.

fn main() {}
