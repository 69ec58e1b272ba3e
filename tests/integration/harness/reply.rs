//! What the token endpoint answered.

use serde_json::Value;

use super::{http::Answer, verify::Jwt};

/// What the token endpoint answered, with its tokens verified.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) answer: Answer,
    pub(crate) body: Value,
}

impl Reply {
    pub(super) fn new(answer: Answer) -> Self {
        let body = answer.json();
        Self { answer, body }
    }

    pub(super) fn verify(&self, issuer: &str, jwks: &Value) {
        for token in ["access_token", "id_token"].map(|name| self.body[name].as_str()) {
            if let Some(jwt) = token.and_then(Jwt::parse)
                && jwt.algorithm() != "HS256"
            {
                assert!(jwt.is_signed_by(jwks), "{jwt:?}\n{jwks}");
                assert_eq!(jwt.claims["iss"], issuer);
            }
        }
    }

    /// Status and body in one line, without what differs from run to run.
    pub(crate) fn summary(&self) -> String {
        let execution = self.answer.header("claimsmith-execution-id");
        let mut text = format!("{} {}", self.answer.status.as_u16(), self.answer.text);
        if !execution.is_empty() {
            text = text.replace(execution, "<execution>");
        }
        text
    }

    /// This reply, which must have brought a token.
    #[track_caller]
    pub(crate) fn expect_token(self) -> Self {
        assert_eq!(self.answer.status, 200, "{}", self.answer.text);
        assert_eq!(self.body["token_type"], "Bearer");
        self
    }

    /// Asserts that the answer is this OAuth error (RFC 6749 section 5.2) without any
    /// token; answers its description.
    #[track_caller]
    pub(crate) fn expect_error(&self, status: u16, error: &str) -> &str {
        assert_eq!(self.answer.status, status, "{}", self.answer.text);
        assert_eq!(self.body["error"], error, "{}", self.answer.text);
        assert!(
            !self.answer.text.contains("token\":"),
            "{}",
            self.answer.text
        );
        self.body["error_description"].as_str().unwrap()
    }

    #[track_caller]
    pub(crate) fn execution_id(&self) -> &str {
        let id = self.answer.header("claimsmith-execution-id");
        assert!(!id.is_empty(), "no execution ran: {}", self.answer.text);
        id
    }

    #[track_caller]
    pub(crate) fn access_token(&self) -> &str {
        self.body["access_token"]
            .as_str()
            .unwrap_or_else(|| panic!("{}", self.answer.text))
    }

    /// The access token as a JWT.
    #[track_caller]
    pub(crate) fn access_jwt(&self) -> Jwt {
        Jwt::parse(self.access_token()).unwrap()
    }

    /// The access token's claims.
    #[track_caller]
    pub(crate) fn claims(&self) -> Value {
        self.access_jwt().claims
    }

    /// The ID token as a JWT.
    #[track_caller]
    pub(crate) fn id_jwt(&self) -> Jwt {
        let token = self.body["id_token"].as_str();
        Jwt::parse(token.unwrap_or_else(|| panic!("{}", self.answer.text))).unwrap()
    }

    /// The ID token's claims.
    #[track_caller]
    pub(crate) fn id_claims(&self) -> Value {
        self.id_jwt().claims
    }
}
