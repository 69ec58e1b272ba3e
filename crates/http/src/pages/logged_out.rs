//! The page that says that the user is logged out.

use axum::response::Response;
use http::StatusCode;
use maud::html;

use super::{Branding, layout::Page, policy::Policy};

/// The page after a logout that leads nowhere else.
#[must_use]
pub(crate) fn logged_out(branding: Branding<'_>) -> Response {
    let content = html! {
        h1 { "You are logged out" }
        p {
            "Your session at " strong { (branding.name) } " has ended in this browser. "
            "Applications that you are using may have sessions of their own: log out there, too."
        }
        p.note { "You can close this page." }
    };
    Page {
        status: StatusCode::OK,
        title: "You are logged out",
        branding: Some(branding),
        policy: Policy::default(),
        content,
    }
    .answer()
}
