//! What the token endpoint answers.

use std::fmt;

use serde::Serialize;

/// The body of a successful answer (RFC 6749 section 5.1, OpenID Connect Core
/// section 3.1.3.3). Its `Debug` shows no token.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct TokenResponse {
    /// The access token.
    pub access_token: String,
    /// The ID token, when the scope `openid` was granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
    /// The refresh token, when `offline_access` was granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// The granted scopes; left out when there are none and none were asked for. Leaving
    /// them out says that they are those that were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// How long the access token lives, in seconds.
    pub expires_in: u32,
    token_type: &'static str,
}

impl TokenResponse {
    /// An answer with a Bearer token (RFC 6750) that lives `expires_in` seconds;
    /// an ID token, a refresh token and scopes may be put in.
    #[must_use]
    pub fn bearer(access_token: String, expires_in: u32) -> Self {
        Self {
            access_token,
            id_token: None,
            refresh_token: None,
            scope: None,
            expires_in,
            token_type: "Bearer",
        }
    }
}

impl fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenResponse")
            .field("access_token", &"[secret]")
            .field("id_token", &self.id_token.as_ref().map(|_| "[secret]"))
            .field(
                "refresh_token",
                &self.refresh_token.as_ref().map(|_| "[secret]"),
            )
            .field("scope", &self.scope)
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_has_the_members_of_the_standards_and_no_nulls() {
        let bare = TokenResponse::bearer("a.b.c".into(), 86_400);
        assert_eq!(
            serde_json::to_value(&bare).unwrap(),
            json!({"access_token": "a.b.c", "expires_in": 86_400, "token_type": "Bearer"})
        );

        let full = TokenResponse {
            id_token: Some("d.e.f".into()),
            scope: Some("openid email".into()),
            ..bare
        };
        assert_eq!(
            serde_json::to_value(&full).unwrap(),
            json!({
                "access_token": "a.b.c",
                "id_token": "d.e.f",
                "scope": "openid email",
                "expires_in": 86_400,
                "token_type": "Bearer",
            })
        );
    }

    #[test]
    fn debug_shows_no_token() {
        let response = TokenResponse {
            id_token: Some("hunter2".into()),
            ..TokenResponse::bearer("hunter2".into(), 1)
        };
        assert!(!format!("{response:?}").contains("hunter2"));
    }
}
