//! SHA-256, SHA-1 and BLAKE3.

use sha1_checked::Digest as _;
use sha2::Digest as _;
use treenail_compare::case::{Case, Target};
use treenail_hash::{Blake3, Hash, Sha1, Sha256};

use crate::job::{Way, case, each, head, many, messages};
use crate::version;

const OURS: &str = version!("TREENAIL_HASH");

pub(crate) fn cases() -> Vec<Case> {
    vec![
        sha256_many("sha256 many, 64 of 4 KiB", 64, 4096, 1.7),
        sha256_many("sha256 many, 1,000 of 100 B", 1000, 100, 3.0),
        case("sha256, 1 MiB", messages(1, 1 << 20), Vec::new(), sha256()),
        sha1_many("sha1 many, 64 of 4 KiB", 64, 4096),
        sha1_many("sha1 many, 1,000 of 100 B", 1000, 100),
        case(
            "sha1, 1 MiB",
            messages(1, 1 << 20),
            vec![
                Target::Ratio { rival: "sha1dc", max: 1.0 },
                Target::Ratio { rival: "sha1, no detection", max: 1.0 / 0.95 },
            ],
            sha1(),
        ),
        blake3_many("blake3 many, 1,000 of 100 B", 1000, 100),
        blake3_many("blake3 many, 256 of 1 KiB", 256, 1024),
        blake3_many("blake3 many, 64 of 6 KiB", 64, 6 << 10),
        blake3_many("blake3 many, 32 of 16 KiB", 32, 16 << 10),
        blake3_many("blake3 many, 8 of 1 KiB", 8, 1 << 10),
        blake3_many("blake3 many, 4 of 1 KiB", 4, 1 << 10),
        case("blake3, 1 MiB", messages(1, 1 << 20), vec![Target::Best(1.0 / 0.95)], blake3()),
    ]
}

fn sha256() -> Vec<Way> {
    vec![
        each("treenail-hash", OURS, |message| head(&Sha256::hash(message))),
        each("sha2", version!("SHA2"), |message| head(&sha2::Sha256::digest(message))),
        each("ring", version!("RING"), |message| {
            head(ring::digest::digest(&ring::digest::SHA256, message).as_ref())
        }),
    ]
}

fn sha256_many(name: &'static str, count: usize, size_bytes: usize, gain_min: f64) -> Case {
    let mut ways = sha256();
    ways[0] =
        many("treenail-hash, many", OURS, Sha256::hash_many, |digest: &[u8; 32]| head(digest));
    let tape = many(
        "tape-sha256, many",
        version!("TAPE_SHA256"),
        tape_sha256::hash_many,
        |digest: &[u8; 32]| head(digest),
    );
    ways.insert(1, tape);
    let targets = vec![
        Target::Ratio { rival: "sha2", max: 1.0 / gain_min },
        Target::Ratio { rival: "tape-sha256, many", max: 1.0 },
    ];
    case(name, messages(count, size_bytes), targets, ways)
}

fn sha1() -> Vec<Way> {
    vec![
        each("treenail-hash", OURS, |message| head(&Sha1::hash(message))),
        each("sha1dc", version!("SHA1DC"), |message| {
            head(sha1dc::digest(message).expect("no attack").as_ref())
        }),
        each("sha1-checked", version!("SHA1_CHECKED"), |message| {
            head(&sha1_checked::Sha1::digest(message))
        }),
        each("sha1, no detection", version!("SHA1"), |message| head(&sha1::Sha1::digest(message))),
    ]
}

fn sha1_many(name: &'static str, count: usize, size_bytes: usize) -> Case {
    let mut ways = sha1();
    ways[0] = many("treenail-hash, many", OURS, Sha1::hash_many, |digest: &[u8; 20]| head(digest));
    let targets = vec![Target::Ratio { rival: "sha1dc", max: 1.0 / 1.5 }];
    case(name, messages(count, size_bytes), targets, ways)
}

fn blake3() -> Vec<Way> {
    vec![
        each("treenail-hash", OURS, |message| head(&Blake3::hash(message))),
        each("blake3", version!("BLAKE3"), |message| head(blake3::hash(message).as_bytes())),
    ]
}

fn blake3_many(name: &'static str, count: usize, size_bytes: usize) -> Case {
    let mut ways = blake3();
    ways[0] =
        many("treenail-hash, many", OURS, Blake3::hash_many, |digest: &[u8; 32]| head(digest));
    case(name, messages(count, size_bytes), vec![Target::Best(1.0)], ways)
}
