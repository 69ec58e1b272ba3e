//! The client credentials grant, and the trigger that it runs.

use serde_json::{Value, json};

use crate::harness::{API, CREDENTIALS_EXCHANGE, POST_LOGIN, TestServer, guest, scripted};

#[tokio::test(flavor = "multi_thread")]
async fn the_token_carries_the_claims_of_the_grant_and_the_custom_one() {
    let server = TestServer::start().await;
    let job = server
        .client("nightly reports")
        .metadata("department", "finance")
        .may_call(API, &["read:reports"])
        .create()
        .await;
    server
        .bind(CREDENTIALS_EXCHANGE, [guest("department")])
        .await;

    let reply = server.exchange(&job).send().await.expect_token();

    let mut claims = reply.claims();
    let (iat, exp) = (
        claims["iat"].as_i64().unwrap(),
        claims["exp"].as_i64().unwrap(),
    );
    assert_eq!(exp - iat, 86_400);
    assert_eq!(reply.body["expires_in"], 86_400);
    assert_eq!(reply.body["scope"], "read:reports");
    let claims = claims.as_object_mut().unwrap();
    claims.retain(|name, _| name != "iat" && name != "exp");
    let expected = json!({
        "iss": server.issuer,
        "sub": format!("{}@clients", job.id),
        "aud": API,
        "azp": job.id,
        "scope": "read:reports",
        "gty": "client-credentials",
        "https://example.com/department": "finance",
    });
    assert_eq!(Value::Object(claims.clone()), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_bound_to_post_login_only_does_not_run_and_the_report_says_where_to_bind_it() {
    let server = TestServer::start().await;
    let job = server.job().await;
    let script = json!([["access_token", "https://example.com/ran", true]]);
    server
        .bind(POST_LOGIN, [scripted("expects-to-run", script)])
        .await;

    let reply = server.exchange(&job).send().await.expect_token();

    assert_eq!(reply.claims().get("https://example.com/ran"), None);
    let execution = server.execution(&reply).await;
    assert_eq!(execution.0["trigger_id"], CREDENTIALS_EXCHANGE);
    assert_eq!(execution.actions(), [""; 0]);
    let [warning] = execution.warnings() else {
        panic!("{:?}", execution.0)
    };
    assert_eq!(warning["code"], "other_trigger_bound");
    let remedy = warning["remedy"].as_str().unwrap();
    assert!(remedy.contains(CREDENTIALS_EXCHANGE), "{remedy}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_bound_to_credentials_exchange_runs_and_sees_no_user() {
    let server = TestServer::start().await;
    let job = server.job().await;
    let script = json!([
        ["echo", "/user", "https://example.com/user"],
        ["echo", "/client/client_id", "https://example.com/client"],
        [
            "echo",
            "/resource_server/identifier",
            "https://example.com/api"
        ],
    ]);
    server
        .bind(CREDENTIALS_EXCHANGE, [scripted("looks", script)])
        .await;

    let reply = server.exchange(&job).send().await.expect_token();

    let claims = reply.claims();
    assert_eq!(claims["https://example.com/user"], Value::Null);
    assert_eq!(claims["https://example.com/client"], job.id.as_str());
    assert_eq!(claims["https://example.com/api"], API);
    assert_eq!(server.execution(&reply).await.warnings(), [] as [Value; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_prove_itself_in_the_body_or_in_the_header_but_not_in_both() {
    let server = TestServer::start().await;
    let job = server.job().await;

    server.exchange(&job).send().await.expect_token();
    server
        .exchange(&job)
        .basic(&job)
        .send()
        .await
        .expect_token();

    let reply = server.exchange(&job).basic(&job).client(&job).send().await;
    reply.expect_error(400, "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_json_body_may_hold_nulls_which_count_as_absent() {
    let server = TestServer::start().await;
    let job = server.job().await;
    let request = server.exchange(&job).json();
    let request = ["scope", "organization", "username", "correlation_id"]
        .into_iter()
        .fold(request, |request, name| request.with(name, Value::Null));

    let reply = request.send().await.expect_token();

    assert_eq!(reply.body["scope"], "read:reports");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_gets_the_scopes_that_it_asks_for_and_its_grant_holds() {
    let server = TestServer::start().await;
    let job = server
        .client("job")
        .may_call(API, &["read:reports", "write:reports"])
        .create()
        .await;

    for (asked, got) in [
        ("", "read:reports write:reports"),
        ("write:reports", "write:reports"),
        ("write:reports delete:everything", "write:reports"),
    ] {
        let reply = server
            .exchange(&job)
            .scope(asked)
            .send()
            .await
            .expect_token();
        assert_eq!(reply.claims()["scope"], got, "{asked}");
        assert_eq!(reply.body["scope"], got, "{asked}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_may_change_the_scopes_within_the_clients_grant() {
    let server = TestServer::start().await;
    let job = server.job().await;
    let script = json!([
        ["add_scope", "write:reports"],
        ["remove_scope", "read:reports"]
    ]);
    server
        .bind(CREDENTIALS_EXCHANGE, [scripted("widens", script)])
        .await;

    let reply = server.exchange(&job).send().await.expect_token();

    // What isn't in the grant is refused; what is may be taken away.
    assert_eq!(reply.claims().get("scope"), None);
    let execution = server.execution(&reply).await;
    let refused = &execution.results()[0]["refused_commands"][0];
    assert_eq!(refused["command"], "transaction.add-target-scope");
    assert_eq!(refused["code"], "scope_not_granted");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_may_refuse_an_exchange_with_the_oauth_error_of_its_choice() {
    let server = TestServer::start().await;
    let job = server.job().await;
    // Asked for before any Action keeps it back.
    server.management_token().await;

    for code in ["invalid_scope", "invalid_request", "server_error"] {
        let script = json!([
            ["deny", code, "not on Sundays"],
            ["log", "info", "still here"]
        ]);
        let later = scripted(&format!("later-{code}"), json!([["log", "info", "later"]]));
        let denies = scripted(&format!("denies-{code}"), script);
        server.bind(CREDENTIALS_EXCHANGE, [denies, later]).await;

        let reply = server.exchange(&job).send().await;

        assert_eq!(reply.expect_error(400, code), "not on Sundays");
        let execution = server.execution(&reply).await;
        assert_eq!(execution.0["outcome"], "denied");
        assert_eq!(execution.actions(), [format!("denies-{code}")]);
        assert_eq!(execution.logs(0), [("info", "still here")]);
    }
}
