//! A tenant's signing keys: made when they are first needed, parsed once, and swapped
//! whole by every change.
//!
//! A *next* key is made when the key set is first asked for, and published with it. So
//! who has a copy of the set has the key that follows, and where nobody has one yet,
//! there is nothing that a rotation could make wrong.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use arc_swap::ArcSwapOption;
use claimsmith_claims::SealedClaims;
use claimsmith_keys::{KeyError, KeySet, TokenType};
use claimsmith_model::{
    KeyId, KeyUse, SigningAlgorithm, StoredKey, TOKEN_LIFETIME_S_MAX, Timestamp,
};
use claimsmith_storage::StorageError;

use crate::{Environment, ServiceError, TenantContext};

/// How long after a key has stopped signing its algorithm can't be rotated again, in
/// seconds. The next key was published when that one stopped, and copies of the key set
/// are good for a quarter of this.
const ROTATION_PAUSE_S: i64 = 60;
/// How many keys of an algorithm may verify what they have signed. At the usual
/// lifetimes of a day that is a rotation every three hours.
const PREVIOUS_MAX: usize = 8;
/// How long making a next key is not tried again after it failed, in milliseconds: each
/// try takes a noticeable part of a second of processor time.
const RETRY_PAUSE_MS: i64 = 60_000;

/// What is kept in memory of a tenant's keys.
pub(crate) struct TenantKeys {
    set: ArcSwapOption<KeySet>,
    changing: tokio::sync::Mutex<()>,
    /// When making a next key failed last, in milliseconds since 1970.
    failed_at_ms: AtomicI64,
}

impl Default for TenantKeys {
    fn default() -> Self {
        Self {
            set: ArcSwapOption::default(),
            changing: tokio::sync::Mutex::new(()),
            failed_at_ms: AtomicI64::new(i64::MIN),
        }
    }
}

impl TenantKeys {
    /// Parses the stored keys, and lets everybody use them from now on.
    fn swap(&self, stored: &[StoredKey]) -> Result<Arc<KeySet>, ServiceError> {
        let keys = KeySet::from_stored(stored).map_err(ServiceError::internal)?;
        let keys = Arc::new(keys);
        self.set.store(Some(Arc::clone(&keys)));
        Ok(keys)
    }

    /// Uses what a change answered with. After a failure it is unknown what is stored,
    /// so the next who needs keys reads them.
    fn changed(
        &self,
        stored: Result<Vec<StoredKey>, StorageError>,
    ) -> Result<Vec<StoredKey>, ServiceError> {
        let swapped = stored
            .map_err(ServiceError::from)
            .and_then(|stored| self.swap(&stored).map(|_| stored));
        if swapped.is_err() {
            self.set.store(None);
        }
        swapped
    }
}

impl TenantContext {
    /// The tenant's keys, with a current one for the algorithm: made now if this is
    /// its first use. None is made for HS256, whose secrets are the APIs' own.
    pub(crate) async fn keys(
        &self,
        algorithm: SigningAlgorithm,
        environment: &Environment,
    ) -> Result<Arc<KeySet>, ServiceError> {
        self.keys_for(algorithm, 0, environment).await
    }

    /// Signs a token with the current key of the algorithm, and before that notes how
    /// long the key will be needed for it.
    pub(crate) async fn sign(
        &self,
        algorithm: SigningAlgorithm,
        typ: TokenType,
        claims: &SealedClaims,
        environment: &Environment,
    ) -> Result<String, ServiceError> {
        let keys = self.keys_for(algorithm, lifetime_s(claims), environment);
        let signed = keys.await?.sign(algorithm, typ, claims);
        signed.map_err(ServiceError::internal)
    }

    async fn keys_for(
        &self,
        algorithm: SigningAlgorithm,
        lifetime_s: u32,
        environment: &Environment,
    ) -> Result<Arc<KeySet>, ServiceError> {
        let kept = self.tenant_keys();
        let is_enough = |keys: &KeySet| {
            algorithm == SigningAlgorithm::HS256 || keys.covers(algorithm, lifetime_s)
        };
        if let Some(keys) = kept.set.load_full().filter(|keys| is_enough(keys)) {
            return Ok(keys);
        }
        let _changing = kept.changing.lock().await;
        // Of requests that wait for the same, the first one has done it for all.
        if let Some(keys) = kept.set.load_full().filter(|keys| is_enough(keys)) {
            return Ok(keys);
        }
        let mut stored = self.store.signing_keys().await?;
        let mut keys = kept.swap(&stored)?;
        if algorithm != SigningAlgorithm::HS256 && !keys.has(algorithm) {
            let mut made = make(algorithm, environment).await?;
            made.token_lifetime_s_max = lifetime_s;
            stored.push(self.store.current_signing_key_or_insert(&made).await?);
            keys = kept.swap(&stored)?;
        }
        if !is_enough(&keys)
            && let Some(id) = keys.current_id(algorithm)
        {
            let raised = self.store.raise_token_lifetime(id, lifetime_s).await;
            kept.changed(raised)?;
            keys = kept.set.load_full().unwrap_or(keys);
        }
        Ok(keys)
    }

    /// The JSON text of the tenant's JWK Set. A tenant that has no key yet gets one
    /// for its own algorithm, so that the set is never empty; and each current key one
    /// that will follow it.
    ///
    /// # Errors
    /// When keys can't be read or made.
    pub async fn jwks(&self, environment: &Environment) -> Result<String, ServiceError> {
        let algorithm = self.tenant.settings.signing_algorithm;
        let mut keys = self.keys(algorithm, environment).await?;
        if keys.without_next().next().is_some() && self.may_try(environment) {
            match self.make_next(environment).await {
                Ok(with_next) => keys = with_next,
                // The keys that there are can be published all the same.
                Err(error) => {
                    let now_ms = environment.clock.now().as_millis();
                    let failed_at_ms = &self.tenant_keys().failed_at_ms;
                    failed_at_ms.store(now_ms, Ordering::Relaxed);
                    tracing::warn!(tenant = %self.tenant.id, ?error, "no next signing key could be made");
                }
            }
        }
        Ok(keys.jwks().to_owned())
    }

    fn may_try(&self, environment: &Environment) -> bool {
        let failed_at_ms = self.tenant_keys().failed_at_ms.load(Ordering::Relaxed);
        environment.clock.now().as_millis() >= failed_at_ms.saturating_add(RETRY_PAUSE_MS)
    }

    async fn make_next(&self, environment: &Environment) -> Result<Arc<KeySet>, ServiceError> {
        let kept = self.tenant_keys();
        let _changing = kept.changing.lock().await;
        let mut keys = kept.swap(&self.store.signing_keys().await?)?;
        let missing: Vec<_> = keys.without_next().collect();
        for algorithm in missing {
            let made = make(algorithm, environment).await?;
            let stored = self.store.next_signing_key_or_insert(&made).await;
            kept.changed(stored)?;
            keys = kept.set.load_full().unwrap_or(keys);
        }
        Ok(keys)
    }

    /// All keys, those too that don't verify any more.
    pub(crate) async fn stored_keys(&self) -> Result<Vec<StoredKey>, ServiceError> {
        Ok(self.store.signing_keys().await?)
    }

    /// Lets the next who needs keys read them anew.
    pub(crate) async fn forget_keys(&self) {
        let kept = self.tenant_keys();
        let _changing = kept.changing.lock().await;
        kept.set.store(None);
    }

    /// Rotates the keys of one algorithm, or of all that have any. Answers all keys,
    /// and the algorithms that were rotated.
    ///
    /// # Errors
    /// `Invalid` for an algorithm that nothing was signed with, `Conflict` when it is
    /// too early; then nothing is rotated.
    pub(crate) async fn rotate_keys(
        &self,
        only: Option<SigningAlgorithm>,
        environment: &Environment,
    ) -> Result<(Vec<StoredKey>, Vec<SigningAlgorithm>), ServiceError> {
        let kept = self.tenant_keys();
        let _changing = kept.changing.lock().await;
        let now = environment.clock.now();
        let stored = self.store.signing_keys().await?;
        let algorithms = SigningAlgorithm::ASYMMETRIC
            .into_iter()
            .filter(|algorithm| only.is_none_or(|only| only == *algorithm))
            .filter(|algorithm| of_algorithm(&stored, *algorithm).next().is_some());
        let algorithms: Vec<_> = algorithms.collect();
        if algorithms.is_empty() {
            let name = only.map_or("any algorithm", SigningAlgorithm::as_str);
            return Err(ServiceError::invalid(format!(
                "there is no signing key for {name}: a key is made when its algorithm is first \
                 used"
            )));
        }
        let mut fresh = Vec::with_capacity(algorithms.len());
        for algorithm in &algorithms {
            may_be_rotated(&stored, *algorithm, now)?;
            fresh.push(make(*algorithm, environment).await?);
        }
        let stored = self.store.rotate_signing_keys(&fresh, now).await;
        Ok((kept.changed(stored)?, algorithms))
    }

    /// Revokes a key at once. Answers all keys.
    ///
    /// # Errors
    /// `NotFound`.
    pub(crate) async fn revoke_key(
        &self,
        id: &KeyId,
        environment: &Environment,
    ) -> Result<Vec<StoredKey>, ServiceError> {
        let kept = self.tenant_keys();
        let _changing = kept.changing.lock().await;
        let stored = self.store.signing_keys().await?;
        let key = stored.iter().find(|key| key.id == *id);
        let key = key.ok_or(NO_KEY)?;
        let fresh = match key.key_use {
            KeyUse::Current | KeyUse::Next => Some(make(key.algorithm, environment).await?),
            KeyUse::Previous | KeyUse::Revoked => None,
        };
        let now = environment.clock.now();
        let stored = self.store.revoke_signing_key(id, fresh.as_ref(), now).await;
        kept.changed(stored)
    }

    /// Removes keys whose last token has expired, if there are any among those in
    /// memory: what nobody has asked for isn't published either.
    ///
    /// # Errors
    /// When the store can't be written.
    pub(crate) async fn remove_keys_that_are_over(
        &self,
        environment: &Environment,
    ) -> Result<(), ServiceError> {
        let kept = self.tenant_keys();
        let now = environment.clock.now();
        let has_any = |keys: &Arc<KeySet>| keys.has_one_that_is_over(now);
        if kept.set.load_full().as_ref().is_some_and(has_any) {
            let _changing = kept.changing.lock().await;
            kept.changed(self.store.remove_signing_keys_that_are_over(now).await)?;
        }
        Ok(())
    }
}

pub(crate) const NO_KEY: ServiceError = ServiceError::not_found("That signing key does not exist.");

/// How long a token that is about to be signed lives.
fn lifetime_s(claims: &SealedClaims) -> u32 {
    let seconds = |name| {
        claims
            .server()
            .get(name)
            .and_then(serde_json::Value::as_i64)
    };
    match (seconds("iat"), seconds("exp")) {
        (Some(from), Some(until)) => u32::try_from(until.saturating_sub(from)).unwrap_or(0),
        _ => TOKEN_LIFETIME_S_MAX,
    }
}

/// The keys of an algorithm.
fn of_algorithm(
    stored: &[StoredKey],
    algorithm: SigningAlgorithm,
) -> impl Iterator<Item = &StoredKey> {
    stored.iter().filter(move |key| key.algorithm == algorithm)
}

fn may_be_rotated(
    stored: &[StoredKey],
    algorithm: SigningAlgorithm,
    now: Timestamp,
) -> Result<(), ServiceError> {
    let name = algorithm.as_str();
    // Another next key was published then; also when the one before was revoked unused.
    let stopped =
        of_algorithm(stored, algorithm).filter_map(|key| key.current_until.or(key.revoked_at));
    let pause_end = stopped
        .max()
        .map(|stopped| stopped.plus_seconds(ROTATION_PAUSE_S));
    if let Some(end) = pause_end.filter(|end| now < *end) {
        return Err(ServiceError::Conflict(format!(
            "the next key for {name} was only just published, and verifiers may not have it yet; \
             rotate after {end}, or revoke the current key if it must go at once"
        )));
    }
    let previous = of_algorithm(stored, algorithm).filter(|key| key.key_use == KeyUse::Previous);
    let previous: Vec<_> = previous.collect();
    if previous.len() >= PREVIOUS_MAX {
        let first = previous.iter().filter_map(|key| key.needed_until()).min();
        let first = first.map_or_else(String::new, |first| format!(" (until {first})"));
        return Err(ServiceError::Conflict(format!(
            "{PREVIOUS_MAX} previous keys for {name} are still needed by tokens; wait for the \
             first to expire{first}, or revoke one"
        )));
    }
    Ok(())
}

async fn make(
    algorithm: SigningAlgorithm,
    environment: &Environment,
) -> Result<StoredKey, ServiceError> {
    let now = environment.clock.now();
    // An RSA key takes a noticeable part of a second.
    let made = tokio::task::spawn_blocking(move || claimsmith_keys::generate(algorithm, now));
    let made: Result<StoredKey, KeyError> = made.await.map_err(ServiceError::internal)?;
    made.map_err(ServiceError::internal)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use claimsmith_claims::TokenContext;
    use claimsmith_keys::{Expected, VerifyError};
    use claimsmith_model::{Clock, Random, TokenKind};
    use claimsmith_runtime::{ActionEngine, EngineConfig};
    use claimsmith_storage::{MemoryExecutionLog, MemoryStorage};
    use serde_json::{Value, json};

    use super::*;
    use crate::{NewTenant, TenantDirectory};

    const ALGORITHM: SigningAlgorithm = SigningAlgorithm::ES256;

    /// Moves when a test says so.
    #[derive(Debug)]
    struct Moving(AtomicI64);

    impl Clock for Moving {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.0.load(Ordering::Relaxed))
        }
    }

    #[derive(Debug, Default)]
    struct Counting(AtomicU64);

    impl Random for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            for byte in bytes {
                let count = self.0.fetch_add(0x9e37_79b9, Ordering::Relaxed);
                *byte = u8::try_from(count >> 24 & 0xff).unwrap();
            }
        }
    }

    /// A tenant that signs with ES256, whose keys are made in no time.
    struct Keys {
        environment: Environment,
        clock: Arc<Moving>,
        context: Arc<TenantContext>,
    }

    impl Keys {
        async fn new() -> Self {
            let clock = Arc::new(Moving(AtomicI64::new(1_790_000_000_000)));
            let environment = Environment {
                storage: Arc::new(MemoryStorage::new()),
                executions: Arc::new(MemoryExecutionLog::new()),
                engine: ActionEngine::new(EngineConfig::default()).unwrap(),
                clock: Arc::<Moving>::clone(&clock),
                random: Arc::new(Counting::default()),
                reserved: Arc::default(),
                limits: Arc::default(),
                state_secret: claimsmith_model::Secret::new("state"),
            };
            let tenants = TenantDirectory::load(environment.clone()).await.unwrap();
            let new = NewTenant {
                id: "dev".parse().unwrap(),
                public_url: "https://login.example.com".to_owned(),
                domains: Vec::new(),
            };
            let id = tenants.create(new).await.unwrap().tenant.id;
            let context = tenants.update_settings(&id, |settings| {
                settings.signing_algorithm = ALGORITHM;
                Ok(())
            });
            Self {
                context: context.await.unwrap(),
                environment,
                clock,
            }
        }

        fn wait(&self, seconds: i64) {
            self.clock.0.fetch_add(seconds * 1000, Ordering::Relaxed);
        }

        /// A token that lives so long.
        async fn token(&self, lifetime_s: i64) -> String {
            let now_s = self.clock.now().as_seconds();
            let ledger = self.context.policy.ledger(TokenContext {
                kind: TokenKind::AccessToken,
                server_claims: Arc::new([]),
                own_api: false,
                scopes: Arc::new([]),
            });
            let claims = json!({
                "iss": self.context.tenant.issuer, "aud": "api", "iat": now_s,
                "exp": now_s + lifetime_s,
            });
            let (claims, _) = ledger.seal(claims.as_object().cloned().unwrap());
            let environment = &self.environment;
            let token = self
                .context
                .sign(ALGORITHM, TokenType::Jwt, &claims, environment);
            token.await.unwrap()
        }

        async fn verify(&self, token: &str) -> Result<(), VerifyError> {
            let keys = self
                .context
                .keys(SigningAlgorithm::HS256, &self.environment);
            let expected = Expected {
                issuer: &self.context.tenant.issuer,
                audience: "api",
                now: self.clock.now(),
                leeway_s: 0,
            };
            keys.await.unwrap().verify(token, &expected).map(|_| ())
        }

        /// The published keys, in their order.
        async fn published(&self) -> Vec<String> {
            let jwks = self.context.jwks(&self.environment).await.unwrap();
            let jwks: Value = serde_json::from_str(&jwks).unwrap();
            let keys = jwks["keys"].as_array().unwrap().iter();
            keys.map(|key| key["kid"].as_str().unwrap().to_owned())
                .collect()
        }

        async fn rotate(&self) -> Result<Vec<StoredKey>, ServiceError> {
            let rotated = self.context.rotate_keys(None, &self.environment);
            rotated.await.map(|(stored, _)| stored)
        }

        async fn revoke(&self, kid: &str) -> Result<Vec<StoredKey>, ServiceError> {
            let id = kid.parse().unwrap();
            self.context.revoke_key(&id, &self.environment).await
        }
    }

    #[tokio::test]
    async fn a_key_is_published_before_it_signs_and_for_as_long_as_its_tokens_live() {
        let keys = Keys::new().await;
        let token = keys.token(3_600).await;
        let before = keys.published().await;
        let [first, next] = &before[..] else {
            panic!("{before:?}")
        };

        keys.rotate().await.unwrap();

        let after = keys.published().await;
        assert_eq!((&after[0], &after[2]), (next, first));
        assert!(!before.contains(&after[1]), "there is a next key again");
        keys.wait(3_599);
        assert_eq!(keys.verify(&token).await, Ok(()));
        keys.wait(60);
        keys.context
            .remove_keys_that_are_over(&keys.environment)
            .await
            .unwrap();
        assert_eq!(keys.published().await, after);
        keys.wait(1);
        keys.context
            .remove_keys_that_are_over(&keys.environment)
            .await
            .unwrap();
        assert_eq!(keys.published().await, after[..2]);
        assert_eq!(keys.context.stored_keys().await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn a_lifetime_that_no_token_has_any_more_is_remembered() {
        let keys = Keys::new().await;
        for lifetime_s in [60, 86_400, 60] {
            keys.token(lifetime_s).await;
        }

        let stored = keys.rotate().await.unwrap();

        let previous = stored.iter().find(|key| key.key_use == KeyUse::Previous);
        let now = keys.clock.now();
        assert!(!previous.unwrap().is_over(now.plus_seconds(86_400)));
        let current = stored.iter().find(|key| key.key_use == KeyUse::Current);
        assert_eq!(current.unwrap().token_lifetime_s_max, 0);
    }

    #[tokio::test]
    async fn what_was_just_rotated_is_not_rotated_again_until_verifiers_have_the_next_key() {
        let keys = Keys::new().await;
        keys.token(60).await;
        keys.rotate().await.unwrap();
        let published = keys.published().await;

        keys.wait(ROTATION_PAUSE_S - 1);
        let early = keys.rotate().await.unwrap_err();
        assert!(matches!(&early, ServiceError::Conflict(_)), "{early:?}");
        assert_eq!(keys.published().await, published);

        keys.wait(1);
        keys.rotate().await.unwrap();
    }

    #[tokio::test]
    async fn a_next_key_in_place_of_a_revoked_one_waits_until_verifiers_have_it() {
        let keys = Keys::new().await;
        keys.token(60).await;
        let published = keys.published().await;
        keys.revoke(&published[1]).await.unwrap();

        let early = keys.rotate().await.unwrap_err();

        assert!(matches!(&early, ServiceError::Conflict(_)), "{early:?}");
        assert_eq!(keys.published().await[0], published[0]);
        keys.wait(ROTATION_PAUSE_S);
        keys.rotate().await.unwrap();
        // What was current long ago may go without anybody having to wait.
        keys.wait(ROTATION_PAUSE_S);
        keys.revoke(&published[0]).await.unwrap();
        keys.rotate().await.unwrap();
    }

    #[tokio::test]
    async fn keys_that_tokens_need_are_bounded() {
        let keys = Keys::new().await;
        keys.token(60).await;
        for _ in 0..PREVIOUS_MAX {
            keys.token(86_400).await;
            keys.rotate().await.unwrap();
            keys.wait(ROTATION_PAUSE_S);
        }

        let refused = keys.rotate().await.unwrap_err().to_string();
        assert!(refused.contains("revoke one"), "{refused}");

        let oldest = keys.published().await.pop().unwrap();
        keys.revoke(&oldest).await.unwrap();
        keys.rotate().await.unwrap();
    }

    #[tokio::test]
    async fn a_revoked_key_signs_and_verifies_nothing_from_that_moment_on() {
        let keys = Keys::new().await;
        let token = keys.token(3_600).await;
        let published = keys.published().await;

        keys.revoke(&published[0]).await.unwrap();

        assert_eq!(keys.verify(&token).await, Err(VerifyError::UnknownKey));
        let after = keys.published().await;
        assert_eq!(after.len(), 2);
        assert_eq!(after[0], published[1]);
        let token = keys.token(3_600).await;
        assert_eq!(keys.verify(&token).await, Ok(()));
        // At once, though a rotation would have to wait.
        keys.revoke(&after[0]).await.unwrap();
        assert_eq!(keys.verify(&token).await, Err(VerifyError::UnknownKey));
        assert!(keys.revoke("unknown").await.is_err());
    }

    #[tokio::test]
    async fn an_algorithm_that_nothing_was_signed_with_has_nothing_to_rotate() {
        let keys = Keys::new().await;
        let refused = keys.rotate().await.unwrap_err().to_string();
        assert!(
            refused.contains("no signing key for any algorithm"),
            "{refused}"
        );
        keys.token(60).await;
        let only = Some(SigningAlgorithm::EdDSA);
        let refused = keys.context.rotate_keys(only, &keys.environment).await;
        assert!(refused.unwrap_err().to_string().contains("EdDSA"));
    }
}
