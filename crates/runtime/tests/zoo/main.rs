//! The hostile guests of `tests/guests/zoo` against the engine: each just inside its
//! limit and just outside, what the fault says, and that nothing of it remains.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "all of this is a test; clippy sees only #[test] functions as such"
)]

mod cage;

mod commands;
mod contract;
mod isolation;
mod space;
mod time;
mod uploads;
