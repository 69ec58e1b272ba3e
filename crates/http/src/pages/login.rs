//! The login page.

use axum::response::Response;
use http::StatusCode;
use maud::html;

use super::{
    Branding, Hidden,
    layout::{Page, hidden_inputs},
    policy::{Forms, Policy},
};

/// The name of the input that holds who logs in: an e-mail address or a username.
pub(crate) const IDENTIFIER: &str = "username";
/// The name of the input that holds the password.
pub(crate) const PASSWORD: &str = "password";

/// What the login page shows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Login<'a> {
    /// Where the user logs in.
    pub(crate) branding: Branding<'a>,
    /// For which client.
    pub(crate) client_name: &'a str,
    /// Where the form is sent to.
    pub(crate) action: &'a str,
    /// What the form carries unseen.
    pub(crate) hidden: Hidden<'a>,
    /// Who logs in, as far as it is known: `login_hint`, or what was typed before.
    pub(crate) identifier: &'a str,
    /// Why the user sees the page again.
    pub(crate) error: Option<&'a str>,
    /// Where the browser goes afterwards: the client's redirect URI.
    pub(crate) redirect_uri: &'a str,
}

/// The login page: 200, or 400 with an error.
#[must_use]
pub(crate) fn login(page: &Login<'_>) -> Response {
    let has_error = page.error.is_some();
    let (invalid, described_by) = page.error.map(|_| ("true", "error")).unzip();
    let knows_who = !page.identifier.is_empty();
    let content = html! {
        h1 { "Log in" }
        p { "to continue to " strong { (page.client_name) } }
        @if let Some(error) = page.error {
            p.error #error role="alert" { (error) }
        }
        form method="post" action=(page.action) {
            (hidden_inputs(page.hidden))
            label for="identifier" { "Email or username" }
            input #identifier name=(IDENTIFIER) type="text" value=(page.identifier)
                autocomplete="username" autocapitalize="none" autocorrect="off"
                spellcheck="false" required maxlength="255"
                autofocus[!knows_who] aria-invalid=[invalid] aria-describedby=[described_by];
            label for="password" { "Password" }
            input #password name=(PASSWORD) type="password"
                autocomplete="current-password" required maxlength="1024"
                autofocus[knows_who] aria-invalid=[invalid] aria-describedby=[described_by];
            button type="submit" { "Log in" }
        }
        p.note {
            "Sign-up and password reset are not offered here yet. For an account or a new "
            "password, ask whoever looks after " (page.branding.name) "."
        }
    };
    Page {
        status: if has_error {
            StatusCode::BAD_REQUEST
        } else {
            StatusCode::OK
        },
        title: if has_error { "Error: Log in" } else { "Log in" },
        branding: Some(page.branding),
        policy: Policy {
            forms: Forms::HereThen(Some(page.redirect_uri)),
            ..Policy::default()
        },
        content,
    }
    .answer()
}
