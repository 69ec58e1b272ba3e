//! Measuring and parsing claim values, within bounds.

use std::io;

use claimsmith_model::Refusal;
use serde::Serialize;
use serde_json::Value;

use crate::{RefusalCode, VALUE_DEPTH_MAX, VALUE_TEXT_BYTES_MAX, spelling::shown};

/// Parses the JSON text that a guest wrote for the claim `name`.
///
/// Length and depth are looked at before anything is parsed.
pub(crate) fn parse(name: &str, text: &str) -> Result<Value, Refusal> {
    if text.len() > VALUE_TEXT_BYTES_MAX {
        return Err(RefusalCode::TokenTooLarge.because(
            format!(
                "the value of `{}` is {} bytes of JSON text; at most {VALUE_TEXT_BYTES_MAX} are read",
                shown(name),
                text.len()
            ),
            "put less into the token, such as an identifier by which the API finds the rest",
        ));
    }
    if json_depth(text) > VALUE_DEPTH_MAX {
        return Err(too_deep(name));
    }
    serde_json::from_str(text).map_err(|error| invalid(name, &error))
}

/// The bytes that a claim takes: its name and its value as compact JSON text. Stops
/// counting beyond `limit` and answers `None`.
pub(crate) fn measure(name: &str, value: &Value, limit: usize) -> Result<Option<Measure>, Refusal> {
    if !is_within_depth(value, VALUE_DEPTH_MAX) {
        return Err(too_deep(name));
    }
    let Some(value_bytes) = json_bytes(value, limit) else {
        return Ok(None);
    };
    let Some(name_bytes) = json_bytes(name, limit - value_bytes) else {
        return Ok(None);
    };
    Ok(Some(Measure {
        value_bytes,
        claim_bytes: name_bytes + value_bytes,
    }))
}

/// What a claim takes, in bytes of compact JSON text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measure {
    /// The value alone.
    pub(crate) value_bytes: usize,
    /// Name and value.
    pub(crate) claim_bytes: usize,
}

/// The length of something as compact JSON, found without building the text.
fn json_bytes<T: Serialize + ?Sized>(value: &T, limit: usize) -> Option<usize> {
    let mut counter = Counter { left: limit };
    serde_json::to_writer(&mut counter, value).ok()?;
    Some(limit - counter.left)
}

/// A writer that keeps nothing and fails beyond its limit.
struct Counter {
    left: usize,
}

impl io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.left = self
            .left
            .checked_sub(bytes.len())
            .ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether a value is nested at most so many levels. Goes no deeper than that itself.
fn is_within_depth(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => {
            levels > 0 && items.iter().all(|item| is_within_depth(item, levels - 1))
        }
        Value::Object(members) => {
            levels > 0
                && members
                    .values()
                    .all(|member| is_within_depth(member, levels - 1))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

/// How deep the brackets of a JSON text are nested, at their deepest; 0 for a text, a
/// number, or what is no JSON at all. Goes over the text once and keeps nothing.
#[must_use]
pub fn json_depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    let (mut in_string, mut escaped) = (false, false);
    for byte in text.bytes() {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn too_deep(name: &str) -> Refusal {
    RefusalCode::ValueTooDeep.because(
        format!(
            "the value of `{}` is nested deeper than {VALUE_DEPTH_MAX} levels",
            shown(name)
        ),
        "flatten the value, or put it into several claims",
    )
}

fn invalid(name: &str, error: &serde_json::Error) -> Refusal {
    // The value itself isn't repeated: it may be personal, or a secret.
    RefusalCode::InvalidValue.because(
        format!("the value of `{}` isn't JSON: {error}", shown(name)),
        "write one JSON value, such as \"admin\" (a text with its quotes), 42, true or [\"a\",\"b\"]",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_claims_size_is_that_of_its_compact_json_text() {
        for value in [
            json!(null),
            json!("ä\n\""),
            json!([1, 2.5, {"a": []}]),
            json!(true),
            json!(-17),
        ] {
            let measure = measure("na\"me", &value, 1_000).unwrap().unwrap();

            assert_eq!(measure.value_bytes, value.to_string().len());
            assert_eq!(
                measure.claim_bytes,
                value.to_string().len() + r#""na\"me""#.len()
            );
        }
    }

    #[test]
    fn measuring_stops_at_the_limit() {
        // `"n"` and `"abc"` take 3 and 5 bytes.
        assert!(measure("n", &json!("abc"), 8).unwrap().is_some());
        assert!(measure("n", &json!("abc"), 7).unwrap().is_none());
        assert!(measure("n", &json!("abc"), 4).unwrap().is_none());
    }

    #[test]
    fn values_nested_up_to_the_limit_are_taken_and_no_deeper() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse("n", &nested(VALUE_DEPTH_MAX)).is_ok());
        assert_eq!(
            parse("n", &nested(VALUE_DEPTH_MAX + 1)).unwrap_err().code,
            "value_too_deep"
        );
        assert_eq!(
            parse("n", &"[".repeat(100_000)).unwrap_err().code,
            "value_too_deep"
        );

        let value: Value = serde_json::from_str(&nested(VALUE_DEPTH_MAX + 1)).unwrap();
        assert_eq!(
            measure("n", &value, 1_000).unwrap_err().code,
            "value_too_deep"
        );
        let value: Value = serde_json::from_str(&nested(VALUE_DEPTH_MAX)).unwrap();
        assert!(measure("n", &value, 1_000).unwrap().is_some());
    }

    #[test]
    fn brackets_inside_texts_are_no_nesting() {
        let text = format!(r#""\"{}""#, "[".repeat(100));

        assert!(parse("n", &text).is_ok());
    }

    #[test]
    fn text_up_to_the_limit_is_read_and_no_longer() {
        let padded = |bytes: usize| format!("1{}", " ".repeat(bytes - 1));

        assert_eq!(parse("n", &padded(VALUE_TEXT_BYTES_MAX)).unwrap(), json!(1));
        assert_eq!(
            parse("n", &padded(VALUE_TEXT_BYTES_MAX + 1))
                .unwrap_err()
                .code,
            "token_too_large"
        );
    }

    #[test]
    fn what_is_not_json_is_refused_without_repeating_it() {
        for text in [
            "",
            "hunter2",
            "{",
            "undefined",
            "NaN",
            "1e999",
            "'x'",
            "1 2",
            "\"\\ud800\"",
        ] {
            assert_eq!(
                parse("n", text).unwrap_err().code,
                "invalid_value",
                "{text}"
            );
        }
        let refusal = parse("n", "hunter2").unwrap_err();
        assert!(!format!("{refusal:?}").contains("hunter2"), "{refusal:?}");
    }
}
