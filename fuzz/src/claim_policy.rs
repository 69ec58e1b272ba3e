//! Claims that an Action offers for a token.

use std::sync::Arc;

use claimsmith_claims::{
    CLAIMS_BYTES_MAX, CLAIMS_MAX, NAME_BYTES_MAX, Policy, ReservedNamespaces, TokenContext,
};
use claimsmith_model::{ClaimSettings, JsonObject, PrivateNames, TokenKind};

/// The claims that the server writes into the token.
const SERVER_CLAIMS: [&str; 5] = ["iss", "sub", "aud", "iat", "exp"];

/// Any claims: each is admitted or refused with a reason and a remedy, and the token never
/// has more, larger or other claims than the policy says.
///
/// The first byte chooses the settings. The rest are lines of UTF-8: a name, a tab, and a
/// value as JSON.
///
/// # Panics
/// When that doesn't hold.
pub fn claim_policy(bytes: &[u8]) {
    let Some((settings, lines)) = bytes.split_first() else {
        return;
    };
    let policy = Policy::new(
        ClaimSettings {
            private_names: if settings & 1 == 0 {
                PrivateNames::Refuse
            } else {
                PrivateNames::Allow
            },
            ..ClaimSettings::default()
        },
        &["login.example.com".to_owned()],
        &ReservedNamespaces::default(),
    );
    let mut ledger = Arc::new(policy).ledger(TokenContext {
        kind: if settings & 2 == 0 {
            TokenKind::AccessToken
        } else {
            TokenKind::IdToken
        },
        server_claims: Arc::new(SERVER_CLAIMS),
        own_api: settings & 4 != 0,
        scopes: Arc::new(["email".to_owned()]),
    });
    for line in String::from_utf8_lossy(lines).lines() {
        let (name, value) = line.split_once('\t').unwrap_or((line, "null"));
        if let Err(refusal) = ledger.offer_json("fuzz", name, value) {
            assert!(!refusal.message.is_empty() && !refusal.remedy.is_empty());
            assert!(refusal.message.len() < 4_000, "{}", refusal.message);
        }
        assert!(ledger.bytes() <= CLAIMS_BYTES_MAX);
    }

    let admitted = ledger.names().count();
    let server: JsonObject = SERVER_CLAIMS
        .iter()
        .map(|name| ((*name).to_owned(), "the server's".into()))
        .collect();
    let (claims, refused) = ledger.seal(server);

    assert!(refused.is_empty(), "what was admitted stays: {refused:?}");
    assert_eq!(claims.custom().len(), admitted);
    assert!(admitted <= CLAIMS_MAX);
    for name in claims.custom().keys() {
        assert!(name.len() <= NAME_BYTES_MAX);
        assert!(!SERVER_CLAIMS.contains(&name.to_ascii_lowercase().as_str()));
    }
    let token = serde_json::to_string(claims.custom()).expect("claims are JSON");
    assert!(token.len() <= CLAIMS_BYTES_MAX + 2 * admitted + 1);
}
