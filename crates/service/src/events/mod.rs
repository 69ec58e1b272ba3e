//! A tenant's log: what is noted in it, and how it is read.
//!
//! Two kinds of things stand in it. Each run of a trigger has an execution record, which
//! tells of the login or token, of Actions that failed and of claims that were refused: for
//! those nothing is noted beside the record. Everything else is an event, noted by
//! [`Events::record`]:
//!
//! ```ignore
//! let event = NewEvent::new(LogType::LoginFailed).client(&client).user(&user).from(&facts);
//! services.events.record(&context, event.because("Wrong email, user name or password."));
//! ```
//!
//! A new type of event is a row in the table of [`LogType`] (`model/src/tenant_event.rs`),
//! and a line in `docs/management-api.md`. What a grant is called in the log when it
//! succeeds and when it fails is decided in `entries::of_grant` and `of_refusal`.

mod entries;
mod follow;
mod read;

use std::sync::Arc;

use claimsmith_model::{
    Client, ClientId, Clock, ExecutionId, JsonObject, LogType, OrganizationId, RequestOrigin,
    TenantEvent, User, UserId, log_text,
};
use claimsmith_storage::ExecutionLog;
use serde_json::Value;

pub(crate) use entries::of_refusal;
pub use entries::{InvalidLogId, LogId, TenantLogEntry};
pub(crate) use follow::FOLLOWERS_MAX;
pub use follow::Follower;
pub use read::{LogPage, LogSearch, expression, get, list, list_after, of_user};

use self::entries::of_execution;
use crate::{RequestFacts, TenantContext};

/// Notes events in tenants' logs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Events {
    log: Arc<dyn ExecutionLog>,
    clock: Arc<dyn Clock>,
}

impl Events {
    pub(crate) fn new(log: Arc<dyn ExecutionLog>, clock: Arc<dyn Clock>) -> Self {
        Self { log, clock }
    }

    /// Notes an event in a tenant's log. Never waits: it is written in the background, or
    /// dropped and counted when too much waits already.
    pub fn record(&self, context: &TenantContext, event: NewEvent) {
        let NewEvent(mut event) = event;
        event.at = self.clock.now();
        event.origin = event.origin.as_log_text();
        self.log.record_event(&context.tenant.id, Arc::new(event));
    }
}

/// An event to be noted. Whatever its texts are, in the log they are bounded and one line
/// each. Secrets, passwords, tokens and bodies don't belong into it.
#[derive(Debug, Clone)]
#[must_use = "an event is noted by Events::record"]
pub struct NewEvent(TenantEvent);

impl NewEvent {
    /// An event of a type, with the type's own description.
    pub fn new(log_type: LogType) -> Self {
        Self(TenantEvent {
            log_type,
            at: Default::default(),
            description: log_type.description().to_owned(),
            client_id: None,
            user_id: None,
            origin: RequestOrigin::default(),
            details: JsonObject::new(),
        })
    }

    /// What happened, or why it failed.
    pub fn because(mut self, description: &str) -> Self {
        self.0.description = log_text(description);
        self
    }

    /// The client that asked.
    pub fn client(mut self, client: &Client) -> Self {
        self.0.client_id = Some(client.client_id.clone());
        self.0.origin.client_name.clone_from(&client.name);
        self
    }

    /// The client that somebody says to be, without proof.
    pub fn claimed_client(mut self, client_id: Option<ClientId>) -> Self {
        self.0.client_id = client_id;
        self
    }

    /// The user whom it is about. Only a known one: what somebody typed in place of a name
    /// may be a password.
    pub fn user(mut self, user: &User) -> Self {
        self.0.user_id = Some(user.user_id.clone());
        let names = [&user.email, &user.username, &user.name];
        self.0.origin.user_name = names.into_iter().flatten().next().cloned();
        self
    }

    /// The user whom it is about, where no more is known.
    pub fn user_id(mut self, user_id: Option<&UserId>) -> Self {
        self.0.user_id = user_id.cloned();
        self
    }

    /// From where the request came.
    pub fn from(mut self, facts: &RequestFacts) -> Self {
        self.0.origin.ip.clone_from(&facts.ip);
        self.0.origin.hostname.clone_from(&facts.hostname);
        self.0.origin.user_agent.clone_from(&facts.user_agent);
        self
    }

    /// The connection that the user logs in with.
    pub fn connection(mut self, name: &str) -> Self {
        self.0.origin.connection = Some(name.to_owned());
        self
    }

    /// The API that a token was asked for.
    pub fn audience(mut self, audience: &str) -> Self {
        self.0.origin.audience = Some(audience.to_owned());
        self
    }

    /// The scopes of the token.
    pub fn scope(mut self, scope: &[String]) -> Self {
        self.0.origin.scope = scope.to_vec();
        self
    }

    /// The organization that the user logs in to.
    pub fn organization(mut self, id: Option<&OrganizationId>) -> Self {
        self.0.origin.organization_id = id.map(|id| id.as_str().to_owned());
        self
    }

    /// The run of a trigger that it belongs to.
    pub fn execution(mut self, id: &ExecutionId) -> Self {
        self.0.details.extend(of_execution(id));
        self
    }

    /// Something that only this type has to say.
    pub fn detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0
            .details
            .insert(name.to_owned(), bounded(value.into()));
        self
    }
}

/// The value with its texts as a log may show them.
fn bounded(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(log_text(&text)),
        Value::Array(list) => list.into_iter().map(bounded).collect(),
        Value::Object(object) => {
            let members = object.into_iter();
            members
                .map(|(name, value)| (log_text(&name), bounded(value)))
                .collect()
        }
        other => other,
    }
}
