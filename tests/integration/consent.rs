//! What users allow clients that aren't the tenant's own.

use serde_json::{Value, json};

use crate::harness::{
    API, Client, TestServer, User,
    browser::{Authorize, CALLBACK, Callback, Page, redeem},
};

/// A client of somebody else's, and a user.
async fn partner_and_ada(server: &TestServer) -> (Client, User) {
    let partner = server
        .client("Partner <b>Inc</b>".replace(['<', '>'], "&").as_str())
        .with("app_type", "spa")
        .with("is_first_party", false)
        .grant_types(&["authorization_code"])
        .with("callbacks", json!([CALLBACK]))
        .create()
        .await;
    (partner, server.user("ada@example.com").create().await)
}

fn request(client: &Client) -> Authorize {
    Authorize::code(client)
        .with("audience", API)
        .with("scope", "openid read:reports unknown:scope")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_somebody_elses_gets_what_the_user_allows_and_is_remembered() {
    let server = TestServer::start_empty().await;
    let scopes = json!([{"value": "read:reports", "description": "See <your> reports"}]);
    server.api(API).with("scopes", scopes).create().await;
    let (partner, ada) = partner_and_ada(&server).await;
    let browser = server.browser();

    let page = browser.page(&request(&partner)).await.expect_login();
    let consent = Page::of(browser.type_password(&page, &ada).await).expect_consent();
    let text = &consent.answer.text;
    assert!(text.contains("See &lt;your&gt; reports"), "{text}");
    assert!(text.contains("<code>openid</code>"), "{text}");
    assert!(!text.contains("unknown:scope"), "{text}");
    assert!(text.contains("ada@example.com"), "{text}");
    assert_eq!(server.stored_user(&ada).await["logins_count"], 0);
    let answer = browser.submit(&consent, &[("decision", "allow")]).await;

    let callback = Callback::of(answer);
    let reply = redeem(&server, &partner, callback.code()).await;
    assert_eq!(
        reply.expect_token().claims()["scope"],
        "openid read:reports"
    );
    assert_eq!(server.stored_user(&ada).await["logins_count"], 1);
    // Not again, in any browser, unless it wants more.
    server
        .browser()
        .log_in(&request(&partner), &ada)
        .await
        .code();
    let silent = request(&partner).with("prompt", "none");
    browser.callback(&silent).await.code();
    let more = silent.with("scope", "openid email read:reports");
    browser
        .callback(&more)
        .await
        .expect_error("consent_required");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_that_is_sent_again_counts_no_further_login() {
    let server = TestServer::start().await;
    let (partner, ada) = partner_and_ada(&server).await;
    let browser = server.browser();
    let page = browser.page(&request(&partner)).await;
    let consent = Page::of(browser.type_password(&page, &ada).await).expect_consent();

    for _ in 0..3 {
        let answer = browser.submit(&consent, &[("decision", "allow")]).await;
        Callback::of(answer).code();
    }

    assert_eq!(server.stored_user(&ada).await["logins_count"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_without_an_api_ends_with_the_consent_that_it_rests_on() {
    let server = TestServer::start().await;
    let (partner, ada) = partner_and_ada(&server).await;
    let browser = server.browser();
    let asked = request(&partner)
        .without("audience")
        .with("scope", "openid");
    let page = browser.page(&asked).await;
    let consent = Page::of(browser.type_password(&page, &ada).await).expect_consent();
    let answer = browser.submit(&consent, &[("decision", "allow")]).await;
    let code = Callback::of(answer);
    let reply = redeem(&server, &partner, code.code()).await.expect_token();
    server.userinfo(reply.access_token()).await.expect(200);

    let path = format!("grants?user_id={}", ada.in_path());
    server
        .manage("DELETE", &path, Value::Null)
        .await
        .expect(204);

    server.userinfo(reply.access_token()).await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_no_gives_nothing_and_is_asked_again() {
    let server = TestServer::start().await;
    let (partner, ada) = partner_and_ada(&server).await;
    let browser = server.browser();
    let page = browser.page(&request(&partner)).await;
    let consent = Page::of(browser.type_password(&page, &ada).await).expect_consent();

    for decision in ["deny", "", "ALLOW"] {
        let answer = browser.submit(&consent, &[("decision", decision)]).await;
        let callback = Callback::of(answer);
        callback.expect_error("access_denied");
        assert_eq!(callback.get("state"), "the-state");
    }
    browser.page(&request(&partner)).await.expect_consent();
}

#[tokio::test(flavor = "multi_thread")]
async fn prompt_consent_asks_for_the_tenants_own_clients_too() {
    let server = TestServer::start().await;
    let (_, ada) = partner_and_ada(&server).await;
    let spa = server.spa().await;
    let browser = server.browser();
    browser.log_in(&request(&spa), &ada).await.code();

    let asked = request(&spa).with("prompt", "consent");
    let consent = browser.page(&asked).await.expect_consent();
    let answer = browser.submit(&consent, &[("decision", "allow")]).await;
    Callback::of(answer).code();
    browser.page(&asked).await.expect_consent();
    browser.callback(&request(&spa)).await.code();
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_can_agree_for_a_user() {
    let server = TestServer::start().await;
    let (partner, ada) = partner_and_ada(&server).await;
    let eve = server.user("eve@example.com").create().await;
    let (hers, evil) = (server.browser(), server.browser());
    let page = hers.page(&request(&partner)).await;
    let consent = Page::of(hers.type_password(&page, &ada).await).expect_consent();
    let page = evil.page(&request(&partner)).await;
    let evil_consent = Page::of(evil.type_password(&page, &eve).await).expect_consent();
    let allow = [("decision", "allow")];

    // Another browser's form, and one that stands for itself.
    Page::of(hers.submit(&evil_consent, &allow).await).expect_error(400);
    Page::of(evil.submit(&consent, &allow).await).expect_error(400);
    let forged = [("state", "AAAA"), ("decision", "allow")];
    Page::of(hers.post("/u/consent", &forged).await).expect_error(400);
    // A login form is no consent.
    let login = server.browser();
    let page = login.page(&request(&partner)).await;
    let state = page.hidden[0].1.as_str();
    let answer = login
        .post("/u/consent", &[("state", state), allow[0]])
        .await;
    Page::of(answer).expect_error(400);
    // Her form after somebody else logged in in the same browser.
    let again = request(&partner).with("prompt", "login");
    let page = hers.page(&again).await.expect_login();
    Page::of(hers.type_password(&page, &eve).await).expect_consent();
    Page::of(hers.submit(&consent, &allow).await).expect_consent();

    for (browser, user) in [(&hers, "Ada"), (&evil, "Eve")] {
        let page = browser.page(&request(&partner)).await;
        assert_eq!(page.action, "/u/consent", "{user} has agreed to nothing");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_allowed_is_listed_and_taken_back_with_the_tokens_that_rest_on_it() {
    let server = TestServer::start_empty().await;
    let api = server.api(API).with("allow_offline_access", true);
    api.create().await;
    let partner = server
        .client("Partner")
        .with("app_type", "spa")
        .with("is_first_party", false)
        .grant_types(&["authorization_code", "refresh_token"])
        .with("callbacks", json!([CALLBACK]))
        .create()
        .await;
    let ada = server.user("ada@example.com").create().await;
    let browser = server.browser();
    let asked = request(&partner).with("scope", "openid read:reports offline_access");
    let page = browser.page(&asked).await;
    let consent = Page::of(browser.type_password(&page, &ada).await).expect_consent();
    let allow = [("decision", "allow")];
    let first = Callback::of(browser.submit(&consent, &allow).await);
    let tokens = redeem(&server, &partner, first.code()).await.expect_token();
    let refresh = async || {
        let request = server
            .token_request()
            .with("client_id", partner.id.as_str());
        let request = request.with("grant_type", "refresh_token");
        let token = tokens.body["refresh_token"].as_str().unwrap();
        request.with("refresh_token", token).send().await
    };
    let unused = browser.callback(&asked).await;

    let path = format!("grants?user_id={}&include_totals=true", ada.in_path());
    let listed = server.manage("GET", &path, Value::Null).await.expect(200);
    let [grant] = listed["grants"].as_array().unwrap().as_slice() else {
        panic!("{listed}");
    };
    let id = grant["id"].as_str().unwrap();
    let expected = json!({
        "id": id, "clientID": partner.id, "user_id": ada.id, "audience": API,
        "scope": ["openid", "read:reports", "offline_access"],
    });
    assert_eq!((grant, &listed["total"]), (&expected, &json!(1)));
    for (search, found) in [
        (format!("client_id={}", partner.id), 1),
        (format!("audience={API}"), 1),
        ("audience=https://other.example/".to_owned(), 0),
        (String::new(), 1),
    ] {
        let path = format!("grants?{search}");
        let list = server.manage("GET", &path, Value::Null).await.expect(200);
        assert_eq!(list.as_array().unwrap().len(), found, "{search}");
    }
    let path = format!("grants/{id}");
    server
        .manage("DELETE", &path, Value::Null)
        .await
        .expect(204);
    server
        .manage("DELETE", &path, Value::Null)
        .await
        .expect(204);

    refresh().await.expect_error(400, "invalid_grant");
    let late = redeem(&server, &partner, unused.code()).await;
    late.expect_error(400, "invalid_grant");
    let consent = browser.page(&asked).await.expect_consent();

    // All of a user's at once.
    Callback::of(browser.submit(&consent, &allow).await).code();
    let missing = server.manage("DELETE", "grants", Value::Null).await;
    let missing = missing.expect(400);
    assert!(
        missing["message"].as_str().unwrap().contains("user_id"),
        "{missing}"
    );
    let path = format!("grants?user_id={}", ada.in_path());
    server
        .manage("DELETE", &path, Value::Null)
        .await
        .expect(204);
    browser.page(&asked).await.expect_consent();
}
