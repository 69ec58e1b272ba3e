//! What differs between the attributes.

use proc_macro2::Ident;
use quote::format_ident;
use syn::Attribute;

/// The trigger that an attribute is named after.
#[derive(Clone, Copy)]
pub(crate) enum Trigger {
    PostLogin,
    CredentialsExchange,
}

impl Trigger {
    /// The attribute, which is also the name of the SDK's module and of its
    /// hidden bindings.
    pub(crate) const fn attribute(self) -> &'static str {
        match self {
            Self::PostLogin => "post_login",
            Self::CredentialsExchange => "credentials_exchange",
        }
    }

    pub(crate) const fn other(self) -> Self {
        match self {
            Self::PostLogin => Self::CredentialsExchange,
            Self::CredentialsExchange => Self::PostLogin,
        }
    }

    /// Whether an attribute, under whichever path, is this trigger's.
    pub(crate) fn is_named_by(self, attribute: &Attribute) -> bool {
        let last = attribute.path().segments.last();
        last.is_some_and(|segment| segment.ident == self.attribute())
    }

    /// The name of something in the SDK that exists once for each trigger.
    pub(crate) fn ident(self, prefix: &str, suffix: &str) -> Ident {
        format_ident!("{prefix}{}{suffix}", self.attribute())
    }
}
