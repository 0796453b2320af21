//! Framing: copied, in place, out of order, and into buffers that are too small.

mod common;

use common::{Log, kind, lsn, noise};
use treenail_wal::{
    ALIGN_BYTES, EncodeError, Encoder, Epoch, Kind, Lsn, PAYLOAD_SIZE_BYTES_MAX,
    RECORD_HEADER_SIZE_BYTES, Scanner, Segment, Tail, record_size_bytes,
};

fn segment() -> Segment {
    Segment { salt: 0xabcd_ef01_2345_6789, epoch: Epoch(2), ..Segment::default() }
}

#[test]
fn sizes_are_multiples_of_eight() {
    for size_bytes in 0..100 {
        let record = record_size_bytes(size_bytes);
        assert!(record.is_multiple_of(ALIGN_BYTES));
        assert!((size_bytes..size_bytes + 8).contains(&(record - RECORD_HEADER_SIZE_BYTES)));
    }
    assert_eq!(record_size_bytes(PAYLOAD_SIZE_BYTES_MAX), (1 << 30) + 32);
}

#[test]
fn a_payload_in_place_is_framed_as_a_copied_one() {
    for size_bytes in 0..700 {
        let payload = noise(size_bytes, 3);
        let mut encoder = Encoder::new(&segment());
        let mut copied = vec![0xee; record_size_bytes(size_bytes) + 3];
        let used = encoder.clone().encode(&mut copied, kind(7), &payload).unwrap();
        assert_eq!(used, record_size_bytes(size_bytes));
        assert!(copied[used..].iter().all(|byte| *byte == 0xee), "bytes behind are left alone");

        let mut in_place = vec![0xee; copied.len()];
        in_place[RECORD_HEADER_SIZE_BYTES..][..size_bytes].copy_from_slice(&payload);
        let stamp = encoder.stamp(kind(7), size_bytes).unwrap();
        assert_eq!((stamp.size_bytes(), stamp.lsn()), (used, Lsn::ZERO));
        assert_eq!(stamp.seal(&mut in_place), Ok(used));
        assert_eq!(copied, in_place, "{size_bytes} bytes");
        assert_eq!(encoder.next().get(), used as u64);
    }
}

#[test]
fn stamped_records_may_be_framed_in_any_order() {
    let mut encoder = Encoder::new(&segment());
    let payloads: Vec<Vec<u8>> = (0..5).map(|i| noise(i * 13, i as u64)).collect();
    let stamps: Vec<_> =
        payloads.iter().map(|payload| encoder.stamp(kind(1), payload.len()).unwrap()).collect();
    let mut log = vec![0; 64 + encoder.next().get() as usize];
    segment().encode(&mut log).unwrap();
    for index in [3, 0, 4, 1, 2] {
        let at = segment().offset_of(stamps[index].lsn()).unwrap() as usize;
        stamps[index].write(&mut log[at..], &payloads[index]).unwrap();
    }
    let read: Vec<_> = Scanner::new(&log).unwrap().map(|record| record.payload.to_vec()).collect();
    assert_eq!(read, payloads);
}

#[test]
fn a_short_buffer_is_an_answer() {
    let mut encoder = Encoder::new(&segment());
    for size_bytes in [0, 1, 8, 100] {
        let payload = noise(size_bytes, 1);
        let needed_bytes = record_size_bytes(size_bytes);
        let short = Err(EncodeError::Short { needed_bytes });
        let stamp = encoder.clone().stamp(kind(1), size_bytes).unwrap();
        for room in 0..needed_bytes {
            let mut out = vec![0xee; room];
            assert_eq!(encoder.encode(&mut out, kind(1), &payload), short);
            assert_eq!(stamp.write(&mut out, &payload), short);
            assert_eq!(stamp.seal(&mut out), short);
            assert!(out.iter().all(|byte| *byte == 0xee), "a short buffer is left alone");
            assert_eq!(encoder.next(), Lsn::ZERO, "and so is the encoder");
        }
    }
    for room in 0..128 {
        let mut out = vec![0xee; room];
        let segment = Segment { records_at: 128, ..segment() };
        assert_eq!(segment.encode(&mut out), Err(EncodeError::Short { needed_bytes: 128 }));
        assert!(out.iter().all(|byte| *byte == 0xee));
    }
}

#[test]
fn a_witness_has_no_payload() {
    let mut encoder = Encoder::new(&segment());
    assert_eq!(encoder.stamp(Kind::WITNESS, 1).err(), Some(EncodeError::TooLong));
    assert_eq!(encoder.encode(&mut [0; 64], Kind::WITNESS, b"x"), Err(EncodeError::TooLong));
    let too_long = encoder.stamp(Kind::MAX, PAYLOAD_SIZE_BYTES_MAX + 1).err();
    assert_eq!(too_long, Some(EncodeError::TooLong));
    assert!(encoder.stamp(Kind::MAX, PAYLOAD_SIZE_BYTES_MAX).is_ok());
}

#[test]
fn only_a_witness_of_everything_closes() {
    let mut log = Log::begin(segment(), vec![0; 512]);
    log.append(kind(1), b"one");
    let at = log.offset(log.end());
    log.encoder.witness(&mut log.bytes[at..]).unwrap();
    let mut scanner = Scanner::new(&log.bytes).unwrap();
    let closes: Vec<bool> = scanner.by_ref().map(|record| record.closes()).collect();
    assert_eq!(closes, [false, false], "nothing was synced");
    assert!(matches!(scanner.finish(), Tail::Unwitnessed { .. }));
    log.close();
    assert!(matches!(Scanner::new(&log.bytes).unwrap().finish(), Tail::Clean { .. }));
    log.append(kind(1), b"two");
    assert!(matches!(Scanner::new(&log.bytes).unwrap().finish(), Tail::Unwitnessed { .. }));
}

#[test]
fn syncs_may_be_reported_in_any_order() {
    let mut log = Log::begin(segment(), vec![0; 512]);
    log.append(kind(1), b"one");
    let first = log.end();
    log.append(kind(1), b"two");
    let second = log.end();
    log.encoder.set_durable(second);
    log.encoder.set_durable(first);
    assert_eq!(log.encoder.durable(), second);
}

#[test]
#[should_panic(expected = "framed up to")]
fn what_was_not_framed_cannot_be_durable() {
    Encoder::new(&segment()).set_durable(lsn(8));
}

#[test]
fn a_claim_too_far_back_is_not_made() {
    let far = Segment { first: lsn(1 << 40), durable: Lsn::ZERO, ..segment() };
    let near = Segment { first: lsn(1 << 34), durable: Lsn::ZERO, ..segment() };
    for (segment, durable) in [(far, 0), (near, 8)] {
        let segment = Segment { durable: lsn(durable), ..segment };
        let log = {
            let mut log = vec![0; 128];
            let at = segment.encode(&mut log).unwrap();
            Encoder::new(&segment).encode(&mut log[at..], kind(1), b"x").unwrap();
            log
        };
        let record = Scanner::new(&log).unwrap().next().unwrap();
        assert_eq!(record.durable.get(), durable);
    }
}

#[test]
fn places_and_positions_are_each_other() {
    let segment = Segment { first: lsn(800), records_at: 512, ..segment() };
    assert_eq!(segment.offset_of(lsn(800)), Some(512));
    assert_eq!(segment.offset_of(lsn(792)), None);
    assert_eq!(segment.lsn_at(512), Some(lsn(800)));
    assert_eq!(segment.lsn_at(504), None);
    assert_eq!(segment.lsn_at(513), None);
    for at in (0..4096).step_by(8) {
        let place = segment.offset_of(lsn(800 + at)).unwrap();
        assert_eq!(segment.lsn_at(place), Some(lsn(800 + at)));
    }
}
