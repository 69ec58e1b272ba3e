//! What becomes of a login when an Action fails.

use serde_json::{Value, json};

use crate::harness::{
    CREDENTIALS_EXCHANGE, POST_LOGIN, TestServer, actions::ActionFixture, scripted,
};

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn actions_that_never_end_are_ended_and_the_server_goes_on() {
    let server = TestServer::start().await;
    let job = server.job().await;
    server
        .bind(
            CREDENTIALS_EXCHANGE,
            [scripted("never-ends", json!([["loop"]]))],
        )
        .await;

    // More than there are threads to run them.
    let exchange = || server.exchange(&job).send();
    let (one, two, three, healthy) =
        tokio::join!(exchange(), exchange(), exchange(), server.get("/healthz"));

    healthy.expect(200);
    for reply in [one, two, three] {
        reply.expect_error(400, "access_denied");
        let execution = server.execution(&reply).await;
        assert_eq!(execution.results()[0]["error"]["id"], "deadline");
    }
}
