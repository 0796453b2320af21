//! A naive twin of the set, written from the definition alone.

use std::collections::BTreeMap;

use proptest::prelude::ProptestConfig;
use treenail_hash::{Digest, Hash, Xxh3};
use treenail_merkle::set::{Item, Node, Slot, nodes_for};

/// The algorithm that most tests use, its digest and their values.
pub(crate) type H = Xxh3;
pub(crate) type Key = [u8; 8];
pub(crate) type Value = [u8; 3];

/// How many cases a property is tried on: emulated processors are slow.
pub(crate) fn cases() -> ProptestConfig {
    ProptestConfig::with_cases(if cfg!(target_arch = "x86_64") { 256 } else { 25 })
}

/// The digest of `items`, whose keys begin with the same `depth` nibbles, as a hexadecimal string
/// spells them.
pub(crate) fn naive_digest<H: Hash, V: AsRef<[u8]> + Clone>(
    items: &[(H::Digest, V)],
    depth: usize,
) -> H::Digest {
    let hex = |key: &H::Digest| -> String {
        key.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let count = (items.len() as u64).to_le_bytes();
    let mut message = Vec::new();
    if items.len() <= 64 || depth == 2 * H::Digest::SIZE_BYTES {
        let mut encoded: Vec<Vec<u8>> =
            items.iter().map(|(key, value)| [key.as_ref(), value.as_ref()].concat()).collect();
        encoded.sort();
        message.push(0);
        message.extend(count);
        message.extend(encoded.concat());
    } else {
        message.push(1);
        message.extend(count);
        let mut below = vec![Vec::new(); 16];
        for item in items {
            let nibble = hex(&item.0).chars().nth(depth).and_then(|digit| digit.to_digit(16));
            below[nibble.expect("a hexadecimal digit") as usize].push(item.clone());
        }
        for below in below {
            message.extend(naive_digest::<H, V>(&below, depth + 1).as_ref());
        }
    }
    H::hash(&message)
}

pub(crate) fn naive_of_map(map: &BTreeMap<Key, Value>) -> Key {
    let items: Vec<_> = map.iter().map(|(key, value)| (*key, *value)).collect();
    naive_digest::<H, Value>(&items, 0)
}

/// Item `i` of a series without end.
pub(crate) fn item(i: u32) -> Item<Key, Value> {
    let [a, b, c, _] = i.to_le_bytes();
    Item { key: H::hash(&i.to_le_bytes()), value: [a, b, c] }
}

/// Memory for a set of as many items with random keys.
pub(crate) fn memory(items: usize) -> (Vec<Node<Key>>, Vec<Slot<Key, Value>>) {
    (vec![Node::default(); nodes_for(items)], vec![Slot::default(); items])
}
