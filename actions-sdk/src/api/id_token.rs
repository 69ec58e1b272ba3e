use serde::Serialize;

use super::reported_by_the_host;
use crate::Refusal;
use crate::host::{Host, command};

/// The ID token about to be signed.
#[derive(Debug)]
pub struct IdToken<'a>(pub(crate) &'a Host);

impl IdToken<'_> {
    /// Puts a claim into the ID token, and into what `/userinfo` answers. The
    /// name should be a URL or URN of your own.
    pub fn set_custom_claim(&mut self, name: &str, value: impl Serialize) {
        reported_by_the_host(self.try_set_custom_claim(name, value));
    }

    /// Puts a claim into the ID token, and into what `/userinfo` answers.
    ///
    /// # Errors
    /// Why the claim policy refused it; the codes are those of
    /// [`LoginAccessToken::try_set_custom_claim`](super::LoginAccessToken::try_set_custom_claim).
    pub fn try_set_custom_claim(
        &mut self,
        name: &str,
        value: impl Serialize,
    ) -> Result<(), Refusal> {
        let json = crate::json::encode("ID token claim", name, &value)?;
        command!(self.0, id_token::set_custom_claim(name, &json))
    }
}
