//! Clients that prove who they are by signed assertions (`private_key_jwt`), and those
//! that pretend.

use aws_lc_rs::{
    encoding::{AsDer as _, PublicKeyX509Der},
    hmac,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
        RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaKeyPair,
    },
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};

use super::{API, Answer, Client, START_MS, World};

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A key that a client signs with.
enum Key {
    Ed(Ed25519KeyPair),
    Ec(EcdsaKeyPair),
    Rsa(RsaKeyPair, &'static str),
}

impl Key {
    fn ed(seed: u8) -> Self {
        Self::Ed(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap())
    }

    fn alg(&self) -> &'static str {
        match self {
            Self::Ed(_) => "EdDSA",
            Self::Ec(_) => "ES256",
            Self::Rsa(_, alg) => alg,
        }
    }

    fn jwk(&self) -> Value {
        let Self::Ed(key) = self else {
            panic!("other keys are given as PEM");
        };
        let x = URL_SAFE_NO_PAD.encode(key.public_key().as_ref());
        json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": x})
    }

    fn pem(&self) -> String {
        let der: PublicKeyX509Der<'_> = match self {
            Self::Ed(key) => key.public_key().as_der().unwrap(),
            Self::Ec(key) => key.public_key().as_der().unwrap(),
            Self::Rsa(key, _) => key.public_key().as_der().unwrap(),
        };
        let text = STANDARD.encode(der.as_ref());
        format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n")
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let signed = unsigned(header, claims);
        let random = SystemRandom::new();
        let signature = match self {
            Self::Ed(key) => key.sign(signed.as_bytes()).as_ref().to_vec(),
            Self::Ec(key) => key
                .sign(&random, signed.as_bytes())
                .unwrap()
                .as_ref()
                .to_vec(),
            Self::Rsa(key, alg) => {
                let mut signature = vec![0; key.public_modulus_len()];
                let padding: &'static dyn aws_lc_rs::signature::RsaEncoding = match *alg {
                    "PS256" => &RSA_PSS_SHA256,
                    _ => &RSA_PKCS1_SHA256,
                };
                key.sign(padding, &random, signed.as_bytes(), &mut signature)
                    .unwrap();
                signature
            }
        };
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn unsigned(header: &Value, claims: &Value) -> String {
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    format!("{}.{}", encode(header), encode(claims))
}

/// A client with a key, for client credentials.
async fn job(world: &World, credential: Value) -> Client {
    let methods = json!({"private_key_jwt": {"credentials": [credential]}});
    let job = world
        .job(json!({"client_authentication_methods": methods}))
        .await;
    assert_eq!(job.secret, "", "it has no use for one");
    job
}

/// What an assertion of the client says when all is right.
fn assertion(client: &Client, jti: &str) -> Value {
    let now = START_MS / 1_000;
    json!({
        "iss": client.id, "sub": client.id, "aud": "http://localhost/", "jti": jti,
        "iat": now, "exp": now + 60,
    })
}

fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

async fn ask(world: &World, assertion: &str) -> Answer {
    let body = json!({
        "grant_type": "client_credentials", "audience": API, "client_assertion": assertion,
        "client_assertion_type": JWT_BEARER,
    });
    world.send("POST", "/oauth/token", None, body).await
}

#[track_caller]
fn assert_refused(answer: &Answer, says: &str) {
    let (status, error, text) = answer.refusal();
    assert_eq!((status, error), (401, "invalid_client"), "{answer:?}");
    assert!(text.contains(says), "{text}");
}

#[tokio::test]
async fn an_assertion_proves_who_the_client_is_once() {
    let world = World::start().await;
    let key = Key::ed(1);
    let job = job(&world, json!({"jwk": key.jwk()})).await;
    let header = json!({"alg": "EdDSA", "typ": "JWT"});
    let first = key.sign(&header, &assertion(&job, "first"));

    ask(&world, &first).await.tokens();

    assert_refused(&ask(&world, &first).await, "used already");
    for (jti, audience) in [
        ("second", json!("http://localhost/oauth/token")),
        (
            "third",
            json!(["https://other.example.com/", "http://localhost/"]),
        ),
    ] {
        let claims = with(assertion(&job, jti), "aud", audience);
        ask(&world, &key.sign(&header, &claims)).await.tokens();
    }
}

#[tokio::test]
async fn a_key_that_a_client_is_given_waits_until_it_is_named() {
    let world = World::start().await;
    let job = world.job(json!({})).await;
    let (path, keys) = (format!("clients/{}", job.id), [Key::ed(1), Key::ed(2)]);
    let credentials = format!("{path}/credentials");
    let signed = |key: &Key, jti: &str| key.sign(&json!({"alg": "EdDSA"}), &assertion(&job, jti));
    let mut ids = Vec::new();
    for (key, name) in keys.iter().zip(["laptop", "server"]) {
        let body = json!({
            "credential_type": "public_key", "name": name, "pem": key.pem(), "alg": "EdDSA",
        });
        let created = world.manage("POST", &credentials, body).await;
        assert_eq!(created["name"], name);
        assert!(created.get("pem").is_none(), "{created}");
        ids.push(created["id"].as_str().unwrap().to_owned());
    }

    // Whatever else of the client is changed, they wait, and its secret proves who it is.
    world
        .manage("PATCH", &path, json!({"description": "x"}))
        .await;
    let by_secret = json!({"grant_type": "client_credentials", "audience": API});
    world.token(&job, by_secret).await.tokens();
    assert_refused(&ask(&world, &signed(&keys[0], "early")).await, "");
    let client = world.manage("GET", &path, Value::Null).await;
    assert_eq!(client["client_authentication_methods"], Value::Null);

    let both = json!([{"id": ids[0]}, {"id": ids[1]}]);
    let named = json!({
        "client_authentication_methods": {"private_key_jwt": {"credentials": both}},
        "token_endpoint_auth_method": null,
    });
    world.manage("PATCH", &path, named).await;
    for (key, jti) in keys.iter().zip(["one", "two"]) {
        ask(&world, &signed(key, jti)).await.tokens();
    }

    let first = format!("{credentials}/{}", ids[0]);
    world.manage("DELETE", &first, Value::Null).await;
    world.manage("DELETE", &first, Value::Null).await;
    let left = world.manage("GET", &credentials, Value::Null).await;
    assert_eq!(left.as_array().unwrap().len(), 1);
    assert_eq!(left[0]["id"], ids[1].as_str());
    assert_refused(&ask(&world, &signed(&keys[0], "gone")).await, "");
    ask(&world, &signed(&keys[1], "left")).await.tokens();
}

#[tokio::test]
async fn keys_that_can_not_be_given_or_taken_are_refused_with_what_to_do() {
    let world = World::start().await;
    let only = Key::ed(1);
    let job = job(&world, json!({"jwk": only.jwk()})).await;
    let credentials = format!("/api/v2/clients/{}/credentials", job.id);
    let ask = async |method: &str, path: &str, body: Value| {
        let token = Some(world.management_token.as_str());
        let answer = world.send(method, path, token, body).await;
        let message = answer.body["message"].as_str().unwrap_or_default();
        (answer.status.as_u16(), message.to_owned())
    };

    let first = world.manage("GET", &credentials[8..], Value::Null).await;
    let first = format!("{credentials}/{}", first[0]["id"].as_str().unwrap());
    let (status, message) = ask("DELETE", &first, Value::Null).await;
    assert_eq!(status, 409);
    assert!(message.contains("another key"), "{message}");
    for seed in 2..=4 {
        let body = json!({"jwk": Key::ed(seed).jwk()});
        assert_eq!(ask("POST", &credentials, body).await.0, 201);
    }
    let again = json!({"jwk": only.jwk(), "name": "the same key"});
    assert_eq!(ask("POST", &credentials, again).await.0, 201);
    let fifth = json!({"jwk": Key::ed(5).jwk()});
    let (status, message) = ask("POST", &credentials, fifth).await;
    assert_eq!(
        (status, message.contains("at most 4")),
        (409, true),
        "{message}"
    );
    for (body, says) in [
        (json!({"name": "x"}), "give a key as `pem` or `jwk`"),
        (json!({"id": "cred_x"}), "give a key as `pem` or `jwk`"),
        (json!({"pem": only.pem()}), "not a key for its alg"),
        (
            json!({"jwk": only.jwk(), "expires_at": "2030-01-01"}),
            "expires_at",
        ),
        (
            json!({"credential_type": "x509_cert", "pem": "x"}),
            "credential_type",
        ),
    ] {
        let (status, message) = ask("POST", &credentials, body).await;
        assert_eq!(status, 400);
        assert!(message.contains(says), "{message}");
    }
    let none = format!("{credentials}/cred_none");
    assert_eq!(ask("GET", &none, Value::Null).await.0, 404);
    let nobody = "/api/v2/clients/nobody/credentials";
    assert_eq!(ask("GET", nobody, Value::Null).await.0, 404);
    assert_eq!(
        ask("DELETE", &format!("{nobody}/x"), Value::Null).await.0,
        404
    );
}

#[tokio::test]
async fn of_the_same_assertion_at_the_same_time_one_is_taken() {
    let world = World::start().await;
    let key = Key::ed(1);
    let job = job(&world, json!({"jwk": key.jwk()})).await;
    let once = key.sign(&json!({"alg": "EdDSA"}), &assertion(&job, "once"));

    let (a, b, c) = tokio::join!(ask(&world, &once), ask(&world, &once), ask(&world, &once));

    let taken = [a, b, c]
        .iter()
        .filter(|answer| answer.status == 200)
        .count();
    assert_eq!(taken, 1);
}

#[tokio::test]
async fn keys_are_taken_as_pem_and_verify_with_their_own_algorithm() {
    let world = World::start().await;
    let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    for key in [
        Key::ed(1),
        Key::Ec(ec),
        Key::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap(), "RS256"),
        Key::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap(), "PS256"),
    ] {
        let job = job(&world, json!({"pem": key.pem(), "alg": key.alg()})).await;
        let assertion = key.sign(&json!({"alg": key.alg()}), &assertion(&job, "one"));
        ask(&world, &assertion).await.tokens();
    }
    // The same key, but the other padding.
    let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let key = Key::Rsa(key, "PS256");
    let job = job(&world, json!({"pem": key.pem(), "alg": "RS256"})).await;
    let assertion = key.sign(&json!({"alg": "PS256"}), &assertion(&job, "one"));
    assert_refused(&ask(&world, &assertion).await, "credentials are wrong");
}

#[tokio::test]
async fn what_an_assertion_says_must_be_right_and_the_signer_is_told_what_is_not() {
    let world = World::start().await;
    let key = Key::ed(1);
    let job = job(&world, json!({"jwk": key.jwk()})).await;
    let now = START_MS / 1_000;
    for (claim, value, says) in [
        ("iss", json!("somebody"), "iss and sub"),
        ("iss", Value::Null, "iss and sub"),
        ("aud", json!("https://other.example.com/"), "aud"),
        ("aud", json!("http://localhost"), "aud"),
        ("aud", json!([]), "aud"),
        ("aud", Value::Null, "aud"),
        ("exp", Value::Null, "exp"),
        ("exp", json!("tomorrow"), "exp"),
        ("exp", json!(now - 30), "expired"),
        ("exp", json!(now + 601), "ten minutes"),
        ("nbf", json!(now + 31), "nbf"),
        ("iat", json!(now + 31), "iat"),
        ("jti", Value::Null, "jti"),
        ("jti", json!(""), "jti"),
        ("jti", json!("x".repeat(257)), "jti"),
    ] {
        let claims = with(assertion(&job, "wrong"), claim, value.clone());
        let answer = ask(&world, &key.sign(&json!({"alg": "EdDSA"}), &claims)).await;
        assert_refused(&answer, says);
    }
    for (claim, value) in [
        ("exp", json!(now - 29)),
        ("exp", json!(now + 600)),
        ("nbf", json!(now + 30)),
        ("jti", json!("x".repeat(256))),
    ] {
        let jti = format!("{claim}{value}");
        let claims = with(assertion(&job, &jti), claim, value.clone());
        ask(&world, &key.sign(&json!({"alg": "EdDSA"}), &claims))
            .await
            .tokens();
    }
}

#[tokio::test]
async fn the_header_of_an_assertion_decides_nothing() {
    let world = World::start().await;
    let (key, stranger) = (Key::ed(1), Key::ed(2));
    let job = job(&world, json!({"jwk": key.jwk(), "kid": "one"})).await;
    let claims = assertion(&job, "one");
    let hs256 = |secret: &[u8]| {
        let signed = unsigned(&json!({"alg": "HS256"}), &claims);
        let mac = hmac::sign(
            &hmac::Key::new(hmac::HMAC_SHA256, secret),
            signed.as_bytes(),
        );
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.as_ref()))
    };
    let Key::Ed(pair) = &key else { unreachable!() };
    for (what, forged) in [
        (
            "none",
            format!("{}.", unsigned(&json!({"alg": "none"}), &claims)),
        ),
        (
            "no signature",
            format!("{}.", unsigned(&json!({"alg": "EdDSA"}), &claims)),
        ),
        (
            "the public key as a secret",
            hs256(pair.public_key().as_ref()),
        ),
        ("the PEM as a secret", hs256(key.pem().as_bytes())),
        ("a key of its own", {
            let header = json!({"alg": "EdDSA", "kid": "one", "jwk": stranger.jwk()});
            stranger.sign(&header, &claims)
        }),
        ("a key from elsewhere", {
            let header = json!({"alg": "EdDSA", "kid": "one", "jku": "https://evil.example/"});
            stranger.sign(&header, &claims)
        }),
        (
            "another kid",
            key.sign(&json!({"alg": "EdDSA", "kid": "../one"}), &claims),
        ),
        (
            "another algorithm",
            key.sign(&json!({"alg": "ES256", "kid": "one"}), &claims),
        ),
        ("something critical", {
            let header = json!({"alg": "EdDSA", "crit": ["b64"], "b64": false});
            key.sign(&header, &claims)
        }),
        ("no JWT", "x.y.z".to_owned()),
    ] {
        let answer = ask(&world, &forged).await;
        let (status, error, text) = answer.refusal();
        assert_eq!((status, error), (401, "invalid_client"), "{what}");
        assert!(text.contains("credentials are wrong"), "{what}: {text}");
    }

    let right = key.sign(&json!({"alg": "EdDSA", "kid": "one"}), &claims);
    ask(&world, &right).await.tokens();
}

#[tokio::test]
async fn a_client_can_not_pass_for_another_one() {
    let world = World::start().await;
    let (key, other_key) = (Key::ed(1), Key::ed(2));
    let client = job(&world, json!({"jwk": key.jwk()})).await;
    let other = job(&world, json!({"jwk": other_key.jwk()})).await;
    let header = json!({"alg": "EdDSA"});

    let forged = other_key.sign(&header, &assertion(&client, "one"));
    assert_refused(&ask(&world, &forged).await, "credentials are wrong");
    let own = other_key.sign(&header, &assertion(&other, "one"));
    let body = json!({
        "grant_type": "client_credentials", "audience": API, "client_assertion": own,
        "client_assertion_type": JWT_BEARER, "client_id": client.id,
    });
    let refused = world.send("POST", "/oauth/token", None, body).await;
    assert_eq!(refused.refusal().1, "invalid_request");
    // One for another tenant's server is no good here, and the other way round.
    let elsewhere = with(
        assertion(&client, "two"),
        "aud",
        json!("https://login.example.com/"),
    );
    assert_refused(&ask(&world, &key.sign(&header, &elsewhere)).await, "aud");
}

#[tokio::test]
async fn a_client_is_known_by_its_own_way_only() {
    let world = World::start().await;
    let key = Key::ed(1);
    let signer = job(&world, json!({"jwk": key.jwk()})).await;
    let with_secret = world.job(json!({})).await;
    let body = json!({"grant_type": "client_credentials", "audience": API});
    let header = json!({"alg": "EdDSA"});

    assert_refused(
        &world.token(&signer, body.clone()).await,
        "credentials are wrong",
    );
    let guess = Client {
        secret: "guess".to_owned(),
        ..signer.clone()
    };
    assert_refused(
        &world.token(&guess, body.clone()).await,
        "credentials are wrong",
    );
    let signed = key.sign(&header, &assertion(&with_secret, "one"));
    assert_refused(&ask(&world, &signed).await, "credentials are wrong");

    for (name, value) in [
        ("client_secret", json!("both")),
        (
            "client_assertion_type",
            json!("urn:ietf:params:oauth:client-assertion-type:saml2-bearer"),
        ),
        ("client_assertion_type", Value::Null),
    ] {
        let mut both = body.clone();
        both["client_assertion"] = key.sign(&header, &assertion(&signer, "two")).into();
        both["client_assertion_type"] = JWT_BEARER.into();
        both[name] = value;
        let refused = world.send("POST", "/oauth/token", None, both).await;
        let (status, error, _) = refused.refusal();
        assert_eq!((status, error), (400, "invalid_request"), "{name}");
    }
}

#[tokio::test]
async fn keys_are_shown_without_the_key_kept_by_their_id_and_gone_with_another_method() {
    let world = World::start().await;
    let (key, next) = (Key::ed(1), Key::ed(2));
    let job = job(&world, json!({"jwk": key.jwk(), "name": "laptop"})).await;
    let path = format!("clients/{}", job.id);
    let header = json!({"alg": "EdDSA"});
    let shown = world.manage("GET", &path, Value::Null).await;
    assert_eq!(shown["token_endpoint_auth_method"], "private_key_jwt");
    let methods = &shown["client_authentication_methods"];
    let credential = &methods["private_key_jwt"]["credentials"][0];
    assert_eq!(credential["name"], "laptop");
    assert!(!shown.to_string().contains(key.jwk()["x"].as_str().unwrap()));

    // A second key beside the first, as one changes them.
    let credentials = json!([credential, {"jwk": next.jwk()}]);
    let both = json!({"private_key_jwt": {"credentials": credentials}});
    let body = json!({"client_authentication_methods": both});
    world.manage("PATCH", &path, body).await;
    for (key, jti) in [(&key, "one"), (&next, "two")] {
        ask(&world, &key.sign(&header, &assertion(&job, jti)))
            .await
            .tokens();
    }

    let body = json!({"token_endpoint_auth_method": "client_secret_post"});
    let after = world.manage("PATCH", &path, body).await;
    assert_eq!(after.get("client_authentication_methods"), None);
    let signed = key.sign(&header, &assertion(&job, "three"));
    assert_refused(&ask(&world, &signed).await, "credentials are wrong");
}
