//! Passwords: argon2id, off the async threads, never more at once than the machine bears.

use std::{
    fmt,
    num::NonZero,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::available_parallelism,
};

use claimsmith_model::{Random, Secret};
use tokio::sync::Semaphore;

use crate::{ServiceError, argon2id};

/// Logins that may wait for each core. One takes a core for tens of milliseconds, so
/// the last in the queue waits for a second or two; who would wait longer is better
/// told at once.
const WAITING_PER_CORE_MAX: usize = 32;
/// The longest password in bytes. Longer ones are refused before they are hashed.
pub(crate) const PASSWORD_BYTES_MAX: usize = 1_024;

/// Hashes and verifies passwords.
#[derive(Clone)]
pub struct PasswordHasher(Arc<Inner>);

struct Inner {
    random: Arc<dyn Random>,
    /// One per core: a hash takes a whole one, and 19 MiB.
    places: Arc<Semaphore>,
    /// What may be verified or wait for it.
    queue: Arc<Semaphore>,
    at_once_max: usize,
    queued_max: usize,
    computed: AtomicU64,
    refused: AtomicU64,
    /// A hash that no password has, verified when there is no user: an unknown user
    /// takes as long as a wrong password.
    nobody: tokio::sync::OnceCell<Secret>,
}

/// What the hasher does just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordFigures {
    /// Passwords that are being hashed or verified.
    pub running: u64,
    /// Logins that wait for that.
    pub waiting: u64,
    /// How often argon2 was computed since the start, for whatever password.
    pub computed: u64,
    /// Logins that were refused since the start because too many waited.
    pub refused: u64,
}

/// Why a password was not verified.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VerifyError {
    /// Too many wait already.
    #[error("too many passwords wait to be verified")]
    Busy,
    /// The server failed.
    #[error(transparent)]
    Failed(#[from] ServiceError),
}

impl PasswordHasher {
    /// A hasher that takes its salts from a source of chance.
    #[must_use]
    pub fn new(random: Arc<dyn Random>) -> Self {
        let cores = available_parallelism().map_or(1, NonZero::get);
        Self::with_capacity(random, cores, cores.saturating_mul(WAITING_PER_CORE_MAX))
    }

    fn with_capacity(random: Arc<dyn Random>, at_once_max: usize, waiting_max: usize) -> Self {
        let queued_max = at_once_max.saturating_add(waiting_max);
        Self(Arc::new(Inner {
            random,
            places: Arc::new(Semaphore::new(at_once_max)),
            queue: Arc::new(Semaphore::new(queued_max)),
            at_once_max,
            queued_max,
            computed: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            nobody: tokio::sync::OnceCell::new(),
        }))
    }

    /// What the hasher does just now.
    #[must_use]
    pub fn figures(&self) -> PasswordFigures {
        let inner = &self.0;
        let running = inner
            .at_once_max
            .saturating_sub(inner.places.available_permits());
        let queued = inner
            .queued_max
            .saturating_sub(inner.queue.available_permits());
        PasswordFigures {
            running: running as u64,
            waiting: queued.saturating_sub(running) as u64,
            computed: inner.computed.load(Ordering::Relaxed),
            refused: inner.refused.load(Ordering::Relaxed),
        }
    }

    /// Gets ready, so that the first unknown user doesn't take longer than others.
    pub(crate) async fn prepare(&self) -> Result<(), ServiceError> {
        self.nobody().await.map(|_| ())
    }

    /// The hash of a password, in PHC form. It is for admins, who wait as long as it
    /// takes.
    ///
    /// # Errors
    /// `Invalid` when the password is empty or too long.
    pub async fn hash(&self, password: &Secret) -> Result<Secret, ServiceError> {
        let bytes = password.expose().len();
        if !(1..=PASSWORD_BYTES_MAX).contains(&bytes) {
            return Err(ServiceError::invalid(format!(
                "a password has 1 to {PASSWORD_BYTES_MAX} bytes"
            )));
        }
        let mut salt = [0; 16];
        self.0.random.fill(&mut salt);
        let password = password.clone();
        self.blocking(move || argon2id::hash(password.expose().as_bytes(), &salt))
            .await?
            .ok_or_else(|| ServiceError::internal("argon2 failed"))
    }

    /// Whether the password is the one that was hashed. Without a hash the answer is
    /// `false` after the same work.
    ///
    /// # Errors
    /// `Busy`, or when the stored hash is damaged.
    pub(crate) async fn verify(
        &self,
        password: &Secret,
        hash: Option<&Secret>,
    ) -> Result<bool, VerifyError> {
        if password.expose().len() > PASSWORD_BYTES_MAX {
            return Ok(false);
        }
        let queue = Arc::clone(&self.0.queue);
        let queued = queue.try_acquire_owned().map_err(|_| {
            self.0.refused.fetch_add(1, Ordering::Relaxed);
            VerifyError::Busy
        })?;
        let known = hash.is_some();
        let hash = match hash {
            Some(hash) => hash.clone(),
            None => self.nobody().await?,
        };
        let password = password.clone();
        let matches = self
            .blocking(move || {
                let _queued = queued;
                argon2id::is_hash_of(&hash, password.expose().as_bytes())
            })
            .await?
            .ok_or_else(|| ServiceError::internal("a stored password hash is damaged"))?;
        Ok(matches && known)
    }

    async fn nobody(&self) -> Result<Secret, ServiceError> {
        let make = async || {
            let mut bytes = [0; 16];
            self.0.random.fill(&mut bytes);
            let text: String = bytes
                .iter()
                .map(|byte| char::from(b'a' + byte % 26))
                .collect();
            self.hash(&Secret::new(text)).await
        };
        self.0.nobody.get_or_try_init(make).await.cloned()
    }

    /// Runs the work on a thread of its own. It goes on when the caller goes away, and
    /// keeps its place until it is over.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ServiceError> {
        let places = Arc::clone(&self.0.places);
        let place = places
            .acquire_owned()
            .await
            .map_err(ServiceError::internal)?;
        self.0.computed.fetch_add(1, Ordering::Relaxed);
        let work = move || {
            let _place = place;
            work()
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(ServiceError::internal)
    }
}

impl fmt::Debug for PasswordHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHasher").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Salts need not differ here.
    #[derive(Debug)]
    struct Zeros;

    impl Random for Zeros {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    fn hasher(at_once_max: usize, waiting_max: usize) -> PasswordHasher {
        PasswordHasher::with_capacity(Arc::new(Zeros), at_once_max, waiting_max)
    }

    #[tokio::test]
    async fn a_password_is_known_by_its_hash_and_nobody_has_one() {
        let hasher = hasher(1, 0);
        let (right, wrong) = (Secret::new("right"), Secret::new("wrong"));
        let hash = hasher.hash(&right).await.unwrap();

        assert!(hasher.verify(&right, Some(&hash)).await.unwrap());
        assert!(!hasher.verify(&wrong, Some(&hash)).await.unwrap());
        assert!(!hasher.verify(&right, None).await.unwrap());
    }

    #[tokio::test]
    async fn verifying_for_nobody_is_the_same_work_as_for_somebody() {
        let hasher = hasher(1, 0);
        let password = Secret::new("password");
        let hash = hasher.hash(&password).await.unwrap();
        hasher.prepare().await.unwrap();
        let mut computed = vec![hasher.figures().computed];
        for hash in [Some(&hash), None, Some(&hash), None] {
            hasher.verify(&Secret::new("wrong"), hash).await.unwrap();
            computed.push(hasher.figures().computed);
        }
        assert_eq!(computed, [2, 3, 4, 5, 6]);
    }

    #[tokio::test]
    async fn work_keeps_its_place_when_its_caller_goes_away() {
        let hasher = hasher(1, 0);
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let (go_on, may_go_on) = mpsc::channel::<()>();
        let work = hasher.blocking(move || {
            let _ = begun.send(());
            may_go_on.recv()
        });

        tokio::select! {
            biased;
            _ = work => panic!("the work must not be over before it may go on"),
            begun = has_begun => begun.unwrap(),
        }

        assert_eq!(hasher.0.places.available_permits(), 0);
        go_on.send(()).unwrap();
        drop(hasher.0.places.acquire().await.unwrap());
    }

    #[tokio::test]
    async fn a_login_beyond_the_queue_is_refused_and_one_inside_is_not() {
        let hasher = hasher(1, 1);
        hasher.prepare().await.unwrap();
        let place = Arc::clone(&hasher.0.places).acquire_owned().await.unwrap();
        let password = Secret::new("password");
        let mut first = Box::pin(hasher.verify(&password, None));
        let mut second = Box::pin(hasher.verify(&password, None));

        tokio::select! {
            biased;
            _ = &mut first => panic!("there is no place for the first"),
            _ = &mut second => panic!("there is no place for the second"),
            third = hasher.verify(&password, None) => {
                assert!(matches!(third, Err(VerifyError::Busy)));
            }
        }
        let expected = PasswordFigures {
            running: 1,
            waiting: 1,
            // What nobody's password is verified against.
            computed: 1,
            refused: 1,
        };
        assert_eq!(hasher.figures(), expected);

        drop(place);
        assert!(!first.await.unwrap());
        assert!(!second.await.unwrap());
    }
}
