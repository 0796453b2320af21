//! Framing records.

use std::ffi::c_void;

use treenail_wal::{Encoder, Epoch, Kind, Stamp};

use super::segment::{Segment, encode_status, lsn};
use crate::boundary::{boundary, boundary_or};
use crate::memory::{bytes, bytes_mut, free, give, out, shared, unique};
use crate::status::Status;

/// The kind of a witness: a record without payload that is there to say up to where the log is
/// durable. The caller's kinds are 1 to 32,767.
pub const TN_RECORD_WITNESS: u16 = 32768;
const _: () = assert!(TN_RECORD_WITNESS == Kind::WITNESS.get());

/// Frames the records of one segment, one behind the other.
pub struct WalEncoder(Encoder);

/// A record's place in the log, given before its bytes are framed.
pub struct WalStamp {
    stamp: Stamp,
    payload_bytes: usize,
}

/// Begins a fresh segment, whose header `tn_segment_encode` writes. `TN_ERROR_ARGUMENT` as there.
///
/// Threads: any. Ownership: the handle is the caller's, to be freed with `tn_wal_encoder_free`.
///
/// # Safety
/// `segment` points to such, `encoder` to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_wal_encoder_new(
    segment: *const Segment,
    encoder: *mut *mut WalEncoder,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (segment, encoder) = unsafe { (shared(segment)?, out(encoder)?) };
        give(WalEncoder(Encoder::new(&segment.to_core()?)), encoder);
        Ok(())
    })
}

/// Goes on in a segment that was scanned: at the end that the scan found, in an epoch above all
/// that it saw (`tn_wal_scanner_epoch_max`). What the scan gave must have been synced before, lest
/// a record that was read today be gone tomorrow, and everything behind its end zeroed, lest what
/// is left of an older record there become whole again. `TN_ERROR_ARGUMENT` when `next` is before
/// the segment, or the epoch below the segment's.
///
/// Threads: any. Ownership: the handle is the caller's, to be freed with `tn_wal_encoder_free`.
///
/// # Safety
/// `segment` points to such, `encoder` to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_wal_encoder_resume(
    segment: *const Segment,
    epoch: u32,
    next: u64,
    encoder: *mut *mut WalEncoder,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (segment, encoder) = unsafe { (shared(segment)?, out(encoder)?) };
        let (segment, epoch, next) = (segment.to_core()?, Epoch(epoch), lsn(next)?);
        if next < segment.first || epoch < segment.epoch {
            return Err(Status::TnErrorArgument);
        }
        give(WalEncoder(Encoder::resume(&segment, epoch, next)), encoder);
        Ok(())
    })
}

/// The LSN of the next record; 0 for null.
///
/// Threads: one at a time for each handle.
///
/// # Safety
/// `encoder` is null or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_wal_encoder_next(encoder: *const WalEncoder) -> u64 {
    // SAFETY: the caller's promise.
    boundary_or(0, || unsafe { shared(encoder) }.map_or(0, |it| it.0.next().get()))
}

/// All before the LSN `durable` has been synced; records to come pass it on. What is lower than an
/// earlier call's is ignored. `TN_ERROR_ARGUMENT` when it is no multiple of 8 or beyond
/// `tn_wal_encoder_next`: what was not framed cannot be durable.
///
/// Threads: one at a time for each handle. Nothing is allocated.
///
/// # Safety
/// `encoder` is a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_wal_encoder_set_durable(
    encoder: *mut WalEncoder,
    durable: u64,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (encoder, durable) = (unsafe { unique(encoder) }?, lsn(durable)?);
        if durable > encoder.0.next() {
            return Err(Status::TnErrorArgument);
        }
        encoder.0.set_durable(durable);
        Ok(())
    })
}

/// Frames a record at the beginning of `data` and writes its size to `*written`. Several in one
/// buffer make a group that one write takes to the disk.
///
/// When it fails nothing has changed: `TN_ERROR_SHORT` when there is no room, `TN_ERROR_ARGUMENT`
/// for a kind that is not the caller's, `TN_ERROR_LIMIT` for a payload that is too long.
///
/// Threads: one at a time for each handle. Nothing is allocated unless it fails.
///
/// # Safety
/// `encoder` is a handle, `payload` and `data` point to as many bytes as is said and do not
/// overlap, `written` points to a `size_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_wal_encoder_encode(
    encoder: *mut WalEncoder,
    kind: u16,
    payload: *const c_void,
    payload_bytes: usize,
    data: *mut u8,
    data_capacity: usize,
    written: *mut usize,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (encoder, written) = unsafe { (unique(encoder)?, out(written)?) };
        // SAFETY: the caller's promise.
        let (payload, data) =
            unsafe { (bytes(payload, payload_bytes)?, bytes_mut(data, data_capacity)?) };
        let kind = Kind::new(kind).ok_or(Status::TnErrorArgument)?;
        written.write(encoder.0.encode(data, kind, payload).map_err(encode_status)?);
        Ok(())
    })
}

/// Frames a witness. After a sync of all that was framed, this is what a clean close writes, and
/// syncs, last. Otherwise as `tn_wal_encoder_encode`.
///
/// Threads: one at a time for each handle. Nothing is allocated unless it fails.
///
/// # Safety
/// `encoder` is a handle, `data` points to as many bytes as is said, `written` to a `size_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_wal_encoder_witness(
    encoder: *mut WalEncoder,
    data: *mut u8,
    data_capacity: usize,
    written: *mut usize,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (encoder, written) = unsafe { (unique(encoder)?, out(written)?) };
        // SAFETY: the caller's promise.
        let data = unsafe { bytes_mut(data, data_capacity) }?;
        written.write(encoder.0.witness(data).map_err(encode_status)?);
        Ok(())
    })
}

/// Gives a record with so much payload its place, to be framed later, or on another thread, or
/// around a payload that is already where it should be; its LSN goes to `*place`. Its bytes must
/// reach the log in that place. `TN_ERROR_ARGUMENT` and `TN_ERROR_LIMIT` as for
/// `tn_wal_encoder_encode`.
///
/// Threads: one at a time for each handle. Ownership: the stamp is the caller's, to be freed with
/// `tn_wal_stamp_free`.
///
/// # Safety
/// `encoder` is a handle, `place` points to a `uint64_t`, `stamp` to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_wal_encoder_stamp(
    encoder: *mut WalEncoder,
    kind: u16,
    payload_bytes: usize,
    place: *mut u64,
    stamp: *mut *mut WalStamp,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (encoder, place) = unsafe { (unique(encoder)?, out(place)?) };
        // SAFETY: the caller's promise.
        let stamp = unsafe { out(stamp) }?;
        let kind = Kind::new(kind).ok_or(Status::TnErrorArgument)?;
        let given = encoder.0.stamp(kind, payload_bytes).map_err(encode_status)?;
        place.write(given.lsn().get());
        give(WalStamp { stamp: given, payload_bytes }, stamp);
        Ok(())
    })
}

/// Frames the record at the beginning of `data` and writes its size to `*written`.
/// `TN_ERROR_LENGTH` when the payload has another length than the stamp was made for,
/// `TN_ERROR_SHORT` when there is no room.
///
/// Threads: any, also at once. Nothing is allocated.
///
/// # Safety
/// `stamp` is a handle, `payload` and `data` point to as many bytes as is said and do not overlap,
/// `written` points to a `size_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_wal_stamp_write(
    stamp: *const WalStamp,
    payload: *const c_void,
    payload_bytes: usize,
    data: *mut u8,
    data_capacity: usize,
    written: *mut usize,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (it, written) = unsafe { (shared(stamp)?, out(written)?) };
        // SAFETY: the caller's promise.
        let (payload, data) =
            unsafe { (bytes(payload, payload_bytes)?, bytes_mut(data, data_capacity)?) };
        if payload_bytes != it.payload_bytes {
            return Err(Status::TnErrorLength);
        }
        written.write(it.stamp.write(data, payload).map_err(encode_status)?);
        Ok(())
    })
}

/// Frames the record around its payload, which is already in `data`, from byte
/// `TN_RECORD_HEADER_BYTES` on, and writes the record's size to `*written`. `TN_ERROR_SHORT` when
/// there is no room for header and padding.
///
/// Threads: any, also at once. Nothing is allocated.
///
/// # Safety
/// `stamp` is a handle, `data` points to as many bytes as is said, `written` to a `size_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_wal_stamp_seal(
    stamp: *const WalStamp,
    data: *mut u8,
    data_capacity: usize,
    written: *mut usize,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (it, written) = unsafe { (shared(stamp)?, out(written)?) };
        // SAFETY: the caller's promise.
        let data = unsafe { bytes_mut(data, data_capacity) }?;
        written.write(it.stamp.seal(data).map_err(encode_status)?);
        Ok(())
    })
}

/// Frees the handle; nothing happens with null.
///
/// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
///
/// # Safety
/// `stamp` is null or a handle, and not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_wal_stamp_free(stamp: *mut WalStamp) {
    // SAFETY: the caller's promise.
    unsafe { free(stamp) }
}

/// Frees the handle; nothing happens with null.
///
/// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
///
/// # Safety
/// `encoder` is null or a handle, and not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_wal_encoder_free(encoder: *mut WalEncoder) {
    // SAFETY: the caller's promise.
    unsafe { free(encoder) }
}
