//! Where the levels of a tree lie in memory: each behind the one below it, with room for as many
//! nodes as a full array has there, so that nothing moves when the array's length changes.

/// More levels than a slice can have.
pub(super) const LEVELS_MAX: usize = usize::BITS as usize + 1;

/// How many digests an array needs memory for, when it has at most `leaves` leaves: `2 * leaves`
/// and a few; `usize::MAX` where that is more than can be.
#[must_use]
pub const fn digests_for(leaves: usize) -> usize {
    let (mut sum, mut level) = (leaves, leaves);
    while level > 1 {
        level = level.div_ceil(2);
        sum = sum.saturating_add(level);
    }
    sum
}

/// The most leaves for which memory of `digests` digests suffices.
pub(super) fn leaves_in(digests: usize) -> usize {
    let (mut fits, mut too_many) = (0, digests.saturating_add(1));
    while too_many - fits > 1 {
        let leaves = fits + (too_many - fits) / 2;
        if digests_for(leaves) <= digests {
            fits = leaves;
        } else {
            too_many = leaves;
        }
    }
    fits
}

/// Where each level begins, in memory for `leaves` leaves.
pub(super) fn starts(leaves: usize) -> [usize; LEVELS_MAX] {
    let (mut start, mut room) = (0, leaves);
    core::array::from_fn(|_| {
        let this = start;
        start += room;
        room = if room > 1 { room.div_ceil(2) } else { 0 };
        this
    })
}

/// How many nodes a level has, in an array of `leaves` leaves.
pub(super) fn nodes_at(level: usize, leaves: usize) -> usize {
    let below = leaves.checked_shr(level as u32).unwrap_or(0);
    below + usize::from(below.checked_shl(level as u32).unwrap_or(0) != leaves)
}

/// The level of the root, in an array of `leaves` leaves.
pub(super) fn height(leaves: usize) -> usize {
    match leaves {
        0 | 1 => 0,
        _ => (usize::BITS - (leaves - 1).leading_zeros()) as usize,
    }
}

#[cfg(test)]
mod tests {
    use super::{digests_for, height, leaves_in, nodes_at, starts};

    #[test]
    fn memory_for_leaves_holds_them_and_not_one_more() {
        for leaves in 0..1000 {
            let digests = digests_for(leaves);
            assert_eq!(leaves_in(digests), leaves);
            assert!(leaves == 0 || leaves_in(digests - 1) < leaves);
            let top = height(leaves);
            assert!(leaves == 0 || nodes_at(top, leaves) == 1);
            assert!(top == 0 || nodes_at(top - 1, leaves) == 2);
            assert_eq!(starts(leaves)[top] + usize::from(leaves > 0), digests);
        }
        assert_eq!(leaves_in(usize::MAX - 1), usize::MAX / 2);
        assert_eq!(digests_for(usize::MAX), usize::MAX);
        assert_eq!(nodes_at(usize::BITS as usize, usize::MAX), 1);
    }
}
