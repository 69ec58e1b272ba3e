//! How the Management API gives lists and settings to other people's tools: part by part,
//! and empty where there is nothing of the kind.

use http::{HeaderMap, HeaderValue, header};
use serde_json::{Value, json};

use crate::harness::{Tenant, TestServer};

async fn get(server: &Tenant, path: &str) -> Value {
    let answer = server.manage("GET", path, Value::Null).await;
    answer.expect(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_read_part_by_part_until_no_next_one_is_named() {
    let server = TestServer::start_empty().await;
    for name in ["a", "b", "c"] {
        server.role(name, &[]).await;
    }

    let (mut names, mut path) = (Vec::new(), "roles?take=2".to_owned());
    loop {
        let part = get(&server, &path).await;
        let roles = part["roles"].as_array().unwrap().clone();
        names.extend(roles.into_iter().map(|role| role["name"].clone()));
        let Some(next) = part["next"].as_str() else {
            break;
        };
        path = format!("roles?take=2&from={next}");
    }

    names.sort_by_key(Value::to_string);
    assert_eq!(names, ["a", "b", "c"]);
    let found = get(&server, "roles?name_filter=B&type=tenant").await;
    assert_eq!(found[0]["name"], "b");
    assert_eq!(found.as_array().unwrap().len(), 1);
    for wrong in ["roles?take=2&page=0", "roles?from=x", "roles?type=other"] {
        let answer = server.manage("GET", wrong, Value::Null).await;
        answer.expect(400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_listed_by_kind_and_apart_from_what_stands_for_all() {
    let server = TestServer::start_empty().await;
    let spa = server.client("spa").with("app_type", "spa").create().await;
    let foreign = server.client("foreign").with("is_first_party", false);
    let foreign = foreign.create().await;

    let ids = async |query: &str| -> Vec<String> {
        let list = get(&server, &format!("clients?{query}")).await;
        let clients = list.as_array().unwrap().iter();
        clients
            .map(|client| client["client_id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids("is_global=false").await.len(), 3);
    assert_eq!(ids("is_global=false&app_type=spa,native").await, [spa.id]);
    assert_eq!(ids("is_first_party=false").await, [foreign.id]);
    let global = get(&server, "clients?is_global=true&include_totals=true").await;
    assert_eq!(global["total"], 1);
    assert_eq!(global["clients"][0]["global"], true);
    let names = get(&server, "clients?fields=name").await;
    assert_eq!(names[0].as_object().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_comes_several_times_where_it_names_several_and_nowhere_else() {
    let server = TestServer::start_empty().await;
    let spa = server.client("spa").with("app_type", "spa").create().await;
    for identifier in ["https://a.example.com/?x,y", "https://b.example.com/", "c"] {
        server.api(identifier).create().await;
    }
    let connection = json!({ "name": "staff", "strategy": "auth0" });
    let created = server.manage("POST", "connections", connection).await;
    created.expect(201);

    let apis = "resource-servers?identifiers=c&identifiers=https%3A%2F%2Fa.example.com%2F%3Fx%2Cy";
    let apis = get(&server, &format!("{apis}&identifiers=c&identifiers=none")).await;
    assert_eq!(apis[0]["identifier"], "c");
    assert_eq!(apis[1]["identifier"], "https://a.example.com/?x,y");
    assert_eq!(apis.as_array().unwrap().len(), 2);
    let names = "connections?strategy=ad&strategy=auth0&fields=name&fields=strategy,x";
    let names = get(&server, names).await;
    let staff = json!({ "name": "staff", "strategy": "auth0" });
    assert!(names.as_array().unwrap().contains(&staff), "{names}");
    let none = get(&server, "connections?strategy=ad").await;
    assert_eq!(none, json!([]));
    let of_client = format!("clients/{}/connections?strategy=ad&strategy=saml", spa.id);
    assert_eq!(get(&server, &of_client).await, json!({ "connections": [] }));
    let clients = get(
        &server,
        "clients?app_type=native&app_type=spa&fields=client_id",
    )
    .await;
    assert_eq!(clients, json!([{ "client_id": spa.id }]));

    for (path, name) in [
        ("clients?page=0&page=1", "page"),
        ("clients?take=1&take=1", "take"),
        ("connections?name=a&name=b", "name"),
        ("users?q=a&q=", "q"),
        ("logs?sort=date:1&sort=date:-1", "sort"),
        ("client-grants?audience=a&audience=b", "audience"),
    ] {
        let refused = server.manage("GET", path, Value::Null).await.expect(400);
        let message = refused["message"].as_str().unwrap();
        let ending = format!("send it once' on property {name}.");
        assert!(message.ends_with(&ending), "{message}");
    }
    let many = format!("resource-servers?{}", ["identifiers=a"; 11].join("&"));
    let refused = server.manage("GET", &many, Value::Null).await.expect(400);
    let message = refused["message"].as_str().unwrap();
    assert!(message.ends_with("on property identifiers."), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_unknown_parameter_is_passed_over_whatever_its_name() {
    let server = TestServer::start_empty().await;
    for (query, name) in [
        ("code=x", "code"),
        ("access_token=x", "access_token"),
        ("colour=", "colour"),
        ("a%0Ab=1", "a b"),
    ] {
        let path = format!("clients?{query}");
        let refused = server.manage("GET", &path, Value::Null).await.expect(400);
        let message = refused["message"].as_str().unwrap();
        let expected = format!("'Additional properties not allowed: {name}'.");
        assert!(message.ends_with(&expected), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_what_there_is_none_lists_are_empty_and_settings_take_nothing() {
    let server = TestServer::start_empty().await;
    let acme = server.organization("acme", &[]).await;

    assert_eq!(get(&server, "rules").await, json!([]));
    assert_eq!(
        get(&server, "rules?page=0&per_page=100&include_totals=true").await,
        json!({"start": 0, "limit": 100, "total": 0, "rules": []})
    );
    let streams = get(&server, "event-streams?take=50").await;
    assert_eq!(streams, json!({"eventStreams": []}));
    let domains = format!("organizations/{acme}/discovery-domains?take=50");
    assert_eq!(get(&server, &domains).await, json!({"domains": []}));

    let (risk, on) = ("risk-assessments/settings", json!({"enabled": true}));
    let off = get(&server, risk).await;
    server.manage("PATCH", risk, off).await.expect(200);
    server.manage("PATCH", risk, on).await.expect(400);
    let policies = "guardian/policies";
    server.manage("PUT", policies, json!([])).await.expect(200);
    let refused = server.manage("PUT", policies, json!(["all-applications"]));
    refused.await.expect(400);
    let settings = "attack-protection/captcha";
    assert_eq!(get(&server, settings).await, json!({}));
    let kept = server.manage("PATCH", settings, json!({})).await;
    assert_eq!(kept.expect(200), json!({}));
    let refused = server
        .manage("PATCH", settings, json!({"active_provider_id": "arkose"}))
        .await
        .expect(400);
    assert!(
        refused["message"]
            .as_str()
            .unwrap()
            .contains("active_provider_id")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_enabled_and_disabled_for_one_client_after_the_other() {
    let server = TestServer::start_empty().await;
    let (one, other) = (
        server.client("one").create().await,
        server.client("other").create().await,
    );
    let connection = get(&server, "connections?take=1").await["connections"][0].clone();
    let path = format!("connections/{}/clients", connection["id"].as_str().unwrap());
    let has = async |id: &str| {
        let list = get(&server, &path).await;
        let mut clients = list["clients"].as_array().unwrap().iter();
        clients.any(|client| client["client_id"] == id)
    };
    assert!(has(&one.id).await && has(&other.id).await, "it is for all");

    let change = |client: &str, status: bool| json!([{"client_id": client, "status": status}]);
    let disabled = server.manage("PATCH", &path, change(&one.id, false));
    disabled.await.expect(204);
    assert!(!has(&one.id).await && has(&other.id).await);
    let enabled = server.manage("PATCH", &path, change(&one.id, true));
    enabled.await.expect(204);
    assert!(has(&one.id).await && has(&other.id).await);

    for wrong in [
        change("nobody", true),
        json!({}),
        json!([]),
        json!([{"client_id": one.id}]),
    ] {
        server.manage("PATCH", &path, wrong).await.expect(400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_request_is_told_which_part_is_wrong_and_what_would_be_right() {
    let server = TestServer::start_empty().await;
    for (path, says) in [
        (
            "clients?page=-1",
            "'Expected type integer: it must be 0 to 1000000' on property page.",
        ),
        (
            "clients?page=99999999999999999999",
            "'Value is out of range: it must be 0 to 1000000' on property page.",
        ),
        (
            "clients/a%00b",
            "'an identifier has 1 to 128 visible ASCII characters' on property id.",
        ),
        ("clients/%FF", "'It is not UTF-8' on property id."),
        (
            "organizations/org_1/members/a%0Ab/roles",
            "'an identifier has 1 to 128 visible ASCII characters' on one of the properties id, user_id.",
        ),
        (
            "actions/triggers/post-logn/bindings",
            "expected `post-login` or `credentials-exchange`' on property trigger.",
        ),
        ("users?page=20&per_page=100", "go on with from and take."),
        (
            "actions/actions/x/executions?from=y",
            "gave as next' on property from.",
        ),
    ] {
        let refused = server.manage("GET", path, Value::Null).await.expect(400);
        let message = refused["message"].as_str().unwrap();
        assert!(message.ends_with(says), "{path}: {message}");
    }
    let token = server.management_token().await;
    for (body, says) in [
        ("", "'The body is empty; it must be JSON'."),
        ("[1]", "'Expected type object but found type array'."),
        (
            r#"{"name":"a","name":"b"}"#,
            "'`name` stands there twice at line 1 column 23'.",
        ),
        (r#"{"name":"a""#, "'Invalid JSON at line 1 column 11'."),
    ] {
        let headers = HeaderMap::from_iter([
            (
                header::AUTHORIZATION,
                format!("Bearer {token}").parse().unwrap(),
            ),
            (
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            ),
        ]);
        let refused = server.send("POST", "/api/v2/clients", headers, body).await;
        let refused = refused.expect(400);
        let message = refused["message"].as_str().unwrap();
        assert!(message.ends_with(says), "{body}: {message}");
    }
}
