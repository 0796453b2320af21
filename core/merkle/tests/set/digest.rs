//! `set::digest`, and the definition of the digest.

use crate::naive::{H, Key, Value, cases, item, naive_digest};
use proptest::prelude::*;
use treenail_hash::{Blake3, Hash, Xxh3, Xxh128};
use treenail_merkle::set::{self, Item};

fn pairs<D: Copy, V: Copy>(items: &[Item<D, V>]) -> Vec<(D, V)> {
    items.iter().map(|item| (item.key, item.value)).collect()
}

fn check(mut items: Vec<Item<Key, Value>>) {
    let expected = naive_digest::<H, Value>(&pairs(&items), 0);
    assert_eq!(set::digest::<H, Value>(&mut items), expected, "{} items", items.len());
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

// The golden values of docs/format/merkle-set.md, from a program of thirty lines in another
// language, over the reference tools xxhsum and b3sum.
#[test]
fn golden_digests() {
    fn of<H: Hash>(count: u32) -> String {
        let mut items: Vec<_> = (0..count)
            .map(|i| Item { key: H::hash(&i.to_le_bytes()), value: i.to_be_bytes() })
            .collect();
        hex(set::digest::<H, [u8; 4]>(&mut items))
    }
    assert_eq!(of::<Xxh3>(0), "34499569f0391857");
    assert_eq!(of::<Xxh128>(1), "9e641b56233670612dc11f130b76c387");
    assert_eq!(of::<Xxh128>(64), "3264200d7723c3a4f83eeb2af0f45825");
    assert_eq!(of::<Xxh128>(65), "1166873e27aa1fda8024ca4a72792a73");
    assert_eq!(
        of::<Blake3>(5000),
        "5b3bb51760f145d4dac8a69bf98cc16ce61f933a76e1897a74197d8def43b15a"
    );
}

#[test]
fn digest_of_few_items_is_the_definition_spelled_out() {
    let (a, b) = ([1; 8], [2; 8]);
    let mut items = [Item { key: b, value: *b"yy" }, Item { key: a, value: *b"xx" }];
    let message = [&[0][..], &2u64.to_le_bytes(), &a, b"xx", &b, b"yy"].concat();
    assert_eq!(set::digest::<Xxh3, _>(&mut items), Xxh3::hash(&message));
    assert_eq!(items[0].key, a, "sorted in place");
}

#[test]
fn leaf_and_branch_sizes_meet_at_64() {
    for count in [0, 1, 2, 20, 63, 64, 65, 66, 1000, 1040, 3000] {
        check((0..count).map(item).collect());
    }
}

#[test]
fn leaf_message_of_every_size_is_whole() {
    // Values so long that the messages pass each of the buffers' sizes.
    fn of_size<const BYTES: usize>() {
        for count in 0..=64u8 {
            let mut items: Vec<Item<Key, [u8; BYTES]>> =
                (0..count).map(|i| Item { key: [i; 8], value: [i; BYTES] }).collect();
            let expected = naive_digest::<H, _>(&pairs(&items), 0);
            assert_eq!(set::digest::<H, _>(&mut items), expected, "{count} of {BYTES} bytes");
        }
    }
    of_size::<0>();
    of_size::<8>();
    of_size::<32>();
    of_size::<100>();
    of_size::<5000>();
}

#[test]
fn keys_with_a_long_common_prefix() {
    for common in 0..=8 {
        let items = (0..200).map(|i| {
            let mut item = item(i);
            item.key[..common].fill(0xAB);
            item
        });
        check(items.collect());
    }
}

#[test]
fn equal_keys_form_a_multiset() {
    let same = |value| Item { key: [7; 8], value };
    check((0..200).map(|i| same(item(i).value)).collect());
    check(vec![same([1; 3]); 200]);
    let (mut one, mut two) = ([same([1; 3])], [same([1; 3]); 2]);
    assert_ne!(set::digest::<H, _>(&mut one), set::digest::<H, _>(&mut two));
}

#[test]
fn leaf_and_branch_cannot_be_confused() {
    // A branch of 65 items, and a leaf whose items spell exactly what follows the branch's tag.
    let mut items: Vec<_> = (0..65).map(item).collect();
    let branch = set::digest::<H, Value>(&mut items);
    let mut leaf_like = vec![0];
    leaf_like.extend(65u64.to_le_bytes());
    for nibble in 0..16 {
        let mut below: Vec<_> =
            items.iter().filter(|item| item.key[0] >> 4 == nibble).copied().collect();
        leaf_like.extend(set::digest::<H, Value>(&mut below));
    }
    assert_ne!(branch, H::hash(&leaf_like));
    leaf_like[0] = 1;
    assert_eq!(branch, H::hash(&leaf_like));
}

/// The digest put together by the parts that other structures build their nodes with.
fn by_parts<H: Hash, V: set::Value>(items: &[Item<H::Digest, V>], depth: usize) -> H::Digest {
    if items.len() <= set::LEAF_MAX || depth == 2 * size_of::<H::Digest>() {
        return set::leaf_digest::<H, V>(items);
    }
    let children = set::split(items, depth, |item| &item.key);
    assert_eq!(children.concat().len(), items.len());
    let digests = children.map(|own| by_parts::<H, V>(own, depth + 1));
    set::branch_digest::<H>(items.len(), &digests)
}

#[test]
fn the_definition_s_parts_yield_the_digest() {
    for count in [0, 1, 64, 65, 1500] {
        let mut items: Vec<_> = (0..count).map(item).collect();
        let expected = set::digest::<H, Value>(&mut items);
        assert_eq!(by_parts::<H, Value>(&items, 0), expected, "{count} items, now ascending");
    }
    let mut alike = vec![Item { key: [7; 8], value: [1; 3] }; 200];
    assert_eq!(by_parts::<H, Value>(&alike, 0), set::digest::<H, Value>(&mut alike));
}

fn any_item() -> impl Strategy<Value = Item<Key, Value>> {
    // Few distinct bytes, so that prefixes and whole keys coincide.
    let byte = prop_oneof![Just(0x00), Just(0x01), Just(0x10), Just(0xFF), any::<u8>()];
    let key = proptest::array::uniform2(byte);
    (key, any::<[bool; 3]>()).prop_map(|([a, b], value)| Item {
        key: [a, a, a, a, a, a, a, b],
        value: value.map(u8::from),
    })
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn digest_equals_the_naive_one(items in prop::collection::vec(any_item(), 0..300)) {
        check(items);
    }

    #[test]
    fn digest_does_not_depend_on_the_order(
        (items, shuffled) in prop::collection::vec(any_item(), 0..150)
            .prop_flat_map(|items| (Just(items.clone()), Just(items).prop_shuffle())),
    ) {
        let (mut items, mut shuffled) = (items, shuffled);
        prop_assert_eq!(
            set::digest::<H, Value>(&mut items),
            set::digest::<H, Value>(&mut shuffled)
        );
    }
}
