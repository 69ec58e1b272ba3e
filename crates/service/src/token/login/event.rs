//! The event of post-login.

use std::sync::Arc;

use claimsmith_claims::{Ledger, TokenContext};
use claimsmith_model::{
    AuthenticationMethod, Event, EventAuthentication, EventConnection, EventOrganization,
    EventRefreshToken, EventResourceServer, EventStats, EventTenant, EventTransaction, EventUser,
    JsonObject, Organization, RefreshGrant, TokenKind, Trigger, User,
};

use claimsmith_oauth::USER_CLAIMS;

use super::{Login, LoginRequest};
use crate::{
    TenantContext,
    pipeline::TriggerInput,
    token::{
        client_credentials::event_client,
        issue::{ACCESS_TOKEN_CLAIMS, ID_TOKEN_CLAIMS},
        user_info::profile_claims,
    },
};

/// What post-login runs on.
pub(super) fn trigger_input(
    context: &TenantContext,
    login: &Login,
    request: LoginRequest,
) -> TriggerInput {
    let (access_token, id_token) = ledgers(context, login);
    TriggerInput {
        trigger: Trigger::PostLogin,
        access_token,
        id_token,
        grant_scopes: Arc::new([]),
        event: event(context, login, request),
    }
}

/// Empty ledgers for the access token and the ID token of a login, which know the names
/// that the server will write itself.
pub(super) fn ledgers(context: &TenantContext, login: &Login) -> (Ledger, Ledger) {
    let requested: Arc<[String]> = Arc::from(login.requested.as_slice());
    let profile = profile_claims(&login.user, &login.granted);
    let id_token_claims: Arc<[&'static str]> = ID_TOKEN_CLAIMS
        .into_iter()
        .chain(
            USER_CLAIMS
                .into_iter()
                .filter(|name| profile.contains_key(*name)),
        )
        .collect();
    let access_token = context.policy.ledger(TokenContext {
        kind: TokenKind::AccessToken,
        server_claims: Arc::new(ACCESS_TOKEN_CLAIMS),
        own_api: false,
        scopes: Arc::clone(&requested),
    });
    let id_token = context.policy.ledger(TokenContext {
        kind: TokenKind::IdToken,
        server_claims: id_token_claims,
        own_api: false,
        scopes: requested,
    });
    (access_token, id_token)
}

fn event(context: &TenantContext, login: &Login, request: LoginRequest) -> Event {
    // A login is counted when it has given tokens, so this one isn't yet.
    let logins_count = login.user.logins_count;
    Event {
        tenant: EventTenant {
            id: context.tenant.id.as_str().to_owned(),
        },
        client: event_client(&login.client),
        user: Some(event_user(&login.user)),
        connection: Some(EventConnection {
            id: login.connection.id.as_str().to_owned(),
            name: login.connection.name.clone(),
            strategy: login.connection.strategy.clone(),
            metadata: login.connection.metadata.clone(),
        }),
        organization: login.organization.as_ref().map(event_organization),
        resource_server: login.api.as_ref().map(|api| EventResourceServer {
            identifier: api.identifier.clone(),
        }),
        authorization: Some(login.authorization.clone()),
        authentication: Some(EventAuthentication {
            methods: vec![AuthenticationMethod {
                name: "pwd".to_owned(),
                timestamp: login.way.authenticated_at,
            }],
        }),
        transaction: EventTransaction {
            protocol: Some(login.way.protocol.to_owned()),
            requested_scopes: login.requested.clone(),
            target_scopes: login.granted.clone(),
            metadata: JsonObject::new(),
            correlation_id: request.correlation_id,
            ..request.transaction
        },
        stats: Some(EventStats {
            logins_count: if login.way.is_fresh {
                logins_count.saturating_add(1)
            } else {
                logins_count
            },
        }),
        request: request.facts.into_event(request.body),
        refresh_token: login.way.refresh_grant.as_ref().map(event_refresh_token),
        other: request.other,
    }
}

fn event_refresh_token(grant: &RefreshGrant) -> EventRefreshToken {
    EventRefreshToken {
        id: grant.id.as_str().to_owned(),
        created_at: grant.created_at,
        expires_at: grant.expires_at,
        idle_expires_at: grant.idle_expires_at,
        last_exchanged_at: grant.last_exchanged_at,
        rotating: Some(grant.rotating),
    }
}

pub(in crate::token) fn event_organization(organization: &Organization) -> EventOrganization {
    EventOrganization {
        id: organization.id.as_str().to_owned(),
        name: organization.name.clone(),
        display_name: organization
            .display_name
            .clone()
            .unwrap_or_else(|| organization.name.clone()),
        metadata: organization.metadata.clone(),
    }
}

fn event_user(user: &User) -> EventUser {
    EventUser {
        user_id: user.user_id.as_str().to_owned(),
        email: user.email.clone(),
        email_verified: user.email_verified,
        username: user.username.clone(),
        phone_number: user.phone_number.clone(),
        phone_verified: user.phone_verified,
        name: user.name.clone(),
        nickname: user.nickname.clone(),
        given_name: user.given_name.clone(),
        family_name: user.family_name.clone(),
        picture: user.picture.clone(),
        created_at: user.created_at,
        updated_at: user.updated_at,
        last_password_reset: user.last_password_reset,
        app_metadata: user.app_metadata.clone(),
        user_metadata: user.user_metadata.clone(),
        identities: user.identities.clone(),
        // None is called like a field of ours: the Management API refuses those.
        attributes: user.profile_attributes.clone(),
    }
}
