//! Side columns: one content id, or directory digest, beside each entry of a tree.

use std::sync::Arc;

use crate::block::Leaves;

/// The ids of one block, aligned with its entries; an entry may have none yet.
#[derive(Clone, Debug)]
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

    pub(crate) fn memory_bytes(&self) -> usize {
        self.bytes.len().next_multiple_of(8) + 16
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

    pub(crate) fn get(&self, entry: usize) -> Option<&[u8]> {
        self.known[entry]
            .then(|| &self.slots[entry * self.slot_bytes..(entry + 1) * self.slot_bytes])
    }

    /// Cuts the directory's ids as its blocks are cut.
    pub(crate) fn pack(&self, block_lens: impl Iterator<Item = usize>) -> Leaves<IdBlock> {
        let mut start = 0;
        let blocks: Vec<IdBlock> = block_lens
            .map(|len| {
                let block = self.block(start, len);
                start += len;
                block
            })
            .collect();
        Leaves::from(blocks)
    }

    fn block(&self, start: usize, len: usize) -> IdBlock {
        let slots = &self.slots[start * self.slot_bytes..(start + len) * self.slot_bytes];
        let mut bytes = Vec::with_capacity(slots.len() + len.div_ceil(8));
        bytes.extend_from_slice(slots);
        for known in self.known[start..start + len].chunks(8) {
            let bits = known.iter().enumerate().map(|(i, known)| u8::from(*known) << i);
            bytes.push(bits.fold(0, |all, bit| all | bit));
        }
        IdBlock { bytes: bytes.into(), slot_bytes: self.slot_bytes as u8, len: len as u16 }
    }
}
