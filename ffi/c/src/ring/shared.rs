//! Frames of bytes between two processes that need not trust each other.

use std::ffi::c_void;

use treenail_ring::shared::{AttachError, Consumer, Error, Producer, create, words_for};

use crate::boundary::{boundary, boundary_or, failure};
use crate::memory::{atomics, bytes, bytes_mut, free, give, out, shared, unique};
use crate::status::Status;

/// The side of a shared ring that writes frames.
pub struct SharedProducer(Producer<'static>);

/// The side of a shared ring that reads frames.
pub struct SharedConsumer(Consumer<'static>);

/// How many 64-bit words of shared memory a ring takes that holds `capacity` bytes of frames, each
/// with 8 bytes of header and rounded up to a multiple of 8.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn tn_shared_ring_words(capacity: usize) -> usize {
    // Beyond that, words could not be counted in bytes.
    words_for(capacity.min(usize::MAX / 16))
}

/// Makes an empty ring in shared memory, over whatever it holds. Nobody may be attached to it.
///
/// `TN_ERROR_SHORT` when there are fewer words than `tn_shared_ring_words(0)`, `TN_ERROR_ALIGNMENT`
/// unless `memory` is aligned to 8 bytes.
///
/// Threads: any, while nobody is attached. Ownership: nothing is kept.
///
/// # Safety
/// `memory` points to `words` times 8 bytes that cannot vanish during the call: a peer must not be
/// able to truncate the file behind them (of a memfd, `F_SEAL_SHRINK` sees to that).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_shared_ring_create(memory: *mut u64, words: usize) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        create(unsafe { atomics(memory, words) }?).map_err(attach_status)
    })
}

/// Attaches to the ring in shared memory as the side that writes, going on behind the frames that
/// are in it. There may be one such side at a time; a lock that the kernel holds sees to that, not
/// this library.
///
/// `TN_ERROR_SHORT`, `TN_ERROR_CORRUPT` when the memory holds no ring or a damaged one,
/// `TN_ERROR_NEWER` for another layout, `TN_ERROR_MISSING` while the ring is being made: try again.
///
/// Threads: any. Ownership: the handle is the caller's, to be freed with `tn_shared_producer_free`,
/// the memory too; it must stay mapped until then.
///
/// # Safety
/// As `tn_shared_ring_create`, until the handle is freed; `producer` points to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_shared_producer_attach(
    memory: *mut u64,
    words: usize,
    producer: *mut *mut SharedProducer,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (words, producer) = unsafe { (atomics(memory, words)?, out(producer)?) };
        give(SharedProducer(Producer::attach(words).map_err(attach_status)?), producer);
        Ok(())
    })
}

/// Attaches to the ring in shared memory as the side that reads, going on with the oldest frame
/// that was not given back. Otherwise as `tn_shared_producer_attach`.
///
/// Threads: any. Ownership: the handle is the caller's, to be freed with `tn_shared_consumer_free`,
/// the memory too; it must stay mapped until then.
///
/// # Safety
/// As `tn_shared_ring_create`, until the handle is freed; `consumer` points to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_shared_consumer_attach(
    memory: *mut u64,
    words: usize,
    consumer: *mut *mut SharedConsumer,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (words, consumer) = unsafe { (atomics(memory, words)?, out(consumer)?) };
        give(SharedConsumer(Consumer::attach(words).map_err(attach_status)?), consumer);
        Ok(())
    })
}

/// Writes a copy of `data` as one frame. `TN_FULL` when there is no room now: try again, with the
/// same frame, when the other side has read. `TN_ERROR_LIMIT` when there never is.
/// `TN_ERROR_STALE` when the ring was renewed without this side, which has to attach again;
/// `TN_ERROR_CORRUPT` when the other process wrote what cannot be: the ring is of no use then until
/// it is renewed.
///
/// Threads: one at a time for each handle; the other process works at the same time. Never waits,
/// allocates nothing unless it fails.
///
/// # Safety
/// `producer` is a handle, `data` points to as many bytes as is said.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_shared_producer_push(
    producer: *mut SharedProducer,
    data: *const c_void,
    data_bytes: usize,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (producer, data) = unsafe { (unique(producer)?, bytes(data, data_bytes)?) };
        producer.0.push(data).map_err(status)
    })
}

/// Copies the oldest frame to `data`, writes its length to `*data_bytes` and gives its place back.
/// `TN_NONE` when there is none now; `TN_ERROR_SHORT` when there is not so much room, and
/// `*data_bytes` then says how much it takes; the frame stays. `TN_ERROR_STALE` and
/// `TN_ERROR_CORRUPT` as for `tn_shared_producer_push`; what was copied means nothing then.
///
/// Threads: one at a time for each handle; the other process works at the same time. Never waits,
/// allocates nothing unless it fails.
///
/// # Safety
/// `consumer` is a handle, `data` points to as many bytes as is said, `data_bytes` to a `size_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_shared_consumer_pop(
    consumer: *mut SharedConsumer,
    data: *mut u8,
    data_capacity: usize,
    data_bytes: *mut usize,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (consumer, length) = unsafe { (unique(consumer)?, out(data_bytes)?) };
        // SAFETY: the caller's promise.
        let data = unsafe { bytes_mut(data, data_capacity) }?;
        match consumer.0.pop(data) {
            Ok(Some(popped)) => _ = length.write(popped),
            Ok(None) => return Err(Status::TnNone),
            Err(Error::Short { bytes_needed }) => {
                length.write(bytes_needed);
                return Err(Status::TnErrorShort);
            }
            Err(error) => return Err(status(error)),
        }
        Ok(())
    })
}

/// Empties the ring and makes it usable again, as the next generation: for when the other side is
/// gone for certain, or wrote what cannot be. An other side that is not gone gets
/// `TN_ERROR_STALE`.
///
/// Threads: one at a time for each handle.
///
/// # Safety
/// `producer` is a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_shared_producer_renew(producer: *mut SharedProducer) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        unsafe { unique(producer) }?.0.renew();
        Ok(())
    })
}

/// As `tn_shared_producer_renew`, by the side that reads: after what is there was read.
///
/// Threads: one at a time for each handle.
///
/// # Safety
/// `consumer` is a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_shared_consumer_renew(consumer: *mut SharedConsumer) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        unsafe { unique(consumer) }?.0.renew();
        Ok(())
    })
}

/// Whether the other side said that it ended in good order; one that was killed cannot have said
/// so. True for null.
///
/// Threads: one at a time for each handle.
///
/// # Safety
/// `producer` is null or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_shared_producer_is_closed(producer: *const SharedProducer) -> bool {
    // SAFETY: the caller's promise.
    boundary_or(true, || unsafe { shared(producer) }.map_or(true, |it| it.0.is_closed()))
}

/// Whether the other side said that it ended in good order; one that was killed cannot have said
/// so. True for null. Asked before a `tn_shared_consumer_pop` that finds nothing, it says that
/// nothing more will come.
///
/// Threads: one at a time for each handle.
///
/// # Safety
/// `consumer` is null or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_shared_consumer_is_closed(consumer: *const SharedConsumer) -> bool {
    // SAFETY: the caller's promise.
    boundary_or(true, || unsafe { shared(consumer) }.map_or(true, |it| it.0.is_closed()))
}

/// Says in the ring that this side ended in good order, and frees the handle, not the memory;
/// nothing happens with null.
///
/// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
///
/// # Safety
/// `producer` is null or a handle, and not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_shared_producer_free(producer: *mut SharedProducer) {
    // SAFETY: the caller's promise.
    unsafe { free(producer) }
}

/// Says in the ring that this side ended in good order, and frees the handle, not the memory;
/// nothing happens with null.
///
/// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
///
/// # Safety
/// `consumer` is null or a handle, and not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_shared_consumer_free(consumer: *mut SharedConsumer) {
    // SAFETY: the caller's promise.
    unsafe { free(consumer) }
}

fn attach_status(error: AttachError) -> Status {
    let status = match error {
        AttachError::TooSmall { .. } => Status::TnErrorShort,
        AttachError::Version { .. } => Status::TnErrorNewer,
        AttachError::NotReady => Status::TnErrorMissing,
        _ => Status::TnErrorCorrupt,
    };
    failure(status, error.to_string(), b"", 0)
}

fn status(error: Error) -> Status {
    match error {
        Error::Full => Status::TnFull,
        Error::TooLong { .. } => Status::TnErrorLimit,
        Error::Short { .. } => Status::TnErrorShort,
        Error::Stale => Status::TnErrorStale,
        error => failure(Status::TnErrorCorrupt, error.to_string(), b"", 0),
    }
}
