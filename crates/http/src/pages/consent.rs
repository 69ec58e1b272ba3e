//! The consent page.

use axum::response::Response;
use http::StatusCode;
use maud::html;

use super::{
    Branding, Hidden,
    layout::{Page, hidden_inputs},
    policy::{Forms, Policy},
};

/// The name of what the two buttons send: `allow` or `deny`.
pub(crate) const DECISION: &str = "decision";

/// What the consent page shows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Consent<'a> {
    /// Where the user is logged in.
    pub(crate) branding: Branding<'a>,
    /// Which client asks.
    pub(crate) client_name: &'a str,
    /// Who is logged in, by a name that the user knows.
    pub(crate) user: &'a str,
    /// The API that the client wants to use, by its name for people.
    pub(crate) api_name: Option<&'a str>,
    /// What it asks for.
    pub(crate) scopes: &'a [AskedScope<'a>],
    /// Where the form is sent to.
    pub(crate) action: &'a str,
    /// What the form carries unseen.
    pub(crate) hidden: Hidden<'a>,
    /// Where the browser goes afterwards: the client's redirect URI.
    pub(crate) redirect_uri: &'a str,
}

/// A scope that a client asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AskedScope<'a> {
    /// The scope itself.
    pub(crate) value: &'a str,
    /// What the API says it is.
    pub(crate) description: Option<&'a str>,
}

impl<'a> AskedScope<'a> {
    /// What the scope means, in words: the API's, for those of OpenID Connect ours.
    fn meaning(&self) -> Option<&'a str> {
        let own = match self.value {
            "openid" => Some("Know who you are"),
            "profile" => Some("See your name, nickname and picture"),
            "email" => Some("See your email address"),
            "address" => Some("See your postal address"),
            "phone" => Some("See your phone number"),
            "offline_access" => Some("Keep this access while you are away"),
            _ => None,
        };
        own.or(self.description.filter(|text| !text.trim().is_empty()))
    }
}

/// The consent page.
#[must_use]
pub(crate) fn consent(page: &Consent<'_>) -> Response {
    let content = html! {
        h1 { "Allow access?" }
        p {
            strong { (page.client_name) }
            " asks for access to your account"
            @if let Some(api) = page.api_name { " at " strong { (api) } }
            ". You are logged in as " strong { (page.user) } "."
        }
        @if !page.scopes.is_empty() {
            h2 #scopes { "It will be able to" }
            ul.scopes aria-labelledby="scopes" {
                @for scope in page.scopes {
                    li {
                        @if let Some(meaning) = scope.meaning() {
                            (meaning) " " code { (scope.value) }
                        } @else {
                            code { (scope.value) }
                        }
                    }
                }
            }
        }
        form method="post" action=(page.action) {
            (hidden_inputs(page.hidden))
            div.choice {
                button type="submit" name=(DECISION) value="allow" { "Allow" }
                button.secondary type="submit" name=(DECISION) value="deny" { "Deny" }
            }
        }
        p.note {
            "If you don't know " (page.client_name) ", or didn't expect this, choose Deny."
        }
    };
    Page {
        status: StatusCode::OK,
        title: "Allow access?",
        branding: Some(page.branding),
        policy: Policy {
            forms: Forms::HereThen(Some(page.redirect_uri)),
            ..Policy::default()
        },
        content,
    }
    .answer()
}
