//! Refresh tokens as time goes by.

use claimsmith_model::{GrantType, RefreshTokenSettings};
use serde_json::{Value, json};

use super::{API, Answer, Client, World, claims};

/// A client whose users log in with the password grant.
async fn app(world: &World) -> Client {
    let grants = json!({"grant_types": ["password", "refresh_token"]});
    world.client(grants).await
}

/// Changes how a client's refresh tokens live.
async fn set(world: &World, client: &Client, change: impl FnOnce(&mut RefreshTokenSettings)) {
    let store = &world.tenant.store;
    let before = store.client(&client.id.parse().unwrap()).await.unwrap();
    let before = before.unwrap();
    let mut after = before.clone();
    change(&mut after.refresh_token);
    store.update_client(&before, &after).await.unwrap();
}

/// Logs in and answers the refresh token.
async fn first(world: &World, client: &Client) -> Value {
    let login = world.login(client, "offline_access read:reports").await;
    login.tokens()["refresh_token"].clone()
}

async fn exchange(world: &World, client: &Client, token: &Value) -> Answer {
    let body = json!({"grant_type": "refresh_token", "refresh_token": token});
    world.token(client, body).await
}

/// Exchanges a token that is good; answers the next one.
async fn next(world: &World, client: &Client, token: &Value) -> Value {
    let tokens = exchange(world, client, token).await.tokens();
    tokens["refresh_token"].clone()
}

#[track_caller]
fn assert_ended(answer: &Answer) {
    let (status, error, _) = answer.refusal();
    assert_eq!((status, error), (400, "invalid_grant"), "{answer:?}");
}

#[tokio::test]
async fn a_replaced_token_is_good_within_the_leeway_and_revokes_all_after_it() {
    for (seconds, is_good) in [(3, true), (4, false)] {
        let world = World::start().await;
        let app = app(&world).await;
        let one = first(&world, &app).await;
        let two = next(&world, &app, &one).await;
        world.later(seconds);

        let again = exchange(&world, &app, &one).await;

        if is_good {
            again.tokens();
            next(&world, &app, &two).await;
        } else {
            assert_ended(&again);
            assert_ended(&exchange(&world, &app, &two).await);
        }
    }
}

#[tokio::test]
async fn a_token_is_judged_by_when_it_came_however_long_the_request_takes() {
    let world = World::start().await;
    let app = app(&world).await;
    let mut has_taken_long = false;

    for reading in 1..=12 {
        let one = first(&world, &app).await;
        let began_at = claims(&exchange(&world, &app, &one).await.tokens()["access_token"])["iat"]
            .as_i64()
            .unwrap();
        world.later(2);
        // The leeway of three seconds ends before the request, or while it is under way.
        world.later_at(reading, 4);
        let again = exchange(&world, &app, &one).await;

        if again.status == 200 {
            let tokens = again.tokens();
            has_taken_long |= claims(&tokens["access_token"])["iat"] == began_at + 6;
            next(&world, &app, &tokens["refresh_token"]).await;
        } else {
            assert_ended(&again);
        }
    }

    assert!(
        has_taken_long,
        "the clock is read when a token comes, and when one is made"
    );
}

#[tokio::test]
async fn without_leeway_a_replaced_token_is_not_good_in_the_same_moment_either() {
    let world = World::start().await;
    let app = app(&world).await;
    set(&world, &app, |settings| settings.leeway_s = 0).await;
    let one = first(&world, &app).await;
    let two = next(&world, &app, &one).await;

    assert_ended(&exchange(&world, &app, &one).await);
    assert_ended(&exchange(&world, &app, &two).await);
}

#[tokio::test]
async fn refresh_tokens_end_at_a_time_whatever_happens() {
    let world = World::start().await;
    let app = app(&world).await;
    set(&world, &app, |settings| {
        settings.lifetime_s = Some(100);
        settings.idle_lifetime_s = Some(60);
    })
    .await;
    let mut token = first(&world, &app).await;
    world.later(50);
    token = next(&world, &app, &token).await;
    world.later(49);
    token = next(&world, &app, &token).await;

    world.later(1);

    assert_ended(&exchange(&world, &app, &token).await);
}

#[tokio::test]
async fn refresh_tokens_end_when_they_are_not_used() {
    for (seconds, is_good) in [(59, true), (60, false)] {
        let world = World::start().await;
        let app = app(&world).await;
        set(&world, &app, |settings| {
            settings.idle_lifetime_s = Some(60);
        })
        .await;
        let mut token = first(&world, &app).await;
        world.later(59);
        token = next(&world, &app, &token).await;

        world.later(seconds);

        let answer = exchange(&world, &app, &token).await;
        if is_good {
            answer.tokens();
        } else {
            assert_ended(&answer);
        }
    }
}

#[tokio::test]
async fn a_refresh_token_is_given_only_where_client_and_api_allow_it() {
    let world = World::start().await;
    let without = json!({"grant_types": ["password"]});
    let without = world.client(without).await;
    let login = world.login(&without, "offline_access read:reports").await;
    let tokens = login.tokens();
    assert_eq!(tokens.get("refresh_token"), None);
    assert_eq!(tokens["scope"], "read:reports");

    let app = app(&world).await;
    first(&world, &app).await;
    let api = format!("resource-servers/{}", API.replace('/', "%2F"));
    let closed = json!({"allow_offline_access": false});
    world.manage("PATCH", &api, closed).await;
    let tokens = world.login(&app, "offline_access read:reports").await;
    assert_eq!(tokens.tokens().get("refresh_token"), None);
}

#[tokio::test]
async fn an_exchange_asks_again_whether_the_client_may_use_refresh_tokens() {
    let world = World::start().await;
    let app = app(&world).await;
    let token = first(&world, &app).await;

    let path = format!("clients/{}", app.id);
    let grants = json!({"grant_types": [GrantType::Password.as_str()]});
    world.manage("PATCH", &path, grants).await;

    let refused = exchange(&world, &app, &token).await;
    assert_eq!(refused.refusal().1, "unauthorized_client");
}
