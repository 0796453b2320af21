//! A message that comes in pieces.

use super::long::{Lanes, STRIPE_BYTES};
use super::secret::Key;
use super::short::SHORT_BYTES_MAX;
use super::{dispatch, hash_64_short, hash_128_short};

/// Holds any message that is short enough for the scalar functions.
const BUFFER_BYTES: usize = 256;
const _: () = assert!(BUFFER_BYTES > SHORT_BYTES_MAX && BUFFER_BYTES.is_multiple_of(STRIPE_BYTES));

/// The state of one message.
///
/// The last bytes always stay in `buffer`, at least one of them: a stripe goes to the lanes only
/// when more follows, because the end of the message is treated differently.
#[derive(Clone)]
pub(super) struct Stream<K> {
    lanes: Lanes,
    buffer: [u8; BUFFER_BYTES],
    /// How much of `buffer` waits. What lies after it is older: once a stripe has gone to the
    /// lanes, the end of `buffer` holds the end of what went.
    buffered: usize,
    /// Stripes added since the last scramble.
    stripes: usize,
    length: u64,
    key: K,
}

impl<K: Key> Stream<K> {
    pub(super) fn new(key: K) -> Self {
        Self {
            lanes: Lanes::INITIAL,
            buffer: [0; BUFFER_BYTES],
            buffered: 0,
            stripes: 0,
            length: 0,
            key,
        }
    }

    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        self.length = self.length.wrapping_add(bytes.len() as u64);
        let room = BUFFER_BYTES - self.buffered;
        if bytes.len() <= room {
            self.buffer[self.buffered..][..bytes.len()].copy_from_slice(bytes);
            self.buffered += bytes.len();
            return;
        }
        let secret = self.key.secret();
        if self.buffered > 0 {
            let (head, rest) = bytes.split_at(room);
            self.buffer[self.buffered..].copy_from_slice(head);
            self.stripes = dispatch::update(&mut self.lanes, self.stripes, &self.buffer, secret);
            bytes = rest;
        }
        if bytes.len() > BUFFER_BYTES {
            let whole = (bytes.len() - 1) / STRIPE_BYTES * STRIPE_BYTES;
            let (stripes, rest) = bytes.split_at(whole);
            self.stripes = dispatch::update(&mut self.lanes, self.stripes, stripes, secret);
            let end = self.buffer.last_chunk_mut().expect("a stripe");
            *end = *stripes.last_chunk::<STRIPE_BYTES>().expect("more than a stripe");
            bytes = rest;
        }
        self.buffer[..bytes.len()].copy_from_slice(bytes);
        self.buffered = bytes.len();
    }

    #[inline]
    pub(super) fn digest_64(&self) -> u64 {
        if self.length <= SHORT_BYTES_MAX as u64 {
            hash_64_short(&self.buffer[..self.buffered], &self.key)
        } else {
            let (lanes, last) = self.last_stripe();
            dispatch::finish_64(&lanes, &last, self.length, self.key.secret())
        }
    }

    #[inline]
    pub(super) fn digest_128(&self) -> u128 {
        if self.length <= SHORT_BYTES_MAX as u64 {
            hash_128_short(&self.buffer[..self.buffered], &self.key)
        } else {
            let (lanes, last) = self.last_stripe();
            dispatch::finish_128(&lanes, &last, self.length, self.key.secret())
        }
    }

    /// The accumulators with what waits in the buffer, and the last 64 bytes, which are still to be
    /// added.
    fn last_stripe(&self) -> (Lanes, [u8; STRIPE_BYTES]) {
        let waiting = &self.buffer[..self.buffered];
        if let Some(&last) = waiting.last_chunk() {
            let mut lanes = self.lanes;
            let whole = (waiting.len() - 1) / STRIPE_BYTES * STRIPE_BYTES;
            dispatch::update(&mut lanes, self.stripes, &waiting[..whole], self.key.secret());
            return (lanes, last);
        }
        let mut last = [0; STRIPE_BYTES];
        let (older, newer) = last.split_at_mut(STRIPE_BYTES - waiting.len());
        older.copy_from_slice(&self.buffer[BUFFER_BYTES - older.len()..]);
        newer.copy_from_slice(waiting);
        (self.lanes, last)
    }
}
