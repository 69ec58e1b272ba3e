//! The small store that Actions of one trigger share (`api.cache`).

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use claimsmith_model::{Command, Limit, Refusal};

use crate::limits::saturating;

/// The longest key in bytes; as in the reference product.
const KEY_BYTES_MAX: usize = 64;
/// The longest value in bytes; as in the reference product.
const VALUE_BYTES_MAX: usize = 4_096;
/// How long an entry lives unless the Action says otherwise.
const LIFETIME_DEFAULT_MS: u64 = 15 * 60 * 1_000;
/// How long an entry lives at most.
const LIFETIME_MAX_MS: u64 = 24 * 60 * 60 * 1_000;

/// The cache of one tenant and trigger. Entries are gone when the server stops.
#[derive(Debug, Default)]
pub struct ActionCache(Mutex<HashMap<String, Entry>>);

/// How much a cache may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheLimits {
    /// [`Limit::CacheEntries`].
    pub entries_max: usize,
    /// [`Limit::CacheBytes`], keys and values together.
    pub bytes_max: usize,
}

impl CacheLimits {
    /// The limits of a cache, each with the value that `value` gives it.
    #[must_use]
    pub fn of(value: impl Fn(Limit) -> u64) -> Self {
        Self {
            entries_max: saturating(value(Limit::CacheEntries)),
            bytes_max: saturating(value(Limit::CacheBytes)),
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) value: String,
    pub(crate) expires_at_ms: u64,
}

impl ActionCache {
    /// Carries out what an Action asked for; only called once it has succeeded.
    /// When the cache is full, the entries that end first make room.
    pub fn apply(&self, commands: &[Command], limits: CacheLimits, now_ms: u64) {
        let mut entries = self.lock();
        for command in commands {
            match command {
                Command::CacheSet {
                    key,
                    value,
                    expires_at_ms,
                } => {
                    let entry = Entry {
                        value: value.clone(),
                        expires_at_ms: *expires_at_ms,
                    };
                    entries.insert(key.clone(), entry);
                }
                Command::CacheDelete { key } => {
                    entries.remove(key);
                }
                _ => {}
            }
        }
        entries.retain(|_, entry| entry.expires_at_ms > now_ms);
        make_room(&mut entries, limits);
    }

    /// A cache of its own with what is in this one.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self(Mutex::new(self.lock().clone()))
    }

    pub(crate) fn get(&self, key: &str, now_ms: u64) -> Option<Entry> {
        self.lock()
            .get(key)
            .filter(|entry| entry.expires_at_ms > now_ms)
            .cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drops the entries that end first until the rest is within the limits.
fn make_room(entries: &mut HashMap<String, Entry>, limits: CacheLimits) {
    let mut bytes: usize = entries.iter().map(size).sum();
    if entries.len() <= limits.entries_max && bytes <= limits.bytes_max {
        return;
    }
    let mut first_to_end: Vec<_> = entries
        .iter()
        .map(|entry| (entry.1.expires_at_ms, entry.0.clone(), size(entry)))
        .collect();
    first_to_end.sort_unstable();
    for (_, key, size) in first_to_end {
        if entries.len() <= limits.entries_max && bytes <= limits.bytes_max {
            break;
        }
        entries.remove(&key);
        bytes = bytes.saturating_sub(size);
    }
}

fn size((key, entry): (&String, &Entry)) -> usize {
    key.len() + entry.value.len()
}

/// Checks a write and answers when the entry will end.
pub(crate) fn check_set(
    key: &str,
    value: &str,
    ttl_ms: Option<u64>,
    expires_at_ms: Option<u64>,
    now_ms: u64,
) -> Result<u64, Refusal> {
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        return Err(Refusal {
            code: "invalid_key".to_owned(),
            message: format!(
                "a cache key has 1 to {KEY_BYTES_MAX} bytes; this has {}",
                key.len()
            ),
            remedy: "shorten the key, for instance by hashing its long part".to_owned(),
        });
    }
    if value.len() > VALUE_BYTES_MAX {
        return Err(Refusal {
            code: "cache_value_too_large".to_owned(),
            message: format!(
                "a cache value has at most {VALUE_BYTES_MAX} bytes; this has {}",
                value.len()
            ),
            remedy: "store only what later Actions need, or split it over several keys".to_owned(),
        });
    }
    let after_ttl = ttl_ms.map(|ttl| now_ms.saturating_add(ttl));
    let asked = match (after_ttl, expires_at_ms) {
        (Some(ttl), Some(at)) => ttl.min(at),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => now_ms.saturating_add(LIFETIME_DEFAULT_MS),
    };
    if asked <= now_ms {
        return Err(Refusal {
            code: "already_expired".to_owned(),
            message: "the entry would end before it begins".to_owned(),
            remedy: "give a ttl above 0, or an expiry in the future, in milliseconds".to_owned(),
        });
    }
    Ok(asked.min(now_ms.saturating_add(LIFETIME_MAX_MS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(key: &str, value: &str, expires_at_ms: u64) -> Command {
        Command::CacheSet {
            key: key.to_owned(),
            value: value.to_owned(),
            expires_at_ms,
        }
    }

    #[test]
    fn an_entry_ends_at_the_earlier_of_ttl_and_expiry_and_within_a_day() {
        assert_eq!(
            check_set("k", "v", Some(100), Some(1_050), 1_000),
            Ok(1_050)
        );
        assert_eq!(check_set("k", "v", None, None, 0), Ok(LIFETIME_DEFAULT_MS));
        assert_eq!(
            check_set("k", "v", Some(u64::MAX), None, 5),
            Ok(5 + LIFETIME_MAX_MS)
        );
        assert_eq!(
            check_set("k", "v", Some(0), None, 5).unwrap_err().code,
            "already_expired"
        );
    }

    #[test]
    fn keys_and_values_are_bounded() {
        assert!(check_set(&"k".repeat(64), &"v".repeat(4_096), None, None, 0).is_ok());
        let long_key = check_set(&"k".repeat(65), "v", None, None, 0);
        assert_eq!(long_key.unwrap_err().code, "invalid_key");
        let long_value = check_set("k", &"v".repeat(4_097), None, None, 0);
        assert_eq!(long_value.unwrap_err().code, "cache_value_too_large");
    }

    fn limits(entries_max: usize, bytes_max: usize) -> CacheLimits {
        CacheLimits {
            entries_max,
            bytes_max,
        }
    }

    #[test]
    fn a_full_cache_drops_what_ends_first() {
        let cache = ActionCache::default();
        let commands: Vec<_> = (0..=200)
            .map(|i| set(&format!("k{i}"), "v", 1_000 + i))
            .collect();
        cache.apply(&commands, limits(200, 10_000), 0);

        assert!(cache.get("k0", 0).is_none());
        assert!(cache.get("k1", 0).is_some());
        assert!(
            cache.get("k1", 1_001).is_none(),
            "an entry that has ended is not shown"
        );
    }

    #[test]
    fn a_cache_keeps_as_many_bytes_as_it_may_and_a_lowered_limit_holds_with_the_next_write() {
        let cache = ActionCache::default();
        let ten_bytes = |key: &str, ends| set(key, "123456789", ends);
        let is_there = |key| cache.get(key, 0).is_some();
        let commands = [ten_bytes("a", 1), ten_bytes("b", 2), ten_bytes("c", 3)];

        cache.apply(&commands, limits(10, 30), 0);
        assert!(is_there("a") && is_there("b") && is_there("c"));

        cache.apply(&[ten_bytes("c", 3)], limits(10, 29), 0);
        assert!(!is_there("a") && is_there("b") && is_there("c"));

        cache.apply(&[ten_bytes("d", 4)], limits(1, 29), 0);
        assert!(!is_there("b") && !is_there("c") && is_there("d"));
    }
}
