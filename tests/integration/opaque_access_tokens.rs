//! Logins that ask for no audience.

use serde_json::{Value, json};

use crate::harness::{API, POST_LOGIN, TestServer, scripted, verify::Jwt};

const ROLE: &str = "https://example.com/role";

#[tokio::test(flavor = "multi_thread")]
async fn without_an_audience_the_access_token_is_opaque_and_the_report_says_why_claims_do_not_show()
{
    let server = TestServer::start().await;
    let (app, ada) = (
        server.app().await,
        server.user("ada@example.com").create().await,
    );
    server
        .bind(
            POST_LOGIN,
            [scripted("role", json!([["access_token", ROLE, "editor"]]))],
        )
        .await;

    let reply = server
        .login(&app, &ada)
        .without("audience")
        .send()
        .await
        .expect_token();

    assert!(
        Jwt::parse(reply.access_token()).is_none(),
        "{}",
        reply.access_token()
    );
    let execution = server.execution(&reply).await;
    let [warning] = execution.warnings() else {
        panic!("{:?}", execution.0)
    };
    assert_eq!(warning["code"], "opaque_access_token");
    assert!(
        warning["message"].as_str().unwrap().contains(ROLE),
        "{warning}"
    );
    assert!(
        warning["remedy"]
            .as_str()
            .unwrap()
            .contains("default_audience"),
        "{warning}"
    );
    assert_eq!(execution.admitted(), [], "no token shows it");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_default_audience_it_is_a_jwt_with_the_claim() {
    let server = TestServer::start().await;
    let (app, ada) = (
        server.app().await,
        server.user("ada@example.com").create().await,
    );
    server
        .bind(
            POST_LOGIN,
            [scripted("role", json!([["access_token", ROLE, "editor"]]))],
        )
        .await;
    server.settings(json!({"default_audience": API})).await;

    let reply = server
        .login(&app, &ada)
        .without("audience")
        .send()
        .await
        .expect_token();

    let claims = reply.claims();
    assert_eq!(claims["aud"], API);
    assert_eq!(claims[ROLE], "editor");
    assert_eq!(server.execution(&reply).await.warnings(), [] as [Value; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn userinfo_shows_the_claims_of_the_id_token_and_runs_no_action() {
    let server = TestServer::start().await;
    let user = server.user("ada@example.com").with("name", "Ada Example");
    let (app, ada) = (server.app().await, user.create().await);
    let script = json!([
        [
            "echo",
            "/stats/logins_count",
            "https://example.com/of-access-token"
        ],
        ["id_token", "https://example.com/of-id-token", "yes"],
        ["app_metadata", "runs", "counted"],
    ]);
    server.bind(POST_LOGIN, [scripted("counts", script)]).await;

    for audience in [None, Some(API)] {
        let request = server
            .login(&app, &ada)
            .scope("openid profile")
            .without("audience");
        let request = match audience {
            Some(audience) => request.audience(audience),
            None => request,
        };
        let reply = request.send().await.expect_token();
        let logins = server.stored_user(&ada).await["logins_count"].clone();

        let info = server.userinfo(reply.access_token()).await.expect(200);

        assert_eq!(info["sub"], ada.id);
        assert_eq!(info["name"], "Ada Example");
        assert_eq!(info["https://example.com/of-id-token"], "yes");
        assert_eq!(info.get("https://example.com/of-access-token"), None);
        assert_eq!(info.get("email"), None, "the scope email was not asked for");
        assert_eq!(server.stored_user(&ada).await["logins_count"], logins);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn userinfo_wants_a_token_that_is_for_it() {
    let server = TestServer::start().await;
    let (app, ada) = (
        server.app().await,
        server.user("ada@example.com").create().await,
    );

    let nothing = server.get("/userinfo").await;
    assert_eq!(
        (nothing.status.as_u16(), nothing.header("www-authenticate")),
        (401, "Bearer")
    );

    for token in ["unknown", "a.b.c"] {
        let answer = server.userinfo(token).await;
        assert!(answer.header("www-authenticate").contains("invalid_token"));
        answer.expect(401);
    }

    let no_openid = server
        .login(&app, &ada)
        .without("audience")
        .send()
        .await
        .expect_token();
    let answer = server.userinfo(no_openid.access_token()).await;
    assert!(
        answer
            .header("www-authenticate")
            .contains("insufficient_scope")
    );
    answer.expect(403);

    let for_api_only = server.login(&app, &ada).send().await.expect_token();
    server
        .userinfo(for_api_only.access_token())
        .await
        .expect(401);
}
