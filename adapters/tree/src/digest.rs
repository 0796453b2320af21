//! Digests of directories; `docs/format/digest.md` has the definition byte for byte.

use treenail_hash::Hash;
use treenail_merkle::set::{self, Item};

use crate::block::Block;
use crate::column::IdBlock;
use crate::ids::ContentId;
use crate::view::Class;

type Key<C> = <<C as ContentId>::Node as Hash>::Digest;

/// How a column digests a directory, given its blocks and the ids beside them.
pub(crate) type DigestDir = fn(&[Block], &[IdBlock]) -> Option<Vec<u8>>;

/// The [`DigestDir`] of a kind of ids.
pub(crate) fn digest_dir<C: ContentId>(blocks: &[Block], ids: &[IdBlock]) -> Option<Vec<u8>> {
    let elements = blocks.iter().zip(ids).flat_map(|(block, ids)| {
        block.rows().enumerate().map(|(i, row)| Element {
            name: row.name,
            class: Class::of(&row.stat),
            slot: ids.get(i),
        })
    });
    Some(Digester::<C>::new().digest(elements)?.as_ref().to_vec())
}

/// Digests one directory after another, keeping its memory.
pub(crate) struct Digester<C: ContentId> {
    keys: Vec<Key<C>>,
    items: Vec<Item<Key<C>, C::Value>>,
}

/// An entry as its directory's digest sees it.
#[derive(Clone, Copy)]
pub(crate) struct Element<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) class: Class,
    /// The id or digest; `None` while it is not known.
    pub(crate) slot: Option<&'a [u8]>,
}

impl<C: ContentId> Digester<C> {
    pub(crate) fn new() -> Self {
        Self { keys: Vec::new(), items: Vec::new() }
    }

    /// The digest of a directory with these entries, in any order; `None` if an id is missing.
    pub(crate) fn digest<'a>(
        &mut self,
        elements: impl Iterator<Item = Element<'a>> + Clone,
    ) -> Option<Key<C>> {
        let names: Vec<&[u8]> = elements.clone().map(|element| element.name).collect();
        self.keys.clear();
        self.keys.resize(names.len(), Key::<C>::default());
        C::Node::hash_many(&names, &mut self.keys);
        self.items.clear();
        for (key, element) in self.keys.iter().zip(elements) {
            let needs_id = element.class.has_content() || element.class == Class::Directory;
            let slot = match element.slot {
                Some(slot) => slot,
                None if needs_id => return None,
                None => &[],
            };
            let mut value = C::ZERO;
            let bytes = value.as_mut();
            bytes[0] = element.class as u8;
            bytes[1..=slot.len()].copy_from_slice(slot);
            self.items.push(Item { key: *key, value });
        }
        Some(set::digest::<C::Node, C::Value>(&mut self.items))
    }
}
