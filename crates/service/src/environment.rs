//! What every service works with.

use std::sync::Arc;

use claimsmith_claims::ReservedNamespaces;
use claimsmith_model::{Clock, Random, Secret, ServerLimits};
use claimsmith_runtime::ActionEngine;
use claimsmith_storage::{ExecutionLog, Storage};
use tokio::sync::Semaphore;

use crate::{
    Attempts, Ids, PasswordHasher, Readiness, StateSealer, TenantDirectory, events::Events,
    metrics::Metrics,
};

/// The outside world and the engine, handed to every service.
#[derive(Debug, Clone)]
pub struct Environment {
    /// The data.
    pub storage: Arc<dyn Storage>,
    /// Where execution records go.
    pub executions: Arc<dyn ExecutionLog>,
    /// What runs Actions.
    pub engine: ActionEngine,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub random: Arc<dyn Random>,
    /// The namespaces that no tenant's Action may use.
    pub reserved: Arc<ReservedNamespaces>,
    /// What the operator says of limits; the engine was made for the same.
    pub limits: Arc<ServerLimits>,
    /// What the key is derived from that seals what forms carry; the same after a restart.
    pub state_secret: Secret,
}

/// The services of one server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Services {
    /// The outside world and the engine.
    pub environment: Environment,
    /// The tenants.
    pub tenants: TenantDirectory,
    /// Password hashing, bounded in concurrency.
    pub passwords: PasswordHasher,
    /// Failed logins.
    pub attempts: Attempts,
    /// New identifiers and secrets.
    pub ids: Ids,
    /// The tenants' logs, for whoever has an event to note.
    pub events: Events,
    /// What seals what forms carry.
    pub states: Arc<StateSealer>,
    /// What the server counts of itself.
    pub metrics: Arc<Metrics>,
    /// Whether the server should be sent requests.
    pub readiness: Readiness,
    /// Who exports or imports a tenant takes the one place: its document is in memory as a
    /// whole, several times over.
    pub transfers: Arc<Semaphore>,
}

impl Services {
    /// Puts the services together and loads the tenants.
    ///
    /// # Errors
    /// When the tenants can't be read.
    pub async fn start(environment: Environment) -> Result<Self, crate::ServiceError> {
        let ids = Ids::new(Arc::clone(&environment.random));
        let tenants = TenantDirectory::load(environment.clone()).await?;
        let passwords = PasswordHasher::new(Arc::clone(&environment.random));
        passwords.prepare().await?;
        let (storage, executions) = (&environment.storage, &environment.executions);
        let readiness = Readiness::new(Arc::clone(storage), Arc::clone(executions));
        let events = Events::new(Arc::clone(executions), Arc::clone(&environment.clock));
        Ok(Self {
            states: Arc::new(StateSealer::new(&environment.state_secret)),
            environment,
            tenants,
            passwords,
            attempts: Attempts::default(),
            ids,
            events,
            metrics: Arc::default(),
            readiness,
            transfers: Arc::new(Semaphore::new(1)),
        })
    }
}
