//! What a time consists of.

use std::fmt;

use serde_json::{Value, json};

/// A time in microseconds with its parts, and last among them the rest: what none of the
/// others is, and the errors of all.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    whole_us: f64,
    parts: Vec<(&'static str, f64)>,
}

impl Parts {
    /// A time and those of its parts that are known.
    pub(crate) fn of(whole_us: f64, mut parts: Vec<(&'static str, f64)>) -> Self {
        let known: f64 = parts.iter().map(|(_, part)| part).sum();
        parts.push(("the rest", whole_us - known));
        Self { whole_us, parts }
    }

    /// All of it for a program, under a title.
    pub(crate) fn to_json(&self, title: &str) -> Value {
        let parts = self.parts.iter();
        let parts: Vec<_> = parts
            .map(|(name, us)| json!({"name": name, "us": us}))
            .collect();
        json!({"title": title, "whole_us": self.whole_us, "parts": parts})
    }
}

impl fmt::Display for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, us)) in self.parts.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            let share = us / self.whole_us * 100.0;
            write!(f, "{comma}{name} {share:.0} % ({us:.1} µs)")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_part_is_is_the_rest() {
        let parts = Parts::of(50.0, vec![("HTTP", 20.0), ("signing", 25.0)]);

        let text = parts.to_string();

        assert_eq!(
            text,
            "HTTP 40 % (20.0 µs), signing 50 % (25.0 µs), the rest 10 % (5.0 µs)"
        );
    }
}
