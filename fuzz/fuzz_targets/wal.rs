//! A log that is written, damaged and read: what is read was written, and the verdict is the right
//! one. And bytes of any kind with right checksums: they are read to a verdict.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use treenail_hash::{Crc32c, Hash};
use treenail_wal::{
    Encoder, Epoch, Kind, LogScanner, Lsn, RECORD_HEADER_SIZE_BYTES, Scanner, Segment, Tail,
};

const FILE_SIZE_BYTES: usize = 8 << 10;
const SECTOR_SIZE_BYTES: usize = 512;

#[derive(Debug, Arbitrary)]
struct Input {
    salt: u64,
    first: u32,
    recycled: bool,
    steps: Vec<Step>,
    damage: Vec<Damage>,
    /// Somebody else's witness, in bytes from the first LSN on, if not beyond what was synced.
    witnessed: u16,
    raw: Vec<u8>,
    until: Option<u16>,
}

#[derive(Debug, Arbitrary)]
enum Step {
    Append { kind: u16, size_bytes: u16, fill: u8 },
    Sync,
    Witness,
    Reopen,
}

#[derive(Debug, Arbitrary)]
enum Damage {
    Flip { at: u16, mask: u8 },
    Zero { sector: u8 },
    Stale { sector: u8 },
    Cut { size_bytes: u16 },
}

struct Written {
    lsn: Lsn,
    end: Lsn,
    durable: Lsn,
    payload: Vec<u8>,
}

fuzz_target!(|input: Input| {
    let Some(first) = Lsn::new(u64::from(input.first) * 8) else { return };
    let segment = Segment { salt: input.salt, first, ..Segment::default() };
    damaged(&input, segment);
    with_right_checksums(&input, segment);
});

fn damaged(input: &Input, segment: Segment) {
    let old = if input.recycled { earlier_use(segment) } else { vec![0; FILE_SIZE_BYTES] };
    let mut bytes = old.clone();
    segment.encode(&mut bytes).expect("room");
    let (encoder, written) = write(input, segment, &mut bytes);
    let offset = |lsn| segment.offset_of(lsn).expect("within the segment") as usize;

    let whole = bytes.clone();
    for damage in &input.damage {
        match *damage {
            Damage::Flip { at, mask } => {
                let at = usize::from(at);
                if (64..bytes.len()).contains(&at) {
                    bytes[at] ^= mask;
                }
            }
            Damage::Zero { sector } => lose(&mut bytes, &[0; FILE_SIZE_BYTES], sector),
            Damage::Stale { sector } => lose(&mut bytes, &old, sector),
            Damage::Cut { size_bytes } => bytes.truncate(usize::from(size_bytes).max(64)),
        }
    }
    let is_whole = |from: usize, to: usize| bytes.get(from..to) == Some(&whole[from..to]);
    let damaged = written.iter().find(|one| !is_whole(offset(one.lsn), offset(one.end)));
    let at = damaged.map_or(encoder.next(), |one| one.lsn);
    let external = first_of(segment, input.witnessed).min(encoder.durable());
    let claims = written
        .iter()
        .filter(|one| is_whole(offset(one.lsn), offset(one.lsn) + RECORD_HEADER_SIZE_BYTES));
    let durable = claims.map(|one| one.durable).max().unwrap_or_default().max(external);

    let mut scanner = Scanner::new(&bytes).expect("the header is whole").witnessed(external);
    let mut expected = written.iter().take_while(|one| one.lsn < at);
    for record in scanner.by_ref() {
        let written = expected.next().expect("no more than was written");
        assert_eq!((record.lsn, record.end()), (written.lsn, written.end));
        assert_eq!(record.payload, written.payload);
    }
    assert!(expected.next().is_none(), "a whole record before {at} is missing");
    let tail = scanner.finish();
    assert_eq!(tail.at(), at);
    assert_eq!(durable > at, matches!(tail, Tail::Corrupt { .. }), "{tail:?}, {durable}");
}

fn write(input: &Input, segment: Segment, bytes: &mut [u8]) -> (Encoder, Vec<Written>) {
    let (mut encoder, mut written) = (Encoder::new(&segment), Vec::<Written>::new());
    let mut epoch = segment.epoch;
    for step in &input.steps {
        let (kind, payload) = match *step {
            Step::Append { kind, size_bytes, fill } => {
                let Some(kind) = Kind::new(kind) else { continue };
                (kind, vec![fill; usize::from(size_bytes % 2000)])
            }
            Step::Witness => (Kind::WITNESS, Vec::new()),
            Step::Sync => {
                encoder.set_durable(encoder.next());
                continue;
            }
            Step::Reopen => {
                epoch = epoch.next().expect("few steps");
                let durable = encoder.next();
                encoder = Encoder::resume(&segment, epoch, durable);
                encoder.set_durable(durable);
                continue;
            }
        };
        let (lsn, durable) = (encoder.next(), encoder.durable());
        let at = segment.offset_of(lsn).expect("within the segment") as usize;
        if encoder.encode(&mut bytes[at..], kind, &payload).is_ok() {
            written.push(Written { lsn, end: encoder.next(), durable, payload });
        }
    }
    (encoder, written)
}

/// The file full of another segment's records, at the same LSNs.
fn earlier_use(segment: Segment) -> Vec<u8> {
    let segment = Segment { salt: !segment.salt, epoch: Epoch(u32::MAX), ..segment };
    let mut bytes = vec![0; FILE_SIZE_BYTES];
    let mut at = segment.encode(&mut bytes).expect("room");
    let mut encoder = Encoder::new(&segment);
    while let Ok(size_bytes) = encoder.encode(&mut bytes[at..], Kind::MAX, &[3; 8]) {
        encoder.set_durable(encoder.next());
        at += size_bytes;
    }
    bytes
}

fn lose(bytes: &mut [u8], old: &[u8], sector: u8) {
    let from = (usize::from(sector) * SECTOR_SIZE_BYTES).max(64);
    let to = (usize::from(sector) * SECTOR_SIZE_BYTES + SECTOR_SIZE_BYTES).min(bytes.len());
    if from < to {
        bytes[from..to].copy_from_slice(&old[from..to]);
    }
}

fn first_of(segment: Segment, bytes: u16) -> Lsn {
    segment.first.checked_add(u64::from(bytes) * 8).unwrap_or(segment.first)
}

/// Every multiple of 32 bytes a header whose mark and checksums hold.
fn with_right_checksums(input: &Input, segment: Segment) {
    let mut bytes = vec![0; 64];
    segment.encode(&mut bytes).expect("room");
    bytes.extend(&input.raw);
    let salt = input.salt.to_le_bytes();
    let last = bytes.len().saturating_sub(RECORD_HEADER_SIZE_BYTES);
    for at in (64..last).step_by(RECORD_HEADER_SIZE_BYTES).rev() {
        let lsn = segment.lsn_at(at as u64).expect("a multiple of 8").get();
        let mark = lsn ^ input.salt.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        bytes[at..at + 8].copy_from_slice(&mark.to_le_bytes());
        let size = u32::from_le_bytes(bytes[at + 8..at + 12].try_into().expect("four"));
        let padded_size_bytes = (size as usize).next_multiple_of(8);
        let body = bytes[at + 32..].get(..padded_size_bytes).unwrap_or_default();
        let body = crc(&salt[4..], body);
        bytes[at + 24..at + 28].copy_from_slice(&body);
        let header = crc(&salt, &bytes[at..at + 28]);
        bytes[at + 28..at + 32].copy_from_slice(&header);
    }
    let mut scanner = Scanner::new(&bytes).expect("the header is whole");
    if let Some(until) = input.until {
        scanner = scanner.until(first_of(segment, until));
    }
    let mut next = segment.first;
    for record in scanner.by_ref() {
        assert!(record.lsn == next && record.durable <= next);
        next = record.end();
    }
    assert_eq!(scanner.finish().at(), next);
    assert!(scanner.next().is_none());

    let before = Segment { salt: !input.salt, first: Lsn::ZERO, ..segment };
    let mut other = bytes.clone();
    before.encode(&mut other).expect("room");
    let segments = [other.as_slice(), &bytes];
    for from in [Lsn::ZERO, segment.first] {
        if let Ok(mut scanner) = LogScanner::new(&segments, from, Lsn::ZERO) {
            scanner.finish();
        }
    }
}

fn crc(salt: &[u8], bytes: &[u8]) -> [u8; 4] {
    let mut crc = Crc32c::default();
    crc.update(salt);
    crc.update(bytes);
    let mut digest = crc.finish();
    digest.reverse();
    digest
}
