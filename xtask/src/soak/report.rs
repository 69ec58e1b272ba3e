//! What a soak found.

use std::time::Duration;

use super::{
    hunt::{Endings, Hunt},
    memory::Memory,
    neighbour::Tokens,
};
use crate::terminal;

/// How much larger than after its first round the server may be in the end, in bytes. What
/// still grows then is bounded: 2 MiB of each of 32 memories that the pool keeps for the
/// next execution of the same module, 20 MiB of its databases' caches, and what its
/// allocator keeps. A thousand executions that left their memories behind would have
/// left seven gigabytes.
const GROWTH_BYTES_MAX: u64 = 96 << 20;

/// How many of the texts about one kind of failure are shown.
const SHOWN_MAX: usize = 3;

/// Everything that was seen.
pub(crate) struct Report {
    /// The hostile executions, and the neighbour's tokens meanwhile.
    pub(crate) hunt: Hunt,
    /// The neighbour's tokens in quiet times.
    pub(crate) quiet: Tokens,
    /// The server's memory after the first round.
    pub(crate) before: Memory,
    /// The server's memory in the end.
    pub(crate) after: Memory,
}

impl Report {
    /// Prints it for a person.
    pub(crate) fn print(&self) {
        terminal::heading("How the hostile executions ended");
        for (name, endings) in &self.hunt.endings {
            println!("  {name:<20}{}", row(endings));
        }

        terminal::heading("The neighbour's tokens");
        let beside = &self.hunt.tokens;
        println!("  quiet       {}", latencies(&self.quiet));
        println!("  beside it   {}", latencies(beside));
        for (name, hundredth) in [("median", 50), ("99th percentile", 99)] {
            let quiet = percentile(&self.quiet.right, hundredth).as_secs_f64();
            let beside = percentile(&beside.right, hundredth).as_secs_f64();
            if quiet > 0.0 {
                println!(
                    "  {name} beside the zoo: {:.1} times the quiet one",
                    beside / quiet
                );
            }
        }

        terminal::heading("The server's memory");
        println!(
            "  after the first round  {:>6} MiB",
            mebibytes(self.before.resident)
        );
        println!(
            "  in the end             {:>6} MiB",
            mebibytes(self.after.resident)
        );
        println!(
            "  at its height          {:>6} MiB",
            mebibytes(self.after.peak)
        );
    }

    /// What was not as it should be.
    pub(crate) fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        for (name, endings) in &self.hunt.endings {
            for text in endings.wrong.iter().take(SHOWN_MAX) {
                failures.push(format!("{name}: {text}"));
            }
            // On a machine that has no time for it, any guest may end at its deadline.
            let others = endings
                .outcomes
                .iter()
                .filter(|(outcome, _)| **outcome != endings.expected && *outcome != "deadline");
            for (outcome, count) in others {
                failures.push(format!(
                    "{name} ended with `{outcome}` {count} times, not with `{}`",
                    endings.expected
                ));
            }
        }
        for (when, tokens) in [
            ("quiet", &self.quiet),
            ("beside the zoo", &self.hunt.tokens),
        ] {
            if tokens.right.is_empty() {
                failures.push(format!("{when}, the neighbour got no token at all"));
            }
            for text in tokens.wrong.iter().take(SHOWN_MAX) {
                failures.push(format!(
                    "{when}, a token of the neighbour was wrong: {text}"
                ));
            }
        }
        let growth = self.after.resident.saturating_sub(self.before.resident);
        if growth > GROWTH_BYTES_MAX {
            failures.push(format!(
                "the server has {} MiB more than after the first round; its caches can be {} of them",
                mebibytes(growth),
                mebibytes(GROWTH_BYTES_MAX)
            ));
        }
        failures
    }
}

fn row(endings: &Endings) -> String {
    let mut parts: Vec<String> = endings
        .outcomes
        .iter()
        .map(|(outcome, count)| format!("{count} {outcome}"))
        .collect();
    if endings.busy > 0 {
        parts.push(format!("{} without a place", endings.busy));
    }
    if !endings.wrong.is_empty() {
        parts.push(format!("{} wrong", endings.wrong.len()));
    }
    parts.join(", ")
}

fn latencies(tokens: &Tokens) -> String {
    let milliseconds = |hundredth| percentile(&tokens.right, hundredth).as_secs_f64() * 1_000.0;
    format!(
        "{} right, {} wrong; median {:.1} ms, 99th percentile {:.1} ms",
        tokens.right.len(),
        tokens.wrong.len(),
        milliseconds(50),
        milliseconds(99)
    )
}

/// The time within which so many of a hundred requests were answered; none for none.
fn percentile(times: &[Duration], hundredth: usize) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let index = (sorted.len() * hundredth).div_ceil(100).saturating_sub(1);
    sorted.get(index).copied().unwrap_or_default()
}

fn mebibytes(bytes: u64) -> u64 {
    bytes >> 20
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let memory = Memory {
            resident: 100 << 20,
            peak: 300 << 20,
        };
        let tokens = || Tokens {
            right: vec![Duration::from_millis(1)],
            wrong: Vec::new(),
        };
        Report {
            hunt: Hunt {
                tokens: tokens(),
                ..Hunt::default()
            },
            quiet: tokens(),
            before: memory,
            after: memory,
        }
    }

    fn with_outcome(expected: &str, outcome: &str) -> Report {
        let mut report = report();
        let endings = Endings {
            expected: expected.to_owned(),
            outcomes: [(outcome.to_owned(), 1)].into(),
            ..Endings::default()
        };
        report.hunt.endings.insert("beast".to_owned(), endings);
        report
    }

    #[test]
    fn a_run_in_which_all_was_right_has_no_failures() {
        assert_eq!(report().failures(), [""; 0]);
        assert_eq!(with_outcome("trap", "trap").failures(), [""; 0]);
        assert_eq!(with_outcome("trap", "deadline").failures(), [""; 0]);
    }

    #[test]
    fn another_ending_a_wrong_token_no_token_and_memory_that_stays_are_failures() {
        assert_eq!(with_outcome("trap", "issued").failures().len(), 1);

        let mut wrong_token = report();
        wrong_token
            .hunt
            .tokens
            .wrong
            .push("not finance's".to_owned());
        assert_eq!(wrong_token.failures().len(), 1);

        let mut no_token = report();
        no_token.hunt.tokens.right.clear();
        assert_eq!(no_token.failures().len(), 1);

        let mut grown = report();
        grown.after.resident += GROWTH_BYTES_MAX + (1 << 20);
        assert_eq!(grown.failures().len(), 1);
    }

    #[test]
    fn a_percentile_is_the_time_within_which_so_many_were_answered() {
        let times: Vec<_> = (1..=200).map(Duration::from_millis).collect();

        assert_eq!(percentile(&times, 50), Duration::from_millis(100));
        assert_eq!(percentile(&times, 99), Duration::from_millis(198));
        assert_eq!(percentile(&[], 99), Duration::ZERO);
    }
}
