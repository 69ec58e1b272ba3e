//! Slowing down who guesses passwords.
//!
//! Failed logins are counted for the account that they name, be there such an account or
//! not, and for the address that they come from. Who has too many of one is refused
//! before a password is looked at, until some time after the first of them. What is
//! counted is in memory: a restart forgets it.

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use claimsmith_model::{Limit, TenantId, Timestamp};
use icu_normalizer::ComposingNormalizerBorrowed;

use crate::{Environment, TenantContext, token::hash::sha256};

/// Counts failed logins. Cheap to clone.
#[derive(Clone, Default)]
pub struct Attempts(Arc<Mutex<Counts>>);

/// Too many logins failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "too many logins with this user name or from this address failed; try again in {retry_after_s} seconds"
)]
pub struct TooManyAttempts {
    /// In how many seconds it is worth trying again; at least one.
    pub retry_after_s: u32,
}

/// Somebody tries a password. It counts as failed from its beginning, so that many at
/// once are no more than many one after another, and stays so unless somebody says
/// otherwise: also when its caller goes away.
#[must_use = "an attempt that nobody ends counts as failed"]
pub(crate) struct Attempt<'a> {
    attempts: &'a Attempts,
    account: Account,
    address: Address,
}

/// The SHA-256 of tenant, connection and what was given as the user's name: of a fixed
/// size, and no list of names in memory.
type Account = [u8; 32];

/// An address at one tenant.
type Address = (TenantId, String);

#[derive(Default)]
struct Counts {
    accounts: Table<Account>,
    addresses: Table<Address>,
}

/// What is counted of one kind.
struct Table<K>(HashMap<K, Count>);

#[derive(Debug, Clone, Copy)]
struct Count {
    failed: u64,
    /// When it is forgotten.
    ends: Timestamp,
}

impl Attempts {
    /// Begins an attempt to log in to the account that a connection's user name or
    /// address stands for.
    pub(crate) fn begin(
        &self,
        context: &TenantContext,
        environment: &Environment,
        (connection, login): (&str, &str),
        ip: &str,
    ) -> Result<Attempt<'_>, TooManyAttempts> {
        let limit = |limit| context.limit(limit, environment);
        let now = environment.clock.now();
        let window_ms = i64::try_from(limit(Limit::LoginFailureWindowMs)).unwrap_or(i64::MAX);
        let ends = Timestamp::from_millis(now.as_millis().saturating_add(window_ms));
        let kept_max = usize::try_from(limit(Limit::LoginFailuresKept)).unwrap_or(usize::MAX);
        let account = account(&context.tenant.id, connection, login);
        let address = (context.tenant.id.clone(), network(ip));

        let mut counts = self.lock();
        let of_account = limit(Limit::LoginFailuresPerAccount);
        let of_address = limit(Limit::LoginFailuresPerAddress);
        let until = [
            counts.accounts.full_until(&account, of_account, now),
            counts.addresses.full_until(&address, of_address, now),
        ];
        if let Some(until) = until.into_iter().flatten().max() {
            let left_ms = until.as_millis().saturating_sub(now.as_millis());
            let retry_after_s = u32::try_from(left_ms.saturating_add(999) / 1_000);
            return Err(TooManyAttempts {
                retry_after_s: retry_after_s.unwrap_or(u32::MAX).max(1),
            });
        }
        let count = Count { failed: 0, ends };
        let failed = counts.accounts.add(account, count, now, kept_max);
        let from_address = counts.addresses.add(address.clone(), count, now, kept_max);
        drop(counts);
        if failed == of_account || from_address == of_address {
            tracing::warn!(
                tenant = %context.tenant.id, ip, connection,
                "too many logins fail with one user name or from one address; unless this one \
                 doesn't, further ones are refused for some time"
            );
        }
        Ok(Attempt {
            attempts: self,
            account,
            address,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt<'_> {
    /// The password was right: the account begins anew. The address doesn't, or who has
    /// an account of their own could go on guessing at others.
    pub(crate) fn succeeded(self) {
        let mut counts = self.attempts.lock();
        counts.accounts.0.remove(&self.account);
        counts.addresses.take_back(&self.address);
    }

    /// It was never found out whether the password was right.
    pub(crate) fn undecided(self) {
        let mut counts = self.attempts.lock();
        counts.accounts.take_back(&self.account);
        counts.addresses.take_back(&self.address);
    }

    /// The password was wrong, or nobody's.
    pub(crate) fn failed(self) {}
}

impl<K: Eq + Hash> Table<K> {
    /// Until when there are too many failures already.
    fn full_until(&self, key: &K, max: u64, now: Timestamp) -> Option<Timestamp> {
        let count = self.0.get(key)?;
        (now < count.ends && max <= count.failed).then_some(count.ends)
    }

    /// Counts a failure, `count` being the first; answers how many there are.
    fn add(&mut self, key: K, first: Count, now: Timestamp, kept_max: usize) -> u64 {
        if kept_max <= self.0.len() && !self.0.contains_key(&key) {
            self.make_room(now, kept_max);
        }
        let count = self.0.entry(key).or_insert(first);
        if count.ends <= now {
            *count = first;
        }
        count.failed += 1;
        count.failed
    }

    fn take_back(&mut self, key: &K) {
        if let Some(count) = self.0.get_mut(key) {
            count.failed = count.failed.saturating_sub(1);
            if count.failed == 0 {
                self.0.remove(key);
            }
        }
    }

    /// Forgets what has ended; if that isn't enough, the eighth that ends first.
    fn make_room(&mut self, now: Timestamp, kept_max: usize) {
        self.0.retain(|_, count| now < count.ends);
        if self.0.len() < kept_max {
            return;
        }
        let mut ends: Vec<Timestamp> = self.0.values().map(|count| count.ends).collect();
        let eighth = ends.len() / 8;
        let (_, last, _) = ends.select_nth_unstable(eighth);
        let last = *last;
        self.0.retain(|_, count| last < count.ends);
    }
}

impl<K> Default for Table<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl fmt::Debug for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempts").finish_non_exhaustive()
    }
}

/// What stands for an account. Spellings that a store may take for one user are one here:
/// in any case, in any form of the same letters, and with white space around it.
fn account(tenant: &TenantId, connection: &str, login: &str) -> Account {
    let login = ComposingNormalizerBorrowed::new_nfkc().normalize(login);
    // Once more: the small letters of some large ones come apart.
    let login = login.trim().to_lowercase();
    let login = ComposingNormalizerBorrowed::new_nfkc().normalize(&login);
    // None of the first two has a line break.
    sha256(&format!("{tenant}\n{connection}\n{login}"))
}

/// What stands for an address: of IPv6 the first 64 bits, because whoever has one
/// address there has all of that network.
fn network(ip: &str) -> String {
    match ip.parse() {
        Ok(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}")
        }
        _ => ip.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    fn first(ends: i64) -> Count {
        Count {
            failed: 0,
            ends: at(ends),
        }
    }

    #[test]
    fn failures_are_counted_until_the_time_of_the_first_is_over() {
        let mut table = Table::default();
        assert_eq!(table.add("ada", first(10), at(0), 10), 1);
        assert_eq!(table.add("ada", first(15), at(5), 10), 2);
        assert_eq!(table.full_until(&"ada", 3, at(5)), None);
        assert_eq!(table.full_until(&"ada", 2, at(5)), Some(at(10)));
        assert_eq!(table.full_until(&"bob", 2, at(5)), None);

        assert_eq!(table.full_until(&"ada", 2, at(10)), None);
        assert_eq!(table.add("ada", first(20), at(10), 10), 1);
    }

    #[test]
    fn what_was_counted_can_be_taken_back() {
        let mut table = Table::default();
        table.add("ada", first(10), at(0), 10);
        table.add("ada", first(10), at(0), 10);
        table.take_back(&"ada");
        assert_eq!(table.add("ada", first(10), at(0), 10), 2);
        table.take_back(&"ada");
        table.take_back(&"ada");
        assert!(table.0.is_empty());
        table.take_back(&"ada");
    }

    #[test]
    fn no_more_than_so_many_are_kept_and_the_oldest_go_first() {
        let mut table = Table::default();
        for key in 0..16 {
            table.add(key, first(100 + key), at(0), 16);
        }
        assert_eq!(table.0.len(), 16);
        table.add(16, first(200), at(0), 16);
        assert!(table.0.len() <= 16);
        assert!(!table.0.contains_key(&0), "it ends first");
        assert!(table.0.contains_key(&15) && table.0.contains_key(&16));

        // What has ended goes before anything else.
        for key in 20..30 {
            table.add(key, first(300), at(150), 16);
        }
        assert!(table.0.contains_key(&16));
    }

    #[test]
    fn spellings_of_one_name_are_one_account() {
        let of = |login: &str| account(&"dev".parse().unwrap(), "Users", login);
        let ada = of("ada@example.com");
        for same in [
            "ADA@example.com",
            " ada@example.com",
            "ada@example.com\t \u{a0}\u{3000}",
            "\u{ff41}da@example.com",
        ] {
            assert_eq!(of(same), ada, "{same:?}");
        }
        assert_eq!(of("zo\u{eb}"), of("ZOE\u{308}"));
        for other in ["ada@example.co", "a da@example.com", "adá@example.com"] {
            assert_ne!(of(other), ada, "{other:?}");
        }
    }

    #[test]
    fn of_ipv6_a_network_is_one_address() {
        assert_eq!(network("2001:db8::1"), network("2001:db8::2:3"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }
}
