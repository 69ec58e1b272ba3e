//! The answer to a call.

use std::fmt;

use serde::de::DeserializeOwned;

use super::{Error, ErrorKind};

/// The answer to a call, whole.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// The status code, such as 200.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether the status says that it went well: 200 to 299.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// A header's first value; `None` when there is none, or none that is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter();
        let (_, value) = values.find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(value).ok()
    }

    /// The body.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.body
    }

    /// The body as text.
    ///
    /// # Errors
    /// When it isn't UTF-8.
    pub fn text(&self) -> Result<&str, Error> {
        let text = std::str::from_utf8(&self.body);
        text.map_err(|_| Error::new(ErrorKind::Broken, "the answer's body is not UTF-8"))
    }

    /// The body's JSON as a type of yours.
    ///
    /// # Errors
    /// When the status is no success, or the body is not such JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        if !self.is_success() {
            let message = ["the answer's status is ", &self.status.to_string()].concat();
            return Err(Error::new(ErrorKind::Broken, message));
        }
        serde_json::from_slice(&self.body).map_err(|error| {
            let message = ["the answer's body is not as expected: ", &error.to_string()].concat();
            Error::new(ErrorKind::Broken, message)
        })
    }
}

/// Shows neither headers nor body: secrets may be in there.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}
