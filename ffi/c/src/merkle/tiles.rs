//! The log that is kept in tiles, and proofs from these.

use std::ffi::c_void;

use treenail_hash::{Blake3, Hash, Sha256, Xxh128};
use treenail_merkle::log::{
    LeafIndex, PROOF_DIGESTS_MAX, ProveError, TILE_WIDTH, Tile as CoreTile, TileError, TileNodes,
    TileWriter, TreeSize, consistency_proof, inclusion_proof, open_digests_for,
};

use super::proof::prove_status;
use super::{by_algorithm, digests_at, with};
use crate::boundary::{boundary, boundary_or};
use crate::hash::{Algorithm, put};
use crate::memory::{Slice, bytes_out, filled, free, give, out, shared, slice_out, unique};
use crate::status::Status;

/// The digests of a full tile.
pub const TN_TILE_WIDTH: usize = 256;
const _: () = assert!(TN_TILE_WIDTH == TILE_WIDTH);

/// Appends leaves to a log that is kept in tiles.
pub struct Tiles(Of);

enum Of {
    Xxh128(TileWriter<'static, Xxh128>),
    Blake3(TileWriter<'static, Blake3>),
    Sha256(TileWriter<'static, Sha256>),
}

/// The place and the width of a tile: it holds the digests of `width` perfect subtrees over
/// `256^level` leaves each, from number `256 * index` on.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Tile {
    /// The number among the tiles of the level.
    pub index: u64,
    /// How many digests it holds: 1 to 256.
    pub width: u16,
    /// The level among the levels of tiles: at most 7.
    pub level: u8,
}

/// Called with a tile and its digests, one behind the other.
pub type TileMade = Option<unsafe extern "C" fn(context: *mut c_void, tile: Tile, digests: Slice)>;

/// Called for the digests of a tile; writes them to `digests`, `tile.width` one behind the other,
/// and returns true, or returns false if it cannot.
pub type TileRead =
    Option<unsafe extern "C" fn(context: *mut c_void, tile: Tile, digests: *mut u8) -> bool>;

/// How many bytes of memory a log in tiles takes, when it has at most `size` leaves; 0 for an
/// algorithm that is none of Merkle structures.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn tn_tiles_memory_bytes(algorithm: u32, size: u64) -> usize {
    let digests = open_digests_for(TreeSize(size));
    let bytes = || by_algorithm!(algorithm, H => Ok(digests * size_of::<<H as Hash>::Digest>()));
    bytes().unwrap_or(0)
}

/// Begins a log in `memory`: empty if `size` is 0, otherwise where another one ended, whose open
/// tiles the memory then holds, that of level `l` from digest `256 * l` on. That they belong to
/// such a log is not checked. `TN_ERROR_SHORT` when the memory is too short for that size.
///
/// Threads: any. Ownership: the handle is the caller's, to be freed with `tn_tiles_free`; the
/// memory stays the caller's too, and nobody else may touch it until the handle is freed.
///
/// # Safety
/// `memory` points to as many bytes as is said (set to some value, if `size` is not 0), `tiles` to
/// a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_tiles_new(
    algorithm: u32,
    memory: *mut u8,
    memory_bytes: usize,
    size: u64,
    tiles: *mut *mut Tiles,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let tiles = unsafe { out(tiles) }?;
        // SAFETY: the caller's promise.
        let of = unsafe {
            match Algorithm::new(algorithm)? {
                Algorithm::TnXxh3_128 => Of::Xxh128(begin(memory, memory_bytes, size)?),
                Algorithm::TnBlake3 => Of::Blake3(begin(memory, memory_bytes, size)?),
                Algorithm::TnSha256 => Of::Sha256(begin(memory, memory_bytes, size)?),
                _ => return Err(Status::TnErrorArgument),
            }
        };
        give(Tiles(of), tiles);
        Ok(())
    })
}

/// Appends `count` leaves, given their digests one behind the other, and calls `full` with each
/// tile that is full now. `TN_FULL` when there is no memory for another level of tiles; then
/// nothing is appended.
///
/// Threads: one at a time for each handle. Nothing is allocated. `full` runs on this thread and
/// returns: it does not throw, nor jump out, nor use the handle; the digests hold until then.
///
/// # Safety
/// `tiles` is a handle, `leaves` points to as many digests as is said.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_tiles_append(
    tiles: *mut Tiles,
    leaves: *const u8,
    count: usize,
    full: TileMade,
    context: *mut c_void,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let tiles = unsafe { unique(tiles) }?;
        let full = full.ok_or(Status::TnErrorNull)?;
        with!(&mut tiles.0, of => {
            // SAFETY: the caller's promise.
            let leaves = unsafe { digests_at(leaves, count) }?;
            let report = |tile, digests: &[_]| {
                // SAFETY: the caller gave a function to be called so.
                unsafe { full(context, lend(tile), Slice::lend(digests.as_flattened())) }
            };
            of.append(leaves, report).map_err(|_| Status::TnFull)
        })
    })
}

/// Calls `open` with each tile at the right edge that is not full: what the log's store has to keep
/// besides the full ones.
///
/// Threads: any, while none appends. Nothing is allocated. `open` is as `full` of
/// `tn_tiles_append`.
///
/// # Safety
/// `tiles` is a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_tiles_open(
    tiles: *const Tiles,
    open: TileMade,
    context: *mut c_void,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let tiles = unsafe { shared(tiles) }?;
        let open = open.ok_or(Status::TnErrorNull)?;
        with!(&tiles.0, of => for (tile, digests) in of.open_tiles() {
            // SAFETY: the caller gave a function to be called so.
            unsafe { open(context, lend(tile), Slice::lend(digests.as_flattened())) }
        });
        Ok(())
    })
}

/// How many leaves the log has; 0 for null.
///
/// Threads: any, while none appends. Nothing is allocated.
///
/// # Safety
/// `tiles` is null or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_tiles_size(tiles: *const Tiles) -> u64 {
    boundary_or(0, || {
        // SAFETY: the caller's promise.
        unsafe { shared(tiles) }.map_or(0, |tiles| with!(&tiles.0, of => of.size().0))
    })
}

/// Writes the log's root, that of RFC 9162. `TN_ERROR_SHORT` when it does not fit.
///
/// Threads: any, while none appends. Nothing is allocated.
///
/// # Safety
/// `tiles` is a handle, `root` points to as many bytes as is said.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_tiles_root(
    tiles: *const Tiles,
    root: *mut u8,
    root_capacity: usize,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let tiles = unsafe { shared(tiles) }?;
        with!(&tiles.0, of => {
            let found = of.root();
            // SAFETY: the caller's promise.
            put(&found, unsafe { bytes_out(root, root_capacity, found.len()) }?);
        });
        Ok(())
    })
}

/// As `tn_merkle_prove_inclusion`, from tiles: `read` is asked for those that the proof's nodes are
/// in. Where the store has a wider tile at a place by now, its first digests serve.
///
/// Threads: any. Nothing is allocated. `read` runs on this thread and returns: it does not throw,
/// nor jump out.
///
/// # Safety
/// `path` points to as many bytes as is said, `path_bytes` to a `size_t`; `read` writes all digests
/// of the tile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_tiles_prove_inclusion(
    algorithm: u32,
    index: u64,
    size: u64,
    read: TileRead,
    context: *mut c_void,
    path: *mut u8,
    path_capacity: usize,
    path_bytes: *mut usize,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let path_bytes = unsafe { out(path_bytes) }?;
        let read = read.ok_or(Status::TnErrorNull)?;
        by_algorithm!(algorithm, H => {
            let (index, size) = (LeafIndex(index), TreeSize(size));
            let mut buffer = [<H as Hash>::Digest::default(); TILE_WIDTH];
            // SAFETY: the caller gave a function to be called so.
            let read = |tile, digests: &mut [_]| unsafe { ask(read, context, tile, digests) };
            let mut nodes = TileNodes::<H, _>::new(size, &mut buffer, read);
            let mut found = [<H as Hash>::Digest::default(); PROOF_DIGESTS_MAX];
            let found = inclusion_proof::<H, _>(index, size, |id| nodes.node(id), &mut found);
            let found = found.map_err(tile_status)?.as_flattened();
            // SAFETY: the caller's promise.
            put(found, unsafe { bytes_out(path, path_capacity, found.len()) }?);
            path_bytes.write(found.len());
            Ok(())
        })
    })
}

/// As `tn_merkle_prove_consistency`, from tiles: `read` is as for `tn_tiles_prove_inclusion`.
///
/// Threads: any. Nothing is allocated. `read` runs on this thread and returns: it does not throw,
/// nor jump out.
///
/// # Safety
/// As `tn_tiles_prove_inclusion`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_tiles_prove_consistency(
    algorithm: u32,
    old_size: u64,
    new_size: u64,
    read: TileRead,
    context: *mut c_void,
    path: *mut u8,
    path_capacity: usize,
    path_bytes: *mut usize,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let path_bytes = unsafe { out(path_bytes) }?;
        let read = read.ok_or(Status::TnErrorNull)?;
        by_algorithm!(algorithm, H => {
            let (old, new) = (TreeSize(old_size), TreeSize(new_size));
            let mut buffer = [<H as Hash>::Digest::default(); TILE_WIDTH];
            // SAFETY: the caller gave a function to be called so.
            let read = |tile, digests: &mut [_]| unsafe { ask(read, context, tile, digests) };
            let mut nodes = TileNodes::<H, _>::new(new, &mut buffer, read);
            let mut found = [<H as Hash>::Digest::default(); PROOF_DIGESTS_MAX];
            let found = consistency_proof::<H, _>(old, new, |id| nodes.node(id), &mut found);
            let found = found.map_err(tile_status)?.as_flattened();
            // SAFETY: the caller's promise.
            put(found, unsafe { bytes_out(path, path_capacity, found.len()) }?);
            path_bytes.write(found.len());
            Ok(())
        })
    })
}

/// Frees the handle, not the memory that it was made in; nothing happens with null.
///
/// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
///
/// # Safety
/// `tiles` is null or a handle, and not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_tiles_free(tiles: *mut Tiles) {
    // SAFETY: the caller's promise.
    unsafe { free(tiles) }
}

/// # Safety
/// As `tn_tiles_new`.
unsafe fn begin<H: Hash<Digest = [u8; N]>, const N: usize>(
    memory: *mut u8,
    memory_bytes: usize,
    size: u64,
) -> Result<TileWriter<'static, H>, Status> {
    // SAFETY: the caller's promise; an array of bytes is aligned anywhere.
    let memory = unsafe { slice_out(memory.cast::<[u8; N]>(), memory_bytes / N) }?;
    if size == 0 {
        return Ok(TileWriter::new(filled(memory, || [0; N])));
    }
    // SAFETY: the caller has set the bytes to some value, and every one is valid.
    let memory = unsafe { memory.assume_init_mut() };
    TileWriter::resume(memory, TreeSize(size)).map_err(|_| Status::TnErrorShort)
}

/// # Safety
/// `read` may be called with `context` and a place for the tile's digests.
unsafe fn ask<const N: usize>(
    read: unsafe extern "C" fn(*mut c_void, Tile, *mut u8) -> bool,
    context: *mut c_void,
    tile: CoreTile,
    digests: &mut [[u8; N]],
) -> Result<(), Status> {
    // SAFETY: the caller's promise.
    let found = unsafe { read(context, lend(tile), digests.as_mut_ptr().cast()) };
    if found { Ok(()) } else { Err(Status::TnErrorMissing) }
}

fn lend(tile: CoreTile) -> Tile {
    Tile { index: tile.index, width: tile.width, level: tile.level }
}

fn tile_status(error: ProveError<TileError<Status>>) -> Status {
    match error {
        ProveError::Node(TileError::Read(status)) => status,
        ProveError::Node(_) => Status::TnErrorMissing,
        ProveError::Short { needed, given } => prove_status(ProveError::Short { needed, given }),
        _ => Status::TnErrorArgument,
    }
}
