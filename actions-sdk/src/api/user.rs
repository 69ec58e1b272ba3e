use serde::Serialize;

use super::reported_by_the_host;
use crate::Refusal;
use crate::host::{Host, command};

/// The user's stored metadata. The changes of all Actions are written once, at
/// the end of the trigger, also when a later Action denies.
#[derive(Debug)]
pub struct User<'a>(pub(crate) &'a Host);

impl User<'_> {
    /// Sets one key of `app_metadata`, what admins and Actions know of the user;
    /// `None::<T>` or JSON `null` removes it. Later Actions of this trigger see
    /// it in their event.
    pub fn set_app_metadata(&mut self, key: &str, value: impl Serialize) {
        reported_by_the_host(self.try_set_app_metadata(key, value));
    }

    /// Sets one key of `app_metadata`.
    ///
    /// # Errors
    /// Why it was refused, with the codes `invalid_key`, `invalid_value`,
    /// `value_too_deep`, `metadata_too_large`.
    pub fn try_set_app_metadata(
        &mut self,
        key: &str,
        value: impl Serialize,
    ) -> Result<(), Refusal> {
        let json = crate::json::encode("app_metadata key", key, &value)?;
        command!(self.0, user::set_app_metadata(key, &json))
    }

    /// Sets one key of `user_metadata`, what the user chose; `None::<T>` or JSON
    /// `null` removes it. Later Actions of this trigger see it in their event.
    pub fn set_user_metadata(&mut self, key: &str, value: impl Serialize) {
        reported_by_the_host(self.try_set_user_metadata(key, value));
    }

    /// Sets one key of `user_metadata`.
    ///
    /// # Errors
    /// Why it was refused; the codes are those of
    /// [`try_set_app_metadata`](Self::try_set_app_metadata).
    pub fn try_set_user_metadata(
        &mut self,
        key: &str,
        value: impl Serialize,
    ) -> Result<(), Refusal> {
        let json = crate::json::encode("user_metadata key", key, &value)?;
        command!(self.0, user::set_user_metadata(key, &json))
    }
}
