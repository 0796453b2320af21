//! The rivals' codecs, each over memory that has been touched before.

use std::hint::black_box;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use commitlog::message::{MessageBuf, MessageSet};
use wal_db::{Wal, WalStore};

use crate::codec::{Codec, Payloads};

/// open-wal's record codec, which its fuzzing interface shows.
pub(crate) struct OpenWal {
    payloads: Payloads,
    log: Vec<u8>,
}

/// What stands before a payload of open-wal.
const OPEN_WAL_HEADER_SIZE_BYTES: usize = 20;

impl OpenWal {
    pub(crate) fn new(payloads: &Payloads) -> Self {
        let mut log = vec![1; payloads.bytes.len() + payloads.count() * 32];
        log.clear();
        Self { payloads: *payloads, log }
    }
}

impl Codec for OpenWal {
    fn encode(&mut self) {
        self.log.clear();
        for (lsn, payload) in self.payloads.iter().enumerate() {
            open_wal::fuzzing::encode_record_into(&mut self.log, lsn as u64 + 1, payload);
        }
        black_box(&self.log);
    }

    fn scan(&mut self, see: &mut dyn FnMut(&[u8])) {
        let mut rest = black_box(self.log.as_slice());
        while let Some((size_bytes, framed_size_bytes)) =
            open_wal::fuzzing::decode_record(rest, u32::MAX)
        {
            see(&rest[OPEN_WAL_HEADER_SIZE_BYTES..][..size_bytes]);
            rest = &rest[framed_size_bytes..];
        }
    }
}

/// commitlog's buffer of messages.
pub(crate) struct Commitlog {
    payloads: Payloads,
    log: MessageBuf,
}

impl Commitlog {
    pub(crate) fn new(payloads: &Payloads) -> Self {
        let mut codec = Self { payloads: *payloads, log: MessageBuf::default() };
        // Grows the buffer to its size.
        codec.encode();
        codec
    }
}

impl Codec for Commitlog {
    fn encode(&mut self) {
        self.log.clear();
        for payload in self.payloads.iter() {
            self.log.push(payload).expect("memory has no limit here");
        }
        black_box(&self.log);
    }

    fn scan(&mut self, see: &mut dyn FnMut(&[u8])) {
        for message in black_box(&self.log).iter() {
            assert!(message.verify_hash(), "nothing was damaged");
            see(message.payload());
        }
    }
}

/// wal-db's log, over memory as its own store in memory is, but used again.
pub(crate) struct WalDb {
    payloads: Payloads,
    store: Store,
    log: Wal<Store>,
}

impl WalDb {
    pub(crate) fn new(payloads: &Payloads) -> Self {
        let bytes = vec![1; payloads.bytes.len() + payloads.count() * 8];
        let store = Store(Arc::new(Mutex::new(Memory { bytes, used_size_bytes: 0 })));
        let log = Wal::with_store(store.clone()).expect("an empty log");
        Self { payloads: *payloads, store, log }
    }
}

impl Codec for WalDb {
    fn encode(&mut self) {
        self.store.lock().used_size_bytes = 0;
        self.log = Wal::with_store(self.store.clone()).expect("an empty log");
        for payload in self.payloads.iter() {
            _ = black_box(self.log.append(payload).expect("room"));
        }
    }

    fn scan(&mut self, see: &mut dyn FnMut(&[u8])) {
        for record in self.log.iter().expect("whole") {
            see(record.expect("whole").data());
        }
    }
}

#[derive(Clone)]
struct Store(Arc<Mutex<Memory>>);

struct Memory {
    bytes: Vec<u8>,
    used_size_bytes: usize,
}

impl Store {
    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WalStore for Store {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> wal_db::Result<()> {
        let mut memory = self.lock();
        let at = offset as usize;
        memory.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        memory.used_size_bytes = memory.used_size_bytes.max(at + bytes.len());
        Ok(())
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> wal_db::Result<usize> {
        let memory = self.lock();
        let from = (offset as usize).min(memory.used_size_bytes);
        let size_bytes = into.len().min(memory.used_size_bytes - from);
        into[..size_bytes].copy_from_slice(&memory.bytes[from..from + size_bytes]);
        Ok(size_bytes)
    }

    fn truncate(&self, size_bytes: u64) -> wal_db::Result<()> {
        self.lock().used_size_bytes = size_bytes as usize;
        Ok(())
    }

    fn sync(&self) -> wal_db::Result<()> {
        Ok(())
    }

    fn len(&self) -> wal_db::Result<u64> {
        Ok(self.lock().used_size_bytes as u64)
    }
}
