//! Counters with labels whose values are known beforehand.

use std::sync::atomic::{AtomicU64, Ordering};

/// The value that stands for all that a label's list doesn't have.
pub(crate) const OTHER: &str = "other";

/// One counter for each combination of the values of `N` labels. The values are fixed
/// lists, so nobody outside can make a series more, and counting is a look into a
/// short list for each label and one atomic addition.
#[derive(Debug)]
pub(crate) struct Counters<const N: usize> {
    values: [&'static [&'static str]; N],
    cells: Box<[AtomicU64]>,
}

impl<const N: usize> Counters<N> {
    pub(crate) fn new(values: [&'static [&'static str]; N]) -> Self {
        let combinations = values.iter().map(|list| list.len()).product();
        Self {
            values,
            cells: (0..combinations).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Adds to the counter of these labels. What a label's list doesn't have counts as
    /// [`OTHER`].
    pub(crate) fn add(&self, labels: [&str; N], count: u64) {
        let mut at = 0;
        for (list, label) in self.values.iter().zip(labels) {
            let find = |wanted: &str| list.iter().position(|value| *value == wanted);
            let Some(position) = find(label).or_else(|| find(OTHER)) else {
                return;
            };
            at = at * list.len() + position;
        }
        if let Some(cell) = self.cells.get(at) {
            cell.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// Every combination with its count, zeros included: a series that is there from
    /// the start shows its first increase.
    pub(crate) fn samples(&self) -> impl Iterator<Item = ([&'static str; N], u64)> {
        self.cells.iter().enumerate().map(|(at, cell)| {
            let mut rest = at;
            let mut labels = [OTHER; N];
            for (label, list) in labels.iter_mut().zip(self.values).rev() {
                *label = list.get(rest % list.len()).copied().unwrap_or(OTHER);
                rest /= list.len();
            }
            (labels, cell.load(Ordering::Relaxed))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_combination_has_a_counter_and_unknown_values_share_one() {
        let counters = Counters::new([&["a", "b"], &["x", "y", OTHER]]);
        counters.add(["a", "y"], 1);
        counters.add(["b", "x"], 2);
        counters.add(["b", "unheard of"], 4);
        counters.add(["unheard of", "x"], 8);

        let seen: Vec<_> = counters.samples().collect();

        let expected = [
            (["a", "x"], 0),
            (["a", "y"], 1),
            (["a", OTHER], 0),
            (["b", "x"], 2),
            (["b", "y"], 0),
            (["b", OTHER], 4),
        ];
        assert_eq!(seen, expected);
    }
}
