//! The nouns of Claimsmith: tenants, clients, users, logins, Actions, bindings, events,
//! commands, executions, limits.
//!
//! Nothing here does I/O, waits, or reads a clock: time and chance come in
//! through [`Clock`] and [`Random`]. Wire shapes of the HTTP APIs are elsewhere;
//! what is `Serialize` here is the stored form, or the `event` object that
//! Actions read.
//!
//! ```
//! use claimsmith_model::{Trigger, UserId};
//!
//! let trigger: Trigger = "post-login".parse().unwrap();
//! assert_eq!(trigger, Trigger::PostLogin);
//! assert!("auth0|5f7c8ec7".parse::<UserId>().is_ok());
//! assert!("".parse::<UserId>().is_err());
//! ```

mod action;
mod allowed_hosts;
mod client;
mod command;
mod connection;
mod database_script;
mod environment;
mod event;
mod execution;
mod histogram;
mod id;
mod limit;
mod login;
mod organization;
mod resource_server;
mod script_run;
mod secret;
mod signing_key;
mod tenant;
mod tenant_event;
mod token;
mod trigger;
mod user;

pub use action::{
    Action, ActionSecret, ActionVersion, Binding, ModuleInfo, OnError, TriggerBindings,
};
pub use allowed_hosts::{ALLOWED_HOSTS_MAX, AllowedHosts, InvalidHost, Origin};
pub use client::{
    AssertionAlgorithm, Client, ClientCredential, ClientGrant, ClientPublicKey, GrantType,
    OrganizationUsage, RefreshTokenSettings, TokenEndpointAuthMethod,
};
pub use command::{Command, Denial, DenialCode};
pub use connection::{Connection, CustomDatabase, EnabledClients, StoredScript};
pub use database_script::{DatabaseScript, Handler, UnknownScript};
pub use environment::{Clock, Random, Timestamp};
pub use event::{
    AuthenticationMethod, Event, EventAuthentication, EventAuthorization, EventClient,
    EventConnection, EventOrganization, EventRefreshToken, EventRequest, EventResourceServer,
    EventStats, EventTenant, EventTransaction, EventUser, JsonObject,
};
pub use execution::{
    ActionRun, AdmittedClaim, Blame, ExecutionOutcome, ExecutionRecord, Fault, FaultKind, HttpCall,
    LogLevel, LogLine, Refusal, RefusedClaim, RefusedCommand, Usage, Warning,
};
pub use histogram::{Distribution, Histogram};
pub use id::{
    ActionId, BindingId, ClientGrantId, ClientId, ConnectionId, ConsentId, ExecutionId, InvalidId,
    KeyId, OrganizationId, RefreshGrantId, ResourceServerId, RoleId, SessionId, TenantId, UserId,
    VersionId,
};
pub use limit::{
    Limit, LimitError, LimitInForce, LimitScope, LimitSettings, LimitSpec, LimitUnit, ServerLimits,
    UnknownLimit,
};
pub use login::{
    AuthorizationCode, Consent, LIVE_REFRESH_TOKENS_MAX, LiveRefreshToken, RedeemedCode,
    RefreshGrant, Session,
};
pub use organization::{Membership, Organization};
pub use resource_server::{ResourceServer, Scope, TokenDialect};
pub use script_run::{ScriptResult, ScriptRun};
pub use secret::Secret;
pub use signing_key::{KeyUse, StoredKey, TOKEN_LIFETIME_S_MAX};
pub use tenant::{ClaimSettings, OnRefusal, PrivateNames, SessionSettings, Tenant, TenantSettings};
pub use tenant_event::{LogClass, LogType, RequestOrigin, TenantEvent, log_text};
pub use token::{OPAQUE_TOKEN_LIFETIME_S, OpaqueToken, SigningAlgorithm, TokenKind};
pub use trigger::{Trigger, UnknownTrigger};
pub use user::{Identity, METADATA_BYTES_MAX, Permission, Role, User};
