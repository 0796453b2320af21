//! What is framed, who frames it, and ours.

use std::hint::black_box;

use treenail_wal::{Encoder, Kind, RECORD_HEADER_SIZE_BYTES, Scanner, Segment, record_size_bytes};

/// Pseudo-random payloads of one length, one behind the other, for as long as the process lives.
#[derive(Clone, Copy)]
pub(crate) struct Payloads {
    pub(crate) bytes: &'static [u8],
    pub(crate) size_bytes: usize,
}

impl Payloads {
    pub(crate) fn new(total_size_bytes: usize, size_bytes: usize) -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut bytes = vec![0_u8; total_size_bytes / size_bytes * size_bytes];
        for word in bytes.chunks_mut(8) {
            // xorshift64 (Marsaglia, "Xorshift RNGs", 2003)
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            word.copy_from_slice(&state.to_le_bytes()[..word.len()]);
        }
        Self { bytes: bytes.leak(), size_bytes }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &'static [u8]> {
        black_box(self.bytes).chunks_exact(self.size_bytes)
    }

    pub(crate) fn count(&self) -> usize {
        self.bytes.len() / self.size_bytes
    }
}

/// Somebody who frames the payloads into memory of its own, and reads them back.
pub(crate) trait Codec {
    /// Frames all payloads, over those of the last time.
    fn encode(&mut self);

    /// Reads and checks what was framed, and shows each payload.
    fn scan(&mut self, see: &mut dyn FnMut(&[u8]));
}

/// treenail-wal.
pub(crate) struct Ours {
    payloads: Payloads,
    segment: Segment,
    log: Vec<u8>,
    used_size_bytes: usize,
}

impl Ours {
    pub(crate) fn new(payloads: &Payloads) -> Self {
        let segment = Segment { salt: 0x0123_4567_89ab_cdef, ..Segment::default() };
        let size_bytes = payloads.count() * record_size_bytes(payloads.size_bytes);
        // Touched, so that no page is met for the first time while the clock runs.
        let mut log = vec![1; segment.records_at as usize + size_bytes];
        let used_size_bytes = segment.encode(&mut log).expect("room");
        Self { payloads: *payloads, segment, log, used_size_bytes }
    }
}

impl Codec for Ours {
    fn encode(&mut self) {
        let mut at = self.segment.records_at as usize;
        let mut encoder = Encoder::new(&self.segment);
        for payload in self.payloads.iter() {
            at += encoder.encode(&mut self.log[at..], Kind::MAX, payload).expect("room");
        }
        self.used_size_bytes = at;
        black_box(&self.log);
    }

    fn scan(&mut self, see: &mut dyn FnMut(&[u8])) {
        let log = black_box(&self.log[..self.used_size_bytes]);
        let mut scanner = Scanner::new(log).expect("the header is whole");
        for record in scanner.by_ref() {
            see(record.payload);
        }
        black_box(scanner.finish());
    }
}

/// The same where payloads have been put, for instance read from a socket, where they are to lie in
/// the log.
pub(crate) struct InPlace(Ours);

impl InPlace {
    pub(crate) fn new(payloads: &Payloads) -> Self {
        let mut ours = Ours::new(payloads);
        let records = &mut ours.log[ours.segment.records_at as usize..];
        let records = records.chunks_exact_mut(record_size_bytes(payloads.size_bytes));
        for (record, payload) in records.zip(payloads.iter()) {
            record[RECORD_HEADER_SIZE_BYTES..][..payload.len()].copy_from_slice(payload);
        }
        Self(ours)
    }
}

impl Codec for InPlace {
    fn encode(&mut self) {
        let ours = &mut self.0;
        let mut at = ours.segment.records_at as usize;
        let mut encoder = Encoder::new(&ours.segment);
        for _ in 0..ours.payloads.count() {
            let stamp = encoder.stamp(Kind::MAX, ours.payloads.size_bytes).expect("short");
            at += stamp.seal(&mut ours.log[at..]).expect("room");
        }
        ours.used_size_bytes = at;
        black_box(&ours.log);
    }

    fn scan(&mut self, see: &mut dyn FnMut(&[u8])) {
        self.0.scan(see);
    }
}
