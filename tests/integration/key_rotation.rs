//! Signing keys that follow one another, and tokens that outlive them.

use serde_json::{Value, json};

use crate::harness::{
    TestServer,
    verify::{Jwt, forge_hs256, forge_unsigned},
};

/// The kids of one algorithm in a key set.
fn kids(jwks: &Value, algorithm: &str) -> Vec<String> {
    let keys = jwks["keys"].as_array().unwrap().iter();
    keys.filter(|key| key["alg"] == algorithm)
        .map(|key| key["kid"].as_str().unwrap().to_owned())
        .collect()
}

/// Which key a token names.
fn kid(token: &str) -> String {
    let jwt = Jwt::parse(token).unwrap();
    jwt.header["kid"].as_str().unwrap().to_owned()
}

async fn rotate(server: &TestServer, algorithm: &str) -> Value {
    let path = format!("keys/signing/rotate?alg={algorithm}");
    server.manage("POST", &path, Value::Null).await.expect(201)
}

async fn revoke(server: &TestServer, kid: &str) -> Value {
    let path = format!("keys/signing/{kid}/revoke");
    server.manage("PUT", &path, Value::Null).await.expect(200)
}

async fn key(server: &TestServer, kid: &str) -> Value {
    let path = format!("keys/signing/{kid}");
    server.manage("GET", &path, Value::Null).await.expect(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_the_key_set_of_before_a_rotation_verifies_what_is_signed_after_it() {
    let server = TestServer::start().await;
    let job = server.job().await;
    let old = server.exchange(&job).send().await.expect_token();
    let jwks = server.jwks().await;
    let [current, next] = &kids(&jwks, "ES256")[..] else {
        panic!("{jwks}")
    };
    assert_eq!(&kid(old.access_token()), current);

    let rotated = rotate(&server, "ES256").await;

    let new = server.exchange(&job).send().await.expect_token();
    assert_eq!(&kid(new.access_token()), next);
    assert!(new.access_jwt().is_signed_by(&jwks));
    let after = server.jwks().await;
    let fresh = rotated["kid"].as_str().unwrap().to_owned();
    assert_eq!(
        kids(&after, "ES256"),
        [next.clone(), fresh, current.clone()]
    );
    assert!(old.access_jwt().is_signed_by(&after));
    // Other algorithms are as they were.
    assert_eq!(kids(&after, "RS256"), kids(&jwks, "RS256"));

    let server = server.restart().await;

    assert_eq!(server.jwks().await, after);
    let restarted = server.exchange(&job).send().await.expect_token();
    assert_eq!(&kid(restarted.access_token()), next);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_verified_and_issued_while_keys_are_rotated() {
    let server = TestServer::start().await;
    let job = server.job().await;
    server.exchange(&job).send().await.expect_token();
    let stop = tokio::sync::watch::Sender::new(false);
    let clients = (0..4).map(|_| {
        let mut stopped = stop.subscribe();
        let (server, job) = (&server, &job);
        async move {
            let mut tokens = Vec::new();
            while !*stopped.borrow_and_update() {
                // Sending verifies the signature with the key set of that moment.
                let reply = server.exchange(job).send().await.expect_token();
                tokens.push(reply.access_token().to_owned());
            }
            tokens
        }
    });
    let rotation = async {
        rotate(&server, "ES256").await;
        let all = server.manage("POST", "keys/signing/rotate?alg=RS256", Value::Null);
        all.await.expect(201);
        stop.send_replace(true);
    };
    let mut clients = clients.map(Box::pin);
    let [a, b, c, d] = std::array::from_fn(|_| clients.next().unwrap());

    let (a, b, c, d, ()) = tokio::join!(a, b, c, d, rotation);

    let jwks = server.jwks().await;
    for token in [a, b, c, d].into_iter().flatten() {
        assert!(Jwt::parse(&token).unwrap().is_signed_by(&jwks));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_keys_rotate_together_unless_one_algorithm_is_named_and_not_twice_at_once() {
    let server = TestServer::start().await;
    let job = server.job().await;
    server.exchange(&job).send().await.expect_token();
    let jwks = server.jwks().await;

    let rotated = server
        .manage("POST", "keys/signing/rotate", Value::Null)
        .await
        .expect(201);

    let keys = rotated["keys"].as_array().unwrap();
    let mut algorithms: Vec<_> = keys
        .iter()
        .map(|key| key["alg"].as_str().unwrap())
        .collect();
    algorithms.sort_unstable();
    assert_eq!(algorithms, ["ES256", "RS256"]);
    let rs256 = keys.iter().find(|key| key["alg"] == "RS256").unwrap();
    assert_eq!(rotated["kid"], rs256["kid"]);
    assert_eq!(rotated["cert"], rs256["cert"]);
    for algorithm in algorithms {
        let after = kids(&server.jwks().await, algorithm);
        assert_eq!(after[0], kids(&jwks, algorithm)[1], "{algorithm}");
    }
    let again = server
        .manage("POST", "keys/signing/rotate", Value::Null)
        .await;
    let again = again.expect(409);
    assert!(
        again["message"].as_str().unwrap().contains("published"),
        "{again}"
    );
    for (query, status) in [
        ("alg=EdDSA", 400),
        ("alg=HS256", 400),
        ("algorithm=ES256", 400),
    ] {
        let path = format!("keys/signing/rotate?{query}");
        let refused = server.manage("POST", &path, Value::Null).await;
        assert_eq!(refused.status, status, "{query}: {}", refused.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_shows_every_key_with_its_use_and_nothing_private() {
    let server = TestServer::start().await;
    server.jwks().await;
    rotate(&server, "RS256").await;
    let previous = kid(&server.management_token().await);
    let jwks = server.jwks().await;

    let answer = server
        .manage("GET", "keys/signing", Value::Null)
        .await
        .expect(200);

    let of_rs256 = |key: &&Value| key["alg"] == "RS256";
    let keys: Vec<_> = answer.as_array().unwrap().iter().filter(of_rs256).collect();
    let uses: Vec<_> = keys
        .iter()
        .map(|key| ["current", "next", "previous", "revoked"].map(|name| key[name] == true))
        .collect();
    assert_eq!(
        uses,
        [
            [true, false, false, false],
            [false, true, false, false],
            [false, false, true, false],
        ]
    );
    assert_eq!(keys[2]["kid"], previous.as_str());
    assert_eq!(key(&server, &previous).await, *keys[2]);
    assert!(keys[2]["current_since"].is_string() && keys[2]["current_until"].is_string());
    assert_eq!(keys[0]["current_since"], keys[2]["current_until"]);
    assert_eq!(keys[1].get("current_since"), None);
    let published = jwks["keys"].as_array().unwrap().iter().filter(of_rs256);
    for (key, published) in keys.iter().zip(published) {
        assert_eq!(key["kid"], published["kid"]);
        let cert = key["cert"].as_str().unwrap();
        assert!(cert.starts_with("-----BEGIN CERTIFICATE-----\n"), "{cert}");
        assert_eq!(
            key["fingerprint"].as_str().unwrap().replace(':', ""),
            key["thumbprint"].as_str().unwrap()
        );
    }
    assert!(!answer.to_string().to_lowercase().contains("private"));
    let missing = server
        .manage("GET", "keys/signing/unknown", Value::Null)
        .await;
    assert_eq!(missing.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_a_revoked_key_are_refused_everywhere_at_once() {
    let server = TestServer::start().await;
    let ada = server.user("ada@example.com").create().await;
    let app = server.app().await;
    // The userinfo endpoint takes this token because of `openid`.
    let login = server.login(&app, &ada).scope("openid");
    let token = login.send().await.expect_token().access_token().to_owned();
    let admin = server.management_token().await;
    server.userinfo(&token).await.expect(200);
    let (es256, rs256) = (kid(&token), kid(&admin));

    let revoked = revoke(&server, &es256).await;
    assert_eq!(revoked["kid"], es256.as_str());

    assert_eq!(server.userinfo(&token).await.status, 401);
    let shown = key(&server, &es256).await;
    assert_eq!(
        (&shown["revoked"], &shown["current"]),
        (&json!(true), &json!(false))
    );
    assert!(shown["revoked_at"].is_string());
    let jwks = server.jwks().await;
    assert!(!kids(&jwks, "ES256").contains(&es256));
    let login = server.login(&app, &ada).scope("openid");
    let token = login.send().await.expect_token().access_token().to_owned();
    server.userinfo(&token).await.expect(200);

    // The key that signed the admin's own token goes, and the token with it.
    revoke(&server, &rs256).await;
    let refused = server.manage("GET", "keys/signing", Value::Null).await;
    assert_eq!(refused.status, 401, "{}", refused.text);

    let server = server.restart().await;
    assert_eq!(server.userinfo(&token).await.status, 200);
    let clients = "/api/v2/clients";
    let refused = server.ask("GET", clients, Some(&admin), Value::Null).await;
    assert_eq!(refused.status, 401);
    assert!(!kids(&server.jwks().await, "RS256").contains(&rs256));
    assert_eq!(key(&server, &rs256).await["revoked"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_can_not_choose_the_key_or_the_algorithm_that_it_is_verified_with() {
    let server = TestServer::start().await;
    let old = server.management_token().await;
    server.jwks().await;
    rotate(&server, "RS256").await;
    let jwks = server.jwks().await;
    let status = async |token: &str| {
        let clients = "/api/v2/clients";
        let answer = server.ask("GET", clients, Some(token), Value::Null).await;
        answer.status.as_u16()
    };
    assert_eq!(status(&old).await, 200, "signed by the previous key");

    let Jwt { header, claims, .. } = Jwt::parse(&old).unwrap();
    let (_, signature) = old.rsplit_once('.').unwrap();
    // Every public key as a secret, under every kid: the confusion that a second key of
    // another algorithm invites.
    for key in jwks["keys"].as_array().unwrap() {
        let secrets = [key["n"].as_str().unwrap_or_default(), &key.to_string()];
        for secret in secrets {
            for alg in ["HS256", "RS256"] {
                let header = json!({"alg": alg, "typ": "JWT", "kid": key["kid"]});
                assert_eq!(status(&forge_hs256(&header, &claims, secret)).await, 401);
            }
        }
    }
    // Another of the tenant's keys than the one that signed, keys from elsewhere, and a
    // kid that would lead out of a folder or a query.
    let next = &kids(&jwks, "RS256")[1];
    for changes in [
        json!({"kid": next}),
        json!({"kid": null}),
        json!({"kid": "../../../../dev/null"}),
        json!({"kid": "' OR 1=1 --"}),
        json!({"kid": ""}),
        json!({"kid": ["a"]}),
        json!({"alg": "none"}),
        json!({"alg": "None"}),
        json!({"alg": "ES256"}),
        json!({"jku": "https://attacker.example/jwks.json"}),
        json!({"x5u": "https://attacker.example/cert.pem"}),
        json!({"jwk": jwks["keys"][0]}),
        json!({"crit": ["exp"]}),
        json!({"b64": false, "crit": ["b64"]}),
    ] {
        let mut header = header.clone();
        for (name, value) in changes.as_object().unwrap() {
            header[name] = value.clone();
        }
        let forged = forge_unsigned(&header, &claims);
        let signed = format!("{}.{signature}", forged.trim_end_matches('.'));
        for token in [forged, signed] {
            assert_eq!(status(&token).await, 401, "{changes}");
        }
    }
}
