//! Every bit, every cut, every sector: what was durable is never taken for a torn tail, and nothing
//! is read that was not written.

mod common;

use common::{Log, noise};
use treenail_wal::{Epoch, Lsn, Scanner, Segment, Tail};

const SECTOR_SIZE_BYTES: usize = 512;

fn segment(salt: u64) -> Segment {
    let (first, durable) = (common::lsn(1 << 40), common::lsn((1 << 40) - 64));
    Segment { log_id: 7, salt, first, durable, epoch: Epoch(3), ..Segment::default() }
}

/// What an earlier use left in the file: records at the same LSNs, as in a log that was begun anew,
/// under another salt. Their claims of durability go up to the end.
fn recycled(size_bytes: usize) -> Vec<u8> {
    let old = Segment { epoch: Epoch(9), ..segment(0x01d) };
    let mut old = Log::begin(old, noise(size_bytes, 99));
    while old.has_room(40) {
        old.append(common::kind(77), &noise(40, 5));
        old.sync();
    }
    old.bytes
}

fn logs(size_bytes: usize, groups: usize, payload_size_bytes_max: usize) -> Vec<(String, Log)> {
    let mut logs = Vec::new();
    for (file, bytes) in [("new", vec![0; size_bytes]), ("recycled", recycled(size_bytes))] {
        for records_at in [64, 512] {
            let segment = Segment { records_at, ..segment(0x5a17_0000_5a17) };
            let mut open = Log::begin(segment, bytes.clone());
            open.fill(groups, payload_size_bytes_max);
            let mut closed = open.clone();
            closed.close();
            logs.push((format!("{file} file, records at {records_at}, left open"), open));
            logs.push((format!("{file} file, records at {records_at}, closed"), closed));
        }
    }
    logs
}

/// Without help, and with a witness of all that was synced.
fn witnesses(log: &Log) -> [Lsn; 2] {
    [Lsn::ZERO, log.encoder.durable()]
}

#[test]
fn an_undamaged_log_reads_as_it_was_written() {
    for (name, log) in logs(4096, 4, 200) {
        for external in witnesses(&log) {
            let tail = log.check(&log.bytes, external, &name);
            match name.ends_with("closed") {
                true => assert_eq!(tail, Tail::Clean { at: log.end() }),
                false => {
                    let durable = log.encoder.durable();
                    assert_eq!(tail, Tail::Unwitnessed { at: log.end(), durable });
                }
            }
        }
    }
}

#[test]
fn every_flipped_bit_is_found() {
    let masks: &[u8] = match cfg!(target_arch = "x86_64") {
        true => &[1, 2, 4, 8, 16, 32, 64, 128, 0xff],
        // Emulated, as a rule.
        false => &[1, 128],
    };
    for (name, log) in logs(2048, 4, 120) {
        let mut bytes = log.bytes.clone();
        let intact = Scanner::new(&bytes).expect("whole").finish();
        for at in 0..bytes.len() {
            for mask in masks {
                bytes[at] ^= mask;
                let context = format!("{name}, byte {at} ^ {mask}");
                if at < 64 {
                    assert!(Scanner::new(&bytes).is_err(), "{context}");
                } else {
                    for external in witnesses(&log) {
                        let tail = log.check(&bytes, external, &context);
                        let is_record =
                            (log.segment.records_at as usize..log.offset(log.end())).contains(&at);
                        assert!(is_record || tail == intact, "{context}: {tail:?}");
                        assert!(!is_record || tail != intact, "{context}: {tail:?}");
                    }
                }
                bytes[at] ^= mask;
            }
        }
    }
}

#[test]
fn every_cut_is_found() {
    for (name, log) in logs(4096, 5, 200) {
        for size_bytes in 0..log.bytes.len() {
            let bytes = &log.bytes[..size_bytes];
            let context = format!("{name}, {size_bytes} bytes left");
            if size_bytes < 64 {
                assert!(Scanner::new(bytes).is_err(), "{context}");
                continue;
            }
            for external in witnesses(&log) {
                // A log that is cut right behind a whole record shows no sign of it.
                let tail = check_cut(&log, bytes, external, &context);
                if external > tail.at() {
                    assert!(matches!(tail, Tail::Corrupt { .. }), "{context}: {tail:?}");
                }
            }
        }
    }
}

/// As [`Log::check`], but a witness that was in the middle of the log may come to stand at its end.
fn check_cut(log: &Log, bytes: &[u8], external: Lsn, context: &str) -> Tail {
    let mut cut = log.clone();
    let at = log.first_damage(bytes);
    cut.written.retain(|one| one.lsn < at);
    let mut scanner = Scanner::new(bytes).expect("the header is whole").witnessed(external);
    let count = scanner.by_ref().zip(&cut.written).filter(|(read, one)| one.is(read)).count();
    assert_eq!(count, cut.written.len(), "{context}");
    let tail = scanner.finish();
    assert_eq!(tail.at(), at, "{context}");
    tail
}

/// What a sector may hold instead of what was written.
fn fillings(log: &Log) -> Vec<(&'static str, Vec<u8>)> {
    let size_bytes = log.bytes.len();
    let mut before = Log::begin(log.segment, recycled(size_bytes));
    before.fill(1, 200);
    vec![
        ("zeroed", vec![0; size_bytes]),
        ("ones", vec![0xff; size_bytes]),
        ("left as in an earlier use", recycled(size_bytes)),
        ("left as after the first group", before.bytes),
        ("noise", noise(size_bytes, 1234)),
    ]
}

#[test]
fn every_lost_sector_is_found() {
    for (name, log) in logs(16 << 10, 16, 700) {
        for (filling, old) in fillings(&log) {
            for at in (0..log.bytes.len()).step_by(SECTOR_SIZE_BYTES) {
                let mut bytes = log.bytes.clone();
                let sector = at..at + SECTOR_SIZE_BYTES;
                bytes[sector.clone()].copy_from_slice(&old[sector]);
                let context = format!("{name}, sector at {at} {filling}");
                if bytes[..64] != log.bytes[..64] {
                    // The right header of an earlier use is a right header; which segment a file
                    // is, its reader knows.
                    let parsed = Segment::parse(&bytes);
                    assert!(parsed.is_err() || parsed != Ok(log.segment), "{context}");
                    continue;
                }
                for external in witnesses(&log) {
                    log.check(&bytes, external, &context);
                }
            }
        }
    }
}

#[test]
fn lost_sectors_are_found_in_any_combination() {
    let rounds = if cfg!(target_arch = "x86_64") { 4000 } else { 100 };
    let logs = logs(16 << 10, 16, 700);
    for (name, log) in &logs {
        let fillings = fillings(log);
        for round in 0..rounds / logs.len() {
            let dice = noise(log.bytes.len() / SECTOR_SIZE_BYTES, round as u64);
            let mut bytes = log.bytes.clone();
            // From one sector in 2 to one in 32.
            let rarity = 2 << (round % 5);
            for (sector, dice) in dice.iter().enumerate().skip(1) {
                if usize::from(*dice) % rarity == 0 {
                    let sector = sector * SECTOR_SIZE_BYTES..(sector + 1) * SECTOR_SIZE_BYTES;
                    let (_, old) = &fillings[usize::from(*dice) / rarity % fillings.len()];
                    bytes[sector.clone()].copy_from_slice(&old[sector]);
                }
            }
            for external in witnesses(log) {
                log.check(&bytes, external, &format!("{name}, round {round}"));
            }
        }
    }
}

#[test]
fn a_record_of_an_earlier_use_never_revives() {
    let bytes = recycled(4096);
    let old = Scanner::new(&bytes).expect("a segment").count();
    assert!(old > 40, "the file is full of whole records");
    for salt in 0..2000_u64 {
        // Counters, and salts that differ in one bit.
        for salt in [salt, 0x01d ^ (1 << (salt % 64))] {
            if salt == 0x01d {
                continue;
            }
            let log = Log::begin(segment(salt), bytes.clone());
            let tail = log.check(&log.bytes, Lsn::ZERO, "an empty log in a recycled file");
            assert!(matches!(tail, Tail::Unwitnessed { .. }), "salt {salt}: {tail:?}");
        }
    }
}
