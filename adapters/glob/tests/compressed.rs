//! The search in compressed files: whole, in pieces, cut, damaged, hostile.
#![cfg(feature = "compressed")]

use std::io;
use std::ops::ControlFlow;

use treenail_glob::search::{Content, Line, Search};

/// The same text, as the usual programs compress it.
const PACKED: [(&str, &str); 6] = [
    (
        "gz",
        "1f8b08000000000002034bcb2c2a2e51c8c9cc4be52a4e4dcecf4b51c84b4d4dc9498508e524169770\
         0100db82e90b23000000",
    ),
    (
        "bz2",
        "425a6839314159265359174d26cb0000085180001040002f259c00200021a9b48f50d3d2100002d621766a\
         201b995914570360b3a76c7c5dc914e142405d349b2c",
    ),
    (
        "xz",
        "fd377a585a000004e6d6b4460200210116000000742fe5a30100226669727374206c696e650a7365636f6e\
         64206e6565646c65206c696e650a6c6173740a0000da5af2dfa296e80b00013b23612b53be1fb6f37d0100\
         00000004595a",
    ),
    (
        "lzma",
        "5d00008000ffffffffffffffff00331a4aac0c72bf8d58f94d6fbe9d69a7a5c35e2189714c2c0924f942cb\
         8c18f13aa1c1fffdc0e000",
    ),
    (
        "zst",
        "28b52ffd24231901006669727374206c696e650a7365636f6e64206e6565646c65206c696e650a6c6173\
         740a8ce9de93",
    ),
    (
        "lz4",
        "04224d186440a7230000806669727374206c696e650a7365636f6e64206e6565646c65206c696e650a6c\
         6173740a00000000eea44be6",
    ),
];

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().map(|c| (c as char).to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn found(packed: &[u8], name: &str) -> io::Result<Vec<Vec<u8>>> {
    let searcher = Search::new(["needle"]).compressed(true).compile().unwrap();
    let mut lines = Vec::new();
    let mut each = |line: &Line<'_>| {
        lines.push(line.bytes.to_vec());
        ControlFlow::Continue(())
    };
    let content = Content { name: name.as_bytes(), named: true, live: false };
    searcher.worker().search(packed, content, &mut each)?;
    Ok(lines)
}

#[test]
fn compressed_files_are_searched_as_what_they_were() {
    for (name, hex) in PACKED {
        let packed = bytes(hex);
        let name = format!("log.{name}");
        assert_eq!(found(&packed, &name).unwrap(), [b"second needle line\n"], "{name}");
    }
}

#[test]
fn several_compressed_pieces_are_one_file() {
    for (name, hex) in PACKED.iter().filter(|(name, _)| *name != "lzma") {
        let packed = bytes(hex).repeat(3);
        assert_eq!(found(&packed, name).unwrap().len(), 3, "{name}");
    }
    // Two frames, and one between them that is to be skipped.
    let packed = bytes(
        "28b52ffd04585900006669727374206c696e650a9d965936502a4d180300000061626328b52ffd045859\
         00006e6565646c652074776f0aeb3a12c1",
    );
    assert_eq!(found(&packed, "a.zst").unwrap(), [b"needle two\n"]);
}

#[test]
fn a_damaged_or_cut_file_is_an_error_and_no_panic() {
    for (name, hex) in PACKED {
        let (whole, name) = (bytes(hex), format!("log.{name}"));
        let mut refused = 0;
        for at in 0..whole.len() {
            let cut = found(&whole[..at], &name);
            let mut damaged = whole.clone();
            damaged[at] ^= 0x55;
            refused += u32::from(cut.is_err()) + u32::from(found(&damaged, &name).is_err());
        }
        assert!(refused > 10, "{name}: {refused}");
    }
}

#[test]
fn an_xz_file_that_asks_for_a_huge_dictionary_is_refused() {
    let mut packed = bytes(PACKED[2].1);
    // The dictionary's size is a code in the header of the block, under a checksum.
    packed[16] = 40;
    let error = found(&packed, "a.xz").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::FileTooLarge, "{error}");
}
