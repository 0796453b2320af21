//! `treenail-merkle`'s set: a digest that depends on the items alone, and what differs between two.

use std::ffi::c_void;

use treenail_hash::{Blake3, Hash, Sha256, Xxh128};
use treenail_merkle::set::{self, Node, Prefix, Set as CoreSet, Slot, nodes_for};

use super::with;
use crate::boundary::{boundary, boundary_or};
use crate::hash::{Algorithm, put};
use crate::memory::{
    Region, bytes, bytes_out, carve, carved_bytes, free, give, out, shared, slice_out, unique,
};
use crate::status::Status;

/// The longest value of a set's items.
pub const TN_SET_VALUE_BYTES_MAX: usize = 40;

/// A set of keys with values, in the caller's memory.
pub struct Set {
    of: Of,
    value_bytes: u8,
}

enum Of {
    Xxh128(CoreSet<'static, Xxh128, Value>),
    Blake3(CoreSet<'static, Blake3, Value>),
    Sha256(CoreSet<'static, Sha256, Value>),
}

/// A value whose length is known when the program runs.
#[derive(Clone, Copy)]
struct Value {
    bytes: [u8; TN_SET_VALUE_BYTES_MAX],
    len: u8,
}

impl Value {
    /// Of at most as many bytes as a value may have.
    fn new(bytes: &[u8]) -> Self {
        let mut value = Self { bytes: [0; TN_SET_VALUE_BYTES_MAX], len: bytes.len() as u8 };
        value.bytes[..bytes.len()].copy_from_slice(bytes);
        value
    }
}

impl AsRef<[u8]> for Value {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// How much of two sets a `tn_set_diff` looked at.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Touched {
    /// Pairs of subtrees whose digests were compared.
    pub subtrees: usize,
    /// Items read, of both sets together.
    pub items: usize,
}

/// Called with a key that only one set has or whose values differ; a value is null where its set
/// lacks the key.
pub type SetDifference = Option<
    unsafe extern "C" fn(
        context: *mut c_void,
        key: *const u8,
        old_value: *const u8,
        new_value: *const u8,
    ),
>;

/// Called with an item; returns whether to go on.
pub type SetItem =
    Option<unsafe extern "C" fn(context: *mut c_void, key: *const u8, value: *const u8) -> bool>;

/// How many bytes of memory a set of up to `items` items takes; 0 for an algorithm that sets cannot
/// be hashed with, or when no memory is as large.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn tn_set_memory_bytes(algorithm: u32, items: usize) -> usize {
    boundary_or(0, || {
        match Algorithm::new(algorithm) {
            Ok(Algorithm::TnXxh3_128) => memory_bytes::<Xxh128>(items),
            Ok(Algorithm::TnBlake3) => memory_bytes::<Blake3>(items),
            Ok(Algorithm::TnSha256) => memory_bytes::<Sha256>(items),
            _ => None,
        }
        .unwrap_or(0)
    })
}

/// Makes an empty set for up to `items` items in `memory`, which is overwritten.
///
/// Keys are digests of `algorithm` (`TN_XXH3_128`, `TN_BLAKE3` or `TN_SHA256`), usually of what
/// identifies the item; values are `value_bytes` long, all of them. The memory need not be aligned.
///
/// `TN_ERROR_SHORT` when it has fewer bytes than `tn_set_memory_bytes` says, `TN_ERROR_ARGUMENT`
/// for another algorithm or values longer than `TN_SET_VALUE_BYTES_MAX`.
///
/// Threads: any. Ownership: the handle is the caller's, to be freed with `tn_set_free`; the memory
/// stays the caller's too, and nobody else may touch it until the handle is freed.
///
/// # Safety
/// `memory` points to as many bytes as is said, `set` to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_set_new(
    algorithm: u32,
    value_bytes: usize,
    items: usize,
    memory: *mut c_void,
    memory_bytes: usize,
    set: *mut *mut Set,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let set = unsafe { out(set) }?;
        let algorithm = Algorithm::new(algorithm)?;
        if value_bytes > TN_SET_VALUE_BYTES_MAX {
            return Err(Status::TnErrorArgument);
        }
        // SAFETY: the caller's promise.
        let memory = unsafe { slice_out(memory.cast::<u8>(), memory_bytes) }?;
        let of = match algorithm {
            Algorithm::TnXxh3_128 => Of::Xxh128(begin(memory, items)?),
            Algorithm::TnBlake3 => Of::Blake3(begin(memory, items)?),
            Algorithm::TnSha256 => Of::Sha256(begin(memory, items)?),
            _ => return Err(Status::TnErrorArgument),
        };
        give(Set { of, value_bytes: value_bytes as u8 }, set);
        Ok(())
    })
}

/// How many items there are; 0 for null.
///
/// Threads: any, while none changes the set. Nothing is allocated.
///
/// # Safety
/// `set` is null or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_set_len(set: *const Set) -> usize {
    boundary_or(0, || {
        // SAFETY: the caller's promise.
        unsafe { shared(set) }.map_or(0, |set| with!(&set.of, of => of.len()))
    })
}

/// Puts a value under a key, whether or not there was one. `TN_FULL` when the memory does not
/// suffice; the set is then as it was.
///
/// Threads: one at a time for each handle. Nothing is allocated.
///
/// # Safety
/// `set` is a handle, `key` points to a digest of its algorithm, `value` to a value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_set_insert(
    set: *mut Set,
    key: *const u8,
    value: *const c_void,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let set = unsafe { unique(set) }?;
        // SAFETY: the caller's promise.
        let value = Value::new(unsafe { bytes(value, set.value_bytes.into()) }?);
        with!(&mut set.of, of => {
            // SAFETY: the caller's promise.
            let key = unsafe { digest(key, of) }?;
            of.insert(key, value).map(|_| ()).map_err(|_| Status::TnFull)
        })
    })
}

/// Takes out the item under a key; `TN_NONE` when there is none.
///
/// Threads: one at a time for each handle. Nothing is allocated.
///
/// # Safety
/// `set` is a handle, `key` points to a digest of its algorithm.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_set_remove(set: *mut Set, key: *const u8) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let set = unsafe { unique(set) }?;
        with!(&mut set.of, of => {
            // SAFETY: the caller's promise.
            let key = unsafe { digest(key, of) }?;
            of.remove(&key).map(|_| ()).ok_or(Status::TnNone)
        })
    })
}

/// Copies the value under a key to `value`; `TN_NONE` when there is none.
///
/// Threads: any, while none changes the set. Nothing is allocated.
///
/// # Safety
/// `set` is a handle, `key` points to a digest of its algorithm, `value` to as many bytes as the
/// set's values have.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_set_get(set: *const Set, key: *const u8, value: *mut u8) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let set = unsafe { shared(set) }?;
        let len = usize::from(set.value_bytes);
        // SAFETY: the caller's promise.
        let into = unsafe { bytes_out(value, len, len) }?;
        with!(&set.of, of => {
            // SAFETY: the caller's promise.
            let key = unsafe { digest(key, of) }?;
            put(of.get(&key).ok_or(Status::TnNone)?.as_ref(), into);
        });
        Ok(())
    })
}

/// Writes the digest of the set, which depends on its items alone; hashes again only what changed
/// since the last call. `TN_ERROR_SHORT` when it does not fit.
///
/// Threads: one at a time for each handle. Nothing is allocated.
///
/// # Safety
/// `set` is a handle, `digest` points to as many bytes as is said.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_set_digest(
    set: *mut Set,
    digest: *mut u8,
    digest_capacity: usize,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let set = unsafe { unique(set) }?;
        with!(&mut set.of, of => {
            let found = of.digest();
            // SAFETY: the caller's promise.
            put(&found, unsafe { bytes_out(digest, digest_capacity, found.len()) }?);
        });
        Ok(())
    })
}

/// Writes the digest and the number of the items whose keys begin with the first `nibbles` nibbles
/// (half bytes, the high one first) of `key`: what two machines compare to find where their sets
/// differ. `TN_ERROR_ARGUMENT` when a key has fewer nibbles.
///
/// Threads: one at a time for each handle. Nothing is allocated.
///
/// # Safety
/// `set` is a handle, `key` points to a digest of its algorithm, `digest` to as many bytes as is
/// said, `count` to a `size_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_set_summary(
    set: *mut Set,
    key: *const u8,
    nibbles: usize,
    digest_out: *mut u8,
    digest_capacity: usize,
    count: *mut usize,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (set, count) = unsafe { (unique(set)?, out(count)?) };
        with!(&mut set.of, of => {
            // SAFETY: the caller's promise.
            let key = unsafe { digest(key, of) }?;
            let prefix = Prefix::new(&key, nibbles).ok_or(Status::TnErrorArgument)?;
            let summary = of.summary(&prefix);
            let size = summary.digest.len();
            // SAFETY: the caller's promise.
            put(&summary.digest, unsafe { bytes_out(digest_out, digest_capacity, size) }?);
            count.write(summary.count);
        });
        Ok(())
    })
}

/// Calls `visit` with each item whose key begins with the first `nibbles` nibbles of `key`, in
/// ascending order of the keys, until it returns false; with 0 nibbles all items. Key and value
/// hold until `visit` returns.
///
/// Threads: any, while none changes the set. Nothing is allocated. `visit` runs on this thread and
/// returns: it does not throw, nor jump out, nor change the set.
///
/// # Safety
/// `set` is a handle, `key` points to a digest of its algorithm.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_set_items(
    set: *const Set,
    key: *const u8,
    nibbles: usize,
    visit: SetItem,
    context: *mut c_void,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let set = unsafe { shared(set) }?;
        let visit = visit.ok_or(Status::TnErrorNull)?;
        with!(&set.of, of => {
            // SAFETY: the caller's promise.
            let key = unsafe { digest(key, of) }?;
            let prefix = Prefix::new(&key, nibbles).ok_or(Status::TnErrorArgument)?;
            for item in of.items(&prefix) {
                let value = item.value.as_ref().as_ptr();
                // SAFETY: the caller gave a function to be called so.
                if !unsafe { visit(context, item.key.as_ptr(), value) } {
                    break;
                }
            }
        });
        Ok(())
    })
}

/// Calls `visit` with each key that only one of the sets has or whose values differ, in ascending
/// order; what both have in common is not looked at. Key and values hold until `visit` returns.
/// `touched` may be null.
///
/// `TN_ERROR_MISMATCH` unless both sets have the same algorithm and length of values.
///
/// Threads: one at a time for each handle; both digests are brought up to date. Nothing is
/// allocated. `visit` runs on this thread and returns: it does not throw, nor jump out, nor use the
/// sets.
///
/// # Safety
/// `old_set` and `new_set` are handles, `touched` is null or points to a `tn_touched`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_set_diff(
    old_set: *mut Set,
    new_set: *mut Set,
    visit: SetDifference,
    context: *mut c_void,
    touched: *mut Touched,
) -> Status {
    boundary(|| {
        let visit = visit.ok_or(Status::TnErrorNull)?;
        // SAFETY: the caller's promise.
        let found = if old_set == new_set {
            // A set does not differ from itself, and must not be borrowed twice.
            // SAFETY: the caller's promise.
            unsafe { shared(old_set) }?;
            Touched { subtrees: 0, items: 0 }
        } else {
            // SAFETY: the caller's promise, and the two are not one.
            let (old, new) = unsafe { (unique(old_set)?, unique(new_set)?) };
            if old.value_bytes != new.value_bytes {
                return Err(Status::TnErrorMismatch);
            }
            match (&mut old.of, &mut new.of) {
                (Of::Xxh128(old), Of::Xxh128(new)) => diff(old, new, visit, context),
                (Of::Blake3(old), Of::Blake3(new)) => diff(old, new, visit, context),
                (Of::Sha256(old), Of::Sha256(new)) => diff(old, new, visit, context),
                _ => return Err(Status::TnErrorMismatch),
            }
        };
        if !touched.is_null() {
            // SAFETY: the caller's promise.
            unsafe { out(touched) }?.write(found);
        }
        Ok(())
    })
}

/// Frees the handle, not the memory that it was made in; nothing happens with null.
///
/// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
///
/// # Safety
/// `set` is null or a handle, and not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_set_free(set: *mut Set) {
    // SAFETY: the caller's promise.
    unsafe { free(set) }
}

/// A [`SetDifference`] that is not null.
type Visit = unsafe extern "C" fn(*mut c_void, *const u8, *const u8, *const u8);

fn diff<H: Hash>(
    old: &mut CoreSet<'_, H, Value>,
    new: &mut CoreSet<'_, H, Value>,
    visit: Visit,
    context: *mut c_void,
) -> Touched {
    let pointer = |value: Option<&Value>| value.map_or(std::ptr::null(), |it| it.bytes.as_ptr());
    let touched = set::diff(old, new, Prefix::root().keys(), |key, was, is| {
        // SAFETY: the caller of the diff gave a function to be called so.
        unsafe { visit(context, key.as_ref().as_ptr(), pointer(was), pointer(is)) }
    });
    Touched { subtrees: touched.subtrees, items: touched.items }
}

/// The key at a pointer, of the set's algorithm.
///
/// # Safety
/// Unless the result is an error, `key` points to as many bytes as the digest has.
unsafe fn digest<H: Hash<Digest = [u8; N]>, const N: usize>(
    key: *const u8,
    _: &CoreSet<'_, H, Value>,
) -> Result<[u8; N], Status> {
    // SAFETY: the caller's promise; an array of bytes is aligned anywhere.
    unsafe { shared(key.cast::<[u8; N]>()) }.copied()
}

fn memory_bytes<H: Hash>(items: usize) -> Option<usize> {
    let nodes = carved_bytes::<Node<H::Digest>>(nodes_for(items))?;
    nodes.checked_add(carved_bytes::<Slot<H::Digest, Value>>(items)?)
}

fn begin<H: Hash>(memory: Region, items: usize) -> Result<CoreSet<'static, H, Value>, Status> {
    if memory.len() < memory_bytes::<H>(items).ok_or(Status::TnErrorShort)? {
        return Err(Status::TnErrorShort);
    }
    let (nodes, rest) = carve::<Node<H::Digest>>(memory, nodes_for(items), Node::default)?;
    let (slots, _) = carve::<Slot<H::Digest, Value>>(rest, items, Slot::default)?;
    Ok(CoreSet::new(nodes, slots))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_is_just_enough_is_enough_wherever_it_begins() {
        for items in [0, 1, 64, 65, 1000] {
            let bytes = tn_set_memory_bytes(Algorithm::TnXxh3_128 as u32, items);
            let mut memory = vec![0xAA_u8; bytes + 8];
            for start in 0..8 {
                let mut handle = std::ptr::null_mut();
                // SAFETY: the memory is there and used by one set at a time.
                unsafe {
                    let memory = memory.as_mut_ptr().add(start).cast();
                    let algorithm = Algorithm::TnXxh3_128 as u32;
                    let status = tn_set_new(algorithm, 8, items, memory, bytes - 1, &mut handle);
                    assert_eq!(status, Status::TnErrorShort, "{items} items");
                    let status = tn_set_new(algorithm, 8, items, memory, bytes, &mut handle);
                    assert_eq!(status, Status::TnOk, "{items} items");
                    for i in 0..items as u64 {
                        let key = Xxh128::hash(&i.to_le_bytes());
                        let value = i.to_be_bytes();
                        let status = tn_set_insert(handle, key.as_ptr(), value.as_ptr().cast());
                        assert_eq!(status, Status::TnOk, "{i} of {items}");
                    }
                    let one_more = tn_set_insert(handle, [7; 16].as_ptr(), [7; 8].as_ptr().cast());
                    assert_eq!(one_more, Status::TnFull);
                    assert_eq!(tn_set_len(handle), items);
                    tn_set_free(handle);
                }
            }
        }
    }

    #[test]
    fn the_digest_is_that_of_the_crate() {
        type Item = set::Item<[u8; 16], [u8; 3]>;
        let items: Vec<Item> = (0..200_u32)
            .map(|i| Item { key: Xxh128::hash(&i.to_le_bytes()), value: [i as u8, 1, 2] })
            .collect();
        let algorithm = Algorithm::TnXxh3_128 as u32;
        let mut memory = vec![0_u8; tn_set_memory_bytes(algorithm, items.len())];
        let mut handle = std::ptr::null_mut();
        let mut digest = [0; 16];
        // SAFETY: memory, keys and values are there.
        unsafe {
            let (at, len) = (memory.as_mut_ptr().cast(), memory.len());
            assert_eq!(tn_set_new(algorithm, 3, items.len(), at, len, &mut handle), Status::TnOk);
            for item in &items {
                tn_set_insert(handle, item.key.as_ptr(), item.value.as_ptr().cast());
            }
            assert_eq!(tn_set_digest(handle, digest.as_mut_ptr(), 16), Status::TnOk);
            tn_set_free(handle);
        }
        assert_eq!(digest, set::digest::<Xxh128, _>(&mut items.clone()));
    }
}
