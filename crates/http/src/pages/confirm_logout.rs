//! The page that asks whether the user wants to log out (OpenID Connect RP-Initiated
//! Logout section 2).

use axum::response::Response;
use http::StatusCode;
use maud::html;

use super::{
    Branding, Hidden,
    layout::{Page, hidden_inputs},
    policy::{Forms, Policy},
};

/// What the page shows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConfirmLogout<'a> {
    /// Where the user is logged in.
    pub(crate) branding: Branding<'a>,
    /// Which client asks for it, as far as that is known.
    pub(crate) client_name: Option<&'a str>,
    /// Where the form is sent to.
    pub(crate) action: &'a str,
    /// What the form carries unseen.
    pub(crate) hidden: Hidden<'a>,
    /// Where the browser goes afterwards.
    pub(crate) redirect_uri: Option<&'a str>,
}

/// The page that asks.
#[must_use]
pub(crate) fn confirm_logout(page: &ConfirmLogout<'_>) -> Response {
    let content = html! {
        h1 { "Log out?" }
        p {
            @if let Some(client) = page.client_name {
                strong { (client) } " asks to end your session at "
            } @else {
                "This ends your session at "
            }
            strong { (page.branding.name) } " in this browser."
        }
        form method="post" action=(page.action) {
            (hidden_inputs(page.hidden))
            button type="submit" { "Log out" }
        }
        p.note { "To stay logged in, close this page." }
    };
    Page {
        status: StatusCode::OK,
        title: "Log out?",
        branding: Some(page.branding),
        policy: Policy {
            forms: Forms::HereThen(page.redirect_uri),
            ..Policy::default()
        },
        content,
    }
    .answer()
}
