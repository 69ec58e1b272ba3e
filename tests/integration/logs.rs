//! What the server logs, and what it never does.

use serde_json::{Value, json};

use crate::harness::{
    PASSWORD, POST_LOGIN,
    browser::{Authorize, Page},
    command_line::claimsmith,
    process::ServerProcess,
    scripted,
};

/// The log, each line of which must be an object.
fn objects(lines: &[String]) -> Vec<Value> {
    let object = |line: &String| -> Value {
        let object: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        for field in ["time", "level", "target", "message"] {
            assert!(object[field].is_string(), "{field}: {line}");
        }
        object
    };
    lines.iter().map(object).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_of_a_token_request_carries_its_execution_and_no_secret() {
    let server = ServerProcess::start(&["--log-format", "json", "--log", "info"]).await;
    let (app, ada) = (
        server.app().await,
        server.user("ada@example.com").create().await,
    );
    let action = scripted("fails", json!([["fail", "the Action's own words"]]));
    server.bind(POST_LOGIN, [action]).await;

    let reply = server
        .login(&app, &ada)
        .header(::http::header::USER_AGENT, "an-agent")
        .query("?a_query=of_its_own")
        .send()
        .await;

    reply.expect_error(400, "access_denied");
    let execution_id = reply.execution_id().to_owned();
    let access_token = server.management_token().await;
    server.terminate();
    let (lines, status) = server.end();
    assert!(status.success(), "{lines:?}");
    let log = objects(&lines);
    let of_it: Vec<_> = log
        .iter()
        .filter(|line| line["execution_id"] == execution_id.as_str())
        .collect();
    let seen: Vec<_> = of_it
        .iter()
        .map(|line| {
            (
                line["level"].as_str().unwrap(),
                line["target"].as_str().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("WARN", "claimsmith_service::pipeline"),
        ("INFO", "claimsmith_http::access"),
    ];
    assert_eq!(seen, expected);
    for line in &of_it {
        assert_eq!(line["tenant"], "dev");
        assert_eq!(
            (&line["method"], &line["route"]),
            (&json!("POST"), &json!("/oauth/token"))
        );
        assert_eq!(line["request_id"], of_it[0]["request_id"]);
    }
    assert_eq!(of_it[1]["status"], 400);
    assert_eq!(of_it[1]["error"], "access_denied");
    assert!(of_it[1]["duration_ms"].is_number());
    let text = lines.join("\n");
    for unsaid in [
        PASSWORD,
        app.secret.as_str(),
        access_token.as_str(),
        "ada@example.com",
        ada.id.as_str(),
        "an-agent",
        "of_its_own",
        "the Action's own words",
    ] {
        assert!(!text.contains(unsaid), "{unsaid}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_gets_one_line_and_probes_get_none() {
    let server = ServerProcess::start(&["--log-format", "json"]).await;
    let other_host = ::http::HeaderMap::new();

    server
        .manage("GET", "clients/nobody", Value::Null)
        .await
        .expect(404);
    server.get("/healthz").await.expect(200);
    server.get("/readyz").await.expect(200);
    server
        .send("GET", "/nothing-here", other_host, "")
        .await
        .expect(404);

    server.terminate();
    let (lines, _) = server.end();
    let log = objects(&lines);
    let access = log
        .iter()
        .filter(|line| line["target"] == "claimsmith_http::access");
    let seen: Vec<_> = access
        .map(|line| json!([line["route"], line["tenant"], line["status"], line["error"]]))
        .filter(|line| line[2] == 404 || line[0] == "/healthz" || line[0] == "/readyz")
        .collect();
    let expected = [
        json!(["/api/v2/clients/{id}", "dev", 404, "inexistent_client"]),
        json!(["none", null, 404, null]),
    ];
    assert_eq!(seen, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_can_not_forge_a_line() {
    let forged = "x\r\n{\"time\":\"\",\"level\":\"ERROR\",\"message\":\"forged\"}\n\u{1b}[31m";
    for format in ["json", "text"] {
        let server = ServerProcess::start(&["--log-format", format, "--log", "debug"]).await;
        let mut app = server.app().await;
        app.id = forged.to_owned();

        let request = server.exchange(&app).with("username", forged);
        request
            .with("grant_type", forged)
            .header(::http::header::USER_AGENT, "x\t{\"forged\":1}")
            .send()
            .await;

        server.terminate();
        let (lines, _) = server.end();
        if format == "json" {
            objects(&lines);
        }
        for line in &lines {
            assert!(!line.starts_with("{\"time\":\"\""), "{line}");
            assert!(!line.contains(['\u{1b}', '\r']), "{line}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_browser_or_client_sends_stands_in_a_line_of_its_own_or_in_a_field() {
    // A second line, a second object, another field, and a cleared terminal.
    let forged =
        "x\r\n{\"level\":\"ERROR\",\"message\":\"forged\"}\n level=ERROR forged=1\u{1b}[2J\u{2028}";
    for format in ["json", "text"] {
        let server = ServerProcess::start(&["--log-format", format, "--log", "debug"]).await;
        let spa = server.spa().await;
        let browser = server.browser();

        let page = browser.page(&Authorize::code(&spa)).await;
        let inputs = [("username", forged), ("password", forged)];
        Page::of(browser.submit(&page, &inputs).await).expect_login();
        for input in ["state", "username"] {
            let page = browser.post("/u/login", &[(input, forged)]).await;
            Page::of(page).expect_error(400);
        }
        for parameter in [
            "client_id",
            "redirect_uri",
            "state",
            "nonce",
            "login_hint",
            "organization",
            "connection",
            "audience",
            "scope",
            "response_type",
            "prompt",
            "id_token_hint",
            "forged",
        ] {
            let request = Authorize::code(&spa).with(parameter, forged);
            browser.open(&request.path()).await;
        }
        for path in [
            "/forged%0a%1b[2J",
            "/oidc/logout?state=%0aforged",
            "/v2/logout?returnTo=%0d",
        ] {
            browser.open(path).await;
        }
        for (name, grant) in [
            ("code", "authorization_code"),
            ("refresh_token", "refresh_token"),
            ("client_id", "client_credentials"),
            ("scope", "client_credentials"),
        ] {
            let request = server.token_request().with("client_id", spa.id.as_str());
            let request = request.with("grant_type", grant).with(name, forged);
            let header = ::http::header::USER_AGENT;
            request.header(header, "x\t{\"forged\":1}").send().await;
        }

        server.terminate();
        let (lines, _) = server.end();
        if format == "json" {
            objects(&lines);
        }
        let access = |line: &&String| line.contains("claimsmith_http::access");
        // As many lines as requests, beside those that set the scene.
        assert!(lines.iter().filter(access).count() >= 24, "{lines:?}");
        for line in &lines {
            assert!(!line.contains("forged"), "{line}");
            assert!(!line.contains(['\u{1b}', '\r', '\u{2028}']), "{line}");
            assert!(
                line.starts_with(['{', '2']),
                "no beginning of a line: {line}"
            );
        }
    }
}

#[test]
fn a_log_filter_that_means_nothing_is_refused_with_what_can_be_written() {
    let folder = tempfile::tempdir().unwrap();
    for wrong in ["inof", "claimsmith=loud"] {
        let output = claimsmith()
            .args(["serve", "--log", wrong, "--data-dir"])
            .arg(folder.path())
            .output()
            .unwrap();

        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(
            text.contains(wrong) && text.contains("TARGET=LEVEL"),
            "{text}"
        );
    }
}
