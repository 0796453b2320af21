//! The log against the RFCs' definitions, spelled out recursively, and against their vectors.

mod codec;
mod golden;
mod naive;
mod proofs;
mod tiles;
mod vectors;
