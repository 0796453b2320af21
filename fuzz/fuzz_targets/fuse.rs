//! The filter: any keys make one that has them all; any bytes are refused or asked without harm.
#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use treenail_index::fuse::{Fingerprint, FuseRef, build, bytes_for, scratch_words_for};

fuzz_target!(|input: (bool, u64, Vec<u64>, &[u8])| {
    let (wide, seed, keys, bytes) = input;
    if wide {
        run::<u16>(seed, &keys, bytes);
    } else {
        run::<u8>(seed, &keys, bytes);
    }
});

fn run<F: Fingerprint>(seed: u64, keys: &[u64], hostile: &[u8]) {
    if let Ok(filter) = FuseRef::<F>::new_checked(hostile) {
        keys.iter().for_each(|key| _ = filter.contains(*key));
    }
    let mut scratch = vec![seed; scratch_words_for(keys.len()).expect("few keys")];
    let mut bytes = vec![0xa5; bytes_for::<F>(keys.len()).expect("few keys")];
    build::<F>(keys, seed, &mut scratch, &mut bytes).expect("the sizes are right");
    let filter = FuseRef::<F>::new_checked(&bytes).expect("it was built");
    assert!(keys.iter().all(|key| filter.contains(*key)));
    assert_eq!(filter.len() as usize, keys.iter().collect::<HashSet<_>>().len());

    // The same with hostile bytes laid over it.
    for (byte, hostile) in bytes.iter_mut().zip(hostile) {
        *byte ^= hostile;
    }
    if let Ok(filter) = FuseRef::<F>::new_checked(&bytes) {
        [0, seed, u64::MAX].iter().chain(keys).for_each(|key| _ = filter.contains(*key));
    }
}
