//! The page of an error that can't be told to a client.

use axum::response::Response;
use http::StatusCode;
use maud::html;

use super::{Branding, layout::Page, policy::Policy};

/// What the error page shows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ErrorPage<'a> {
    /// Where it happened; none where no tenant is known.
    pub(crate) branding: Option<Branding<'a>>,
    /// The answer's status.
    pub(crate) status: StatusCode,
    /// What went wrong.
    pub(crate) what: &'a str,
    /// What the user can do about it.
    pub(crate) remedy: &'a str,
    /// The error's code, for whoever is asked about it.
    pub(crate) code: &'a str,
    /// What the log has of this request.
    pub(crate) trace_id: &'a str,
}

/// The error page.
#[must_use]
pub(crate) fn error(page: &ErrorPage<'_>) -> Response {
    let content = html! {
        h1 { "Something went wrong" }
        p.error role="alert" { (page.what) }
        p { (page.remedy) }
        dl.facts {
            div { dt { "Error" } dd { code { (page.code) } } }
            div { dt { "Trace id" } dd { code { (page.trace_id) } } }
        }
    };
    Page {
        status: page.status,
        title: "Something went wrong",
        branding: page.branding,
        policy: Policy::default(),
        content,
    }
    .answer()
}
