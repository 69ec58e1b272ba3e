//! Why an Action could not go on.

/// What made an Action fail. Anything that is an error, and any text, becomes
/// one with `?` or `.into()`:
///
/// ```
/// fn seats(text: &str) -> actions_sdk::Result<u32> {
///     if text.is_empty() {
///         return Err("the organization has no number of seats".into());
///     }
///     Ok(text.parse()?)
/// }
/// # assert_eq!(seats("12").unwrap(), 12);
/// # assert!(seats("").is_err() && seats("many").is_err());
/// ```
///
/// To fail is not to deny: all that a failed Action asked for is discarded, and
/// its binding's `on_error` decides whether the token is issued. To refuse a
/// token, call `api.access().deny(…)`. The text of the error goes to the
/// execution's report and never to the client.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// What an Action answers: `Ok(())`, or the [`Error`] that it can't go on from.
pub type Result<T> = std::result::Result<T, Error>;

/// The error and its causes in one line, for the execution's report.
#[cfg(any(target_arch = "wasm32", test))]
pub(crate) fn with_causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Outer(std::num::ParseIntError);

    impl std::fmt::Display for Outer {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("the number of seats is wrong")
        }
    }

    impl std::error::Error for Outer {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn the_report_gets_the_error_with_all_its_causes() {
        let error: Error = Outer("x".parse::<u32>().unwrap_err()).into();

        assert_eq!(
            with_causes(&error),
            "the number of seats is wrong: invalid digit found in string"
        );
    }
}
