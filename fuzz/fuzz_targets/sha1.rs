//! SHA-1 with collision detection, of one message and of many, by each back end, equals the
//! `sha1dc` crate's.
#![no_main]

use libfuzzer_sys::fuzz_target;
use treenail_hash::__internal::{Features, limit};
use treenail_hash::{Collision, Hash as _, Sha1, git_blob_many, sha1_many};

const BACK_ENDS: [Features; 4] = [Features::ALL, Features::AVX512, Features::AVX2, Features::NONE];

fuzz_target!(|input: (Vec<u16>, u8, &[u8])| {
    let (lengths, back_end, data) = input;
    limit(BACK_ENDS[usize::from(back_end) % BACK_ENDS.len()]);

    // Long enough for the path of long messages, whatever the fuzzer comes up with.
    let long = data.repeat(1 + 20_000 / data.len().max(1) * usize::from(back_end & 4) / 4);
    let mut state = Sha1::default();
    let mut rest = &long[..];
    for length in &lengths {
        let (part, after) = rest.split_at(usize::from(*length).min(rest.len()));
        state.update(part);
        rest = after;
    }
    state.update(rest);
    assert_eq!(outcome(state.finish_checked()), library(&long));
    assert_eq!(outcome(Sha1::hash_checked(&long)), library(&long));

    let mut messages = Vec::new();
    let mut rest = data;
    for length in lengths {
        // Messages overlap: the next one begins a little further on.
        messages.push(&rest[..usize::from(length).min(rest.len())]);
        rest = &rest[usize::from(length % 7).min(rest.len())..];
    }
    let mut results = vec![Ok([0; 20]); messages.len()];
    sha1_many(&messages, &mut results);
    let mut ids = vec![Ok([0; 20]); messages.len()];
    git_blob_many(&messages, &mut ids);
    for ((message, result), id) in messages.iter().zip(results).zip(ids) {
        assert_eq!(outcome(result), library(message));
        let blob = [format!("blob {}\0", message.len()).as_bytes(), message].concat();
        assert_eq!(outcome(id), library(&blob));
    }
});

fn library(message: &[u8]) -> (bool, [u8; 20]) {
    match sha1dc::mitigate::digest(message) {
        Ok(digest) => (false, digest.to_bytes()),
        Err(attack) => (true, attack.digest().to_bytes()),
    }
}

fn outcome(result: Result<[u8; 20], Collision>) -> (bool, [u8; 20]) {
    match result {
        Ok(digest) => (false, digest),
        Err(attack) => (true, attack.mitigated()),
    }
}
