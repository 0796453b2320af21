//! One live tree under a directory: its digest, its differences, its files.

fn main() {}
