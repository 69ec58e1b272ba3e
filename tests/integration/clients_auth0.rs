//! npm's `auth0` and PyPI's `auth0-python` against the Management API, over TLS.

use claimsmith_model::Limit;
use serde_json::{Value, json};

use crate::harness::{
    API,
    clients::{self, Report, TlsWorld},
    server_limits,
    verify::Jwt,
};

const DEPARTMENT: &str = "https://example.com/department";

#[tokio::test(flavor = "multi_thread")]
async fn the_reference_products_library_for_node_js_administers_a_tenant() {
    let world = TlsWorld::start().await;

    let report = clients::run("auth0-management.js", &world.given()).await;

    administered(&report);
    let clients = report.step("clients");
    assert_eq!(clients["is_rotated"], true);
    assert_eq!(clients["gone"]["name"], "NotFoundError");
    assert_eq!(report.step("roles")["shown"]["description"], "Changed");
    let organizations = report.step("organizations");
    assert_eq!(organizations["disabled"]["name"], "NotFoundError");
    let unknown = &report.step("refusals")["unknown"];
    assert_eq!(
        *unknown,
        json!({"name": "BadRequestError", "status": 400, "code": "invalid_body"})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reference_products_library_for_python_administers_a_tenant() {
    let world = TlsWorld::start().await;

    let report = clients::run("auth0_management.py", &world.given()).await;

    administered(&report);
}

/// What the programs for either library do and must see.
fn administered(report: &Report) {
    let sorted = |value: &Value| {
        let mut names: Vec<_> = value.as_array().unwrap().clone();
        names.sort_by_key(Value::to_string);
        Value::from(names)
    };
    let apis = report.step("resource servers");
    assert_eq!(apis["lifetime"], 600);
    assert_eq!(apis["listed"].as_array().unwrap().len(), 2);
    let clients = report.step("clients");
    let shown = json!({"name": "job", "client_metadata": {"department": "finance"}});
    assert_eq!(clients["shown"], shown);
    assert_eq!(sorted(&clients["listed"]), json!(["Management", "job"]));
    assert_eq!(clients["gone"]["code"], "inexistent_client");
    let grants = &report.step("client grants")["listed"];
    assert_eq!(grants.as_array().unwrap().len(), 1);
    assert_eq!(grants[0]["scope"], json!(["read:reports", "write:reports"]));

    let roles = report.step("roles");
    let all = json!(["five", "four", "one", "three", "two"]);
    assert_eq!(sorted(&roles["listed"]), all);
    assert_eq!(sorted(&roles["filtered"]), json!(["three", "two"]));
    assert_eq!(roles["permissions"][0]["permission_name"], "read:reports");
    assert_eq!(roles["left"], 0);

    let users = report.step("users");
    let ada = json!([users["id"]]);
    for found in ["found", "byEmail", "holders"] {
        assert_eq!(users[found], ada, "{found}");
    }
    assert_eq!(users["app_metadata"], json!({"plan": "paid", "seats": 3}));
    assert_eq!(users["held"], json!(["one"]));
    assert_eq!(users["permissions"], json!(["write:reports"]));
    assert_eq!(users["gone"]["code"], "inexistent_user");

    let connections = report.step("connections");
    assert_eq!(connections["first"], "Username-Password-Authentication");
    assert_eq!(connections["shown"]["display_name"], "Staff");
    assert_eq!(connections["enabled"].as_array().unwrap().len(), 1);
    let organizations = report.step("organizations");
    assert_eq!(organizations["members"], ada);
    assert_eq!(organizations["held"], json!(["one"]));
    assert_eq!(organizations["ofUser"], json!(["acme"]));
    assert_eq!(organizations["ofGrant"], json!(["acme"]));
    assert_eq!(organizations["enabled"], json!(["staff"]));
    assert_eq!(organizations["grants"], json!([grants[0]["id"]]));
    assert_eq!(organizations["left"], 0);

    let actions = report.step("actions");
    assert_eq!(actions["status"], "built");
    let tried = &actions["claims"]["admitted"][0];
    assert_eq!(
        (&tried["claim"], &tried["value"]),
        (&json!(DEPARTMENT), &json!("finance"))
    );
    let numbers = json!([1, 1, 2, 3]);
    assert_eq!(
        actions["numbers"], numbers,
        "unchanged, and back to an older one"
    );
    assert_eq!(actions["is_back"], true);
    assert_eq!(actions["bound"], json!(["Department"]));
    let token = Jwt::parse(actions["token"].as_str().unwrap()).unwrap();
    assert_eq!(token.claims[DEPARTMENT], "finance");
    assert_eq!(token.claims["aud"], API);
    assert_eq!(
        actions["run"],
        json!({"status": "final", "names": ["department"]})
    );
    assert_eq!(actions["wrong"]["code"], "invalid_module");
    assert_eq!(actions["modules"], json!([]));
    assert_eq!(actions["held"]["status"], 409);
    assert_eq!(actions["gone"]["status"], 404);

    let logs = report.step("logs");
    assert_eq!(logs["one"], logs["oldest"]);
    assert_eq!(logs["after"].as_array().unwrap().len(), 2);
    assert!(!logs["after"].as_array().unwrap().contains(&logs["oldest"]));
    assert_eq!(report.step("keys and settings")["friendly_name"], "Acme");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_library_that_asks_too_often_waits_and_asks_again() {
    let limits = [
        (Limit::AdminRequestsBurst, 3),
        (Limit::AdminRequestsPerS, 2),
    ];
    let world = TlsWorld::start_within(server_limits(limits)).await;

    let report = clients::run("auth0-retries.js", &world.given()).await;

    let lists = report.step("lists");
    assert_eq!(lists["answered"], 6, "every call got its answer");
    let refused = lists["statuses"].as_array().unwrap().iter();
    assert!(refused.filter(|status| **status == 429).count() >= 1);
}
