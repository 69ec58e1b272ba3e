use std::time::Duration;

use super::reported_by_the_host;
use crate::Refusal;
use crate::host::{Host, call, command};

/// A small store that the Actions of one trigger share across executions. It is
/// memory, not storage: an entry may be gone at any time.
#[derive(Debug)]
pub struct Cache<'a>(pub(crate) &'a Host);

impl Cache<'_> {
    /// The entry under `key`, with this Action's own writes; `None` when there is
    /// none or it has ended.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<CacheEntry> {
        let entry = call!(self.0, cache::get(key))?;
        Some(CacheEntry {
            value: entry.value,
            expires_at_ms: entry.expires_at_ms,
        })
    }

    /// Stores a text until `expiry`. Others see it once this Action has succeeded.
    pub fn set(&mut self, key: &str, value: &str, expiry: Expiry) {
        reported_by_the_host(self.try_set(key, value, expiry));
    }

    /// Stores a text until `expiry`; [`get`](Self::get) tells when that is.
    ///
    /// # Errors
    /// Why it was refused, with the codes `invalid_key`, `cache_value_too_large`,
    /// `already_expired`.
    pub fn try_set(&mut self, key: &str, value: &str, expiry: Expiry) -> Result<(), Refusal> {
        command!(
            self.0,
            cache::set(key, value, expiry.ttl_ms, expiry.expires_at_ms)
        )
    }

    /// Removes an entry.
    pub fn delete(&mut self, key: &str) {
        reported_by_the_host(self.try_delete(key));
    }

    /// Removes an entry.
    ///
    /// # Errors
    /// `no_such_key` when there is none.
    pub fn try_delete(&mut self, key: &str) -> Result<(), Refusal> {
        command!(self.0, cache::delete(key))
    }
}

/// A cached text and when it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheEntry {
    /// What was stored.
    pub value: String,
    /// When it ends, in milliseconds since 1970-01-01T00:00:00Z.
    pub expires_at_ms: u64,
}

/// When a cached text ends: 15 minutes from now by [`default`](Expiry::default),
/// and never later than in 24 hours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Expiry {
    ttl_ms: Option<u64>,
    expires_at_ms: Option<u64>,
}

impl Expiry {
    /// So long from now.
    #[must_use]
    pub fn after(ttl: Duration) -> Self {
        let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        Self {
            ttl_ms: Some(ttl_ms),
            expires_at_ms: None,
        }
    }

    /// At that time, in milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn at_ms(expires_at_ms: u64) -> Self {
        Self {
            ttl_ms: None,
            expires_at_ms: Some(expires_at_ms),
        }
    }

    /// As this says, and no later than that time, in milliseconds since
    /// 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn no_later_than_ms(self, expires_at_ms: u64) -> Self {
        let earlier = self
            .expires_at_ms
            .map_or(expires_at_ms, |at| at.min(expires_at_ms));
        Self {
            expires_at_ms: Some(earlier),
            ..self
        }
    }
}
