//! What the host did not take.

/// A command that the host refused, with what to do about it.
///
/// The Action goes on, and the refusal is in the execution's report whether the
/// Action looks at it or not.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// A stable, lower-case word such as `reserved_namespace`. The set of codes
    /// grows: treat one that you don't know as "refused".
    pub code: String,
    /// One sentence: what was refused, and by which rule.
    pub message: String,
    /// One sentence: what to write instead, or which setting to change.
    pub remedy: String,
}

impl Refusal {
    /// A refusal, for a test that wants one from
    /// [`EventBuilder::refuse_claim`](crate::testing::EventBuilder::refuse_claim).
    #[cfg(not(target_arch = "wasm32"))]
    #[must_use]
    pub fn new(
        code: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            remedy: remedy.into(),
        }
    }
}

/// Code, message and remedy in one line, fit for the log.
impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for part in [&self.code, ": ", &self.message, " ", &self.remedy] {
            f.write_str(part)?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}
