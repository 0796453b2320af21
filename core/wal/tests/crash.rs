//! A writer that crashes again and again, on a disk that keeps any subset of unsynced sectors.
//!
//! What was acknowledged is read back; what is read back is the beginning of what was written;
//! reading twice gives the same; damage to what was acknowledged is called corruption.

mod common;

use std::collections::BTreeMap;

use common::{kind, noise};
use proptest::prelude::*;
use treenail_wal::{Encoder, Epoch, Kind, Lsn, RECORD_HEADER_SIZE_BYTES, Scanner, Segment, Tail};

const SECTOR_SIZE_BYTES: usize = 512;
const FILE_SIZE_BYTES: usize = 16 << 10;

/// One thing that happens.
#[derive(Clone, Debug)]
enum Event {
    /// A group of records with payloads of these sizes, in one write.
    Group(Vec<usize>),
    Sync,
    /// Power goes; which unsynced sectors are kept is drawn from the seed. Then recovery, and on in
    /// place.
    Crash {
        seed: u64,
    },
    /// Only the process goes; the file stays as it was written. Recovery as above.
    Kill,
    /// A clean close, and opening again.
    Reopen,
    /// A bit of an acknowledged record flips.
    Rot {
        seed: u64,
    },
}

fn event() -> impl Strategy<Value = Event> {
    let sizes = prop::collection::vec(prop_oneof![0..40_usize, 0..900_usize], 1..5);
    prop_oneof![
        6 => sizes.prop_map(Event::Group),
        3 => Just(Event::Sync),
        3 => any::<u64>().prop_map(|seed| Event::Crash { seed }),
        1 => Just(Event::Kill),
        1 => Just(Event::Reopen),
        2 => any::<u64>().prop_map(|seed| Event::Rot { seed }),
    ]
}

struct Disk {
    /// What is there after a power failure at the latest.
    synced: Vec<u8>,
    /// What the process sees.
    cached: Vec<u8>,
}

impl Disk {
    fn sync(&mut self) {
        self.synced.clone_from(&self.cached);
    }

    fn crash(&mut self, seed: u64) {
        let kept = noise(FILE_SIZE_BYTES / SECTOR_SIZE_BYTES, seed);
        for (sector, kept) in kept.iter().enumerate() {
            let sector = sector * SECTOR_SIZE_BYTES..(sector + 1) * SECTOR_SIZE_BYTES;
            if kept % 2 == 0 {
                self.cached[sector.clone()].copy_from_slice(&self.synced[sector]);
            }
        }
        self.sync();
    }
}

struct Writer {
    segment: Segment,
    disk: Disk,
    encoder: Encoder,
    /// The records that stand, by LSN: payload, and where they end.
    records: BTreeMap<Lsn, (Vec<u8>, Lsn)>,
    /// Up to where a caller was told that it is safe.
    acknowledged: Lsn,
    seed: u64,
}

impl Writer {
    fn new(salt: u64, recycled: bool) -> Self {
        let segment = Segment { salt, ..Segment::default() };
        let mut bytes = vec![0; FILE_SIZE_BYTES];
        if recycled {
            let old = Segment { salt: !salt, epoch: Epoch(1000), ..segment };
            let mut at = old.encode(&mut bytes).expect("room");
            let mut encoder = Encoder::new(&old);
            while let Ok(size_bytes) = encoder.encode(&mut bytes[at..], kind(3), &noise(50, 3)) {
                encoder.set_durable(encoder.next());
                at += size_bytes;
            }
        }
        segment.encode(&mut bytes).expect("room");
        let disk = Disk { synced: bytes.clone(), cached: bytes };
        let (encoder, records) = (Encoder::new(&segment), BTreeMap::new());
        Self { segment, disk, encoder, records, acknowledged: Lsn::ZERO, seed: salt }
    }

    fn append(&mut self, kind: Kind, size_bytes: usize) {
        let lsn = self.encoder.next();
        let at = self.segment.offset_of(lsn).expect("not before") as usize;
        self.seed += 1;
        let payload = noise(size_bytes, self.seed);
        let room = self.disk.cached.get_mut(at..).unwrap_or_default();
        if self.encoder.encode(room, kind, &payload).is_ok() {
            self.records.insert(lsn, (payload, self.encoder.next()));
        }
    }

    fn sync(&mut self) {
        self.disk.sync();
        self.encoder.set_durable(self.encoder.next());
        self.acknowledged = self.encoder.next();
    }

    /// Reads the log, checks it against what is known, and goes on writing at its end.
    fn recover(&mut self, closed: bool) -> Result<(), TestCaseError> {
        let mut scanner = Scanner::new(&self.disk.cached).expect("the header was synced");
        let mut written = self.records.iter();
        let mut last_closes = false;
        for record in scanner.by_ref() {
            last_closes = record.closes();
            let (lsn, (payload, end)) = written.next().expect("no more than was written");
            prop_assert_eq!((*lsn, *end), (record.lsn, record.end()));
            prop_assert_eq!(payload, record.payload);
        }
        let tail = scanner.finish();
        prop_assert!(!matches!(tail, Tail::Corrupt { .. }), "a crash is no corruption: {:?}", tail);
        prop_assert!(
            tail.at() >= self.acknowledged,
            "{tail:?}, acknowledged {}",
            self.acknowledged
        );
        let is_clean = matches!(tail, Tail::Clean { .. });
        prop_assert!(is_clean || !closed, "{:?}", tail);
        prop_assert!(last_closes || !is_clean, "{:?}", tail);
        let again = Scanner::new(&self.disk.cached).expect("as before").finish();
        prop_assert_eq!(again, tail);
        self.records.split_off(&tail.at());
        let epoch = scanner.epoch_max().next().expect("few openings");
        let end = self.segment.offset_of(tail.at()).expect("not before") as usize;
        self.disk.cached.get_mut(end..).unwrap_or_default().fill(0);
        self.encoder = Encoder::resume(&self.segment, epoch, tail.at());
        self.sync();
        Ok(())
    }

    /// Flips a bit of what was acknowledged, and looks.
    fn rot(&self, seed: u64) -> Result<(), TestCaseError> {
        let from = self.segment.records_at as usize;
        let to = self.segment.offset_of(self.acknowledged).expect("not before") as usize;
        if from == to {
            return Ok(());
        }
        let at = from + seed as usize % (to - from);
        let mut bytes = self.disk.cached.clone();
        bytes[at] ^= 1 << ((seed >> 32) % 8);
        let lsn = self.segment.lsn_at((at & !7) as u64).expect("not before");
        let (damaged, _) = self.records.range(..=lsn).next_back().expect("acknowledged");
        let mut scanner = Scanner::new(&bytes).expect("whole").witnessed(self.acknowledged);
        prop_assert_eq!(scanner.by_ref().count(), self.records.range(..damaged).count());
        let tail = scanner.finish();
        let is_corrupt = matches!(tail, Tail::Corrupt { at, .. } if at == *damaged);
        prop_assert!(is_corrupt, "{:?}", tail);
        // Without the help, if a record says so whose header is not the one that was hit.
        let witness = self.records.range(*damaged..).any(|(lsn, _)| {
            let offset = self.segment.offset_of(*lsn).expect("not before") as usize;
            let header = offset..offset + RECORD_HEADER_SIZE_BYTES;
            let mut alone = Scanner::at(&self.segment, *lsn, &self.disk.cached[offset..]);
            let says = alone.next().is_some_and(|record| record.durable > *damaged);
            says && !header.contains(&at)
        });
        let tail = Scanner::new(&bytes).expect("whole").finish();
        prop_assert!(!witness || matches!(tail, Tail::Corrupt { .. }), "{:?}", tail);
        prop_assert_eq!(tail.at(), *damaged);
        Ok(())
    }

    fn step(&mut self, event: &Event) -> Result<(), TestCaseError> {
        match event {
            Event::Group(sizes) => {
                for (number, size_bytes) in sizes.iter().enumerate() {
                    self.append(kind(number as u16 + 1), *size_bytes);
                }
            }
            Event::Sync => self.sync(),
            Event::Crash { seed } => {
                self.disk.crash(*seed);
                self.recover(false)?;
            }
            Event::Kill => self.recover(false)?,
            Event::Reopen => {
                self.sync();
                let before = self.encoder.next();
                self.append(Kind::WITNESS, 0);
                self.disk.sync();
                self.acknowledged = before;
                self.recover(self.encoder.next() > before)?;
            }
            Event::Rot { seed } => self.rot(*seed)?,
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(target_arch = "x86_64") { 600 } else { 20 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn acknowledged_records_survive_and_nothing_else_appears(
        salt in any::<u32>(),
        recycled in any::<bool>(),
        events in prop::collection::vec(event(), 1..60),
    ) {
        let mut writer = Writer::new(salt.into(), recycled);
        for event in &events {
            writer.step(event)?;
        }
    }
}
