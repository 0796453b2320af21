//! Frames of bytes between two threads, written and read in place.

use std::ffi::c_void;

use treenail_ring::bytes::{Consumer, Control, NoRoom, Producer, Ring};

use crate::boundary::{boundary, boundary_or};
use crate::memory::{
    Slice, bytes, carve, carved_bytes, free, give, out, shared, slice_out, unique,
};
use crate::status::Status;

/// The side of a ring of frames that writes.
pub struct FramesProducer {
    producer: Producer<'static>,
    /// The length of the frame that was granted and not yet committed. Asking for it again gives
    /// the same place: the ring looks at the consumer only if there is no room without.
    granted: Option<usize>,
}

/// The side of a ring of frames that reads.
pub struct FramesConsumer {
    consumer: Consumer<'static>,
    /// Whether the oldest frame was read and not yet released; asking for it again gives the same.
    read: bool,
}

/// How many bytes of memory a ring takes that holds `capacity` bytes of frames, each with 8 bytes
/// of header and rounded up to a multiple of 8; 0 when no memory is as large. The capacity is 16 at
/// least.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn tn_frames_memory_bytes(capacity: usize) -> usize {
    memory_bytes(capacity.max(CAPACITY_MIN)).unwrap_or(0)
}

/// Makes an empty ring of frames in `memory`, which is overwritten, and its two sides. All of the
/// memory is used, but for what `tn_frames_memory_bytes` adds to the capacity; it need not be
/// aligned. `TN_ERROR_SHORT` when it has fewer bytes than that says for the least capacity.
///
/// Threads: any. Ownership: both handles are the caller's, each to be freed with its own function;
/// the memory stays the caller's too, and nobody else may touch it until both are freed.
///
/// # Safety
/// `memory` points to as many bytes as is said, `producer` and `consumer` to a pointer each.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_frames_new(
    memory: *mut c_void,
    memory_bytes: usize,
    producer: *mut *mut FramesProducer,
    consumer: *mut *mut FramesConsumer,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (producer, consumer) = unsafe { (out(producer)?, out(consumer)?) };
        // SAFETY: the caller's promise.
        let memory = unsafe { slice_out(memory.cast::<u8>(), memory_bytes) }?;
        let (control, rest) = carve(memory, 1, Control::new)?;
        let room = rest.len();
        let (frames, _) = carve(rest, room, || 0_u8)?;
        let ring = Ring::new(&mut control[0], frames).map_err(|_| Status::TnErrorShort)?;
        let (writing, reading) = ring.split();
        give(FramesProducer { producer: writing, granted: None }, producer);
        give(FramesConsumer { consumer: reading, read: false }, consumer);
        Ok(())
    })
}

/// Writes a copy of `data` as one frame. `TN_FULL` when there is no room now: try again, with the
/// same frame, when the other side has read. `TN_ERROR_LIMIT` when there never is. A frame that was
/// granted and not committed is given up.
///
/// Threads: one at a time for each handle; the ring's other side works at the same time. Never
/// waits, allocates nothing.
///
/// # Safety
/// `producer` is a handle, `data` points to as many bytes as is said.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_frames_push(
    producer: *mut FramesProducer,
    data: *const c_void,
    data_bytes: usize,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (it, data) = unsafe { (unique(producer)?, bytes(data, data_bytes)?) };
        it.granted = None;
        it.producer.push(data).map_err(status)
    })
}

/// Writes to `*data` where `data_bytes` contiguous bytes of the ring are that may be written to, to
/// be handed over with `tn_frames_commit`. `TN_FULL` and `TN_ERROR_LIMIT` as for `tn_frames_push`.
/// Until it is committed, the frame belongs to this side; another grant gives it up.
///
/// Threads: one at a time for each handle; the ring's other side works at the same time. Never
/// waits, allocates nothing.
///
/// # Safety
/// `producer` is a handle, `data` points to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_frames_grant(
    producer: *mut FramesProducer,
    data_bytes: usize,
    data: *mut *mut u8,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (it, data) = unsafe { (unique(producer)?, out(data)?) };
        it.granted = None;
        data.write(it.producer.grant(data_bytes).map_err(status)?.as_mut_ptr());
        it.granted = Some(data_bytes);
        Ok(())
    })
}

/// Hands the first `used` bytes of what was granted over as one frame. `TN_ERROR_ARGUMENT` when
/// fewer were granted, or none.
///
/// Threads: one at a time for each handle; the ring's other side works at the same time. Never
/// waits, allocates nothing.
///
/// # Safety
/// `producer` is a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_frames_commit(producer: *mut FramesProducer, used: usize) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let it = unsafe { unique(producer) }?;
        let granted = it.granted.filter(|granted| used <= *granted);
        let grant = it.producer.grant(granted.ok_or(Status::TnErrorArgument)?).map_err(status)?;
        grant.commit(used);
        it.granted = None;
        Ok(())
    })
}

/// Writes where the oldest frame is; `TN_NONE` when there is none now. The frame stays, and stays
/// valid, until it is given back with `tn_frames_release`; until then the next call gives it again.
///
/// Threads: one at a time for each handle; the ring's other side works at the same time. Never
/// waits, allocates nothing.
///
/// # Safety
/// `consumer` is a handle, `frame` points to a `tn_slice`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_frames_read(
    consumer: *mut FramesConsumer,
    frame: *mut Slice,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (it, frame) = unsafe { (unique(consumer)?, out(frame)?) };
        frame.write(Slice::lend(&it.consumer.read().ok_or(Status::TnNone)?));
        it.read = true;
        Ok(())
    })
}

/// Gives the place of the frame that was read back to the other side. `TN_ERROR_ARGUMENT` when none
/// was read since the last one was released.
///
/// Threads: one at a time for each handle; the ring's other side works at the same time. Never
/// waits, allocates nothing.
///
/// # Safety
/// `consumer` is a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_frames_release(consumer: *mut FramesConsumer) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let it = unsafe { unique(consumer) }?;
        if !std::mem::take(&mut it.read) {
            return Err(Status::TnErrorArgument);
        }
        it.consumer.read().ok_or(Status::TnErrorArgument)?.release();
        Ok(())
    })
}

/// Whether the other side was freed, so that nobody will read what is written; true for null.
///
/// Threads: one at a time for each handle.
///
/// # Safety
/// `producer` is null or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_frames_producer_is_abandoned(producer: *const FramesProducer) -> bool {
    // SAFETY: the caller's promise.
    boundary_or(true, || unsafe { shared(producer) }.map_or(true, |it| it.producer.is_abandoned()))
}

/// Whether the other side was freed; true for null. Asked before a `tn_frames_read` that finds
/// nothing, it says that nothing more will come.
///
/// Threads: one at a time for each handle.
///
/// # Safety
/// `consumer` is null or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_frames_consumer_is_abandoned(consumer: *const FramesConsumer) -> bool {
    // SAFETY: the caller's promise.
    boundary_or(true, || unsafe { shared(consumer) }.map_or(true, |it| it.consumer.is_abandoned()))
}

/// Frees the handle, not the memory that it was made in; nothing happens with null.
///
/// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
///
/// # Safety
/// `producer` is null or a handle, and not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_frames_producer_free(producer: *mut FramesProducer) {
    // SAFETY: the caller's promise.
    unsafe { free(producer) }
}

/// Frees the handle, not the memory that it was made in; nothing happens with null.
///
/// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
///
/// # Safety
/// `consumer` is null or a handle, and not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_frames_consumer_free(consumer: *mut FramesConsumer) {
    // SAFETY: the caller's promise.
    unsafe { free(consumer) }
}

/// One frame of 8 bytes.
const CAPACITY_MIN: usize = 16;

fn memory_bytes(capacity: usize) -> Option<usize> {
    let capacity = capacity.checked_next_multiple_of(8)?;
    carved_bytes::<Control>(1)?.checked_add(capacity)
}

fn status(error: NoRoom) -> Status {
    match error {
        NoRoom::Full => Status::TnFull,
        _ => Status::TnErrorLimit,
    }
}
