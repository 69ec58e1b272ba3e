//! A trigger's bindings, loaded and ready to run. Immutable: a change makes a new
//! one, and a token under way finishes with the one it began with.

use std::sync::Arc;

use claimsmith_model::{
    Action, ActionId, ActionSecret, AllowedHosts, Binding, BindingId, LimitSettings, OnError,
    Trigger, VersionId,
};
use claimsmith_runtime::{ActionEngine, CheckError, CompiledAction, Share};
use claimsmith_storage::TenantStorage;

use crate::{Ids, ServiceError};

/// What is bound to one trigger, in order.
#[derive(Debug)]
pub(crate) struct Bindings {
    pub(crate) actions: Vec<BoundAction>,
    /// Whether a module is missing that may be there the next time: the compiler was busy,
    /// or the server failed. Such bindings serve the request that loaded them, and no more.
    pub(crate) is_provisional: bool,
}

/// One bound Action in its deployed version.
#[derive(Debug)]
pub(crate) struct BoundAction {
    pub(crate) binding_id: BindingId,
    pub(crate) action_id: ActionId,
    pub(crate) name: Arc<str>,
    pub(crate) version_id: VersionId,
    pub(crate) on_error: OnError,
    pub(crate) secrets: Arc<[ActionSecret]>,
    /// What the version asks for; what it gets is decided with each token.
    pub(crate) limits: LimitSettings,
    pub(crate) allowed_hosts: Arc<AllowedHosts>,
    /// The compiled module, or why there is none; then the Action fails when it is
    /// to run, and the binding's `on_error` decides as for any failure.
    pub(crate) module: Result<CompiledAction, String>,
}

impl Bindings {
    /// Reads a trigger's bindings and loads the deployed version of each Action.
    pub(crate) async fn load(
        share: &Share,
        store: &dyn TenantStorage,
        trigger: Trigger,
        engine: &ActionEngine,
    ) -> Result<Self, ServiceError> {
        let stored = store.bindings(trigger).await?;
        let mut bindings = Self {
            actions: Vec::with_capacity(stored.bindings.len()),
            is_provisional: false,
        };
        for binding in stored.bindings {
            let (action, is_provisional) = load_one(share, store, engine, binding).await?;
            bindings.actions.push(action);
            bindings.is_provisional |= is_provisional;
        }
        Ok(bindings)
    }

    /// An Action's draft as if it were deployed, and bound alone.
    ///
    /// # Errors
    /// When the draft has no module, or it can't be loaded now.
    pub(crate) async fn of_draft(
        share: &Share,
        store: &dyn TenantStorage,
        engine: &ActionEngine,
        ids: &Ids,
        draft: &Action,
    ) -> Result<Self, ServiceError> {
        let module = draft.module.as_ref();
        let module = module.ok_or_else(|| ServiceError::internal("the draft has no module"))?;
        let module = load_module(share, store, engine, &module.sha256).await?;
        let action = BoundAction {
            binding_id: ids.binding_id(),
            action_id: draft.id.clone(),
            name: Arc::from(draft.name.as_str()),
            version_id: ids.version_id(),
            on_error: OnError::Deny,
            secrets: Arc::from(draft.secrets.as_slice()),
            limits: draft.limits.clone(),
            allowed_hosts: Arc::new(draft.allowed_hosts.clone()),
            module: Ok(module),
        };
        Ok(Self {
            actions: vec![action],
            is_provisional: false,
        })
    }
}

/// A bound Action, and whether its module may be there the next time if it isn't now.
async fn load_one(
    share: &Share,
    store: &dyn TenantStorage,
    engine: &ActionEngine,
    binding: Binding,
) -> Result<(BoundAction, bool), ServiceError> {
    // A binding without its Action or version can't be written; were it there all
    // the same, there would be nothing to run and nothing to name.
    let missing = |what: &str| {
        ServiceError::internal(format!("the {what} of binding {} is missing", binding.id))
    };
    let action = store.action(&binding.action_id).await?;
    let action = action.ok_or_else(|| missing("Action"))?;
    let version_id = action
        .deployed_version
        .ok_or_else(|| missing("deployed version"))?;
    let version = store.action_version(&version_id).await?;
    let version = version.ok_or_else(|| missing("version"))?;
    let module = load_module(share, store, engine, &version.module.sha256).await;
    if let Err(error) = &module {
        tracing::error!(
            action = %action.id, version = %version_id, %error, "a module can't be loaded"
        );
    }
    let is_provisional = matches!(&module, Err(CheckError::Busy(_) | CheckError::Host(_)));
    let bound = BoundAction {
        binding_id: binding.id,
        action_id: action.id,
        name: Arc::from(action.name),
        version_id,
        on_error: binding.on_error,
        secrets: Arc::from(version.secrets),
        limits: version.limits,
        allowed_hosts: Arc::new(version.allowed_hosts),
        module: module.map_err(|error| error.to_string()),
    };
    Ok((bound, is_provisional))
}

/// The code of a module that was uploaded.
pub(crate) async fn load_module(
    share: &Share,
    store: &dyn TenantStorage,
    engine: &ActionEngine,
    sha256: &str,
) -> Result<CompiledAction, CheckError> {
    // The bytes aren't needed where the code is at hand.
    if let Some(module) = engine.find(sha256).await {
        return Ok(module);
    }
    let bytes = store
        .module(sha256)
        .await
        .map_err(|error| CheckError::Host(error.to_string()))?
        .ok_or_else(|| CheckError::Host("the module's bytes are missing".to_owned()))?;
    engine.load(share, Arc::from(bytes)).await
}
