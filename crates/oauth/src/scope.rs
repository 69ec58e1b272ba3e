//! Scopes.

use std::{collections::HashSet, fmt};

/// The most scopes in one set, as the reference product has it.
pub const SCOPES_MAX: usize = 1000;

/// The longest scope token in bytes, as the reference product has it.
pub const SCOPE_TOKEN_BYTES_MAX: usize = 280;

/// Why a text is no scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScopeError {
    /// A token is empty, too long or holds a character it may not.
    #[error(
        "a scope has 1 to {SCOPE_TOKEN_BYTES_MAX} printable ASCII characters, \
         no space, quote or backslash; separate scopes by a space"
    )]
    InvalidToken,
    /// More than [`SCOPES_MAX`].
    #[error("there are more than {SCOPES_MAX} scopes")]
    TooMany,
}

/// Whether `text` is one scope token (RFC 6749 section 3.3) of at most
/// [`SCOPE_TOKEN_BYTES_MAX`].
#[must_use]
pub fn is_scope_token(text: &str) -> bool {
    (1..=SCOPE_TOKEN_BYTES_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|byte| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E))
}

/// A set of at most [`SCOPES_MAX`] scope tokens that keeps the order in which they
/// were named. `Display` writes them with a space between, as on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scopes(Vec<String>);

impl Scopes {
    /// Reads the `scope` parameter (RFC 6749 section 3.3). Repeated tokens count
    /// once, where they came first; more spaces than one, and an empty text, are
    /// no error.
    ///
    /// # Errors
    /// When a token isn't one, or there are too many.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        Self::from_tokens(text.split(' ').filter(|token| !token.is_empty()))
    }

    /// The set of these tokens. Repeated ones count once.
    ///
    /// # Errors
    /// When a token isn't one, or there are too many.
    pub fn from_tokens<'a>(tokens: impl IntoIterator<Item = &'a str>) -> Result<Self, ScopeError> {
        let mut seen = HashSet::new();
        let mut scopes = Vec::new();
        for token in tokens {
            if !is_scope_token(token) {
                return Err(ScopeError::InvalidToken);
            }
            if !seen.insert(token) {
                continue;
            }
            if scopes.len() == SCOPES_MAX {
                return Err(ScopeError::TooMany);
            }
            scopes.push(token.to_owned());
        }
        Ok(Self(scopes))
    }

    /// Whether `token` is in the set.
    #[must_use]
    pub fn contains(&self, token: &str) -> bool {
        self.0.iter().any(|scope| scope == token)
    }

    /// Those that are also in `allowed`, in this set's order.
    #[must_use]
    pub fn intersection<S: AsRef<str>>(&self, allowed: &[S]) -> Self {
        let allowed: HashSet<&str> = allowed.iter().map(AsRef::as_ref).collect();
        Self(
            self.0
                .iter()
                .filter(|scope| allowed.contains(scope.as_str()))
                .cloned()
                .collect(),
        )
    }

    /// The tokens in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The tokens in order.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }

    /// The tokens in order.
    #[must_use]
    pub fn into_vec(self) -> Vec<String> {
        self.0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, scope) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbered(count: usize) -> String {
        (0..count)
            .map(|n| format!("s{n}"))
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn scopes_keep_their_order_and_count_once() {
        let scopes = Scopes::parse(" openid  read:reports email openid ").unwrap();
        assert_eq!(scopes.to_string(), "openid read:reports email");
        assert_eq!(scopes.len(), 3);
        assert!(scopes.contains("email") && !scopes.contains("Email") && !scopes.contains("read"));
        assert!(Scopes::parse("").unwrap().is_empty());
    }

    #[test]
    fn an_intersection_keeps_what_is_allowed_in_the_order_asked_for() {
        let asked = Scopes::parse("write read delete").unwrap();
        assert_eq!(
            asked.intersection(&["read", "write"]).to_string(),
            "write read"
        );
        assert!(asked.intersection::<&str>(&[]).is_empty());
    }

    #[test]
    fn only_the_characters_of_rfc_6749_make_a_scope_token() {
        assert!(is_scope_token("!#[]~:/https://api.example.com/read"));
        for text in ["", "a b", "a\"b", "a\\b", "a\tb", "a\u{7f}", "é"] {
            assert!(!is_scope_token(text), "{text:?}");
        }
        assert_eq!(Scopes::parse("read\twrite"), Err(ScopeError::InvalidToken));
        assert_eq!(Scopes::from_tokens([""]), Err(ScopeError::InvalidToken));
    }

    #[test]
    fn scopes_are_bounded_in_length_and_number() {
        assert!(is_scope_token(&"a".repeat(280)));
        assert!(!is_scope_token(&"a".repeat(281)));
        assert_eq!(Scopes::parse(&numbered(1000)).unwrap().len(), 1000);
        assert_eq!(Scopes::parse(&numbered(1001)), Err(ScopeError::TooMany));
        assert!(Scopes::parse(&format!("{} s0 s999", numbered(1000))).is_ok());
    }

    proptest! {
        #[test]
        fn scopes_that_are_written_read_the_same_again(text in "[ -~]{0,60}") {
            if let Ok(scopes) = Scopes::parse(&text) {
                prop_assert_eq!(Scopes::parse(&scopes.to_string()), Ok(scopes));
            }
        }
    }
}
