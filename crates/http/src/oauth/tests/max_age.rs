//! How old a login may be.

use claimsmith_model::{Session, Timestamp};
use claimsmith_service::SessionSecret;
use serde_json::json;

use super::{START_MS, World, claims};

const CALLBACK: &str = "https://app.example.com/callback";

#[tokio::test]
async fn a_login_that_is_older_than_max_age_is_not_enough_to_the_second() {
    let world = World::start().await;
    let body = json!({
        "app_type": "regular_web", "grant_types": ["authorization_code"], "callbacks": [CALLBACK],
    });
    let client = world.client(body).await;
    let at = |ms: i64| Timestamp::from_millis(START_MS + ms);
    let session = Session {
        id: "sess_1".parse().unwrap(),
        user_id: world.user_id.parse().unwrap(),
        connection: "Username-Password-Authentication".to_owned(),
        authenticated_at: at(0),
        created_at: at(0),
        last_interacted_at: at(0),
        expires_at: at(3_600_000),
        idle_expires_at: at(3_600_000),
        clients: vec![client.id.parse().unwrap()],
        logins_ended: 0,
    };
    let cookie = "c".repeat(43);
    let key = SessionSecret::parse(&cookie).unwrap().sha256();
    let store = &world.tenant.store;
    assert!(store.put_session(&key, &session, None).await.unwrap());
    world.later(60);
    let authorize = async |max_age: u32| {
        let query = format!(
            "client_id={}&redirect_uri={CALLBACK}&response_type=code&scope=openid&prompt=none\
             &max_age={max_age}",
            client.id
        );
        world.authorize(&query, &cookie).await
    };

    for max_age in [0, 59, 60] {
        let location = authorize(max_age).await;
        assert!(
            location.contains("error=login_required"),
            "{max_age}: {location}"
        );
    }
    for max_age in [61, 3_600] {
        let location = authorize(max_age).await;
        let (_, code) = location.split_once("code=").unwrap();
        let code = code.split('&').next().unwrap();
        let body = json!({
            "grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK,
        });
        let tokens = world.token(&client, body).await.tokens();
        let id_token = claims(&tokens["id_token"]);
        assert_eq!(id_token["auth_time"], START_MS / 1_000, "{max_age}");
        assert_eq!(id_token["iat"], START_MS / 1_000 + 60);
    }
}
