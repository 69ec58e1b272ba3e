//! What an authorization request asks for, and the way on which it comes.

use serde::{Deserialize, Serialize};

/// A `response_type` (OAuth 2.0 Multiple Response Type Encoding Practices section 3):
/// any of the three, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseType {
    /// An authorization code (RFC 6749 section 4.1).
    pub code: bool,
    /// An ID token (OpenID Connect Core section 3.2).
    pub id_token: bool,
    /// An access token (RFC 6749 section 4.2).
    pub token: bool,
}

/// A `response_mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query of the redirect URI.
    Query,
    /// In its fragment.
    Fragment,
    /// By a form that the browser posts (OAuth 2.0 Form Post Response Mode).
    FormPost,
    /// By a message to the page that opened the window or frame.
    WebMessage,
}

impl ResponseType {
    /// Every type with its usual name on the wire.
    pub const ALL: [(Self, &'static str); 7] = [
        (Self::of(true, false, false), "code"),
        (Self::of(false, true, false), "id_token"),
        (Self::of(false, false, true), "token"),
        (Self::of(false, true, true), "id_token token"),
        (Self::of(true, true, false), "code id_token"),
        (Self::of(true, false, true), "code token"),
        (Self::of(true, true, true), "code id_token token"),
    ];

    const fn of(code: bool, id_token: bool, token: bool) -> Self {
        Self {
            code,
            id_token,
            token,
        }
    }

    /// Reads the parameter, whose words may come in any order; `None` for an unknown or
    /// repeated one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut read = Self::of(false, false, false);
        for word in text.split(' ') {
            let named = match word {
                "code" => &mut read.code,
                "id_token" => &mut read.id_token,
                "token" => &mut read.token,
                _ => return None,
            };
            if *named {
                return None;
            }
            *named = true;
        }
        Some(read)
    }

    /// Whether tokens go through the browser.
    #[must_use]
    pub const fn gives_tokens(self) -> bool {
        self.id_token || self.token
    }

    /// The mode of a request that names none.
    #[must_use]
    pub const fn default_mode(self) -> ResponseMode {
        if self.gives_tokens() {
            ResponseMode::Fragment
        } else {
            ResponseMode::Query
        }
    }

    /// The words, in the order of [`Self::ALL`].
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        [
            (self.code, "code"),
            (self.id_token, "id_token"),
            (self.token, "token"),
        ]
        .into_iter()
        .filter_map(|(asked, word)| asked.then_some(word))
    }
}

impl ResponseMode {
    /// Every mode with its name on the wire.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::Query, "query"),
        (Self::Fragment, "fragment"),
        (Self::FormPost, "form_post"),
        (Self::WebMessage, "web_message"),
    ];

    /// The mode of that name on the wire.
    #[must_use]
    pub fn from_wire(name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|(_, wire)| *wire == name).map(|(mode, _)| mode)
    }

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Fragment => "fragment",
            Self::FormPost => "form_post",
            Self::WebMessage => "web_message",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_response_type_is_read_in_any_order_and_written_in_one() {
        for (response_type, name) in ResponseType::ALL {
            assert_eq!(ResponseType::parse(name), Some(response_type));
            assert_eq!(response_type.words().collect::<Vec<_>>().join(" "), name);
            let reversed: Vec<&str> = name.split(' ').rev().collect();
            assert_eq!(
                ResponseType::parse(&reversed.join(" ")),
                Some(response_type)
            );
        }
    }

    #[test]
    fn anything_else_is_no_response_type() {
        for text in [
            "",
            "none",
            "code code",
            "code ",
            "Code",
            "code  token",
            "id_token,token",
        ] {
            assert_eq!(ResponseType::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_holds_tokens_comes_in_the_fragment_unless_told_otherwise() {
        for (response_type, name) in ResponseType::ALL {
            let is_code = name == "code";
            let expected = if is_code {
                ResponseMode::Query
            } else {
                ResponseMode::Fragment
            };
            assert_eq!(response_type.default_mode(), expected, "{name}");
        }
    }

    #[test]
    fn every_response_mode_has_its_name() {
        for (mode, name) in ResponseMode::ALL {
            assert_eq!(ResponseMode::from_wire(name), Some(mode));
            assert_eq!(mode.as_str(), name);
        }
        assert_eq!(ResponseMode::from_wire("query.jwt"), None);
    }
}
