//! Which claims get into which token, and what is said of the others.

use serde_json::{Value, json};

use crate::harness::{API, CREDENTIALS_EXCHANGE, POST_LOGIN, TestServer, scripted};

/// Claims that belong to the server or to a standard.
const OWN: [&str; 12] = [
    "iss",
    "sub",
    "aud",
    "iat",
    "exp",
    "nbf",
    "jti",
    "azp",
    "gty",
    "scope",
    "permissions",
    "org_id",
];

fn set_all<const N: usize>(names: [&str; N]) -> Value {
    names
        .map(|name| json!(["access_token", name, "forged"]))
        .to_vec()
        .into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_in_a_reserved_namespace_is_left_out_and_the_report_says_what_to_write_instead() {
    let server = TestServer::start().await;
    let job = server.job().await;
    let names = [
        ("https://acme.auth0.com/role", "auth0.com"),
        ("https://webtask.io/role", "webtask.io"),
        ("https://sub.webtask.run/role", "webtask.run"),
        ("http://localhost/role", "localhost"),
    ];
    let script = set_all(names.map(|(name, _)| name));
    server
        .bind(CREDENTIALS_EXCHANGE, [scripted("borrows-names", script)])
        .await;

    let reply = server.exchange(&job).send().await.expect_token();

    let (claims, execution) = (reply.claims(), server.execution(&reply).await);
    assert_eq!(execution.refused().len(), names.len());
    for (name, domain) in names {
        assert_eq!(claims.get(name), None);
        let refusal = execution.refusal(name);
        assert_eq!(refusal["code"], "reserved_namespace");
        assert_eq!(refusal["action"], "borrows-names");
        assert_eq!(refusal["docs"], "docs/claims.md#reserved_namespace");
        assert!(
            refusal["message"].as_str().unwrap().contains(domain),
            "{refusal}"
        );
        assert!(
            refusal["remedy"]
                .as_str()
                .unwrap()
                .contains("https://<your domain>/role"),
            "{refusal}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_without_namespace_is_refused_unless_the_tenant_allows_private_names() {
    let server = TestServer::start().await;
    let job = server.job().await;
    let script = json!([["access_token", "role", "editor"]]);
    server
        .bind(
            CREDENTIALS_EXCHANGE,
            [scripted("forgets-the-namespace", script)],
        )
        .await;

    let reply = server.exchange(&job).send().await.expect_token();
    assert_eq!(reply.claims().get("role"), None);
    let execution = server.execution(&reply).await;
    assert_eq!(
        execution.refused(),
        [("access_token", "role", "not_namespaced")]
    );

    server
        .settings(json!({"claims": {"private_names": "allow"}}))
        .await;
    let reply = server.exchange(&job).send().await.expect_token();
    assert_eq!(reply.claims()["role"], "editor");
    assert_eq!(server.execution(&reply).await.refused(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_action_can_touch_the_claims_of_the_server_whatever_the_tenant_allows() {
    let server = TestServer::start().await;
    let job = server.job().await;
    let honest = server.exchange(&job).send().await.expect_token().claims();
    server
        .bind(CREDENTIALS_EXCHANGE, [scripted("forges", set_all(OWN))])
        .await;

    for private_names in ["refuse", "allow"] {
        server
            .settings(json!({"claims": {"private_names": private_names}}))
            .await;
        let reply = server.exchange(&job).send().await.expect_token();

        let claims = reply.claims();
        let names = |claims: &Value| {
            claims
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&claims), names(&honest), "{private_names}");
        for name in ["iss", "sub", "aud", "azp", "gty", "scope"] {
            assert_eq!(claims[name], honest[name], "{private_names}");
        }
        let execution = server.execution(&reply).await;
        let expected = OWN.map(|name| ("access_token", name, "reserved_name"));
        assert_eq!(execution.refused(), expected, "{private_names}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_token_carries_the_claims_that_were_set_on_it() {
    let server = TestServer::start().await;
    let (app, ada) = (
        server.app().await,
        server.user("ada@example.com").create().await,
    );
    let script = json!([
        ["access_token", "https://example.com/role", "editor"],
        ["id_token", "https://example.com/role", "editor"],
        ["access_token", "https://example.com/for-apis", 1],
        ["id_token", "https://example.com/for-apps", 2],
    ]);
    server
        .bind(POST_LOGIN, [scripted("sets-both", script)])
        .await;

    let reply = server
        .login(&app, &ada)
        .scope("openid")
        .send()
        .await
        .expect_token();

    let (access_token, id_token) = (reply.claims(), reply.id_claims());
    assert_eq!(access_token["https://example.com/role"], "editor");
    assert_eq!(id_token["https://example.com/role"], "editor");
    assert_eq!(access_token["https://example.com/for-apis"], 1);
    assert_eq!(id_token.get("https://example.com/for-apis"), None);
    assert_eq!(id_token["https://example.com/for-apps"], 2);
    assert_eq!(access_token.get("https://example.com/for-apps"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespaced_claim_needs_no_scope_and_asking_for_one_does_no_harm() {
    let server = TestServer::start().await;
    let (app, ada) = (
        server.app().await,
        server.user("ada@example.com").create().await,
    );
    let script = json!([["id_token", "https://example.com/role", "editor"]]);
    server
        .bind(POST_LOGIN, [scripted("sets-role", script)])
        .await;

    for scope in ["openid", "openid https://example.com/role"] {
        let reply = server
            .login(&app, &ada)
            .scope(scope)
            .send()
            .await
            .expect_token();

        assert_eq!(
            reply.id_claims()["https://example.com/role"],
            "editor",
            "{scope}"
        );
        assert_eq!(reply.body["scope"], "openid", "{scope}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_token_may_carry_claims_of_many_namespaces() {
    let server = TestServer::start().await;
    let job = server.job().await;
    let names = [
        "https://example.com/role",
        "http://example.com/role",
        "https://api.example.com/role",
        "https://acme.example/claims/role",
        "https://acme.example:8443/role",
        "https://notauth0.com/role",
        "https://app.localhost/role",
        "urn:acme:role",
        "urn:example:role",
    ];
    let script = names.map(|name| json!(["access_token", name, name]));
    server
        .bind(CREDENTIALS_EXCHANGE, [scripted("many", json!(script))])
        .await;

    let reply = server.exchange(&job).send().await.expect_token();

    let claims = reply.claims();
    for name in names {
        assert_eq!(claims[name], name);
    }
    assert_eq!(server.execution(&reply).await.refused(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_writes_of_one_claim_the_last_admitted_one_wins() {
    let server = TestServer::start().await;
    let job = server.job().await;
    let name = "https://example.com/role";
    let too_deep = (0..40).fold(json!(0), |inner, _| json!([inner]));
    server
        .bind(
            CREDENTIALS_EXCHANGE,
            [
                scripted("first", json!([["access_token", name, "first"]])),
                scripted(
                    "second",
                    json!([
                        ["access_token", name, "second"],
                        ["access_token", name, too_deep]
                    ]),
                ),
            ],
        )
        .await;

    let reply = server.exchange(&job).send().await.expect_token();

    assert_eq!(reply.claims()[name], "second");
    let execution = server.execution(&reply).await;
    assert_eq!(
        execution.refused(),
        [("access_token", name, "value_too_deep")]
    );
    assert_eq!(
        execution.admitted(),
        [("access_token", name, &json!("second"))]
    );
    assert_eq!(execution.0["claims"]["admitted"][0]["action"], "second");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_may_want_no_token_when_a_claim_is_refused() {
    let server = TestServer::start().await;
    let job = server.job().await;
    let script = json!([
        ["access_token", "https://example.com/role", "editor"],
        ["access_token", "role", "editor"],
    ]);
    server
        .bind(CREDENTIALS_EXCHANGE, [scripted("careless", script)])
        .await;
    // Also for the Management API, so no more can be asked of that afterwards.
    server
        .settings(json!({"claims": {"on_refusal": "fail"}}))
        .await;

    let reply = server.exchange(&job).audience(API).send().await;

    let description = reply.expect_error(400, "access_denied");
    assert!(description.contains(reply.execution_id()), "{description}");
    let execution = server.execution(&reply).await;
    assert_eq!(execution.0["outcome"], "claim_refused");
    assert_eq!(
        execution.refused(),
        [("access_token", "role", "not_namespaced")]
    );
    assert_eq!(execution.admitted(), []);
}
