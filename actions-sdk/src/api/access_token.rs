use serde::Serialize;

use super::reported_by_the_host;
use crate::Refusal;
use crate::host::{Host, command};

/// The access token of a login, about to be signed.
#[derive(Debug)]
pub struct LoginAccessToken<'a>(pub(crate) &'a Host);

impl LoginAccessToken<'_> {
    /// Puts a claim into the access token. The name should be a URL or URN of
    /// your own, such as `https://example.com/role`. Of several writes of one
    /// name the last that is admitted wins.
    pub fn set_custom_claim(&mut self, name: &str, value: impl Serialize) {
        reported_by_the_host(self.try_set_custom_claim(name, value));
    }

    /// Puts a claim into the access token.
    ///
    /// # Errors
    /// Why the claim policy refused it, with the codes `reserved_name`,
    /// `reserved_namespace`, `not_namespaced`, `malformed_namespace`,
    /// `scope_required`, `name_too_long`, `invalid_name`, `invalid_value`,
    /// `value_too_deep`, `token_too_large`, `too_many_claims`.
    pub fn try_set_custom_claim(
        &mut self,
        name: &str,
        value: impl Serialize,
    ) -> Result<(), Refusal> {
        set_custom_claim(self.0, name, &value)
    }

    /// Adds a scope: at most 280 characters, none of them white space, `"` or `\`.
    pub fn add_scope(&mut self, scope: &str) {
        reported_by_the_host(self.try_add_scope(scope));
    }

    /// Adds a scope.
    ///
    /// # Errors
    /// Why it was refused, with the codes `invalid_scope`, `too_many_scopes`.
    pub fn try_add_scope(&mut self, scope: &str) -> Result<(), Refusal> {
        command!(self.0, access_token::add_scope(scope))
    }

    /// Removes a scope; one that isn't there is no error.
    pub fn remove_scope(&mut self, scope: &str) {
        reported_by_the_host(self.try_remove_scope(scope));
    }

    /// Removes a scope.
    ///
    /// # Errors
    /// Why it was refused, with the codes `invalid_scope`, `too_many_scopes`.
    pub fn try_remove_scope(&mut self, scope: &str) -> Result<(), Refusal> {
        command!(self.0, access_token::remove_scope(scope))
    }
}

/// The access token of a client credentials exchange, about to be signed. Its
/// scopes are the target scopes of the transaction.
#[derive(Debug)]
pub struct ExchangeAccessToken<'a>(pub(crate) &'a Host);

impl ExchangeAccessToken<'_> {
    /// Puts a claim into the access token. The name should be a URL or URN of
    /// your own, such as `https://example.com/department`. Of several writes of
    /// one name the last that is admitted wins.
    pub fn set_custom_claim(&mut self, name: &str, value: impl Serialize) {
        reported_by_the_host(self.try_set_custom_claim(name, value));
    }

    /// Puts a claim into the access token.
    ///
    /// # Errors
    /// Why the claim policy refused it; the codes are those of
    /// [`LoginAccessToken::try_set_custom_claim`].
    pub fn try_set_custom_claim(
        &mut self,
        name: &str,
        value: impl Serialize,
    ) -> Result<(), Refusal> {
        set_custom_claim(self.0, name, &value)
    }
}

fn set_custom_claim(host: &Host, name: &str, value: &impl Serialize) -> Result<(), Refusal> {
    let json = crate::json::encode("access token claim", name, value)?;
    command!(host, access_token::set_custom_claim(name, &json))
}
