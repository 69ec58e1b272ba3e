//! The policy's rules, one claim about behaviour each.

use std::sync::Arc;

use claimsmith_claims::{
    CLAIMS_BYTES_MAX, CLAIMS_MAX, Ledger, NAME_BYTES_MAX, Policy, ReservedNamespaces, TokenContext,
};
use claimsmith_model::{ClaimSettings, JsonObject, OnRefusal, PrivateNames, TokenKind};
use serde_json::{Value, json};

const ACTION: &str = "add-role";

fn policy(private_names: PrivateNames) -> Arc<Policy> {
    let settings = ClaimSettings {
        private_names,
        on_refusal: OnRefusal::Drop,
    };
    let issuer_hosts = ["login.example.com".to_owned()];
    Arc::new(Policy::new(
        settings,
        &issuer_hosts,
        &ReservedNamespaces::default(),
    ))
}

fn access_token() -> TokenContext {
    TokenContext {
        kind: TokenKind::AccessToken,
        server_claims: Arc::new(["iss", "sub", "aud", "iat", "exp", "tenant"]),
        own_api: false,
        scopes: Arc::new([]),
    }
}

fn refusing() -> Ledger {
    policy(PrivateNames::Refuse).ledger(access_token())
}

fn allowing() -> Ledger {
    policy(PrivateNames::Allow).ledger(access_token())
}

/// `ok`, or the code of the refusal.
fn verdict(mut ledger: Ledger, name: &str) -> String {
    match ledger.offer(ACTION, name, &json!(1)) {
        Ok(()) => "ok".to_owned(),
        Err(refusal) => refusal.code,
    }
}

/// A claim's value that makes the claim take exactly so many bytes.
fn filling(name: &str, claim_bytes: usize) -> Value {
    // Two quotes around the name, two around the text.
    Value::String("x".repeat(claim_bytes - name.len() - 4))
}

#[test]
fn each_kind_of_name_gets_its_verdict_in_both_settings() {
    for (name, refusing_says, allowing_says) in [
        ("https://example.com/role", "ok", "ok"),
        ("http://example.com/role", "ok", "ok"),
        ("urn:example:role", "ok", "ok"),
        ("https://my.login.example.com/role", "ok", "ok"),
        (
            "https://acme.auth0.com/role",
            "reserved_namespace",
            "reserved_namespace",
        ),
        (
            "https://webtask.io/role",
            "reserved_namespace",
            "reserved_namespace",
        ),
        (
            "https://x.webtask.run/role",
            "reserved_namespace",
            "reserved_namespace",
        ),
        (
            "https://login.example.com/role",
            "reserved_namespace",
            "reserved_namespace",
        ),
        ("urn:auth0:role", "reserved_namespace", "reserved_namespace"),
        (
            "https://a@example.com/role",
            "malformed_namespace",
            "malformed_namespace",
        ),
        ("https:role", "malformed_namespace", "malformed_namespace"),
        ("urn:role", "malformed_namespace", "malformed_namespace"),
        ("role", "not_namespaced", "ok"),
        ("größe", "not_namespaced", "ok"),
        ("/role", "not_namespaced", "ok"),
        ("ftp://example.com/role", "not_namespaced", "ok"),
        ("com.example/role", "not_namespaced", "ok"),
        ("auth0.com/role", "not_namespaced", "reserved_namespace"),
        ("sub", "reserved_name", "reserved_name"),
        ("SUB", "reserved_name", "reserved_name"),
        ("ｓｕｂ", "reserved_name", "reserved_name"),
        ("scope", "reserved_name", "reserved_name"),
        ("permissions", "reserved_name", "reserved_name"),
        ("x5t#S256", "reserved_name", "reserved_name"),
        ("tenant", "reserved_name", "reserved_name"),
        ("Tenant", "reserved_name", "reserved_name"),
        ("email", "not_namespaced", "scope_required"),
        ("", "invalid_name", "invalid_name"),
        (" sub", "invalid_name", "invalid_name"),
        ("sub\t", "invalid_name", "invalid_name"),
        ("su\u{200b}b", "invalid_name", "invalid_name"),
        ("https://example.com/a b", "invalid_name", "invalid_name"),
        ("https://auth0.com\n/role", "invalid_name", "invalid_name"),
    ] {
        assert_eq!(
            verdict(refusing(), name),
            refusing_says,
            "{name:?} where refused"
        );
        assert_eq!(
            verdict(allowing(), name),
            allowing_says,
            "{name:?} where allowed"
        );
    }
}

#[test]
fn all_sixty_restricted_names_and_scope_are_refused_in_both_settings() {
    let names = "acr act active amr at_hash ath attest aud auth_time authorization_details azp \
        c_hash client_id cnf cty dest entitlements events exp groups gty htm htu iat \
        internalService iss jcard jku jti jwe jwk kid may_act mky nbf nonce object_id org_id \
        org_name orig origid permissions roles rph s_hash sid sip_callid sip_cseq_num sip_date \
        sip_from_tag sip_via_branch sub sub_jwk toe txn typ uuid vot vtm x5t#S256";
    let names: Vec<&str> = names.split_whitespace().collect();
    assert_eq!(names.len(), 60);

    for name in names.into_iter().chain(["scope"]) {
        assert_eq!(verdict(refusing(), name), "reserved_name", "{name}");
        assert_eq!(verdict(allowing(), name), "reserved_name", "{name}");
    }
}

#[test]
fn a_refusal_says_what_is_wrong_and_what_to_write_instead() {
    let reserved = refusing()
        .offer(ACTION, "https://acme.auth0.com/role", &json!(1))
        .unwrap_err();
    assert_eq!(
        reserved.message,
        "`https://acme.auth0.com/role` is in the reserved domain auth0.com"
    );
    assert_eq!(
        reserved.remedy,
        "use a namespace of your own, such as https://<your domain>/role"
    );

    let private = refusing().offer(ACTION, "role", &json!(1)).unwrap_err();
    assert!(
        private.message.starts_with("`role` has no namespace"),
        "{}",
        private.message
    );
    assert!(
        private
            .remedy
            .starts_with("write https://<your domain>/role, or set claims.private_names to allow"),
        "{}",
        private.remedy
    );
}

#[test]
fn a_profile_claim_is_admitted_only_with_its_scope() {
    let ledger = |scopes: &[&str]| {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        policy(PrivateNames::Allow).ledger(TokenContext {
            scopes,
            ..access_token()
        })
    };

    assert_eq!(
        verdict(ledger(&["openid", "email"]), "email_verified"),
        "ok"
    );
    assert_eq!(
        verdict(ledger(&["openid", "email"]), "nickname"),
        "scope_required"
    );
    assert_eq!(verdict(ledger(&["profile"]), "nickname"), "ok");
    assert_eq!(verdict(ledger(&["phone"]), "phone_number"), "ok");
    assert_eq!(verdict(ledger(&["address"]), "address"), "ok");
    assert_eq!(verdict(ledger(&[]), "Email"), "scope_required");
}

#[test]
fn a_profile_claim_that_the_server_writes_is_refused_even_with_its_scope() {
    let ledger = policy(PrivateNames::Allow).ledger(TokenContext {
        kind: TokenKind::IdToken,
        server_claims: Arc::new(["iss", "email"]),
        scopes: Arc::new(["email".to_owned()]),
        own_api: false,
    });

    assert_eq!(verdict(ledger.clone(), "email"), "reserved_name");
    assert_eq!(verdict(ledger, "email_verified"), "ok");
}

#[test]
fn the_servers_own_apis_take_namespaced_names_only() {
    let ledger = policy(PrivateNames::Allow).ledger(TokenContext {
        own_api: true,
        ..access_token()
    });

    assert_eq!(verdict(ledger.clone(), "role"), "not_namespaced");
    assert_eq!(verdict(ledger, "https://example.com/role"), "ok");
}

#[test]
fn the_last_admitted_write_wins() {
    let mut ledger = refusing();
    let name = "https://example.com/role";

    ledger.offer("first", name, &json!("a")).unwrap();
    ledger.offer_json("second", name, "\"b\"").unwrap();
    ledger.offer_json("third", name, "not JSON").unwrap_err();

    assert_eq!(ledger.get(name), Some(&json!("b")));
    let admitted: Vec<_> = ledger
        .admitted()
        .map(|claim| (claim.name, claim.action))
        .collect();
    assert_eq!(admitted, [(name, "second")]);
}

#[test]
fn a_name_may_be_as_long_as_the_limit_and_no_longer() {
    let name = |bytes: usize| format!("https://example.com/{}", "x".repeat(bytes - 20));

    assert_eq!(verdict(refusing(), &name(NAME_BYTES_MAX)), "ok");
    assert_eq!(
        verdict(refusing(), &name(NAME_BYTES_MAX + 1)),
        "name_too_long"
    );
    assert_eq!(verdict(refusing(), &name(1_000_000)), "name_too_long");
}

#[test]
fn the_claim_that_crosses_the_size_limit_is_refused_and_not_those_before_it() {
    let mut ledger = refusing();
    let (first, second) = ("https://example.com/1", "https://example.com/2");

    ledger
        .offer(ACTION, first, &filling(first, CLAIMS_BYTES_MAX - 100))
        .unwrap();
    let refusal = ledger
        .offer(ACTION, second, &filling(second, 101))
        .unwrap_err();
    assert_eq!(refusal.code, "token_too_large");
    assert_eq!(ledger.names().collect::<Vec<_>>(), [first]);

    ledger.offer(ACTION, second, &filling(second, 100)).unwrap();
    assert_eq!(ledger.bytes(), CLAIMS_BYTES_MAX);
    assert_eq!(ledger.seal(JsonObject::new()).1, []);
}

#[test]
fn replacing_a_claim_frees_what_it_took() {
    let mut ledger = refusing();
    let name = "https://example.com/1";

    ledger
        .offer(ACTION, name, &filling(name, CLAIMS_BYTES_MAX))
        .unwrap();
    ledger
        .offer(ACTION, name, &filling(name, CLAIMS_BYTES_MAX))
        .unwrap();
    ledger
        .offer(ACTION, name, &filling(name, CLAIMS_BYTES_MAX + 1))
        .unwrap_err();
    assert_eq!(ledger.bytes(), CLAIMS_BYTES_MAX);

    ledger.offer(ACTION, name, &filling(name, 100)).unwrap();
    assert_eq!(ledger.bytes(), 100);
}

#[test]
fn a_token_takes_so_many_claims_and_no_more_but_those_can_be_replaced() {
    let mut ledger = refusing();
    for number in 0..CLAIMS_MAX {
        ledger
            .offer(ACTION, &format!("https://example.com/{number}"), &json!(1))
            .unwrap();
    }

    let refusal = ledger
        .offer(ACTION, "https://example.com/more", &json!(1))
        .unwrap_err();
    assert_eq!(refusal.code, "too_many_claims");
    ledger
        .offer(ACTION, "https://example.com/0", &json!(2))
        .unwrap();
    assert_eq!(ledger.names().count(), CLAIMS_MAX);
}

#[test]
fn sealing_refuses_what_the_server_turns_out_to_write() {
    let mut ledger = allowing();
    ledger.offer("first", "plan", &json!("free")).unwrap();
    ledger
        .offer("second", "https://example.com/role", &json!("admin"))
        .unwrap();
    let mut server_claims = JsonObject::new();
    server_claims.insert("sub".to_owned(), json!("auth0|1"));
    server_claims.insert("Plan".to_owned(), json!("paid"));

    let (claims, refused) = ledger.seal(server_claims);

    assert_eq!(
        serde_json::to_string(&claims).unwrap(),
        r#"{"sub":"auth0|1","Plan":"paid","https://example.com/role":"admin"}"#
    );
    let refused: Vec<_> = refused
        .iter()
        .map(|claim| {
            (
                claim.claim.as_str(),
                claim.action.as_str(),
                claim.refusal.code.as_str(),
            )
        })
        .collect();
    assert_eq!(refused, [("plan", "first", "reserved_name")]);
}

#[test]
fn the_report_of_admitted_claims_leaves_out_long_values() {
    let mut ledger = refusing();
    ledger
        .offer(ACTION, "https://example.com/a", &json!("x".repeat(1_022)))
        .unwrap();
    ledger
        .offer(ACTION, "https://example.com/b", &json!("x".repeat(1_023)))
        .unwrap();

    let (claims, _) = ledger.seal(JsonObject::new());

    let records: Vec<_> = claims
        .admitted()
        .map(|claim| claim.record(TokenKind::AccessToken))
        .collect();
    assert_eq!(records.len(), 2);
    assert!(records[0].value.is_some());
    assert!(records[1].value.is_none());
    assert_eq!(records[1].action, ACTION);
    assert_eq!(records[1].claim, "https://example.com/b");
}

#[test]
fn a_clone_is_independent_of_its_original() {
    let mut ledger = refusing();
    let mut clone = ledger.clone();

    clone
        .offer(ACTION, "https://example.com/a", &json!(1))
        .unwrap();
    ledger
        .offer(ACTION, "https://example.com/b", &json!(1))
        .unwrap();

    assert_eq!(clone.names().collect::<Vec<_>>(), ["https://example.com/a"]);
    assert_eq!(
        ledger.names().collect::<Vec<_>>(),
        ["https://example.com/b"]
    );
}
