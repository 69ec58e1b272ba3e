//! The pages that people see in their browsers, each a pure function from a small struct
//! to an answer.
//!
//! They need no JavaScript, but for the two that hand an authorization response on
//! (`form_post`, `web_message`). Whatever a page shows is escaped by the template
//! engine, which closes every element and quotes every attribute. The style is one file
//! ([`style`]); the policy of each page ([`policy`]) lets the browser load that, the
//! tenant's logo and nothing else.
//!
//! The referrer policy of all answers is `no-referrer`, so a browser sends the forms of
//! these pages with `Origin: null`: what protects a form is the state that it carries.

mod branding;
mod confirm_logout;
mod consent;
mod error;
mod form_post;
mod layout;
mod logged_out;
mod login;
mod policy;
mod style;
mod web_message;

#[cfg(test)]
mod tests;

pub(crate) use branding::Branding;
pub(crate) use confirm_logout::{ConfirmLogout, confirm_logout};
pub(crate) use consent::{AskedScope, Consent, DECISION, consent};
pub(crate) use error::{ErrorPage, error};
pub(crate) use form_post::form_post;
pub(crate) use logged_out::logged_out;
pub(crate) use login::{IDENTIFIER, Login, PASSWORD, login};
pub(crate) use policy::web_origin;
pub(crate) use style::router;
pub(crate) use web_message::{WebMessage, web_message};

/// What a form carries unseen, by name.
pub(crate) type Hidden<'a> = &'a [(&'a str, &'a str)];
