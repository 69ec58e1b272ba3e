//! Reading what an admin sends: JSON objects, property by property, every one of
//! them bounded, and those that nobody reads refused by name.
//!
//! A *shape* is a function from a JSON value to what it means. Shapes are put
//! together: `list(0..=30, text(1..=255))` reads up to thirty texts. The texts of
//! problems are the reference product's, so that its tools explain them.

use std::{collections::BTreeMap, fmt, ops::RangeInclusive, str::FromStr};

use claimsmith_model::JsonObject;
use serde_json::Value;

use crate::ServiceError;

/// How many unknown properties an error names.
const UNKNOWN_SHOWN_MAX: usize = 10;
/// How many characters of a wrong value or name an error shows.
const SHOWN_CHARS_MAX: usize = 100;

/// What is wrong with a property.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    property: String,
    what: String,
}

pub(crate) type Read<T> = Result<T, Problem>;

impl Problem {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self {
            property: String::new(),
            what: what.into(),
        }
    }

    /// The problem as seen from the object or list that holds the value.
    pub(crate) fn under(mut self, place: &str) -> Self {
        let dot = if self.property.is_empty() || self.property.starts_with('[') {
            ""
        } else {
            "."
        };
        self.property = format!("{place}{dot}{}", self.property);
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}'", self.what)?;
        if self.property.is_empty() {
            Ok(())
        } else {
            write!(f, " on property {}", self.property)
        }
    }
}

impl From<Problem> for ServiceError {
    fn from(problem: Problem) -> Self {
        Self::invalid_body(problem)
    }
}

/// The properties of an object that have not been read yet.
#[derive(Debug)]
pub(crate) struct Fields(JsonObject);

impl Fields {
    pub(crate) fn new(object: JsonObject) -> Self {
        Self(object)
    }

    /// Whether the property is there, be it `null`.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A property; `None` when it is absent or `null`.
    pub(crate) fn optional<T>(
        &mut self,
        name: &str,
        shape: impl FnOnce(Value) -> Read<T>,
    ) -> Read<Option<T>> {
        let value = self.0.shift_remove(name).filter(|value| !value.is_null());
        value
            .map(shape)
            .transpose()
            .map_err(|problem| problem.under(name))
    }

    /// A property that must be there.
    pub(crate) fn required<T>(
        &mut self,
        name: &str,
        shape: impl FnOnce(Value) -> Read<T>,
    ) -> Read<T> {
        let value = self.0.shift_remove(name);
        let value =
            value.ok_or_else(|| Problem::new(format!("Missing required property: {name}")))?;
        shape(value).map_err(|problem| problem.under(name))
    }

    /// Puts a property where it belongs; when it is absent, what is there stays.
    pub(crate) fn set<T>(
        &mut self,
        name: &str,
        place: &mut T,
        shape: impl FnOnce(Value) -> Read<T>,
    ) -> Read<()> {
        if self.has(name) {
            *place = self.required(name, shape)?;
        }
        Ok(())
    }

    /// Puts a property where it belongs; `null` empties the place, and when the
    /// property is absent, what is there stays.
    pub(crate) fn set_optional<T>(
        &mut self,
        name: &str,
        place: &mut Option<T>,
        shape: impl FnOnce(Value) -> Read<T>,
    ) -> Read<()> {
        if self.has(name) {
            *place = self.optional(name, shape)?;
        }
        Ok(())
    }

    /// What is left.
    pub(crate) fn into_rest(self) -> JsonObject {
        self.0
    }

    /// Refuses what is left: nobody reads it, and whoever sent it thinks otherwise.
    pub(crate) fn finish(self) -> Read<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let names: Vec<_> = self
            .0
            .keys()
            .take(UNKNOWN_SHOWN_MAX)
            .map(|name| shown(name))
            .collect();
        Err(Problem::new(format!(
            "Additional properties not allowed: {}",
            names.join(", ")
        )))
    }
}

/// A text of that many characters.
pub(crate) fn text(chars: RangeInclusive<usize>) -> impl Fn(Value) -> Read<String> {
    move |value| match value {
        Value::String(text) => {
            length(text.chars().count(), &chars, "String", "chars")?;
            Ok(text)
        }
        other => Err(wrong_type("string", &other)),
    }
}

/// A text of that many characters that passes a check; `hint` says what it checks.
pub(crate) fn text_where(
    chars: RangeInclusive<usize>,
    check: impl Fn(&str) -> bool,
    hint: &str,
) -> impl Fn(Value) -> Read<String> {
    let text = text(chars);
    move |value| {
        let text = text(value)?;
        if check(&text) {
            Ok(text)
        } else {
            Err(Problem::new(format!("`{}`: {hint}", shown(&text))))
        }
    }
}

/// A text that stands for something else, such as an identifier.
pub(crate) fn parsed<T: FromStr<Err: fmt::Display>>(value: Value) -> Read<T> {
    match value {
        Value::String(text) => text
            .parse()
            .map_err(|error| Problem::new(format!("`{}`: {error}", shown(&text)))),
        other => Err(wrong_type("string", &other)),
    }
}

/// One of the texts, which stands for what is beside it.
pub(crate) fn one_of<T: Copy>(choices: &[(&'static str, T)]) -> impl Fn(Value) -> Read<T> {
    move |value| {
        let Value::String(text) = value else {
            return Err(wrong_type("string", &value));
        };
        let found = choices.iter().find(|(name, _)| *name == text);
        found.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
            let text = shown(&text);
            Problem::new(format!(
                "No enum match for: {text}; there are {}",
                names.join(", ")
            ))
        })
    }
}

/// `true` or `false`.
pub(crate) fn flag(value: Value) -> Read<bool> {
    match value {
        Value::Bool(flag) => Ok(flag),
        other => Err(wrong_type("boolean", &other)),
    }
}

/// A whole number within bounds.
pub(crate) fn integer(bounds: RangeInclusive<u32>) -> impl Fn(Value) -> Read<u32> {
    move |value| {
        let number = value
            .as_u64()
            .ok_or_else(|| wrong_type("integer", &value))?;
        let number = u32::try_from(number)
            .ok()
            .filter(|number| bounds.contains(number));
        number.ok_or_else(|| {
            let (min, max) = (bounds.start(), bounds.end());
            Problem::new(format!("Value is out of range: it must be {min} to {max}"))
        })
    }
}

/// A list of that many items.
pub(crate) fn list<T>(
    items: RangeInclusive<usize>,
    shape: impl Fn(Value) -> Read<T>,
) -> impl Fn(Value) -> Read<Vec<T>> {
    move |value| {
        let Value::Array(values) = value else {
            return Err(wrong_type("array", &value));
        };
        length(values.len(), &items, "Array", "items")?;
        let read = |(index, value)| {
            shape(value).map_err(|problem: Problem| problem.under(&format!("[{index}]")))
        };
        values.into_iter().enumerate().map(read).collect()
    }
}

/// A list of that many different items.
pub(crate) fn set_of<T: PartialEq + fmt::Debug>(
    items: RangeInclusive<usize>,
    shape: impl Fn(Value) -> Read<T>,
) -> impl Fn(Value) -> Read<Vec<T>> {
    let list = list(items, shape);
    move |value| {
        let items = list(value)?;
        for (index, item) in items.iter().enumerate() {
            if items.iter().take(index).any(|earlier| earlier == item) {
                return Err(
                    Problem::new("it stands in the list twice").under(&format!("[{index}]"))
                );
            }
        }
        Ok(items)
    }
}

/// An object read property by property. Properties that `read` leaves are refused.
pub(crate) fn object<T>(read: impl Fn(&mut Fields) -> Read<T>) -> impl Fn(Value) -> Read<T> {
    move |value| {
        let mut fields = Fields::new(open_object(value)?);
        let read = read(&mut fields)?;
        fields.finish()?;
        Ok(read)
    }
}

/// An object with whatever in it.
pub(crate) fn open_object(value: Value) -> Read<JsonObject> {
    match value {
        Value::Object(object) => Ok(object),
        other => Err(wrong_type("object", &other)),
    }
}

/// An object of texts: open metadata of the reference product's kind.
pub(crate) fn texts_by_key(
    entries_max: usize,
    chars_max: usize,
) -> impl Fn(Value) -> Read<BTreeMap<String, String>> {
    move |value| {
        let object = open_object(value)?;
        length(object.len(), &(0..=entries_max), "Object", "properties")?;
        let read = |(key, value): (String, Value)| {
            let at = |problem: Problem| problem.under(&shown(&key));
            length(key.chars().count(), &(1..=chars_max), "Key", "chars").map_err(at)?;
            let value = text(0..=chars_max)(value).map_err(at)?;
            Ok((key, value))
        };
        object.into_iter().map(read).collect()
    }
}

/// The beginning of a text, for an error.
pub(crate) fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARS_MAX).collect()
}

fn length(found: usize, allowed: &RangeInclusive<usize>, what: &str, unit: &str) -> Read<()> {
    if found < *allowed.start() {
        let min = allowed.start();
        Err(Problem::new(format!(
            "{what} is too short ({found} {unit}), minimum {min}"
        )))
    } else if found > *allowed.end() {
        let max = allowed.end();
        Err(Problem::new(format!(
            "{what} is too long ({found} {unit}), maximum {max}"
        )))
    } else {
        Ok(())
    }
}

fn wrong_type(expected: &str, found: &Value) -> Problem {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    Problem::new(format!("Expected type {expected} but found type {found}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(value: Value) -> Fields {
        Fields::new(open_object(value).unwrap())
    }

    fn refusal<T: fmt::Debug>(read: Read<T>) -> String {
        read.unwrap_err().to_string()
    }

    #[test]
    fn a_property_that_nobody_reads_is_refused_by_name() {
        let mut given = fields(json!({ "name": "a", "foo": 1, "bar": 2 }));
        assert_eq!(given.required("name", text(1..=5)).unwrap(), "a");
        assert_eq!(
            refusal(given.finish()),
            "'Additional properties not allowed: foo, bar'"
        );
    }

    #[test]
    fn a_text_is_counted_in_characters_and_held_to_its_bounds() {
        let two = text(1..=2);
        assert_eq!(two(json!("éé")).unwrap(), "éé");
        assert_eq!(
            refusal(two(json!("ééé"))),
            "'String is too long (3 chars), maximum 2'"
        );
        assert_eq!(
            refusal(two(json!(""))),
            "'String is too short (0 chars), minimum 1'"
        );
        assert_eq!(
            refusal(two(json!(1))),
            "'Expected type string but found type number'"
        );
    }

    #[test]
    fn a_problem_names_the_place_of_the_value() {
        let mut given = fields(json!({ "scopes": [{ "value": "a" }, { "value": 1 }] }));
        let scope = object(|scope| scope.required("value", text(1..=5)));
        assert_eq!(
            refusal(given.required("scopes", list(0..=5, scope))),
            "'Expected type string but found type number' on property scopes[1].value"
        );
    }

    #[test]
    fn null_empties_an_optional_property_and_is_refused_for_another() {
        let mut given = fields(json!({ "description": null, "name": null }));
        let (mut description, mut name) = (Some("old".to_owned()), "old".to_owned());
        given
            .set_optional("description", &mut description, text(0..=5))
            .unwrap();
        assert_eq!(description, None);
        assert_eq!(
            refusal(given.set("name", &mut name, text(0..=5))),
            "'Expected type string but found type null' on property name"
        );
        assert_eq!(name, "old");
    }

    #[test]
    fn an_absent_property_leaves_what_is_there() {
        let mut name = "old".to_owned();
        fields(json!({}))
            .set("name", &mut name, text(0..=5))
            .unwrap();
        assert_eq!(name, "old");
    }

    #[test]
    fn a_choice_names_those_that_there_are() {
        let choice = one_of(&[("deny", 1), ("continue", 2)]);
        assert_eq!(choice(json!("continue")).unwrap(), 2);
        assert_eq!(
            refusal(choice(json!("x"))),
            "'No enum match for: x; there are deny, continue'"
        );
    }

    #[test]
    fn a_number_is_whole_and_within_its_bounds() {
        let number = integer(1..=10);
        assert_eq!(number(json!(10)).unwrap(), 10);
        for wrong in [
            json!(0),
            json!(11),
            json!(1.5),
            json!(-1),
            json!(u64::MAX),
            json!("1"),
        ] {
            assert!(number(wrong).is_err());
        }
    }

    #[test]
    fn metadata_is_bounded_in_entries_and_characters() {
        let metadata = texts_by_key(2, 3);
        assert_eq!(metadata(json!({ "a": "xyz", "b": "" })).unwrap().len(), 2);
        for wrong in [
            json!({ "a": "", "b": "", "c": "" }),
            json!({ "a": "wxyz" }),
            json!({ "abcd": "" }),
            json!({ "": "" }),
            json!({ "a": 1 }),
        ] {
            assert!(metadata(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_set_has_nothing_twice() {
        let set = set_of(0..=3, text(1..=5));
        assert!(set(json!(["a", "b"])).is_ok());
        assert_eq!(
            refusal(set(json!(["a", "a"]))),
            "'it stands in the list twice' on property [1]"
        );
    }
}
