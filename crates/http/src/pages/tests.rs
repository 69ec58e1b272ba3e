//! What holds for every page.

use axum::response::Response;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderName, header};
use http_body_util::BodyExt as _;
use sha2::{Digest as _, Sha256};

use super::*;

/// A text that ends whatever it stands in.
const EVIL: &str =
    r#""'></title></p></script><script>alert(1)</script><img src=x onerror=alert(1)>&quot;&#34;"#;
const LOGO: &str = "https://cdn.example.com/logo.svg";

fn branding() -> Branding<'static> {
    Branding {
        name: "Acme",
        logo: Some(LOGO),
    }
}

fn login_page() -> Login<'static> {
    Login {
        branding: branding(),
        client_name: "Shop",
        action: "/u/login",
        hidden: &[("state", "abc")],
        identifier: "",
        error: None,
        redirect_uri: "https://shop.example/callback",
    }
}

fn consent_page() -> Consent<'static> {
    Consent {
        branding: branding(),
        client_name: "Shop",
        user: "ann@example.com",
        api_name: Some("Orders"),
        scopes: &[
            AskedScope {
                value: "openid",
                description: None,
            },
            AskedScope {
                value: "read:orders",
                description: Some("See your orders"),
            },
            AskedScope {
                value: "write:orders",
                description: None,
            },
        ],
        action: "/u/consent",
        hidden: &[("state", "abc")],
        redirect_uri: "https://shop.example/callback",
    }
}

fn error_page() -> ErrorPage<'static> {
    ErrorPage {
        branding: Some(branding()),
        status: http::StatusCode::BAD_REQUEST,
        what: "The application sent you here with an address that it hasn't registered.",
        remedy: "Go back to the application and try again.",
        code: "invalid_request",
        trace_id: "0000002a-7",
    }
}

fn confirm_logout_page() -> ConfirmLogout<'static> {
    ConfirmLogout {
        branding: branding(),
        client_name: Some("Shop"),
        action: "/oidc/logout/confirm",
        hidden: &[("state", "abc")],
        redirect_uri: Some("https://shop.example/bye"),
    }
}

fn header(answer: &Response, name: HeaderName) -> &str {
    answer.headers()[name].to_str().unwrap()
}

async fn body(answer: Response) -> String {
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn every_page() -> [(&'static str, Response); 7] {
    [
        ("login", login(&login_page())),
        ("consent", consent(&consent_page())),
        ("error", error(&error_page())),
        ("logged_out", logged_out(branding())),
        ("confirm_logout", confirm_logout(&confirm_logout_page())),
        (
            "form_post",
            form_post("https://shop.example/callback", &[("code", "1")]),
        ),
        (
            "web_message",
            web_message(&WebMessage {
                origin: "https://shop.example",
                response: &[("code", "1")],
                framed_by: &["https://shop.example".to_owned()],
            }),
        ),
    ]
}

#[tokio::test]
async fn every_page_is_html_in_a_language_and_no_cache_keeps_it() {
    for (name, answer) in every_page() {
        assert_eq!(
            header(&answer, header::CONTENT_TYPE),
            "text/html; charset=utf-8"
        );
        assert_eq!(header(&answer, header::CACHE_CONTROL), "no-store");
        let text = body(answer).await;
        assert!(
            text.starts_with("<!DOCTYPE html><html lang=\"en\">"),
            "{name}"
        );
        assert!(text.contains("<title>"), "{name}");
        assert!(
            !text.contains(" style=") && !text.contains("<style"),
            "{name}"
        );
    }
}

#[tokio::test]
async fn each_page_may_do_what_it_needs_and_nothing_else() {
    let mut policies = Vec::new();
    for (name, answer) in every_page() {
        let policy = header(&answer, header::CONTENT_SECURITY_POLICY).to_owned();
        let common = "default-src 'none'; style-src 'self'; base-uri 'none'; ";
        let policy = policy.strip_prefix(common).unwrap().to_owned();
        let policy = match the_script(&body(answer).await) {
            Some(script) => policy.replace(&STANDARD.encode(Sha256::digest(script)), "OF-IT"),
            None => policy,
        };
        policies.push(format!("{name}: {policy}"));
    }
    assert_eq!(
        policies,
        [
            "login: img-src https://cdn.example.com; form-action 'self' https://shop.example; \
             frame-ancestors 'none'",
            "consent: img-src https://cdn.example.com; form-action 'self' https://shop.example; \
             frame-ancestors 'none'",
            "error: img-src https://cdn.example.com; form-action 'none'; frame-ancestors 'none'",
            "logged_out: img-src https://cdn.example.com; form-action 'none'; \
             frame-ancestors 'none'",
            "confirm_logout: img-src https://cdn.example.com; form-action 'self' \
             https://shop.example; frame-ancestors 'none'",
            "form_post: script-src 'sha256-OF-IT'; frame-ancestors 'none'",
            "web_message: script-src 'sha256-OF-IT'; form-action 'none'; frame-ancestors \
             https://shop.example",
        ]
    );
}

/// What stands in the page's only script.
fn the_script(page: &str) -> Option<String> {
    let (_, rest) = page.split_once("<script>")?;
    let (script, rest) = rest.split_once("</script>")?;
    assert!(!rest.contains("<script"), "{page}");
    Some(script.to_owned())
}

/// Renders a page with a plain text and with an evil one in its place, and says what the
/// evil one must have become: itself, escaped, and nothing else on the page moved.
async fn assert_escapes(value: &str, page: impl Fn(&str) -> Response) {
    let escaped = EVIL
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;");
    let plain = page("PLAIN");
    let evil = page(EVIL);
    for name in [
        header::CONTENT_SECURITY_POLICY,
        header::CONTENT_TYPE,
        header::CACHE_CONTROL,
    ] {
        assert_eq!(
            plain.headers().get(&name),
            evil.headers().get(&name),
            "{value}"
        );
    }
    let (plain, evil) = (body(plain).await, body(evil).await);
    assert!(plain.contains("PLAIN"), "{value} is not on the page");
    assert_eq!(plain.replace("PLAIN", &escaped), evil, "{value}");
}

#[tokio::test]
async fn no_value_of_the_login_page_becomes_markup() {
    let page = login_page();
    assert_escapes("name", |text| {
        login(&Login {
            branding: Branding {
                name: text,
                logo: None,
            },
            ..page
        })
    })
    .await;
    assert_escapes("client", |text| {
        login(&Login {
            client_name: text,
            ..page
        })
    })
    .await;
    assert_escapes("action", |text| {
        login(&Login {
            action: text,
            ..page
        })
    })
    .await;
    assert_escapes("hidden", |text| {
        login(&Login {
            hidden: &[("state", text)],
            ..page
        })
    })
    .await;
    assert_escapes("identifier", |text| {
        login(&Login {
            identifier: text,
            ..page
        })
    })
    .await;
    assert_escapes("error", |text| {
        login(&Login {
            error: Some(text),
            ..page
        })
    })
    .await;
}

#[tokio::test]
async fn no_value_of_the_consent_page_becomes_markup() {
    let page = consent_page();
    assert_escapes("client", |text| {
        consent(&Consent {
            client_name: text,
            ..page
        })
    })
    .await;
    assert_escapes("user", |text| consent(&Consent { user: text, ..page })).await;
    assert_escapes("API", |text| {
        consent(&Consent {
            api_name: Some(text),
            ..page
        })
    })
    .await;
    assert_escapes("scope", |text| {
        let scopes = &[AskedScope {
            value: text,
            description: None,
        }];
        consent(&Consent { scopes, ..page })
    })
    .await;
    assert_escapes("description", |text| {
        let scopes = &[AskedScope {
            value: "a",
            description: Some(text),
        }];
        consent(&Consent { scopes, ..page })
    })
    .await;
    assert_escapes("hidden", |text| {
        consent(&Consent {
            hidden: &[("state", text)],
            ..page
        })
    })
    .await;
}

#[tokio::test]
async fn no_value_of_the_other_pages_becomes_markup() {
    let page = error_page();
    assert_escapes("what", |text| error(&ErrorPage { what: text, ..page })).await;
    assert_escapes("remedy", |text| {
        error(&ErrorPage {
            remedy: text,
            ..page
        })
    })
    .await;
    assert_escapes("code", |text| error(&ErrorPage { code: text, ..page })).await;
    assert_escapes("trace id", |text| {
        error(&ErrorPage {
            trace_id: text,
            ..page
        })
    })
    .await;
    assert_escapes("name", |name| logged_out(Branding { name, logo: None })).await;
    let page = confirm_logout_page();
    assert_escapes("client", |text| {
        confirm_logout(&ConfirmLogout {
            client_name: Some(text),
            ..page
        })
    })
    .await;
    assert_escapes("hidden", |text| {
        confirm_logout(&ConfirmLogout {
            hidden: &[("state", text)],
            ..page
        })
    })
    .await;
    assert_escapes("parameter", |text| {
        form_post("https://shop.example/callback", &[("state", text)])
    })
    .await;
    assert_escapes("redirect URI", |text| {
        form_post(&format!("https://shop.example/?x={text}"), &[])
    })
    .await;
    assert_escapes("origin", |text| {
        web_message(&WebMessage {
            origin: text,
            response: &[],
            framed_by: &[],
        })
    })
    .await;
}

#[tokio::test]
async fn a_web_message_holds_the_response_as_data_and_no_value_ends_it() {
    let answer = web_message(&WebMessage {
        origin: "https://shop.example",
        response: &[("state", EVIL), ("code", "1")],
        framed_by: &[],
    });

    let text = body(answer).await;

    let data = text.split("data-message=\"").nth(1).unwrap();
    let data = data.split('"').next().unwrap();
    let data = data
        .replace("&quot;", "\"")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    let message: serde_json::Value = serde_json::from_str(&data).unwrap();
    let expected = serde_json::json!({
        "type": "authorization_response",
        "response": { "state": EVIL, "code": "1" },
    });
    assert_eq!(message, expected);
    assert!(the_script(&text).is_some());
}

#[tokio::test]
async fn an_error_is_announced_and_said_of_the_inputs_it_is_about() {
    let page = Login {
        identifier: "ann@example.com",
        error: Some("Wrong email, username or password."),
        ..login_page()
    };

    let answer = login(&page);

    assert_eq!(answer.status(), 400);
    let text = body(answer).await;
    assert!(
        text.contains("<p class=\"error\" id=\"error\" role=\"alert\">Wrong email"),
        "{text}"
    );
    let described = "aria-invalid=\"true\" aria-describedby=\"error\"";
    assert_eq!(text.matches(described).count(), 2, "{text}");
    // The identifier is kept, so what is typed next is the password.
    assert!(text.contains("value=\"ann@example.com\""), "{text}");
    assert!(
        text.contains("maxlength=\"1024\" autofocus aria-invalid"),
        "{text}"
    );
    assert!(text.contains("<title>Error: Log in – Acme</title>"));
}

#[tokio::test]
async fn the_login_page_has_labels_and_says_what_browsers_may_fill_in() {
    let answer = login(&login_page());

    assert_eq!(answer.status(), 200);
    let text = body(answer).await;
    for part in [
        "<label for=\"identifier\">",
        "<label for=\"password\">",
        "autocomplete=\"username\"",
        "autocomplete=\"current-password\"",
        "<form method=\"post\" action=\"/u/login\"><input type=\"hidden\" name=\"state\" value=\"abc\">",
        "Sign-up and password reset are not offered here yet.",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(!text.contains("role=\"alert\"") && !text.contains("aria-invalid"));
}

#[tokio::test]
async fn a_consent_page_says_what_scopes_mean() {
    let text = body(consent(&consent_page())).await;
    for part in [
        "<li>Know who you are <code>openid</code></li>",
        "<li>See your orders <code>read:orders</code></li>",
        "<li><code>write:orders</code></li>",
        "name=\"decision\" value=\"allow\"",
        "name=\"decision\" value=\"deny\"",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[tokio::test]
async fn a_form_post_page_works_without_scripts_too() {
    let answer = form_post("https://shop.example/callback", &[("code", "1")]);
    let text = body(answer).await;
    assert!(
        text.contains("<form method=\"post\" action=\"https://shop.example/callback\">"),
        "{text}"
    );
    assert!(text.contains("<noscript>") && text.contains("<button type=\"submit\">"));
}
