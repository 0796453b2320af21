//! Tiles: the log's digests in pieces that never change once they are full.

use core::fmt;

use treenail_hash::{Digest, Hash};

use super::codec::{self, DecodeError, Short};
use super::shape::{NodeId, TreeSize};
use crate::hashing::Batch;

/// The digests of a full tile.
pub const TILE_WIDTH: usize = 256;

/// The levels that one tile spans.
pub(super) const TILE_HEIGHT: u32 = TILE_WIDTH.ilog2();

/// The most levels of tiles that a log has.
pub const TILE_LEVELS_MAX: usize = (u64::BITS / TILE_HEIGHT) as usize;

/// The place and the width of a tile.
///
/// Tile `index` of level `level` holds the digests of the nodes at level `8 * level` of the tree,
/// from `256 * index` on, `width` of them: 256 when it is full, fewer at the right edge of the
/// tree. The seven levels of nodes above follow from them, and those above these are in the tiles
/// of the next level.
///
/// ```
/// use treenail_merkle::log::{NodeId, Tile, TreeSize};
///
/// let size = TreeSize(70_000);
/// let tile = Tile::containing(NodeId { level: 3, index: 8_700 }, size).expect("in the tree");
/// assert_eq!((tile.level, tile.index, tile.width), (0, 271, 256));
/// assert_eq!(tile.path().to_string(), "tile/0/271");
///
/// // The right edge: 70,000 = 273 * 256 + 112.
/// let tile = Tile::at(0, 273, size).expect("in the tree");
/// assert_eq!(tile.path().to_string(), "tile/0/273.p/112");
/// assert_eq!("tile/0/273.p/112".parse(), Ok(tile));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    /// The level among the levels of tiles: at most 7.
    pub level: u8,
    /// The number among the tiles of the level.
    pub index: u64,
    /// How many digests it holds: 1 to 256.
    pub width: u16,
}

impl Tile {
    /// The tile at that place in a tree of `size` leaves, or nothing if it would be empty.
    #[must_use]
    pub fn at(level: u8, index: u64, size: TreeSize) -> Option<Self> {
        if usize::from(level) >= TILE_LEVELS_MAX {
            return None;
        }
        let digests = size.0 >> (TILE_HEIGHT * u32::from(level));
        let before = index.checked_mul(TILE_WIDTH as u64)?;
        let width = digests.checked_sub(before)?.min(TILE_WIDTH as u64) as u16;
        (width > 0).then_some(Self { level, index, width })
    }

    /// The tile from which the node follows, as it is in a tree of `size` leaves; nothing if the
    /// node is not within the tree.
    #[must_use]
    pub fn containing(node: NodeId, size: TreeSize) -> Option<Self> {
        if !node.is_within(size) {
            return None;
        }
        let (level, above) = split_level(node);
        Self::at(level, node.index >> (TILE_HEIGHT - above), size)
    }

    /// The tiles that are new or wider in a tree of `new` leaves than in one of `old` leaves, from
    /// the lowest level upwards: those to be stored after appending.
    pub fn changed(old: TreeSize, new: TreeSize) -> impl Iterator<Item = Self> {
        (0..TILE_LEVELS_MAX as u8).flat_map(move |level| {
            let [before, after] = [old, new].map(|size| size.0 >> (TILE_HEIGHT * u32::from(level)));
            let first = before >> TILE_HEIGHT;
            let end = if before < after { after.div_ceil(TILE_WIDTH as u64) } else { first };
            (first..end).filter_map(move |index| Self::at(level, index, new))
        })
    }

    /// Whether no digest can be added.
    #[must_use]
    pub fn is_full(self) -> bool {
        usize::from(self.width) == TILE_WIDTH
    }

    /// The node whose digest comes first.
    #[must_use]
    pub fn first(self) -> NodeId {
        NodeId {
            level: self.level.saturating_mul(TILE_HEIGHT as u8),
            index: self.index.saturating_mul(TILE_WIDTH as u64),
        }
    }

    /// The digest of a node, from the tile's digests; nothing if the node does not follow from
    /// them.
    #[must_use]
    pub fn node<H: Hash>(self, digests: &[H::Digest], node: NodeId) -> Option<H::Digest> {
        let (level, above) = split_level(node);
        if level != self.level || node.index >> (TILE_HEIGHT - above) != self.index {
            return None;
        }
        let first = (node.index << above) as usize % TILE_WIDTH;
        let digests = digests.get(first..first + (1 << above))?;
        if let [digest] = digests {
            return Some(*digest);
        }
        let mut scratch = [H::Digest::default(); TILE_WIDTH / 2];
        scratch[..digests.len()].copy_from_slice(digests);
        Some(Batch::new().root::<H>(&mut scratch[..digests.len()]))
    }

    /// How many bytes the tile has as a file.
    #[must_use]
    pub fn encoded_bytes<D: Digest>(self) -> usize {
        usize::from(self.width) * D::SIZE_BYTES
    }

    /// Writes the tile's digests to the beginning of `bytes` and returns how many it took.
    ///
    /// # Errors
    /// [`Short`] when there is no room for them.
    pub fn encode<D: Digest>(digests: &[D], bytes: &mut [u8]) -> Result<usize, Short> {
        codec::encode_digests(digests, bytes)
    }

    /// Reads the tile, which is all of `bytes`, to the beginning of `digests`, and returns that
    /// part. Nothing is known of the digests then: what is made of them has to be verified.
    ///
    /// # Errors
    /// [`DecodeError::Length`] or [`DecodeError::Short`].
    pub fn decode<'d, D: Digest>(
        self,
        bytes: &[u8],
        digests: &'d mut [D],
    ) -> Result<&'d [D], DecodeError> {
        let (needed, given) = (usize::from(self.width), digests.len());
        let digests =
            digests.get_mut(..needed).ok_or(DecodeError::Short(Short { needed, given }))?;
        codec::decode_digests(bytes, digests)?;
        Ok(digests)
    }

    /// The tile's name below the log's address, as C2SP's tlog-tiles spells it.
    #[must_use]
    pub fn path(self) -> TilePath {
        TilePath(self)
    }
}

/// The level of tiles to which a node belongs, and how far above their digests it is.
fn split_level(node: NodeId) -> (u8, u32) {
    let height = TILE_HEIGHT as u8;
    (node.level / height, u32::from(node.level % height))
}

/// Prints a tile's name: `tile/`, the level, `/`, and the index in groups of three digits, all but
/// the last with an `x` before them and a `/` behind; of a tile that is not full then `.p/` and its
/// width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TilePath(Tile);

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tile { level, index, width } = self.0;
        write!(f, "tile/{level}/")?;
        let mut group = 1;
        while index / group >= 1000 {
            group *= 1000;
        }
        while group > 1 {
            write!(f, "x{:03}/", index / group % 1000)?;
            group /= 1000;
        }
        write!(f, "{:03}", index % 1000)?;
        if self.0.is_full() { Ok(()) } else { write!(f, ".p/{width}") }
    }
}

impl core::str::FromStr for Tile {
    type Err = TilePathError;

    /// Reads a tile's name as [`TilePath`] prints it: each tile has one.
    fn from_str(path: &str) -> Result<Self, TilePathError> {
        parse(path).ok_or(TilePathError)
    }
}

fn parse(path: &str) -> Option<Tile> {
    let (level, rest) = path.strip_prefix("tile/")?.split_once('/')?;
    let level = number(level).filter(|level| *level < TILE_LEVELS_MAX as u64)? as u8;
    let (index, width) = match rest.split_once(".p/") {
        None => (rest, TILE_WIDTH as u64),
        Some((index, width)) => {
            (index, number(width).filter(|width| (1..TILE_WIDTH as u64).contains(width))?)
        }
    };
    let (groups, last) = match index.rsplit_once('/') {
        None => (None, index),
        Some((groups, last)) => (Some(groups), last),
    };
    let mut value = 0_u64;
    for group in groups.iter().flat_map(|groups| groups.split('/')) {
        let group = three_digits(group.strip_prefix('x')?)?;
        // A group of zeros ahead would give the tile another name.
        if value == 0 && group == 0 {
            return None;
        }
        value = value.checked_mul(1000)?.checked_add(group)?;
    }
    let index = value.checked_mul(1000)?.checked_add(three_digits(last)?)?;
    // There has to be a tree that has it.
    let tile = Tile::at(level, index, TreeSize(u64::MAX))?;
    (width <= u64::from(tile.width)).then_some(Tile { width: width as u16, ..tile })
}

fn three_digits(group: &str) -> Option<u64> {
    let digits = group.len() == 3 && group.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| group.parse().ok())?
}

/// A decimal number without sign or leading zeros.
fn number(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    (plain && (text == "0" || !text.starts_with('0'))).then(|| text.parse().ok())?
}

/// A text that is no tile's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TilePathError;

impl fmt::Display for TilePathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the name of a tile; such are `tile/0/x001/x234/067` and `tile/1/003.p/9`")
    }
}

impl core::error::Error for TilePathError {}
