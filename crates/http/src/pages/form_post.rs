//! The page that sends an authorization response by POST (OAuth 2.0 Form Post Response
//! Mode).

use std::sync::LazyLock;

use axum::response::Response;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::StatusCode;
use maud::{DOCTYPE, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use super::{
    Hidden,
    layout::{hidden_inputs, html_answer},
    policy::{Forms, Policy},
    style,
};

const SCRIPT: &str = "document.forms[0].submit()";

static SCRIPT_HASH: LazyLock<String> = LazyLock::new(|| STANDARD.encode(Sha256::digest(SCRIPT)));

/// A page that sends the parameters to the redirect URI by itself, and by a button where
/// scripts don't run.
#[must_use]
pub(crate) fn form_post(redirect_uri: &str, parameters: Hidden<'_>) -> Response {
    let document = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Back to the application" }
                link rel="stylesheet" href=(*style::PATH);
            }
            body {
                form method="post" action=(redirect_uri) {
                    (hidden_inputs(parameters))
                    noscript {
                        main {
                            h1 { "Almost there" }
                            p { "Your browser runs no scripts here, so one more step is yours." }
                            button type="submit" { "Continue" }
                        }
                    }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    let policy = Policy {
        script_hash: Some(&SCRIPT_HASH),
        forms: Forms::Anywhere,
        ..Policy::default()
    };
    html_answer(StatusCode::OK, &policy, document)
}
