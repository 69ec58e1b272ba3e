use serde::Serialize;

use super::reported_by_the_host;
use crate::Refusal;
use crate::host::{Host, command};

/// Changing the login under way.
#[derive(Debug)]
pub struct LoginTransaction<'a>(pub(crate) &'a Host);

impl LoginTransaction<'_> {
    /// Sets one key of the transaction's metadata to text, a number or a boolean;
    /// `None::<T>` removes it. This Action and later ones see it in the event at
    /// once; it is gone with the transaction.
    pub fn set_metadata(&mut self, key: &str, value: impl Serialize) {
        reported_by_the_host(self.try_set_metadata(key, value));
    }

    /// Sets one key of the transaction's metadata.
    ///
    /// # Errors
    /// Why it was refused, with the codes `invalid_key`, `invalid_value`,
    /// `metadata_too_large`.
    pub fn try_set_metadata(&mut self, key: &str, value: impl Serialize) -> Result<(), Refusal> {
        set_metadata(self.0, key, &value)
    }
}

/// Changing the client credentials exchange under way.
#[derive(Debug)]
pub struct ExchangeTransaction<'a>(pub(crate) &'a Host);

impl ExchangeTransaction<'_> {
    /// Sets one key of the transaction's metadata to text, a number or a boolean;
    /// `None::<T>` removes it. This Action and later ones see it in the event at
    /// once; it is gone with the transaction.
    pub fn set_metadata(&mut self, key: &str, value: impl Serialize) {
        reported_by_the_host(self.try_set_metadata(key, value));
    }

    /// Sets one key of the transaction's metadata.
    ///
    /// # Errors
    /// Why it was refused; the codes are those of
    /// [`LoginTransaction::try_set_metadata`].
    pub fn try_set_metadata(&mut self, key: &str, value: impl Serialize) -> Result<(), Refusal> {
        set_metadata(self.0, key, &value)
    }

    /// Adds a scope to those of the access token. The client's grant must hold it.
    pub fn add_target_scope(&mut self, scope: &str) {
        reported_by_the_host(self.try_add_target_scope(scope));
    }

    /// Adds a scope to those of the access token.
    ///
    /// # Errors
    /// Why it was refused, with the codes `invalid_scope`, `scope_not_granted`,
    /// `too_many_scopes`.
    pub fn try_add_target_scope(&mut self, scope: &str) -> Result<(), Refusal> {
        command!(self.0, transaction::add_target_scope(scope))
    }

    /// Removes a scope from those of the access token; one that isn't there is no
    /// error.
    pub fn remove_target_scope(&mut self, scope: &str) {
        reported_by_the_host(self.try_remove_target_scope(scope));
    }

    /// Removes a scope from those of the access token.
    ///
    /// # Errors
    /// Why it was refused; the codes are those of
    /// [`try_add_target_scope`](Self::try_add_target_scope).
    pub fn try_remove_target_scope(&mut self, scope: &str) -> Result<(), Refusal> {
        command!(self.0, transaction::remove_target_scope(scope))
    }

    /// Replaces the scopes of the access token: either all are taken or none.
    pub fn set_target_scopes<S: Into<String>>(&mut self, scopes: impl IntoIterator<Item = S>) {
        reported_by_the_host(self.try_set_target_scopes(scopes));
    }

    /// Replaces the scopes of the access token.
    ///
    /// # Errors
    /// Why none of them was taken; the codes are those of
    /// [`try_add_target_scope`](Self::try_add_target_scope).
    pub fn try_set_target_scopes<S: Into<String>>(
        &mut self,
        scopes: impl IntoIterator<Item = S>,
    ) -> Result<(), Refusal> {
        let scopes: Vec<String> = scopes.into_iter().map(Into::into).collect();
        command!(self.0, transaction::set_target_scopes(&scopes))
    }
}

fn set_metadata(host: &Host, key: &str, value: &impl Serialize) -> Result<(), Refusal> {
    let json = crate::json::encode("transaction metadata key", key, value)?;
    command!(host, transaction::set_metadata(key, &json))
}
