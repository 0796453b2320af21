//! Digests of directories; `docs/format/digest.md` has the definition byte for byte.

use std::iter::Enumerate;

use treenail_hash::Hash;
use treenail_merkle::set::{self, Item};

use crate::block::{Block, Rows};
use crate::column::IdBlock;
use crate::ids::ContentId;
use crate::view::Class;

/// A name's key in a directory's set.
pub(crate) type Key<C> = <<C as ContentId>::Node as Hash>::Digest;

/// How a column digests a directory, given its blocks and the ids beside them.
pub(crate) type DigestDir = fn(&[Block], &[IdBlock]) -> Option<Vec<u8>>;

/// The [`DigestDir`] of a kind of ids.
pub(crate) fn digest_dir<C: ContentId>(blocks: &[Block], ids: &[IdBlock]) -> Option<Vec<u8>> {
    Some(Digester::<C>::new().digest(elements(blocks, ids))?.as_ref().to_vec())
}

/// The entries of a directory as its digest sees them.
pub(crate) fn elements<'a>(
    blocks: &'a [Block],
    ids: &'a [IdBlock],
) -> impl Iterator<Item = Element<'a>> + Clone {
    blocks.iter().zip(ids).flat_map(|(block, ids)| Elements::new(block, ids))
}

/// An entry's value, and whether all of it is known.
pub(crate) fn value<C: ContentId>(element: &Element<'_>) -> (C::Value, bool) {
    let mut value = C::ZERO;
    let bytes = value.as_mut();
    bytes[0] = element.class as u8;
    let slot = element.slot.unwrap_or_default();
    bytes[1..=slot.len()].copy_from_slice(slot);
    let needs_id = element.class.has_content() || element.class == Class::Directory;
    (value, element.slot.is_some() || !needs_id)
}

/// Digests one directory after another, keeping its memory.
pub(crate) struct Digester<C: ContentId> {
    keys: Vec<Key<C>>,
    items: Vec<Item<Key<C>, C::Value>>,
}

/// An entry as its directory's digest sees it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) class: Class,
    /// The id or digest; `None` while it is not known.
    pub(crate) slot: Option<&'a [u8]>,
}

/// The entries of one block as its directory's digest sees them.
#[derive(Clone)]
pub(crate) struct Elements<'a> {
    rows: Enumerate<Rows<'a>>,
    ids: &'a IdBlock,
}

impl<'a> Elements<'a> {
    pub(crate) fn new(block: &'a Block, ids: &'a IdBlock) -> Self {
        Self { rows: block.rows().enumerate(), ids }
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        let (at, row) = self.rows.next()?;
        Some(Element { name: row.name, class: Class::of(&row.stat), slot: self.ids.get(at) })
    }
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
        self.collect(elements)?;
        Some(set::digest::<C::Node, C::Value>(&mut self.items))
    }

    /// The items of a directory with these entries; `None` if an id is missing.
    pub(crate) fn into_items<'a>(
        mut self,
        elements: impl Iterator<Item = Element<'a>> + Clone,
    ) -> Option<Vec<Item<Key<C>, C::Value>>> {
        self.collect(elements)?;
        Some(self.items)
    }

    fn collect<'a>(&mut self, elements: impl Iterator<Item = Element<'a>> + Clone) -> Option<()> {
        // Before the names are hashed, which costs more.
        if elements.clone().any(|element| !value::<C>(&element).1) {
            return None;
        }
        let names: Vec<&[u8]> = elements.clone().map(|element| element.name).collect();
        self.keys.clear();
        self.keys.resize(names.len(), Key::<C>::default());
        C::Node::hash_many(&names, &mut self.keys);
        self.items.clear();
        for (key, element) in self.keys.iter().zip(elements) {
            self.items.push(Item { key: *key, value: value::<C>(&element).0 });
        }
        Some(())
    }
}
