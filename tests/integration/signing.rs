//! How tokens are signed, and who can verify them.

use serde_json::{Value, json};

use crate::harness::{
    API, TestServer,
    verify::{Jwt, forge_hs256, forge_unsigned},
};

const SECRET: &str = "a secret of an API that is at least 32 characters long";

#[tokio::test(flavor = "multi_thread")]
async fn the_key_set_verifies_every_asymmetric_algorithm() {
    let server = TestServer::start_empty().await;
    let job = server
        .client("job")
        .grant_types(&["client_credentials"])
        .create()
        .await;

    for algorithm in ["RS256", "ES256", "EdDSA"] {
        let identifier = format!("https://{algorithm}.example.com/");
        server
            .api(&identifier)
            .with("signing_alg", algorithm)
            .create()
            .await;
        let grant = json!({"client_id": job.id, "audience": identifier, "scope": []});
        server
            .manage("POST", "client-grants", grant)
            .await
            .expect(201);

        // Sending verifies the signature.
        let reply = server
            .exchange(&job)
            .audience(&identifier)
            .send()
            .await
            .expect_token();
        let jwt = reply.access_jwt();
        assert_eq!(jwt.algorithm(), algorithm);
        assert_eq!(jwt.claims["aud"], identifier.as_str());
        assert_eq!(jwt.header["typ"], "JWT");
    }

    let jwks = server.jwks().await;
    let keys = jwks["keys"].as_array().unwrap();
    let mut algorithms: Vec<_> = keys
        .iter()
        .map(|key| key["alg"].as_str().unwrap())
        .collect();
    algorithms.sort_unstable();
    // Each with the key that signs, and the one that will.
    assert_eq!(
        algorithms,
        ["ES256", "ES256", "EdDSA", "EdDSA", "RS256", "RS256"]
    );
    for key in keys {
        assert_eq!(key["use"], "sig");
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert_eq!(key.get(private), None, "{key}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_read_the_key_set_before_the_first_token_of_an_algorithm_verifies_it() {
    let server = TestServer::start_empty().await;
    server.api(API).create().await;
    let job = server.job().await;
    let app = server
        .client("app")
        .grant_types(&["password"])
        .with("jwt_configuration", json!({"alg": "EdDSA"}))
        .create()
        .await;
    let ada = server.user("ada@example.com").create().await;

    let read_before = server.jwks().await;
    let exchange = server.exchange(&job).send().await.expect_token();
    let login = server.login(&app, &ada).scope("openid").send().await;

    assert_eq!(exchange.access_jwt().algorithm(), "ES256");
    assert!(exchange.access_jwt().is_signed_by(&read_before));
    assert_eq!(login.id_jwt().algorithm(), "EdDSA");
    assert!(login.id_jwt().is_signed_by(&read_before));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_with_another_payload_is_not_verified() {
    let server = TestServer::start().await;
    let (job, another_job) = (server.job().await, server.job().await);
    let token = server
        .exchange(&job)
        .send()
        .await
        .expect_token()
        .access_token()
        .to_owned();
    let other = server.exchange(&another_job).send().await.expect_token();
    let other = other.access_token();

    let (signed, _) = token.rsplit_once('.').unwrap();
    let (_, signature) = other.rsplit_once('.').unwrap();
    let mixed = Jwt::parse(&format!("{signed}.{signature}")).unwrap();

    assert!(
        Jwt::parse(&token)
            .unwrap()
            .is_signed_by(&server.jwks().await)
    );
    assert!(!mixed.is_signed_by(&server.jwks().await));
}

#[tokio::test(flavor = "multi_thread")]
async fn id_tokens_are_signed_as_the_tenant_says_unless_their_client_says_otherwise() {
    let server = TestServer::start().await;
    let ada = server.user("ada@example.com").create().await;
    let app = server.app().await;
    let particular = server
        .client("particular")
        .grant_types(&["password"])
        .with("jwt_configuration", json!({"alg": "EdDSA"}))
        .create()
        .await;
    let algorithm = async |app| {
        let reply = server
            .login(app, &ada)
            .scope("openid")
            .send()
            .await
            .expect_token();
        reply.id_jwt().algorithm().to_owned()
    };

    assert_eq!(algorithm(&app).await, "RS256");
    server.settings(json!({"signing_alg": "ES256"})).await;
    assert_eq!(algorithm(&app).await, "ES256");
    assert_eq!(algorithm(&particular).await, "EdDSA");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_with_hs256_gets_tokens_that_its_own_secret_verifies() {
    let server = TestServer::start_empty().await;
    let api = server
        .api(API)
        .with("signing_alg", "HS256")
        .with("signing_secret", SECRET);
    let api = api.create().await;
    assert_eq!(api["signing_alg"], "HS256");
    let job = server.job().await;

    let reply = server.exchange(&job).send().await.expect_token();

    let jwt = reply.access_jwt();
    assert_eq!(jwt.algorithm(), "HS256");
    assert!(jwt.is_signed_with_secret(SECRET));
    assert!(!jwt.is_signed_with_secret("another secret of at least 32 characters"));
    let jwks = server.jwks().await;
    let keys = jwks["keys"].as_array().unwrap();
    assert!(keys.iter().all(|key| key["kty"] != "oct"), "{jwks}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hs256_secret_opens_nothing_else() {
    let server = TestServer::start_empty().await;
    server
        .api(API)
        .with("signing_alg", "HS256")
        .with("signing_secret", SECRET)
        .create()
        .await;
    let ask = async |token: String| {
        server
            .ask("GET", "/api/v2/clients", Some(&token), Value::Null)
            .await
            .status
            .as_u16()
    };
    let genuine = server.management_token().await;
    assert_eq!(ask(genuine.clone()).await, 200);

    let Jwt { header, claims, .. } = Jwt::parse(&genuine).unwrap();
    let kid = &header["kid"];
    // With the API's secret, with every text that a careless server takes for one, and
    // with none at all.
    let jwks = server.jwks().await;
    let key = &jwks["keys"][0];
    let modulus = key["n"].as_str().unwrap().to_owned();
    for secret in [SECRET.to_owned(), modulus, key.to_string(), String::new()] {
        for header in [json!({"alg": "HS256"}), json!({"alg": "HS256", "kid": kid})] {
            assert_eq!(
                ask(forge_hs256(&header, &claims, &secret)).await,
                401,
                "{header}"
            );
        }
    }
    assert_eq!(
        ask(forge_unsigned(&json!({"alg": "none", "kid": kid}), &claims)).await,
        401
    );
    assert_eq!(
        ask(forge_hs256(
            &json!({"alg": "RS256", "kid": kid}),
            &claims,
            SECRET
        ))
        .await,
        401
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_may_have_tokens_as_rfc_9068_wants_them() {
    let server = TestServer::start_empty().await;
    server
        .api(API)
        .with("token_dialect", "rfc9068_profile")
        .create()
        .await;
    let job = server.job().await;

    let jwt = server
        .exchange(&job)
        .send()
        .await
        .expect_token()
        .access_jwt();

    assert_eq!(jwt.header["typ"], "at+jwt");
    assert_eq!(jwt.claims["client_id"], job.id);
    assert!(jwt.claims["jti"].is_string());
    for name in ["azp", "gty"] {
        assert_eq!(jwt.claims.get(name), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_users_token_as_rfc_9068_wants_it_says_who_and_what_and_with_authz_what_they_may() {
    for (dialect, permissions) in [
        ("rfc9068_profile", Value::Null),
        ("rfc9068_profile_authz", json!(["read:reports"])),
    ] {
        let server = TestServer::start_empty().await;
        let api = server.api(API).with("token_dialect", dialect);
        api.with("enforce_policies", true).create().await;
        let (app, ada) = (
            server.app().await,
            server.user("ada@example.com").create().await,
        );
        let granted = json!({"permissions": [
            {"resource_server_identifier": API, "permission_name": "read:reports"},
        ]});
        let path = format!("users/{}/permissions", ada.in_path());
        server.manage("POST", &path, granted).await.expect(201);

        let login = server.login(&app, &ada).audience(API);
        let login = login.scope("openid read:reports write:reports");
        let jwt = login.send().await.expect_token().access_jwt();

        assert_eq!(jwt.header["typ"], "at+jwt", "{dialect}");
        assert_eq!(jwt.claims["sub"], ada.id);
        assert_eq!(jwt.claims["client_id"], app.id);
        assert_eq!(jwt.claims["scope"], "openid read:reports");
        assert_eq!(jwt.claims["permissions"], permissions, "{dialect}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_whose_api_shares_its_secret_is_not_for_userinfo_and_does_not_say_so() {
    let server = TestServer::start_empty().await;
    let api = server.api(API).with("signing_alg", "HS256");
    api.with("signing_secret", SECRET).create().await;
    let (app, ada) = (
        server.app().await,
        server.user("ada@example.com").create().await,
    );

    let login = server.login(&app, &ada).audience(API).scope("openid");
    let reply = login.send().await;

    let token = reply.body["access_token"].as_str().unwrap();
    assert_eq!(Jwt::parse(token).unwrap().claims["aud"], API);
    server.userinfo(token).await.expect(401);
    assert!(reply.body["id_token"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_gets_no_token_for_the_admin_api() {
    let server = TestServer::start().await;
    let (app, ada) = (
        server.app().await,
        server.user("ada@example.com").create().await,
    );

    let login = server
        .login(&app, &ada)
        .audience(&server.management_audience);
    let reply = login.scope("openid read:clients").send().await;

    reply.expect_error(400, "invalid_request");
    assert_eq!(reply.body.get("access_token"), None);
}
