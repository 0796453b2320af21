//! The array against a vector of leaves whose root is computed recursively.

mod diff;
mod naive;
mod tree;
