//! The page that hands an authorization response to the page that opened it, or that
//! shows it in a frame, as single-page applications await it.

use std::sync::LazyLock;

use axum::response::Response;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::StatusCode;
use maud::{DOCTYPE, PreEscaped, html};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    Hidden,
    layout::html_answer,
    policy::{Forms, Policy},
};
use crate::answer::MayBeFramed;

const SCRIPT: &str = "const {message, origin} = document.body.dataset;\
(window.opener ?? window.parent).postMessage(JSON.parse(message), origin)";

static SCRIPT_HASH: LazyLock<String> = LazyLock::new(|| STANDARD.encode(Sha256::digest(SCRIPT)));

/// An authorization response on its way to another page.
#[derive(Clone, Copy)]
pub(crate) struct WebMessage<'a> {
    /// Whom it is for: the origin of the redirect URI. Browsers give it to nobody else.
    pub(crate) origin: &'a str,
    /// The response's parameters.
    pub(crate) response: Hidden<'a>,
    /// The origins whose pages may show it in a frame: the client's.
    pub(crate) framed_by: &'a [String],
}

/// The page that hands the response over.
#[must_use]
pub(crate) fn web_message(page: &WebMessage<'_>) -> Response {
    let members = page.response.iter();
    let response: Map<String, Value> = members
        .map(|(name, value)| ((*name).to_owned(), Value::from(*value)))
        .collect();
    let message = json!({ "type": "authorization_response", "response": response });
    let document = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { "Back to the application" }
            }
            body data-message=(message.to_string()) data-origin=(page.origin) {
                noscript { p { "The application needs JavaScript to log you in." } }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    let policy = Policy {
        script_hash: Some(&SCRIPT_HASH),
        forms: Forms::None,
        framed_by: page.framed_by,
        ..Policy::default()
    };
    let mut answer = html_answer(StatusCode::OK, &policy, document);
    answer.extensions_mut().insert(MayBeFramed);
    answer
}
