//! SHA-1 collision detection on the published collision, and Git blob ids.

use treenail_hash::{GitBlob, GitBlobError, Hash, Sha1};

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
