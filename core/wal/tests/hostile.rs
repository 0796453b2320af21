//! Bytes that no writer wrote, with checksums that hold.

mod common;

use common::{kind, lsn, noise};
use proptest::prelude::*;
use treenail_hash::{Crc32c, Hash};
use treenail_wal::{
    Damage, Encoder, Epoch, Kind, LogScanner, Lsn, PAYLOAD_SIZE_BYTES_MAX,
    RECORD_HEADER_SIZE_BYTES, Scanner, Segment, SegmentError, Tail,
};

/// A record's header as somebody may make it who knows the salt.
#[derive(Clone, Copy)]
struct Raw {
    lsn: u64,
    payload_size_bytes: u32,
    gap: u32,
    epoch: u32,
    kind: u16,
    reserved: u16,
}

fn crc(parts: &[&[u8]]) -> u32 {
    let mut crc = Crc32c::default();
    parts.iter().for_each(|part| crc.update(part));
    u32::from_be_bytes(crc.finish())
}

impl Raw {
    fn header(&self, salt: u64, body: &[u8]) -> Vec<u8> {
        let key = salt.to_le_bytes();
        let mut bytes = [
            &(self.lsn ^ salt.wrapping_mul(0x9e37_79b9_7f4a_7c15)).to_le_bytes()[..],
            &self.payload_size_bytes.to_le_bytes(),
            &self.gap.to_le_bytes(),
            &self.epoch.to_le_bytes(),
            &self.kind.to_le_bytes(),
            &self.reserved.to_le_bytes(),
            &crc(&[&key[4..], body]).to_le_bytes(),
        ]
        .concat();
        bytes.extend(crc(&[&key, &bytes]).to_le_bytes());
        bytes
    }
}

const SALT: u64 = 0x1234_5678_9abc_def0;
const FIRST: u64 = 4096;

fn segment() -> Segment {
    Segment { salt: SALT, first: lsn(FIRST), epoch: Epoch(5), ..Segment::default() }
}

fn good() -> Raw {
    Raw { lsn: FIRST, payload_size_bytes: 16, gap: 1, epoch: 5, kind: 1, reserved: 0 }
}

/// How a segment ends that has only this record.
fn tail_of(raw: Raw) -> Tail {
    let body = [7; 16];
    let mut bytes = vec![0; 64];
    segment().encode(&mut bytes).unwrap();
    bytes.extend(raw.header(SALT, &body));
    bytes.extend(body);
    let mut scanner = Scanner::new(&bytes).unwrap();
    let is_read = scanner.next().is_some();
    let tail = scanner.finish();
    assert_eq!(is_read, tail.at() > lsn(FIRST), "{tail:?}");
    tail
}

#[test]
fn fields_that_no_writer_writes_are_damage() {
    let end = lsn(FIRST + 48);
    let durable = lsn(FIRST - 8);
    assert_eq!(tail_of(good()), Tail::Unwitnessed { at: end, durable });
    let at = lsn(FIRST);
    let meaningless = Tail::Torn { at, durable: Lsn::ZERO, damage: Damage::Meaning };
    for raw in [
        Raw { payload_size_bytes: u32::MAX, ..good() },
        Raw { payload_size_bytes: PAYLOAD_SIZE_BYTES_MAX as u32 + 1, ..good() },
        Raw { gap: FIRST as u32 / 8 + 1, ..good() },
        Raw { gap: u32::MAX - 1, ..good() },
        Raw { kind: 0, ..good() },
        Raw { kind: 0x8000, ..good() },
        Raw { kind: 0x8001, ..good() },
        Raw { kind: 0xffff, ..good() },
        Raw { reserved: 1, ..good() },
        Raw { reserved: 0x8000, ..good() },
    ] {
        assert_eq!(tail_of(raw), meaningless);
    }
}

#[test]
fn lengths_over_the_end_are_cut() {
    let at = lsn(FIRST);
    for payload_size_bytes in [17, 24, 1 << 20, PAYLOAD_SIZE_BYTES_MAX as u32] {
        let tail = tail_of(Raw { payload_size_bytes, ..good() });
        let durable = lsn(FIRST - 8);
        assert_eq!(tail, Tail::Torn { at, durable, damage: Damage::Cut });
    }
    // Shorter than what was summed.
    for payload_size_bytes in [0, 1, 8] {
        let tail = tail_of(Raw { payload_size_bytes, ..good() });
        assert!(matches!(tail, Tail::Torn { damage: Damage::Body, .. }), "{tail:?}");
    }
}

#[test]
fn a_gap_that_says_nothing_claims_nothing() {
    let tail = tail_of(Raw { gap: u32::MAX, ..good() });
    assert_eq!(tail, Tail::Unwitnessed { at: lsn(FIRST + 48), durable: Lsn::ZERO });
}

#[test]
fn epochs_do_not_decrease() {
    let at = lsn(FIRST);
    for epoch in [0, 4] {
        let tail = tail_of(Raw { epoch, ..good() });
        // What it knew to be durable is believed all the same.
        assert_eq!(tail, Tail::Unwitnessed { at, durable: lsn(FIRST - 8) });
    }
    for epoch in [6, u32::MAX] {
        assert!(tail_of(Raw { epoch, ..good() }).at() > at);
    }
    assert_eq!(Epoch(u32::MAX).next(), None);
    assert_eq!(Epoch(6).next(), Some(Epoch(7)));
}

#[test]
fn a_record_at_another_place_is_not_read() {
    for lsn in [0, FIRST - 8, FIRST + 8, u64::MAX - 7, 3] {
        let tail = tail_of(Raw { lsn, gap: 0, ..good() });
        assert!(matches!(tail, Tail::Unwitnessed { .. }), "{tail:?}");
    }
}

#[test]
fn numbers_end_without_overflow() {
    let last = u64::MAX - 7;
    for first in [last, last - 32, last - 48] {
        let segment = Segment { first: lsn(first), durable: Lsn::ZERO, ..segment() };
        let body = [7; 16];
        let mut bytes = vec![0; 64];
        segment.encode(&mut bytes).unwrap();
        bytes.extend(Raw { lsn: first, ..good() }.header(SALT, &body));
        bytes.extend(body);
        bytes.extend([0; 64]);
        let mut scanner = Scanner::new(&bytes).unwrap();
        assert_eq!(scanner.by_ref().count(), usize::from(first == last - 48), "{first}");
        scanner.finish();
        let mut encoder = Encoder::new(&segment);
        let result = encoder.encode(&mut bytes[64..], kind(1), &body);
        assert_eq!(result.is_ok(), first == last - 48);
    }
}

#[test]
fn a_log_full_of_headers_takes_time_in_proportion_to_its_length() {
    // Every 32 bytes a header that claims the longest payload, or the whole rest: were each one
    // followed up, this would take hours.
    let size_bytes = if cfg!(target_arch = "x86_64") { 8 << 20 } else { 1 << 18 };
    for longest in [true, false] {
        let mut bytes = vec![0; 64];
        segment().encode(&mut bytes).unwrap();
        for at in (0..size_bytes).step_by(RECORD_HEADER_SIZE_BYTES) {
            let rest = size_bytes - at - RECORD_HEADER_SIZE_BYTES;
            let payload_size_bytes = if longest { PAYLOAD_SIZE_BYTES_MAX } else { rest } as u32;
            let raw = Raw { lsn: FIRST + at as u64, payload_size_bytes, gap: u32::MAX, ..good() };
            bytes.extend(raw.header(SALT, &[]));
        }
        let mut scanner = Scanner::new(&bytes).unwrap();
        assert_eq!(scanner.next(), None);
        assert!(matches!(scanner.finish(), Tail::Torn { .. }));
    }
}

#[test]
fn headers_of_segments_are_checked() {
    let mut bytes = [0; 64];
    segment().encode(&mut bytes).unwrap();
    assert_eq!(Segment::parse(&bytes), Ok(segment()));
    assert_eq!(Segment::parse(&[0; 4096]), Err(SegmentError::Unwritten));
    assert_eq!(Segment::parse(&bytes[..63]), Err(SegmentError::Short));
    assert_eq!(Segment::parse(&[1; 64]), Err(SegmentError::Magic));
    let changed = |at: usize, with: &[u8]| {
        let mut bytes = bytes;
        bytes[at..at + with.len()].copy_from_slice(with);
        assert_eq!(Segment::parse(&bytes), Err(SegmentError::Checksum), "byte {at}");
        let checksum = crc(&[&bytes[..60]]);
        bytes[60..].copy_from_slice(&checksum.to_le_bytes());
        Segment::parse(&bytes)
    };
    assert_eq!(changed(8, &[2]), Err(SegmentError::Version(2)));
    let meaning = Err(SegmentError::Meaning);
    assert_eq!(changed(12, &56_u32.to_le_bytes()), meaning);
    assert_eq!(changed(12, &65_u32.to_le_bytes()), meaning);
    assert_eq!(changed(32, &4097_u64.to_le_bytes()), meaning);
    assert_eq!(changed(40, &4104_u64.to_le_bytes()), meaning);
    assert_eq!(changed(40, &1_u64.to_le_bytes()), meaning);
    assert_eq!(changed(52, &[1]), meaning);
    assert_eq!(changed(59, &[1]), meaning);
    // Records that would begin behind the bytes: an empty segment.
    let far = changed(12, &(u32::MAX - 7).to_le_bytes());
    assert_eq!(far.unwrap().records_at, u32::MAX - 7);
}

#[test]
fn records_may_begin_behind_the_bytes() {
    let segment = Segment { records_at: 4096, ..segment() };
    let mut bytes = [0; 4096];
    segment.encode(&mut bytes).unwrap();
    for size_bytes in [64, 100, 4095, 4096] {
        let mut scanner = Scanner::new(&bytes[..size_bytes]).unwrap();
        assert_eq!(scanner.next(), None);
        assert!(matches!(scanner.finish(), Tail::Unwitnessed { .. }));
    }
}

/// Steps that make a buffer of bytes that hold together here and there.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        Just(vec![0; 64]),
        (any::<u32>(), any::<u32>(), 0..8_u32, any::<u16>(), 0..300_u64).prop_map(
            |(length, gap, epoch, kind, place)| {
                let payload_size_bytes = length >> (length % 31);
                let gap = gap >> (gap % 32);
                let lsn = FIRST + place * 8;
                let kind = kind >> (kind % 16);
                let raw = Raw { lsn, payload_size_bytes, gap, epoch, kind, reserved: 0 };
                raw.header(SALT, &[])
            }
        ),
        (0..40_usize).prop_map(|size_bytes| noise(size_bytes, 1)),
    ];
    prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(target_arch = "x86_64") { 3000 } else { 60 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_bytes_end_in_a_verdict(
        records in pieces(),
        until in prop::option::of(0..400_u64),
        witnessed in 0..800_u64,
    ) {
        let mut bytes = vec![0; 64];
        segment().encode(&mut bytes).unwrap();
        bytes.extend(&records);
        let witnessed = lsn(witnessed * 8);
        let mut scanner = Scanner::new(&bytes).unwrap().witnessed(witnessed);
        if let Some(until) = until {
            scanner = scanner.until(lsn(FIRST + until * 8));
        }
        let mut next = lsn(FIRST);
        for record in scanner.by_ref() {
            prop_assert_eq!(record.lsn, next);
            prop_assert!(record.durable <= record.lsn && record.kind.get() != 0);
            next = record.end();
        }
        let tail = scanner.finish();
        prop_assert_eq!(tail.at(), next);
        let is_corrupt = matches!(tail, Tail::Corrupt { .. });
        prop_assert!(witnessed <= next || is_corrupt || until == Some((next.get() - FIRST) >> 3));
        prop_assert_eq!(scanner.next(), None);
        // As the second segment of two, and as the first.
        let mut other = vec![0; 64];
        let first = Segment { salt: 1, first: Lsn::ZERO, durable: Lsn::ZERO, ..segment() };
        first.encode(&mut other).unwrap();
        other.extend(&records);
        let segments = [other.as_slice(), &bytes];
        LogScanner::new(&segments, Lsn::ZERO, witnessed).unwrap().finish();
        if let Ok(mut reader) = LogScanner::new(&segments, lsn(FIRST), witnessed) {
            reader.finish();
        }
    }

    #[test]
    fn any_bytes_are_a_segment_or_none(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Segment::parse(&bytes).is_err());
        prop_assert!(Scanner::new(&bytes).is_err());
    }
}

#[test]
fn kinds_are_checked() {
    assert_eq!(Kind::new(0), None);
    assert_eq!(Kind::new(0x8000), None);
    assert_eq!(Kind::new(u16::MAX), None);
    assert_eq!(Kind::new(0x7fff), Some(Kind::MAX));
    assert_eq!(Lsn::new(7), None);
}
