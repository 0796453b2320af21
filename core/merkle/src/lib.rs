//! Merkle structures over memory that the caller owns: a history-independent set with range diff; no_std, no alloc.
