//! Tokens that go through the browser.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::harness::{
    API, Client, POST_LOGIN, TestServer,
    browser::{Authorize, CALLBACK, Callback, Page, record, redeem},
    scripted,
    verify::Jwt,
};

/// A client that may have tokens by every way.
async fn app(server: &TestServer) -> Client {
    server
        .client("app")
        .with("app_type", "spa")
        .grant_types(&["authorization_code", "implicit", "refresh_token"])
        .with("callbacks", json!([CALLBACK]))
        .create()
        .await
}

/// The left half of a text's SHA-256 (OpenID Connect Core section 3.1.3.6).
fn half_hash(text: &str) -> Value {
    let hash = digest(&SHA256, text.as_bytes());
    json!(URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16]))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_in_the_browser_gets_both_tokens_in_the_fragment_with_the_claims() {
    let server = TestServer::start().await;
    let (app, ada) = (
        app(&server).await,
        server.user("ada@example.com").create().await,
    );
    let script = json!([
        ["access_token", "https://example.com/role", "admin"],
        ["id_token", "https://example.com/level", 3],
        [
            "echo",
            "/transaction/protocol",
            "https://example.com/protocol"
        ],
    ]);
    server.bind(POST_LOGIN, [scripted("sets", script)]).await;
    let request = Authorize::response_type(&app, "token id_token").with("audience", API);

    let callback = server.browser().log_in(&request, &ada).await;

    let location = callback.answer.header("location");
    assert!(location.starts_with(&format!("{CALLBACK}#")), "{location}");
    assert_eq!(callback.get("token_type"), "Bearer");
    assert_eq!(callback.get("expires_in"), "86400");
    assert_eq!(callback.get("state"), "the-state");
    assert_eq!(callback.get("code"), "");
    let jwks = server.jwks().await;
    let [access, id] =
        ["access_token", "id_token"].map(|name| Jwt::parse(callback.get(name)).unwrap());
    for jwt in [&access, &id] {
        assert!(jwt.is_signed_by(&jwks));
        assert_eq!(jwt.claims["sub"], ada.id);
    }
    assert_eq!(access.claims["https://example.com/role"], "admin");
    assert_eq!(
        access.claims["https://example.com/protocol"],
        "oidc-implicit-profile"
    );
    assert_eq!(id.claims["https://example.com/level"], 3);
    assert_eq!(id.claims["nonce"], "the-nonce");
    let access_token = callback.get("access_token");
    assert_eq!(id.claims["at_hash"], half_hash(access_token));
    assert_eq!(id.claims.get("c_hash"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scope_is_told_unless_none_was_asked_for_and_none_granted() {
    let server = TestServer::start().await;
    let (app, ada) = (
        app(&server).await,
        server.user("ada@example.com").create().await,
    );
    let request = Authorize::response_type(&app, "token").with("audience", API);
    let scope = async |request: &Authorize| {
        let callback = server.browser().log_in(request, &ada).await;
        assert!(!callback.get("access_token").is_empty());
        callback.parameters.get("scope").cloned()
    };

    let asked = request.clone().with("scope", "openid unknown");
    assert_eq!(scope(&asked).await.as_deref(), Some("openid"));
    // Leaving it out would say that it is what was asked for.
    let unknown = request.clone().with("scope", "unknown");
    assert_eq!(scope(&unknown).await.as_deref(), Some(""));
    assert_eq!(scope(&request.without("scope")).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_record_lists_the_claims_of_those_tokens_alone_that_were_given() {
    let server = TestServer::start().await;
    let (app, ada) = (
        app(&server).await,
        server.user("ada@example.com").create().await,
    );
    let script = json!([
        ["access_token", "https://example.com/role", "admin"],
        ["id_token", "https://example.com/level", 3],
    ]);
    server.bind(POST_LOGIN, [scripted("sets", script)]).await;
    let both = ["access_token", "id_token"];
    for (response_type, given) in [
        ("token", &both[..1]),
        ("id_token", &both[1..]),
        ("id_token token", &both),
        ("code", &both),
        ("code id_token", &both),
    ] {
        let request = Authorize::response_type(&app, response_type).with("audience", API);
        let callback = server.browser().log_in(&request, &ada).await;

        let record = record(&server, &callback.answer).await;

        let admitted = record["claims"]["admitted"].as_array().unwrap();
        let tokens: Vec<_> = admitted.iter().map(|it| it["token"].as_str()).collect();
        let given: Vec<_> = given.iter().copied().map(Some).collect();
        assert_eq!(tokens, given, "{response_type}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_response_type_gives_what_its_words_say_and_hashes_that_tie_it_together() {
    let server = TestServer::start().await;
    let (app, ada) = (
        app(&server).await,
        server.user("ada@example.com").create().await,
    );
    let script = json!([[
        "echo",
        "/transaction/protocol",
        "https://example.com/protocol"
    ]]);
    server.bind(POST_LOGIN, [scripted("shows", script)]).await;
    let browser = server.browser();
    browser.log_in(&Authorize::code(&app), &ada).await;

    for (response_type, protocol) in [
        ("id_token", "oidc-implicit-profile"),
        ("token", "oidc-implicit-profile"),
        ("id_token token", "oidc-implicit-profile"),
        ("code id_token", "oidc-hybrid-profile"),
        ("code token", "oidc-hybrid-profile"),
        ("code id_token token", "oidc-hybrid-profile"),
    ] {
        let request = Authorize::response_type(&app, response_type).with("audience", API);
        let callback = browser.callback(&request).await;

        let words: Vec<&str> = response_type.split(' ').collect();
        for (word, parameter) in [
            ("code", "code"),
            ("token", "access_token"),
            ("id_token", "id_token"),
        ] {
            let is_there = !callback.get(parameter).is_empty();
            assert_eq!(is_there, words.contains(&word), "{response_type}");
        }
        if words.contains(&"token") {
            let claims = Jwt::parse(callback.get("access_token")).unwrap().claims;
            assert_eq!(claims["https://example.com/protocol"], protocol);
        }
        if words.contains(&"id_token") {
            let claims = Jwt::parse(callback.get("id_token")).unwrap().claims;
            let expected: BTreeMap<&str, Option<Value>> = [
                ("at_hash", callback.get("access_token")),
                ("c_hash", callback.get("code")),
            ]
            .into_iter()
            .map(|(name, text)| (name, (!text.is_empty()).then(|| half_hash(text))))
            .collect();
            for (name, hash) in expected {
                assert_eq!(claims.get(name), hash.as_ref(), "{response_type}");
            }
        }
        if words.contains(&"code") {
            let reply = redeem(&server, &app, callback.code()).await.expect_token();
            let claims = reply.claims();
            assert_eq!(claims["https://example.com/protocol"], protocol);
            assert_eq!(reply.id_claims()["nonce"], "the-nonce");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_action_can_set_the_hashes() {
    let server = TestServer::start().await;
    let (app, ada) = (
        app(&server).await,
        server.user("ada@example.com").create().await,
    );
    let script = json!([["id_token", "at_hash", "x"], ["id_token", "c_hash", "x"]]);
    server.bind(POST_LOGIN, [scripted("forges", script)]).await;

    let request = Authorize::response_type(&app, "id_token");
    let callback = server.browser().log_in(&request, &ada).await;

    let claims = Jwt::parse(callback.get("id_token")).unwrap().claims;
    assert_eq!(claims.get("at_hash"), None);
    assert_eq!(claims.get("c_hash"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_through_the_browser_are_off_by_default() {
    let server = TestServer::start().await;
    let spa = server.spa().await;
    for response_type in ["token", "id_token", "code token"] {
        let request = Authorize::response_type(&spa, response_type);
        let callback = server.browser().callback(&request).await;
        callback.expect_error("unauthorized_client");
        assert!(callback.answer.header("location").contains('#'));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_token_needs_a_nonce_and_openid_and_no_token_goes_into_a_query() {
    let server = TestServer::start().await;
    let app = app(&server).await;
    let browser = server.browser();
    for response_type in ["id_token", "id_token token", "code id_token"] {
        let request = Authorize::response_type(&app, response_type);
        for (wrong, part) in [
            (request.clone().without("nonce"), "nonce"),
            (request.clone().with("scope", "email"), "openid"),
            (request.clone().with("response_mode", "query"), "query"),
        ] {
            let callback = browser.callback(&wrong).await;
            let text = callback.expect_error("invalid_request");
            assert!(text.contains(part), "{text}");
        }
        browser.page(&request).await.expect_login();
    }
    // Where no ID token goes through the browser, no nonce is needed.
    let request = Authorize::response_type(&app, "code token").without("nonce");
    browser.page(&request).await.expect_login();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_code_leads_to_a_refresh_token() {
    let server = TestServer::start_empty().await;
    let api = server.api(API).with("allow_offline_access", true);
    api.create().await;
    let (app, ada) = (
        app(&server).await,
        server.user("ada@example.com").create().await,
    );
    let browser = server.browser();
    let request = |response_type| {
        Authorize::response_type(&app, response_type)
            .with("audience", API)
            .with("scope", "openid offline_access")
    };

    let implicit = browser.log_in(&request("token"), &ada).await;
    assert_eq!(implicit.get("scope"), "openid");
    let hybrid = browser.callback(&request("code token")).await;
    assert_eq!(hybrid.get("refresh_token"), "");
    let reply = redeem(&server, &app, hybrid.code()).await.expect_token();
    assert!(reply.body["refresh_token"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_audience_the_token_in_the_fragment_is_opaque_and_good_for_userinfo() {
    let server = TestServer::start().await;
    let (app, ada) = (
        app(&server).await,
        server.user("ada@example.com").create().await,
    );
    let script = json!([["id_token", "https://example.com/level", 3]]);
    server.bind(POST_LOGIN, [scripted("sets", script)]).await;
    let request = Authorize::response_type(&app, "id_token token");

    let callback = server.browser().log_in(&request, &ada).await;

    let access_token = callback.get("access_token");
    assert!(Jwt::parse(access_token).is_none());
    let info = server.userinfo(access_token).await.expect(200);
    assert_eq!(info["sub"], ada.id);
    assert_eq!(info["https://example.com/level"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_come_by_form_and_by_web_message_to_the_redirect_uris_origin_alone() {
    let server = TestServer::start().await;
    let (app, ada) = (
        app(&server).await,
        server.user("ada@example.com").create().await,
    );
    let browser = server.browser();
    browser.log_in(&Authorize::code(&app), &ada).await;
    let request =
        |mode: &str| Authorize::response_type(&app, "id_token token").with("response_mode", mode);

    let form = Page::of(browser.open(&request("form_post").path()).await);
    assert_eq!(form.action, CALLBACK);
    let sent: BTreeMap<_, _> = form.hidden.iter().cloned().collect();
    assert!(sent.contains_key("access_token") && sent.contains_key("id_token"));
    assert_eq!(
        (&*sent["state"], &*sent["iss"]),
        ("the-state", &*server.issuer)
    );
    assert_eq!(form.answer.header("x-frame-options"), "DENY");

    let message = browser.open(&request("web_message").path()).await;
    assert!(
        message
            .text
            .contains("data-origin=\"https://app.example.com\"")
    );
    let policy = message.header("content-security-policy");
    assert!(
        policy.contains("frame-ancestors https://app.example.com"),
        "{policy}"
    );
    assert_eq!(message.header("x-frame-options"), "");
    assert_eq!(message.header("cache-control"), "no-store");
    Callback::of(browser.open(&request("fragment").path()).await);
}
