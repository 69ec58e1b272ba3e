//! What becomes of a login when an Action fails.

use serde_json::{Value, json};

use crate::harness::{POST_LOGIN, TestServer, actions::ActionFixture, scripted};

/// Three ways to fail, each after asking for something, with the record's word for it.
fn failures() -> [(ActionFixture, &'static str); 3] {
    let then = |last: Value| {
        json!([
            ["access_token", "https://example.com/failing", true],
            ["app_metadata", "failing", true],
            ["log", "info", "about to fail"],
            last,
        ])
    };
    [
        (
            scripted(
                "answers-err",
                then(json!(["fail", "the guest's own words"])),
            ),
            "guest_error",
        ),
        (
            scripted("panics", then(json!(["panic", "the guest's own words"]))),
            "trap",
        ),
        (scripted("never-ends", then(json!(["loop"]))), "deadline"),
    ]
}

fn before() -> ActionFixture {
    scripted(
        "before",
        json!([["access_token", "https://example.com/before", true]]),
    )
}

fn after() -> ActionFixture {
    scripted(
        "after",
        json!([["access_token", "https://example.com/after", true]]),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_action_denies_the_login_and_the_client_never_sees_its_words() {
    for (failing, kind) in failures() {
        let server = TestServer::start().await;
        let (app, ada) = (
            server.app().await,
            server.user("ada@example.com").create().await,
        );
        let name = failing.name.clone();
        server.bind(POST_LOGIN, [before(), failing, after()]).await;

        let reply = server.login(&app, &ada).send().await;

        assert_eq!(
            reply.summary(),
            r#"400 {"error":"access_denied","error_description":"the login or exchange could not be completed; execution <execution>"}"#,
        );
        let execution = server.execution(&reply).await;
        assert_eq!(execution.0["outcome"], "failed");
        assert_eq!(execution.actions(), ["before", name.as_str()]);
        let error = &execution.results()[1]["error"];
        assert_eq!(
            (&error["id"], &error["blame"]),
            (&json!(kind), &json!("action"))
        );
        assert_eq!(execution.logs(1)[0], ("info", "about to fail"));
        if kind != "deadline" {
            let said = format!("{error}{:?}", execution.logs(1));
            assert!(said.contains("the guest's own words"), "{said}");
        }
        assert_eq!(server.stored_user(&ada).await["app_metadata"], json!({}));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_on_error_continue_only_what_the_failing_action_asked_for_is_discarded() {
    for (failing, kind) in failures() {
        let server = TestServer::start().await;
        let (app, ada) = (
            server.app().await,
            server.user("ada@example.com").create().await,
        );
        let name = failing.name.clone();
        server
            .bind(
                POST_LOGIN,
                [before(), failing.on_error("continue"), after()],
            )
            .await;

        let reply = server.login(&app, &ada).send().await.expect_token();

        let claims = reply.claims();
        assert_eq!(claims["https://example.com/before"], true);
        assert_eq!(claims["https://example.com/after"], true);
        assert_eq!(claims.get("https://example.com/failing"), None);
        assert_eq!(server.stored_user(&ada).await["app_metadata"], json!({}));
        let execution = server.execution(&reply).await;
        assert_eq!(execution.0["outcome"], "issued");
        assert_eq!(execution.actions(), ["before", name.as_str(), "after"]);
        assert_eq!(execution.results()[1]["error"]["id"], kind);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_goes_on_serving_others_while_an_action_never_ends() {
    let server = TestServer::start().await;
    let (app, ada) = (
        server.app().await,
        server.user("ada@example.com").create().await,
    );
    server
        .bind(POST_LOGIN, [scripted("never-ends", json!([["loop"]]))])
        .await;
    let job = server.job().await;

    let login = async {
        (
            server.login(&app, &ada).send().await,
            std::time::Instant::now(),
        )
    };
    let others = async {
        for _ in 0..20 {
            server.exchange(&job).send().await.expect_token();
        }
        std::time::Instant::now()
    };
    let ((login, login_ended), others_ended) = tokio::join!(login, others);

    login.expect_error(400, "access_denied");
    assert!(
        others_ended < login_ended,
        "the others waited for the login"
    );
}
