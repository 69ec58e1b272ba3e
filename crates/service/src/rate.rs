//! How many requests a client may make to the Management API.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use claimsmith_model::{ClientId, Timestamp};

/// How many clients are counted at once; then those that are at rest are forgotten.
const CLIENTS_MAX: usize = 1_000;
/// A request costs this much, so that what comes back within a millisecond is a whole number.
const REQUEST: u64 = 1_000;

/// What each client of a tenant may still do: a bucket that holds so many requests and fills
/// again at so many in a second.
#[derive(Debug, Default)]
pub(crate) struct RateLimiter(Mutex<HashMap<ClientId, Bucket>>);

#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: u64,
    at_ms: i64,
}

/// What a client may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    /// Requests at once.
    pub(crate) burst: u64,
    /// Requests that come back in a second.
    pub(crate) per_s: u64,
}

/// What is left to a client after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateState {
    /// How many requests it may make at once.
    pub limit: u64,
    /// How many are left.
    pub remaining: u64,
    /// When all are back, in seconds since 1970.
    pub reset_at_s: i64,
    /// How many seconds to wait, when this request was one too many.
    pub retry_after_s: Option<u64>,
}

impl RateLimiter {
    /// Counts a request.
    pub(crate) fn take(&self, client: &ClientId, rate: Rate, now: Timestamp) -> RateState {
        let full = rate.burst.saturating_mul(REQUEST);
        let now_ms = now.as_millis();
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= CLIENTS_MAX && !buckets.contains_key(client) {
            buckets.retain(|_, bucket| bucket.filled(rate, now_ms) < full);
        }
        let bucket = buckets.entry(client.clone()).or_insert(Bucket {
            left: full,
            at_ms: now_ms,
        });
        let left = bucket.filled(rate, now_ms);
        let taken = left.checked_sub(REQUEST);
        *bucket = Bucket {
            left: taken.unwrap_or(left),
            at_ms: now_ms,
        };
        let missing = full.saturating_sub(bucket.left);
        RateState {
            limit: rate.burst,
            remaining: bucket.left / REQUEST,
            reset_at_s: now
                .as_seconds()
                .saturating_add_unsigned(seconds(missing, rate)),
            retry_after_s: taken
                .is_none()
                .then(|| seconds(REQUEST - left, rate).max(1)),
        }
    }
}

impl Bucket {
    /// What is in it now. A clock that goes back fills nothing.
    fn filled(self, rate: Rate, now_ms: i64) -> u64 {
        let elapsed_ms = u64::try_from(now_ms.saturating_sub(self.at_ms)).unwrap_or(0);
        let back = elapsed_ms.saturating_mul(rate.per_s);
        self.left
            .saturating_add(back)
            .min(rate.burst.saturating_mul(REQUEST))
    }
}

/// How long it takes until so much is back.
const fn seconds(missing: u64, rate: Rate) -> u64 {
    let per_s = rate.per_s.saturating_mul(REQUEST);
    missing.div_ceil(if per_s == 0 { 1 } else { per_s })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { burst: 3, per_s: 2 };

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_burst_is_served_and_one_more_waits_for_what_comes_back() {
        let limiter = RateLimiter::default();
        let client: ClientId = "a".parse().unwrap();
        let take = |millis| limiter.take(&client, RATE, at(millis));

        for remaining in [2, 1, 0] {
            let state = take(1_000_000);
            assert_eq!((state.remaining, state.retry_after_s), (remaining, None));
        }
        let refused = take(1_000_000);
        assert_eq!(
            refused,
            RateState {
                limit: 3,
                remaining: 0,
                reset_at_s: 1_002,
                retry_after_s: Some(1),
            }
        );
        // Half a second brings one back.
        assert!(take(1_000_499).retry_after_s.is_some());
        assert_eq!(take(1_000_500).retry_after_s, None);
        assert!(take(1_000_501).retry_after_s.is_some());
        // No more than the burst comes back, however long it takes.
        assert_eq!(take(9_000_000).remaining, 2);
    }

    #[test]
    fn clients_do_not_share_and_a_clock_that_goes_back_gives_nothing() {
        let limiter = RateLimiter::default();
        let [a, b]: [ClientId; 2] = ["a", "b"].map(|id| id.parse().unwrap());
        for _ in 0..3 {
            limiter.take(&a, RATE, at(5_000));
        }
        assert!(limiter.take(&a, RATE, at(4_000)).retry_after_s.is_some());
        assert_eq!(limiter.take(&b, RATE, at(5_000)).retry_after_s, None);
    }

    #[test]
    fn clients_at_rest_are_forgotten_when_there_are_many() {
        let limiter = RateLimiter::default();
        for number in 0..=CLIENTS_MAX {
            let client = format!("client-{number}").parse().unwrap();
            let now = at(i64::try_from(number).unwrap() * 10_000);
            limiter.take(&client, RATE, now);
        }
        assert!(limiter.0.lock().unwrap().len() < 10);
    }
}
