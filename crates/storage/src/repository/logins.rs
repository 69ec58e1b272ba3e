//! What logins leave behind: sessions, authorization codes, refresh tokens, consent.

use std::fmt::Debug;

use async_trait::async_trait;
use claimsmith_model::{
    AuthorizationCode, ClientId, Consent, ConsentId, OpaqueToken, RefreshGrant, RefreshGrantId,
    Session, SessionId, Timestamp, UserId,
};

use super::{Page, Result};

/// Users' sessions in their browsers.
#[async_trait]
pub trait SessionRepository: Send + Sync + Debug {
    /// The session whose cookie has this SHA-256; also when it has ended.
    async fn session(&self, sha256: &[u8; 32]) -> Result<Option<Session>>;

    /// The session of that identifier; also when it has ended.
    async fn session_by_id(&self, id: &SessionId) -> Result<Option<Session>>;

    /// The sessions of a user, oldest first; also those that have ended.
    async fn sessions(&self, user: &UserId) -> Result<Vec<Session>>;

    /// Stores a session under its cookie's SHA-256, or replaces it. The one of another
    /// cookie, `instead_of`, is gone then; refresh grants that came from it stay. Of more
    /// than 200 of one user the oldest ends.
    ///
    /// Answers whether it did: not when the user is gone or blocked, or the user's logins
    /// were ended since this one was proven.
    async fn put_session(
        &self,
        sha256: &[u8; 32],
        session: &Session,
        instead_of: Option<&[u8; 32]>,
    ) -> Result<bool>;

    /// Notes that a session was used. Answers whether it is still there: one that was
    /// ended meanwhile stays so.
    async fn use_session(&self, sha256: &[u8; 32], used: &SessionUse) -> Result<bool>;

    /// Ends a session and revokes the refresh grants that came from it, so that who
    /// logs out is out; its codes are worth nothing any more. Answers the session that
    /// was there.
    async fn end_session(&self, sha256: &[u8; 32]) -> Result<Option<Session>>;

    /// Ends the session of that identifier in the same way; one that isn't there is no
    /// error.
    async fn end_session_by_id(&self, id: &SessionId) -> Result<()>;

    /// Ends all sessions of a user in the same way. Refresh grants that came from none
    /// stay.
    async fn end_sessions(&self, user: &UserId) -> Result<()>;
}

/// Authorization codes.
#[async_trait]
pub trait CodeRepository: Send + Sync + Debug {
    /// The code with this SHA-256; also when it has ended or was redeemed.
    async fn authorization_code(&self, sha256: &[u8; 32]) -> Result<Option<AuthorizationCode>>;

    /// Stores a new code. It is forgotten an hour after its end: until then replaying it
    /// is noticed.
    async fn put_authorization_code(
        &self,
        sha256: &[u8; 32],
        code: &AuthorizationCode,
    ) -> Result<()>;

    /// Redeems a code that has not been redeemed, and stores what it gives, in one step.
    /// Answers whether it did: not when the session that it came from, or the consent
    /// that it rests on, is gone. Of two requests at once only one succeeds.
    async fn redeem_authorization_code(
        &self,
        sha256: &[u8; 32],
        given: &GivenTokens,
        now: Timestamp,
    ) -> Result<bool>;

    /// Revokes what a redeemed code gave: the refresh grant and the opaque access token.
    async fn revoke_redeemed_code(&self, sha256: &[u8; 32]) -> Result<()>;
}

/// Refresh tokens, by the grants that they belong to.
#[async_trait]
pub trait RefreshTokenRepository: Send + Sync + Debug {
    /// One grant; also when it has ended.
    async fn refresh_grant(&self, id: &RefreshGrantId) -> Result<Option<RefreshGrant>>;

    /// The grants of a user, at one client when given, oldest first.
    async fn refresh_grants(
        &self,
        user: &UserId,
        client: Option<&ClientId>,
    ) -> Result<Vec<RefreshGrant>>;

    /// Stores what a login gives. Of more than 200 refresh grants of one user at one
    /// client the oldest is revoked, as in the reference product.
    ///
    /// Answers whether it did, as [`SessionRepository::put_session`] does.
    async fn put_given_tokens(&self, given: &GivenTokens) -> Result<bool>;

    /// Exchanges a refresh token of a grant, in one step. A token that was replaced
    /// before the leeway, or is not remembered any more, revokes the grant: the caller
    /// has proved that it was one once.
    ///
    /// A token is replaced once. Exchanges that overlap with the first all have the one
    /// newest token, so that two who share a token never go on beside each other.
    async fn exchange_refresh_token(
        &self,
        id: &RefreshGrantId,
        exchange: &RefreshExchange,
    ) -> Result<RefreshExchanged>;

    /// Revokes a grant with all its tokens; one that isn't there is no error.
    async fn revoke_refresh_grant(&self, id: &RefreshGrantId) -> Result<()>;
}

/// What users allowed third-party clients.
#[async_trait]
pub trait ConsentRepository: Send + Sync + Debug {
    /// What the user allowed the client at that API, or without one.
    async fn consent(
        &self,
        user: &UserId,
        client: &ClientId,
        audience: Option<&str>,
    ) -> Result<Option<Consent>>;

    /// Adds scopes to what the user allowed.
    ///
    /// # Errors
    /// `NotFound` when the user or the client doesn't exist.
    async fn give_consent(
        &self,
        user: &UserId,
        client: &ClientId,
        audience: Option<&str>,
        scope: &[String],
        now: Timestamp,
    ) -> Result<()>;

    /// A part of what users allowed, as far as it fits the search, and how much there is.
    async fn consents(
        &self,
        search: &ConsentSearch,
        page: Page,
    ) -> Result<(Vec<(ConsentId, Consent)>, usize)>;

    /// Takes back a consent, and revokes the refresh grants that rest on it. One that
    /// isn't there is no error.
    async fn withdraw_consent(&self, id: &ConsentId) -> Result<()>;

    /// Takes back all that a user allowed, in the same way.
    async fn withdraw_consents(&self, user: &UserId) -> Result<()>;
}

/// Which consents to list: those that have everything that is given here.
#[derive(Debug, Clone, Default)]
pub struct ConsentSearch {
    /// Who allowed it.
    pub user: Option<UserId>,
    /// Whom.
    pub client: Option<ClientId>,
    /// At which API.
    pub audience: Option<String>,
}

/// A use of a session.
#[derive(Debug, Clone)]
pub struct SessionUse {
    /// When.
    pub at: Timestamp,
    /// The session's idle end from now on.
    pub idle_expires_at: Timestamp,
    /// The client that the user logged in to.
    pub client: ClientId,
    /// How many clients a session remembers; of more, the first are forgotten.
    pub clients_max: usize,
}

/// What a login or an exchange stores of the tokens that it gives.
#[derive(Debug, Clone, Default)]
pub struct GivenTokens {
    /// A new refresh grant with its first token.
    pub refresh_grant: Option<RefreshGrant>,
    /// An opaque access token under its SHA-256.
    pub opaque_token: Option<([u8; 32], OpaqueToken)>,
}

/// An exchange of a refresh token.
#[derive(Debug, Clone)]
pub struct RefreshExchange {
    /// The SHA-256 of the token that was given.
    pub presented: [u8; 32],
    /// The SHA-256 of the token that replaces it, unless it was replaced already; none
    /// when the grant doesn't rotate.
    pub successor: Option<[u8; 32]>,
    /// Tokens that were replaced before this moment are not good any more; without one,
    /// none that was replaced is. Reckoned from when the request came.
    pub replaced_since: Option<Timestamp>,
    /// The time.
    pub now: Timestamp,
    /// The grant's end from now on.
    pub expires_at: Option<Timestamp>,
    /// The grant's idle end from now on.
    pub idle_expires_at: Option<Timestamp>,
    /// The opaque access token that the exchange gives.
    pub opaque_token: Option<([u8; 32], OpaqueToken)>,
}

/// What came of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshExchanged {
    /// The token was good, and is replaced where it rotates.
    Exchanged {
        /// The SHA-256 of the grant's newest token: the one that is good from now on.
        newest: [u8; 32],
    },
    /// It was good once. The grant is revoked.
    Reused,
    /// There is no such grant (any more).
    Gone,
}
