//! The concurrent map of fixed capacity.

use std::ffi::c_void;

use treenail_index::{AttachError, Busy, InsertError, Key, Map as CoreMap, Usage as CoreUsage};

use crate::boundary::{boundary, boundary_or, failure};
use crate::memory::{atomics, free, give, out, shared, slice_out};
use crate::status::Status;

/// A view of a map from keys to 64-bit numbers, in memory that threads and processes may share.
pub struct Map(Of);

enum Of {
    Number(CoreMap<'static, u64>),
    Digest16(CoreMap<'static, [u8; 16]>),
    Digest32(CoreMap<'static, [u8; 32]>),
}

/// Evaluates `$body` with `$map` bound, whatever the keys are.
macro_rules! with {
    ($of:expr, $map:ident => $body:expr) => {
        match $of {
            Of::Number($map) => $body,
            Of::Digest16($map) => $body,
            Of::Digest32($map) => $body,
        }
    };
}

/// How a map's slots are used.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct MapUsage {
    /// Keys that have a value.
    pub live: usize,
    /// Slots of removed keys, which a rebuild frees.
    pub dead: usize,
    /// Slots never used since the map was made or rebuilt.
    pub free: usize,
}

impl From<CoreUsage> for MapUsage {
    fn from(usage: CoreUsage) -> Self {
        Self { live: usage.live, dead: usage.dead, free: usage.free }
    }
}

/// Called with a key and its value; returns whether to go on.
pub type MapItem =
    Option<unsafe extern "C" fn(context: *mut c_void, key: *const c_void, value: u64) -> bool>;

/// How many 64-bit words a map with room for `capacity` keys of `key_bytes` bytes takes; 0 when
/// no memory is as large or keys cannot be so long. For speed let at most three quarters of the
/// room be used.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn tn_map_words(key_bytes: usize, capacity: usize) -> usize {
    let words = match key_bytes {
        8 => CoreMap::<u64>::words_for(capacity),
        16 => CoreMap::<[u8; 16]>::words_for(capacity),
        32 => CoreMap::<[u8; 32]>::words_for(capacity),
        _ => None,
    };
    words.unwrap_or(0)
}

/// Makes an empty map in all of `memory`, over whatever it holds, and a view of it. Keys have
/// `key_bytes` bytes: 8, in the machine's byte order, or 16 or 32. Keys go to places by a hash with
/// `seed`; where they come from strangers, take a seed that these cannot know.
///
/// `TN_ERROR_SHORT` when there is no room for the header, `TN_ERROR_ALIGNMENT` unless `memory` is
/// aligned to 8 bytes (128 is quicker), `TN_ERROR_ARGUMENT` for keys of another length.
///
/// Threads: any, while nobody else uses the memory. Ownership: the handle is the caller's, to be
/// freed with `tn_map_free`; the memory stays the caller's and must stay until then. Other threads
/// may use the same handle, other processes attach to the memory.
///
/// # Safety
/// `memory` points to `words` times 8 bytes that cannot vanish until the handle is freed, `map` to
/// a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_map_create(
    key_bytes: usize,
    memory: *mut u64,
    words: usize,
    seed: u64,
    map: *mut *mut Map,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise. What was never set is set first.
        unsafe { slice_out(memory, words) }?.fill(std::mem::MaybeUninit::new(0));
        // SAFETY: the caller's promise.
        let (words, map) = unsafe { (atomics(memory, words)?, out(map)?) };
        let of = match key_bytes {
            8 => Of::Number(CoreMap::create(words, seed).map_err(|_| Status::TnErrorShort)?),
            16 => Of::Digest16(CoreMap::create(words, seed).map_err(|_| Status::TnErrorShort)?),
            32 => Of::Digest32(CoreMap::create(words, seed).map_err(|_| Status::TnErrorShort)?),
            _ => return Err(Status::TnErrorArgument),
        };
        give(Map(of), map);
        Ok(())
    })
}

/// Makes a view of the map that this or another process has made in `memory`.
///
/// `TN_ERROR_SHORT`, `TN_ERROR_MISSING` while it is being made or rebuilt, `TN_ERROR_NEWER`,
/// `TN_ERROR_MISMATCH` when its keys have another length, `TN_ERROR_CORRUPT` when there is none.
/// What is wrong behind the header makes answers wrong, never a crash.
///
/// Threads and ownership: as `tn_map_create`, though others may use the memory meanwhile.
///
/// # Safety
/// As `tn_map_create`; the memory is set to some value, and all use it through this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_map_attach(
    key_bytes: usize,
    memory: *mut u64,
    words: usize,
    map: *mut *mut Map,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (words, map) = unsafe { (atomics(memory, words)?, out(map)?) };
        let of = match key_bytes {
            8 => Of::Number(CoreMap::attach(words).map_err(attach_status)?),
            16 => Of::Digest16(CoreMap::attach(words).map_err(attach_status)?),
            32 => Of::Digest32(CoreMap::attach(words).map_err(attach_status)?),
            _ => return Err(Status::TnErrorArgument),
        };
        give(Map(of), map);
        Ok(())
    })
}

/// Gives a key a value. `TN_OK`: it had another one, which goes to `*before`, or to nowhere if that
/// is null. `TN_NONE`: it had none until now. `TN_FULL`: the key is new and there is no slot for
/// it; `tn_map_count` says whether a rebuild would help. `TN_ERROR_BUSY`: another writer holds the
/// key's slot, and has died or is not running.
///
/// Threads: any, also at once, and other processes. Waits for another writer on the same slot, for
/// a tenth of a second at most; allocates nothing.
///
/// # Safety
/// `map` is a handle, `key` points to as many bytes as its keys have, `before` is null or points to
/// a `uint64_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_map_insert(
    map: *const Map,
    key: *const c_void,
    value: u64,
    before: *mut u64,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let map = unsafe { shared(map) }?;
        let had = with!(&map.0, of => {
            // SAFETY: the caller's promise.
            let key = unsafe { read_key(key, of) }?;
            of.insert(key, value).map_err(insert_status)
        })?;
        // SAFETY: the caller's promise.
        unsafe { answer(had, before) }
    })
}

/// Gives a key a value if it has none. `TN_OK`: it had one, which stays and goes to `*before`, or
/// to nowhere if that is null. Otherwise as `tn_map_insert`.
///
/// Threads: as `tn_map_insert`.
///
/// # Safety
/// As `tn_map_insert`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_map_insert_new(
    map: *const Map,
    key: *const c_void,
    value: u64,
    before: *mut u64,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let map = unsafe { shared(map) }?;
        let had = with!(&map.0, of => {
            // SAFETY: the caller's promise.
            let key = unsafe { read_key(key, of) }?;
            of.insert_new(key, value).map_err(insert_status)
        })?;
        // SAFETY: the caller's promise.
        unsafe { answer(had, before) }
    })
}

/// Writes the value of a key to `*value`; `TN_NONE` when it has none.
///
/// Threads: any, also at once, and other processes. Never waits, allocates nothing.
///
/// # Safety
/// `map` is a handle, `key` points to as many bytes as its keys have, `value` to a `uint64_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_map_get(
    map: *const Map,
    key: *const c_void,
    value: *mut u64,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (map, value) = unsafe { (shared(map)?, out(value)?) };
        with!(&map.0, of => {
            // SAFETY: the caller's promise.
            let key = unsafe { read_key(key, of) }?;
            value.write(of.get(key).ok_or(Status::TnNone)?);
        });
        Ok(())
    })
}

/// Gives a key the value `next` if its value is `current`, and writes what it was to `*before`,
/// unless that is null: if it was not `current`, nothing has changed. `TN_NONE` when the key has no
/// value; `TN_ERROR_BUSY` as `tn_map_insert`.
///
/// Threads: as `tn_map_insert`.
///
/// # Safety
/// As `tn_map_insert`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_map_compare_exchange(
    map: *const Map,
    key: *const c_void,
    current: u64,
    next: u64,
    before: *mut u64,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let map = unsafe { shared(map) }?;
        let had = with!(&map.0, of => {
            // SAFETY: the caller's promise.
            let key = unsafe { read_key(key, of) }?;
            of.compare_exchange(key, current, next)
        });
        // SAFETY: the caller's promise.
        unsafe { answer(had.map_err(|Busy| Status::TnErrorBusy)?, before) }
    })
}

/// Adds to the value of a key, wrapping around, and writes what it was to `*before`, unless that is
/// null. `TN_NONE` when the key has no value; `TN_ERROR_BUSY` as `tn_map_insert`.
///
/// Threads: as `tn_map_insert`.
///
/// # Safety
/// As `tn_map_insert`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_map_fetch_add(
    map: *const Map,
    key: *const c_void,
    add: u64,
    before: *mut u64,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let map = unsafe { shared(map) }?;
        let had = with!(&map.0, of => {
            // SAFETY: the caller's promise.
            let key = unsafe { read_key(key, of) }?;
            of.fetch_add(key, add)
        });
        // SAFETY: the caller's promise.
        unsafe { answer(had.map_err(|Busy| Status::TnErrorBusy)?, before) }
    })
}

/// Takes the value of a key away, and writes what it was to `*before`, unless that is null. The key
/// keeps its slot until a rebuild. `TN_NONE` when it has none; `TN_ERROR_BUSY` as `tn_map_insert`.
///
/// Threads: as `tn_map_insert`.
///
/// # Safety
/// As `tn_map_insert`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_map_remove(
    map: *const Map,
    key: *const c_void,
    before: *mut u64,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let map = unsafe { shared(map) }?;
        let had = with!(&map.0, of => {
            // SAFETY: the caller's promise.
            let key = unsafe { read_key(key, of) }?;
            of.remove(key)
        });
        // SAFETY: the caller's promise.
        unsafe { answer(had.map_err(|Busy| Status::TnErrorBusy)?, before) }
    })
}

/// Calls `visit` with each key that has a value, and the value, in no particular order, until it
/// returns false. The key holds until `visit` returns.
///
/// Threads: any, also at once, and other processes. Allocates nothing. `visit` runs on this thread
/// and returns: it does not throw, nor jump out; it may use the map.
///
/// # Safety
/// `map` is a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_map_items(
    map: *const Map,
    visit: MapItem,
    context: *mut c_void,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let map = unsafe { shared(map) }?;
        let visit = visit.ok_or(Status::TnErrorNull)?;
        with!(&map.0, of => {
            for (key, value) in of.iter() {
                // SAFETY: the caller gave a function to be called so.
                if !unsafe { visit(context, (&raw const key).cast(), value) } {
                    break;
                }
            }
        });
        Ok(())
    })
}

/// Counts how the slots are used, looking at all of them.
///
/// Threads: any, also at once, and other processes. Allocates nothing.
///
/// # Safety
/// `map` is a handle, `usage` points to a `tn_map_usage`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_map_count(map: *const Map, usage: *mut MapUsage) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (map, usage) = unsafe { (shared(map)?, out(usage)?) };
        usage.write(with!(&map.0, of => of.usage()).into());
        Ok(())
    })
}

/// Inserts all pairs of a map into another one with keys of the same length, which may be larger,
/// and writes how many there were to `*copied`. `TN_ERROR_MISMATCH` for keys of another length;
/// `TN_FULL` and `TN_ERROR_BUSY` as `tn_map_insert`, the other map then having some of the pairs.
///
/// Threads: any, also at once; pairs that change meanwhile may come with either value, or not come.
///
/// # Safety
/// `map` and `target` are handles, `copied` points to a `size_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_map_copy_into(
    map: *const Map,
    target: *const Map,
    copied: *mut usize,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (map, target, copied) = unsafe { (shared(map)?, shared(target)?, out(copied)?) };
        let result = match (&map.0, &target.0) {
            (Of::Number(map), Of::Number(target)) => map.copy_into(target),
            (Of::Digest16(map), Of::Digest16(target)) => map.copy_into(target),
            (Of::Digest32(map), Of::Digest32(target)) => map.copy_into(target),
            _ => return Err(Status::TnErrorMismatch),
        };
        copied.write(result.map_err(insert_status)?);
        Ok(())
    })
}

/// Frees the slots of removed keys in the map that `memory` holds, and what writers that died hold,
/// in place. `usage` may be null. Errors as `tn_map_attach`, the memory being then as it was.
///
/// Threads: none else, in any process: views of the map are to be freed before and made anew
/// afterwards. Allocates nothing unless it fails.
///
/// # Safety
/// `memory` points to `words` times 8 bytes that are set to some value and that nobody else uses
/// meanwhile, `usage` is null or points to a `tn_map_usage`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_map_rebuild(
    key_bytes: usize,
    memory: *mut u64,
    words: usize,
    seed: u64,
    usage: *mut MapUsage,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let words = unsafe { slice_out(memory.cast::<std::sync::atomic::AtomicU64>(), words) }?;
        // SAFETY: the caller's promise.
        let words = unsafe { words.assume_init_mut() };
        let found = match key_bytes {
            8 => CoreMap::<u64>::rebuild(words, seed),
            16 => CoreMap::<[u8; 16]>::rebuild(words, seed),
            32 => CoreMap::<[u8; 32]>::rebuild(words, seed),
            _ => return Err(Status::TnErrorArgument),
        };
        let found = found.map_err(attach_status)?;
        if !usage.is_null() {
            // SAFETY: the caller's promise.
            unsafe { out(usage) }?.write(found.into());
        }
        Ok(())
    })
}

/// How many slots there are; 0 for null.
///
/// Threads: any, also at once.
///
/// # Safety
/// `map` is null or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_map_capacity(map: *const Map) -> usize {
    boundary_or(0, || {
        // SAFETY: the caller's promise.
        unsafe { shared(map) }.map_or(0, |map| with!(&map.0, of => of.capacity()))
    })
}

/// Frees the view, not the map's memory; nothing happens with null.
///
/// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
///
/// # Safety
/// `map` is null or a handle, and not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_map_free(map: *mut Map) {
    // SAFETY: the caller's promise.
    unsafe { free(map) }
}

/// The key at a pointer, which need not be aligned, of the map's type.
///
/// # Safety
/// Unless the result is an error, `key` points to as many bytes as the map's keys have.
unsafe fn read_key<K: Key>(key: *const c_void, _: &CoreMap<'_, K>) -> Result<K, Status> {
    if key.is_null() {
        return Err(Status::TnErrorNull);
    }
    // SAFETY: the caller's promise; keys are numbers and arrays of bytes, for which any bytes do.
    Ok(unsafe { key.cast::<K>().read_unaligned() })
}

/// Writes a value that a key had to where the caller wants it; nothing where it had none.
///
/// # Safety
/// `before` is null or points to a number.
unsafe fn answer(had: Option<u64>, before: *mut u64) -> Result<(), Status> {
    let had = had.ok_or(Status::TnNone)?;
    if !before.is_null() {
        // SAFETY: the caller's promise.
        unsafe { out(before) }?.write(had);
    }
    Ok(())
}

fn insert_status(error: InsertError) -> Status {
    match error {
        InsertError::Full { .. } => Status::TnFull,
        _ => Status::TnErrorBusy,
    }
}

fn attach_status(error: AttachError) -> Status {
    let status = match error {
        AttachError::TooSmall(_) => Status::TnErrorShort,
        AttachError::NotReady => Status::TnErrorMissing,
        AttachError::Version { .. } => Status::TnErrorNewer,
        AttachError::KeyWords { .. } => Status::TnErrorMismatch,
        _ => Status::TnErrorCorrupt,
    };
    failure(status, error.to_string(), b"", 0)
}
