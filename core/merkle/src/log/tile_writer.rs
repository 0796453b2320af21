//! Appending tile by tile.

use core::fmt;

use treenail_hash::Hash;

use super::shape::{TreeSize, cover};
use super::tile::{TILE_HEIGHT, TILE_LEVELS_MAX, TILE_WIDTH, Tile};
use crate::hashing::{Batch, empty_digest, node_digest};

/// How many digests a [`TileWriter`] needs memory for, when the log has at most `size` leaves.
#[must_use]
pub const fn open_digests_for(size: TreeSize) -> usize {
    let bits = u64::BITS - size.0.leading_zeros();
    bits.div_ceil(TILE_HEIGHT) as usize * TILE_WIDTH
}

/// Appends leaves to a log that is kept in tiles: holds the tiles at the right edge, one a level,
/// and hands over each that is full. The 255 nodes of a tile are hashed side by side.
///
/// Memory for a tile a level, 24 KiB with SHA-256, takes a log to 16,777,215 leaves; 64 KiB to any
/// size. What it holds is what the log's store has to keep besides the full tiles: the tiles that
/// [`open_tiles`](Self::open_tiles) shows.
pub struct TileWriter<'m, H: Hash> {
    open: &'m mut [[H::Digest; TILE_WIDTH]],
    size: u64,
}

impl<'m, H: Hash> TileWriter<'m, H> {
    /// An empty log, with as many levels of tiles as `memory` has room for, 256 digests each; see
    /// [`open_digests_for`].
    #[must_use]
    pub fn new(memory: &'m mut [H::Digest]) -> Self {
        let tiles = memory.as_chunks_mut().0;
        let levels = tiles.len().min(TILE_LEVELS_MAX);
        Self { open: &mut tiles[..levels], size: 0 }
    }

    /// Goes on with a log of `size` leaves: `memory` holds its [open
    /// tiles](Self::open_tiles), that of level `l` from digest `256 * l` on. That they belong to
    /// such a log is not checked: compare the [root](Self::root) with one that is known.
    ///
    /// # Errors
    /// [`TilesFull`] when `memory` is too short for a log of that size.
    pub fn resume(memory: &'m mut [H::Digest], size: TreeSize) -> Result<Self, TilesFull> {
        let mut log = Self::new(memory);
        log.check(size.0)?;
        log.size = size.0;
        Ok(log)
    }

    /// How many leaves there are.
    #[must_use]
    pub fn size(&self) -> TreeSize {
        TreeSize(self.size)
    }

    /// Appends leaves, given their [digests](crate::leaf_digests), and hands over each tile that
    /// is full now, a level's in ascending order.
    ///
    /// # Errors
    /// [`TilesFull`] when there is no memory for another level of tiles; then nothing is appended.
    pub fn append(
        &mut self,
        leaves: &[H::Digest],
        mut full: impl FnMut(Tile, &[H::Digest]),
    ) -> Result<(), TilesFull> {
        self.check(self.size.checked_add(leaves.len() as u64).ok_or(TilesFull)?)?;
        let mut batch = Batch::new();
        let mut rest = leaves;
        while !rest.is_empty() {
            let at = self.size as usize % TILE_WIDTH;
            let now;
            (now, rest) = rest.split_at(rest.len().min(TILE_WIDTH - at));
            self.open[0][at..at + now.len()].copy_from_slice(now);
            self.size += now.len() as u64;
            if at + now.len() == TILE_WIDTH {
                self.close_tiles(&mut batch, &mut full);
            }
        }
        Ok(())
    }

    /// The log's root.
    #[must_use]
    pub fn root(&self) -> H::Digest {
        let mut batch = Batch::new();
        let mut root = None;
        for (tile, digests) in self.open_tiles() {
            // Perfect nodes within the tile, counted from its beginning.
            for id in cover(0, u64::from(tile.width)) {
                let mut scratch = [H::Digest::default(); TILE_WIDTH / 2];
                let below = &digests[(id.index << id.level) as usize..][..1 << id.level];
                scratch[..below.len()].copy_from_slice(below);
                let left = batch.root::<H>(&mut scratch[..below.len()]);
                root = Some(root.map_or(left, |right| node_digest::<H>(&left, &right)));
            }
        }
        root.unwrap_or_else(empty_digest::<H>)
    }

    /// The tiles at the right edge that are not full, with their digests, from the lowest level
    /// upwards.
    pub fn open_tiles(&self) -> impl Iterator<Item = (Tile, &[H::Digest])> {
        let size = self.size;
        self.open.iter().enumerate().filter_map(move |(level, digests)| {
            let nodes = size >> (TILE_HEIGHT as usize * level);
            let width = (nodes % TILE_WIDTH as u64) as u16;
            let tile = Tile { level: level as u8, index: nodes >> TILE_HEIGHT, width };
            (width > 0).then(|| (tile, &digests[..usize::from(width)]))
        })
    }

    /// Hands over the tile of the lowest level and those above that it fills in turn.
    fn close_tiles(
        &mut self,
        batch: &mut Batch<H::Digest>,
        full: &mut impl FnMut(Tile, &[H::Digest]),
    ) {
        let mut nodes = self.size;
        for level in 0..self.open.len() {
            nodes >>= TILE_HEIGHT;
            let tile = Tile { level: level as u8, index: nodes - 1, width: TILE_WIDTH as u16 };
            full(tile, &self.open[level]);
            let digest = batch.root::<H>(&mut self.open[level]);
            let at = (nodes - 1) as usize % TILE_WIDTH;
            self.open[level + 1][at] = digest;
            if at + 1 < TILE_WIDTH {
                return;
            }
        }
    }

    fn check(&self, size: u64) -> Result<(), TilesFull> {
        let levels = open_digests_for(TreeSize(size)) / TILE_WIDTH;
        if levels <= self.open.len() { Ok(()) } else { Err(TilesFull) }
    }
}

impl<H: Hash> fmt::Debug for TileWriter<'_, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TileWriter")
            .field("size", &self.size)
            .field("levels", &self.open.len())
            .finish_non_exhaustive()
    }
}

/// The memory of a [`TileWriter`] has no room for the level of tiles that the leaves call for, or
/// there would be more than 2<sup>64</sup> - 1 of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TilesFull;

impl fmt::Display for TilesFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the log needs another level of tiles; go on in memory of 256 more digests with \
             `TileWriter::resume`",
        )
    }
}

impl core::error::Error for TilesFull {}
