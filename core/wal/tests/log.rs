//! Logs of several segments: one verdict over all.

mod common;

use common::{Log, kind, noise};
use treenail_wal::{
    Damage, Encoder, Epoch, Kind, LogError, LogScanner, Lsn, Record, Scanner, Segment,
    SegmentError, Tail,
};

/// Segments that follow one another, as a writer makes them who syncs each before the next.
fn chain(count: usize) -> Vec<Log> {
    let mut logs: Vec<Log> = Vec::new();
    for index in 0..count {
        let (first, durable) =
            logs.last().map_or((Lsn::ZERO, Lsn::ZERO), |log| (log.end(), log.encoder.durable()));
        let salt = 0x9000 + index as u64;
        let segment = Segment { log_id: 1, salt, first, durable, ..Segment::default() };
        let mut log = Log::begin(segment, vec![0; 2048]);
        log.fill(4, 100);
        log.sync();
        logs.push(log);
    }
    logs
}

fn bytes(logs: &[Log]) -> Vec<&[u8]> {
    logs.iter().map(|log| log.bytes.as_slice()).collect()
}

/// Reads all, and checks that what was read is the beginning of what was written.
fn read(logs: &[Log], segments: &[&[u8]], witnessed: Lsn) -> (usize, Tail) {
    let mut scanner = LogScanner::new(segments, Lsn::ZERO, witnessed).expect("headers are whole");
    let mut written = logs.iter().flat_map(|log| &log.written);
    let mut count = 0;
    for record in scanner.by_ref() {
        assert!(written.next().is_some_and(|written| written.is(&record)), "{record:?}");
        count += 1;
    }
    (count, scanner.finish())
}

#[test]
fn segments_are_read_as_one_log() {
    let mut logs = chain(4);
    let count = logs.iter().map(|log| log.written.len()).sum();
    let at = logs[3].end();
    let durable = logs[3].written.last().unwrap().durable;
    assert_eq!(read(&logs, &bytes(&logs), Lsn::ZERO), (count, Tail::Unwitnessed { at, durable }));
    logs[3].close();
    let at = logs[3].end();
    assert_eq!(read(&logs, &bytes(&logs), Lsn::ZERO), (count + 1, Tail::Clean { at }));
    let beyond = at.checked_add(8).unwrap();
    let corrupt = Tail::Corrupt { at, durable: beyond, damage: Damage::Absent };
    assert_eq!(read(&logs, &bytes(&logs), beyond), (count + 1, corrupt));
}

#[test]
fn reading_begins_at_a_checkpoint() {
    let logs = chain(3);
    let segments = bytes(&logs);
    let all: Vec<Record<'_>> = LogScanner::new(&segments, Lsn::ZERO, Lsn::ZERO).unwrap().collect();
    for (index, record) in all.iter().enumerate() {
        let rest: Vec<_> = LogScanner::new(&segments, record.lsn, Lsn::ZERO).unwrap().collect();
        assert_eq!(rest, all[index..], "from {}", record.lsn);
    }
    let end = logs[2].end();
    let mut nothing = LogScanner::new(&segments, end, end).unwrap();
    assert_eq!(nothing.finish(), Tail::Unwitnessed { at: end, durable: end });
    let second = logs[1].segment.first;
    assert_eq!(LogScanner::new(&segments[1..], second, second).unwrap().segments_left(), 2);
    let before = LogScanner::new(&segments[1..], Lsn::ZERO, Lsn::ZERO).err();
    assert_eq!(before, Some(LogError::Start));
    assert_eq!(LogScanner::new(&[], Lsn::ZERO, Lsn::ZERO).err(), Some(LogError::Start));
}

#[test]
fn every_flipped_byte_of_every_segment_is_found() {
    let mut logs = chain(3);
    logs[2].close();
    let closing = logs[2].written.last().unwrap().lsn;
    let step = if cfg!(target_arch = "x86_64") { 1 } else { 7 };
    for (index, log) in logs.iter().enumerate() {
        for at in (0..log.offset(log.end())).step_by(step) {
            let mut damaged = log.bytes.clone();
            damaged[at] ^= 0x10;
            let mut segments = bytes(&logs);
            segments[index] = &damaged;
            let context = format!("segment {index}, byte {at}");
            if at < 64 {
                let error = LogScanner::new(&segments, Lsn::ZERO, Lsn::ZERO).err();
                let is_found =
                    matches!(error, Some(LogError::Header { index: i, .. }) if i == index);
                assert!(is_found, "{context}: {error:?}");
                continue;
            }
            let (_, tail) = read(&logs, &segments, Lsn::ZERO);
            assert_eq!(tail.at(), log.first_damage(&damaged), "{context}");
            match tail {
                Tail::Corrupt { .. } => assert!(tail.at() < closing, "{context}"),
                _ => assert_eq!(tail.at(), closing, "{context}: {tail:?}"),
            }
        }
    }
}

/// Two segments, of which the second was begun before the first was synced.
fn pipelined() -> Vec<Log> {
    let mut first = chain(1).remove(0);
    let durable = first.encoder.durable();
    first.append(kind(1), &noise(100, 1));
    let segment = Segment { salt: 0xb, first: first.end(), durable, ..first.segment };
    let mut second = Log::begin(segment, vec![0; 2048]);
    second.append(kind(2), &noise(50, 2));
    vec![first, second]
}

#[test]
fn a_lost_end_of_a_segment_is_torn_unless_a_later_one_knew_it_durable() {
    let mut logs = pipelined();
    let lost = logs[0].written.last().unwrap().clone();
    let mut damaged = logs[0].bytes.clone();
    let at = logs[0].offset(lost.lsn);
    damaged[at..].fill(0);
    let torn = Tail::Torn { at: lost.lsn, durable: lost.durable, damage: Damage::Absent };
    let count = logs[0].written.len() - 1;
    assert_eq!(read(&logs, &[&damaged, &logs[1].bytes], Lsn::ZERO), (count, torn));

    logs[1].sync();
    logs[1].append(kind(3), b"now it is known");
    let (read_count, tail) = read(&logs, &[&damaged, &logs[1].bytes], Lsn::ZERO);
    assert_eq!(read_count, count);
    assert!(matches!(tail, Tail::Corrupt { at, .. } if at == lost.lsn), "{tail:?}");
}

#[test]
fn a_segment_that_takes_over_at_a_cut_hides_what_was_cut() {
    let mut old = chain(1).remove(0);
    let cut = old.end();
    let kept = old.written.len();
    // A group of three that a crash tore: the first is not whole, the others are.
    for number in 1..=3 {
        old.append(kind(number), &noise(40, u64::from(number)));
    }
    let torn = old.offset(cut) + 40;
    old.bytes[torn] ^= 1;
    old.written.truncate(kept);
    let mut scanner = Scanner::new(&old.bytes).unwrap();
    assert!(matches!(scanner.finish(), Tail::Torn { at, .. } if at == cut));

    let epoch = scanner.epoch_max().next().unwrap();
    let segment = Segment { salt: 0xfe, first: cut, durable: cut, epoch, ..old.segment };
    let mut new = Log::begin(segment, vec![0; 1024]);
    new.append(kind(9), b"instead");
    new.close();
    // Even if what is missing came back.
    for flip in [0, 1] {
        old.bytes[torn] ^= flip;
        let logs = [old.clone(), new.clone()];
        let at = new.end();
        assert_eq!(read(&logs, &bytes(&logs), Lsn::ZERO), (kept + 2, Tail::Clean { at }));
    }
}

#[test]
fn a_record_across_the_place_where_the_next_segment_takes_over_is_not_returned() {
    let mut old = chain(1).remove(0);
    let middle = old.written[4].lsn.checked_add(32).unwrap();
    let segment = Segment { salt: 0xfe, first: middle, durable: Lsn::ZERO, ..old.segment };
    let new = Log::begin(segment, vec![0; 64]);
    old.written.truncate(4);
    let mut scanner = Scanner::new(&old.bytes).unwrap().until(middle);
    assert_eq!(scanner.by_ref().count(), 4);
    // What the first segment's later records say counts all the same.
    let logs = [old, new];
    let (count, tail) = read(&logs, &bytes(&logs), Lsn::ZERO);
    assert_eq!(count, 4);
    assert!(matches!(tail, Tail::Corrupt { damage: Damage::Overrun, .. }), "{tail:?}");
}

#[test]
fn segments_that_do_not_belong_together_are_refused() {
    let logs = chain(2);
    let refused = |second: Segment| {
        let mut bytes = [0; 128];
        second.encode(&mut bytes).unwrap();
        let segments = [logs[0].bytes.as_slice(), &bytes];
        LogScanner::new(&segments, Lsn::ZERO, Lsn::ZERO).err()
    };
    let right = logs[1].segment;
    assert_eq!(refused(right), None);
    let wrong = Some(LogError::Sequence { index: 1 });
    assert_eq!(refused(Segment { log_id: 2, ..right }), wrong);
    assert_eq!(refused(Segment { salt: logs[0].segment.salt, ..right }), wrong);
    let mut swapped = bytes(&logs);
    swapped.swap(0, 1);
    assert_eq!(LogScanner::new(&swapped, Lsn::ZERO, Lsn::ZERO).err(), wrong);
    let mut later = logs[0].clone();
    later.segment.epoch = Epoch(1);
    later.segment.encode(&mut later.bytes).unwrap();
    let segments = [later.bytes.as_slice(), &logs[1].bytes];
    assert_eq!(LogScanner::new(&segments, Lsn::ZERO, Lsn::ZERO).err(), wrong);
    let unwritten = [logs[0].bytes.as_slice(), &[0; 4096]];
    let error = LogScanner::new(&unwritten, Lsn::ZERO, Lsn::ZERO).err();
    assert_eq!(error, Some(LogError::Header { index: 1, error: SegmentError::Unwritten }));
}

#[test]
fn a_segment_of_an_earlier_opening_is_not_read_behind_a_later_ones_records() {
    let mut logs = chain(2);
    let epoch = Epoch(5);
    logs[0].encoder = Encoder::resume(&logs[0].segment, epoch, logs[0].end());
    logs[0].append(Kind::MAX, b"of the fifth opening");
    // It would fit to the byte.
    let at = logs[0].end();
    let segment = Segment { first: at, durable: Lsn::ZERO, ..logs[1].segment };
    let mut second = Log::begin(segment, vec![0; 512]);
    second.append(kind(1), b"of the first opening");
    let segments = [logs[0].bytes.as_slice(), &second.bytes];
    let mut scanner = LogScanner::new(&segments, Lsn::ZERO, Lsn::ZERO).unwrap();
    assert_eq!(scanner.by_ref().count(), logs[0].written.len());
    let tail = scanner.finish();
    assert!(matches!(tail, Tail::Torn { damage: Damage::Stale, .. }), "{tail:?}");
    assert_eq!((tail.at(), scanner.epoch_max()), (at, epoch));

    let newer = Segment { epoch, ..segment };
    newer.encode(&mut second.bytes).unwrap();
    let segments = [logs[0].bytes.as_slice(), &second.bytes];
    let mut scanner = LogScanner::new(&segments, Lsn::ZERO, Lsn::ZERO).unwrap();
    assert_eq!(scanner.by_ref().count(), logs[0].written.len(), "the record is of the first");
}
