//! A segment of the index of contents, read by the tables of `docs/format/trigram.md` alone.
#![cfg(all(feature = "search", unix))]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;

use treenail_glob::find::Find;
use treenail_glob::search::contents::Contents;
use treenail_hash::xxh3::xxh3_64;

fn number(bytes: &[u8], at: usize, len: usize) -> u64 {
    bytes[at..at + len].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn grouped(bytes: &[u8], at: &mut usize) -> u64 {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = bytes[*at];
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte < 0x80 {
            return value;
        }
    }
}

fn postings(bytes: &[u8], count: u64, files: u64) -> Vec<u64> {
    let remainder = (69 * files / (100 * count)).max(1).ilog2();
    let mut bits = bytes.iter().flat_map(|byte| (0..8).map(move |bit| u64::from(byte >> bit & 1)));
    let mut next = 0;
    let mut list = Vec::new();
    for _ in 0..count {
        let quotient = bits.by_ref().take_while(|bit| *bit == 1).count() as u64;
        let low: u64 = (0..remainder).map(|bit| bits.next().unwrap() << bit).sum();
        next += (quotient << remainder) + low;
        list.push(next);
        next += 1;
    }
    assert!(bits.len_is_short(), "a whole byte is left");
    list
}

/// What is left of the last byte.
trait LenIsShort {
    fn len_is_short(self) -> bool;
}

impl<I: Iterator<Item = u64>> LenIsShort for I {
    fn len_is_short(self) -> bool {
        let rest: Vec<u64> = self.collect();
        rest.len() < 8 && rest.iter().all(|bit| *bit == 0)
    }
}

#[test]
fn a_segment_is_what_the_document_says() {
    let (dir, index) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let texts: [(&str, &[u8], u64); 4] = [
        ("a", b"abcab\nbca", 0),
        ("b", b"\xff\xfea\0b\0", 1),
        ("c", b"xabc\0hidden", 2),
        ("d", b"\x1f\x8babc", 4),
    ];
    for (name, text, _) in texts {
        fs::write(dir.path().join(name), text).unwrap();
    }
    for number in 0..30 {
        fs::write(dir.path().join(format!("x{number}")), "bulk").unwrap();
    }
    let mut contents = Contents::open(index.path()).unwrap();
    contents.refresh(&Find::new().root(dir.path()), &Default::default()).unwrap();
    let bytes = fs::read(index.path().join("00000000-00000000.trigrams")).unwrap();

    assert_eq!(&bytes[..8], b"\x89TNTRIG\n");
    assert_eq!([number(&bytes, 8, 4), number(&bytes, 12, 4)], [1, 64]);
    assert_eq!(number(&bytes, 16, 8), bytes.len() as u64);
    let (files, leads) = (number(&bytes, 24, 4), number(&bytes, 28, 4) as usize);
    let tables = number(&bytes, 32, 8) as usize;
    assert_eq!(number(&bytes, 48, 8), xxh3_64(&bytes[tables..]));
    assert_eq!(number(&bytes, 56, 8), xxh3_64(&bytes[..56]));
    assert_eq!(files, 34);

    let mut inodes = Vec::new();
    for row in bytes[tables..].chunks(48).take(files as usize) {
        inodes.push(number(row, 8, 8));
        let known = texts.iter().find_map(|(name, text, flags)| {
            let meta = fs::metadata(dir.path().join(name)).unwrap();
            (meta.ino() == number(row, 8, 8)).then_some((meta, text.len() as u64, *flags))
        });
        let Some((meta, len, flags)) = known else { continue };
        assert_eq!(number(row, 0, 8), meta.dev());
        assert_eq!((number(row, 16, 8), number(row, 40, 4)), (len, flags));
        let ns = |seconds: i64, rest: i64| (seconds * 1_000_000_000 + rest) as u64;
        assert_eq!(number(row, 24, 8), ns(meta.mtime(), meta.mtime_nsec()));
        assert_eq!(number(row, 32, 8), ns(meta.ctime(), meta.ctime_nsec()));
    }
    assert!(inodes.is_sorted());

    let mut found: BTreeMap<Vec<u8>, Vec<u64>> = BTreeMap::new();
    let mut at = 64;
    let rows = tables + 48 * files as usize;
    assert_eq!(rows + 16 * leads, bytes.len());
    for row in bytes[rows..].chunks(16) {
        let block = &bytes[at..at + number(row, 4, 4) as usize];
        assert_eq!(number(row, 8, 8), xxh3_64(block));
        at += block.len();
        let mut place = 1;
        let heads: Vec<(u8, u64, u64)> = (0..=block[0])
            .map(|_| {
                let third = block[place];
                place += 1;
                (third, grouped(block, &mut place), grouped(block, &mut place))
            })
            .collect();
        for (third, count, len) in heads {
            let list = postings(&block[place..place + len as usize], count, files);
            place += len as usize;
            found.insert(vec![row[1], row[0], third], list);
        }
        assert_eq!(place, block.len());
    }
    assert_eq!(at, tables);
    let file = |name: &str| {
        let inode = fs::metadata(dir.path().join(name)).unwrap().ino();
        inodes.iter().position(|other| *other == inode).unwrap() as u64
    };
    let sorted = |names: &[&str]| {
        let mut numbers: Vec<u64> = names.iter().map(|name| file(name)).collect();
        numbers.sort_unstable();
        numbers
    };
    let trigrams: Vec<&[u8]> = found.keys().map(Vec::as_slice).collect();
    let expected: [&[u8]; 8] =
        [b"\x1f\x8ba", b"abc", b"bca", b"bul", b"cab", b"ulk", b"xab", b"\x8bab"];
    assert_eq!(trigrams, expected);
    assert_eq!(found[&b"abc"[..]], sorted(&["a", "c", "d"]));
    assert_eq!(found[&b"xab"[..]], sorted(&["c"]));
    assert_eq!(found[&b"bul"[..]].len(), 30);
}
