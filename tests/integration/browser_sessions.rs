//! Sessions in browsers: when a user is asked to log in, and when not.

use serde_json::{Value, json};

use crate::harness::{
    API, Client, POST_LOGIN, Tenant, TestServer, User,
    browser::{Authorize, Browser, Callback, Page, record, redeem},
    scripted,
};

async fn spa_and_ada(server: &TestServer) -> (Client, User) {
    let ada = server.user("ada@example.com").create().await;
    (server.spa().await, ada)
}

/// The ID token's claims of a login.
async fn id_claims(server: &Tenant, client: &Client, callback: &Callback) -> Value {
    let reply = redeem(server, client, callback.code()).await;
    reply.expect_token().id_claims()
}

#[tokio::test(flavor = "multi_thread")]
async fn prompt_none_never_shows_a_page() {
    let server = TestServer::start().await;
    let (spa, ada) = spa_and_ada(&server).await;
    let browser = server.browser();
    let silent = Authorize::code(&spa).with("prompt", "none");

    browser
        .callback(&silent)
        .await
        .expect_error("login_required");
    browser.log_in(&Authorize::code(&spa), &ada).await;
    browser.callback(&silent).await.code();
    let old = silent.with("max_age", "0");
    browser.callback(&old).await.expect_error("login_required");
}

#[tokio::test(flavor = "multi_thread")]
async fn prompt_login_and_select_account_ask_although_somebody_is_logged_in() {
    let server = TestServer::start().await;
    let (spa, ada) = spa_and_ada(&server).await;
    let bob = server.user("bob@example.com").create().await;
    let browser = server.browser();
    browser.log_in(&Authorize::code(&spa), &ada).await;

    for prompt in ["login", "select_account"] {
        let request = Authorize::code(&spa).with("prompt", prompt);
        let page = browser.page(&request).await.expect_login();
        let callback = Callback::of(browser.type_password(&page, &bob).await);
        let claims = id_claims(&server, &spa, &callback).await;
        assert_eq!(claims["sub"], bob.id);
    }
    // From now on the browser is Bob's.
    let callback = browser.callback(&Authorize::code(&spa)).await;
    assert_eq!(id_claims(&server, &spa, &callback).await["sub"], bob.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_too_old_is_asked_for_again() {
    let server = TestServer::start().await;
    let (spa, ada) = spa_and_ada(&server).await;
    let browser = server.browser();
    let first = browser.log_in(&Authorize::code(&spa), &ada).await;
    let first = id_claims(&server, &spa, &first).await;

    let within = Authorize::code(&spa).with("max_age", "3600");
    let again = browser.callback(&within).await;
    let again = id_claims(&server, &spa, &again).await;
    assert_eq!(again["auth_time"], first["auth_time"]);
    let page = browser
        .page(&within.with("max_age", "0"))
        .await
        .expect_login();
    Callback::of(browser.type_password(&page, &ada).await).code();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_token_says_who_is_meant() {
    let server = TestServer::start().await;
    let (spa, ada) = spa_and_ada(&server).await;
    let bob = server.user("bob@example.com").create().await;
    let browser = server.browser();
    let callback = browser.log_in(&Authorize::code(&spa), &ada).await;
    let reply = redeem(&server, &spa, callback.code()).await.expect_token();
    let id_token = reply.body["id_token"].as_str().unwrap();
    let meant = Authorize::code(&spa).with("id_token_hint", id_token);

    browser.callback(&meant).await.code();
    browser
        .log_in(&Authorize::code(&spa).with("prompt", "login"), &bob)
        .await;
    let silent = meant.clone().with("prompt", "none");
    browser
        .callback(&silent)
        .await
        .expect_error("login_required");
    // The page takes anybody, but the client gets nobody else.
    let page = browser.page(&meant).await.expect_login();
    let wrong = Callback::of(browser.type_password(&page, &bob).await);
    wrong.expect_error("login_required");
    Callback::of(browser.type_password(&page, &ada).await).code();
    // Another client's ID token, and an access token, say nothing.
    let other = server.spa().await;
    let foreign = Authorize::code(&other).with("id_token_hint", id_token);
    browser
        .callback(&foreign)
        .await
        .expect_error("invalid_request");
    let access_token = Authorize::code(&spa).with("audience", API);
    let callback = browser.callback(&access_token).await;
    let reply = redeem(&server, &spa, callback.code()).await.expect_token();
    let no_id_token = Authorize::code(&spa).with("id_token_hint", reply.access_token());
    browser
        .callback(&no_id_token)
        .await
        .expect_error("invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_login_gives_the_browser_another_cookie_and_the_old_one_is_worth_nothing() {
    let server = TestServer::start().await;
    let (spa, ada) = spa_and_ada(&server).await;
    let browser = server.browser();
    // Somebody planted a cookie before the user logs in.
    let planted = "x".repeat(43);
    let plant = |browser: &Browser<'_>, value: &str| {
        let mut cookies = browser.cookies.borrow_mut();
        cookies.insert("claimsmith_session".to_owned(), value.to_owned());
    };
    plant(&browser, &planted);

    let first = browser.log_in(&Authorize::code(&spa), &ada).await;

    let cookie = browser.session_cookie().unwrap();
    assert_ne!(cookie, planted);
    let again = Authorize::code(&spa).with("prompt", "login");
    let second = browser.log_in(&again, &ada).await;
    assert_ne!(browser.session_cookie().unwrap(), cookie);
    for old in [planted, cookie] {
        let thief = server.browser();
        plant(&thief, &old);
        thief.page(&Authorize::code(&spa)).await.expect_login();
    }
    // To clients it is the same session, so that logging out means all of it.
    let first = id_claims(&server, &spa, &first).await;
    let second = id_claims(&server, &spa, &second).await;
    assert_eq!(first["sid"], second["sid"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_ends_the_session() {
    let server = TestServer::start().await;
    let (spa, ada) = spa_and_ada(&server).await;
    let browser = server.browser();
    browser.log_in(&Authorize::code(&spa), &ada).await;
    let cookie = browser.session_cookie().unwrap();

    browser.open("/v2/logout").await;

    assert_eq!(browser.session_cookie(), None);
    browser
        .cookies
        .borrow_mut()
        .insert("claimsmith_session".to_owned(), cookie);
    browser.page(&Authorize::code(&spa)).await.expect_login();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_was_given_right_before_the_logout_is_worth_nothing_after_it() {
    let server = TestServer::start().await;
    let (spa, ada) = spa_and_ada(&server).await;
    let browser = server.browser();
    let first = browser.log_in(&Authorize::code(&spa), &ada).await;
    let second = browser.callback(&Authorize::code(&spa)).await;
    // Somebody else's login isn't touched.
    let other = server.browser();
    let kept = other.log_in(&Authorize::code(&spa), &ada).await;

    browser.open("/v2/logout").await;

    for code in [first.code(), second.code()] {
        let refused = redeem(&server, &spa, code).await;
        refused.expect_error(400, "invalid_grant");
    }
    redeem(&server, &spa, kept.code()).await.expect_token();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_outlives_a_restart_and_so_does_a_page_that_waits() {
    let server = TestServer::start().await;
    let (spa, ada) = spa_and_ada(&server).await;
    let (cookies, waiting) = {
        let browser = server.browser();
        let waiting = browser.page(&Authorize::code(&spa)).await.expect_login();
        browser.log_in(&Authorize::code(&spa), &ada).await;
        (browser.cookies, waiting)
    };

    let server = server.restart().await;

    let browser = server.browser();
    browser.cookies.swap(&cookies);
    browser.callback(&Authorize::code(&spa)).await.code();
    Callback::of(browser.type_password(&waiting, &ada).await).code();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_another_tenants_as_little_as_a_page_that_waits() {
    let server = TestServer::start().await;
    let (spa, ada) = spa_and_ada(&server).await;
    let browser = server.browser();
    let waiting = browser.page(&Authorize::code(&spa)).await.expect_login();
    browser.log_in(&Authorize::code(&spa), &ada).await;
    let other = server.create_tenant("other", "http://other.example/").await;
    let (app, eve) = (
        other.spa().await,
        other.user("ada@example.com").create().await,
    );

    let elsewhere = other.browser();
    elsewhere.cookies.swap(&browser.cookies);

    elsewhere.page(&Authorize::code(&app)).await.expect_login();
    let answer = elsewhere.type_password(&waiting, &eve).await;
    Page::of(answer).expect_error(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_last_as_long_as_the_tenant_says() {
    let server = TestServer::start().await;
    let (spa, ada) = spa_and_ada(&server).await;
    let settings = json!({"session_lifetime": 2, "idle_session_lifetime": 1});
    server.settings(settings).await;
    let script = json!([["echo", "/session", "https://example.com/session"]]);
    server.bind(POST_LOGIN, [scripted("shows", script)]).await;
    let request = Authorize::code(&spa).with("audience", API);
    let browser = server.browser();

    let page = browser.page(&request).await.expect_login();
    let answer = browser.type_password(&page, &ada).await;

    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    let cookie = cookies[0].to_str().unwrap();
    assert!(
        cookie.contains("Max-Age=7200; HttpOnly; SameSite=Lax"),
        "{cookie}"
    );
    let callback = Callback::of(answer);
    let reply = redeem(&server, &spa, callback.code()).await.expect_token();
    let session = reply.claims()["https://example.com/session"].clone();
    assert_eq!(session["user_id"], ada.id);
    assert_eq!(session["id"], reply.id_claims()["sid"]);
    let hour = |name: &str| {
        let text = session[name].as_str().unwrap();
        let (hour, _) = text.split_once('T').unwrap().1.split_once(':').unwrap();
        hour.parse::<i32>().unwrap()
    };
    assert_eq!((hour("expires_at") - hour("created_at")).rem_euclid(24), 2);
    assert_eq!(
        (hour("idle_expires_at") - hour("created_at")).rem_euclid(24),
        1
    );
    let too_long = json!({"session_lifetime": 8_761});
    let answer = server.manage("PATCH", "tenants/settings", too_long).await;
    assert_eq!(answer.status, 400, "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denying_action_sends_the_user_back_with_its_reason_and_no_session() {
    let server = TestServer::start().await;
    let (spa, ada) = spa_and_ada(&server).await;
    let script = json!([
        ["app_metadata", "tried", true],
        ["deny", "not <on> Sundays"]
    ]);
    server.bind(POST_LOGIN, [scripted("denies", script)]).await;
    let browser = server.browser();

    let callback = browser.log_in(&Authorize::code(&spa), &ada).await;

    assert_eq!(callback.expect_error("access_denied"), "not <on> Sundays");
    assert_eq!(callback.get("state"), "the-state");
    assert_eq!(browser.session_cookie(), None);
    let stored = server.stored_user(&ada).await;
    assert_eq!(stored["app_metadata"]["tried"], true);
    assert_eq!(stored["logins_count"], 0);
    let record = record(&server, &callback.answer).await;
    assert_eq!(record["user_id"], ada.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_action_tells_the_client_nothing_but_the_execution() {
    let server = TestServer::start().await;
    let (spa, ada) = spa_and_ada(&server).await;
    let script = json!([["panic", "the secret recipe"]]);
    server.bind(POST_LOGIN, [scripted("fails", script)]).await;

    let callback = server.browser().log_in(&Authorize::code(&spa), &ada).await;

    let text = callback.expect_error("access_denied");
    let execution = callback.answer.header("claimsmith-execution-id");
    assert!(
        text.contains(execution) && !text.contains("recipe"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_user_gets_no_further() {
    let server = TestServer::start().await;
    let (spa, ada) = spa_and_ada(&server).await;
    let browser = server.browser();
    browser.log_in(&Authorize::code(&spa), &ada).await;
    let path = format!("users/{}", ada.in_path());
    let blocked = server
        .manage("PATCH", &path, json!({"blocked": true}))
        .await;
    blocked.expect(200);

    // The session may be gone or be refused: there is no code by either.
    let answer = browser.open(&Authorize::code(&spa).path()).await;
    if answer.status == 303 {
        Callback::of(answer).expect_error("access_denied");
    } else {
        Page::of(answer).expect_login();
    }
    let page = server.browser();
    let callback = page.log_in(&Authorize::code(&spa), &ada).await;
    callback.expect_error("access_denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn actions_see_the_request_as_the_client_made_it() {
    let server = TestServer::start().await;
    let (spa, ada) = spa_and_ada(&server).await;
    let script = json!([
        ["echo", "/transaction", "https://example.com/transaction"],
        ["echo", "/request", "https://example.com/request"],
        ["echo", "/stats/logins_count", "https://example.com/count"],
    ]);
    server.bind(POST_LOGIN, [scripted("shows", script)]).await;
    let request = Authorize::code(&spa)
        .with("audience", API)
        .with("login_hint", "ada@example.com")
        .with("ui_locales", "de en")
        .with("acr_values", "1 2")
        .with("prompt", "login")
        .with("correlation_id", "c-1")
        .with("ext-note", "hello")
        .with("client_secret", "never shown");
    let browser = server.browser();

    let page = browser.page(&request).await;
    assert!(page.answer.text.contains("value=\"ada@example.com\""));
    let callback = Callback::of(browser.type_password(&page, &ada).await);

    let claims = redeem(&server, &spa, callback.code()).await.claims();
    let transaction = &claims["https://example.com/transaction"];
    for (name, expected) in [
        ("protocol", json!("oidc-basic-profile")),
        ("requested_scopes", json!(["openid", "email"])),
        ("redirect_uri", json!("https://app.example.com/callback")),
        ("response_type", json!(["code"])),
        ("response_mode", json!("query")),
        ("state", json!("the-state")),
        ("prompt", json!(["login"])),
        ("login_hint", json!("ada@example.com")),
        ("acr_values", json!(["1", "2"])),
        ("locale", json!("en")),
        ("ui_locales", json!(["de", "en"])),
        ("correlation_id", json!("c-1")),
    ] {
        assert_eq!(transaction[name], expected, "{name}: {transaction}");
    }
    let seen = &claims["https://example.com/request"];
    assert_eq!(seen["query"]["ext-note"], "hello");
    assert_eq!(seen["body"], json!({}));
    let text = seen.to_string();
    assert!(
        !text.contains("never shown") && !text.contains("correct horse"),
        "{text}"
    );
    assert_eq!(claims["https://example.com/count"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_is_in_event_and_tokens_when_its_member_logs_in() {
    let server = TestServer::start().await;
    let (spa, ada) = spa_and_ada(&server).await;
    let bob = server.user("bob@example.com").create().await;
    let acme = server.organization("acme", &[&ada]).await;
    let script = json!([["echo", "/organization/name", "https://example.com/org"]]);
    server.bind(POST_LOGIN, [scripted("shows", script)]).await;
    let request = Authorize::code(&spa).with("audience", API);

    for organization in ["acme", &acme] {
        let browser = server.browser();
        let request = request.clone().with("organization", organization);
        let callback = browser.log_in(&request, &ada).await;
        let reply = redeem(&server, &spa, callback.code()).await.expect_token();
        assert_eq!(reply.claims()["https://example.com/org"], "acme");
        for claims in [reply.claims(), reply.id_claims()] {
            assert_eq!(claims["org_id"], acme);
            assert_eq!(claims["org_name"], "acme");
        }
    }
    for (user, organization) in [(&bob, "acme"), (&ada, "nowhere")] {
        let request = request.clone().with("organization", organization);
        let callback = server.browser().log_in(&request, user).await;
        let text = callback.expect_error("access_denied");
        assert!(text.contains("not a member"), "{text}");
    }
    let callback = server.browser().log_in(&request, &ada).await;
    let reply = redeem(&server, &spa, callback.code()).await.expect_token();
    assert_eq!(reply.claims()["https://example.com/org"], Value::Null);
    assert_eq!(reply.claims().get("org_id"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_says_whether_its_users_log_in_to_organizations() {
    let server = TestServer::start().await;
    let spa = server.spa().await;
    let browser = server.browser();
    let path = format!("clients/{}", spa.id);
    let usage = async |usage: &str| {
        let body = json!({"organization_usage": usage});
        server.manage("PATCH", &path, body).await.expect(200);
    };
    let without = Authorize::code(&spa);
    let with = without.clone().with("organization", "acme");

    usage("require").await;
    browser
        .callback(&without)
        .await
        .expect_error("invalid_request");
    browser.page(&with).await.expect_login();
    usage("deny").await;
    browser
        .callback(&with)
        .await
        .expect_error("invalid_request");
    browser.page(&without).await.expect_login();
}

#[tokio::test(flavor = "multi_thread")]
async fn resource_is_the_standards_name_of_audience() {
    let server = TestServer::start().await;
    let (spa, ada) = spa_and_ada(&server).await;
    let request = Authorize::code(&spa)
        .with("resource", API)
        .with("audience", API);

    let callback = server.browser().log_in(&request, &ada).await;

    let reply = redeem(&server, &spa, callback.code()).await.expect_token();
    assert_eq!(reply.claims()["aud"][0], API);
}

#[tokio::test(flavor = "multi_thread")]
async fn app_metadata_is_in_no_token_and_not_in_userinfo_unless_an_action_copies_it() {
    let server = TestServer::start().await;
    let spa = server.spa().await;
    let user = server.user("ada@example.com");
    let user = user.with("app_metadata", json!({"plan": "gold"}));
    let ada = user.create().await;
    let request = Authorize::code(&spa)
        .with("audience", API)
        .with("scope", "openid profile email");

    let callback = server.browser().log_in(&request, &ada).await;

    let reply = redeem(&server, &spa, callback.code()).await.expect_token();
    let info = server.userinfo(reply.access_token()).await.expect(200);
    for claims in [reply.claims(), reply.id_claims(), info] {
        let text = claims.to_string();
        assert!(
            !text.contains("gold") && !text.contains("metadata"),
            "{text}"
        );
    }
}
