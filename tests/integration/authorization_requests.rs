//! Wrong authorization requests: who is told, and what.

use serde_json::json;

use crate::harness::{
    Client, TestServer,
    browser::{Authorize, CALLBACK, Callback, Page},
};

/// What is wrong with a request.
type Wrong = fn(Authorize) -> Authorize;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_to_a_redirect_uri_that_is_not_the_clients() {
    let server = TestServer::start().await;
    let (spa, ada) = (
        server.spa().await,
        server.user("ada@example.com").create().await,
    );
    let browser = server.browser();
    browser.log_in(&Authorize::code(&spa), &ada).await;

    for redirect_uri in [
        "https://evil.example/callback",
        "https://app.example.com/callback/",
        "https://app.example.com/callback?next=https://evil.example",
        "https://app.example.com/callback#x",
        "https://app.example.com/callback/../evil",
        "https://app.example.com.evil.example/callback",
        "https://app.example.com@evil.example/callback",
        "https://app.example.com\\@evil.example/callback",
        "https://evil.example\\.app.example.com/callback",
        "https://APP.example.com/callback",
        "http://app.example.com/callback",
        "https://app.example.com:8443/callback",
        "//app.example.com/callback",
        "javascript:alert(1)",
        "https://app.example.com/callback\r\nX: y",
        "https://app.example.com/callback\u{0}",
        " https://app.example.com/callback",
    ] {
        // Logged in or not, and whatever else is wrong with the request.
        for request in [
            Authorize::code(&spa).with("redirect_uri", redirect_uri),
            Authorize::code(&spa)
                .with("redirect_uri", redirect_uri)
                .with("prompt", "none")
                .with("response_type", "magic"),
            Authorize::code(&spa)
                .with("redirect_uri", redirect_uri)
                .with("response_mode", "web_message"),
        ] {
            let text = browser.page(&request).await.expect_error(400);
            assert!(text.contains("redirect_uri"), "{text}");
            assert!(!text.contains("evil"), "{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_can_be_registered_that_others_read_on_its_way_or_that_leads_nowhere() {
    let server = TestServer::start().await;
    let acme = server
        .create_tenant("acme", "https://login.acme.example")
        .await;
    let create = async |property: &str, uri: &str| {
        let body = json!({"name": "app", property: [uri]});
        acme.manage("POST", "clients", body).await
    };

    let text = create("callbacks", "http://app.example.com/cb").await;
    let text = text.expect(400)["message"].to_string();
    assert!(
        text.contains("https") && text.contains("callbacks"),
        "{text}"
    );
    for own in ["http://localhost:3000/cb", "http://127.0.0.1/cb", CALLBACK] {
        let client = create("callbacks", own).await.expect(201);
        let path = format!("clients/{}", client["client_id"].as_str().unwrap());
        let readable = json!({"callbacks": [own, "http://10.0.0.1/cb"]});
        acme.manage("PATCH", &path, readable).await.expect(400);
    }
    // A tenant without https itself is a developer's.
    let body = json!({"name": "app", "callbacks": ["http://app.example.com/cb"]});
    server.manage("POST", "clients", body).await.expect(201);

    for nowhere in ["javascript:alert(1)", "data:text/html,x", "/bye"] {
        create("allowed_logout_urls", nowhere).await.expect(400);
    }
    create("allowed_logout_urls", "https://app.example.com/#bye")
        .await
        .expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_does_not_say_whom_to_answer_is_told_to_the_user_alone() {
    let server = TestServer::start().await;
    let (spa, other) = (server.spa().await, server.app().await);
    let browser = server.browser();
    let requests: [(Wrong, &str); 7] = [
        (|it| it.without("client_id"), "client_id is missing"),
        (|it| it.with("client_id", "nobody"), "no client"),
        (|it| it.with("client_id", "a b"), "no client"),
        (|it| it.without("redirect_uri"), "redirect_uri is missing"),
        (|it| it.and("client_id", "x"), "client_id appears more"),
        (
            |it| it.and("redirect_uri", CALLBACK),
            "redirect_uri appears",
        ),
        (
            |it| it.and("state", "other"),
            "state appears more than once",
        ),
    ];
    for (wrong, expected) in requests {
        let request = wrong(Authorize::code(&spa));
        let text = browser.page(&request).await.expect_error(400);
        assert!(text.contains(expected), "{text}");
    }
    // A client without callbacks can't be answered at all.
    let request = Authorize::code(&other);
    browser.page(&request).await.expect_error(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_else_is_wrong_is_told_to_the_client_with_its_state_and_the_issuer() {
    let server = TestServer::start().await;
    server.api("reports").create().await;
    let spa = server.spa().await;
    let browser = server.browser();
    let requests: [(Wrong, &str, &str); 25] = [
        (
            |it| it.without("response_type"),
            "invalid_request",
            "response_type",
        ),
        (
            |it| it.with("response_type", "magic"),
            "unsupported_response_type",
            "code",
        ),
        (
            |it| it.with("response_type", "token"),
            "unauthorized_client",
            "implicit",
        ),
        (
            |it| it.with("response_mode", "magic"),
            "invalid_request",
            "form_post",
        ),
        (
            |it| it.without("code_challenge"),
            "invalid_request",
            "no code_challenge",
        ),
        (
            |it| {
                it.without("code_challenge")
                    .without("code_challenge_method")
            },
            "invalid_request",
            "must send code_challenge",
        ),
        (
            |it| it.with("code_challenge_method", "plain"),
            "invalid_request",
            "S256",
        ),
        (
            |it| it.without("code_challenge_method"),
            "invalid_request",
            "S256",
        ),
        (
            |it| it.with("code_challenge", "short"),
            "invalid_request",
            "43",
        ),
        (
            |it| it.with("scope", "openid \"x\""),
            "invalid_scope",
            "scope",
        ),
        (
            |it| it.with("prompt", "none login"),
            "invalid_request",
            "none",
        ),
        (
            |it| it.with("prompt", "create"),
            "invalid_request",
            "prompt",
        ),
        (|it| it.with("max_age", "-1"), "invalid_request", "max_age"),
        (
            |it| it.with("max_age", "soon"),
            "invalid_request",
            "max_age",
        ),
        (
            |it| it.with("audience", "https://nothing/"),
            "invalid_target",
            "nothing",
        ),
        (
            |it| it.with("resource", "https://nothing/"),
            "invalid_target",
            "nothing",
        ),
        (
            |it| {
                it.and("resource", "https://a/")
                    .and("resource", "https://b/")
            },
            "invalid_target",
            "one API",
        ),
        // RFC 8707 section 2; there is such an API.
        (
            |it| it.with("resource", "reports"),
            "invalid_target",
            "absolute URI",
        ),
        (
            |it| it.with("resource", "https://api.example.com/#x"),
            "invalid_target",
            "fragment",
        ),
        (
            |it| it.with("connection", "elsewhere"),
            "invalid_request",
            "connection",
        ),
        (
            |it| it.with("request", "e30.e30."),
            "request_not_supported",
            "request",
        ),
        (
            |it| it.with("request_uri", "https://evil.example/"),
            "request_uri_not_supported",
            "request_uri",
        ),
        (
            |it| it.with("registration", "{}"),
            "registration_not_supported",
            "",
        ),
        (
            |it| it.and("scope", "email"),
            "invalid_request",
            "scope appears more than once",
        ),
        (
            |it| it.with("id_token_hint", "a.b.c"),
            "invalid_request",
            "id_token_hint",
        ),
    ];
    for (wrong, error, part) in requests {
        let request = wrong(Authorize::code(&spa));
        let callback = browser.callback(&request).await;
        let description = callback.expect_error(error);
        assert!(description.contains(part), "{error}: {description}");
        assert_eq!(callback.uri, CALLBACK);
        assert_eq!(callback.get("state"), "the-state");
        assert_eq!(callback.get("iss"), server.issuer);
    }
    assert!(browser.cookies.borrow().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_parameter_has_its_greatest_length() {
    let server = TestServer::start().await;
    let spa = server.spa().await;
    let browser = server.browser();
    for (name, max) in [("state", 4096), ("nonce", 1024), ("login_hint", 1024)] {
        let inside = Authorize::code(&spa).with(name, &"x".repeat(max));
        browser.page(&inside).await.expect_login();
        let outside = Authorize::code(&spa).with(name, &"x".repeat(max + 1));
        let callback = browser.callback(&outside).await;
        assert!(callback.expect_error("invalid_request").contains(name));
    }
    let inside = Authorize::code(&spa).with("ext-note", &"x".repeat(15_000));
    browser.page(&inside).await.expect_login();
    let outside = Authorize::code(&spa).with("ext-note", &"x".repeat(17_000));
    let text = browser.page(&outside).await.expect_error(400);
    assert!(text.contains("16384 bytes"), "{text}");
    let fields: Vec<_> = outside
        .0
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    let posted = Page::of(browser.post("/authorize", &fields).await);
    posted.expect_error(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_posted_request_goes_on_as_the_same_request_by_get() {
    let server = TestServer::start().await;
    let spa = server.spa().await;
    let browser = server.browser();
    let request = Authorize::code(&spa).with("state", "a&b=c d\r\nX: y");
    let fields: Vec<_> = request
        .0
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();

    let answer = browser.post("/authorize", &fields).await;

    assert_eq!(answer.status, 303);
    assert_eq!(answer.header("location"), request.path());
    Page::of(browser.open(answer.header("location")).await).expect_login();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_native_client_may_listen_on_any_port_of_its_own_machine() {
    let server = TestServer::start().await;
    let native = |app_type: &'static str| {
        let client = server.client(app_type).with("app_type", app_type);
        let client = client.grant_types(&["authorization_code"]);
        client.with("callbacks", json!(["http://127.0.0.1/cb"]))
    };
    let (native, spa) = (
        native("native").create().await,
        native("spa").create().await,
    );
    let ada = server.user("ada@example.com").create().await;
    let at = |client: &Client, uri: &str| Authorize::code(client).with("redirect_uri", uri);
    let browser = server.browser();

    let request = at(&native, "http://127.0.0.1:51234/cb");
    let callback = browser.log_in(&request, &ada).await;

    assert_eq!(callback.uri, "http://127.0.0.1:51234/cb");
    callback.code();
    for wrong in [
        at(&native, "http://127.0.0.1:51234/other"),
        at(&native, "http://localhost:51234/cb"),
        at(&spa, "http://127.0.0.1:51234/cb"),
    ] {
        browser.page(&wrong).await.expect_error(400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_one_redirect_uri_may_leave_it_out_unless_it_speaks_openid() {
    let server = TestServer::start().await;
    let (spa, ada) = (
        server.spa().await,
        server.user("ada@example.com").create().await,
    );
    let browser = server.browser();
    let request = Authorize::code(&spa).without("redirect_uri");

    browser.page(&request).await.expect_error(400);
    let callback = browser.log_in(&request.with("scope", "email"), &ada).await;

    assert_eq!(callback.uri, CALLBACK);
    let code = callback.code();
    let reply = server
        .token_request()
        .with("client_id", spa.id.as_str())
        .with("grant_type", "authorization_code")
        .with("code", code)
        .with("code_verifier", crate::harness::browser::VERIFIER);
    reply.send().await.expect_token();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dangerous_redirect_uri_is_refused_when_it_is_registered() {
    let server = TestServer::start().await;
    for callback in [
        "javascript:alert(1)",
        "data:text/html,x",
        "https://app.example.com/#fragment",
        "https://user@app.example.com/",
        "/callback",
    ] {
        let body = json!({"name": "app", "callbacks": [callback]});
        let answer = server.manage("POST", "clients", body).await;
        assert_eq!(answer.status, 400, "{callback}: {}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confidential_client_may_do_without_pkce_and_can_not_be_held_to_plain() {
    let server = TestServer::start().await;
    let web = server
        .client("web")
        .with("app_type", "regular_web")
        .grant_types(&["authorization_code"])
        .with("callbacks", json!([CALLBACK]))
        .create()
        .await;
    let ada = server.user("ada@example.com").create().await;
    let browser = server.browser();
    let bare = Authorize::code(&web)
        .without("code_challenge")
        .without("code_challenge_method");

    let callback = browser.log_in(&bare, &ada).await;

    let request = server
        .token_request()
        .client(&web)
        .with("grant_type", "authorization_code")
        .with("code", callback.code())
        .with("redirect_uri", CALLBACK);
    request.send().await.expect_token();
    let plain = Authorize::code(&web).with("code_challenge_method", "plain");
    browser
        .callback(&plain)
        .await
        .expect_error("invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_comes_in_the_response_mode_that_was_asked_for() {
    let server = TestServer::start().await;
    let spa = server.spa().await;
    let browser = server.browser();
    let with_mode = |mode: &str| {
        Authorize::code(&spa)
            .with("prompt", "none")
            .with("response_mode", mode)
    };

    let fragment = browser.open(&with_mode("fragment").path()).await;
    assert!(fragment.header("location").contains("/callback#iss="));
    Callback::of(fragment).expect_error("login_required");
    for mode in ["form_post", "web_message"] {
        let answer = browser.open(&with_mode(mode).path()).await;
        assert_eq!(answer.status, 200);
        assert!(answer.text.contains("login_required"), "{}", answer.text);
        assert!(answer.text.contains("the-state"), "{}", answer.text);
    }
}
