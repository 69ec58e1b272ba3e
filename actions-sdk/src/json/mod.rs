//! Between the contract's JSON texts and the author's types.

mod text;

use serde::{Serialize, de::DeserializeOwned};

use self::text::Mismatch;
use crate::{Refusal, log};

/// What the host gave as JSON text, as the author's type. `None` for what isn't
/// there and for `null`; and for what is of another type, which is logged, since
/// it would otherwise look as if it weren't there.
pub(crate) fn decode<T: DeserializeOwned>(
    what: &str,
    key: &str,
    json: Option<String>,
) -> Option<T> {
    let json = json.filter(|json| json != "null")?;
    match text::read(&json) {
        Ok(value) => Some(value),
        Err(error) => {
            log_mismatch(what, key, &error);
            None
        }
    }
}

/// A value of the author's as JSON text for the host. What can't be written as
/// JSON is logged, so that an author who doesn't look at the refusal sees it too.
pub(crate) fn encode(
    what: &str,
    name: &str,
    value: &(impl Serialize + ?Sized),
) -> Result<String, Refusal> {
    serde_json::to_string(value).map_err(|error| not_json(what, name, &error))
}

#[cold]
fn log_mismatch(what: &str, key: &str, error: &Mismatch) {
    log::warn(
        [
            what,
            " `",
            key,
            "` is not of the type asked for: ",
            &error.to_string(),
        ]
        .concat(),
    );
}

#[cold]
fn not_json(what: &str, name: &str, error: &serde_json::Error) -> Refusal {
    let refusal = Refusal {
        code: "invalid_value".to_owned(),
        message: [
            what,
            " `",
            name,
            "` was given a value that can't be written as JSON: ",
            &error.to_string(),
        ]
        .concat(),
        remedy: "Give it text, a number, a boolean, a list, or a map whose keys are text."
            .to_owned(),
    };
    log::error(refusal.to_string());
    refusal
}
