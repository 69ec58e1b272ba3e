//! Guessing passwords.

use std::net::SocketAddr;

use serde_json::json;

use super::{Answer, Client, PASSWORD, World};

async fn world() -> (World, Client) {
    let world = World::start().await;
    world.limit("login_failures_per_account", 3).await;
    let app = world.client(json!({"grant_types": ["password"]})).await;
    (world, app)
}

async fn login(world: &World, app: &Client, username: &str, password: &str) -> Answer {
    let body = json!({"grant_type": "password", "username": username, "password": password});
    world.token(app, body).await
}

async fn guess(world: &World, app: &Client, username: &str) -> u16 {
    let refused = login(world, app, username, "guessed").await;
    refused.status.as_u16()
}

/// Asserts that not even the right password helps; answers after how many seconds it
/// will.
#[track_caller]
fn assert_locked(answer: &Answer) -> u32 {
    let (status, error, text) = answer.refusal();
    assert_eq!((status, error), (429, "too_many_attempts"), "{answer:?}");
    let retry_after = answer.retry_after.as_deref().unwrap();
    assert!(text.contains(retry_after), "{text}");
    retry_after.parse().unwrap()
}

#[tokio::test]
async fn after_so_many_wrong_passwords_the_right_one_is_refused_until_some_time_has_passed() {
    let (world, app) = world().await;
    let ada = "ada@example.com";
    assert_eq!(guess(&world, &app, ada).await, 400);
    world.later(100);
    for _ in 0..2 {
        assert_eq!(guess(&world, &app, ada).await, 400);
    }

    let refused = login(&world, &app, "ADA@example.com", PASSWORD).await;

    // From the first of them.
    assert_eq!(assert_locked(&refused), 800);
    world.later(799);
    assert_eq!(assert_locked(&login(&world, &app, ada, PASSWORD).await), 1);
    world.later(1);
    login(&world, &app, ada, PASSWORD).await.tokens();
}

#[tokio::test]
async fn a_user_whom_there_is_not_is_answered_like_one_whom_there_is() {
    let (world, app) = world().await;
    for _ in 0..4 {
        let ada = login(&world, &app, "ada@example.com", "guessed").await;
        let nobody = login(&world, &app, "nobody@example.com", "guessed").await;
        assert_eq!(ada.refusal(), nobody.refusal());
        assert_eq!(ada.retry_after, nobody.retry_after);
    }
}

#[tokio::test]
async fn a_right_password_lets_the_account_begin_anew_and_locks_nobody_else_out() {
    let (world, app) = world().await;
    let bob = json!({
        "connection": "Username-Password-Authentication", "email": "bob@example.com",
        "password": PASSWORD,
    });
    world.manage("POST", "users", bob).await;
    for _ in 0..2 {
        for _ in 0..2 {
            assert_eq!(guess(&world, &app, "ada@example.com").await, 400);
        }
        login(&world, &app, "ada@example.com", PASSWORD)
            .await
            .tokens();
    }

    for _ in 0..3 {
        guess(&world, &app, "ada@example.com").await;
    }
    assert_locked(&login(&world, &app, "ada@example.com", PASSWORD).await);
    login(&world, &app, "bob@example.com", PASSWORD)
        .await
        .tokens();
}

#[tokio::test]
async fn many_guesses_at_once_are_no_more_than_one_after_another() {
    let (world, app) = world().await;
    let one = || guess(&world, &app, "ada@example.com");

    let statuses = tokio::join!(one(), one(), one(), one(), one(), one());

    let statuses: [u16; 6] = statuses.into();
    let looked_at = statuses.iter().filter(|status| **status == 400);
    assert_eq!(looked_at.count(), 3, "{statuses:?}");
}

#[tokio::test]
async fn an_address_that_guesses_at_many_is_stopped_and_an_own_account_does_not_help_it() {
    let (mut world, app) = world().await;
    world.limit("login_failures_per_address", 3).await;
    for name in ["a", "b"] {
        assert_eq!(guess(&world, &app, name).await, 400);
        login(&world, &app, "ada@example.com", PASSWORD)
            .await
            .tokens();
    }
    assert_eq!(guess(&world, &app, "c").await, 400);

    assert_locked(&login(&world, &app, "ada@example.com", PASSWORD).await);

    world.peer = SocketAddr::from(([192, 0, 2, 2], 1));
    login(&world, &app, "ada@example.com", PASSWORD)
        .await
        .tokens();
}

#[tokio::test]
async fn what_never_came_to_a_password_is_not_counted() {
    let (world, app) = world().await;
    for _ in 0..10 {
        // Not even looked at: there is no such connection.
        let body = json!({
            "grant_type": "password", "username": "ada@example.com", "password": "guessed",
            "realm": "elsewhere",
        });
        assert_eq!(world.token(&app, body).await.status, 400);
    }
    login(&world, &app, "ada@example.com", PASSWORD)
        .await
        .tokens();
}
