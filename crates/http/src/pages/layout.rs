//! What all pages have in common.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use maud::{DOCTYPE, Markup, html};

use super::{Branding, Hidden, policy::Policy, style};
use crate::answer;

/// A page: the tenant's name and logo above what it is about.
pub(super) struct Page<'a> {
    pub(super) status: StatusCode,
    pub(super) title: &'a str,
    /// None where no tenant is known.
    pub(super) branding: Option<Branding<'a>>,
    pub(super) policy: Policy<'a>,
    pub(super) content: Markup,
}

impl Page<'_> {
    pub(super) fn answer(self) -> Response {
        let image = self.branding.and_then(|branding| branding.logo);
        let policy = Policy {
            image,
            ..self.policy
        };
        let document = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="robots" content="noindex";
                    title {
                        (self.title)
                        @if let Some(branding) = self.branding { " – " (branding.name) }
                    }
                    link rel="stylesheet" href=(*style::PATH);
                }
                body {
                    main {
                        @if let Some(branding) = self.branding { (header(branding)) }
                        (self.content)
                    }
                }
            }
        };
        html_answer(self.status, &policy, document)
    }
}

/// An answer that is a page of its own making.
pub(super) fn html_answer(status: StatusCode, policy: &Policy<'_>, document: Markup) -> Response {
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (header::CONTENT_SECURITY_POLICY, policy.header()),
    ];
    let document = document.into_string();
    (status, answer::no_store(), headers, document).into_response()
}

fn header(branding: Branding<'_>) -> Markup {
    html! {
        div.tenant {
            @if let Some(logo) = branding.logo {
                // The name stands beside it.
                img.logo src=(logo) alt="" referrerpolicy="no-referrer";
            }
            p.tenant-name { (branding.name) }
        }
    }
}

/// The inputs that a form carries unseen.
pub(super) fn hidden_inputs(hidden: Hidden<'_>) -> Markup {
    html! {
        @for (name, value) in hidden {
            input type="hidden" name=(name) value=(value);
        }
    }
}
