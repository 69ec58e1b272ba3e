//! What an execution called and what it was denied, for its record.
//!
//! Calls go on in tasks of their own, so the journal is shared between them and the
//! sandbox; whichever ends first, the other may go on.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use claimsmith_model::{HttpCall, Refusal};

use super::metered::Meter;
use crate::Limits;

/// What was called and what was denied. Clones are the same journal.
#[derive(Clone, Default)]
pub(crate) struct Journal(Arc<Mutex<Pages>>);

#[derive(Default)]
struct Pages {
    attempts: usize,
    in_flight: usize,
    calls: Vec<Entry>,
    refusals: Vec<Refusal>,
    refusals_unlisted: u64,
}

struct Entry {
    method: String,
    origin: String,
    status: Option<u16>,
    error: Option<&'static str>,
    started: Instant,
    duration: Option<Duration>,
    meter: Arc<Meter>,
}

/// Why a call may not begin now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TooMany {
    /// The execution has made all the calls that it may.
    Calls,
    /// It has as many calls in flight as it may.
    InFlight,
}

impl Journal {
    /// Counts an attempt, denied or not.
    pub(super) fn attempt(&self, limits: &Limits) -> Result<(), TooMany> {
        let mut pages = self.pages();
        pages.attempts += 1;
        if pages.attempts > limits.http_calls_max {
            return Err(TooMany::Calls);
        }
        if pages.in_flight >= limits.http_calls_in_flight_max {
            return Err(TooMany::InFlight);
        }
        Ok(())
    }

    /// Notes a call that begins.
    pub(super) fn begin(&self, method: &str, origin: String) -> Note {
        let meter = Arc::default();
        let mut pages = self.pages();
        pages.in_flight += 1;
        let index = pages.calls.len();
        pages.calls.push(Entry {
            method: method.to_owned(),
            origin,
            status: None,
            error: None,
            started: Instant::now(),
            duration: None,
            meter: Arc::clone(&meter),
        });
        Note {
            journal: self.clone(),
            index,
            meter,
        }
    }

    /// Notes a denial; the same one is noted once.
    pub(super) fn refuse(&self, refusal: Refusal, limits: &Limits) {
        let mut pages = self.pages();
        if pages.refusals.contains(&refusal) {
            return;
        }
        if pages.refusals.len() < limits.refusals_max {
            pages.refusals.push(refusal);
        } else {
            pages.refusals_unlisted += 1;
        }
    }

    /// The calls so far; those under way count as unfinished.
    pub(crate) fn calls(&self) -> Vec<HttpCall> {
        self.pages().calls.iter().map(Entry::record).collect()
    }

    /// The denials, and how many more there were.
    pub(crate) fn refusals(&self) -> (Vec<Refusal>, u64) {
        let pages = self.pages();
        (pages.refusals.clone(), pages.refusals_unlisted)
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn record(&self) -> HttpCall {
        let duration = self.duration.unwrap_or_else(|| self.started.elapsed());
        let is_unfinished = self.duration.is_none() && self.error.is_none();
        HttpCall {
            method: self.method.clone(),
            origin: self.origin.clone(),
            status: self.status,
            error: self
                .error
                .or_else(|| is_unfinished.then_some("unfinished"))
                .map(str::to_owned),
            duration_us: u64::try_from(duration.as_micros()).unwrap_or(u64::MAX),
            request_bytes: self.meter.sent(),
            response_bytes: self.meter.received(),
        }
    }
}

/// The place in the journal of one call, which is in flight until this is dropped.
pub(super) struct Note {
    journal: Journal,
    index: usize,
    pub(super) meter: Arc<Meter>,
}

impl Note {
    /// Notes the status of the answer.
    pub(super) fn answered(&self, status: u16) {
        self.change(|entry| entry.status = Some(status));
    }

    /// Notes why the call failed.
    pub(super) fn failed(&self, error: &'static str) {
        self.change(|entry| {
            entry.error.get_or_insert(error);
            entry.end();
        });
    }

    /// Notes that the answer was read to its end.
    pub(super) fn completed(&self) {
        self.change(Entry::end);
    }

    /// Notes a denial that the call met.
    pub(super) fn refuse(&self, refusal: Refusal, limits: &Limits) {
        self.journal.refuse(refusal, limits);
    }

    fn change(&self, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.journal.pages().calls.get_mut(self.index) {
            change(entry);
        }
    }
}

impl Entry {
    fn end(&mut self) {
        self.duration.get_or_insert_with(|| self.started.elapsed());
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        self.change(|entry| {
            // An Action may leave the rest of an answer unread; one that never came
            // is another matter.
            if entry.duration.is_none() && entry.status.is_none() {
                entry.error.get_or_insert("unfinished");
            }
            entry.end();
        });
        let mut pages = self.journal.pages();
        pages.in_flight = pages.in_flight.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_in_flight_until_its_note_is_dropped() {
        let limits = Limits {
            http_calls_max: 3,
            http_calls_in_flight_max: 1,
            ..Limits::default()
        };
        let journal = Journal::default();

        assert_eq!(journal.attempt(&limits), Ok(()));
        let note = journal.begin("GET", "https://example.com".to_owned());
        assert_eq!(journal.attempt(&limits), Err(TooMany::InFlight));
        drop(note);
        assert_eq!(journal.attempt(&limits), Ok(()));
        assert_eq!(journal.attempt(&limits), Err(TooMany::Calls));
    }

    #[test]
    fn what_ended_without_an_answer_is_unfinished() {
        let journal = Journal::default();
        let begin = || journal.begin("GET", "https://example.com".to_owned());

        drop(begin());
        begin().answered(200);
        begin().failed("timed_out");
        let _under_way = begin();

        let calls = journal.calls();
        let errors: Vec<_> = calls.iter().map(|call| call.error.as_deref()).collect();
        let unfinished = Some("unfinished");
        assert_eq!(errors, [unfinished, None, Some("timed_out"), unfinished]);
    }
}
