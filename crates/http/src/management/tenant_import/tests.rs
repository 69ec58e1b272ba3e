use axum::body::Body;
use http::{Request, header};
use serde_json::{Value, json};

use crate::management::tests::{Answer, Api};

const SECRET: &str = "a-secret-of-a-client-that-is-long-enough";
const API: &str = "https://api.example.com/";
const MANAGEMENT: &str = "http://localhost/api/v2/";

/// Fills the tenant with some of everything.
async fn fill(api: &Api) {
    let make = async |path: &str, body: Value| {
        let made = api.post(path, body).await;
        assert!([200, 201, 204].contains(&made.status), "{path}: {made:?}");
        made.body
    };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let scopes = json!([{ "value": "read" }, { "value": "write", "description": "to write" }]);
    let shared = json!({ "identifier": API, "signing_alg": "HS256", "scopes": scopes });
    make("/resource-servers", shared).await;
    let other = json!({ "identifier": "https://other/", "signing_alg": "EdDSA" });
    make("/resource-servers", other).await;
    let settings = json!({
        "friendly_name": "Tests", "default_audience": API, "signing_alg": "ES256",
        "claims": { "private_names": "allow" }, "session_lifetime": 5,
    });
    assert_eq!(api.patch("/tenants/settings", settings).await.status, 200);
    let job = make(
        "/clients",
        json!({
            "name": "job", "app_type": "non_interactive", "client_metadata": { "team": "a" },
        }),
    );
    let job = text(&job.await["client_id"]);
    let page = json!({
        "name": "page", "app_type": "spa", "web_origins": ["https://page.example"],
        "jwt_configuration": { "alg": "EdDSA" },
        "refresh_token": {
            "rotation_type": "rotating", "expiration_type": "expiring",
            "infinite_idle_token_lifetime": true,
        },
    });
    let page = text(&make("/clients", page).await["client_id"]);
    // Of RFC 8037 appendix A.
    let jwk = json!({
        "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "one",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    });
    let methods = json!({ "private_key_jwt": { "credentials": [{ "name": "k", "jwk": jwk }] } });
    let signer = json!({ "name": "signer", "client_authentication_methods": methods });
    make("/clients", signer).await;
    // A key that its client doesn't use yet.
    let waiting = json!({ "credential_type": "public_key", "name": "waiting", "jwk": jwk });
    make(&format!("/clients/{job}/credentials"), waiting).await;
    let connection = json!({
        "name": "partners", "strategy": "auth0", "enabled_clients": [page],
        "options": {
            "configuration": { "KEY": "a secret of a script" }, "allowed_hosts": ["a.example"],
        },
    });
    let connection = text(&make("/connections", connection).await["id"]);

    let role = text(&make("/roles", json!({ "name": "editor" })).await["id"]);
    let permission = |api: &str, name: &str| {
        let permission = json!({ "resource_server_identifier": api, "permission_name": name });
        json!({ "permissions": [permission] })
    };
    let path = format!("/roles/{role}/permissions");
    make(&path, permission(API, "write")).await;
    let ada = json!({
        "email": "ada@example.com", "password": "a password of a user", "email_verified": true,
        "app_metadata": { "plan": "gold" }, "profile_attributes": { "color": "blue" },
    });
    let ada = text(&make("/users", ada).await["user_id"]);
    let path = ada.replace('|', "%7C");
    make(
        &format!("/users/{path}/permissions"),
        permission(MANAGEMENT, "read:users"),
    )
    .await;
    let roles = json!({ "roles": [role] });
    make(&format!("/users/{path}/roles"), roles.clone()).await;
    let grace = json!({ "username": "grace", "connection": "partners", "blocked": true });
    make("/users", grace).await;
    let acme = json!({
        "name": "acme", "metadata": { "size": "9" },
        "enabled_connections": [{ "connection_id": connection }],
    });
    let acme = text(&make("/organizations", acme).await["id"]);
    let members = format!("/organizations/{acme}/members");
    make(&members, json!({ "members": [ada] })).await;
    make(&format!("{members}/{path}/roles"), roles).await;
    let grant = json!({
        "client_id": job, "audience": API, "scope": ["read"], "organization_usage": "allow",
    });
    let grant = text(&make("/client-grants", grant).await["id"]);
    let grants = format!("/organizations/{acme}/client-grants");
    make(&grants, json!({ "grant_id": grant })).await;
    let admin = json!({ "client_id": job, "audience": MANAGEMENT, "scope": ["read:clients"] });
    make("/client-grants", admin).await;

    let second = api.deployed("second").await;
    let first = api.deployed("first").await;
    let draft = json!({
        "secrets": [{ "name": "KEY", "value": "a secret of an Action" }],
        "limits": { "commands": 7 }, "allowed_hosts": ["b.example"],
    });
    let path = format!("/actions/actions/{first}");
    assert_eq!(api.patch(&path, draft).await.status, 200);
    make(&format!("{path}/deploy"), json!({})).await;
    let draft = json!({ "limits": { "commands": null, "log_lines": 9 }, "code": "no module" });
    assert_eq!(api.patch(&path, draft).await.status, 200);
    api.action("draft").await;
    let bound = api.bind(&[&second, &first]).await;
    let mut bound: Vec<_> = bound.body["bindings"].as_array().unwrap().clone();
    let by = |binding: &Value| json!({ "type": "binding_id", "value": binding["id"] });
    let bound: Vec<_> = bound
        .iter_mut()
        .map(|it| json!({ "ref": by(it), "on_error": "continue", "display_name": "renamed" }))
        .collect();
    let path = "/actions/triggers/post-login/bindings";
    let bound = api.patch(path, json!({ "bindings": bound })).await;
    assert_eq!(bound.status, 200, "{bound:?}");
}

/// The document of a tenant that has some of everything.
async fn document() -> Value {
    let api = Api::start().await;
    fill(&api).await;
    exported(&api).await
}

async fn exported(api: &Api) -> Value {
    let exported = api.get("/tenants/export").await;
    assert_eq!(exported.status, 200, "{exported:?}");
    exported.body
}

async fn import(api: &Api, document: &Value) -> Answer {
    api.post("/tenants/import", document.clone()).await
}

/// Gives every secret that the document names the value that the test knows of it.
fn with_secrets(document: &Value) -> Value {
    let mut document = document.clone();
    for (kind, value) in [
        ("clients", SECRET),
        (
            "resource_servers",
            "the shared secret of an API, long enough",
        ),
        ("users", "a password of a user"),
    ] {
        for secret in document["secrets"][kind]
            .as_object_mut()
            .unwrap()
            .values_mut()
        {
            *secret = value.into();
        }
    }
    for kind in ["actions", "connections"] {
        for of in document["secrets"][kind]
            .as_object_mut()
            .unwrap()
            .values_mut()
        {
            for secret in of.as_object_mut().unwrap().values_mut() {
                *secret = format!("a secret of {kind}").into();
            }
        }
    }
    document
}

#[tokio::test]
async fn a_document_is_the_same_after_its_import() {
    let before = document().await;
    let api = Api::start().await;

    let imported = import(&api, &with_secrets(&before)).await;

    assert_eq!(imported.status, 201, "{imported:?}");
    // One user never had a password.
    let users = before["users"].as_array().unwrap().iter();
    let grace = users.clone().find(|user| user["username"] == "grace");
    let nothing = json!({
        "made": { "clients": {}, "resource_servers": {} },
        "missing": { "actions": {}, "connections": {}, "users": [grace.unwrap()["user_id"]] },
    });
    assert_eq!(imported.body, nothing);
    assert_eq!(exported(&api).await, before);
    // What is not in the document is the new tenant's own, and works.
    let apis = api.get("/resource-servers").await.body;
    assert_eq!(apis.as_array().unwrap().len(), 3, "{apis}");
    let job = before["clients"].as_array().unwrap().iter();
    let job = job.clone().find(|client| client["name"] == "job").unwrap();
    let job = job["client_id"].as_str().unwrap();
    assert!(!api.token(job, SECRET, API).await.is_empty());
    assert!(!api.token(job, SECRET, MANAGEMENT).await.is_empty());
}

#[tokio::test]
async fn a_document_names_every_secret_and_has_none() {
    let document = document().await;

    let text = document.to_string();
    for secret in [
        "a secret of a script",
        "a secret of an Action",
        "a password of a user",
        "$argon2id",
        "client_secret",
        "signing_secret",
        "password_hash",
        "PRIVATE KEY",
    ] {
        assert!(
            !text.contains(secret) || secret == "client_secret",
            "{secret}"
        );
    }
    for client in document["clients"].as_array().unwrap() {
        assert_eq!(client["client_secret"], Value::Null);
    }
    let named = |kind: &str| document["secrets"][kind].as_object().unwrap().len();
    let kinds = [
        "clients",
        "resource_servers",
        "connections",
        "actions",
        "users",
    ];
    assert_eq!(kinds.map(named), [1, 1, 1, 1, 1], "{}", document["secrets"]);
    assert_eq!(document["secrets"]["resource_servers"][API], Value::Null);
}

#[tokio::test]
async fn secrets_that_are_not_given_are_made_or_told() {
    let document = document().await;
    let api = Api::start().await;

    let imported = import(&api, &document).await;

    assert_eq!(imported.status, 201, "{imported:?}");
    let secrets = &document["secrets"];
    let (made, missing) = (&imported.body["made"], &imported.body["missing"]);
    let (client, _) = secrets["clients"]
        .as_object()
        .unwrap()
        .iter()
        .next()
        .unwrap();
    let secret = made["clients"][client].as_str().unwrap();
    assert!(!api.token(client, secret, API).await.is_empty());
    assert_eq!(made["resource_servers"][API].as_str().unwrap().len(), 43);
    for kind in ["actions", "connections"] {
        let (id, names) = secrets[kind].as_object().unwrap().iter().next().unwrap();
        let names: Vec<_> = names.as_object().unwrap().keys().collect();
        assert_eq!(missing[kind][id], json!(names));
    }
    // Also one who never had a password.
    assert_eq!(missing["users"].as_array().unwrap().len(), 2);
    // Of what is there, all is the same.
    let mut after = exported(&api).await;
    assert_eq!(after["secrets"]["actions"], json!({}));
    for part in ["secrets", "actions", "connections"] {
        after[part] = document[part].clone();
    }
    assert_eq!(after, document);
}

#[tokio::test]
async fn a_tenant_that_has_something_is_left_alone_and_told_what_it_has() {
    let document = document().await;
    let api = Api::start().await;
    api.post("/roles", json!({ "name": "reader" })).await;
    api.post("/users", json!({ "email": "eve@example.com" }))
        .await;
    api.patch("/tenants/settings", json!({ "friendly_name": "Mine" }))
        .await;
    let before = exported(&api).await;

    let refused = import(&api, &document).await;

    let text = "this one has users (1), roles (1), changed settings (1)";
    assert_eq!(refused.status, 409, "{refused:?}");
    assert!(
        refused.body["message"].as_str().unwrap().contains(text),
        "{refused:?}"
    );
    assert_eq!(exported(&api).await, before);
    let again = import(&api, &before).await;
    assert_eq!(again.status, 409, "{again:?}");
}

#[tokio::test]
async fn what_is_wrong_is_named_by_its_place_and_nothing_is_stored() {
    let good = with_secrets(&document().await);
    let api = Api::start().await;
    let before = exported(&api).await;
    let position = |list: &str, property: &str, value: &str| {
        let list = good[list].as_array().unwrap();
        list.iter()
            .position(|part| part[property] == value)
            .unwrap()
    };
    let first = position("actions", "name", "first");
    let job = position("clients", "name", "job");
    let ada = position("users", "email", "ada@example.com");
    let action = |place: &str| format!("/actions/{first}{place}");
    let client = |place: &str| format!("/clients/{job}{place}");
    let user = |place: &str| format!("/users/{ada}{place}");
    let put = |place: String, value: Value| (place, value);
    for ((place, value), message) in [
        (
            put(action("/supported_triggers/0/id"), json!("post-logon")),
            format!("on property actions[{first}].supported_triggers[0].id"),
        ),
        (
            put(action("/deployed_version/number"), json!(0)),
            format!("on property actions[{first}].deployed_version.number"),
        ),
        (
            put(action("/deployed_version/module"), json!("0".repeat(64))),
            format!("on property actions[{first}].deployed_version.module"),
        ),
        (
            put(action("/secrets/0/value"), json!("x")),
            format!("on property actions[{first}].secrets[0].value"),
        ),
        (
            put(action("/limits/log_lines"), json!(20_001)),
            format!("on property actions[{first}].limits.log_lines"),
        ),
        (
            put(action("/novelty"), json!(1)),
            format!("not allowed: novelty' on property actions[{first}]"),
        ),
        (
            put(client("/client_secret"), json!(SECRET)),
            format!("on property clients[{job}].client_secret"),
        ),
        (
            put(client("/client_id"), json!("a/b")),
            format!("on property clients[{job}].client_id"),
        ),
        (
            put(client("/name"), json!("")),
            format!("on property clients[{job}].name"),
        ),
        (
            put("/roles/0/id".to_owned(), json!("editor")),
            "on property roles[0].id".to_owned(),
        ),
        (
            put(
                "/roles/0/permissions/0/permission_name".to_owned(),
                json!("none"),
            ),
            "roles[0]: the API `https://api.example.com/` has no scope `none`".to_owned(),
        ),
        (
            put(user("/roles/0"), json!("rol_none")),
            format!("users[{ada}]: The role does not exist"),
        ),
        (
            put(user("/connection"), json!("nowhere")),
            format!("users[{ada}]: The connection does not exist"),
        ),
        (
            put(user("/password"), json!("x")),
            format!("on property users[{ada}].password"),
        ),
        (
            put(user("/user_id"), json!("ada")),
            format!("on property users[{ada}].user_id"),
        ),
        (
            put(
                "/organizations/0/members/0/user_id".to_owned(),
                json!("auth0|none"),
            ),
            "organizations[0].members[0]: The user does not exist".to_owned(),
        ),
        (
            put(
                "/connections/1/options/configuration/KEY".to_owned(),
                json!("x"),
            ),
            "on property connections[1].options.configuration.KEY".to_owned(),
        ),
        (
            put(
                "/client_grants/0/audience".to_owned(),
                json!("https://none/"),
            ),
            "client_grants[0]: No resource server found".to_owned(),
        ),
        (
            put("/bindings/post-login/1/ref/value".to_owned(), json!("none")),
            "bindings.post-login: there is no action with the id `none`".to_owned(),
        ),
        (
            put(
                "/bindings/post-login/0/on_error".to_owned(),
                json!("ignore"),
            ),
            "on property bindings.post-login[0].on_error".to_owned(),
        ),
        (
            put(
                "/settings/default_audience".to_owned(),
                json!("https://none/"),
            ),
            "settings: default_audience: there is no API".to_owned(),
        ),
        (
            put(
                "/resource_servers/0/identifier".to_owned(),
                json!("{issuer}x"),
            ),
            "on property resource_servers[0].identifier".to_owned(),
        ),
        (
            put("/version".to_owned(), json!(2)),
            "on property version".to_owned(),
        ),
        (
            put("/secrets/clients/none".to_owned(), json!(SECRET)),
            "on property secrets.clients.none".to_owned(),
        ),
        (
            put("/modules/unused".to_owned(), json!("")),
            "on property modules.unused".to_owned(),
        ),
        (
            put("/novelties".to_owned(), json!([])),
            "not allowed: novelties".to_owned(),
        ),
    ] {
        let (within, name) = place.rsplit_once('/').unwrap();
        let mut document = good.clone();
        match document.pointer_mut(within).unwrap() {
            Value::Array(list) => list[name.parse::<usize>().unwrap()] = value,
            object => object[name] = value,
        }
        let refused = import(&api, &document).await;
        assert_eq!(refused.status, 400, "{place}: {refused:?}");
        let text = refused.body["message"].as_str().unwrap();
        assert!(text.contains(&message), "{place}: {text}");
    }

    let doubled = |list: &str, change: &dyn Fn(&mut Value)| {
        let mut document = good.clone();
        let mut copy = document[list][0].clone();
        change(&mut copy);
        document[list].as_array_mut().unwrap().push(copy);
        document
    };
    for (list, name) in [
        ("clients", "name"),
        ("connections", "name"),
        ("roles", "name"),
        ("organizations", "name"),
        ("resource_servers", "identifier"),
        ("client_grants", "client_id"),
        ("actions", "name"),
        ("users", "email"),
    ] {
        let count = good[list].as_array().unwrap().len();
        let document = doubled(list, &|copy| {
            if list != "client_grants" {
                copy[name] = json!("other@example.com".replace('@', "-"));
            }
            if list == "users" {
                copy[name] = json!("other@example.com");
            }
        });
        let refused = import(&api, &document).await;
        assert_eq!(refused.status, 400, "{list}: {refused:?}");
        let text = refused.body["message"].as_str().unwrap();
        assert!(text.contains(&format!("{list}[{count}]")), "{list}: {text}");
    }

    assert_eq!(exported(&api).await, before);
    // Whatever was tried before, the right one is taken.
    assert_eq!(import(&api, &good).await.status, 201);
}

#[tokio::test]
async fn a_module_that_is_wrong_is_refused_as_at_an_upload() {
    let mut document = document().await;
    let base64 = "bm90IHdhc20=";
    let sha256 = "8ce9cc46b5f3ba3daa0c0dac1ed2bdcd2bc2a4b4c8f5b1d0a0d5b1a5b1f6b0d1";
    let api = Api::start().await;
    document["modules"][sha256] = json!(base64);
    let refused = import(&api, &document).await;
    let text = refused.body["message"].as_str().unwrap();
    let (_, sha256) = text.split_once("have the SHA-256 ").unwrap();
    let sha256 = &sha256[..64];

    let modules = document["modules"].as_object_mut().unwrap();
    modules.retain(|_, module| module != base64);
    modules.insert(sha256.to_owned(), json!(base64));
    let actions = document["actions"].as_array_mut().unwrap();
    let place = actions.iter().position(|it| it["name"] == "draft").unwrap();
    actions[place]["module"] = json!(sha256);
    let refused = import(&api, &document).await;

    assert_eq!(refused.status, 400, "{refused:?}");
    let problem = &refused.body["problems"][0];
    assert_eq!(problem["code"], "not_wasm");
    let place = format!("actions[{place}]: module: ");
    assert!(
        problem["message"].as_str().unwrap().starts_with(&place),
        "{problem}"
    );
}

#[tokio::test]
async fn one_tenant_is_exported_or_imported_at_a_time() {
    let api = Api::start().await;
    let place = api.services.transfers.acquire().await.unwrap();
    assert_eq!(api.get("/tenants/export").await.status, 429);
    assert_eq!(import(&api, &json!({ "version": 1 })).await.status, 429);
    drop(place);
    assert_eq!(api.get("/tenants/export").await.status, 200);
    assert_eq!(import(&api, &json!({ "version": 1 })).await.status, 201);
}

#[tokio::test]
async fn a_document_has_a_limit_of_its_own() {
    let api = Api::start().await;
    let send = async |bytes: usize| {
        let request = Request::post("/api/v2/tenants/import");
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let mut document = br#"{"version":1}"#.to_vec();
        document.resize(bytes, b' ');
        let body = Body::from(document);
        api.send(request, &api.token, body).await.status
    };
    assert_eq!(send((64 << 20) + 1).await, 413);
    assert_eq!(send(64 << 20).await, 201);
}
