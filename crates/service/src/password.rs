//! Passwords: argon2id, off the async threads, never more at once than the machine bears.

use std::{fmt, sync::Arc};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString},
};
use claimsmith_model::{Random, Secret};
use tokio::sync::Semaphore;

use crate::ServiceError;

/// Memory of one hash in KiB; OWASP's first choice for argon2id is 19 MiB, two
/// passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Hashes computed at once: each takes a core for tens of milliseconds and 19 MiB.
const AT_ONCE_MAX: usize = 8;
/// The longest password in bytes. Longer ones are refused before they are hashed.
const PASSWORD_BYTES_MAX: usize = 1_024;

/// Hashes and verifies passwords.
#[derive(Clone)]
pub struct PasswordHasher(Arc<Inner>);

struct Inner {
    random: Arc<dyn Random>,
    places: Semaphore,
    /// A hash that no password has, verified when there is no user: an unknown user
    /// takes as long as a wrong password.
    nobody: tokio::sync::OnceCell<Secret>,
}

impl PasswordHasher {
    /// A hasher that takes its salts from a source of chance.
    #[must_use]
    pub fn new(random: Arc<dyn Random>) -> Self {
        let places = Semaphore::new(AT_ONCE_MAX);
        Self(Arc::new(Inner { random, places, nobody: tokio::sync::OnceCell::new() }))
    }

    /// Gets ready, so that the first unknown user doesn't take longer than others.
    pub(crate) async fn prepare(&self) -> Result<(), ServiceError> {
        self.nobody().await.map(|_| ())
    }

    /// The hash of a password, in PHC form.
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
        self.blocking(move || {
            let salt = SaltString::encode_b64(&salt).ok()?;
            let hash = argon2().hash_password(password.expose().as_bytes(), &salt).ok()?;
            Some(Secret::new(hash.to_string()))
        })
        .await?
        .ok_or_else(|| ServiceError::internal("argon2 failed"))
    }

    /// Whether the password is the one that was hashed. Without a hash the answer is
    /// `false` after the same work.
    ///
    /// # Errors
    /// When the stored hash is damaged.
    pub async fn verify(
        &self,
        password: &Secret,
        hash: Option<&Secret>,
    ) -> Result<bool, ServiceError> {
        if password.expose().len() > PASSWORD_BYTES_MAX {
            return Ok(false);
        }
        let known = hash.is_some();
        let hash = match hash {
            Some(hash) => hash.clone(),
            None => self.nobody().await?,
        };
        let password = password.clone();
        let matches = self
            .blocking(move || {
                let hash = PasswordHash::new(hash.expose()).ok()?;
                Some(argon2().verify_password(password.expose().as_bytes(), &hash).is_ok())
            })
            .await?
            .ok_or_else(|| ServiceError::internal("a stored password hash is damaged"))?;
        Ok(matches && known)
    }

    async fn nobody(&self) -> Result<Secret, ServiceError> {
        let make = async || {
            let mut bytes = [0; 16];
            self.0.random.fill(&mut bytes);
            let text: String = bytes.iter().map(|byte| char::from(b'a' + byte % 26)).collect();
            self.hash(&Secret::new(text)).await
        };
        self.0.nobody.get_or_try_init(make).await.cloned()
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ServiceError> {
        let _place = self.0.places.acquire().await.map_err(ServiceError::internal)?;
        tokio::task::spawn_blocking(work).await.map_err(ServiceError::internal)
    }
}

impl fmt::Debug for PasswordHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHasher").finish_non_exhaustive()
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}
