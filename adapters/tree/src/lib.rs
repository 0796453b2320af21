//! A Merkle index of a directory: scan, content ids, digests, snapshots, diff with renames.
