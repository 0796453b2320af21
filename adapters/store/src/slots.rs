//! Two places for a checkpoint, written in turns: a torn write costs the older one, never both.

use std::io;

use treenail_hash::xxh3::xxh3_64;
use treenail_wal::{Epoch, Lsn};

use crate::disk::{Access, Disk, DiskFile};

/// The most bytes that a checkpoint's own content may have.
pub const CHECKPOINT_BYTES_MAX: usize = SLOT_BYTES - HEADER_BYTES;

/// The files' names.
pub(crate) const NAMES: [&str; 2] = ["checkpoint.a", "checkpoint.b"];

/// The length of each file.
pub(crate) const SLOT_BYTES: usize = 64 << 10;
const HEADER_BYTES: usize = 64;
const MAGIC: &[u8; 8] = b"TNCKPT\x00\x01";
/// The checksum covers what is behind it.
const SUMMED_FROM: usize = 16;

/// What a slot holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slot {
    /// One more than in the slot before; the larger one is the newer one.
    pub(crate) sequence: u64,
    /// The log that it belongs to.
    pub(crate) log_id: u64,
    /// Records before this are not needed any more.
    pub(crate) lsn: Lsn,
    /// Records before this were durable when it was written.
    pub(crate) durable: Lsn,
    /// Of the opening of the log that wrote it.
    pub(crate) epoch: Epoch,
    /// The caller's own.
    pub(crate) content: Vec<u8>,
}

impl Slot {
    /// The bytes of the slot's file.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0; SLOT_BYTES];
        let end = HEADER_BYTES + self.content.len();
        bytes[..8].copy_from_slice(MAGIC);
        let fields = [
            self.sequence,
            self.log_id,
            self.lsn.get(),
            self.durable.get(),
            self.content.len() as u64,
            self.epoch.0.into(),
        ];
        for (field, place) in fields.iter().zip(bytes[SUMMED_FROM..].chunks_exact_mut(8)) {
            place.copy_from_slice(&field.to_le_bytes());
        }
        bytes[HEADER_BYTES..end].copy_from_slice(&self.content);
        let sum = xxh3_64(&bytes[SUMMED_FROM..end]);
        bytes[8..SUMMED_FROM].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// What the bytes hold; nothing if they are torn, damaged or no slot at all.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.get(..8)? != MAGIC {
            return None;
        }
        let number = |index: usize| {
            let at = 8 + index * 8;
            Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
        };
        let length = usize::try_from(number(5)?).ok()?;
        let epoch = Epoch(number(6)?.try_into().ok()?);
        let (lsn, durable) = (Lsn::new(number(3)?)?, Lsn::new(number(4)?)?);
        if length > CHECKPOINT_BYTES_MAX || lsn > durable {
            return None;
        }
        let end = HEADER_BYTES + length;
        if xxh3_64(bytes.get(SUMMED_FROM..end)?) != number(0)? {
            return None;
        }
        Some(Self {
            sequence: number(1)?,
            log_id: number(2)?,
            lsn,
            durable,
            epoch,
            content: bytes[HEADER_BYTES..end].to_vec(),
        })
    }
}

/// The two files.
pub(crate) struct Slots<F> {
    files: [F; 2],
    /// Which file holds the newest checkpoint; the other is written next.
    newest: usize,
}

impl<F: DiskFile> Slots<F> {
    /// Makes both files, with their space, so that a full disk prevents no checkpoint. Both stay
    /// from an earlier attempt, if there was one; the caller syncs the directory.
    pub(crate) fn create<D: Disk<File = F>>(disk: &D) -> io::Result<Self> {
        let create = |name| -> io::Result<F> {
            let file = match disk.create(name) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    disk.open(name, Access::Write)?
                }
                other => other?,
            };
            file.allocate(SLOT_BYTES as u64)?;
            file.write_at(&[0; SLOT_BYTES], 0)?;
            file.sync_data()?;
            Ok(file)
        };
        Ok(Self { files: [create(NAMES[0])?, create(NAMES[1])?], newest: 1 })
    }

    /// Opens both files and reads them; the newest checkpoint comes with them, if there is one.
    pub(crate) fn open<D: Disk<File = F>>(
        disk: &D,
        access: Access,
    ) -> io::Result<(Self, Option<Slot>)> {
        let files = [disk.open(NAMES[0], access)?, disk.open(NAMES[1], access)?];
        let mut newest: Option<(usize, Slot)> = None;
        for (index, file) in files.iter().enumerate() {
            let mut bytes = vec![0; SLOT_BYTES];
            let length = file.read_at(&mut bytes, 0)?;
            if let Some(slot) = Slot::parse(&bytes[..length])
                && newest.as_ref().is_none_or(|(_, other)| other.sequence < slot.sequence)
            {
                newest = Some((index, slot));
            }
        }
        let index = newest.as_ref().map_or(1, |(index, _)| *index);
        Ok((Self { files, newest: index }, newest.map(|(_, slot)| slot)))
    }

    /// Writes a checkpoint over the older one and makes it durable.
    pub(crate) fn write(&mut self, slot: &Slot) -> Result<(), SlotError> {
        let older = 1 - self.newest;
        let file = &self.files[older];
        file.write_at(&slot.encode(), 0).map_err(SlotError::Write)?;
        file.sync_data().map_err(SlotError::Sync)?;
        self.newest = older;
        Ok(())
    }
}

/// What failed; the newest checkpoint is still there.
#[derive(Debug)]
pub(crate) enum SlotError {
    /// The older slot is torn.
    Write(io::Error),
    /// Nobody knows what the older slot holds.
    Sync(io::Error),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::disk::OsDisk;

    fn lsn(bytes: u64) -> Lsn {
        Lsn::new(bytes).expect("a multiple of 8")
    }

    fn slot(sequence: u64) -> Slot {
        Slot {
            sequence,
            log_id: 77,
            lsn: lsn(8 * sequence),
            durable: lsn(16 * sequence),
            epoch: Epoch(3),
            content: vec![sequence as u8; 99],
        }
    }

    fn disk() -> (tempfile::TempDir, OsDisk) {
        let dir = tempfile::tempdir().expect("a directory");
        let disk = OsDisk::open(dir.path()).expect("opened");
        (dir, disk)
    }

    fn newest(disk: &OsDisk) -> Option<Slot> {
        Slots::open(disk, Access::Read).expect("opened").1
    }

    /// The table in docs/format/store.md.
    #[test]
    fn a_slot_has_the_documented_bytes() {
        let slot = Slot {
            sequence: 0x0102,
            log_id: 0x1112_1314_1516_1718,
            lsn: lsn(0x20),
            durable: lsn(0x30),
            epoch: Epoch(0x41),
            content: b"hello".to_vec(),
        };
        let bytes = slot.encode();
        assert_eq!(bytes.len(), 65_536);
        assert_eq!(&bytes[..8], b"TNCKPT\x00\x01");
        assert_eq!(bytes[8..16], 0xaead_7279_f28b_1bbb_u64.to_le_bytes());
        assert_eq!(bytes[16..24], [2, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes[24..32], [0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11]);
        assert_eq!(bytes[32..40], [0x20, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes[40..48], [0x30, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes[48..56], [5, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes[56..64], [0x41, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(&bytes[64..69], b"hello");
        assert!(bytes[69..].iter().all(|&byte| byte == 0));
        assert_eq!(Slot::parse(&bytes), Some(slot));
    }

    #[test]
    fn no_byte_of_a_slot_can_change_unseen() {
        let bytes = slot(1).encode();
        for at in 0..HEADER_BYTES + 99 {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            assert_eq!(Slot::parse(&changed), None, "byte {at}");
            assert_eq!(Slot::parse(&bytes[..at]), None, "cut at {at}");
        }
    }

    #[test]
    fn the_newest_wins_and_the_other_outlives_a_torn_write() {
        let (_dir, disk) = disk();
        let mut slots = Slots::create(&disk).expect("created");
        assert_eq!(newest(&disk), None);
        for sequence in 1..6 {
            slots.write(&slot(sequence)).expect("written");
            assert_eq!(newest(&disk), Some(slot(sequence)));
        }
        // The sixth goes where the fourth was, and stops half way.
        let torn = disk.open(NAMES[1], Access::Write).expect("opened");
        torn.write_at(&slot(6).encode()[..100], 0).expect("written");
        let (mut slots, found) = Slots::open(&disk, Access::Write).expect("opened");
        assert_eq!(found, Some(slot(5)));
        slots.write(&slot(6)).expect("written");
        assert_eq!(newest(&disk), Some(slot(6)), "the torn one was written over");
    }

    #[test]
    fn creating_twice_is_creating_once() {
        let (_dir, disk) = disk();
        drop(Slots::create(&disk).expect("created"));
        drop(Slots::create(&disk).expect("created"));
        assert_eq!(newest(&disk), None);
    }

    proptest! {
        #[test]
        fn whatever_the_bytes_parsing_returns(
            mut bytes in prop::collection::vec(any::<u8>(), 0..300),
            with_magic: bool,
            length in 0..400_u64,
        ) {
            if with_magic && bytes.len() >= HEADER_BYTES {
                bytes[..8].copy_from_slice(MAGIC);
                bytes[48..56].copy_from_slice(&length.to_le_bytes());
                bytes[56..64].fill(0);
                let end = bytes.len().min(HEADER_BYTES + length as usize);
                let sum = xxh3_64(&bytes[SUMMED_FROM..end]);
                bytes[8..16].copy_from_slice(&sum.to_le_bytes());
            }
            if let Some(slot) = Slot::parse(&bytes) {
                let end = HEADER_BYTES + slot.content.len();
                prop_assert_eq!(&slot.encode()[..end], &bytes[..end]);
            }
        }
    }
}
