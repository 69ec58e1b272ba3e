//! The reasons for which a claim is refused.

use claimsmith_model::{Refusal, RefusedClaim, TokenKind};

use crate::spelling::shown;

/// Why a claim was refused: the stable codes of the contract's `set-custom-claim`.
///
/// Each is explained in `docs/claims.md` under a heading of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefusalCode {
    /// The name belongs to the server or to a standard.
    ReservedName,
    /// The namespace's domain, or the URN, isn't the author's to use.
    ReservedNamespace,
    /// The name has no namespace where one is needed.
    NotNamespaced,
    /// The name begins like a URL or URN and isn't a proper one.
    MalformedNamespace,
    /// An OpenID Connect profile claim whose scope wasn't asked for.
    ScopeRequired,
    /// The name is longer than [`NAME_BYTES_MAX`](crate::NAME_BYTES_MAX).
    NameTooLong,
    /// The name is empty or has white space, control or invisible characters.
    InvalidName,
    /// The value isn't JSON.
    InvalidValue,
    /// The value is nested deeper than [`VALUE_DEPTH_MAX`](crate::VALUE_DEPTH_MAX).
    ValueTooDeep,
    /// The token's custom claims would take more than
    /// [`CLAIMS_BYTES_MAX`](crate::CLAIMS_BYTES_MAX).
    TokenTooLarge,
    /// The token has [`CLAIMS_MAX`](crate::CLAIMS_MAX) custom claims already.
    TooManyClaims,
}

impl RefusalCode {
    /// Every code.
    pub const ALL: [Self; 11] = [
        Self::ReservedName,
        Self::ReservedNamespace,
        Self::NotNamespaced,
        Self::MalformedNamespace,
        Self::ScopeRequired,
        Self::NameTooLong,
        Self::InvalidName,
        Self::InvalidValue,
        Self::ValueTooDeep,
        Self::TokenTooLarge,
        Self::TooManyClaims,
    ];

    /// The code as guests and reports see it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReservedName => "reserved_name",
            Self::ReservedNamespace => "reserved_namespace",
            Self::NotNamespaced => "not_namespaced",
            Self::MalformedNamespace => "malformed_namespace",
            Self::ScopeRequired => "scope_required",
            Self::NameTooLong => "name_too_long",
            Self::InvalidName => "invalid_name",
            Self::InvalidValue => "invalid_value",
            Self::ValueTooDeep => "value_too_deep",
            Self::TokenTooLarge => "token_too_large",
            Self::TooManyClaims => "too_many_claims",
        }
    }

    /// The refusal with this code.
    pub(crate) fn because(self, message: impl Into<String>, remedy: impl Into<String>) -> Refusal {
        Refusal {
            code: self.as_str().to_owned(),
            message: message.into(),
            remedy: remedy.into(),
        }
    }
}

/// The report's entry for one refused claim: the name cut at 256 characters, with
/// invisible characters written as `\u{…}`, and the place in the project's docs
/// where the rule is explained.
#[must_use]
pub fn refused_claim(token: TokenKind, action: &str, name: &str, refusal: Refusal) -> RefusedClaim {
    RefusedClaim {
        token,
        claim: shown(name),
        action: action.to_owned(),
        docs: format!("docs/claims.md#{}", refusal.code),
        refusal,
    }
}

/// A namespaced name to write instead of this one: its last part under a domain that
/// the author fills in.
pub(crate) fn suggested_name(name: &str) -> String {
    let path = match name.split_once("//") {
        Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
        None => name,
    };
    let last = path
        .rsplit(['/', ':', '#', '?', '\\'])
        .find(|part| !part.is_empty());
    format!("https://<your domain>/{}", shown(last.unwrap_or("claim")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suggestion_keeps_the_last_part_of_the_name() {
        for (name, suggestion) in [
            ("role", "https://<your domain>/role"),
            ("/role", "https://<your domain>/role"),
            ("https://acme.auth0.com/role", "https://<your domain>/role"),
            (
                "https://acme.auth0.com/claims/role",
                "https://<your domain>/role",
            ),
            ("https:auth0.com/role", "https://<your domain>/role"),
            ("urn:auth0:role", "https://<your domain>/role"),
            ("https://auth0.com", "https://<your domain>/claim"),
            ("https://auth0.com/", "https://<your domain>/claim"),
        ] {
            assert_eq!(suggested_name(name), suggestion, "{name}");
        }
    }

    #[test]
    fn a_report_entry_names_the_claim_the_action_and_the_page() {
        let refusal = Refusal {
            code: "reserved_name".to_owned(),
            message: String::new(),
            remedy: String::new(),
        };

        let entry = refused_claim(
            TokenKind::IdToken,
            "add role",
            &"x".repeat(1_000),
            refusal.clone(),
        );

        assert_eq!(entry.claim, "x".repeat(256));
        assert_eq!(entry.action, "add role");
        assert_eq!(entry.token, TokenKind::IdToken);
        assert_eq!(entry.refusal, refusal);
        assert_eq!(entry.docs, "docs/claims.md#reserved_name");
    }

    #[test]
    fn every_code_has_its_heading_in_the_docs() {
        let page = include_str!("../../../docs/claims.md");

        for code in RefusalCode::ALL {
            let heading = format!("### {}", code.as_str());
            assert!(
                page.lines().any(|line| line == heading),
                "no line {heading:?}"
            );
        }
    }

    #[test]
    fn the_docs_name_every_restricted_name_and_limit() {
        let page = include_str!("../../../docs/claims.md").to_lowercase();

        for name in crate::restricted::RESTRICTED_NAMES {
            assert!(page.contains(&format!("`{name}`")), "{name} is missing");
        }
        for limit in [
            "102,400 bytes",
            "256 bytes",
            "1,000 custom claims",
            "32 levels",
            "204,800 bytes",
        ] {
            assert!(page.contains(limit), "{limit} is missing");
        }
    }
}
