//! The server's own pages in Chromium: whether they work there, and for whom.

use std::env;

use serde_json::json;

use crate::harness::clients::{self, World};

/// Names a folder for pictures of every page, for people to look at.
const PICTURES: &str = "CLAIMSMITH_PICTURES";

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_work_in_a_browser_on_any_screen_for_everybody_and_without_javascript() {
    let world = World::start().await;
    world
        .server
        .settings(json!({ "friendly_name": "Acme" }))
        .await;
    let mut given = world.given([]);
    given["chromium"] = json!(clients::chromium());
    given["management_token"] = json!(world.server.management_token().await);
    given["pictures"] = json!(env::var(PICTURES).ok());

    let report = clients::run("pages.js", &given).await;

    for (page, title) in [
        ("login", "Log in – Acme"),
        ("wrong password", "Error: Log in – Acme"),
        ("consent", "Allow access? – Acme"),
        ("error", "Something went wrong – Acme"),
        ("question before the logout", "Log out? – Acme"),
        ("logged out", "You are logged out – Acme"),
    ] {
        let seen = report.step(page);
        assert_eq!(seen["title"], title);
        assert_eq!(seen["faults"], json!([]), "{page}");
    }
    assert_eq!(report.step("login")["focused"], "identifier");
    let wrong = report.step("wrong password");
    assert_eq!(wrong["alert"], "Wrong email, user name or password.");
    assert_eq!(wrong["focused"], "password");
    assert_eq!(wrong["identifier"], world.ada.email);
    let scopes = &report.step("consent")["scopes"];
    let expected = [
        "Know who you are openid",
        "See your email address email",
        "read:reports",
    ];
    assert_eq!(*scopes, json!(expected));
    for (step, method) in [
        ("back after the login", "GET"),
        ("back after a yes", "GET"),
        ("back by form_post", "POST"),
        ("back without JavaScript", "POST"),
    ] {
        let back = report.step(step);
        assert_eq!(back["method"], method, "{step}");
        assert_eq!(back["state"], "a state", "{step}");
        assert!(back["code"].is_string(), "{step}: {back}");
    }
    assert_eq!(report.step("back after a no")["error"], "access_denied");
    let silent = report.step("silently after the logout");
    assert_eq!(silent["error"], "login_required");
    assert_eq!(report.step("back after the logout")["state"], "bye");
    assert_eq!(report.step("complaints")["forbidden"], json!([]));
}
