extern crate std;
use std::vec;
use std::vec::Vec;

use super::{BuildError, Fingerprint, FuseError, FuseRef, build, bytes_for, scratch_words_for};

/// Tests of many keys are for machines, not for their emulators.
const MANY: u64 = if cfg!(target_arch = "x86_64") { 200_000 } else { 5_000 };

fn made<F: Fingerprint>(keys: &[u64], seed: u64) -> Result<Vec<u8>, BuildError> {
    let mut scratch = vec![0; scratch_words_for(keys.len()).unwrap()];
    let mut bytes = vec![0xaa; bytes_for::<F>(keys.len()).unwrap()];
    build::<F>(keys, seed, &mut scratch, &mut bytes)?;
    Ok(bytes)
}

fn check<F: Fingerprint>(keys: &[u64], distinct: u64) {
    let bytes = made::<F>(keys, 7).unwrap();
    let filter = FuseRef::<F>::new_checked(&bytes).unwrap();
    assert!(keys.iter().all(|key| filter.contains(*key)), "{} keys", keys.len());
    assert_eq!(filter.len(), distinct);
}

#[test]
fn every_key_is_found_in_filters_of_every_small_size() {
    for count in 0..if cfg!(target_arch = "x86_64") { 1500 } else { 200 } {
        let keys: Vec<u64> = (0..count).map(|key| key * key * 0x1_0001).collect();
        check::<u8>(&keys, count);
        check::<u16>(&keys, count);
    }
}

#[test]
fn every_key_is_found_in_a_large_filter() {
    let keys: Vec<u64> = (0..MANY).map(|key| key << 30).collect();
    check::<u8>(&keys, MANY);
    check::<u16>(&keys, MANY);
}

#[test]
fn repeated_keys_count_once() {
    check::<u8>(&[5; 2], 1);
    check::<u8>(&[5; 70_000], 1);
    check::<u16>(&[1, 2, 1, 3, 1], 3);
    let keys: Vec<u64> = (0..MANY).map(|key| key % 1000).collect();
    check::<u8>(&keys, 1000);
    let keys: Vec<u64> = (0..MANY).chain([0]).collect();
    check::<u8>(&keys, MANY);
}

#[test]
fn the_empty_filter_has_no_key() {
    let bytes = made::<u8>(&[], 0).unwrap();
    let filter = FuseRef::<u8>::new_checked(&bytes).unwrap();
    assert!(filter.is_empty());
    assert!((0..10_000).all(|key| !filter.contains(key)));
}

#[test]
fn the_order_of_the_keys_does_not_matter() {
    let keys: Vec<u64> = (0..1000).collect();
    let reversed: Vec<u64> = keys.iter().rev().copied().collect();
    assert_eq!(made::<u8>(&keys, 3), made::<u8>(&reversed, 3));
    assert_ne!(made::<u8>(&keys, 3), made::<u8>(&keys, 4));
}

/// The number of foreign keys that pass is binomially distributed; six deviations either way.
fn foreign_keys_pass_at_the_rate<F: Fingerprint>(asked: u64) {
    let keys: Vec<u64> = (0..20_000).collect();
    let bytes = made::<F>(&keys, 11).unwrap();
    let filter = FuseRef::<F>::new_checked(&bytes).unwrap();
    let passed = (0..asked).filter(|key| filter.contains(key + 1_000_000)).count() as f64;
    let rate = 0.5_f64.powi(8 * F::BYTES as i32);
    let (mean, deviation) = (asked as f64 * rate, (asked as f64 * rate * (1.0 - rate)).sqrt());
    assert!((passed - mean).abs() < 6.0 * deviation, "{passed} of {asked}, expected {mean}");
}

#[test]
fn foreign_keys_pass_as_seldom_as_promised() {
    foreign_keys_pass_at_the_rate::<u8>(50 * 20_000.min(MANY));
    foreign_keys_pass_at_the_rate::<u16>(500 * 20_000.min(MANY));
}

#[test]
fn too_little_memory_is_an_error() {
    let mut scratch = [0; 256];
    let mut out = [0; 128];
    let needed = scratch_words_for(10).unwrap();
    let error = build::<u8>(&[1; 10], 0, &mut scratch[..needed - 1], &mut out).unwrap_err();
    assert_eq!(error, BuildError::Scratch { needed, given: needed - 1 });
    let needed = bytes_for::<u8>(10).unwrap();
    let error = build::<u8>(&[1; 10], 0, &mut scratch, &mut out[..needed - 1]).unwrap_err();
    assert_eq!(error, BuildError::Output { needed, given: needed - 1 });
    assert_eq!(
        build::<u8>(&[], 0, &mut [], &mut []).unwrap_err(),
        BuildError::Output { needed: 48, given: 0 }
    );
    assert_eq!((bytes_for::<u8>(usize::MAX), scratch_words_for(usize::MAX)), (None, None));
}

#[test]
fn a_filter_needs_no_alignment() {
    let keys: Vec<u64> = (0..100).collect();
    let bytes = made::<u16>(&keys, 0).unwrap();
    for shift in 0..8 {
        let moved = [&[0xff; 8][..shift], &bytes].concat();
        let filter = FuseRef::<u16>::new_checked(&moved[shift..]).unwrap();
        assert!(keys.iter().all(|key| filter.contains(*key)));
    }
}

#[test]
fn damaged_headers_are_refused() {
    let bytes = made::<u8>(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 0).unwrap();
    let error = |bytes: &[u8]| FuseRef::<u8>::new_checked(bytes).unwrap_err();
    for length in 0..bytes.len() {
        assert!(matches!(error(&bytes[..length]), FuseError::Length { .. }));
    }
    assert!(matches!(error(&[&bytes[..], &[0]].concat()), FuseError::Length { .. }));
    assert_eq!(
        FuseRef::<u16>::new_checked(&bytes).unwrap_err(),
        FuseError::Bits { found: 8, expected: 16 }
    );
    let with = |at: usize, byte: u8| {
        let mut damaged = bytes.clone();
        damaged[at] = byte;
        error(&damaged)
    };
    assert_eq!(with(0, 0), FuseError::Magic);
    assert_eq!(with(8, 9), FuseError::Version { found: 9 });
    assert_eq!(with(23, 1), FuseError::Header, "more keys than places");
    assert_eq!(with(16, 0), FuseError::Header, "no keys, but places");
    assert_eq!(with(32, 19), FuseError::Header, "a segment too long");
    assert_eq!(with(39, 0xff), FuseError::Header, "more places than 32 bits count");
    assert!(matches!(with(36, 0xff), FuseError::Length { .. }), "more segments than bytes");
    assert_eq!(with(40, 1), FuseError::Header, "reserved bytes");
}

/// The example in `docs/format/fuse.md`.
#[test]
fn golden_bytes() {
    let bytes = made::<u8>(&[1, 2, 3, 1], 5).unwrap();
    let hex: std::string::String = bytes.iter().map(|byte| std::format!("{byte:02x}")).collect();
    let expected = [
        "89544e465553450a", // magic
        "0100000008000000", // version, bits
        "0300000000000000", // keys
        "75554cd537d76ad6", // seed
        "0300000001000000", // segments of 2^3 places, one to start in
        "0000000000000000", // reserved
        "7200000000000000",
        "0000000000000000",
        "21000000ed000000",
    ];
    assert_eq!(hex, expected.concat());
}
