//! How deep the values that an Action hands over may be nested.

use claimsmith_claims::{RefusalCode, json_depth};
use claimsmith_model::Refusal;

/// Refuses a JSON text that is nested deeper than so many levels, before anything
/// parses it.
pub(crate) fn check_depth(value_json: &str, levels_max: usize) -> Result<(), Refusal> {
    if json_depth(value_json) <= levels_max {
        return Ok(());
    }
    Err(Refusal {
        code: RefusalCode::ValueTooDeep.as_str().to_owned(),
        message: format!("the value is nested deeper than {levels_max} levels"),
        remedy: "flatten the value, or put it under several names".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_may_be_nested_as_deep_as_the_limit_and_no_deeper() {
        for (fits, too_deep) in [("1", "[1]"), (r#"{"a":"[[["}"#, r#"{"a":[]}"#)] {
            let levels = json_depth(fits);
            assert_eq!(check_depth(fits, levels), Ok(()));
            let refusal = check_depth(too_deep, levels).unwrap_err();
            assert_eq!(refusal.code, "value_too_deep");
        }
    }
}
