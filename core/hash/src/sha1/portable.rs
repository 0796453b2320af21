//! One message by portable code, block after block.

use super::Collision;
use super::exact::{self, BLOCK_BYTES, INITIAL, State};

#[derive(Clone, Debug)]
pub(super) struct Hasher {
    state: State,
    message_bytes: u64,
    /// The end of the message that is not compressed yet: less than a block.
    buffer: [u8; BLOCK_BYTES],
    attacked: bool,
}

impl Default for Hasher {
    fn default() -> Self {
        Self { state: INITIAL, message_bytes: 0, buffer: [0; BLOCK_BYTES], attacked: false }
    }
}

impl Hasher {
    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        let buffered = self.buffered_bytes();
        self.message_bytes = self.message_bytes.wrapping_add(bytes.len() as u64);
        if buffered > 0 {
            let room = &mut self.buffer[buffered..];
            let (head, rest) = bytes.split_at(bytes.len().min(room.len()));
            room[..head.len()].copy_from_slice(head);
            if head.len() < room.len() {
                return;
            }
            self.attacked |= exact::compress(&mut self.state, &self.buffer);
            bytes = rest;
        }
        let (blocks, rest) = bytes.as_chunks();
        for block in blocks {
            self.attacked |= exact::compress(&mut self.state, block);
        }
        self.buffer[..rest.len()].copy_from_slice(rest);
    }

    pub(super) fn finish(mut self) -> Result<[u8; 20], Collision> {
        let length = (self.message_bytes << 3).to_be_bytes();
        let end = BLOCK_BYTES - length.len();
        let zeros = [0; BLOCK_BYTES];
        self.update(&[0x80]);
        let buffered = self.buffered_bytes();
        let padding_bytes = (end + BLOCK_BYTES - buffered) % BLOCK_BYTES;
        self.update(&zeros[..padding_bytes]);
        self.update(&length);
        Collision::or_digest(exact::digest(self.state), self.attacked)
    }

    fn buffered_bytes(&self) -> usize {
        (self.message_bytes % BLOCK_BYTES as u64) as usize
    }
}

pub(super) fn hash_short(message: &[u8]) -> Result<[u8; 20], Collision> {
    let mut hasher = Hasher::default();
    hasher.update(message);
    hasher.finish()
}
