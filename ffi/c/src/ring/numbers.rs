//! Numbers of 64 bits between two threads: indices, or pointers whose owner changes.

use std::ffi::c_void;

use treenail_ring::spsc::{Consumer, Control, Producer, Ring};

use crate::boundary::{boundary, boundary_or};
use crate::memory::{carve, carved_bytes, free, give, out, shared, slice, slice_out, unique};
use crate::status::Status;

/// The side of a ring of numbers that puts in.
pub struct RingProducer(Producer<'static, u64>);

/// The side of a ring of numbers that takes out.
pub struct RingConsumer(Consumer<'static, u64>);

/// How many bytes of memory a ring of `capacity` numbers takes; 0 when no memory is as large.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn tn_ring_memory_bytes(capacity: usize) -> usize {
    memory_bytes(capacity).unwrap_or(0)
}

/// Makes an empty ring of `capacity` numbers in `memory`, which is overwritten, and its two sides.
/// The memory need not be aligned. `TN_ERROR_SHORT` when it has fewer bytes than
/// `tn_ring_memory_bytes` says. A ring of capacity 0 is always full.
///
/// Threads: any. Ownership: both handles are the caller's, each to be freed with its own function;
/// the memory stays the caller's too, and nobody else may touch it until both are freed.
///
/// # Safety
/// `memory` points to as many bytes as is said, `producer` and `consumer` to a pointer each.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_ring_new(
    memory: *mut c_void,
    memory_bytes: usize,
    capacity: usize,
    producer: *mut *mut RingProducer,
    consumer: *mut *mut RingConsumer,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (producer, consumer) = unsafe { (out(producer)?, out(consumer)?) };
        // SAFETY: the caller's promise.
        let memory = unsafe { slice_out(memory.cast::<u8>(), memory_bytes) }?;
        let (control, rest) = carve(memory, 1, Control::new)?;
        let (slots, _) = carve(rest, capacity, std::mem::MaybeUninit::uninit)?;
        let (putting, taking) = Ring::new(&mut control[0], slots).split();
        give(RingProducer(putting), producer);
        give(RingConsumer(taking), consumer);
        Ok(())
    })
}

/// Puts a number in; `TN_FULL` when there is no room now.
///
/// Threads: one at a time for each handle; the ring's other side works at the same time. Never
/// waits, allocates nothing.
///
/// # Safety
/// `producer` is a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_ring_push(producer: *mut RingProducer, number: u64) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        unsafe { unique(producer) }?.0.push(number).map_err(|_| Status::TnFull)
    })
}

/// Puts the first of `count` numbers in, as many as there is room for now, and writes how many that
/// were to `*pushed`.
///
/// Threads: one at a time for each handle; the ring's other side works at the same time. Never
/// waits, allocates nothing.
///
/// # Safety
/// `producer` is a handle, `numbers` points to as many as is said, `pushed` to a `size_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_ring_push_many(
    producer: *mut RingProducer,
    numbers: *const u64,
    count: usize,
    pushed: *mut usize,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (producer, pushed) = unsafe { (unique(producer)?, out(pushed)?) };
        // SAFETY: the caller's promise.
        pushed.write(producer.0.push_slice(unsafe { slice(numbers, count) }?));
        Ok(())
    })
}

/// Takes the oldest number out; `TN_NONE` when there is none now.
///
/// Threads: one at a time for each handle; the ring's other side works at the same time. Never
/// waits, allocates nothing.
///
/// # Safety
/// `consumer` is a handle, `number` points to a `uint64_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_ring_pop(consumer: *mut RingConsumer, number: *mut u64) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (consumer, number) = unsafe { (unique(consumer)?, out(number)?) };
        number.write(consumer.0.pop().ok_or(Status::TnNone)?);
        Ok(())
    })
}

/// Takes the oldest numbers out, as many as there are now and `count` at most, and writes how many
/// that were to `*popped`.
///
/// Threads: one at a time for each handle; the ring's other side works at the same time. Never
/// waits, allocates nothing.
///
/// # Safety
/// `consumer` is a handle, `numbers` points to room for as many as is said, `popped` to a `size_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_ring_pop_many(
    consumer: *mut RingConsumer,
    numbers: *mut u64,
    count: usize,
    popped: *mut usize,
) -> Status {
    boundary(|| {
        // SAFETY: the caller's promise.
        let (consumer, popped) = unsafe { (unique(consumer)?, out(popped)?) };
        // SAFETY: the caller's promise.
        let numbers = unsafe { slice_out(numbers, count) }?;
        let chunk = match consumer.0.read_chunk(count) {
            Ok(_) => count,
            Err(short) => short.available,
        };
        let chunk = consumer.0.read_chunk(chunk).map_err(|_| Status::TnNone)?;
        let found = chunk.len();
        for (place, number) in numbers.iter_mut().zip(chunk) {
            place.write(number);
        }
        popped.write(found);
        Ok(())
    })
}

/// Whether the other side was freed, so that nobody will take out what is put in; true for null.
///
/// Threads: one at a time for each handle.
///
/// # Safety
/// `producer` is null or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_ring_producer_is_abandoned(producer: *const RingProducer) -> bool {
    // SAFETY: the caller's promise.
    boundary_or(true, || unsafe { shared(producer) }.map_or(true, |it| it.0.is_abandoned()))
}

/// Whether the other side was freed; true for null. Asked before a `tn_ring_pop` that finds
/// nothing, it says that nothing more will come.
///
/// Threads: one at a time for each handle.
///
/// # Safety
/// `consumer` is null or a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_ring_consumer_is_abandoned(consumer: *const RingConsumer) -> bool {
    // SAFETY: the caller's promise.
    boundary_or(true, || unsafe { shared(consumer) }.map_or(true, |it| it.0.is_abandoned()))
}

/// Frees the handle, not the memory that it was made in; nothing happens with null.
///
/// Threads: any, while no other call uses the handle. Freeing twice is an error that is not caught.
///
/// # Safety
/// `producer` is null or a handle, and not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tn_ring_producer_free(producer: *mut RingProducer) {
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
pub unsafe extern "C" fn tn_ring_consumer_free(consumer: *mut RingConsumer) {
    // SAFETY: the caller's promise.
    unsafe { free(consumer) }
}

fn memory_bytes(capacity: usize) -> Option<usize> {
    carved_bytes::<Control>(1)?.checked_add(carved_bytes::<u64>(capacity)?)
}
