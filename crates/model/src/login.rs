//! What a login leaves behind: sessions, authorization codes, refresh tokens, consent.

use serde::{Deserialize, Serialize};

use crate::{
    ClientId, ExecutionId, JsonObject, OrganizationId, RefreshGrantId, Secret, SessionId,
    Timestamp, UserId,
};

/// The most refresh tokens of one grant that are remembered: the newest, and those before
/// it, which requests that overlap may still bring.
pub const LIVE_REFRESH_TOKENS_MAX: usize = 8;

/// A user's session in one browser, under the SHA-256 of what the cookie holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The identifier that tokens and logs name (`sid` of OpenID Connect); no secret.
    pub id: SessionId,
    /// Who logged in.
    pub user_id: UserId,
    /// By which connection.
    pub connection: String,
    /// When the user last proved who they are: the `auth_time` of ID tokens.
    pub authenticated_at: Timestamp,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_interacted_at: Timestamp,
    /// When it ends whatever happens.
    pub expires_at: Timestamp,
    /// When it ends unless used before.
    pub idle_expires_at: Timestamp,
    /// The clients that the user has logged in to with it, each once.
    pub clients: Vec<ClientId>,
    /// How many times the user's logins had been ended when this one was proven.
    #[serde(default)]
    pub logins_ended: u32,
}

/// An authorization code's meaning (RFC 6749 section 4.1.2), under the code's SHA-256.
///
/// The Actions have run when a code is given out; what they set waits here, and goes
/// through the claim policy once more when the tokens are made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuthorizationCode {
    /// Who may redeem it.
    pub client_id: ClientId,
    /// The redirect URI as the request gave it, which redeeming must repeat; none when
    /// it gave none.
    pub redirect_uri: Option<String>,
    /// The S256 challenge (RFC 7636 section 4.2).
    pub code_challenge: Option<String>,
    /// Whom the tokens speak for.
    pub user_id: UserId,
    /// By which connection the user logged in.
    pub connection: String,
    /// The session that it came from.
    pub session_id: Option<SessionId>,
    /// When the user proved who they are.
    pub authenticated_at: Timestamp,
    /// The `nonce` for the ID token.
    pub nonce: Option<String>,
    /// The API that the access token is for; none makes it opaque.
    pub audience: Option<String>,
    /// The organization that the user logged in to.
    pub organization: Option<OrganizationId>,
    /// The scopes that were asked for.
    pub requested_scope: Vec<String>,
    /// The scopes that the Actions left.
    pub scope: Vec<String>,
    /// What Actions set on the access token.
    pub access_token_claims: JsonObject,
    /// What Actions set on the ID token.
    pub id_token_claims: JsonObject,
    /// The run of the trigger.
    pub execution_id: ExecutionId,
    /// When it stops being good.
    pub expires_at: Timestamp,
    /// Whether it is good only as long as the user's consent stands: the client is
    /// somebody else's.
    #[serde(default)]
    pub rests_on_consent: bool,
    /// What it gave, once it was redeemed.
    pub redeemed: Option<RedeemedCode>,
}

/// What redeeming a code gave, so that replaying the code can revoke it
/// (RFC 6749 section 4.1.2).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RedeemedCode {
    /// The grant of the refresh token.
    pub refresh_grant: Option<RefreshGrantId>,
    /// The SHA-256 of the opaque access token.
    pub opaque_token: Option<[u8; 32]>,
}

/// What the refresh tokens of one login stand for, and which of them are good.
///
/// A refresh token names its grant and proves by a MAC under `key` that it came from
/// here. So one that isn't good any more can be told from one that never was, without
/// keeping all that there were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshGrant {
    /// The identifier; part of each of its tokens, and what Actions see.
    pub id: RefreshGrantId,
    /// The key that its tokens' MACs are made with.
    pub key: Secret,
    /// Who the tokens speak for.
    pub user_id: UserId,
    /// Who may exchange them.
    pub client_id: ClientId,
    /// By which connection the user logged in.
    pub connection: String,
    /// The session that it came from.
    pub session_id: Option<SessionId>,
    /// When the user proved who they are.
    pub authenticated_at: Timestamp,
    /// The API that access tokens are for; none makes them opaque.
    pub audience: Option<String>,
    /// The organization that the user logged in to.
    pub organization: Option<OrganizationId>,
    /// The scopes that were granted: an exchange may narrow, never widen them.
    pub scope: Vec<String>,
    /// Whether each exchange replaces the token.
    pub rotating: bool,
    /// When it was given.
    pub created_at: Timestamp,
    /// When a token of it was last exchanged.
    pub last_exchanged_at: Option<Timestamp>,
    /// When it ends whatever happens.
    pub expires_at: Option<Timestamp>,
    /// When it ends unless a token of it is exchanged before.
    pub idle_expires_at: Option<Timestamp>,
    /// The newest token, which is good, and before it those that it replaced lately.
    pub live: Vec<LiveRefreshToken>,
    /// How many times the user's logins had been ended when this one was proven.
    #[serde(default)]
    pub logins_ended: u32,
}

impl RefreshGrant {
    /// When it ends as things stand.
    #[must_use]
    pub fn ends_at(&self) -> Option<Timestamp> {
        match (self.expires_at, self.idle_expires_at) {
            (Some(absolute), Some(idle)) => Some(absolute.min(idle)),
            (absolute, idle) => absolute.or(idle),
        }
    }

    /// Whether it has ended.
    #[must_use]
    pub fn has_ended(&self, now: Timestamp) -> bool {
        self.ends_at().is_some_and(|end| end <= now)
    }
}

/// A refresh token that is good, or was lately.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveRefreshToken {
    /// The token's SHA-256.
    pub sha256: [u8; 32],
    /// When an exchange replaced it. Within the leeway it may be exchanged again,
    /// because requests overlap.
    pub replaced_at: Option<Timestamp>,
}

impl LiveRefreshToken {
    /// Whether it may be exchanged: it was not replaced, or not before that moment when
    /// there is one.
    #[must_use]
    pub fn is_good(&self, replaced_since: Option<Timestamp>) -> bool {
        self.replaced_at
            .is_none_or(|at| replaced_since.is_some_and(|since| since <= at))
    }
}

/// What a user allowed a third-party client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Who allowed it.
    pub user_id: UserId,
    /// Whom.
    pub client_id: ClientId,
    /// At which API; none for what needs no API.
    pub audience: Option<String>,
    /// Which scopes.
    pub scope: Vec<String>,
    /// When it was first given.
    pub created_at: Timestamp,
    /// When it last grew.
    pub updated_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(expires_at: Option<i64>, idle_expires_at: Option<i64>) -> RefreshGrant {
        RefreshGrant {
            id: "rt_1".parse().unwrap(),
            key: Secret::new("key"),
            user_id: "auth0|1".parse().unwrap(),
            client_id: "client".parse().unwrap(),
            connection: "Users".into(),
            session_id: None,
            authenticated_at: Timestamp::from_millis(0),
            audience: None,
            organization: None,
            scope: vec![],
            rotating: true,
            created_at: Timestamp::from_millis(0),
            last_exchanged_at: None,
            expires_at: expires_at.map(Timestamp::from_millis),
            idle_expires_at: idle_expires_at.map(Timestamp::from_millis),
            live: vec![],
            logins_ended: 0,
        }
    }

    #[test]
    fn a_refresh_grant_ends_at_whichever_end_comes_first() {
        let end = |expires_at, idle| grant(expires_at, idle).ends_at().map(Timestamp::as_millis);
        assert_eq!(end(Some(5), Some(9)), Some(5));
        assert_eq!(end(Some(9), Some(5)), Some(5));
        assert_eq!(end(None, Some(9)), Some(9));
        assert_eq!(end(None, None), None);
        assert!(grant(Some(5), None).has_ended(Timestamp::from_millis(5)));
        assert!(!grant(Some(5), None).has_ended(Timestamp::from_millis(4)));
    }
}
