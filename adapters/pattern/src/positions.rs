//! Sets of automaton positions, without allocation while there are at most 64.

/// A set of small numbers below a bound given when it is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PositionSet {
    Word(u64),
    Words(Box<[u64]>),
}

impl PositionSet {
    /// An empty set for numbers below `bound`.
    pub(crate) fn new(bound: usize) -> Self {
        if bound <= 64 { Self::Word(0) } else { Self::Words(vec![0; bound.div_ceil(64)].into()) }
    }

    pub(crate) fn insert(&mut self, position: usize) {
        match self {
            Self::Word(word) => *word |= 1 << position,
            Self::Words(words) => words[position / 64] |= 1 << (position % 64),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words().iter().all(|&word| word == 0)
    }

    /// Calls `f` with each member, in rising order.
    pub(crate) fn for_each(&self, mut f: impl FnMut(usize)) {
        for (i, &word) in self.words().iter().enumerate() {
            let mut rest = word;
            while rest != 0 {
                f(i * 64 + rest.trailing_zeros() as usize);
                rest &= rest - 1;
            }
        }
    }

    fn words(&self) -> &[u64] {
        match self {
            Self::Word(word) => std::slice::from_ref(word),
            Self::Words(words) => words,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_large_sets_hold_what_was_inserted() {
        for bound in [64, 65, 1_000] {
            let mut set = PositionSet::new(bound);
            assert!(set.is_empty());
            for position in [0, 63, bound - 1] {
                set.insert(position);
                assert!(!set.is_empty());
            }
            let mut members = Vec::new();
            set.for_each(|position| members.push(position));
            members.dedup();
            assert_eq!(members.first(), Some(&0));
            assert_eq!(members.last(), Some(&(bound - 1)));
        }
    }
}
