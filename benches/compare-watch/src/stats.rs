//! Samples of the contenders of one job, and what is said of them.

use treenail_compare::figures::Row;

use crate::contender::Contender;

/// A contender's samples in one job, and why it could not go on, if so.
pub(crate) struct Entrant<'a, T> {
    pub(crate) contender: &'a Contender,
    pub(crate) version: String,
    pub(crate) samples: T,
    pub(crate) failure: Option<String>,
}

impl<'a, T: Default> Entrant<'a, T> {
    pub(crate) fn new(contender: &'a Contender) -> Self {
        let (version, samples) = (String::new(), T::default());
        Self { contender, version, samples, failure: None }
    }

    /// Goes on, unless it has failed.
    pub(crate) fn attempt(&mut self, step: impl FnOnce(&mut Self) -> Result<(), String>) {
        if self.failure.is_none()
            && let Err(reason) = step(self)
        {
            eprintln!("  {}: {reason}", self.contender.name);
            self.failure = Some(reason);
        }
    }

    /// Its row in a table.
    pub(crate) fn row(&self, figures: impl FnOnce(&T) -> Vec<Option<f64>>) -> Row {
        let figures = match &self.failure {
            None => Ok(figures(&self.samples)),
            Some(reason) => Err(reason.clone()),
        };
        let (contender, version) = (self.contender.name.to_owned(), self.version.clone());
        Row { contender, version, figures }
    }
}

/// The middle of the samples, or between the two in the middle; nothing of none.
pub(crate) fn median(samples: &[f64]) -> Option<f64> {
    let sorted = sorted(samples);
    let upper = sorted.len() / 2;
    let value = *sorted.get(upper)?;
    Some(if sorted.len() % 2 == 1 { value } else { (sorted[upper - 1] + value) / 2.0 })
}

/// The smallest sample that at least so many in a hundred do not exceed; nothing of none.
pub(crate) fn percentile(samples: &[f64], percent: usize) -> Option<f64> {
    let sorted = sorted(samples);
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

fn sorted(samples: &[f64]) -> Vec<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::{median, percentile};

    #[test]
    fn ranks_are_the_nearest() {
        let samples: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        assert_eq!(median(&samples), Some(100.5));
        assert_eq!(percentile(&samples, 99), Some(198.0));
        assert_eq!(percentile(&[3.0], 99), Some(3.0));
        assert_eq!((median(&[]), percentile(&[], 99)), (None, None));
        assert_eq!(median(&[5.0, 1.0, 2.0]), Some(2.0));
    }
}
