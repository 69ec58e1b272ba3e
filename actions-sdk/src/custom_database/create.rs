use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{Error, event::Secrets, host::Host};

/// A user whom an admin creates.
pub struct NewUser {
    pub(crate) user: Map<String, Value>,
    pub(crate) password: String,
    pub(crate) host: Host,
}

impl NewUser {
    /// The email address.
    #[must_use]
    pub fn email(&self) -> Option<&str> {
        self.user.get("email")?.as_str()
    }

    /// The user name.
    #[must_use]
    pub fn username(&self) -> Option<&str> {
        self.user.get("username")?.as_str()
    }

    /// The password, which the store is to keep as a hash. It belongs into no log and
    /// no profile.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Any other member that the admin gave, such as `name` or `user_metadata`. `None`
    /// when it isn't there, or isn't a `T`.
    #[must_use]
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_value(self.user.get(name)?.clone()).ok()
    }

    /// The connection's `configuration`: the secrets of its scripts.
    #[must_use]
    pub fn secrets(&self) -> Secrets<'_> {
        Secrets(&self.host)
    }
}

/// Shows nothing of the password, nor of what the user's metadata holds.
impl fmt::Debug for NewUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewUser")
            .field("email", &self.email())
            .field("username", &self.username())
            .finish_non_exhaustive()
    }
}

/// Why there is no new user. Anything that is an error, and any text, becomes
/// `Failed` with `?` or `.into()`.
#[derive(Debug)]
pub enum CreateError {
    /// Somebody has the email address or the user name already.
    UserExists,
    /// The store doesn't want such a user; the text says why, for the record.
    Rejected(String),
    /// It could not be done.
    Failed(Error),
}

impl<E: Into<Error>> From<E> for CreateError {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl NewUser {
    /// A new user for a native test, with the members that an admin would give.
    #[must_use]
    pub fn builder(
        user: Map<String, Value>,
        password: impl Into<String>,
    ) -> crate::testing::ScriptBuilder<Self> {
        let password = password.into();
        crate::testing::ScriptBuilder::new(move |host| Self {
            user,
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
