//! `claimsmith action run`: what an author sees on their own machine.

use serde_json::{Value, json};

use crate::harness::{
    API, CREDENTIALS_EXCHANGE, POST_LOGIN, TestServer,
    command_line::{action_run, claimsmith, run_module},
    guest, scripted,
};

const EVENT: &str = "urn:test:event";

/// The claims that no Action set are the server's; the rest is custom.
fn custom(claims: &Value) -> Value {
    let mut claims = claims.clone();
    claims
        .as_object_mut()
        .unwrap()
        .retain(|name, _| name.contains(':'));
    claims
}

/// Of refusals, what doesn't depend on where the Action ran.
fn reasons(refused: &Value) -> Vec<Value> {
    let list = refused.as_array().unwrap().iter();
    list.map(|it| {
        json!([
            it["token"],
            it["claim"],
            it["code"],
            it["message"],
            it["remedy"],
            it["docs"]
        ])
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_run_shows_exactly_the_claims_that_the_real_token_holds() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let user = server
        .user("ada@example.com")
        .with("app_metadata", json!({"role": "editor"}));
    let user = user.with("profile_attributes", json!({"favorite_color": "green"}));
    let ada = user.create().await;
    let login = || server.login(&app, &ada).scope("openid").send();
    server
        .bind(
            POST_LOGIN,
            [scripted("shows", json!([["echo", "", EVENT]]))],
        )
        .await;
    let event = login().await.expect_token().claims()[EVENT].clone();

    for folder in ["role", "login-profile", "forbidden-claims", "both-triggers"] {
        server.bind(POST_LOGIN, [guest(folder)]).await;
        let reply = login().await.expect_token();
        let record = server.execution(&reply).await.0;

        let (status, report) = action_run(folder, &event, &["--trigger", "post-login"]);

        assert_eq!(status, 0, "{report}");
        assert_eq!(
            report["claims"]["access_token"],
            custom(&reply.claims()),
            "{folder}"
        );
        assert_eq!(
            report["claims"]["id_token"],
            custom(&reply.id_claims()),
            "{folder}"
        );
        assert_eq!(
            reasons(&report["refused"]),
            reasons(&record["claims"]["refused"]),
            "{folder}"
        );
        assert_eq!(report["logs"], record["results"][0]["logs"], "{folder}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_run_of_an_exchange_shows_what_the_real_token_holds() {
    let server = TestServer::start().await;
    let job = server
        .client("job")
        .metadata("department", "finance")
        .may_call(API, &[]);
    let job = job.create().await;
    server
        .bind(
            CREDENTIALS_EXCHANGE,
            [scripted("shows", json!([["echo", "", EVENT]]))],
        )
        .await;
    let event = server.exchange(&job).send().await.expect_token().claims()[EVENT].clone();

    for folder in ["department", "forbidden-claims"] {
        server.bind(CREDENTIALS_EXCHANGE, [guest(folder)]).await;
        let reply = server.exchange(&job).send().await.expect_token();
        let record = server.execution(&reply).await.0;

        let (status, report) = action_run(folder, &event, &["--trigger", CREDENTIALS_EXCHANGE]);

        assert_eq!(status, 0, "{report}");
        assert_eq!(
            report["claims"]["access_token"],
            custom(&reply.claims()),
            "{folder}"
        );
        assert_eq!(
            reasons(&report["refused"]),
            reasons(&record["claims"]["refused"]),
            "{folder}"
        );
        assert_eq!(report["logs"], record["results"][0]["logs"], "{folder}");
    }
}

#[test]
fn a_denial_and_a_failure_are_told_by_the_exit_status() {
    let script = |script: Value| format!("SCRIPT={script}");
    let run = |secret: String| {
        action_run(
            "scripted",
            &json!({}),
            &["--trigger", "post-login", "--secret", &secret],
        )
    };

    let (status, report) = run(script(json!([["deny", "not on Sundays"]])));
    assert_eq!(
        (status, &report["denial"]["reason"]),
        (1, &json!("not on Sundays"))
    );

    let (status, report) = run(script(json!([["fail", "no seats left"]])));
    assert_eq!(
        (status, &report["fault"]["kind"]),
        (1, &json!("guest_error"))
    );
    assert!(
        report["fault"]["message"]
            .as_str()
            .unwrap()
            .contains("no seats left"),
        "{report}"
    );

    let (status, report) = run(script(json!([["app_metadata", "seen", true]])));
    assert_eq!(
        (status, &report["app_metadata"]),
        (0, &json!({"seen": true}))
    );
}

#[test]
fn what_can_not_be_run_is_said_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let file = folder.path().join(name);
        std::fs::write(&file, bytes).unwrap();
        file
    };
    let (text, event) = (write("action.wasm", b"no wasm"), write("event.json", b"{}"));
    let not_json = write("wrong.json", b"{");
    let role = crate::harness::actions::module_file("role");
    let both = crate::harness::actions::module_file("both-triggers");
    let error = |output: std::process::Output| {
        assert_eq!(output.status.code(), Some(2));
        assert!(output.stdout.is_empty());
        String::from_utf8(output.stderr).unwrap()
    };

    let message = error(run_module(&text, &event, &[]));
    assert!(message.contains("would be refused"), "{message}");
    let message = error(run_module(&role, &not_json, &[]));
    assert!(message.contains("is not an event"), "{message}");
    let message = error(run_module(&both, &event, &[]));
    assert!(message.contains("choose one with --trigger"), "{message}");
    let message = error(run_module(
        &role,
        &event,
        &["--trigger", CREDENTIALS_EXCHANGE],
    ));
    assert!(
        message.contains("no handler for credentials-exchange"),
        "{message}"
    );
}

#[test]
fn the_text_form_names_claims_refusals_and_timing() {
    let folder = tempfile::tempdir().unwrap();
    let event = folder.path().join("event.json");
    std::fs::write(&event, "{}").unwrap();
    let module = crate::harness::actions::module_file("forbidden-claims");

    let mut command = claimsmith();
    command
        .args(["action", "run"])
        .arg(module)
        .arg("--event")
        .arg(event);
    let output = command.args(["--trigger", "post-login"]).output().unwrap();

    let text = String::from_utf8(output.stdout).unwrap();
    for part in [
        "post-login ran in",
        "https://example.com/role",
        "reserved_namespace:",
        "https://<your domain>/role",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}
