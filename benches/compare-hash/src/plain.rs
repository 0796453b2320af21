//! XXH3 and the CRCs.

use treenail_compare::case::{Case, Target};
use treenail_hash::{Crc32, Crc32c, Hash, Xxh3, Xxh128, xxh3};

use crate::job::{Way, case, each, many, messages};
use crate::{c_xxhash, version};

const OURS: &str = version!("TREENAIL_HASH");

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("xxh3-64, 32 B", messages(4096, 32), vec![Target::Best(1.0 / 0.95)], xxh3_64()),
        case("xxh3-64, 256 B", messages(1024, 256), vec![Target::Best(1.0 / 0.95)], xxh3_64()),
        case("xxh3-64, 4 KiB", messages(64, 4096), vec![Target::Best(1.0)], xxh3_64()),
        case("xxh3-64, 1 MiB", messages(1, 1 << 20), vec![Target::Best(1.0)], xxh3_64()),
        case("xxh3-128, 32 B", messages(4096, 32), Vec::new(), xxh3_128()),
        case("xxh3-128, 4 KiB", messages(64, 4096), Vec::new(), xxh3_128()),
        case("xxh3-128, 1 MiB", messages(1, 1 << 20), Vec::new(), xxh3_128()),
        xxh3_many("xxh3-64 many, 4,096 of 100 B", 4096, 100, 1.5),
        xxh3_many("xxh3-64 many, 256 of 4 KiB", 256, 4096, 1.1),
        case("crc32, 256 B", messages(1024, 256), vec![Target::Best(1.0)], crc32()),
        case("crc32, 4 KiB", messages(64, 4096), vec![Target::Best(1.0)], crc32()),
        case("crc32, 1 MiB", messages(1, 1 << 20), vec![Target::Best(1.0)], crc32()),
        case("crc32c, 4 KiB", messages(64, 4096), vec![Target::Best(1.0)], crc32c()),
        case("crc32c, 1 MiB", messages(1, 1 << 20), vec![Target::Best(1.0)], crc32c()),
    ]
}

fn ours_xxh3_64(message: &[u8]) -> u64 {
    u64::from_be_bytes(Xxh3::hash(message))
}

fn xxh3_64() -> Vec<Way> {
    vec![
        each("treenail-hash", OURS, ours_xxh3_64),
        each("C xxHash", version!("C_XXHASH"), c_xxhash::xxh3_64),
        each("xxhash-rust", version!("XXHASH_RUST"), xxhash_rust::xxh3::xxh3_64),
        each("twox-hash", version!("TWOX_HASH"), twox_hash::XxHash3_64::oneshot),
        each("rapidhash, another algorithm", version!("RAPIDHASH"), |message| {
            rapidhash::v3::rapidhash_v3(message)
        })
        .context(),
    ]
}

fn xxh3_128() -> Vec<Way> {
    vec![
        each("treenail-hash", OURS, |message| u128::from_be_bytes(Xxh128::hash(message)) as u64),
        each("C xxHash", version!("C_XXHASH"), c_xxhash::xxh3_128_low),
        each("xxhash-rust", version!("XXHASH_RUST"), |message| {
            xxhash_rust::xxh3::xxh3_128(message) as u64
        }),
        each("twox-hash", version!("TWOX_HASH"), |message| {
            twox_hash::XxHash3_128::oneshot(message) as u64
        }),
    ]
}

fn xxh3_many(name: &'static str, count: usize, size_bytes: usize, gain_min: f64) -> Case {
    let mut ways = xxh3_64();
    ways[0].name = "treenail-hash, one by one";
    let all = many("treenail-hash, many", OURS, xxh3::xxh3_64_many, |digest: &u64| *digest);
    ways.insert(0, all);
    let target = Target::Ratio { rival: "treenail-hash, one by one", max: 1.0 / gain_min };
    case(name, messages(count, size_bytes), vec![target], ways)
}

fn crc32() -> Vec<Way> {
    vec![
        each("treenail-hash", OURS, |message| u32::from_be_bytes(Crc32::hash(message)).into()),
        each("crc32fast", version!("CRC32FAST"), |message| crc32fast::hash(message).into()),
        each("crc-fast", version!("CRC_FAST"), |message| {
            crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32IsoHdlc, message)
        }),
    ]
}

fn crc32c() -> Vec<Way> {
    vec![
        each("treenail-hash", OURS, |message| u32::from_be_bytes(Crc32c::hash(message)).into()),
        each("crc32c", version!("CRC32C"), |message| crc32c::crc32c(message).into()),
        each("crc-fast", version!("CRC_FAST"), |message| {
            crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, message)
        }),
    ]
}
