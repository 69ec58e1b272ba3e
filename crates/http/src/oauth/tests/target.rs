//! Which API a request asks for: `audience` and `resource` (RFC 8707).

use serde_json::{Value, json};

use super::{API, PASSWORD, World, claims};

#[tokio::test]
async fn resource_names_the_api_as_audience_does() {
    let world = World::start().await;
    let job = world.job(json!({})).await;
    let credentials = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        job.id, job.secret
    );
    for target in [
        format!("resource={API}"),
        format!("resource={API}&resource={API}"),
        format!("resource={API}&audience={API}"),
    ] {
        let form = format!("{credentials}&{target}");
        let tokens = world.form("/oauth/token", None, &form).await.tokens();
        assert_eq!(claims(&tokens["access_token"])["aud"], API, "{target}");
    }
    for target in [
        "resource=https://other.example.com/".to_owned(),
        format!("resource={API}%23fragment"),
        format!("resource={API}&resource=https://other.example.com/"),
        format!("resource={API}&audience=https://other.example.com/"),
        "resource=reports".to_owned(),
    ] {
        let form = format!("{credentials}&{target}");
        let refused = world.form("/oauth/token", None, &form).await;
        let (status, error, _) = refused.refusal();
        assert_eq!((status, error), (400, "invalid_target"), "{target}");
    }
    // Every other parameter is given once.
    let form = format!("{credentials}&audience={API}&audience={API}");
    let refused = world.form("/oauth/token", None, &form).await;
    assert_eq!(refused.refusal().1, "invalid_request");
}

#[tokio::test]
async fn a_refresh_token_is_good_for_its_own_api_only() {
    let world = World::start().await;
    let grants = json!({"grant_types": ["password", "refresh_token"]});
    let app = world.client(grants).await;
    let login = json!({
        "grant_type": "password", "username": "ada@example.com", "password": PASSWORD,
        "resource": API, "scope": "offline_access",
    });
    let tokens = world.token(&app, login).await.tokens();
    let exchange = |token: &Value, resource: &str| {
        let body = json!({
            "grant_type": "refresh_token", "refresh_token": token, "resource": resource,
        });
        world.token(&app, body)
    };

    let token = &tokens["refresh_token"];
    let refused = exchange(token, "https://other.example.com/").await;
    assert_eq!(refused.refusal().1, "invalid_target");
    exchange(token, API).await.tokens();
}

#[tokio::test]
async fn userinfo_takes_the_token_in_a_form_but_in_one_place_only() {
    let world = World::start().await;
    let app = world.client(json!({"grant_types": ["password"]})).await;
    let tokens = world.login(&app, "openid email").await.tokens();
    let token = tokens["access_token"].as_str().unwrap();
    let form = format!("access_token={token}");

    let info = world.form("/userinfo", None, &form).await;
    assert_eq!(info.body["email"], "ada@example.com");
    let header = world.form("/userinfo", Some(token), "").await;
    assert_eq!(header.status, 200);
    let both = world.form("/userinfo", Some(token), &form).await;
    assert_eq!(
        (both.refusal().0, both.refusal().1),
        (400, "invalid_request")
    );
    let twice = world
        .form("/userinfo", None, &format!("{form}&{form}"))
        .await;
    assert_eq!(twice.refusal().1, "invalid_request");
    let none = world.form("/userinfo", None, "").await;
    assert_eq!((none.status.as_u16(), none.body), (401, Value::Null));
    // A URL ends in logs and histories.
    let path = format!("/userinfo?{form}");
    let query = world.send("GET", &path, None, Value::Null).await;
    assert_eq!(query.status, 401);
    let put = world.send("PUT", "/userinfo", None, Value::Null).await;
    assert_eq!(put.status, 405);
    assert_eq!(put.allow.as_deref(), Some("GET,HEAD,POST,OPTIONS"));
}
