//! What others try on the way of a user through the browser.

use http::{HeaderMap, HeaderValue, header};
use serde_json::{Value, json};

use crate::harness::{
    Client, PASSWORD, TestServer, User,
    browser::{Authorize, Callback, Page, redeem},
    scrape,
};

/// A text that ends whatever it stands in.
const EVIL: &str = r#""'></title></p><script>alert(1)</script><img src=x onerror=alert(1)>"#;

async fn spa_and_ada(server: &TestServer) -> (Client, User) {
    let ada = server.user("ada@example.com").create().await;
    (server.spa().await, ada)
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_log_another_browser_in_by_a_form_of_their_own() {
    let server = TestServer::start().await;
    let (spa, eve) = spa_and_ada(&server).await;
    let (hers, evil) = (server.browser(), server.browser());
    hers.page(&Authorize::code(&spa)).await.expect_login();
    let evil_page = evil.page(&Authorize::code(&spa)).await.expect_login();

    // Eve's form, with Eve's password, in the other browser.
    Page::of(hers.type_password(&evil_page, &eve).await).expect_error(400);
    // And in one that has never been here, or keeps no cookies.
    let fresh = server.browser();
    Page::of(fresh.type_password(&evil_page, &eve).await).expect_error(400);
    let bare = [
        ("username", eve.email.as_str()),
        ("password", PASSWORD),
        ("state", "AAAA"),
    ];
    Page::of(hers.post("/u/login", &bare).await).expect_error(400);
    Page::of(hers.post("/u/login", &bare[..2]).await).expect_error(400);

    assert_eq!(hers.session_cookie(), None);
    assert_eq!(fresh.session_cookie(), None);
    Callback::of(evil.type_password(&evil_page, &eve).await).code();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_can_not_be_turned_to_another_client_or_redirect_uri() {
    let server = TestServer::start().await;
    let (spa, ada) = spa_and_ada(&server).await;
    let browser = server.browser();
    let page = browser.page(&Authorize::code(&spa)).await;

    let inputs = [
        ("username", ada.email.as_str()),
        ("password", PASSWORD),
        ("client_id", "other"),
        ("redirect_uri", "https://evil.example/"),
    ];
    let callback = Callback::of(browser.submit(&page, &inputs).await);

    assert_eq!(callback.uri, "https://app.example.com/callback");
    // A repeated state is none.
    let twice = [
        ("state", page.hidden[0].1.as_str()),
        ("username", ada.email.as_str()),
        ("password", PASSWORD),
    ];
    Page::of(browser.submit(&page, &twice).await).expect_error(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_uri_that_is_not_registered_any_more_gets_no_code_from_a_page_that_waits() {
    let server = TestServer::start().await;
    let (spa, ada) = spa_and_ada(&server).await;
    let browser = server.browser();
    let page = browser.page(&Authorize::code(&spa)).await;
    let body = json!({"callbacks": ["https://new.example.com/"]});
    let path = format!("clients/{}", spa.id);
    server.manage("PATCH", &path, body).await.expect(200);

    Page::of(browser.type_password(&page, &ada).await).expect_error(400);
    assert_eq!(browser.session_cookie(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_of_ours_is_shown_in_a_frame_or_runs_a_script() {
    let server = TestServer::start().await;
    let (spa, _) = spa_and_ada(&server).await;
    let browser = server.browser();
    let wrong = Authorize::code(&spa).without("client_id");
    for page in [
        browser.page(&Authorize::code(&spa)).await,
        browser.page(&wrong).await,
        Page::of(browser.open("/u/login").await),
    ] {
        let answer = &page.answer;
        assert_eq!(answer.header("x-frame-options"), "DENY");
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("script-src"), "{policy}");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_form_leads_to_the_redirect_uris_origin_and_nowhere_else() {
    let server = TestServer::start().await;
    let (spa, _) = spa_and_ada(&server).await;
    let page = server.browser().page(&Authorize::code(&spa)).await;
    let policy = page.answer.header("content-security-policy");
    let allowed = "form-action 'self' https://app.example.com;";
    assert!(policy.contains(allowed), "{policy}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_others_write_becomes_markup() {
    let server = TestServer::start().await;
    let (spa, ada) = spa_and_ada(&server).await;
    server.settings(json!({"friendly_name": EVIL})).await;
    let browser = server.browser();
    let evil = |name: &str| Authorize::code(&spa).with(name, EVIL);

    let hint = browser.page(&evil("login_hint")).await.expect_login();
    let state = browser.page(&evil("state")).await.expect_login();
    let inputs = [("username", EVIL), ("password", "wrong")];
    let typed = Page::of(browser.submit(&hint, &inputs).await).expect_login();
    let client = browser.page(&evil("client_id")).await;
    let repeated = evil("state").and("state", EVIL);
    let repeated = browser.page(&repeated).await;
    let form_post = Authorize::code(&spa)
        .with("state", EVIL)
        .with("prompt", "none");
    let mut handed_on = Vec::new();
    for mode in ["form_post", "web_message"] {
        let request = form_post.clone().with("response_mode", mode);
        handed_on.push(Page::of(browser.open(&request.path()).await));
    }
    for page in [&hint, &state, &typed, &client, &repeated]
        .into_iter()
        .chain(&handed_on)
    {
        let text = &page.answer.text;
        assert!(!text.contains("<script>alert"), "{text}");
        assert!(!text.contains("<img"), "{text}");
    }
    // And it comes back to the client as it was.
    let callback = Callback::of(browser.type_password(&state, &ada).await);
    assert_eq!(callback.get("state"), EVIL);
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_passwords_in_the_browser_is_slowed_down_as_anywhere() {
    let server = TestServer::start().await;
    let (spa, ada) = spa_and_ada(&server).await;
    let browser = server.browser();
    let page = browser.page(&Authorize::code(&spa)).await;
    let mut refused = false;
    for _ in 0..200 {
        let inputs = [("username", ada.email.as_str()), ("password", "wrong")];
        let again = Page::of(browser.submit(&page, &inputs).await).expect_login();
        if again.answer.text.contains("too many logins") {
            refused = true;
            break;
        }
    }
    assert!(refused, "nobody was slowed down");
    let right = Page::of(browser.type_password(&page, &ada).await).expect_login();
    assert!(right.answer.text.contains("too many logins"));
    assert_eq!(browser.session_cookie(), None);
    // Nor is there another way in, with a count of its own.
    let app = server.app().await;
    let granted = server.login(&app, &ada).send().await;
    granted.expect_error(429, "too_many_attempts");

    // The other way round it is the same.
    let bob = server.user("bob@example.com").create().await;
    for _ in 0..10 {
        let wrong = server.login(&app, &bob).with("password", "wrong");
        wrong.send().await.expect_error(400, "invalid_grant");
    }
    let right = Page::of(browser.type_password(&page, &bob).await).expect_login();
    assert!(right.answer.text.contains("too many logins"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_worth_nothing_without_the_verifier_of_its_request() {
    let server = TestServer::start().await;
    let (spa, ada) = spa_and_ada(&server).await;
    let browser = server.browser();
    let stolen = browser.log_in(&Authorize::code(&spa), &ada).await;
    let thief = |verifier: Option<&str>| {
        let request = server
            .token_request()
            .with("client_id", spa.id.as_str())
            .with("grant_type", "authorization_code")
            .with("code", stolen.code())
            .with("redirect_uri", "https://app.example.com/callback");
        match verifier {
            Some(verifier) => request.with("code_verifier", verifier),
            None => request,
        }
    };

    let guess = "a-code-verifier-of-forty-three-characters-y";
    for verifier in [None, Some(guess)] {
        let reply = thief(verifier).send().await;
        reply.expect_error(400, "invalid_grant");
    }
    redeem(&server, &spa, stolen.code()).await.expect_token();
}

#[tokio::test(flavor = "multi_thread")]
async fn each_answer_says_which_server_it_comes_from() {
    let server = TestServer::start().await;
    let other = server.create_tenant("other", "http://other.example/").await;
    for tenant in [&*server, &other] {
        let (spa, ada) = (
            tenant.spa().await,
            tenant.user("ada@example.com").create().await,
        );
        let callback = tenant.browser().log_in(&Authorize::code(&spa), &ada).await;
        assert_eq!(callback.get("iss"), tenant.issuer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_user_costs_the_server_the_same_work_as_a_known_one() {
    let server = TestServer::start().await;
    let (spa, ada) = spa_and_ada(&server).await;
    let app = server.app().await;
    let browser = server.browser();
    let page = browser.page(&Authorize::code(&spa)).await;
    let computed = async || {
        let token = server.platform_token();
        let metrics = server.ask("GET", "/metrics", Some(&token), Value::Null);
        let metrics = scrape::Page::read(&metrics.await);
        metrics.value("claimsmith_password_hashes_total")
    };
    let long = "x".repeat(2_000);

    // One hash each, whoever it is and however the password is wrong; of a password that
    // nobody can have, none for either.
    for (password, work) in [("wrong", 1.0), ("", 1.0), (long.as_str(), 0.0)] {
        for name in [ada.email.as_str(), "nobody@example.com"] {
            let before = computed().await;
            let inputs = [("username", name), ("password", password)];
            Page::of(browser.submit(&page, &inputs).await).expect_login();
            assert_eq!(computed().await - before, work, "page: {name} {password}");
            if password.is_empty() {
                // The token endpoint says that the parameter is missing.
                continue;
            }
            let before = computed().await;
            let guess = server.login(&app, &ada).with("username", name);
            let guess = guess.with("password", password).send().await;
            guess.expect_error(400, "invalid_grant");
            assert_eq!(computed().await - before, work, "grant: {name} {password}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_too_large_or_not_text_is_answered_with_a_page() {
    let server = TestServer::start().await;
    let (spa, _) = spa_and_ada(&server).await;
    let browser = server.browser();
    let page = browser.page(&Authorize::code(&spa)).await;
    let state = format!("state={}", page.hidden[0].1);
    let post = async |path: &str, body: Vec<u8>| {
        let mut headers = HeaderMap::new();
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(header::CONTENT_TYPE, form);
        server.send("POST", path, headers, body).await
    };
    for path in [
        "/u/login",
        "/u/consent",
        "/oidc/logout",
        "/oidc/logout/confirm",
        "/authorize",
    ] {
        let padded = |bytes: usize| {
            let mut body = format!("{state}&padding=").into_bytes();
            body.resize(bytes, b'x');
            body
        };
        for (body, told) in [
            (padded(64 * 1024 + 1), "bytes"),
            (b"state=\xff\xfe".to_vec(), "UTF-8"),
            (b"state=%ff%fe".to_vec(), "UTF-8"),
        ] {
            let answer = post(path, body).await;
            let text = Page::of(answer).expect_error(400);
            assert!(text.contains(told), "{path}: {text}");
            assert!(text.contains("Trace id"), "{path}: {text}");
        }
    }
    // One of just that size is read, and wrong for another reason.
    for path in ["/u/login", "/u/consent"] {
        let mut body = format!("{state}&padding=").into_bytes();
        body.resize(64 * 1024, b'x');
        let text = Page::of(post(path, body).await).expect_error(400);
        assert!(text.contains("too old"), "{path}: {text}");
    }
}
