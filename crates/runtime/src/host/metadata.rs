//! Rules for metadata that an Action sets.

use std::collections::BTreeMap;

use claimsmith_model::{JsonObject, METADATA_BYTES_MAX, Refusal, Trigger};
use serde_json::Value;

use super::commands::not_in_this_trigger;

/// The longest key, in bytes; as in the reference product's transactions.
const KEY_BYTES_MAX: usize = 64;
/// The longest JSON text of one entry of transaction metadata.
const TRANSACTION_VALUE_BYTES_MAX: usize = 8 << 10;
/// Keys and values of a transaction's metadata together, in bytes.
const TRANSACTION_BYTES_MAX: usize = 16 << 10;

/// Checks one entry of `app_metadata` or `user_metadata` against what is there and
/// what this Action has set before.
pub(super) fn user_entry<'a>(
    is_login: bool,
    present: Option<&'a JsonObject>,
    set_before: impl Iterator<Item = (&'a str, &'a Value)>,
    key: &str,
    value_json: &str,
) -> Result<Value, Refusal> {
    if !is_login {
        return Err(not_in_this_trigger("a user", Trigger::CredentialsExchange));
    }
    check_key(key)?;
    check_size(value_json.len(), METADATA_BYTES_MAX)?;
    let value = parse(value_json)?;
    let mut others: BTreeMap<&'a str, &'a Value> = BTreeMap::new();
    let present = present.into_iter().flatten();
    others.extend(present.map(|(name, value)| (name.as_str(), value)));
    others.extend(set_before);
    let bytes = others
        .into_iter()
        .filter(|(name, _)| *name != key)
        .chain([(key, &value)])
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| name.len() + value.to_string().len())
        .sum();
    check_size(bytes, METADATA_BYTES_MAX)?;
    Ok(value)
}

/// Checks one entry of a transaction's metadata.
pub(super) fn transaction_entry(
    present: &JsonObject,
    key: &str,
    value_json: &str,
) -> Result<Value, Refusal> {
    check_key(key)?;
    check_size(value_json.len(), TRANSACTION_VALUE_BYTES_MAX)?;
    let value = parse(value_json)?;
    if matches!(value, Value::Array(_) | Value::Object(_)) {
        return Err(Refusal {
            code: "invalid_value".to_owned(),
            message: "a transaction's metadata holds strings, numbers and booleans only".to_owned(),
            remedy: "store the parts under keys of their own, or a JSON text as a string"
                .to_owned(),
        });
    }
    let others: usize = present
        .iter()
        .filter(|(name, _)| *name != key)
        .map(|(name, value)| name.len() + value.to_string().len())
        .sum();
    check_size(others + key.len() + value_json.len(), TRANSACTION_BYTES_MAX)?;
    Ok(value)
}

fn check_key(key: &str) -> Result<(), Refusal> {
    let is_reserved = key == "__proto__" || key.starts_with('$') || key.contains(['.', '\0']);
    if key.is_empty() || key.len() > KEY_BYTES_MAX || is_reserved {
        return Err(Refusal {
            code: "invalid_key".to_owned(),
            message: format!(
                "a metadata key has 1 to {KEY_BYTES_MAX} bytes, does not begin with `$` and holds \
                 no `.`"
            ),
            remedy: "choose a plain name, such as preferred_contact".to_owned(),
        });
    }
    Ok(())
}

fn check_size(bytes: usize, bytes_max: usize) -> Result<(), Refusal> {
    if bytes > bytes_max {
        return Err(Refusal {
            code: "metadata_too_large".to_owned(),
            message: format!("that makes {bytes} bytes; at most {bytes_max} are stored"),
            remedy: "store less, or keep it in a system of your own".to_owned(),
        });
    }
    Ok(())
}

fn parse(value_json: &str) -> Result<Value, Refusal> {
    serde_json::from_str(value_json).map_err(|error| Refusal {
        code: "invalid_value".to_owned(),
        message: format!("the value is not JSON: {error}"),
        remedy: "pass one JSON value as text, strings in quotation marks".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(result: Result<Value, Refusal>) -> String {
        result.unwrap_err().code
    }

    #[test]
    fn a_transaction_holds_plain_values_up_to_its_size() {
        let empty = JsonObject::new();
        assert_eq!(transaction_entry(&empty, "step", "2"), Ok(Value::from(2)));
        assert_eq!(
            code(transaction_entry(&empty, "step", "[2]")),
            "invalid_value"
        );
        assert_eq!(
            code(transaction_entry(&empty, "step", "two")),
            "invalid_value"
        );

        let long = format!("\"{}\"", "x".repeat(TRANSACTION_VALUE_BYTES_MAX - 2));
        assert!(transaction_entry(&empty, "a", &long).is_ok());
        let mut present = JsonObject::new();
        present.insert(
            "a".to_owned(),
            Value::from("x".repeat(TRANSACTION_VALUE_BYTES_MAX)),
        );
        assert_eq!(
            code(transaction_entry(&present, "b", &long)),
            "metadata_too_large"
        );
    }

    fn user(is_login: bool, key: &str, value_json: &str) -> Result<Value, Refusal> {
        user_entry(is_login, None, std::iter::empty(), key, value_json)
    }

    #[test]
    fn keys_are_plain_names() {
        for key in ["", "$set", "a.b", &"k".repeat(65)] {
            assert_eq!(code(user(true, key, "1")), "invalid_key", "{key}");
        }
        assert!(user(true, &"k".repeat(64), "1").is_ok());
    }

    #[test]
    fn there_is_no_user_at_a_credentials_exchange() {
        assert_eq!(code(user(false, "a", "1")), "not_in_this_trigger");
    }

    #[test]
    fn a_users_metadata_is_bounded_with_what_is_there_and_what_was_set_before() {
        let half = Value::from("x".repeat(METADATA_BYTES_MAX / 2 - 10));
        let present = JsonObject::from_iter([("old".to_owned(), half.clone())]);
        let before = [("new", &half)];
        let set =
            |key: &str, text: &str| user_entry(true, Some(&present), before.into_iter(), key, text);

        assert!(set("other", "1").is_ok());
        assert_eq!(
            code(set("other", "\"twenty characters...\"")),
            "metadata_too_large"
        );
        assert!(set("old", "null").is_ok(), "removing makes room");
    }
}
