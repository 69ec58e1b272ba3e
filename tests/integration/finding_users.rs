//! Finding users, and what belongs to them.

use serde_json::{Value, json};

use crate::harness::{PASSWORD, TestServer};

/// The `user_id`s that a query finds, in its order.
async fn found(server: &TestServer, query: &str) -> Vec<String> {
    let path = format!("users?{query}&fields=user_id");
    let list = server.manage("GET", &path, Value::Null).await.expect(200);
    ids(&list)
}

fn ids(list: &Value) -> Vec<String> {
    let list = list.as_array().unwrap().iter();
    list.map(|it| it["user_id"].as_str().unwrap().to_owned())
        .collect()
}

async fn user(server: &TestServer, id: &str, more: Value) {
    let mut body = json!({
        "connection": "Username-Password-Authentication", "user_id": id,
        "email": format!("{id}@example.com"), "password": PASSWORD,
    });
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    server.manage("POST", "users", body).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_found_by_what_is_known_of_them() {
    let server = TestServer::start_empty().await;
    let gold =
        json!({"name": "Ada Lovelace", "app_metadata": {"plan": "gold", "tags": ["a", "b"]}});
    user(&server, "ada", gold).await;
    let silver = json!({"name": "Adam", "username": "adam", "blocked": true,
        "app_metadata": {"plan": "silver", "limits": {"seats": 5}}});
    user(&server, "adam", silver).await;
    user(
        &server,
        "bob",
        json!({"name": "Bob", "user_metadata": {"lang": "de"}}),
    )
    .await;

    for (query, expected) in [
        ("q=email:%22ADA@example.com%22", vec!["auth0|ada"]),
        ("q=email:a*", vec!["auth0|ada", "auth0|adam"]),
        ("q=name:ada*", vec!["auth0|ada", "auth0|adam"]),
        ("q=name:%22ada%20lovelace%22", vec!["auth0|ada"]),
        ("q=user_id:%22auth0%7Cbob%22", vec!["auth0|bob"]),
        ("q=user_id:nobody", vec![]),
        ("q=app_metadata.plan:gold", vec!["auth0|ada"]),
        ("q=app_metadata.tags:b", vec!["auth0|ada"]),
        ("q=app_metadata.limits.seats:5", vec!["auth0|adam"]),
        (
            "q=user_metadata.lang:de%20OR%20username:adam",
            vec!["auth0|adam", "auth0|bob"],
        ),
        ("q=blocked:true%20AND%20name:adam", vec!["auth0|adam"]),
        ("q=blocked:true%20AND%20email:%22ada@example.com%22", vec![]),
        (
            "q=identities.connection:%22Username-Password-Authentication%22&search_engine=v3",
            vec!["auth0|ada", "auth0|adam", "auth0|bob"],
        ),
        ("connection=nowhere", vec![]),
        ("sort=name:-1", vec!["auth0|bob", "auth0|adam", "auth0|ada"]),
        ("sort=email:1&per_page=1&page=1", vec!["auth0|adam"]),
    ] {
        assert_eq!(found(&server, query).await, expected, "{query}");
    }
    let path = "users?q=name:ada*&include_totals=true&per_page=1&fields=name";
    let page = server.manage("GET", path, Value::Null).await.expect(200);
    assert_eq!(page["total"], 2);
    assert_eq!(page["users"], json!([{"name": "Ada Lovelace"}]));
    let path = "users/auth0%7Cbob?fields=email,name&include_fields=true";
    let one = server.manage("GET", path, Value::Null).await.expect(200);
    assert_eq!(one, json!({"email": "bob@example.com", "name": "Bob"}));

    for wrong in [
        "q=password:x",
        "q=ada",
        "sort=name",
        "sort=password:1",
        "search_engine=v1",
    ] {
        let path = format!("users?{wrong}");
        let refused = server.manage("GET", &path, Value::Null).await.expect(400);
        assert_eq!(refused["errorCode"], "invalid_query_string", "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_found_by_their_address_whatever_its_case() {
    let server = TestServer::start_empty().await;
    user(&server, "ada", json!({"username": "ada"})).await;
    let find = async |query: &str| {
        let path = format!("users-by-email?{query}");
        server.manage("GET", &path, Value::Null).await
    };

    assert_eq!(
        ids(&find("email=Ada@Example.com").await.expect(200)),
        ["auth0|ada"]
    );
    assert_eq!(
        ids(&find("email=bob@example.com").await.expect(200)),
        [""; 0]
    );
    assert_eq!(
        ids(&find("email=ada").await.expect(200)),
        [""; 0],
        "a user name is no address"
    );
    find("").await.expect(400);
    let few = find("email=ada@example.com&fields=user_id")
        .await
        .expect(200);
    assert_eq!(few, json!([{"user_id": "auth0|ada"}]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_opens_and_the_old_one_does_not() {
    let server = TestServer::start().await;
    let (app, ada) = (
        server.app().await,
        server.user("ada@example.com").create().await,
    );
    let path = format!("users/{}", ada.in_path());
    let body =
        json!({"password": "another good one", "connection": "Username-Password-Authentication"});

    let patched = server.manage("PATCH", &path, body).await.expect(200);

    assert!(patched["last_password_reset"].is_string(), "{patched}");
    let login = server.login(&app, &ada);
    login.send().await.expect_error(400, "invalid_grant");
    let login = server.token_request().client(&app);
    let login = login
        .with("grant_type", "password")
        .with("username", "ada@example.com")
        .with("password", "another good one");
    login.send().await.expect_token();
}

#[tokio::test(flavor = "multi_thread")]
async fn organizations_of_a_user_and_users_of_a_role_are_listed() {
    let server = TestServer::start().await;
    let ada = server.user("ada@example.com").create().await;
    let bob = server.user("bob@example.com").create().await;
    let acme = server.organization("acme", &[&ada, &bob]).await;
    let other = server.organization("other", &[&bob]).await;
    let role = server.role("editor", &[]).await;

    let path = format!("users/{}/organizations?include_totals=true", bob.in_path());
    let list = server.manage("GET", &path, Value::Null).await.expect(200);
    assert_eq!(list["total"], 2);
    let mut names: Vec<_> = list["organizations"].as_array().unwrap().iter().collect();
    names.sort_by_key(|it| it["name"].as_str());
    assert_eq!(names[0]["id"], acme);
    assert_eq!(names[1]["id"], other);
    let path = format!("users/{}/organizations", ada.in_path());
    let list = server.manage("GET", &path, Value::Null).await.expect(200);
    assert_eq!(list.as_array().unwrap().len(), 1);
    server
        .manage("GET", "users/nobody/organizations", Value::Null)
        .await
        .expect(404);

    let path = format!("roles/{role}/users");
    let users = json!({"users": [ada.id, bob.id]});
    server.manage("POST", &path, users).await.expect(200);
    let list = server.manage("GET", &path, Value::Null).await.expect(200);
    let mut emails: Vec<_> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["email"])
        .collect();
    emails.sort_by_key(|email| email.as_str());
    assert_eq!(emails, ["ada@example.com", "bob@example.com"]);
    let roles = format!("users/{}/roles", ada.in_path());
    let held = server.manage("GET", &roles, Value::Null).await.expect(200);
    assert_eq!(held[0]["id"], role);
    let nobody = json!({"users": ["auth0|nobody"]});
    server.manage("POST", &path, nobody).await.expect(404);
}
