//! Nodes out of tiles.

use core::fmt;

use treenail_hash::Hash;

use super::shape::{NodeId, TreeSize};
use super::tile::{TILE_WIDTH, Tile};

/// Finds the nodes of a tree in its tiles, keeping the one that was read last: the nodes of a proof
/// come from one to three tiles at each level.
///
/// ```
/// use treenail_hash::{Hash, Sha256};
/// use treenail_merkle::log::{
///     InclusionProof, LeafIndex, PROOF_DIGESTS_MAX, Tile, TileNodes, TileWriter, TreeSize,
///     inclusion_proof,
/// };
///
/// // A log of 1,000 leaves, its tiles in a map as a server has them in files.
/// let mut files = std::collections::HashMap::<Tile, Vec<[u8; 32]>>::new();
/// let mut open = [[0; 32]; 512];
/// let mut log = TileWriter::<Sha256>::new(&mut open);
/// let leaves: Vec<_> = (0..1000_u32).map(|i| Sha256::hash(&i.to_le_bytes())).collect();
/// log.append(&leaves, |tile, digests| drop(files.insert(tile, digests.to_vec())))?;
/// files.extend(log.open_tiles().map(|(tile, digests)| (tile, digests.to_vec())));
///
/// let mut buffer = [[0; 32]; 256];
/// let mut tiles = TileNodes::<Sha256, _>::new(log.size(), &mut buffer, |tile, digests| {
///     digests.copy_from_slice(files.get(&tile).ok_or("no such tile")?);
///     Ok::<(), &str>(())
/// });
/// let (index, size) = (LeafIndex(300), log.size());
/// let mut path = [[0; 32]; PROOF_DIGESTS_MAX];
/// let path = inclusion_proof::<Sha256, _>(index, size, |id| tiles.node(id), &mut path)
///     .expect("all tiles are there");
/// InclusionProof { index, size, path }.verify::<Sha256>(&leaves[300], &log.root())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TileNodes<'b, H: Hash, F> {
    size: TreeSize,
    buffer: &'b mut [H::Digest; TILE_WIDTH],
    /// What the buffer holds.
    held: Option<Tile>,
    read: F,
}

impl<'b, H: Hash, E, F> TileNodes<'b, H, F>
where
    F: FnMut(Tile, &mut [H::Digest]) -> Result<(), E>,
{
    /// The nodes of a tree of `size` leaves. `read` fills a slice with the digests of a tile, as
    /// many as the tile is wide; where the store has a wider tile at that place by now, its first
    /// digests serve.
    pub fn new(size: TreeSize, buffer: &'b mut [H::Digest; TILE_WIDTH], read: F) -> Self {
        Self { size, buffer, held: None, read }
    }

    /// The digest of a node; hashes at most 127 nodes of a tile.
    ///
    /// # Errors
    /// [`TileError::Beyond`] when the node is not within the tree, [`TileError::Read`] when its
    /// tile could not be read.
    pub fn node(&mut self, id: NodeId) -> Result<H::Digest, TileError<E>> {
        let beyond = TileError::Beyond { id, size: self.size };
        let Some(tile) = Tile::containing(id, self.size) else { return Err(beyond) };
        let digests = &mut self.buffer[..usize::from(tile.width)];
        if self.held != Some(tile) {
            self.held = None;
            (self.read)(tile, digests).map_err(TileError::Read)?;
            self.held = Some(tile);
        }
        tile.node::<H>(digests, id).ok_or(beyond)
    }
}

impl<H: Hash, F> fmt::Debug for TileNodes<'_, H, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TileNodes")
            .field("size", &self.size)
            .field("held", &self.held)
            .finish_non_exhaustive()
    }
}

/// Why a node could not be found in tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TileError<E> {
    /// The node has leaves that the tree has not.
    Beyond {
        /// The node.
        id: NodeId,
        /// The tree's size.
        size: TreeSize,
    },
    /// The tile could not be read.
    Read(E),
}

impl<E: fmt::Display> fmt::Display for TileError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Beyond { id, size } => write!(
                f,
                "node {} of level {} is not within a tree of {} leaves",
                id.index, id.level, size.0
            ),
            Self::Read(error) => error.fmt(f),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for TileError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Beyond { .. } => None,
            Self::Read(error) => error.source(),
        }
    }
}
