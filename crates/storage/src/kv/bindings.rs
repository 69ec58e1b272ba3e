//! The order of Actions per trigger.

use async_trait::async_trait;
use claimsmith_model::{Action, Binding, Trigger, TriggerBindings};

use super::{KeyValue, Result, tenant::KvTenant};
use crate::{BindingRepository, StorageError};

#[async_trait]
impl<K: KeyValue> BindingRepository for KvTenant<K> {
    async fn bindings(&self, trigger: Trigger) -> Result<TriggerBindings> {
        Ok(self.get(&self.keys.bindings(trigger))?.unwrap_or_default())
    }

    async fn replace_bindings(
        &self,
        trigger: Trigger,
        bindings: &[Binding],
        if_match: Option<u64>,
    ) -> Result<TriggerBindings> {
        let bindings = bindings.to_vec();
        self.configure(move |change, keys| {
            let key = keys.bindings(trigger);
            let before: TriggerBindings = change.get(&key)?.unwrap_or_default();
            if if_match.is_some_and(|revision| revision != before.revision) {
                return Err(StorageError::Changed);
            }
            for binding in &bindings {
                let action: Action = change.get(&keys.action(&binding.action_id))?.ok_or(
                    StorageError::NotFound {
                        what: "an action that is to be bound",
                    },
                )?;
                if action.deployed_version.is_none() {
                    let what = "a deployed version of an action that is to be bound";
                    return Err(StorageError::NotFound { what });
                }
            }
            let after = TriggerBindings {
                revision: before.revision + 1,
                bindings,
            };
            change.put(&key, &after)?;
            Ok(after)
        })
        .await
    }
}
