//! Pointers and lengths from C become references, or an error.
//!
//! Every function here trusts what cannot be checked (that the memory is there, and nobody else
//! writes to it meanwhile) and checks the rest: null, alignment, lengths that no memory has.

use std::ffi::{CStr, c_char, c_void};
use std::mem::MaybeUninit;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;

use treenail_os::os_str_of;

use crate::boundary::failure;
use crate::status::Status;

/// Bytes that are only read: where they begin and how many there are. `data` may be null when `len`
/// is 0.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Slice {
    /// The first byte.
    pub data: *const c_void,
    /// The number of bytes.
    pub len: usize,
}

impl Slice {
    /// For memory of ours that C reads.
    pub(crate) fn lend(bytes: &[u8]) -> Self {
        Self { data: bytes.as_ptr().cast(), len: bytes.len() }
    }

    pub(crate) const EMPTY: Self = Self { data: std::ptr::null(), len: 0 };
}

/// The bytes at `data`.
///
/// # Safety
/// As [`slice`].
#[inline]
pub(crate) unsafe fn bytes<'a>(data: *const c_void, len: usize) -> Result<&'a [u8], Status> {
    // SAFETY: the caller's promise.
    unsafe { slice(data.cast(), len) }
}

/// The `len` values at `data`; null is taken for none of them.
///
/// # Safety
/// Unless the result is an error, `data` points to `len` valid values that nobody writes to during
/// `'a`.
#[inline]
pub(crate) unsafe fn slice<'a, T>(data: *const T, len: usize) -> Result<&'a [T], Status> {
    if len == 0 {
        return Ok(&[]);
    }
    check(data, len)?;
    // SAFETY: not null, aligned, not too long; the rest is the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts(data, len) })
}

/// The `len` values at `data`, to be written to before they are read; null is taken for none.
///
/// # Safety
/// Unless the result is an error, `data` points to memory for `len` values that nobody else uses
/// during `'a`.
#[inline]
pub(crate) unsafe fn slice_out<'a, T>(
    data: *mut T,
    len: usize,
) -> Result<&'a mut [MaybeUninit<T>], Status> {
    if len == 0 {
        return Ok(&mut []);
    }
    check(data, len)?;
    // SAFETY: not null, aligned, not too long, and any memory is a valid `MaybeUninit`; the rest is
    // the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts_mut(data.cast(), len) })
}

/// The memory with a value in each place.
pub(crate) fn filled<T>(memory: &mut [MaybeUninit<T>], value: impl Fn() -> T) -> &mut [T] {
    for place in memory.iter_mut() {
        place.write(value());
    }
    // SAFETY: each place has been written.
    unsafe { memory.assume_init_mut() }
}

/// Memory that a handle is made in.
pub(crate) type Region = &'static mut [MaybeUninit<u8>];

/// How many bytes [`carve`] takes for `count` values at most, wherever the memory begins.
pub(crate) fn carved_bytes<T>(count: usize) -> Option<usize> {
    count.checked_mul(size_of::<T>())?.checked_add(align_of::<T>() - 1)
}

/// Takes memory for `count` values from the beginning of `memory`, and puts a value in each place.
/// `TN_ERROR_SHORT` when it is too short.
pub(crate) fn carve<T>(
    memory: Region,
    count: usize,
    value: impl Fn() -> T,
) -> Result<(&'static mut [T], Region), Status> {
    let skipped = memory.as_ptr().align_offset(align_of::<T>());
    let memory = memory.get_mut(skipped..).ok_or(Status::TnErrorShort)?;
    let size = count.checked_mul(size_of::<T>()).ok_or(Status::TnErrorShort)?;
    let (own, rest) = memory.split_at_mut_checked(size).ok_or(Status::TnErrorShort)?;
    // SAFETY: the bytes were borrowed for as long, are aligned after what was skipped, and as many
    // as the values take; any memory is a valid `MaybeUninit`.
    let own = unsafe { std::slice::from_raw_parts_mut(own.as_mut_ptr().cast(), count) };
    Ok((filled(own, value), rest))
}

/// The bytes at `data`, to be written to.
///
/// # Safety
/// Unless the result is an error, `data` points to `len` bytes that nobody else uses during `'a`.
pub(crate) unsafe fn bytes_mut<'a>(data: *mut u8, len: usize) -> Result<&'a mut [u8], Status> {
    // SAFETY: the caller's promise.
    let memory = unsafe { slice_out(data, len) }?;
    // SAFETY: memory of C's holds some bytes, whichever; they were made where the compiler does not
    // see that nobody has set them. What is called with them writes before it reads.
    Ok(unsafe { memory.assume_init_mut() })
}

/// The `len` words at `data`, which other threads and processes may use too.
///
/// # Safety
/// Unless the result is an error, `data` points to `len` words that during `'a` are there and are
/// used through atomics alone.
pub(crate) unsafe fn atomics<'a>(data: *mut u64, len: usize) -> Result<&'a [AtomicU64], Status> {
    // SAFETY: the caller's promise; an atomic has the layout of its number, and any is valid.
    unsafe { slice(data.cast_const().cast(), len) }
}

/// The first `needed` of the `len` bytes at `data`, to be written to; fewer are an error.
///
/// # Safety
/// As [`slice_out`].
#[inline]
pub(crate) unsafe fn bytes_out<'a>(
    data: *mut u8,
    len: usize,
    needed: usize,
) -> Result<&'a mut [MaybeUninit<u8>], Status> {
    // SAFETY: the caller's promise.
    let bytes = unsafe { slice_out(data, len) }?;
    bytes.get_mut(..needed).ok_or(Status::TnErrorShort)
}

/// Where one value is to be written.
///
/// # Safety
/// Unless the result is an error, `pointer` points to memory for a value that nobody else uses
/// during `'a`.
#[inline]
pub(crate) unsafe fn out<'a, T>(pointer: *mut T) -> Result<&'a mut MaybeUninit<T>, Status> {
    check(pointer, 1)?;
    // SAFETY: not null and aligned, and any memory is a valid `MaybeUninit`; the rest is the
    // caller's promise.
    Ok(unsafe { &mut *pointer.cast() })
}

/// The value behind a pointer.
///
/// # Safety
/// Unless the result is an error, `pointer` points to a valid value that nobody writes to during
/// `'a`.
#[inline]
pub(crate) unsafe fn shared<'a, T>(pointer: *const T) -> Result<&'a T, Status> {
    check(pointer, 1)?;
    // SAFETY: not null and aligned; the rest is the caller's promise.
    Ok(unsafe { &*pointer })
}

/// The value behind a pointer, to be changed.
///
/// # Safety
/// Unless the result is an error, `pointer` points to a valid value that nobody else uses during
/// `'a`.
#[inline]
pub(crate) unsafe fn unique<'a, T>(pointer: *mut T) -> Result<&'a mut T, Status> {
    check(pointer, 1)?;
    // SAFETY: not null and aligned; the rest is the caller's promise.
    Ok(unsafe { &mut *pointer })
}

/// Hands a value to C.
pub(crate) fn give<T>(value: T, into: &mut MaybeUninit<*mut T>) {
    into.write(Box::into_raw(Box::new(value)));
}

/// Frees what [`give`] handed out; nothing happens with null.
///
/// # Safety
/// `pointer` is null or from [`give`], and not used afterwards.
pub(crate) unsafe fn free<T>(pointer: *mut T) {
    if !pointer.is_null() {
        // A value whose destructor panics is lost, and C carries on.
        crate::boundary::boundary_or((), || {
            // SAFETY: by the caller's promise the box is ours again.
            drop(unsafe { Box::from_raw(pointer) });
        });
    }
}

/// The bytes of a string of C, without the zero.
///
/// # Safety
/// Unless the result is an error, `string` points to bytes that end with a zero and that nobody
/// writes to during `'a`.
pub(crate) unsafe fn c_bytes<'a>(string: *const c_char) -> Result<&'a [u8], Status> {
    check(string, 1)?;
    // SAFETY: not null; the rest is the caller's promise.
    Ok(unsafe { CStr::from_ptr(string) }.to_bytes())
}

/// The path that a string of C names.
///
/// # Safety
/// As [`c_bytes`].
pub(crate) unsafe fn path(path: *const c_char) -> Result<PathBuf, Status> {
    // SAFETY: the caller's promise.
    let bytes = unsafe { c_bytes(path) }?;
    match os_str_of(bytes) {
        Ok(name) => Ok(PathBuf::from(&*name)),
        Err(error) => Err(failure(Status::TnErrorArgument, error.to_string(), bytes, 0)),
    }
}

#[inline]
fn check<T>(data: *const T, len: usize) -> Result<(), Status> {
    if data.is_null() {
        return Err(Status::TnErrorNull);
    }
    if !data.is_aligned() {
        return Err(Status::TnErrorAlignment);
    }
    match size_of::<T>().checked_mul(len) {
        Some(size) if size <= isize::MAX as usize => Ok(()),
        _ => Err(Status::TnErrorArgument),
    }
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::*;

    #[test]
    fn null_is_no_bytes_and_nothing_else() {
        // SAFETY: what is null is not looked at.
        unsafe {
            assert_eq!(bytes(ptr::null(), 0), Ok(&[][..]));
            assert_eq!(bytes(ptr::null(), 1), Err(Status::TnErrorNull));
            assert_eq!(shared::<u64>(ptr::null()).err(), Some(Status::TnErrorNull));
            assert_eq!(unique::<u64>(ptr::null_mut()).err(), Some(Status::TnErrorNull));
            assert_eq!(out::<u64>(ptr::null_mut()).err(), Some(Status::TnErrorNull));
            assert_eq!(path(ptr::null()).err(), Some(Status::TnErrorNull));
            free::<u64>(ptr::null_mut());
        }
    }

    #[test]
    fn crooked_pointers_and_impossible_lengths_are_refused() {
        let words = [1_u64, 2];
        let crooked = words.as_ptr().cast::<u8>().wrapping_add(1).cast::<u64>();
        // SAFETY: none of the pointers is followed.
        unsafe {
            assert_eq!(slice(crooked, 1), Err(Status::TnErrorAlignment));
            assert_eq!(out(crooked.cast_mut()).err(), Some(Status::TnErrorAlignment));
            assert_eq!(slice(words.as_ptr(), usize::MAX / 8), Err(Status::TnErrorArgument));
            assert_eq!(slice(words.as_ptr(), usize::MAX), Err(Status::TnErrorArgument));
        }
    }

    #[test]
    fn a_short_buffer_is_refused_and_a_long_one_used_in_part() {
        let mut buffer = [0_u8; 8];
        // SAFETY: the buffer is there and used by one reference at a time.
        unsafe {
            assert_eq!(bytes_out(buffer.as_mut_ptr(), 8, 9).err(), Some(Status::TnErrorShort));
            bytes_out(buffer.as_mut_ptr(), 8, 4).unwrap().fill(MaybeUninit::new(7));
            assert_eq!(slice(buffer.as_ptr(), 8), Ok(&[7, 7, 7, 7, 0, 0, 0, 0][..]));
        }
    }

    #[test]
    fn what_was_given_comes_back() {
        let mut handle = MaybeUninit::new(ptr::null_mut());
        give(String::from("text"), &mut handle);
        // SAFETY: `give` has written the pointer, and the value is freed once.
        unsafe {
            let handle = handle.assume_init();
            assert_eq!(shared(handle).unwrap(), "text");
            free(handle);
        }
    }
}
