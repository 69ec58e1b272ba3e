//! `fields` and `include_fields`: which members of an object are wanted.

use std::{borrow::Cow, marker::PhantomData};

use claimsmith_service::ServiceError;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::Value;

use super::{
    error::ApiError,
    query::{FromQuery, Parameters},
};

/// How many names can be given.
const NAMES_MAX: usize = 50;

/// Which members of an object are wanted; all unless some are named.
#[derive(Debug, Default)]
pub(crate) struct FieldFilter {
    names: Vec<String>,
    /// Whether the others are wanted, in place of those that are named.
    are_left_out: bool,
}

impl FromQuery for FieldFilter {
    fn from_query(parameters: &mut Parameters) -> Result<Self, ApiError> {
        let names = parameters.texts("fields", NAMES_MAX)?;
        let include = parameters.flag("include_fields")?.unwrap_or(true);
        Ok(Self {
            names,
            are_left_out: !include,
        })
    }
}

/// A `T` of which members may be left out, for the OpenAPI document.
pub(super) struct Filtered<T>(PhantomData<T>);

impl<T: JsonSchema> JsonSchema for Filtered<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("Filtered{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = T::json_schema(generator);
        schema.remove("required");
        schema
    }
}

impl FieldFilter {
    /// Objects with the members that are wanted.
    pub(crate) fn apply_to_all<T: Serialize>(
        &self,
        objects: impl Iterator<Item = T>,
    ) -> Result<Vec<Value>, ApiError> {
        objects.map(|object| self.apply(&object)).collect()
    }

    /// An object with the members that are wanted.
    pub(crate) fn apply<T: Serialize>(&self, object: &T) -> Result<Value, ApiError> {
        let mut value = serde_json::to_value(object).map_err(ServiceError::internal)?;
        if let Value::Object(members) = &mut value
            && !self.names.is_empty()
        {
            members.retain(|name, _| self.names.contains(name) != self.are_left_out);
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn named_members_are_the_only_ones_or_the_ones_left_out() {
        let filtered = |query: &str| {
            let filter: FieldFilter = Parameters::read(Some(query)).unwrap();
            filter.apply(&json!({ "a": 1, "b": 2, "c": 3 })).unwrap()
        };
        assert_eq!(filtered(""), json!({ "a": 1, "b": 2, "c": 3 }));
        assert_eq!(filtered("fields=a,%20c,x"), json!({ "a": 1, "c": 3 }));
        assert_eq!(
            filtered("fields=a&include_fields=false"),
            json!({ "b": 2, "c": 3 })
        );
        assert_eq!(
            filtered("include_fields=false"),
            json!({ "a": 1, "b": 2, "c": 3 })
        );
        let many = format!("fields={}", vec!["a"; NAMES_MAX + 1].join(","));
        assert!(Parameters::read::<FieldFilter>(Some(&many)).is_err());
    }
}
