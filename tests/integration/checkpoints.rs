//! Lists that are read part by part: whole, whatever comes and goes meanwhile, and by what
//! the server gave for it alone.

use serde_json::{Value, json};

use crate::harness::{API, Tenant, TestServer};

async fn get(server: &Tenant, path: &str) -> Value {
    let answer = server.manage("GET", path, Value::Null).await;
    answer.expect(200)
}

/// One part of a list: what is in it, and where the next one begins.
async fn part(server: &Tenant, path: &str, from: Option<&str>) -> (Vec<Value>, Option<String>) {
    let join = if path.contains('?') { '&' } else { '?' };
    let from = from.map_or(String::new(), |from| format!("&from={from}"));
    let answer = get(server, &format!("{path}{join}take=2{from}")).await;
    let list = answer.as_object().unwrap().values();
    let items = list.filter_map(Value::as_array).flatten().cloned();
    let next = answer["next"].as_str().map(str::to_owned);
    (items.collect(), next)
}

/// All parts from one on.
async fn rest(server: &Tenant, path: &str, mut from: Option<String>) -> Vec<Value> {
    let mut all = Vec::new();
    loop {
        let (items, next) = part(server, path, from.as_deref()).await;
        assert!(
            !items.is_empty() || next.is_none(),
            "{path} goes on for ever"
        );
        all.extend(items);
        from = next;
        if from.is_none() {
            return all;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_and_goes_between_two_parts_neither_hides_nor_repeats_anything() {
    let server = TestServer::start_empty().await;
    let role = server.role("reader", &[]).await;
    let acme = server.organization("acme", &[]).await;
    let (holders, members) = (
        format!("roles/{role}/users"),
        format!("organizations/{acme}/members"),
    );
    let add = async |id: &str| {
        let user = server
            .user(&format!("{id}@example.com"))
            .with("user_id", id);
        let user = user.role(&role).create().await;
        let body = json!({ "members": [user.id] });
        server.manage("POST", &members, body).await.expect(204);
    };
    for id in ["a", "b", "c", "d", "e"] {
        add(id).await;
    }
    let ids = |items: &[Value]| {
        let ids = items.iter().map(|item| item["user_id"].as_str().unwrap());
        ids.map(|id| id.trim_start_matches("auth0|").to_owned())
            .collect::<Vec<_>>()
    };
    let lists = ["users", &holders, &members];
    let mut begun = Vec::new();
    for path in lists {
        let (items, next) = part(&server, path, None).await;
        assert_eq!(ids(&items), ["a", "b"], "{path}");
        begun.push(next);
    }

    for gone in ["a", "b"] {
        let path = format!("users/auth0%7C{gone}");
        server
            .manage("DELETE", &path, Value::Null)
            .await
            .expect(204);
    }
    for new in ["a0", "b0"] {
        add(new).await;
    }

    for (path, next) in lists.iter().zip(begun) {
        let items = rest(&server, path, next).await;
        assert_eq!(ids(&items), ["b0", "c", "d", "e"], "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_in_parts_is_the_whole_list() {
    let server = TestServer::start_empty().await;
    server.api(API).create().await;
    let (mut roles, mut organizations) = (Vec::new(), Vec::new());
    let scopes = ["read:reports", "write:reports"];
    for name in ["a", "b", "c"] {
        roles.push(server.role(name, &scopes).await);
        organizations.push(server.organization(name, &[]).await);
        let connection = json!({ "name": name, "strategy": "auth0" });
        let created = server.manage("POST", "connections", connection).await;
        created.expect(201);
    }
    let user = roles
        .iter()
        .fold(server.user("ada@example.com"), |user, role| user.role(role));
    let user = user.create().await;
    let job = server.client("job").may_call(API, &[]).create().await;
    let grants = get(&server, &format!("client-grants?client_id={}", job.id)).await;
    let grant = grants[0]["id"].as_str().unwrap();
    let usage = json!({ "organization_usage": "allow" });
    let path = format!("client-grants/{grant}");
    server.manage("PATCH", &path, usage).await.expect(200);
    for organization in &organizations {
        let members = json!({ "members": [user.id] });
        let path = format!("organizations/{organization}/members");
        server.manage("POST", &path, members).await.expect(204);
        let path = format!("organizations/{organization}/client-grants");
        let given = json!({ "grant_id": grant });
        server.manage("POST", &path, given).await.expect(201);
    }
    let (in_path, role, acme) = (user.in_path(), &roles[0], &organizations[0]);

    for path in [
        "clients",
        "clients?is_first_party=true",
        "client-grants",
        "connections",
        "organizations",
        "resource-servers",
        "roles",
        "roles?name_filter=B",
        "users?q=email:ada*",
        &format!("client-grants/{grant}/organizations"),
        &format!("organizations/{acme}/client-grants"),
        &format!("organizations/{acme}/enabled_connections"),
        &format!("organizations/{acme}/members"),
        &format!("roles/{role}/permissions"),
        &format!("roles/{role}/users"),
        &format!("users/{in_path}/organizations"),
        &format!("users/{in_path}/permissions"),
        &format!("users/{in_path}/roles"),
    ] {
        let whole = get(&server, path).await;
        let mut whole = whole.as_array().unwrap().clone();
        let mut parts = rest(&server, path, None).await;
        whole.sort_by_key(Value::to_string);
        parts.sort_by_key(Value::to_string);
        assert_eq!(parts, whole, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_goes_on_from_its_own_next_alone_and_the_refusal_says_so() {
    let server = TestServer::start_empty().await;
    let other = server
        .create_tenant("other", "http://other.localhost/")
        .await;
    for name in ["a", "b", "c"] {
        server.role(name, &[]).await;
        other.role(name, &[]).await;
    }
    let next = part(&server, "roles", None).await.1.unwrap();
    let mut altered = next.clone();
    let last = if altered.ends_with('A') { 'B' } else { 'A' };
    altered.pop();
    altered.push(last);

    assert!(!next.contains("rol_"), "{next}");
    assert_eq!(rest(&server, "roles", Some(next.clone())).await.len(), 1);
    for (tenant, path) in [
        (&*server, format!("clients?from={next}")),
        (&*server, format!("rules?from={next}")),
        (&*server, format!("roles?name_filter=a&from={next}")),
        (&*server, format!("roles?from={altered}")),
        (&*server, "roles?from=2".to_owned()),
        (&*server, "clients?is_global=true&from=2".to_owned()),
        (&other, format!("roles?from={next}")),
    ] {
        let refused = tenant.manage("GET", &path, Value::Null).await.expect(400);
        assert_eq!(refused["errorCode"], "invalid_query_string", "{path}");
        let message = refused["message"].as_str().unwrap();
        assert!(message.contains("next"), "{message}");
        assert!(message.ends_with("on property from."), "{message}");
    }
    let sorted = server.manage("GET", "users?take=2&sort=email:1", Value::Null);
    let refused = sorted.await.expect(400);
    let message = refused["message"].as_str().unwrap();
    assert!(message.ends_with("on property sort."), "{message}");

    let server = server.restart().await;
    assert_eq!(rest(&server, "roles", Some(next)).await.len(), 1);
}
