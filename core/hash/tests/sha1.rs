//! SHA-1 collision detection on the published collisions, by every back end that the machine has,
//! against the `sha1dc` crate; and Git blob ids.

mod common;

use treenail_hash::{Collision, GitBlob, GitBlobError, Hash, Sha1, git_blob_many, sha1_many};

use self::common::{Random, with_each_back_end};

// The first 320 bytes of the two PDF files of Stevens, Bursztein, Karpman, Albertini and Markov,
// "The first collision for full SHA-1" (2017): a common head, then two blocks each.
const HEAD: &str = "\
    255044462d312e330a25e2e3cfd30a0a0a312030206f626a0a3c3c2f57696474682032203020522f\
    4865696768742033203020522f547970652034203020522f537562747970652035203020522f4669\
    6c7465722036203020522f436f6c6f7253706163652037203020522f4c656e677468203820302052\
    2f42697473506572436f6d706f6e656e7420383e3e0a73747265616d0affd8fffe00245348412d31\
    20697320646561642121212121852fec092339759c39b1a1c63c4c97e1fffe01";
const FIRST: &str = "\
    7f46dc93a6b67e013b029aaa1db2560b45ca67d688c7f84b8c4c791fe02b3df614f86db1690901c5\
    6b45c1530afedfb76038e972722fe7ad728f0e4904e046c230570fe9d41398abe12ef5bc942be335\
    42a4802d98b5d70f2a332ec37fac3514e74ddc0f2cc1a874cd0c78305a21566461309789606bd0bf\
    3f98cda8044629a1";
const SECOND: &str = "\
    7346dc9166b67e118f029ab621b2560ff9ca67cca8c7f85ba84c79030c2b3de218f86db3a90901d5\
    df45c14f26fedfb3dc38e96ac22fe7bd728f0e45bce046d23c570feb141398bb552ef5a0a82be331\
    fea48037b8b5d71f0e332edf93ac3500eb4ddc0decc1a864790c782c76215660dd309791d06bd0af\
    3f98cda4bc4629b1";
const COMMON_SHA1: &str = "f92d74e3874587aaf443d1db961d4e26dde13e9c";

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).expect("a hexadecimal pair"))
        .collect()
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn collision() -> [Vec<u8>; 2] {
    [FIRST, SECOND].map(|blocks| unhex(&format!("{HEAD}{blocks}")))
}

/// The two messages of Leurent and Peyrin, "SHA-1 is a Shambles" (2020), with different heads.
fn chosen_prefix_collision() -> [Vec<u8>; 2] {
    [include_str!("data/sha-mbles-1.hex"), include_str!("data/sha-mbles-2.hex")]
        .map(|text| unhex(&text.split_whitespace().collect::<String>()))
}

/// What the library says of a message.
fn library(message: &[u8]) -> (bool, [u8; 20]) {
    match sha1dc::mitigate::digest(message) {
        Ok(digest) => (false, digest.to_bytes()),
        Err(attack) => (true, attack.digest().to_bytes()),
    }
}

/// The same of a result.
fn outcome(result: Result<[u8; 20], Collision>) -> (bool, [u8; 20]) {
    match result {
        Ok(digest) => (false, digest),
        Err(attack) => (true, attack.mitigated()),
    }
}

fn blob(content: &[u8]) -> Vec<u8> {
    [format!("blob {}\0", content.len()).as_bytes(), content].concat()
}

fn check_many(messages: &[&[u8]]) {
    let mut results = vec![Ok([0xEE; 20]); messages.len()];
    sha1_many(messages, &mut results);
    let mut digests = vec![[0xEE; 20]; messages.len()];
    Sha1::hash_many(messages, &mut digests);
    let mut ids = vec![Ok([0xEE; 20]); messages.len()];
    git_blob_many(messages, &mut ids);
    for (number, message) in messages.iter().enumerate() {
        let context = || format!("{number} of {}: {} bytes", messages.len(), message.len());
        let expected = library(message);
        assert_eq!(outcome(results[number]), expected, "{}", context());
        assert_eq!(digests[number], expected.1, "{}", context());
        assert_eq!(outcome(ids[number]), library(&blob(message)), "blob {}", context());
    }
}

#[test]
fn many_of_every_length_equal_the_library() {
    let data = Random(1).bytes(4096);
    with_each_back_end(|| {
        let messages: Vec<&[u8]> = (0..=300).map(|length| &data[..length]).collect();
        check_many(&messages);
        for length in (0..=300).step_by(3) {
            check_many(&[&data[..length]; 17]);
        }
    });
}

#[test]
fn many_of_every_count_and_mixed_lengths_equal_the_library() {
    let data = Random(2).bytes(20_000);
    with_each_back_end(|| {
        let mut random = Random(3);
        for count in 0..=70 {
            for longest in [1, 200, 3000] {
                let mut messages: Vec<&[u8]> = Vec::new();
                for _ in 0..count {
                    let start = random.below(data.len() - longest);
                    messages.push(&data[start..start + random.below(longest + 1)]);
                }
                check_many(&messages);
            }
        }
    });
}

#[test]
fn long_messages_equal_the_library_whatever_the_split() {
    let data = Random(4).bytes(300_000);
    with_each_back_end(|| {
        let mut random = Random(5);
        for length in [1023, 1024, 1025, 16_383, 16_384, 16_385, 70_000, 300_000] {
            let message = &data[..length];
            let expected = library(message);
            assert_eq!(outcome(Sha1::hash_checked(message)), expected, "{length}");
            let mut state = Sha1::default();
            let mut rest = message;
            while !rest.is_empty() {
                let part = random.below(5000).min(rest.len());
                state.update(&rest[..part]);
                rest = &rest[part..];
            }
            assert_eq!(outcome(state.finish_checked()), expected, "{length} in parts");
        }
    });
}

#[test]
fn attack_is_reported_in_whatever_lane() {
    let data = Random(6).bytes(9000);
    let attacks = [collision(), chosen_prefix_collision()].concat();
    with_each_back_end(|| {
        for place in 0..40 {
            // What follows the attack changes when it is found: at once, or after the message.
            let tail = [0, 100, 1000, 8000][place % 4];
            let attack = [&attacks[place / 4 % 4], &data[..tail]].concat();
            let mut messages: Vec<&[u8]> =
                (0..40).map(|number| &data[..(number * 37) % 1500]).collect();
            messages[place] = &attack;
            check_many(&messages);
        }
    });
}

#[test]
fn attacks_in_all_lanes_are_all_reported() {
    let attacks = [collision(), chosen_prefix_collision()].concat();
    with_each_back_end(|| {
        let messages: Vec<&[u8]> = (0..100).map(|number| &attacks[number % 4][..]).collect();
        check_many(&messages);
    });
}

#[test]
fn attack_is_reported_in_a_long_message() {
    let data = Random(7).bytes(200_000);
    with_each_back_end(|| {
        for attack in [collision(), chosen_prefix_collision()].concat() {
            for tail in [0, 700, 16_000, 70_000, 200_000] {
                let message = [&attack, &data[..tail]].concat();
                let expected = library(&message);
                assert!(expected.0);
                assert_eq!(outcome(Sha1::hash_checked(&message)), expected, "{tail}");
                let mut state = Sha1::default();
                message.chunks(999).for_each(|part| state.update(part));
                assert_eq!(outcome(state.finish_checked()), expected, "{tail} in parts");
            }
        }
    });
}

#[test]
fn mitigated_digests_are_those_of_the_reference_implementation() {
    let [first, second] = chosen_prefix_collision();
    assert_eq!(hex(Sha1::hash(&first)), "4f3d9be4a472c4dae83c6314aa6c36a064c1fd14");
    assert_eq!(hex(Sha1::hash(&second)), "9ed5d77a4f48be1dbf3e9e15650733eb850897f2");
}

#[test]
#[should_panic(expected = "one result for each message")]
fn messages_and_results_of_different_length_are_refused() {
    sha1_many(&[b"a", b"b"], &mut [Ok([0; 20])]);
}

#[test]
fn collision_is_reported() {
    for message in collision() {
        let attack = Sha1::hash_checked(&message).expect_err("the attack is seen");
        assert_eq!(attack.mitigated(), Sha1::hash(&message));
        assert_ne!(hex(attack.mitigated()), COMMON_SHA1);
    }
}

#[test]
fn collision_is_reported_whatever_the_split() {
    let [message, _] = collision();
    for split in 0..=message.len() {
        let mut state = Sha1::default();
        state.update(&message[..split]);
        state.update(&message[split..]);
        assert!(state.finish_checked().is_err(), "split at {split}");
    }
}

#[test]
fn colliding_messages_get_different_digests() {
    let [first, second] = collision();
    assert_ne!(first, second);
    assert_ne!(Sha1::hash(&first), Sha1::hash(&second));
}

#[test]
fn clean_message_passes_the_check() {
    assert_eq!(Sha1::hash_checked(b"abc"), Ok(Sha1::hash(b"abc")));
    let [mut message, _] = collision();
    message[200] ^= 1;
    assert_eq!(Sha1::hash_checked(&message), Ok(Sha1::hash(&message)));
}

#[test]
fn blob_ids_equal_git_hash_object() {
    let id = |content: &[u8]| hex(GitBlob::hash_checked(content).expect("clean content"));
    assert_eq!(id(b""), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
    assert_eq!(id(b"hello\n"), "ce013625030ba8dba906f756967f9e9ca394464a");
    assert_eq!(id(&[b'x'; 1234]), "72d0c78c563d4ff92840aaf19521ea20d3fa3f58");
}

#[test]
fn blob_streams_like_one_shot() {
    let content: Vec<u8> = (0..300).map(|i| (i * 3) as u8).collect();
    for split in 0..=content.len() {
        let mut blob = GitBlob::new(content.len() as u64);
        blob.update(&content[..split]);
        blob.update(&content[split..]);
        assert_eq!(blob.finish_checked().ok(), GitBlob::hash_checked(&content).ok());
    }
}

#[test]
fn blob_header_holds_the_longest_length() {
    let mut header = Sha1::default();
    header.update(b"blob 18446744073709551615\0");
    let empty = GitBlob::new(u64::MAX);
    let length = GitBlobError::Length { declared_bytes: u64::MAX, added_bytes: 0 };
    assert_eq!(empty.finish_checked(), Err(length));
    assert!(length.to_string().contains("declared with 18446744073709551615 bytes but has 0"));
}

#[test]
fn blob_of_another_length_than_declared_has_no_id() {
    for added in [0, 4, 6] {
        let mut blob = GitBlob::new(5);
        blob.update(&vec![0; added]);
        let length = GitBlobError::Length { declared_bytes: 5, added_bytes: added as u64 };
        assert_eq!(blob.finish_checked(), Err(length));
    }
}
