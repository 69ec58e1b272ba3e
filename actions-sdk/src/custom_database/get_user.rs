use crate::{event::Secrets, host::Host};

/// A user whom the server wants to know.
#[derive(Debug)]
pub struct Lookup {
    pub(crate) identifier: String,
    pub(crate) host: Host,
}

impl Lookup {
    /// The email address or the user name.
    #[must_use]
    pub fn identifier(&self) -> &str {
        &self.identifier
    }

    /// The connection's `configuration`: the secrets of its scripts.
    #[must_use]
    pub fn secrets(&self) -> Secrets<'_> {
        Secrets(&self.host)
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl Lookup {
    /// A lookup for a native test.
    #[must_use]
    pub fn builder(identifier: impl Into<String>) -> crate::testing::ScriptBuilder<Self> {
        let identifier = identifier.into();
        crate::testing::ScriptBuilder::new(move |host| Self { identifier, host })
    }

    /// What the script has logged and called so far.
    #[must_use]
    pub fn recorded(&self) -> crate::testing::Recorded {
        self.host.state().recorded.clone()
    }
}
