//! Pages that call the endpoints from a browser.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use crate::harness::{API, Client, PASSWORD, TestServer, http::Answer};

const SHOP: &str = "https://shop.example.com";
const BLOG: &str = "http://localhost:3000";
const EVIL: &str = "https://evil.example.com";

fn headers(headers: &[(&'static str, &str)]) -> HeaderMap {
    let headers = headers.iter();
    headers
        .map(|(name, value)| {
            let value = HeaderValue::from_str(value).unwrap();
            (HeaderName::from_static(name), value)
        })
        .collect()
}

/// What a browser asks before it lets a page of `origin` post with headers of its own.
async fn preflight(server: &TestServer, path: &str, origin: &str) -> Answer {
    let asks = headers(&[
        ("origin", origin),
        ("access-control-request-method", "POST"),
        (
            "access-control-request-headers",
            "content-type,auth0-client",
        ),
    ]);
    server.send("OPTIONS", path, asks, "").await
}

/// A public client whose pages may use the password grant.
async fn page_client(server: &TestServer, property: &str, origin: &str) -> Client {
    let client = server
        .client(origin)
        .grant_types(&["password"])
        .with("token_endpoint_auth_method", "none")
        .with(property, json!([origin]));
    client.create().await
}

/// What a page of `origin` gets when it logs a user in with that client.
async fn login(server: &TestServer, client: &str, password: &str, origin: &str) -> Answer {
    let body = json!({
        "grant_type": "password", "client_id": client, "audience": API, "scope": "openid",
        "username": "ada@example.com", "password": password,
    });
    let sends = headers(&[("origin", origin), ("content-type", "application/json")]);
    server
        .send("POST", "/oauth/token", sends, body.to_string())
        .await
}

fn readable_by(answer: &Answer) -> &str {
    assert_eq!(answer.header("access-control-allow-credentials"), "");
    answer.header("access-control-allow-origin")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preflight_is_answered_for_the_origins_of_all_clients_and_no_other() {
    let server = TestServer::start().await;
    page_client(&server, "web_origins", SHOP).await;
    page_client(&server, "allowed_origins", BLOG).await;

    for path in ["/oauth/token", "/oauth/revoke", "/userinfo"] {
        for origin in [SHOP, BLOG] {
            let answer = preflight(&server, path, origin).await;
            assert_eq!(answer.status, 204, "{path} {origin}");
            assert_eq!(readable_by(&answer), origin);
            assert_eq!(answer.header("vary"), "Origin");
            assert!(
                answer
                    .header("access-control-allow-methods")
                    .contains("POST")
            );
            let allowed = answer.header("access-control-allow-headers").to_lowercase();
            for name in ["content-type", "authorization", "auth0-client"] {
                assert!(allowed.contains(name), "{allowed}");
            }
        }
        for origin in [
            EVIL,
            "null",
            "*",
            "https://shop.example.com.evil.example",
            "https://evil.example/https://shop.example.com",
            "http://shop.example.com",
            "https://shop.example.com:8443",
            "https://SHOP.example.com",
            "https://shop.example.com/",
            "",
        ] {
            let answer = preflight(&server, path, origin).await;
            assert_eq!(readable_by(&answer), "", "{path} {origin}");
            assert_eq!(answer.status, 403, "{path} {origin}");
            assert_eq!(answer.header("vary"), "Origin");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_for_the_pages_of_the_very_client() {
    let server = TestServer::start().await;
    server.user("ada@example.com").create().await;
    let shop = page_client(&server, "web_origins", SHOP).await;
    page_client(&server, "web_origins", BLOG).await;

    let own = login(&server, &shop.id, PASSWORD, SHOP).await;
    assert_eq!(readable_by(&own), SHOP);
    assert!(
        own.header("access-control-expose-headers")
            .contains("Claimsmith-Execution-Id")
    );
    let wrong = login(&server, &shop.id, "a wrong password", SHOP).await;
    assert_eq!((wrong.status.as_u16(), readable_by(&wrong)), (400, SHOP));
    for origin in [BLOG, EVIL, "null"] {
        let other = login(&server, &shop.id, PASSWORD, origin).await;
        assert_eq!(other.status, 200, "an origin is no proof of anything");
        assert_eq!(readable_by(&other), "", "{origin}");
        assert_eq!(other.header("vary"), "Origin");
    }
    let unknown = login(&server, "unknown", PASSWORD, SHOP).await;
    assert_eq!((unknown.status.as_u16(), readable_by(&unknown)), (401, ""));

    for (origin, expected) in [(SHOP, SHOP), (BLOG, ""), (EVIL, "")] {
        let sends = headers(&[("origin", origin), ("content-type", "application/json")]);
        let body = json!({"client_id": shop.id, "token": "unknown"}).to_string();
        let answer = server.send("POST", "/oauth/revoke", sends, body).await;
        assert_eq!(
            (answer.status.as_u16(), readable_by(&answer)),
            (200, expected)
        );
    }

    // The same at the userinfo endpoint, where the token says whose it is.
    let token = own.json()["access_token"].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {token}");
    for (origin, expected) in [(SHOP, SHOP), (BLOG, ""), (EVIL, "")] {
        let asks = headers(&[("origin", origin), ("authorization", &bearer)]);
        let answer = server.send("GET", "/userinfo", asks, "").await;
        assert_eq!(
            (answer.status.as_u16(), readable_by(&answer)),
            (200, expected)
        );
    }
    // A token of nobody's: pages of any client may read that it is none.
    for (origin, expected) in [(SHOP, SHOP), (BLOG, BLOG), (EVIL, "")] {
        let asks = headers(&[("origin", origin), ("authorization", "Bearer a.b.c")]);
        let answer = server.send("GET", "/userinfo", asks, "").await;
        assert_eq!(
            (answer.status.as_u16(), readable_by(&answer)),
            (401, expected)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_that_a_client_loses_is_not_allowed_any_more() {
    let server = TestServer::start().await;
    server.user("ada@example.com").create().await;
    let shop = page_client(&server, "web_origins", SHOP).await;
    let second = page_client(&server, "allowed_origins", SHOP).await;
    let path = format!("clients/{}", shop.id);

    let changed = json!({"web_origins": [BLOG], "allowed_origins": ["HTTPS://New.example:443"]});
    let client = server.manage("PATCH", &path, changed).await.expect(200);
    assert_eq!(client["web_origins"], json!([BLOG]));
    assert_eq!(client["allowed_origins"], json!(["https://new.example"]));

    assert_eq!(
        readable_by(&login(&server, &shop.id, PASSWORD, SHOP).await),
        ""
    );
    assert_eq!(
        readable_by(&login(&server, &shop.id, PASSWORD, BLOG).await),
        BLOG
    );
    for (origin, status) in [(SHOP, 204), (BLOG, 204), ("https://new.example", 204)] {
        assert_eq!(
            preflight(&server, "/oauth/token", origin).await.status,
            status
        );
    }

    let server = server.restart().await;
    let path = format!("clients/{}", second.id);
    server
        .manage("DELETE", &path, Value::Null)
        .await
        .expect(204);
    assert_eq!(preflight(&server, "/oauth/token", SHOP).await.status, 403);
    assert_eq!(preflight(&server, "/oauth/token", BLOG).await.status, 204);
    // Another tenant's clients are not this one's.
    let acme = server
        .create_tenant("acme", "https://login.acme.example")
        .await;
    let asks = headers(&[("origin", BLOG), ("access-control-request-method", "POST")]);
    let answer = acme.send("OPTIONS", "/oauth/token", asks, "").await;
    assert_eq!(answer.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_public_may_be_read_by_every_page() {
    let server = TestServer::start().await;

    for path in [
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
        "/.well-known/jwks.json",
    ] {
        let asks = headers(&[("origin", EVIL)]);
        let answer = server.send("GET", path, asks, "").await;
        assert_eq!((answer.status.as_u16(), readable_by(&answer)), (200, "*"));
        let answer = preflight(&server, path, EVIL).await;
        assert_eq!((answer.status.as_u16(), readable_by(&answer)), (204, "*"));
    }
    // And what isn't, by none.
    for path in [
        "/api/v2/clients",
        "/platform/v1/tenants",
        "/metrics",
        "/nowhere",
    ] {
        let answer = preflight(&server, path, EVIL).await;
        assert_eq!(readable_by(&answer), "", "{path}");
        assert!(answer.status.is_client_error(), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn origins_of_a_client_are_origins_and_bounded() {
    let server = TestServer::start().await;
    let create = async |property: &str, value: Value| {
        let body = json!({"name": "page", property: value});
        let answer = server.manage("POST", "clients", body).await;
        (answer.status.as_u16(), answer.json())
    };
    let many = |count: usize| {
        let urls = (0..count).map(|number| format!("https://a{number}.example"));
        json!(urls.collect::<Vec<_>>())
    };

    for property in ["web_origins", "allowed_origins", "allowed_logout_urls"] {
        let (status, client) = create(property, many(100)).await;
        assert_eq!((status, &client[property]), (201, &many(100)));
        assert_eq!(create(property, many(101)).await.0, 400);
        let (status, error) = create(property, json!(["nonsense"])).await;
        assert_eq!(status, 400);
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(&format!("{property}[0]")), "{message}");
    }
    for wrong in ["*", "https://*.example.com", "https://a.example/path"] {
        let (status, error) = create("web_origins", json!([wrong])).await;
        assert_eq!(status, 400, "{error}");
    }
    let (_, client) = create("callbacks", json!([])).await;
    assert_eq!(client["web_origins"], json!([]));
}
