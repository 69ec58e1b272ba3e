//! What a signature takes, and what signing a whole token takes.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow};
use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use claimsmith_claims::{Policy, ReservedNamespaces, SealedClaims, TokenContext};
use claimsmith_keys::{KeySet, TokenType, generate};
use claimsmith_model::{ClaimSettings, SigningAlgorithm, Timestamp, TokenKind};
use serde_json::{Value, json};

use crate::clock::thread_cpu_ns;

/// The bytes that a token's signature is over, header and claims in Base64, roughly.
const SIGNED_BYTES: usize = 600;

/// Signs for so long with so many threads at once, and answers the processor time of one
/// signature.
///
/// As many threads as the server has processors, and processor time rather than time,
/// because the figures are set against the server's under load: two hardware threads of a
/// core each get slower when both work.
pub(crate) fn measure(threads: usize, milliseconds: u64) -> Result<Value> {
    let duration = Duration::from_millis(milliseconds);
    let random = SystemRandom::new();
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| anyhow!("no RSA key"))?;
    let p256 = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
        .map_err(|_| anyhow!("no P-256 key"))?;
    let message = [b'x'; SIGNED_BYTES];

    let raw_rs256 = cpu_ns_of_one(threads, duration, || {
        let mut signature = vec![0; rsa.public_modulus_len()];
        rsa.sign(&RSA_PKCS1_SHA256, &random, &message, &mut signature)
            .map_err(|_| anyhow!("RSA can't sign"))
    })?;
    let raw_es256 = cpu_ns_of_one(threads, duration, || {
        let signed = p256.sign(&random, &message);
        signed.map(drop).map_err(|_| anyhow!("P-256 can't sign"))
    })?;

    let now = Timestamp::from_millis(1_790_000_000_000);
    let stored = [
        generate(SigningAlgorithm::RS256, now)?,
        generate(SigningAlgorithm::ES256, now)?,
    ];
    let keys = KeySet::from_stored(&stored)?;
    let claims = claims();
    let token = |algorithm| {
        cpu_ns_of_one(threads, duration, || {
            let token = keys.sign(algorithm, TokenType::Jwt, &claims)?;
            std::hint::black_box(token);
            Ok(())
        })
    };
    Ok(json!({
        "raw_rs256_cpu_ns": raw_rs256,
        "raw_es256_cpu_ns": raw_es256,
        "token_rs256_cpu_ns": token(SigningAlgorithm::RS256)?,
        "token_es256_cpu_ns": token(SigningAlgorithm::ES256)?,
    }))
}

/// Processor time of one call in nanoseconds, with every thread calling for `duration`.
fn cpu_ns_of_one(
    threads: usize,
    duration: Duration,
    call: impl Fn() -> Result<()> + Sync,
) -> Result<u64> {
    let one_thread = || -> Result<(u64, u64)> {
        call()?;
        let (started, before) = (Instant::now(), thread_cpu_ns()?);
        let mut calls = 0;
        while started.elapsed() < duration {
            for _ in 0..16 {
                call()?;
            }
            calls += 16;
        }
        Ok((calls, thread_cpu_ns()?.saturating_sub(before)))
    };
    let counted = thread::scope(|scope| {
        let started: Vec<_> = (0..threads).map(|_| scope.spawn(one_thread)).collect();
        let ended = started.into_iter().map(|thread| match thread.join() {
            Ok(counted) => counted,
            Err(_) => Err(anyhow!("a thread panicked")),
        });
        ended.collect::<Result<Vec<_>>>()
    })?;
    let calls: u64 = counted.iter().map(|(calls, _)| calls).sum();
    let cpu: u64 = counted.iter().map(|(_, cpu)| cpu).sum();
    cpu.checked_div(calls).context("nothing was signed")
}

/// The claims of a client credentials token with one claim of an Action.
pub(crate) fn claims() -> SealedClaims {
    let policy = Policy::new(
        ClaimSettings::default(),
        &[],
        &ReservedNamespaces::default(),
    );
    let mut ledger = Arc::new(policy).ledger(TokenContext {
        kind: TokenKind::AccessToken,
        server_claims: Arc::new([
            "iss", "sub", "aud", "iat", "exp", "azp", "scope", "gty", "jti",
        ]),
        own_api: false,
        scopes: Arc::new([]),
    });
    // It is admitted, or the token has a claim less, which changes nothing of note.
    let _ = ledger.offer(
        "two-fields",
        "https://example.com/department",
        &json!("job of finance"),
    );
    let server_claims = json!({
        "iss": "http://bench.example.com/",
        "sub": "XtaJ3Fq8ZbQeVn0cK1pWm5sR7yLd2uGh@clients",
        "aud": "https://api.example.com/",
        "iat": 1_790_000_000,
        "exp": 1_790_086_400,
        "azp": "XtaJ3Fq8ZbQeVn0cK1pWm5sR7yLd2uGh",
        "scope": "read:reports",
        "gty": "client-credentials",
        "jti": "b1946ac92492d2347c6235b4d2611184",
    });
    let (sealed, _) = ledger.seal(server_claims.as_object().cloned().unwrap_or_default());
    sealed
}
