//! The append-only log of RFC 6962 and RFC 9162: compact range, tiles, inclusion and consistency
//! proofs.
//!
//! # Definition
//! Let `H` be a [`Hash`](treenail_hash::Hash) algorithm; the RFCs' logs have SHA-256. The root of
//! `n` leaves is, after RFC 9162, section 2.1.1:
//!
//! - `H()` for no leaves;
//! - `H(0x00 || leaf)` for one;
//! - `H(0x01 || root of the first k leaves || root of the others)` for more, `k` being the largest
//!   power of two below `n`.
//!
//! A subtree over `2^level` leaves that begins at a multiple of that many is *perfect*: it has the
//! same digest in every larger tree. [`NodeId`] names it. A log stores perfect nodes, or only every
//! eighth level of them, in tiles; all else follows from them.
//!
//! # What is here
//! - [`CompactRange`] appends leaves and knows the root, in the memory of 64 digests.
//! - [`TileWriter`] appends leaves and yields full [`Tile`]s, 256 digests each, as the logs of
//!   C2SP's tlog-tiles serve them; [`TileNodes`] finds nodes in tiles.
//! - [`inclusion_proof`] and [`consistency_proof`] write proofs into the caller's memory, from
//!   tiles or from any other store of nodes.
//! - [`InclusionProof`] and [`ConsistencyProof`] verify proofs, and turn them into bytes and back.
//!   Proof, index and sizes may come from anyone: a proof costs at most 128 hashes to refuse.
//!
//! `docs/format/merkle-log.md` has the bytes of tiles and proofs.
//!
//! ```
//! use treenail_hash::{Hash, Sha256};
//! use treenail_merkle::leaf_digest;
//! use treenail_merkle::log::{
//!     CompactRange, InclusionProof, LeafIndex, NodeId, PROOF_DIGESTS_MAX, inclusion_proof,
//! };
//!
//! // The log keeps what `push_visiting` shows it: here, in a map.
//! let mut nodes = std::collections::HashMap::<NodeId, [u8; 32]>::new();
//! let mut log = CompactRange::<Sha256>::new();
//! for leaf in [&b"a"[..], b"b", b"c", b"d", b"e"] {
//!     log.push_visiting(leaf_digest::<Sha256>(leaf), |id, digest| {
//!         nodes.insert(id, *digest);
//!     })?;
//! }
//!
//! let (index, size) = (LeafIndex(2), log.size());
//! let mut path = [[0; 32]; PROOF_DIGESTS_MAX];
//! let node = |id| nodes.get(&id).copied().ok_or(id);
//! let path = inclusion_proof::<Sha256, _>(index, size, node, &mut path).expect("all are there");
//!
//! // Whoever knows the root can tell that `c` is in the log.
//! let proof = InclusionProof { index, size, path };
//! proof.verify::<Sha256>(&leaf_digest::<Sha256>(b"c"), &log.root())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod codec;
mod prove;
mod range;
mod shape;
mod tile;
mod tile_nodes;
mod tile_writer;
mod verify;

pub use self::codec::{DecodeError, Short};
pub use self::prove::{ProveError, consistency_proof, inclusion_proof};
pub use self::range::{CompactRange, RangeError};
pub use self::shape::{LeafIndex, NodeId, PROOF_DIGESTS_MAX, TreeSize};
pub use self::tile::{TILE_LEVELS_MAX, TILE_WIDTH, Tile, TilePath, TilePathError};
pub use self::tile_nodes::{TileError, TileNodes};
pub use self::tile_writer::{TileWriter, TilesFull, open_digests_for};
pub use self::verify::{ConsistencyProof, InclusionProof, VerifyError};
