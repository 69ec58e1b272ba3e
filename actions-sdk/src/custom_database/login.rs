use std::fmt;

use crate::{Error, event::Secrets, host::Host};

/// Somebody who wants to log in.
pub struct Login {
    pub(crate) identifier: String,
    pub(crate) password: String,
    pub(crate) host: Host,
}

impl Login {
    /// What they typed: an email address or a user name.
    #[must_use]
    pub fn identifier(&self) -> &str {
        &self.identifier
    }

    /// What they typed as their password. Send it to the store and nowhere else: it
    /// belongs into no log and no profile.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The connection's `configuration`: the secrets of its scripts.
    #[must_use]
    pub fn secrets(&self) -> Secrets<'_> {
        Secrets(&self.host)
    }
}

/// Shows nothing of the password.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("identifier", &self.identifier)
            .finish_non_exhaustive()
    }
}

/// Why there is no profile. Anything that is an error, and any text, becomes
/// `Failed` with `?` or `.into()`.
#[derive(Debug)]
pub enum LoginError {
    /// The user is there and the password is not theirs. The client is told the same
    /// as for an unknown user.
    WrongCredentials,
    /// There is no such user. The client is told the same as for a wrong password.
    UnknownUser,
    /// It could not be found out.
    Failed(Error),
}

impl<E: Into<Error>> From<E> for LoginError {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl Login {
    /// A login for a native test.
    #[must_use]
    pub fn builder(
        identifier: impl Into<String>,
        password: impl Into<String>,
    ) -> crate::testing::ScriptBuilder<Self> {
        let (identifier, password) = (identifier.into(), password.into());
        crate::testing::ScriptBuilder::new(move |host| Self {
            identifier,
            password,
            host,
        })
    }

    /// What the script has logged and called so far.
    #[must_use]
    pub fn recorded(&self) -> crate::testing::Recorded {
        self.host.state().recorded.clone()
    }
}
