//! Logging out, from outside: the whole router over storage in memory.

use std::sync::Arc;

use axum::body::Body;
use claimsmith_model::{Session, Timestamp, UserId};
use claimsmith_service::{SessionSecret, TenantContext};
use http::{Request, Response, header};
use http_body_util::BodyExt as _;
use serde_json::json;
use tower::ServiceExt as _;

use crate::management::tests::Api;

const BYE: &str = "https://shop.example/bye";
const PASSWORD: &str = "correct horse battery staple";

/// A tenant with a client, and a user who has a session in a browser.
struct World {
    api: Api,
    tenant: Arc<TenantContext>,
    client: String,
    user: UserId,
    secret: SessionSecret,
}

/// An answer to a browser.
#[derive(Debug)]
struct Seen {
    status: u16,
    location: Option<String>,
    clears_cookie: bool,
    text: String,
}

impl Seen {
    fn goes_to(&self) -> (u16, &str) {
        (self.status, self.location.as_deref().unwrap_or_default())
    }

    /// The value of a hidden input.
    fn hidden(&self, name: &str) -> Option<String> {
        let (_, rest) = self.text.split_once(&format!("name=\"{name}\" value=\""))?;
        Some(rest.split('"').next()?.replace("&amp;", "&"))
    }
}

impl World {
    async fn start() -> Self {
        let api = Api::start().await;
        let tenant = api.services.tenants.by_host("localhost").unwrap();
        let client = api
            .post(
                "/clients",
                json!({
                    "name": "Shop", "app_type": "regular_web", "grant_types": ["password"],
                    "token_endpoint_auth_method": "none",
                    "allowed_logout_urls": [BYE, "https://shop.example/second"],
                }),
            )
            .await;
        assert_eq!(client.status, 201, "{client:?}");
        let user = api
            .post(
                "/users",
                json!({
                    "email": "ann@example.com", "password": PASSWORD,
                    "connection": "Username-Password-Authentication",
                }),
            )
            .await;
        assert_eq!(user.status, 201, "{user:?}");
        let world = Self {
            client: client.body["client_id"].as_str().unwrap().to_owned(),
            user: user.body["user_id"].as_str().unwrap().parse().unwrap(),
            secret: SessionSecret::generate(&api.services.ids),
            tenant,
            api,
        };
        world.log_in("sid-of-ann").await;
        world
    }

    async fn log_in(&self, id: &str) {
        let now = self.api.services.environment.clock.now();
        let later = Timestamp::from_millis(now.as_millis() + 60_000);
        let session = Session {
            id: id.parse().unwrap(),
            user_id: self.user.clone(),
            connection: "Username-Password-Authentication".to_owned(),
            authenticated_at: now,
            created_at: now,
            last_interacted_at: now,
            expires_at: later,
            idle_expires_at: later,
            clients: vec![],
            logins_ended: 0,
        };
        let key = self.secret.sha256();
        self.tenant
            .store
            .put_session(&key, &session, None)
            .await
            .unwrap();
    }

    async fn is_logged_in(&self) -> bool {
        let session = self.tenant.store.session(&self.secret.sha256()).await;
        session.unwrap().is_some()
    }

    /// What the browser sees there, with its cookie.
    async fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Seen {
        let path = format!("{path}?{}", form(parameters));
        self.send(Request::get(path), String::new()).await
    }

    async fn post(&self, path: &str, parameters: &[(&str, &str)]) -> Seen {
        let request =
            Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request, form(parameters)).await
    }

    async fn send(&self, request: http::request::Builder, body: String) -> Seen {
        let cookie = format!("claimsmith_session={}", self.secret.expose());
        self.send_bare(request.header(header::COOKIE, cookie), body)
            .await
    }

    /// The same without the cookie.
    async fn send_bare(&self, request: http::request::Builder, body: String) -> Seen {
        let request = request.header(header::HOST, "localhost");
        let request = request.body(Body::from(body)).unwrap();
        seen(self.api.router.clone().oneshot(request).await.unwrap()).await
    }

    /// An ID token of the user's, from a login without a session.
    async fn id_token(&self) -> String {
        self.token("openid", "id_token").await
    }

    async fn token(&self, scope: &str, which: &str) -> String {
        let request = Request::post("/oauth/token")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let form = form(&[
            ("grant_type", "password"),
            ("client_id", &self.client),
            ("username", "ann@example.com"),
            ("password", PASSWORD),
            ("scope", scope),
        ]);
        let answer = self.send_bare(request, form).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let body: serde_json::Value = serde_json::from_str(&answer.text).unwrap();
        body[which].as_str().unwrap().to_owned()
    }
}

fn form(parameters: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish()
}

async fn seen(answer: Response<Body>) -> Seen {
    let text = |name| {
        let value = answer.headers().get(name)?;
        Some(value.to_str().unwrap().to_owned())
    };
    let (location, cookie) = (text(header::LOCATION), text(header::SET_COOKIE));
    let status = answer.status().as_u16();
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    Seen {
        status,
        location,
        clears_cookie: cookie.is_some_and(|cookie| {
            cookie.starts_with("claimsmith_session=;") && cookie.contains("Max-Age=0")
        }),
        text: String::from_utf8(bytes.to_vec()).unwrap(),
    }
}

#[tokio::test]
async fn v2_logout_ends_the_session_and_goes_to_a_registered_url() {
    let world = World::start().await;

    let seen = world
        .get(
            "/v2/logout",
            &[
                ("client_id", &world.client),
                ("returnTo", BYE),
                ("federated", ""),
            ],
        )
        .await;

    assert_eq!(seen.goes_to(), (302, BYE));
    assert!(seen.clears_cookie);
    assert!(!world.is_logged_in().await);
}

#[tokio::test]
async fn v2_logout_without_a_url_goes_to_the_first_that_is_registered() {
    let world = World::start().await;
    let with_client = [("client_id", world.client.as_str())];
    assert_eq!(
        world.get("/v2/logout", &with_client).await.goes_to(),
        (302, BYE)
    );

    let seen = world.get("/v2/logout", &[]).await;
    assert_eq!(seen.status, 200);
    assert!(seen.text.contains("You are logged out"), "{}", seen.text);

    let settings = json!({ "allowed_logout_urls": ["https://acme.example/"] });
    let patched = world.api.patch("/tenants/settings", settings).await;
    assert_eq!(patched.status, 200, "{patched:?}");
    let seen = world.get("/v2/logout", &[]).await;
    assert_eq!(seen.goes_to(), (302, "https://acme.example/"));
    let seen = world
        .get("/v2/logout", &[("returnTo", "https://acme.example/")])
        .await;
    assert_eq!(seen.goes_to(), (302, "https://acme.example/"));
}

#[tokio::test]
async fn no_logout_leads_to_what_is_not_registered_letter_by_letter() {
    let world = World::start().await;
    for target in [
        "https://evil.example/",
        "https://shop.example/bye/",
        "https://shop.example/bye?x",
        "https://shop.example/bye#x",
        "https://shop.example@evil.example/bye",
        "https://SHOP.example/bye",
        "//evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
    ] {
        let client = ("client_id", world.client.as_str());
        for seen in [
            world
                .get("/v2/logout", &[client, ("returnTo", target)])
                .await,
            world
                .get(
                    "/oidc/logout",
                    &[client, ("post_logout_redirect_uri", target)],
                )
                .await,
            // Registered, but for that client.
            world.get("/v2/logout", &[("returnTo", BYE)]).await,
            world
                .get("/oidc/logout", &[("post_logout_redirect_uri", BYE)])
                .await,
            world
                .get("/v2/logout", &[("client_id", "nobody"), ("returnTo", BYE)])
                .await,
        ] {
            assert_eq!(seen.goes_to(), (400, ""), "{target}");
            assert!(seen.text.contains("not registered"), "{target}");
            assert!(seen.text.contains("Trace id"), "{target}");
            assert!(seen.clears_cookie, "{target}");
        }
        assert!(!world.is_logged_in().await);
    }
}

#[tokio::test]
async fn an_id_token_of_the_sessions_user_logs_out_without_a_question() {
    let world = World::start().await;
    let id_token = world.id_token().await;

    let seen = world
        .get(
            "/oidc/logout",
            &[
                ("id_token_hint", &id_token),
                ("post_logout_redirect_uri", BYE),
                ("state", "a&b=c"),
                ("logout_hint", "ann"),
            ],
        )
        .await;

    let target = "https://shop.example/bye?state=a%26b%3Dc";
    assert_eq!(seen.goes_to(), (303, target));
    assert!(seen.clears_cookie);
    assert!(!world.is_logged_in().await);
}

#[tokio::test]
async fn without_an_id_token_of_the_session_the_user_is_asked() {
    let world = World::start().await;
    let client = ("client_id", world.client.as_str());
    let access_token = world.token("openid", "access_token").await;
    let id_token = world.id_token().await;
    let (signed, signature) = id_token.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}", signature.chars().rev().collect::<String>());

    for hint in ["", "nonsense", &access_token, &forged] {
        let parameters = [
            client,
            ("id_token_hint", hint),
            ("post_logout_redirect_uri", BYE),
            ("state", "s"),
        ];
        let seen = world.get("/oidc/logout", &parameters).await;
        assert_eq!(seen.status, 200, "{hint}");
        assert!(
            seen.text.contains("<strong>Shop</strong> asks"),
            "{}",
            seen.text
        );
        assert!(!seen.clears_cookie && world.is_logged_in().await, "{hint}");
    }

    let asked = world
        .get(
            "/oidc/logout",
            &[client, ("post_logout_redirect_uri", BYE), ("state", "s")],
        )
        .await;
    let answer: Vec<_> = [
        "confirmation",
        "client_id",
        "post_logout_redirect_uri",
        "state",
    ]
    .into_iter()
    .map(|name| (name, asked.hidden(name).unwrap()))
    .collect();
    let answer: Vec<_> = answer.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let seen = world.post("/oidc/logout/confirm", &answer).await;
    assert_eq!(seen.goes_to(), (303, "https://shop.example/bye?state=s"));
    assert!(seen.clears_cookie && !world.is_logged_in().await);
}

#[tokio::test]
async fn another_users_id_token_asks_too() {
    let world = World::start().await;
    let other = json!({
        "email": "bob@example.com", "password": PASSWORD,
        "connection": "Username-Password-Authentication",
    });
    let other = world.api.post("/users", other).await;
    let id_token = world.id_token().await;
    let world = World {
        user: other.body["user_id"].as_str().unwrap().parse().unwrap(),
        secret: SessionSecret::generate(&world.api.services.ids),
        ..world
    };
    world.log_in("sid-of-bob").await;

    let seen = world
        .get("/oidc/logout", &[("id_token_hint", &id_token)])
        .await;

    assert!(seen.text.contains("Log out?"), "{}", seen.text);
    assert!(world.is_logged_in().await);
}

#[tokio::test]
async fn an_answer_that_was_not_asked_for_ends_nothing() {
    let world = World::start().await;
    let elsewhere = SessionSecret::generate(&world.api.services.ids);
    let others = {
        let cookie = format!("claimsmith_session={}", elsewhere.expose());
        let other = World {
            secret: elsewhere,
            ..World::start().await
        };
        other.log_in("sid-elsewhere").await;
        let request = Request::get("/oidc/logout").header(header::COOKIE, cookie);
        other.send_bare(request, String::new()).await
    };
    let others = others.hidden("confirmation").unwrap();

    for confirmation in ["", "nonsense", &others] {
        let seen = world
            .post("/oidc/logout/confirm", &[("confirmation", confirmation)])
            .await;
        assert!(seen.text.contains("Log out?"), "{}", seen.text);
        assert!(world.is_logged_in().await, "{confirmation}");
    }
}

#[tokio::test]
async fn a_post_goes_on_as_a_get_with_which_browsers_send_the_cookie() {
    let world = World::start().await;
    let request = Request::post("/oidc/logout")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");

    let seen = world
        .send_bare(request, "client_id=a%26b&state=%C3%A4".to_owned())
        .await;

    assert_eq!(
        seen.goes_to(),
        (303, "/oidc/logout?client_id=a%26b&state=%C3%A4")
    );
    assert!(!seen.clears_cookie);
}

#[tokio::test]
async fn a_browser_without_a_session_is_not_asked() {
    let world = World::start().await;
    let path = format!("/oidc/logout?{}", form(&[("client_id", &world.client)]));

    let seen = world.send_bare(Request::get(&path), String::new()).await;

    assert_eq!(seen.status, 200);
    assert!(seen.text.contains("You are logged out"), "{}", seen.text);
    assert!(world.is_logged_in().await);
}

#[tokio::test]
async fn a_request_that_contradicts_itself_or_cannot_be_read_ends_nothing() {
    let world = World::start().await;
    let id_token = world.id_token().await;
    let contradicts = world
        .get(
            "/oidc/logout",
            &[("client_id", "other"), ("id_token_hint", &id_token)],
        )
        .await;
    let repeated = [("client_id", "a"), ("client_id", "b")];
    let path = "/oidc/logout";
    for seen in [
        contradicts,
        world.get(path, &repeated).await,
        world.post(path, &repeated).await,
        world.post("/oidc/logout/confirm", &repeated).await,
        world.get("/v2/logout", &repeated).await,
    ] {
        assert_eq!(seen.status, 400, "{}", seen.text);
        assert!(seen.text.contains("invalid_request"), "{}", seen.text);
        assert!(!seen.clears_cookie && world.is_logged_in().await);
    }
}
