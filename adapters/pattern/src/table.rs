//! Many name patterns asked at once: a few look-ups instead of a scan.

use crate::index::{Index, hash};
use crate::name::{NameMatcher, byte_mask};
use crate::token::ByteSet;

/// Who a pattern in a table belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Owner {
    /// The rule's or glob's position; a later one has a higher number.
    pub(crate) id: u32,
    /// Whether it matches directories only.
    pub(crate) dirs_only: bool,
}

/// Takes the owners of the patterns that match.
pub(crate) trait Sink {
    /// Whether a match of `id` would still change the answer.
    fn wants(&self, id: u32) -> bool;
    /// Takes a match.
    fn hit(&mut self, id: u32);
}

/// Keeps the last match, as rule files decide.
#[derive(Default)]
pub(crate) struct Last(pub(crate) Option<u32>);

impl Sink for Last {
    fn wants(&self, id: u32) -> bool {
        self.0.is_none_or(|best| id > best)
    }

    fn hit(&mut self, id: u32) {
        self.0 = Some(id);
    }
}

/// Keeps every match, in no order and perhaps more than once.
impl Sink for Vec<usize> {
    fn wants(&self, _: u32) -> bool {
        true
    }

    fn hit(&mut self, id: u32) {
        self.push(id as usize);
    }
}

/// Keeps whether anything matched.
#[derive(Default)]
pub(crate) struct Any(pub(crate) bool);

impl Sink for Any {
    fn wants(&self, _: u32) -> bool {
        !self.0
    }

    fn hit(&mut self, _: u32) {
        self.0 = true;
    }
}

/// A name with what every table needs of it, computed once.
pub(crate) struct Probe<'n> {
    name: &'n [u8],
    hash: u64,
    /// The bytes in the name, as [`byte_mask`] gives them.
    mask: u64,
    /// What follows the last dot, and its hash.
    extension: Option<(&'n [u8], u64)>,
}

impl<'n> Probe<'n> {
    pub(crate) fn new(name: &'n [u8]) -> Self {
        // Names are short: a plain loop finds the dot sooner than a vector search starts.
        let extension = name.iter().rposition(|&b| b == b'.').map(|dot| {
            let extension = &name[dot + 1..];
            (extension, hash(extension))
        });
        Self { name, hash: hash(name), mask: byte_mask(name), extension }
    }
}

/// Patterns for the names of one directory, sorted into the structures that decide them.
#[derive(Debug)]
pub(crate) struct NameTable {
    all: Vec<Owner>,
    literals: Index<Owner>,
    /// Suffixes with a dot, by what follows their last dot: a name can only end in `.tar.gz` if
    /// its extension is `gz`.
    extensions: Index<(Box<[u8]>, Owner)>,
    /// Suffixes without a dot, by their last byte.
    tails: Buckets<Box<[u8]>>,
    /// What starts with a known byte, by it.
    heads: Buckets<Guarded>,
    /// The rest.
    others: Vec<(Guarded, Owner)>,
}

impl NameTable {
    pub(crate) fn new(patterns: Vec<(NameMatcher, Owner)>) -> Self {
        let (mut all, mut others) = (Vec::new(), Vec::new());
        let (mut literals, mut extensions) = (Vec::new(), Vec::new());
        let (mut tails, mut heads) = (Vec::new(), Vec::new());
        for (matcher, owner) in patterns.into_iter().rev() {
            match matcher {
                NameMatcher::All => all.push(owner),
                NameMatcher::Literal(name) => literals.push((name, owner)),
                NameMatcher::Suffix(suffix) => match memchr::memrchr(b'.', &suffix) {
                    Some(dot) => extensions.push((suffix[dot + 1..].into(), (suffix, owner))),
                    None => {
                        let last = *suffix.last().expect("an empty suffix is NameMatcher::All");
                        tails.push((last, suffix, owner));
                    }
                },
                matcher => match matcher.first_byte() {
                    Some(first) => heads.push((first, Guarded::new(matcher), owner)),
                    None => others.push((Guarded::new(matcher), owner)),
                },
            }
        }
        Self {
            all,
            literals: Index::new(literals),
            extensions: Index::new(extensions),
            tails: Buckets::new(tails),
            heads: Buckets::new(heads),
            others,
        }
    }

    /// Gives `sink` every owner whose pattern matches and whom it still wants.
    pub(crate) fn visit(&self, probe: &Probe<'_>, is_dir: bool, sink: &mut impl Sink) {
        let name = probe.name;
        for owner in &self.all {
            offer(sink, owner, is_dir, || true);
        }
        if !self.literals.is_empty() {
            for owner in self.literals.get(probe.hash, name) {
                offer(sink, owner, is_dir, || true);
            }
        }
        if let (Some((extension, hash)), false) = (probe.extension, self.extensions.is_empty()) {
            for (suffix, owner) in self.extensions.get(hash, extension) {
                offer(sink, owner, is_dir, || name.ends_with(suffix));
            }
        }
        for (_, suffix, owner) in self.tails.get(name.last().copied()) {
            offer(sink, owner, is_dir, || name.ends_with(suffix));
        }
        for (_, matcher, owner) in self.heads.get(name.first().copied()) {
            offer(sink, owner, is_dir, || matcher.matches(probe));
        }
        for (matcher, owner) in &self.others {
            offer(sink, owner, is_dir, || matcher.matches(probe));
        }
    }
}

#[inline]
fn offer(sink: &mut impl Sink, owner: &Owner, is_dir: bool, matches: impl FnOnce() -> bool) {
    if (is_dir || !owner.dirs_only) && sink.wants(owner.id) && matches() {
        sink.hit(owner.id);
    }
}

/// A matcher that most names are refused by without being looked at.
#[derive(Debug)]
struct Guarded {
    needs: u64,
    matcher: NameMatcher,
}

impl Guarded {
    fn new(matcher: NameMatcher) -> Self {
        Self { needs: matcher.needs(), matcher }
    }

    fn matches(&self, probe: &Probe<'_>) -> bool {
        self.needs & !probe.mask == 0 && self.matcher.matches(probe.name)
    }
}

/// Items by one byte.
#[derive(Debug)]
struct Buckets<T> {
    present: ByteSet,
    items: Vec<(u8, T, Owner)>,
}

impl<T> Buckets<T> {
    fn new(mut items: Vec<(u8, T, Owner)>) -> Self {
        items.sort_by_key(|&(byte, ..)| byte);
        let mut present = ByteSet::default();
        for &(byte, ..) in &items {
            present.insert(byte);
        }
        Self { present, items }
    }

    fn get(&self, byte: Option<u8>) -> &[(u8, T, Owner)] {
        match byte {
            Some(byte) if self.present.contains(byte) => {
                let from = self.items.partition_point(|item| item.0 < byte);
                let len = self.items[from..].partition_point(|item| item.0 == byte);
                &self.items[from..from + len]
            }
            _ => &[],
        }
    }
}
