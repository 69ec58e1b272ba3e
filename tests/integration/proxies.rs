//! Servers behind proxies, and clients that pretend to be behind some.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;

use crate::harness::{CREDENTIALS_EXCHANGE, Client, TestServer, http::Answer, scripted};

const SEEN: &str = "urn:test:";

/// A server whose Action puts into tokens where the request came from.
async fn server_behind(trusted: &[&str]) -> (TestServer, Client) {
    let trusted = trusted.iter().map(|range| range.parse().unwrap()).collect();
    let server = TestServer::start_with(|config| config.trusted_proxies = trusted).await;
    server.api(crate::harness::API).create().await;
    let job = server.job().await;
    let echo = |pointer: &str, name: &str| json!(["echo", pointer, format!("{SEEN}{name}")]);
    let script = json!([echo("/request/ip", "ip"), echo("/request/hostname", "host")]);
    let action = scripted("where-from", script);
    server.bind(CREDENTIALS_EXCHANGE, [action]).await;
    (server, job)
}

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let value = HeaderValue::from_str(value).unwrap();
        headers.append(HeaderName::from_static(name), value);
    }
    headers
}

async fn ask(server: &TestServer, job: &Client, lines: &[(&'static str, &str)]) -> Answer {
    let body = json!({
        "grant_type": "client_credentials", "client_id": job.id, "client_secret": job.secret,
        "audience": crate::harness::API,
    });
    let mut headers = headers(lines);
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    server
        .send("POST", "/oauth/token", headers, body.to_string())
        .await
}

/// Address and host as the Action saw them.
async fn seen(server: &TestServer, job: &Client, lines: &[(&'static str, &str)]) -> [String; 2] {
    let answer = ask(server, job, lines).await.expect(200);
    let token = answer["access_token"].as_str().unwrap();
    let jwt = crate::harness::verify::Jwt::parse(token).unwrap();
    ["ip", "host"].map(|name| {
        let claim = &jwt.claims[format!("{SEEN}{name}")];
        claim.as_str().unwrap().to_owned()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn without_trusted_proxies_nothing_that_is_forwarded_counts() {
    let (server, job) = server_behind(&[]).await;

    let seen = seen(
        &server,
        &job,
        &[
            ("x-forwarded-for", "198.51.100.7"),
            ("x-forwarded-host", "evil.example"),
            ("x-forwarded-proto", "https"),
            ("x-real-ip", "198.51.100.7"),
            ("forwarded", "for=198.51.100.7;host=evil.example"),
        ],
    )
    .await;

    assert_eq!(seen, ["127.0.0.1", "localhost"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_trusted_proxy_the_client_is_who_the_proxy_says() {
    let (server, job) = server_behind(&["127.0.0.1", "10.0.0.0/8"]).await;

    for (lines, expected) in [
        (vec![], "127.0.0.1"),
        (vec![("x-forwarded-for", "198.51.100.7")], "198.51.100.7"),
        (
            vec![("x-forwarded-for", "192.0.2.66, 198.51.100.7")],
            "198.51.100.7",
        ),
        (
            vec![("x-forwarded-for", "198.51.100.7, 10.1.2.3")],
            "198.51.100.7",
        ),
        (
            vec![
                ("x-forwarded-for", "192.0.2.66"),
                ("x-forwarded-for", "198.51.100.7"),
            ],
            "198.51.100.7",
        ),
        (
            vec![("x-forwarded-for", "198.51.100.7, \"evil\"")],
            "127.0.0.1",
        ),
        (vec![("forwarded", "for=198.51.100.7")], "127.0.0.1"),
        (vec![("x-real-ip", "198.51.100.7")], "127.0.0.1"),
    ] {
        let [ip, host] = seen(&server, &job, &lines).await;
        assert_eq!(ip, expected, "{lines:?}");
        assert_eq!(host, "localhost");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forwarded_host_chooses_the_tenant_and_never_the_issuer() {
    let (server, job) = server_behind(&["127.0.0.1"]).await;
    let acme = server
        .create_tenant("acme", "https://login.acme.example")
        .await;
    let discovery = async |lines: &[(&'static str, &str)]| {
        let path = "/.well-known/openid-configuration";
        server.send("GET", path, headers(lines), "").await
    };

    let forwarded = [("x-forwarded-host", "login.acme.example")];
    let document = discovery(&forwarded).await.expect(200);
    assert_eq!(document["issuer"], acme.issuer);
    let document = discovery(&[
        ("x-forwarded-host", "127.0.0.1:4711"),
        ("x-forwarded-proto", "ftp"),
    ]);
    assert_eq!(document.await.expect(200)["issuer"], server.issuer);
    // What the client wrote stands left of what the proxy did.
    let forged = [("x-forwarded-host", "login.acme.example, localhost")];
    assert_eq!(
        discovery(&forged).await.expect(200)["issuer"],
        server.issuer
    );
    for host in [
        "evil.example",
        "localhost/@evil.example",
        "localhost evil",
        "",
    ] {
        let answer = discovery(&[("x-forwarded-host", host)]).await;
        assert_eq!(answer.status, 404, "{host}");
        assert_eq!(answer.header("location"), "");
    }
    let [_, host] = seen(&server, &job, &[("x-forwarded-host", "LocalHost:1")]).await;
    assert_eq!(host, "localhost");
    // One client's tokens are not another tenant's, whatever was forwarded.
    let answer = ask(&server, &job, &forwarded).await;
    assert_eq!(answer.status, 401, "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_header_makes_nothing_up() {
    let server = TestServer::start().await;
    let path = "/.well-known/openid-configuration";

    for host in ["localhost:99999", "LOCALHOST", "127.0.0.1:1"] {
        let answer = crate::harness::http::send(
            server.address(),
            host,
            http::Method::GET,
            path,
            HeaderMap::new(),
            "",
        );
        let document = answer.await.expect(200);
        assert_eq!(document["issuer"], server.issuer);
        assert!(!document.to_string().contains("99999"));
    }
    for host in [
        "localhost.evil.example",
        "evil.example:80",
        "localhost@evil.example",
    ] {
        let answer = crate::harness::http::send(
            server.address(),
            host,
            http::Method::GET,
            path,
            HeaderMap::new(),
            "",
        );
        assert_eq!(answer.await.status, 404, "{host}");
    }
}
