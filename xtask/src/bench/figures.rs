//! Figures: reading them from what a program printed, and saying what many of one kind are.

use std::fmt;

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// The number at that JSON pointer.
pub(crate) fn number(figures: &Value, pointer: &str) -> Result<f64> {
    let number = figures.pointer(pointer).and_then(Value::as_f64);
    number.with_context(|| format!("there is no number at {pointer} of {figures}"))
}

/// The whole number at that JSON pointer.
pub(crate) fn count(figures: &Value, pointer: &str) -> Result<u64> {
    let count = figures.pointer(pointer).and_then(Value::as_u64);
    count.with_context(|| format!("there is no whole number at {pointer} of {figures}"))
}

/// One figure, measured in several rounds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Series(Vec<f64>);

impl Series {
    /// One more round's.
    pub(crate) fn note(&mut self, figure: f64) {
        self.0.push(figure);
    }

    /// The median; the mean of the two in the middle where there are two.
    pub(crate) fn median(&self) -> f64 {
        let sorted = self.sorted();
        let middle = sorted.len() / 2;
        let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
        if sorted.len().is_multiple_of(2) {
            f64::midpoint(at(middle.saturating_sub(1)), at(middle))
        } else {
            at(middle)
        }
    }

    /// This one's figures over the other's, round by round: what both rounds met alike, such
    /// as a machine that was slower for a while, is not in it.
    pub(crate) fn over(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(a, b)| a / b).collect())
    }

    /// All of it for a program.
    pub(crate) fn to_json(&self) -> Value {
        json!({"median": self.median(), "rounds": self.0})
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }
}

/// The median, and where there were several rounds the least and the most of them.
impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sorted = self.sorted();
        write!(f, "{}", rounded(self.median()))?;
        match sorted.as_slice() {
            [least, .., most] => write!(f, " ({}–{})", rounded(*least), rounded(*most)),
            _ => Ok(()),
        }
    }
}

/// A number with three digits that count, and a comma between thousands.
pub(crate) fn rounded(number: f64) -> String {
    let size = number.abs();
    let digits = match size {
        _ if size >= 100.0 => 0,
        _ if size >= 10.0 => 1,
        _ if size >= 0.1 || size == 0.0 => 2,
        _ => 4,
    };
    let text = format!("{number:.digits$}");
    let whole = text.split('.').next().unwrap_or(&text).len();
    let mut with_commas = String::new();
    for (index, character) in text.chars().enumerate() {
        let to_come = whole.saturating_sub(index);
        if index > 0 && index < whole && to_come.is_multiple_of(3) {
            with_commas.push(',');
        }
        with_commas.push(character);
    }
    with_commas
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(figures: &[f64]) -> Series {
        Series(figures.to_vec())
    }

    #[test]
    fn a_series_says_its_median_and_its_extremes() {
        assert_eq!(series(&[3.0, 1.0, 2.0]).to_string(), "2.00 (1.00–3.00)");
        assert_eq!(series(&[1.0, 2.0]).median(), 1.5);
        assert_eq!(series(&[12_345.6]).to_string(), "12,346");
    }

    #[test]
    fn a_ratio_is_taken_round_by_round() {
        let slow_machine = series(&[10.0, 5.0]).over(&series(&[5.0, 2.5]));

        assert_eq!(slow_machine.to_string(), "2.00 (2.00–2.00)");
    }

    #[test]
    fn numbers_have_the_digits_that_count() {
        let shown = [
            0.0,
            0.0123,
            0.856,
            9.876,
            98.76,
            987.6,
            9_876.0,
            1_234_567.0,
        ]
        .map(rounded);

        assert_eq!(
            shown,
            [
                "0.00",
                "0.0123",
                "0.86",
                "9.88",
                "98.8",
                "988",
                "9,876",
                "1,234,567"
            ]
        );
    }
}
