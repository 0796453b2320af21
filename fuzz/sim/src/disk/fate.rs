//! Which of the changes that were not synced a crash keeps.

use crate::rng::{Chance, Rng};

/// Which of the changes that were not synced survive one crash. Changes are numbered in the order
/// in which they were made.
#[derive(Debug)]
pub(super) enum Fate {
    /// All: the system had written everything back.
    Everything,
    /// None.
    Nothing,
    /// Those made before a moment: no reordering.
    Before(u64),
    /// All but those made in a short time: one hole.
    AllBut(std::ops::Range<u64>),
    /// Each for itself.
    Each(Chance),
}

impl Fate {
    /// Draws what happens, where the unsynced changes are numbered within `first..end`.
    pub(super) fn draw(rng: &mut Rng, first: u64, end: u64) -> Self {
        let any = |rng: &mut Rng| first + rng.below(end.saturating_sub(first) + 1);
        match rng.below(8) {
            0 => Self::Everything,
            1 => Self::Nothing,
            2 | 3 => Self::Before(any(rng)),
            4 => {
                let hole = any(rng);
                Self::AllBut(hole..hole + 1 + rng.below(3))
            }
            _ => Self::Each(*rng.pick(&[
                Chance::percent(10),
                Chance::percent(50),
                Chance::percent(90),
            ])),
        }
    }

    /// Whether the change numbered `order` survives.
    pub(super) fn keeps(&self, rng: &mut Rng, order: u64) -> bool {
        match self {
            Self::Everything => true,
            Self::Nothing => false,
            Self::Before(end) => order < *end,
            Self::AllBut(hole) => !hole.contains(&order),
            Self::Each(chance) => rng.happens(*chance),
        }
    }
}
