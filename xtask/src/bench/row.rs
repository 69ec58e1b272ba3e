//! A row of the table: a measure, its figure, and what it must reach.

use serde_json::{Value, json};

use super::figures::{Series, rounded};

/// One measure with what came of it.
#[derive(Debug)]
pub(crate) struct Row {
    /// What is measured.
    pub(crate) measure: String,
    /// The figure, of each round.
    pub(crate) figure: Series,
    /// The figure's unit.
    pub(crate) unit: Unit,
    /// What it must reach; none for what is told beside.
    pub(crate) goal: Option<Goal>,
    /// The figures that it was made from, for a person.
    pub(crate) beside: String,
    /// The same for a program.
    pub(crate) data: Value,
}

/// What a figure is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// 10⁻⁶ s.
    Microseconds,
    /// 10⁻³ s.
    Milliseconds,
    /// s.
    Seconds,
    /// 2²⁰ bytes.
    Mebibytes,
    /// One figure over another.
    Ratio,
}

/// What a figure must reach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Goal {
    /// That or less.
    AtMost(f64),
    /// That or more.
    AtLeast(f64),
    /// Less than that.
    Below(f64),
}

impl Row {
    /// Whether the goal is reached by the median of the rounds.
    pub(crate) fn is_reached(&self) -> Option<bool> {
        let figure = self.figure.median();
        Some(match self.goal? {
            Goal::AtMost(most) => figure <= most,
            Goal::AtLeast(least) => figure >= least,
            Goal::Below(bound) => figure < bound,
        })
    }

    /// The figure with its unit.
    pub(crate) fn shown_figure(&self) -> String {
        self.unit.of(&self.figure.to_string())
    }

    /// The goal with its unit; nothing where there is none.
    pub(crate) fn shown_goal(&self) -> String {
        let (sign, bound) = match self.goal {
            None => return String::new(),
            Some(Goal::AtMost(bound)) => ("≤", bound),
            Some(Goal::AtLeast(bound)) => ("≥", bound),
            Some(Goal::Below(bound)) => ("<", bound),
        };
        let bound = rounded(bound);
        let bound = match bound.split_once('.') {
            Some((whole, digits)) => match digits.trim_end_matches('0') {
                "" => whole.to_owned(),
                digits => format!("{whole}.{digits}"),
            },
            None => bound,
        };
        format!("{sign} {}", self.unit.of(&bound))
    }

    /// The row for a program.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "measure": self.measure,
            "figure": self.figure.to_json(),
            "unit": self.unit.name(),
            "goal": self.goal.map(|_| self.shown_goal()),
            "reached": self.is_reached(),
            "beside": self.beside,
            "data": self.data,
        })
    }
}

impl Unit {
    fn of(self, figure: &str) -> String {
        match self {
            Self::Ratio => format!("{figure} ×"),
            _ => format!("{figure} {}", self.name()),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Microseconds => "µs",
            Self::Milliseconds => "ms",
            Self::Seconds => "s",
            Self::Mebibytes => "MiB",
            Self::Ratio => "ratio",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(figure: f64, goal: Option<Goal>) -> Row {
        let mut series = Series::default();
        series.note(figure);
        Row {
            measure: "it".to_owned(),
            figure: series,
            unit: Unit::Ratio,
            goal,
            beside: String::new(),
            data: Value::Null,
        }
    }

    #[test]
    fn a_goal_is_reached_at_its_bound_unless_it_must_be_below() {
        assert_eq!(row(2.0, Some(Goal::AtMost(2.0))).is_reached(), Some(true));
        assert_eq!(row(2.1, Some(Goal::AtMost(2.0))).is_reached(), Some(false));
        assert_eq!(row(0.8, Some(Goal::AtLeast(0.8))).is_reached(), Some(true));
        assert_eq!(row(0.7, Some(Goal::AtLeast(0.8))).is_reached(), Some(false));
        assert_eq!(row(1.0, Some(Goal::Below(1.0))).is_reached(), Some(false));
        assert_eq!(row(1.0, None).is_reached(), None);
    }

    #[test]
    fn a_figure_that_could_not_be_taken_reaches_nothing() {
        let nothing = Row {
            figure: Series::default(),
            ..row(0.0, Some(Goal::AtMost(1.0)))
        };

        assert_eq!(nothing.is_reached(), Some(false));
    }

    #[test]
    fn a_goal_is_shown_as_it_is_written() {
        assert_eq!(row(1.0, Some(Goal::AtLeast(10.0))).shown_goal(), "≥ 10 ×");
        assert_eq!(row(1.0, Some(Goal::AtMost(1.1))).shown_goal(), "≤ 1.1 ×");
        assert_eq!(row(1.0, None).shown_goal(), "");
    }
}
