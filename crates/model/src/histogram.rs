//! How often which size occurs, counted from many threads at once without a lock.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Counts values by size. Noting one takes two atomic additions, so it can stand on the
/// path of every token.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [u64],
    /// One for each bound, and one for what is beyond the last.
    cells: Box<[AtomicU64]>,
    sum: AtomicU64,
}

/// What a [`Histogram`] has counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Distribution {
    /// The upper bounds, each included, in ascending order; and how many values were
    /// at most that and beyond the bound before.
    pub cells: Vec<(u64, u64)>,
    /// How many values were beyond the last bound.
    pub beyond: u64,
    /// All values together, in the unit in which they were noted.
    pub sum: u64,
}

impl Histogram {
    /// A histogram with these upper bounds, which must ascend. Their unit is that of
    /// the values: nanoseconds where durations are noted.
    #[must_use]
    pub fn new(bounds: &'static [u64]) -> Self {
        Self {
            bounds,
            cells: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(),
            sum: AtomicU64::new(0),
        }
    }

    /// Notes a value.
    pub fn note(&self, value: u64) {
        let cell = self.bounds.partition_point(|bound| *bound < value);
        if let Some(cell) = self.cells.get(cell) {
            cell.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// Notes a duration, in nanoseconds.
    pub fn note_duration(&self, duration: Duration) {
        self.note(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
    }

    /// What was counted so far. A value that is just being noted may be in the sum and
    /// not yet in its cell, or the other way round.
    #[must_use]
    pub fn distribution(&self) -> Distribution {
        let mut counts = self.cells.iter().map(|cell| cell.load(Ordering::Relaxed));
        let cells = self.bounds.iter().copied().zip(&mut counts).collect();
        Distribution {
            cells,
            beyond: self
                .cells
                .last()
                .map_or(0, |cell| cell.load(Ordering::Relaxed)),
            sum: self.sum.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_counted_under_the_first_bound_that_it_does_not_pass() {
        let histogram = Histogram::new(&[10, 100]);
        for value in [0, 10, 11, 100, 101, u64::from(u32::MAX)] {
            histogram.note(value);
        }

        let counted = histogram.distribution();

        assert_eq!(counted.cells, [(10, 2), (100, 2)]);
        assert_eq!(counted.beyond, 2);
        assert_eq!(counted.sum, 222 + u64::from(u32::MAX));
    }

    #[test]
    fn a_duration_is_noted_in_nanoseconds() {
        let histogram = Histogram::new(&[1_000]);

        histogram.note_duration(Duration::from_micros(1));

        assert_eq!(histogram.distribution().cells, [(1_000, 1)]);
        assert_eq!(histogram.distribution().sum, 1_000);
    }
}
