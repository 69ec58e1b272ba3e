//! Values for some limits.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Limit;

/// Values for some limits, of a server, a tenant or an Action. What isn't named is
/// left to others. Stored as an object of numbers by name.
///
/// In memory a value has its limit's place in a list: which limits are in force is
/// asked some thirty times for each token.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(from = "BTreeMap<Limit, u64>", into = "BTreeMap<Limit, u64>")]
pub struct LimitSettings([Option<u64>; Limit::ALL.len()]);

/// Why a limit can't have a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// The value makes no sense.
    #[error(
        "{limit} can't be {value}: it must be {} to {}",
        .limit.spec().lowest, .limit.spec().highest
    )]
    OutOfRange {
        /// The limit.
        limit: Limit,
        /// The value.
        value: u64,
    },
    /// The ceiling is below the default.
    #[error(
        "{limit} has the default {default} and the ceiling {ceiling}; lower the default, or raise \
         the ceiling"
    )]
    CeilingBelowDefault {
        /// The limit.
        limit: Limit,
        /// The default.
        default: u64,
        /// The ceiling.
        ceiling: u64,
    },
    /// The limit has one value for the whole server, and so no ceiling.
    #[error("{0} has one value for the whole server, and so no ceiling; set the value itself")]
    NoCeiling(Limit),
}

impl LimitSettings {
    /// The value of a limit, if it is named.
    #[must_use]
    pub fn get(&self, limit: Limit) -> Option<u64> {
        self.0.get(limit as usize).copied().flatten()
    }

    /// Names a limit.
    ///
    /// # Errors
    /// When the value is below the lowest or above the highest that makes sense.
    pub fn set(&mut self, limit: Limit, value: u64) -> Result<(), LimitError> {
        let spec = limit.spec();
        if !(spec.lowest..=spec.highest).contains(&value) {
            return Err(LimitError::OutOfRange { limit, value });
        }
        self.put(limit, Some(value));
        Ok(())
    }

    /// Leaves a limit to others again.
    pub fn remove(&mut self, limit: Limit) {
        self.put(limit, None);
    }

    /// Whether no limit is named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// The limits that are named, with their values.
    pub fn iter(&self) -> impl Iterator<Item = (Limit, u64)> {
        let values = Limit::ALL.iter().zip(self.0);
        values.filter_map(|(limit, value)| Some((*limit, value?)))
    }

    fn put(&mut self, limit: Limit, value: Option<u64>) {
        // Each limit has a place: the list is as long as that of all limits.
        if let Some(place) = self.0.get_mut(limit as usize) {
            *place = value;
        }
    }
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self([None; Limit::ALL.len()])
    }
}

impl From<BTreeMap<Limit, u64>> for LimitSettings {
    fn from(values: BTreeMap<Limit, u64>) -> Self {
        let mut settings = Self::default();
        for (limit, value) in values {
            settings.put(limit, Some(value));
        }
        settings
    }
}

impl From<LimitSettings> for BTreeMap<Limit, u64> {
    fn from(settings: LimitSettings) -> Self {
        settings.iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_taken_up_to_its_bounds_and_refused_beyond_them_with_both() {
        let mut settings = LimitSettings::default();
        for value in [10, 60_000] {
            settings.set(Limit::DeadlineMs, value).unwrap();
            assert_eq!(settings.get(Limit::DeadlineMs), Some(value));
        }
        for value in [9, 60_001] {
            let error = settings.set(Limit::DeadlineMs, value).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("deadline_ms can't be {value}: it must be 10 to 60000")
            );
        }
        assert_eq!(settings.get(Limit::DeadlineMs), Some(60_000));
    }

    #[test]
    fn each_limit_has_a_value_of_its_own() {
        let mut settings = LimitSettings::default();
        for limit in Limit::ALL {
            settings.set(*limit, limit.spec().lowest).unwrap();
        }
        settings.remove(Limit::LogLines);

        for limit in Limit::ALL {
            let value = (*limit != Limit::LogLines).then_some(limit.spec().lowest);
            assert_eq!(settings.get(*limit), value, "{limit}");
        }
        let expected = Limit::ALL.iter().filter(|limit| **limit != Limit::LogLines);
        assert!(
            settings
                .iter()
                .map(|(limit, _)| limit)
                .eq(expected.copied())
        );
    }

    #[test]
    fn settings_are_stored_by_name_and_an_unknown_name_is_no_setting() {
        let mut settings = LimitSettings::default();
        settings.set(Limit::LogLines, 5).unwrap();
        let text = serde_json::to_string(&settings).unwrap();
        assert_eq!(text, r#"{"log_lines":5}"#);
        assert_eq!(
            serde_json::from_str::<LimitSettings>(&text).unwrap(),
            settings
        );
        assert!(serde_json::from_str::<LimitSettings>(r#"{"lines":5}"#).is_err());
    }
}
