//! The password grant (RFC 6749 section 4.3) and its form with a realm.
//!
//! RFC 9700 section 2.4 advises against it, so a client must list it in its
//! `grant_types`.

use std::sync::Arc;

use claimsmith_model::{Client, Connection, GrantType, Secret, User};
use claimsmith_oauth::TokenRequest;

use super::{
    Issued, Refused, RequestFacts, TokenEndpointError, TokenService,
    login::{Asked, LoginRequest, Way},
    target,
};
use crate::{DATABASE_CONNECTION, Services, TenantContext, configuration::Configuration};

impl TokenService {
    pub(super) async fn password(
        &self,
        context: &Arc<TenantContext>,
        configuration: &Configuration<'_>,
        client: Arc<Client>,
        grant: GrantType,
        request: TokenRequest,
        facts: RequestFacts,
    ) -> Result<Issued, Refused> {
        let environment = &self.services.environment;
        let username = request.username.as_deref();
        let username = username.ok_or_else(|| TokenEndpointError::missing("username"))?;
        let password = request.password.as_ref();
        let password = password.ok_or_else(|| TokenEndpointError::missing("password"))?;
        if grant == GrantType::PasswordRealm && request.realm.is_none() {
            return Err(TokenEndpointError::missing("realm").into());
        }
        let realm = request.realm.as_deref().unwrap_or(DATABASE_CONNECTION);
        let connection = context.store.connection_by_name(realm).await?;
        let connection = connection.ok_or_else(|| {
            TokenEndpointError::InvalidRequest("there is no connection of that realm".to_owned())
        })?;
        let asked = Asked {
            audience: target::asked(&request)?,
            scope: request.scope.as_deref(),
            organization: request.organization.as_deref(),
        };
        let account = (connection.name.as_str(), username);
        let verified = self.verify_password(context, &connection, username, password);
        let user = self.attempt(context, account, &facts.ip, verified).await?;
        let way = Way {
            grant,
            protocol: "oauth2-password",
            gty: Some("password"),
            authenticated_at: environment.clock.now(),
            session_id: None,
            nonce: None,
            refresh_grant: None,
            is_fresh: true,
        };
        let login = self
            .prepare_login(
                context,
                configuration,
                client,
                (user, connection),
                asked,
                way,
            )
            .await?;
        let ip = facts.ip.clone();
        let seen = LoginRequest {
            facts,
            body: request.body,
            correlation_id: request.correlation_id,
            ..LoginRequest::default()
        };
        let result = self.run_post_login(context, &login, seen).await?;
        let now = environment.clock.now();
        let admitted = self.admit(context, &login, result, now).await?;
        self.give(context, &login, admitted, &ip, now).await
    }

    /// Lets somebody try a password, unless too many were wrong already: then nothing is
    /// verified. `account` is the connection and what was given as the user's name.
    pub(crate) async fn attempt<T>(
        &self,
        context: &TenantContext,
        account: (&str, &str),
        ip: &str,
        verified: impl Future<Output = Result<T, TokenEndpointError>>,
    ) -> Result<T, TokenEndpointError> {
        let Services {
            attempts,
            environment,
            ..
        } = &self.services;
        let attempt = attempts.begin(context, environment, account, ip)?;
        let verified = verified.await;
        match &verified {
            Ok(_) => attempt.succeeded(),
            Err(error) if error.is_servers() => attempt.undecided(),
            Err(_) => attempt.failed(),
        }
        verified
    }

    /// The user of a connection who has that email address or user name and that
    /// password. An unknown one takes as long as a wrong password.
    pub(crate) async fn verify_password(
        &self,
        context: &TenantContext,
        connection: &Connection,
        username: &str,
        password: &Secret,
    ) -> Result<User, TokenEndpointError> {
        let user = context
            .store
            .user_by_login(&connection.name, username)
            .await?;
        let hash = user.as_ref().and_then(|user| user.password_hash.as_ref());
        let is_right = self.services.passwords.verify(password, hash).await?;
        user.filter(|_| is_right)
            .ok_or(TokenEndpointError::WrongPassword)
    }
}
