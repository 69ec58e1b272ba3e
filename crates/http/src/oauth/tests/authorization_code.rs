//! Redeeming authorization codes, which are put into the store by hand.

use claimsmith_model::{AuthorizationCode, Session, SessionId};
use serde_json::{Value, json};

use super::{API, Answer, Client, START_MS, World, claims};

/// The example of RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const CALLBACK: &str = "https://app.example.com/callback";
const EXECUTION: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// The SHA-256 of the session's cookie.
const COOKIE: [u8; 32] = [7; 32];

/// The SHA-256 of the text `code`.
const HASH: [u8; 32] = [
    0x56, 0x94, 0xd0, 0x8a, 0x2e, 0x53, 0xff, 0xca, 0xe0, 0xc3, 0x10, 0x3e, 0x5a, 0xd6, 0xf6, 0x07,
    0x6a, 0xbd, 0x96, 0x0e, 0xb1, 0xf8, 0xa5, 0x65, 0x77, 0x04, 0x0b, 0xc1, 0x02, 0x8f, 0x70, 0x2b,
];

fn code(world: &World, client: &Client) -> AuthorizationCode {
    AuthorizationCode {
        client_id: client.id.parse().unwrap(),
        redirect_uri: Some(CALLBACK.to_owned()),
        code_challenge: Some(CHALLENGE.to_owned()),
        user_id: world.user_id.parse().unwrap(),
        connection: "Username-Password-Authentication".to_owned(),
        session_id: Some("sess_1".parse().unwrap()),
        authenticated_at: claimsmith_model::Timestamp::from_millis(START_MS - 60_000),
        nonce: Some("n-0S6_WzA2Mj".to_owned()),
        audience: Some(API.to_owned()),
        organization: None,
        requested_scope: ["openid", "offline_access", "read:reports"]
            .map(str::to_owned)
            .to_vec(),
        scope: ["openid", "offline_access", "read:reports"]
            .map(str::to_owned)
            .to_vec(),
        access_token_claims: object(json!({"https://example.com/role": "admin"})),
        id_token_claims: object(json!({"https://example.com/color": "green"})),
        execution_id: EXECUTION.parse().unwrap(),
        expires_at: claimsmith_model::Timestamp::from_millis(START_MS + 60_000),
        rests_on_consent: false,
        redeemed: None,
    }
}

/// The session that the code came from.
fn session(code: &AuthorizationCode, id: &SessionId) -> Session {
    Session {
        id: id.clone(),
        user_id: code.user_id.clone(),
        connection: code.connection.clone(),
        authenticated_at: code.authenticated_at,
        created_at: code.authenticated_at,
        last_interacted_at: code.authenticated_at,
        expires_at: code.expires_at,
        idle_expires_at: code.expires_at,
        clients: vec![code.client_id.clone()],
        logins_ended: 0,
    }
}

fn object(value: Value) -> claimsmith_model::JsonObject {
    match value {
        Value::Object(object) => object,
        other => panic!("{other}"),
    }
}

/// A world with a confidential client and its code in the store.
pub(super) async fn world_with_code(
    change: impl FnOnce(&mut AuthorizationCode),
) -> (World, Client) {
    let world = World::start().await;
    let client = web_app(&world).await;
    let mut code = code(&world, &client);
    change(&mut code);
    put(&world, &code).await;
    (world, client)
}

async fn web_app(world: &World) -> Client {
    let body = json!({
        "app_type": "regular_web", "grant_types": ["authorization_code", "refresh_token"],
        "callbacks": [CALLBACK],
    });
    world.client(body).await
}

async fn put(world: &World, code: &AuthorizationCode) {
    let store = &world.tenant.store;
    if let Some(id) = &code.session_id {
        let session = session(code, id);
        store.put_session(&COOKIE, &session, None).await.unwrap();
    }
    store.put_authorization_code(&HASH, code).await.unwrap();
}

/// What redeems the code, with some parameters changed; `null` takes one out.
fn request(change: Value) -> Value {
    let mut request = json!({
        "grant_type": "authorization_code", "code": "code", "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    });
    for (name, value) in object(change) {
        request[name] = value;
    }
    request
}

async fn redeem(world: &World, client: &Client) -> Answer {
    world.token(client, request(json!({}))).await
}

async fn refresh(world: &World, client: &Client, tokens: &Value) -> Answer {
    let body = json!({"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]});
    world.token(client, body).await
}

#[tokio::test]
async fn a_code_gives_the_tokens_that_the_user_logged_in_for() {
    let (world, client) = world_with_code(|_| {}).await;

    let answer = redeem(&world, &client).await;

    assert_eq!(answer.execution_id.as_deref(), Some(EXECUTION));
    let tokens = answer.tokens();
    assert_eq!(tokens["scope"], "openid offline_access read:reports");
    let access_token = claims(&tokens["access_token"]);
    assert_eq!(access_token["sub"], world.user_id);
    assert_eq!(access_token["aud"][0], API);
    assert_eq!(access_token["azp"], client.id);
    assert_eq!(access_token["https://example.com/role"], "admin");
    assert_eq!(access_token.get("gty"), None);
    let id_token = claims(&tokens["id_token"]);
    assert_eq!(id_token["nonce"], "n-0S6_WzA2Mj");
    assert_eq!(id_token["sid"], "sess_1");
    assert_eq!(id_token["auth_time"], START_MS / 1_000 - 60);
    assert_eq!(id_token["https://example.com/color"], "green");
    // The login was counted when the code was given out.
    let user = world.manage("GET", &world.user_path(), Value::Null).await;
    assert_eq!(user["logins_count"], 0);
    refresh(&world, &client, &tokens).await.tokens();
}

#[tokio::test]
async fn userinfo_shows_the_claims_that_came_with_the_code() {
    let (world, client) = world_with_code(|_| {}).await;
    let tokens = redeem(&world, &client).await.tokens();

    let token = tokens["access_token"].as_str();
    let info = world.send("GET", "/userinfo", token, Value::Null).await;

    assert_eq!(info.body["https://example.com/color"], "green");
    assert_eq!(info.body.get("https://example.com/role"), None);
}

#[tokio::test]
async fn without_offline_access_there_is_no_refresh_token() {
    let (world, client) =
        world_with_code(|code| code.scope.retain(|scope| scope != "offline_access")).await;

    let tokens = redeem(&world, &client).await.tokens();

    assert_eq!(tokens.get("refresh_token"), None);
    assert_eq!(tokens["scope"], "openid read:reports");
}

#[tokio::test]
async fn a_code_without_an_audience_gives_an_opaque_access_token() {
    let (world, client) = world_with_code(|code| code.audience = None).await;

    let tokens = redeem(&world, &client).await.tokens();

    let token = tokens["access_token"].as_str().unwrap();
    assert!(!token.contains('.'));
    assert_eq!(world.userinfo(token).await, 200);
}

#[tokio::test]
async fn a_code_is_good_once_and_replaying_it_revokes_what_it_gave() {
    let (world, client) = world_with_code(|code| code.audience = None).await;
    let tokens = redeem(&world, &client).await.tokens();
    let token = tokens["access_token"].as_str().unwrap();
    assert_eq!(world.userinfo(token).await, 200);

    let replayed = redeem(&world, &client).await;

    assert_eq!(replayed.refusal().1, "invalid_grant");
    assert_eq!(world.userinfo(token).await, 401);
    let refreshed = refresh(&world, &client, &tokens).await;
    assert_eq!(refreshed.refusal().1, "invalid_grant");
}

#[tokio::test]
async fn of_two_requests_at_once_one_gets_tokens_and_they_are_revoked() {
    let (world, client) = world_with_code(|_| {}).await;

    let (one, other) = tokio::join!(redeem(&world, &client), redeem(&world, &client));

    let (won, lost) = if one.status == 200 {
        (one, other)
    } else {
        (other, one)
    };
    assert_eq!(lost.refusal().1, "invalid_grant");
    let refreshed = refresh(&world, &client, &won.tokens()).await;
    assert_eq!(refreshed.refusal().1, "invalid_grant");
}

#[tokio::test]
async fn a_code_ends() {
    for (seconds, status) in [(59, 200), (60, 400)] {
        let (world, client) = world_with_code(|_| {}).await;
        world.later(seconds);
        assert_eq!(redeem(&world, &client).await.status, status, "{seconds}");
    }
}

#[tokio::test]
async fn a_code_is_worth_nothing_once_the_user_has_logged_out() {
    let (world, client) = world_with_code(|_| {}).await;
    let ended = world.tenant.store.end_session(&COOKIE).await;
    assert!(ended.unwrap().is_some());

    let refused = redeem(&world, &client).await;

    assert_eq!(refused.refusal().1, "invalid_grant");
    let user = world.user_id.parse().unwrap();
    let grants = world.tenant.store.refresh_grants(&user, None).await;
    assert_eq!(grants.unwrap(), []);
}

#[tokio::test]
async fn who_read_a_code_can_neither_use_it_nor_use_it_up() {
    let (world, client) = world_with_code(|_| {}).await;
    let other = web_app(&world).await;

    let stolen = redeem(&world, &other).await;
    assert_eq!(stolen.refusal().1, "invalid_grant");
    assert_eq!(stolen.execution_id, None, "it tells nothing of the code");
    for (change, parameter) in [
        (json!({"redirect_uri": null}), "redirect_uri"),
        (
            json!({"redirect_uri": "https://evil.example/"}),
            "redirect_uri",
        ),
        (
            json!({"redirect_uri": format!("{CALLBACK}?")}),
            "redirect_uri",
        ),
        (json!({"code_verifier": null}), "code_verifier"),
        (json!({"code_verifier": CHALLENGE}), "code_verifier"),
        (json!({"code_verifier": "short"}), "code_verifier"),
    ] {
        let refused = world.token(&client, request(change.clone())).await;
        let (status, error, text) = refused.refusal();
        assert_eq!((status, error), (400, "invalid_grant"), "{change}");
        assert!(text.contains(parameter), "{text}");
    }

    let tokens = redeem(&world, &client).await.tokens();
    // Nor have what it gave revoked.
    let change = json!({"code_verifier": CHALLENGE});
    let refused = world.token(&client, request(change)).await;
    assert_eq!(refused.refusal().1, "invalid_grant");
    refresh(&world, &client, &tokens).await.tokens();
}

#[tokio::test]
async fn pkce_can_not_be_left_out_by_who_took_the_challenge_away() {
    let (world, client) = world_with_code(|code| code.code_challenge = None).await;

    let refused = redeem(&world, &client).await;
    assert_eq!(refused.refusal().1, "invalid_grant");

    let without = request(json!({"code_verifier": null}));
    world.token(&client, without).await.tokens();
}

#[tokio::test]
async fn a_public_client_can_not_do_without_pkce() {
    let world = World::start().await;
    let spa = json!({"app_type": "spa", "grant_types": ["authorization_code"]});
    let spa = world.client(spa).await;
    let with_pkce = code(&world, &spa);
    let code = AuthorizationCode {
        code_challenge: None,
        ..with_pkce.clone()
    };
    put(&world, &code).await;
    let refused = world
        .token(&spa, request(json!({"code_verifier": null})))
        .await;
    assert!(refused.refusal().2.contains("PKCE"), "{refused:?}");

    // Another store, as a code is never put twice.
    let world = World::start().await;
    let spa = json!({"app_type": "spa", "grant_types": ["authorization_code"]});
    let spa = world.client(spa).await;
    put(&world, &super::authorization_code::code(&world, &spa)).await;
    let tokens = redeem(&world, &spa).await.tokens();
    assert_eq!(
        tokens.get("refresh_token"),
        None,
        "the client may not use refresh tokens"
    );
}

#[tokio::test]
async fn a_user_who_was_blocked_or_deleted_meanwhile_gets_nothing() {
    let (world, client) = world_with_code(|_| {}).await;
    let path = world.user_path();
    world.manage("PATCH", &path, json!({"blocked": true})).await;
    let refused = redeem(&world, &client).await;
    assert_eq!(refused.refusal().1, "invalid_grant");

    world.manage("DELETE", &path, Value::Null).await;
    let refused = redeem(&world, &client).await;
    assert_eq!(refused.refusal().1, "invalid_grant");
}

/// An organization with the user as its only member.
struct Acme {
    id: String,
    /// Where its members are.
    members: String,
    /// What makes the user one, or none.
    ada: Value,
}

impl Acme {
    async fn with_ada(world: &World) -> Self {
        let organization = json!({"name": "acme", "display_name": "Acme"});
        let organization = world.manage("POST", "organizations", organization).await;
        let id = organization["id"].as_str().unwrap().to_owned();
        let members = format!("organizations/{id}/members");
        let ada = json!({"members": [world.user_id]});
        world.manage("POST", &members, ada.clone()).await;
        Self { id, members, ada }
    }
}

#[tokio::test]
async fn a_user_who_left_the_organization_meanwhile_gets_nothing() {
    let world = World::start().await;
    let client = web_app(&world).await;
    let Acme { id, members, ada } = Acme::with_ada(&world).await;
    let mut code = code(&world, &client);
    code.organization = Some(id.parse().unwrap());
    put(&world, &code).await;

    world.manage("DELETE", &members, ada.clone()).await;
    let refused = redeem(&world, &client).await;
    assert_eq!(refused.refusal().1, "invalid_grant");

    world.manage("POST", &members, ada).await;
    let tokens = redeem(&world, &client).await.tokens();
    assert_eq!(claims(&tokens["access_token"])["org_name"], "acme");
    assert_eq!(claims(&tokens["id_token"])["org_id"], id);
}

#[tokio::test]
async fn what_a_refresh_token_stands_for_may_be_had_no_more() {
    for gone in ["organization", "member", "api", "connection"] {
        let world = World::start().await;
        let client = web_app(&world).await;
        let Acme { id, members, ada } = Acme::with_ada(&world).await;
        let mut code = code(&world, &client);
        if gone == "member" {
            code.organization = Some(id.parse().unwrap());
        }
        put(&world, &code).await;
        let tokens = redeem(&world, &client).await.tokens();

        match gone {
            "organization" => {
                let path = format!("clients/{}", client.id);
                let require = json!({"organization_usage": "require"});
                world.manage("PATCH", &path, require).await;
            }
            "member" => {
                world.manage("DELETE", &members, ada).await;
            }
            "api" => {
                let path = format!("resource-servers/{}", API.replace('/', "%2F"));
                world.manage("DELETE", &path, Value::Null).await;
            }
            _ => {
                let connections = world.manage("GET", "connections", Value::Null).await;
                let id = connections[0]["id"].as_str().unwrap();
                let path = format!("connections/{id}");
                world
                    .manage("PATCH", &path, json!({"enabled_clients": []}))
                    .await;
            }
        }

        // Libraries give up a refresh token for this code alone (RFC 6749 section 5.2).
        let refused = refresh(&world, &client, &tokens).await;
        let (status, error, text) = refused.refusal();
        assert_eq!((status, error), (400, "invalid_grant"), "{gone}: {text}");
        assert!(text.contains("log in again"), "{gone}: {text}");
    }
}

#[tokio::test]
async fn a_replayed_code_ends_what_its_refresh_token_gave_too() {
    let without_api = |code: &mut AuthorizationCode| code.audience = None;
    let (world, client) = world_with_code(without_api).await;
    let first = redeem(&world, &client).await.tokens();
    let second = refresh(&world, &client, &first).await.tokens();
    for tokens in [&first, &second] {
        let token = tokens["access_token"].as_str().unwrap();
        assert_eq!(world.userinfo(token).await, 200);
    }

    redeem(&world, &client).await.refusal();

    for tokens in [&first, &second] {
        let token = tokens["access_token"].as_str().unwrap();
        assert_eq!(world.userinfo(token).await, 401);
    }
}

#[tokio::test]
async fn what_a_refresh_says_of_the_login_is_what_the_login_said() {
    let (world, client) = world_with_code(|_| {}).await;
    let first = redeem(&world, &client).await.tokens();
    world.later(60);

    let second = refresh(&world, &client, &first).await.tokens();

    // OpenID Connect Core section 12.2.
    let [before, after] = [&first, &second].map(|tokens| claims(&tokens["id_token"]));
    for name in ["iss", "sub", "aud", "auth_time", "sid"] {
        assert!(!before[name].is_null(), "{name}");
        assert_eq!(after[name], before[name], "{name}");
    }
    assert_eq!(
        after["iat"].as_i64(),
        before["iat"].as_i64().map(|at| at + 60)
    );
    assert_eq!(after.get("nonce"), None);
}

#[tokio::test]
async fn the_policy_is_asked_again_when_the_tokens_are_made() {
    // As if it had been laxer when the code was given out.
    let lax = |code: &mut AuthorizationCode| {
        for claims in [&mut code.access_token_claims, &mut code.id_token_claims] {
            claims.insert("sub".to_owned(), json!("auth0|somebody-else"));
            claims.insert("nonce".to_owned(), json!("another"));
            claims.insert("role".to_owned(), json!("private"));
        }
    };
    let (world, client) = world_with_code(lax).await;

    let tokens = redeem(&world, &client).await.tokens();

    for token in ["access_token", "id_token"] {
        let claims = claims(&tokens[token]);
        assert_eq!(claims["sub"], world.user_id);
        assert_ne!(claims["nonce"], "another");
        assert_eq!(claims.get("role"), None);
    }
}

#[tokio::test]
async fn a_claim_that_is_refused_now_ends_the_exchange_where_the_tenant_wants_that() {
    let lax = |code: &mut AuthorizationCode| {
        code.access_token_claims
            .insert("role".to_owned(), json!("private"));
    };
    let (world, client) = world_with_code(lax).await;
    let strict = json!({"claims": {"on_refusal": "fail"}});
    world.manage("PATCH", "tenants/settings", strict).await;
    let refused = redeem(&world, &client).await;
    assert_eq!(refused.refusal().1, "access_denied");
    assert_eq!(refused.execution_id.as_deref(), Some(EXECUTION));

    let lax = json!({"claims": {"on_refusal": "drop"}});
    world.manage("PATCH", "tenants/settings", lax).await;
    redeem(&world, &client).await.tokens();
}

#[tokio::test]
async fn what_is_no_code_is_told_like_one_that_has_ended() {
    let (world, client) = world_with_code(|_| {}).await;
    world.later(61);
    let ended = redeem(&world, &client).await;

    for code in ["", "code ", "c\u{f6}de", &"x".repeat(10_000)] {
        let unknown = world.token(&client, request(json!({"code": code}))).await;
        if code.is_empty() {
            assert_eq!(unknown.refusal().1, "invalid_request");
        } else {
            assert_eq!(unknown.refusal(), ended.refusal());
        }
    }
}
