//! One client credentials exchange, as the service would hand it to the engine.

use std::{fs, path::Path, sync::Arc};

use anyhow::{Context, Result, anyhow, bail};
use claimsmith_claims::{Policy, ReservedNamespaces, TokenContext};
use claimsmith_model::{
    ClaimSettings, Event, EventClient, EventRequest, EventResourceServer, EventTenant,
    EventTransaction, Timestamp, TokenKind, Trigger,
};
use claimsmith_runtime::{
    ActionCache, ActionEngine, CompiledAction, Invocation, Limits, Outcome, Share,
};
use serde_json::json;

/// The claim that the measured Action sets.
const CLAIM: &str = "https://example.com/department";

/// Its value, made of the client's name and its metadata.
const VALUE: &str = "job of finance";

/// The name of the tenant, and of its share of the engine's places.
pub(crate) const TENANT: &str = "bench";

/// What an execution is made from.
pub(crate) struct Workload {
    policy: Arc<Policy>,
    event: Arc<Event>,
    scopes: Arc<[String]>,
    cache: Arc<ActionCache>,
}

impl Workload {
    pub(crate) fn new() -> Self {
        let event = Event {
            tenant: EventTenant {
                id: TENANT.to_owned(),
            },
            client: EventClient {
                client_id: "job".to_owned(),
                name: "job".to_owned(),
                metadata: [("department".to_owned(), "finance".to_owned())].into(),
            },
            request: EventRequest {
                ip: "127.0.0.1".to_owned(),
                method: "POST".to_owned(),
                hostname: Some("bench.example.com".to_owned()),
                body: json!({
                    "grant_type": "client_credentials",
                    "audience": "https://api.example.com/",
                })
                .as_object()
                .cloned()
                .unwrap_or_default(),
                ..EventRequest::default()
            },
            resource_server: Some(EventResourceServer {
                identifier: "https://api.example.com/".to_owned(),
            }),
            transaction: EventTransaction {
                target_scopes: vec!["read:reports".to_owned()],
                ..EventTransaction::default()
            },
            ..Event::default()
        };
        Self {
            policy: Arc::new(Policy::new(
                ClaimSettings::default(),
                &["bench.example.com".to_owned()],
                &ReservedNamespaces::default(),
            )),
            event: Arc::new(event),
            scopes: Arc::new(["read:reports".to_owned()]),
            cache: Arc::new(ActionCache::default()),
        }
    }

    /// One execution to be made.
    pub(crate) fn invocation(&self) -> Invocation {
        let ledger = |kind| {
            self.policy.ledger(TokenContext {
                kind,
                server_claims: Arc::new(["iss", "sub", "aud", "iat", "exp", "azp", "scope", "gty"]),
                own_api: false,
                scopes: Arc::clone(&self.scopes),
            })
        };
        Invocation {
            trigger: Trigger::CredentialsExchange,
            action: Arc::from("two-fields"),
            event: Arc::clone(&self.event),
            access_token: ledger(TokenKind::AccessToken),
            id_token: ledger(TokenKind::IdToken),
            grant_scopes: Arc::clone(&self.scopes),
            secrets: Arc::new([]),
            allowed_hosts: Arc::default(),
            cache: Arc::clone(&self.cache),
            started_at: Timestamp::from_millis(1_790_000_000_000),
            seed: 7,
            limits: Limits::default(),
        }
    }
}

/// Whose executions these are.
pub(crate) fn share() -> Share {
    Share {
        name: Arc::from(TENANT),
        places_max: 32,
    }
}

/// Fails unless the Action has set its claim: what went wrong is fast.
pub(crate) fn check(outcome: &Outcome) -> Result<()> {
    match (&outcome.fault, outcome.access_token.get(CLAIM)) {
        (None, Some(value)) if value == VALUE => Ok(()),
        (Some(fault), _) => bail!("the Action failed: {}", fault.message),
        (None, value) => bail!("the Action set {CLAIM} to {value:?}, not to {VALUE}"),
    }
}

/// The module in that file.
pub(crate) fn read(module: &Path) -> Result<Arc<[u8]>> {
    let bytes = fs::read(module).with_context(|| format!("reading {}", module.display()))?;
    Ok(Arc::from(bytes))
}

/// The module, compiled and proven.
pub(crate) async fn compiled(engine: &ActionEngine, module: Arc<[u8]>) -> Result<CompiledAction> {
    let checked = engine.check(&share(), module).await;
    checked.map_err(|error| anyhow!("the module is refused: {error:?}"))
}

/// The same module as other bytes: with a custom section (WebAssembly core 2.0, section
/// 5.5.3) that holds the number.
pub(crate) fn variant(module: &[u8], number: u64) -> Arc<[u8]> {
    const NAME: &[u8] = b"variant";
    const SIZE: u8 = 1 + 7 + 8;
    [module, &[0, SIZE, 7], NAME, &number.to_le_bytes()]
        .concat()
        .into()
}
