//! Side columns: one content id, or directory digest, beside each entry of a tree.

use std::iter;
use std::sync::Arc;

use crate::pages::Shared;

/// The ids of one block, aligned with its entries; an entry may have none yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct IdBlock {
    /// The slots, then one bit an entry that says whether the slot is filled.
    bytes: Arc<[u8]>,
    slot_bytes: u8,
    len: u16,
}

impl IdBlock {
    pub(crate) fn len(&self) -> usize {
        usize::from(self.len)
    }

    pub(crate) fn get(&self, entry: usize) -> Option<&[u8]> {
        let slot = usize::from(self.slot_bytes);
        let known = self.bytes[self.len() * slot + entry / 8] >> (entry % 8) & 1 == 1;
        known.then(|| &self.bytes[entry * slot..(entry + 1) * slot])
    }

    /// The slots of all entries, one after the other; zeros where there is no id.
    pub(crate) fn slots(&self) -> &[u8] {
        &self.bytes[..self.len() * usize::from(self.slot_bytes)]
    }

    /// A block of entries without ids.
    pub(crate) fn unknown(len: usize, slot_bytes: usize) -> Self {
        // Made in place: a vector would be copied.
        let bytes = iter::repeat_n(0, len * slot_bytes + len.div_ceil(8)).collect();
        Self { bytes, slot_bytes: slot_bytes as u8, len: len as u16 }
    }

    /// Stores an id in a block that is not shared yet; one that is shorter than the slot is
    /// followed by zeros.
    pub(crate) fn set(&mut self, entry: usize, id: &[u8]) {
        let (len, slot_bytes) = (self.len(), usize::from(self.slot_bytes));
        let bytes = Arc::get_mut(&mut self.bytes).expect("nobody else has the block");
        let slot = &mut bytes[entry * slot_bytes..(entry + 1) * slot_bytes];
        slot[..id.len()].copy_from_slice(id);
        slot[id.len()..].fill(0);
        bytes[len * slot_bytes + entry / 8] |= 1 << (entry % 8);
    }

    /// The block with other slots for some entries.
    pub(crate) fn with<'a>(&self, slots: impl Iterator<Item = (usize, Option<&'a [u8]>)>) -> Self {
        let mut copy: Arc<[u8]> = Arc::from(&*self.bytes);
        let bytes = Arc::get_mut(&mut copy).expect("just made");
        let slot_bytes = usize::from(self.slot_bytes);
        for (entry, id) in slots {
            let slot = &mut bytes[entry * slot_bytes..(entry + 1) * slot_bytes];
            slot.fill(0);
            if let Some(id) = id {
                slot[..id.len()].copy_from_slice(id);
            }
            let known = &mut bytes[self.len() * slot_bytes + entry / 8];
            *known = *known & !(1 << (entry % 8)) | u8::from(id.is_some()) << (entry % 8);
        }
        Self { bytes: copy, ..*self }
    }

    /// Whether both are one block in memory.
    pub(crate) fn is_shared_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.bytes, &other.bytes)
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.bytes.len().next_multiple_of(8) + 16
    }
}

impl Shared for IdBlock {
    fn sharers(&self) -> usize {
        Arc::strong_count(&self.bytes)
    }
}

/// The ids of one directory while they come in, in any order.
#[derive(Debug)]
pub(crate) struct IdBuffer {
    slot_bytes: usize,
    slots: Vec<u8>,
    known: Vec<bool>,
}

impl IdBuffer {
    pub(crate) fn new(entries: usize, slot_bytes: usize) -> Self {
        Self { slot_bytes, slots: vec![0; entries * slot_bytes], known: vec![false; entries] }
    }

    /// Stores an id; one that is shorter than the slot is followed by zeros.
    pub(crate) fn set(&mut self, entry: usize, id: &[u8]) {
        let slot = &mut self.slots[entry * self.slot_bytes..(entry + 1) * self.slot_bytes];
        slot[..id.len()].copy_from_slice(id);
        slot[id.len()..].fill(0);
        self.known[entry] = true;
    }

    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    /// Adds an entry.
    pub(crate) fn push(&mut self, id: Option<&[u8]>) {
        self.slots.resize(self.slots.len() + self.slot_bytes, 0);
        self.known.push(false);
        if let Some(id) = id {
            self.set(self.len() - 1, id);
        }
    }

    /// Adds an entry like another one.
    pub(crate) fn push_copy(&mut self, entry: usize) {
        let slot = entry * self.slot_bytes..(entry + 1) * self.slot_bytes;
        self.slots.extend_from_within(slot);
        self.known.push(self.known[entry]);
    }

    pub(crate) fn get(&self, entry: usize) -> Option<&[u8]> {
        self.known[entry]
            .then(|| &self.slots[entry * self.slot_bytes..(entry + 1) * self.slot_bytes])
    }

    /// The block of `len` entries from `start`.
    pub(crate) fn block(&self, start: usize, len: usize) -> IdBlock {
        let mut block = IdBlock::unknown(len, self.slot_bytes);
        for entry in 0..len {
            if let Some(id) = self.get(start + entry) {
                block.set(entry, id);
            }
        }
        block
    }
}
