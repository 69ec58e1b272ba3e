//! Several admins who change what is bound at once, while tokens are asked for.

use std::sync::atomic::{AtomicBool, Ordering};

use ::http::{HeaderMap, HeaderValue, header};
use claimsmith_model::Limit;
use serde_json::{Value, json};

use crate::harness::{
    API, CREDENTIALS_EXCHANGE, TestServer, http::Answer, scripted, server_limits, verify::Jwt,
};

const PATH: &str = "/api/v2/actions/triggers/credentials-exchange/bindings";
const ROUNDS: usize = 10;
const FIRST: &str = "https://example.com/first";
const LAST: &str = "https://example.com/last";

/// An Action that says who bound it, with two claims.
async fn action(server: &TestServer, name: &str, claim: &str, who: &str) -> String {
    let script = json!([["access_token", claim, who]]);
    server
        .deploy(CREDENTIALS_EXCHANGE, scripted(name, script))
        .await
}

fn list(actions: &[&String]) -> Value {
    let bindings = actions
        .iter()
        .map(|id| json!({"ref": {"type": "action_id", "value": id}, "on_error": "deny"}));
    json!({ "bindings": bindings.collect::<Vec<_>>() })
}

async fn replace(server: &TestServer, list: &Value, etag: Option<&str>) -> Answer {
    let bearer = format!("Bearer {}", server.management_token().await);
    let mut headers = HeaderMap::from_iter([
        (header::AUTHORIZATION, bearer.parse().unwrap()),
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        ),
    ]);
    if let Some(etag) = etag {
        headers.insert(header::IF_MATCH, etag.parse().unwrap());
    }
    server.send("PATCH", PATH, headers, list.to_string()).await
}

async fn etag(server: &TestServer) -> String {
    let token = server.management_token().await;
    let bindings = server.ask("GET", PATH, Some(&token), Value::Null).await;
    bindings.header("etag").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_admins_who_know_the_same_bindings_one_wins_and_the_other_is_told() {
    let server = TestServer::start().await;
    let ada = action(&server, "ada's", FIRST, "ada").await;
    let bob = action(&server, "bob's", FIRST, "bob").await;

    for round in 0..ROUNDS {
        let known = etag(&server).await;
        let (of_ada, of_bob) = (list(&[&ada, &bob]), list(&[&bob]));
        let (ada_got, bob_got) = tokio::join!(
            replace(&server, &of_ada, Some(&known)),
            replace(&server, &of_bob, Some(&known)),
        );

        let bound = server.bound(CREDENTIALS_EXCHANGE).await;
        let winner = match (ada_got.status.as_u16(), bob_got.status.as_u16()) {
            (200, 412) => vec!["ada's", "bob's"],
            (412, 200) => vec!["bob's"],
            neither => panic!("round {round}: {neither:?}"),
        };
        assert_eq!(bound, winner, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_condition_a_whole_list_stands_and_every_token_has_one_list_s_claims() {
    let server = TestServer::start().await;
    let job = server.job().await;
    let mut lists = Vec::new();
    for who in ["ada", "bob"] {
        let first = action(&server, &format!("{who}'s first"), FIRST, who).await;
        let last = action(&server, &format!("{who}'s last"), LAST, who).await;
        lists.push(list(&[&first, &last]));
    }
    replace(&server, &lists[0], None).await.expect(200);
    let is_over = AtomicBool::new(false);
    let ask = async || {
        let mut tokens = 0;
        while !is_over.load(Ordering::Relaxed) || tokens == 0 {
            let reply = server.exchange(&job).send().await.expect_token();
            let claims = reply.claims();
            assert!(claims[FIRST].is_string(), "{claims}");
            assert_eq!(claims[FIRST], claims[LAST]);
            tokens += 1;
        }
    };
    let change = async || {
        for round in 0..ROUNDS {
            let (one, other) = tokio::join!(
                replace(&server, &lists[0], None),
                replace(&server, &lists[1], None),
            );
            one.expect(200);
            other.expect(200);
            let bound = server.bound(CREDENTIALS_EXCHANGE).await;
            let of = |who: &str| [format!("{who}'s first"), format!("{who}'s last")];
            assert!(
                bound == of("ada") || bound == of("bob"),
                "round {round}: {bound:?}"
            );
            // What stands is what the next token has.
            let next = server.exchange(&job).send().await.expect_token();
            let who = next.claims()[FIRST].as_str().unwrap().to_owned();
            assert_eq!(bound, of(&who), "round {round}");
        }
        is_over.store(true, Ordering::Relaxed);
    };

    tokio::join!(change(), ask(), ask());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_under_way_ends_with_what_it_began_with() {
    // A service that says when it is called, and answers when it is told to.
    let service = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = service.local_addr().unwrap();
    let server = TestServer::start_with(|config| {
        config.outgoing.allow = vec!["127.0.0.0/8".parse().unwrap()];
        // However slow the machine is.
        config.limits = server_limits([
            (Limit::DeadlineMs, 60_000),
            (Limit::HttpCallMs, 60_000),
            (Limit::TriggerDeadlineMs, 120_000),
        ]);
    })
    .await;
    server.api(API).create().await;
    let job = server.job().await;
    // Its token is wanted later, when the waiting Action is bound.
    server.management_token().await;
    let calls = json!([["http", "GET", format!("http://{address}/"), FIRST]]);
    let waits = scripted("waits", calls).allowed_hosts([format!("http://{address}")]);
    let waits = server.deploy(CREDENTIALS_EXCHANGE, waits).await;
    let last = action(&server, "last", LAST, "as it was").await;
    replace(&server, &list(&[&waits, &last]), None)
        .await
        .expect(200);

    let change = async {
        let (mut call, _) = service.accept().await.unwrap();
        let script = json!([["access_token", LAST, "deployed meanwhile"]]).to_string();
        let secrets = json!({"secrets": [{"name": "SCRIPT", "value": script}]});
        let path = format!("actions/actions/{last}");
        server.manage("PATCH", &path, secrets).await.expect(200);
        let path = format!("{path}/deploy");
        server.manage("POST", &path, Value::Null).await.expect(200);
        replace(&server, &list(&[&last]), None).await.expect(200);
        let next = server.exchange(&job).send().await.expect_token();
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi";
        tokio::io::AsyncWriteExt::write_all(&mut call, answer)
            .await
            .unwrap();
        next.claims()
    };
    let (under_way, next) = tokio::join!(server.exchange(&job).send(), change);

    let under_way: Jwt = Jwt::parse(under_way.expect_token().access_token()).unwrap();
    assert_eq!(under_way.claims[FIRST]["status"], 200, "{under_way:?}");
    assert_eq!(under_way.claims[LAST], "as it was");
    assert_eq!(next[LAST], "deployed meanwhile");
    assert_eq!(next[FIRST], Value::Null);
}
