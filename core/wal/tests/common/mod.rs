//! A log in memory, and what is known about it.
#![allow(dead_code, reason = "no test uses all of it")]

use treenail_wal::{
    Encoder, Epoch, Kind, Lsn, RECORD_HEADER_SIZE_BYTES, Record, Scanner, Segment, Tail,
};

/// A record as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) lsn: Lsn,
    pub(crate) end: Lsn,
    pub(crate) durable: Lsn,
    pub(crate) epoch: Epoch,
    pub(crate) kind: Kind,
    pub(crate) payload: Vec<u8>,
}

impl Written {
    pub(crate) fn is(&self, record: &Record<'_>) -> bool {
        (self.lsn, self.end, self.durable) == (record.lsn, record.end(), record.durable)
            && (self.epoch, self.kind) == (record.epoch, record.kind)
            && self.payload == record.payload
    }
}

/// A segment in memory.
#[derive(Clone)]
pub(crate) struct Log {
    pub(crate) segment: Segment,
    pub(crate) bytes: Vec<u8>,
    pub(crate) written: Vec<Written>,
    pub(crate) encoder: Encoder,
}

pub(crate) fn kind(number: u16) -> Kind {
    Kind::new(number).expect("a kind of the caller's")
}

pub(crate) fn lsn(bytes: u64) -> Lsn {
    Lsn::new(bytes).expect("a multiple of 8")
}

/// Bytes that look like nothing in particular.
pub(crate) fn noise(size_bytes: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    core::iter::repeat_with(next).take(size_bytes).collect()
}

impl Log {
    /// Begins a segment in a file with these contents.
    pub(crate) fn begin(segment: Segment, mut bytes: Vec<u8>) -> Self {
        segment.encode(&mut bytes).expect("the file has room for the header");
        Self { segment, bytes, written: Vec::new(), encoder: Encoder::new(&segment) }
    }

    pub(crate) fn offset(&self, lsn: Lsn) -> usize {
        self.segment.offset_of(lsn).expect("within the segment") as usize
    }

    pub(crate) fn end(&self) -> Lsn {
        self.encoder.next()
    }

    /// Whether a record with this much payload still has room.
    pub(crate) fn has_room(&self, payload_size_bytes: usize) -> bool {
        let size_bytes = treenail_wal::record_size_bytes(payload_size_bytes);
        self.bytes.len() - self.offset(self.end()) >= size_bytes
    }

    pub(crate) fn append(&mut self, kind: Kind, payload: &[u8]) {
        let (lsn, at) = (self.end(), self.offset(self.end()));
        let durable = self.encoder.durable();
        let size_bytes = self.encoder.encode(&mut self.bytes[at..], kind, payload).expect("room");
        let end = lsn.checked_add(size_bytes as u64).expect("few bytes");
        assert_eq!(end, self.end());
        let read = Scanner::at(&self.segment, lsn, &self.bytes[at..]).next();
        let epoch = read.expect("what was framed can be read").epoch;
        let payload = payload.to_vec();
        self.written.push(Written { lsn, end, durable, epoch, kind, payload });
    }

    /// As after a sync.
    pub(crate) fn sync(&mut self) {
        self.encoder.set_durable(self.end());
    }

    /// As a clean close does.
    pub(crate) fn close(&mut self) {
        self.sync();
        self.append(Kind::WITNESS, &[]);
    }

    /// Some groups of some records each, synced after each group but the last.
    pub(crate) fn fill(&mut self, groups: usize, payload_size_bytes_max: usize) {
        for group in 0..groups {
            for i in 0..3 {
                let number = group * 3 + i;
                let size_bytes = (number * 37 + 5) % (payload_size_bytes_max + 1);
                if self.has_room(size_bytes) {
                    self.append(kind(number as u16 + 1), &noise(size_bytes, number as u64));
                }
            }
            if group + 1 < groups {
                self.sync();
            }
        }
    }

    /// The first record of which a byte is not as it was written, or where they end.
    pub(crate) fn first_damage(&self, bytes: &[u8]) -> Lsn {
        let damaged = self.written.iter().find(|one| {
            let (from, to) = (self.offset(one.lsn), self.offset(one.end));
            bytes.get(from..to) != Some(&self.bytes[from..to])
        });
        damaged.map_or(self.end(), |one| one.lsn)
    }

    /// Up to where the headers that are whole say that the log was durable.
    pub(crate) fn witnessed(&self, bytes: &[u8]) -> Lsn {
        let whole = self.written.iter().filter(|one| {
            let from = self.offset(one.lsn);
            let to = from + RECORD_HEADER_SIZE_BYTES;
            bytes.get(from..to) == Some(&self.bytes[from..to])
        });
        whole.map(|one| one.durable).max().unwrap_or(self.segment.durable)
    }

    /// Scans `bytes`, a damaged copy, and holds the outcome against what was written.
    pub(crate) fn check(&self, bytes: &[u8], external: Lsn, context: &str) -> Tail {
        let mut scanner = Scanner::new(bytes).expect("the header is whole").witnessed(external);
        let at = self.first_damage(bytes);
        let mut expected = self.written.iter().take_while(|one| one.lsn < at);
        for record in scanner.by_ref() {
            let written = expected.next();
            let is_right = written.is_some_and(|written| written.is(&record));
            assert!(is_right, "{context}: {record:?} was not written; {written:?} was");
        }
        assert_eq!(expected.next(), None, "{context}: a whole record before {at} is missing");
        let tail = scanner.finish();
        assert_eq!(tail.at(), at, "{context}: {tail:?}");
        let witnessed = self.witnessed(bytes).max(external);
        match tail {
            Tail::Corrupt { durable, .. } => {
                assert!(witnessed > at && durable > at && durable <= witnessed, "{context}");
            }
            Tail::Torn { durable, .. } | Tail::Unwitnessed { durable, .. } => {
                assert!(witnessed <= at, "{context}: {tail:?}, but durable up to {witnessed}");
                assert!(durable <= at, "{context}");
            }
            Tail::Clean { at } => {
                assert!(witnessed <= at && at == self.end(), "{context}: {tail:?}");
            }
        }
        tail
    }
}
