//! `docs/format/wal.md`, computed a second time from its text, and its golden bytes.

mod common;

use common::{Log, kind, lsn};
use treenail_hash::{Crc32c, Hash};
use treenail_wal::{Epoch, Scanner, Segment, Tail};

/// The golden values of the format's document.
const GOLDEN: &str = "\
    89544e57414c0d0a 0100000040000000 efcdab8967452301 1032547698badcfe\n\
    0001000000000000 e800000000000000 0700000000000000 00000000c135827b\n\
    50dac7e58ede3455 0300000003000000 0700000001000000 e2c8f12bd79568d3\n\
    7065670000000000\n\
    78dac7e58ede3455 0000000000000000 0700000000800000 7c7281df9f00a743\n";

fn log() -> Log {
    let segment = Segment {
        log_id: 0x0123_4567_89ab_cdef,
        salt: 0xfedc_ba98_7654_3210,
        first: lsn(256),
        durable: lsn(232),
        epoch: Epoch(7),
        records_at: 64,
    };
    let mut log = Log::begin(segment, vec![0; 64 + 40 + 32]);
    log.append(kind(1), b"peg");
    log.close();
    log
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn golden_bytes_are_written() {
    let golden: String = GOLDEN.split_whitespace().collect();
    assert_eq!(hex(&log().bytes), golden);
}

#[test]
fn golden_bytes_are_read() {
    let digits: Vec<u8> = GOLDEN.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    let bytes: Vec<u8> = digits.chunks(2).map(byte).collect();
    assert_eq!(Segment::parse(&bytes), Ok(log().segment));
    let mut scanner = Scanner::new(&bytes).unwrap();
    let record = scanner.next().unwrap();
    assert_eq!((record.payload, record.lsn, record.durable), (&b"peg"[..], lsn(256), lsn(232)));
    assert_eq!((record.kind, record.epoch), (kind(1), Epoch(7)));
    assert!(scanner.next().unwrap().closes());
    assert_eq!(scanner.finish(), Tail::Clean { at: lsn(328) });
}

#[test]
fn the_document_tells_all_that_is_needed_to_write_a_log() {
    let crc = |parts: &[&[u8]]| {
        let mut crc = Crc32c::default();
        parts.iter().for_each(|part| crc.update(part));
        u32::from_be_bytes(crc.finish()).to_le_bytes()
    };
    let log = log();
    let mark = log.segment.salt.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let salt = log.segment.salt.to_le_bytes();
    let mut bytes = [
        &b"\x89TNWAL\r\n"[..],
        &1_u32.to_le_bytes(),
        &64_u32.to_le_bytes(),
        &log.segment.log_id.to_le_bytes(),
        &salt,
        &256_u64.to_le_bytes(),
        &232_u64.to_le_bytes(),
        &7_u32.to_le_bytes(),
        &[0; 8],
    ]
    .concat();
    bytes.extend(crc(&[&bytes]));
    for (lsn, durable, kind, payload) in
        [(256_u64, 232, 1_u16, &b"peg\0\0\0\0\0"[..]), (296, 296, 0x8000, &[])]
    {
        let unpadded_size_bytes = if payload.is_empty() { 0_u32 } else { 3 };
        let header = [
            &(lsn ^ mark).to_le_bytes()[..],
            &unpadded_size_bytes.to_le_bytes(),
            &((lsn - durable) as u32 / 8).to_le_bytes(),
            &7_u32.to_le_bytes(),
            &kind.to_le_bytes(),
            &[0; 2],
            &crc(&[&salt[4..], payload]),
        ]
        .concat();
        let checksum = crc(&[&salt, &header]);
        bytes.extend([&header[..], &checksum, payload].concat());
    }
    assert_eq!(hex(&bytes), hex(&log.bytes));
}
