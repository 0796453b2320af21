//! The clock of a live tree: a moment that survives restarts and can be written down.

use std::fmt;
use std::str::FromStr;

/// A moment in the life of a live tree.
///
/// Whoever keeps one can ask later what changed since, also after the process, or the machine, was
/// started again. It is written as `tn1-ROOT-INCARNATION-TICK`, the root in hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Clock {
    /// Which tree it is of: a number drawn when the tree's state was first made.
    pub root: u64,
    /// How often the tree's history had to begin anew: each time the machine went down before the
    /// history was closed, since its end may then be lost.
    pub incarnation: u32,
    /// How many batches of changes there had been.
    pub tick: u64,
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tn1-{:016x}-{}-{}", self.root, self.incarnation, self.tick)
    }
}

/// The text is no clock.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotAClock;

impl fmt::Display for NotAClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a clock: expected tn1-ROOT-INCARNATION-TICK, as `ready` or a change says")
    }
}

impl std::error::Error for NotAClock {}

impl FromStr for Clock {
    type Err = NotAClock;

    fn from_str(text: &str) -> Result<Self, NotAClock> {
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let mut parts = text.strip_prefix("tn1-").ok_or(NotAClock)?.split('-');
        let mut next = || parts.next().filter(|part| digits(part)).ok_or(NotAClock);
        let (root, incarnation, tick) = (next()?, next()?, next()?);
        if root.len() != 16 || parts.next().is_some() {
            return Err(NotAClock);
        }
        Ok(Self {
            root: u64::from_str_radix(root, 16).map_err(|_| NotAClock)?,
            incarnation: incarnation.parse().map_err(|_| NotAClock)?,
            tick: tick.parse().map_err(|_| NotAClock)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Clock, NotAClock};

    #[test]
    fn text_and_back() {
        let clock = Clock { root: 0xfeed, incarnation: 3, tick: u64::MAX };
        assert_eq!(clock.to_string().parse(), Ok(clock));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "tn1-",
            "tn1-000000000000feed-1",
            "tn1-000000000000feed-1-2-3",
            "tn1-feed-1-2",
            "tn1-000000000000feed-+1-2",
            "tn1-000000000000feed-1-18446744073709551616",
            "tn2-000000000000feed-1-2",
        ] {
            assert_eq!(text.parse::<Clock>(), Err(NotAClock), "{text}");
        }
    }
}
