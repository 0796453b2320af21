//! A segment of the index of contents, of any bytes: it is refused, or it reads to its end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use treenail_glob::search::contents::__internal::is_segment;
use treenail_hash::xxh3::xxh3_64;

const HEADER: usize = 64;

fuzz_target!(|input: &[u8]| {
    // As it came: damage of any sort must be an error.
    is_segment(input.to_vec());
    // With checksums and lengths set right: only the structure can be wrong.
    let mut bytes = input.to_vec();
    if bytes.len() < HEADER {
        return;
    }
    let len = bytes.len();
    let (files, leads) = (usize::from(bytes[24] % 8), usize::from(bytes[28] % 4));
    let Some(tables) = len.checked_sub(files * 48 + leads * 16).filter(|at| *at >= HEADER) else {
        return;
    };
    // One block after the other; the last takes what is left.
    let mut at = HEADER;
    for lead in 0..leads {
        let row = tables + files * 48 + lead * 16;
        let wanted = usize::from(bytes[row + 4]);
        let left = tables - at;
        let block = if lead + 1 == leads { left } else { wanted.min(left) };
        bytes[row + 4..row + 8].copy_from_slice(&(block as u32).to_le_bytes());
        let checksum = xxh3_64(&bytes[at..at + block]);
        bytes[row + 8..row + 16].copy_from_slice(&checksum.to_le_bytes());
        at += block;
    }
    bytes[..8].copy_from_slice(b"\x89TNTRIG\n");
    bytes[8..12].copy_from_slice(&1_u32.to_le_bytes());
    bytes[16..24].copy_from_slice(&(len as u64).to_le_bytes());
    bytes[24..28].copy_from_slice(&(files as u32).to_le_bytes());
    bytes[28..32].copy_from_slice(&(leads as u32).to_le_bytes());
    bytes[32..40].copy_from_slice(&(tables as u64).to_le_bytes());
    let checksum = xxh3_64(&bytes[tables..]);
    bytes[48..56].copy_from_slice(&checksum.to_le_bytes());
    let checksum = xxh3_64(&bytes[..56]);
    bytes[56..64].copy_from_slice(&checksum.to_le_bytes());
    is_segment(bytes);
});
