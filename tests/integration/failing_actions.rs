//! What becomes of a login when an Action fails.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::{
    harness::{
        CREDENTIALS_EXCHANGE, POST_LOGIN, TestServer, actions::ActionFixture, guest, scripted,
    },
    zoo::beast,
};

/// Every way in which an Action can fail, each after asking for something, with the
/// record's word for it.
fn failures() -> [(ActionFixture, &'static str); 5] {
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
        (beast("zoo", "trace\nmemory 68000000"), "memory"),
        (beast("zoo", "trace\nclaims 100000"), "limit"),
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
        if ["guest_error", "trap"].contains(&kind) {
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
        assert_eq!(claims.get("https://zoo.example.com/trace"), None);
        assert_eq!(server.stored_user(&ada).await["app_metadata"], json!({}));
        let execution = server.execution(&reply).await;
        assert_eq!(execution.0["outcome"], "issued");
        assert_eq!(execution.actions(), ["before", name.as_str(), "after"]);
        assert_eq!(execution.results()[1]["error"]["id"], kind);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_module_is_the_servers_fault_and_on_error_decides_as_for_any_other() {
    for on_error in ["deny", "continue"] {
        let server = TestServer::start().await;
        let (app, ada) = (
            server.app().await,
            server.user("ada@example.com").create().await,
        );
        let damaged = guest("both-triggers").on_error(on_error);
        let bytes = damaged.module.len();
        server.bind(POST_LOGIN, [before(), damaged]).await;
        damage_the_file(&server.folder().join("tenants/modules"), bytes);
        // Without the code that was compiled from it before.
        let server = server
            .restart_with(|config| fs::remove_dir_all(config.data_dir.join("code")).unwrap())
            .await;

        let reply = server.login(&app, &ada).send().await;

        let reply = if on_error == "deny" {
            reply.expect_error(500, "server_error");
            reply
        } else {
            let reply = reply.expect_token();
            let claims = reply.claims();
            assert_eq!(claims["https://example.com/before"], true);
            assert_eq!(claims.get("https://example.com/trigger"), None);
            reply
        };
        let execution = server.execution(&reply).await;
        assert_eq!(execution.actions(), ["before", "both-triggers"]);
        let error = &execution.results()[1]["error"];
        assert_eq!(
            (&error["id"], &error["blame"]),
            (&json!("host"), &json!("host"))
        );
    }
}

/// Changes a byte in the middle of the sealed module of so many bytes.
fn damage_the_file(folder: &Path, module_bytes: usize) {
    /// What sealing adds, at most.
    const SEAL_BYTES: u64 = 200;
    let module_bytes = module_bytes as u64;
    let mut files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let file = files.find(|file| {
        let bytes = file.metadata().unwrap().len();
        (module_bytes..module_bytes + SEAL_BYTES).contains(&bytes)
    });
    let path = file.unwrap().path();
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
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
