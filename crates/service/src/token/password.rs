//! The password grant (RFC 6749 section 4.3) and its form with a realm.
//!
//! RFC 9700 section 2.4 advises against it, so a client must list it in its
//! `grant_types`.

use std::sync::Arc;

use claimsmith_model::{Client, GrantType};
use claimsmith_oauth::TokenRequest;

use super::{
    Issued, Refused, RequestFacts, TokenEndpointError, TokenService,
    login::{Asked, LoginRequest, Way},
    target,
};
use crate::{
    DATABASE_CONNECTION, TenantContext,
    configuration::Configuration,
    connection::{LoggedIn, LoginAttempt, of_realm},
};

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
        let username = request.username.as_deref();
        let username = username.ok_or_else(|| TokenEndpointError::missing("username"))?;
        let password = request.password.as_ref();
        let password = password.ok_or_else(|| TokenEndpointError::missing("password"))?;
        if grant == GrantType::PasswordRealm && request.realm.is_none() {
            return Err(TokenEndpointError::missing("realm").into());
        }
        let realm = request.realm.as_deref().unwrap_or(DATABASE_CONNECTION);
        let connection = of_realm(context.store.as_ref(), realm).await?;
        let connection = connection.ok_or_else(|| {
            TokenEndpointError::InvalidRequest("there is no connection of that realm".to_owned())
        })?;
        let asked = Asked {
            audience: target::asked(&request)?,
            scope: request.scope.as_deref(),
            organization: request.organization.as_deref(),
            may_join: true,
        };
        let attempt = LoginAttempt {
            client: &client,
            grant,
            connection: &connection,
            identifier: username,
            password,
            ip: &facts.ip,
        };
        let login = self.services.connection_login(context, attempt);
        let LoggedIn { user, execution_id } = login.await?;
        let way = Way {
            grant,
            protocol: "oauth2-password",
            gty: Some("password"),
            authenticated_at: self.services.environment.clock.now(),
            login_execution_id: execution_id,
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
        let seen = LoginRequest::of(request, facts);
        let (result, checked, now) = self.run_and_admit(context, &login, seen).await?;
        self.give(context, &login, (result, checked), &ip, now)
            .await
    }
}
