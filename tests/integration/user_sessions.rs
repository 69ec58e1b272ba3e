//! Users' sessions as admins see and end them.

use serde_json::{Value, json};

use crate::harness::{
    API, TestServer,
    browser::{Authorize, redeem},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_users_sessions_are_listed_and_ended_with_what_came_from_them() {
    let server = TestServer::start_empty().await;
    let api = server.api(API).with("allow_offline_access", true);
    api.create().await;
    let spa = server.spa().await;
    let ada = server.user("ada@example.com").create().await;
    let bob = server.user("bob@example.com").create().await;
    let request = Authorize::code(&spa)
        .with("audience", API)
        .with("scope", "openid offline_access");
    let browsers = [server.browser(), server.browser(), server.browser()];
    let mut logins = Vec::new();
    for (browser, user) in browsers.iter().zip([&ada, &ada, &bob]) {
        let callback = browser.log_in(&request, user).await;
        let reply = redeem(&server, &spa, callback.code()).await;
        logins.push(reply.expect_token());
    }
    let sids: Vec<Value> = logins
        .iter()
        .map(|reply| reply.id_claims()["sid"].clone())
        .collect();
    let refresh = async |login: usize| {
        let token = logins[login].body["refresh_token"].as_str().unwrap();
        let request = server.token_request().with("client_id", spa.id.as_str());
        let request = request.with("grant_type", "refresh_token");
        request.with("refresh_token", token).send().await
    };
    let of_user = format!("users/{}/sessions", ada.in_path());

    let listed = server
        .manage("GET", &of_user, Value::Null)
        .await
        .expect(200);
    let sessions = listed["sessions"].as_array().unwrap();
    let listed_sids: Vec<&Value> = sessions.iter().map(|session| &session["id"]).collect();
    assert_eq!(listed_sids, [&sids[0], &sids[1]]);
    assert_eq!(listed.get("next"), None);
    for session in sessions {
        assert_eq!(session["user_id"], ada.id);
        assert_eq!(session["clients"], json!([{"client_id": spa.id}]));
        for time in [
            "created_at",
            "authenticated_at",
            "expires_at",
            "idle_expires_at",
        ] {
            assert!(session[time].is_string(), "{time}: {session}");
        }
    }
    // In pages, too.
    let path = format!("{of_user}?take=1");
    let page = server.manage("GET", &path, Value::Null).await.expect(200);
    assert_eq!(page["sessions"], json!(sessions[..1]));
    let next = page["next"].as_str().unwrap();
    let path = format!("{of_user}?take=1&from={next}");
    let page = server.manage("GET", &path, Value::Null).await.expect(200);
    assert_eq!(page, json!({"sessions": sessions[1..]}));
    let path = format!("sessions/{}", sids[0].as_str().unwrap());
    let one = server.manage("GET", &path, Value::Null).await.expect(200);
    assert_eq!(one, sessions[0]);

    // One of them, with its refresh token.
    for _ in 0..2 {
        server
            .manage("DELETE", &path, Value::Null)
            .await
            .expect(202);
    }
    server.manage("GET", &path, Value::Null).await.expect(404);
    browsers[0].page(&request).await.expect_login();
    refresh(0).await.expect_error(400, "invalid_grant");
    browsers[1].callback(&request).await.code();

    // And all of them, of that user.
    server
        .manage("DELETE", &of_user, Value::Null)
        .await
        .expect(202);
    browsers[1].page(&request).await.expect_login();
    refresh(1).await.expect_error(400, "invalid_grant");
    browsers[2].callback(&request).await.code();
    refresh(2).await.expect_token();
    let listed = server
        .manage("GET", &of_user, Value::Null)
        .await
        .expect(200);
    assert_eq!(listed, json!({"sessions": []}));
    let nobody = "users/auth0%7Cnobody/sessions";
    for method in ["GET", "DELETE"] {
        let missing = server.manage(method, nobody, Value::Null).await.expect(404);
        assert_eq!(missing["errorCode"], "inexistent_user", "{missing}");
    }
}
