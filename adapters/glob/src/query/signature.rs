//! 64 bits that say which pairs of bytes a name cannot have.
//!
//! Each two neighbouring bytes of a name set one of 64 bits, ASCII letters whatever their case, and
//! so do the first byte with a mark before it and the last with one behind it. A name that a
//! pattern matches has the bits of every literal part of the pattern; one name in some hundred has
//! those of another one's five letters by chance. Signatures stand in a column, so that a million
//! of them are looked through in about a millisecond.

use std::ops::ControlFlow;

/// What stands before the first and behind the last byte of a name. No name holds it.
pub(super) const EDGE: u8 = b'/';

/// The signature of a name, both of its ends included.
pub(super) fn of_name(name: &[u8]) -> u64 {
    let (mut signature, mut before) = (0, EDGE);
    for &byte in name {
        signature |= bit(before, byte);
        before = byte;
    }
    signature | bit(before, EDGE)
}

/// The signature of a part of a name, which begins or ends with [`EDGE`] where the name does.
pub(super) fn of_part(part: &[u8]) -> u64 {
    part.windows(2).fold(0, |signature, pair| signature | bit(pair[0], pair[1]))
}

fn bit(a: u8, b: u8) -> u64 {
    let pair = u32::from(a.to_ascii_lowercase()) << 8 | u32::from(b.to_ascii_lowercase());
    1 << (pair.wrapping_mul(0x9E37_79B1) >> 26)
}

/// How many signatures are looked at together: what the compiler turns into vector instructions
/// for any processor, and few enough that one hit does not cost many looks.
const TOGETHER: usize = 16;

/// Calls `hit` with the place of each signature that has all bits of `wanted`, until it says that
/// it is enough.
pub(super) fn scan(
    signatures: &[u64],
    wanted: u64,
    mut hit: impl FnMut(usize) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let (chunks, rest) = signatures.as_chunks::<TOGETHER>();
    let mut each = |start: usize, some: &[u64]| {
        let has = |signature: &u64| wanted & !signature == 0;
        let mut found = some.iter().enumerate().filter(|(_, signature)| has(signature));
        found.try_for_each(|(i, _)| hit(start + i))
    };
    for (number, chunk) in chunks.iter().enumerate() {
        let lacks = |any: bool, signature: &u64| any | (wanted & !signature == 0);
        if chunk.iter().fold(false, lacks) {
            each(number * TOGETHER, chunk)?;
        }
    }
    each(chunks.len() * TOGETHER, rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_name_has_the_bits_of_each_of_its_parts(
            name in prop::collection::vec(any::<u8>().prop_filter("", |b| *b != EDGE), 1..40),
            (from, len) in (0..40_usize, 0..40_usize),
        ) {
            let marked = [&[EDGE], &name[..], &[EDGE]].concat();
            let from = from.min(marked.len());
            let part = &marked[from..(from + len).min(marked.len())];
            prop_assert_eq!(of_part(part) & !of_name(&name), 0);
            prop_assert_eq!(of_name(&name.to_ascii_uppercase()), of_name(&name));
        }

        #[test]
        fn a_scan_finds_what_looking_at_each_finds(
            signatures in prop::collection::vec((any::<u64>(), any::<u64>()), 0..100),
            wanted in any::<u64>(),
        ) {
            let wanted = wanted & wanted >> 7 & wanted << 9;
            let signatures: Vec<u64> = signatures.into_iter().map(|(a, b)| a | b).collect();
            let mut found = Vec::new();
            let all = scan(&signatures, wanted, |at| {
                found.push(at);
                ControlFlow::Continue(())
            });
            prop_assert!(all.is_continue());
            let each: Vec<usize> =
                (0..signatures.len()).filter(|at| signatures[*at] & wanted == wanted).collect();
            prop_assert_eq!(found, each);
        }
    }

    #[test]
    fn a_name_without_the_letters_lacks_a_bit() {
        assert_ne!(of_part(b"/readme") & !of_name(b"package.json"), 0);
        assert_ne!(of_part(b".js/") & !of_name(b"package.json"), 0);
    }
}
