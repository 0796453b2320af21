//! Measures Treenail beside its rivals in one interleaved run.

fn main() {}
