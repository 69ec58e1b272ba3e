//! Reading what an admin sends: JSON objects, property by property, every one of
//! them bounded, and those that nobody reads refused by name.
//!
//! A *shape* is a function from a JSON value to what it means. Shapes are put
//! together: `list(0..=30, text(1..=255))` reads up to thirty texts. The texts of
//! problems are the reference product's, so that its tools explain them.
//!
//! What is read can also be [described](crate::description), by the same code. `null`
//! is something that no shape takes, and the problem says what it takes instead. So a
//! shape that takes whatever there is takes `null`, too; and one that a required
//! property has must take a [sample] of what it says.

use std::{collections::BTreeMap, fmt, ops::RangeInclusive, str::FromStr};

use claimsmith_model::JsonObject;
use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use crate::{
    ServiceError,
    description::{self, sample},
    error,
};

/// How many unknown properties an error names.
const UNKNOWN_SHOWN_MAX: usize = 10;
/// How many characters of a wrong value or name an error shows.
const SHOWN_CHARS_MAX: usize = 100;

/// What is wrong with a body that was never to be read.
const ONLY_DESCRIBED: &str = "it was only to be described";

/// What is wrong with a property.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    property: String,
    what: String,
    /// The JSON Schema of what would be taken, when it was asked for.
    expected: Option<Value>,
}

pub(crate) type Read<T> = Result<T, Problem>;

impl Problem {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self {
            property: String::new(),
            what: what.into(),
            expected: None,
        }
    }

    /// The problem in other words.
    pub(crate) fn put(mut self, words: impl FnOnce(&Self) -> String) -> Self {
        let what = words(&self);
        self.property.clear();
        Self { what, ..self }
    }

    /// Says one thing more of what would be taken, to those who ask.
    pub(crate) fn and_expects(mut self, keyword: &str, value: impl FnOnce() -> Value) -> Self {
        if let Some(Value::Object(schema)) = &mut self.expected {
            schema.insert(keyword.to_owned(), value());
        }
        self
    }

    /// Says what would be taken, to those who ask for a description.
    pub(crate) fn unlike(mut self, schema: impl FnOnce() -> Value) -> Self {
        self.expected = description::is_asked_for().then(schema);
        self
    }

    /// The problem as seen from the object or list that holds the value.
    pub(crate) fn under(mut self, place: &str) -> Self {
        self.property = error::under(place, &self.property);
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&error::problem(&self.what, &self.property))
    }
}

impl From<Problem> for ServiceError {
    fn from(problem: Problem) -> Self {
        Self::InvalidBody {
            what: problem.what,
            property: problem.property,
        }
    }
}

/// The properties of an object that have not been read yet.
#[derive(Debug)]
pub(crate) struct Fields {
    unread: JsonObject,
    /// The properties that were asked for, when the object is to be described.
    described: Option<Described>,
}

/// The properties of an object, and which of them must be there.
#[derive(Debug, Default)]
struct Described {
    properties: Map<String, Value>,
    required: Vec<String>,
}

impl Described {
    /// Notes a property that has the shape.
    fn note<T>(
        &mut self,
        name: &str,
        nullable: bool,
        shape: impl FnOnce(Value) -> Read<T>,
    ) -> Value {
        let schema = match shape(Value::Null) {
            Ok(_) => json!({}),
            Err(problem) => problem.expected.unwrap_or_else(|| json!({})),
        };
        let shown = if nullable {
            or_null(schema.clone())
        } else {
            schema.clone()
        };
        self.properties.insert(name.to_owned(), shown);
        schema
    }

    fn into_schema(self) -> Value {
        let mut schema = Map::new();
        schema.insert("type".to_owned(), json!("object"));
        schema.insert("properties".to_owned(), json!(self.properties));
        if !self.required.is_empty() {
            schema.insert("required".to_owned(), json!(self.required));
        }
        schema.insert("additionalProperties".to_owned(), json!(false));
        Value::Object(schema)
    }
}

/// What takes `null` beside what the schema does.
fn or_null(mut schema: Value) -> Value {
    if schema == json!({}) {
        // It takes whatever there is.
        return schema;
    }
    match schema.get_mut("type") {
        Some(of_type) if of_type.is_string() => *of_type = json!([of_type.take(), "null"]),
        _ => return json!({ "anyOf": [schema, { "type": "null" }] }),
    }
    if let Some(Value::Array(choices)) = schema.get_mut("enum") {
        choices.push(Value::Null);
    }
    schema
}

impl Fields {
    /// The properties of a whole body, to be read, or described when that is asked for.
    pub(crate) fn new(object: JsonObject) -> Self {
        Self {
            unread: object,
            described: description::is_asked_for().then(Described::default),
        }
    }

    /// The properties of an object within something else.
    fn reading(object: JsonObject) -> Self {
        Self {
            unread: object,
            described: None,
        }
    }

    /// Whether the property is there, be it `null`. One that is to be described is.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.described.is_some() || self.unread.contains_key(name)
    }

    /// A property; `None` when it is absent or `null`.
    pub(crate) fn optional<T>(
        &mut self,
        name: &str,
        shape: impl FnOnce(Value) -> Read<T>,
    ) -> Read<Option<T>> {
        if let Some(described) = &mut self.described {
            described.note(name, true, shape);
            return Ok(None);
        }
        let value = self.unread.shift_remove(name);
        let value = value.filter(|value| !value.is_null());
        value
            .map(shape)
            .transpose()
            .map_err(|problem| problem.under(name))
    }

    /// A property that must be there.
    pub(crate) fn required<T>(&mut self, name: &str, shape: impl Fn(Value) -> Read<T>) -> Read<T> {
        if let Some(described) = &mut self.described {
            let schema = described.note(name, false, &shape);
            described.required.push(name.to_owned());
            let read = shape(sample(&schema)).map_err(|problem| problem.under(name));
            return read.inspect_err(description::fail);
        }
        let value = self.unread.shift_remove(name);
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
        if let Some(described) = &mut self.described {
            described.note(name, false, shape);
        } else if let Some(value) = self.unread.shift_remove(name) {
            *place = shape(value).map_err(|problem| problem.under(name))?;
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
        self.unread
    }

    /// Refuses what is left: nobody reads it, and whoever sent it thinks otherwise.
    pub(crate) fn finish(self) -> Read<()> {
        if let Some(described) = self.described {
            description::give(described.into_schema());
            return Err(Problem::new(ONLY_DESCRIBED));
        }
        if self.unread.is_empty() {
            return Ok(());
        }
        let names: Vec<_> = self
            .unread
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
        other => Err(wrong_type("string", &other).unlike(
            || json!({ "type": "string", "minLength": chars.start(), "maxLength": chars.end() }),
        )),
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
pub(crate) fn parsed<T: FromStr<Err: fmt::Display> + JsonSchema>(value: Value) -> Read<T> {
    match value {
        Value::String(text) => text
            .parse()
            .map_err(|error| Problem::new(format!("`{}`: {error}", shown(&text)))),
        other => Err(wrong_type("string", &other).unlike(description::of::<T>)),
    }
}

/// One of the texts, which stands for what is beside it.
pub(crate) fn one_of<T: Copy>(choices: &[(&'static str, T)]) -> impl Fn(Value) -> Read<T> {
    move |value| {
        let Value::String(text) = value else {
            let names = || choices.iter().map(|(name, _)| *name).collect::<Vec<_>>();
            return Err(wrong_type("string", &value)
                .unlike(|| json!({ "type": "string", "enum": names() })));
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
        other => Err(wrong_type("boolean", &other).unlike(|| json!({ "type": "boolean" }))),
    }
}

/// A whole number within bounds.
pub(crate) fn integer(bounds: RangeInclusive<u32>) -> impl Fn(Value) -> Read<u32> {
    move |value| {
        let number = value.as_u64().ok_or_else(|| {
            let (min, max) = (bounds.start(), bounds.end());
            wrong_type("integer", &value)
                .unlike(|| json!({ "type": "integer", "minimum": min, "maximum": max }))
        })?;
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
            return Err(wrong_type("array", &value).unlike(|| array(&items, &shape)));
        };
        length(values.len(), &items, "Array", "items")?;
        let read = |(index, value)| {
            shape(value).map_err(|problem: Problem| problem.under(&format!("[{index}]")))
        };
        values.into_iter().enumerate().map(read).collect()
    }
}

/// The schema of a list. Its sample is as short as the list may be.
fn array<T>(items: &RangeInclusive<usize>, shape: impl Fn(Value) -> Read<T>) -> Value {
    let of_items = shape(Value::Null)
        .err()
        .and_then(|problem| problem.expected);
    json!({
        "type": "array",
        "items": of_items.unwrap_or_else(|| json!({})),
        "minItems": items.start(),
        "maxItems": items.end(),
    })
}

/// A list of that many different items.
pub(crate) fn set_of<T: PartialEq + fmt::Debug>(
    items: RangeInclusive<usize>,
    shape: impl Fn(Value) -> Read<T>,
) -> impl Fn(Value) -> Read<Vec<T>> {
    let list = list(items, shape);
    move |value| {
        let items =
            list(value).map_err(|problem| problem.and_expects("uniqueItems", || json!(true)))?;
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
        let mut fields = match value {
            Value::Object(object) => Fields::reading(object),
            other => return Err(wrong_type("object", &other).unlike(|| described(&read))),
        };
        let read = read(&mut fields)?;
        fields.finish()?;
        Ok(read)
    }
}

/// The schema of an object that is read so. What is made of samples is no matter.
fn described<T>(read: impl Fn(&mut Fields) -> Read<T>) -> Value {
    let mut fields = Fields {
        unread: JsonObject::new(),
        described: Some(Described::default()),
    };
    let _ = read(&mut fields);
    fields.described.unwrap_or_default().into_schema()
}

/// A whole body that is something else than an object.
pub(crate) fn whole<T>(body: Value, shape: impl Fn(Value) -> Read<T>) -> Read<T> {
    if description::is_asked_for() {
        let expected = shape(Value::Null)
            .err()
            .and_then(|problem| problem.expected);
        description::give(expected.unwrap_or_else(|| json!({})));
        return Err(Problem::new(ONLY_DESCRIBED));
    }
    shape(body)
}

/// An object with whatever in it.
pub(crate) fn open_object(value: Value) -> Read<JsonObject> {
    match value {
        Value::Object(object) => Ok(object),
        other => Err(wrong_type("object", &other).unlike(|| json!({ "type": "object" }))),
    }
}

/// An object of texts: open metadata of the reference product's kind.
pub(crate) fn texts_by_key(
    entries_max: usize,
    chars_max: usize,
) -> impl Fn(Value) -> Read<BTreeMap<String, String>> {
    move |value| {
        let object = open_object(value).map_err(|problem| {
            problem.unlike(|| {
                json!({
                    "type": "object",
                    "propertyNames": { "minLength": 1, "maxLength": chars_max },
                    "additionalProperties": { "type": "string", "maxLength": chars_max },
                    "maxProperties": entries_max,
                })
            })
        })?;
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
    Problem::new(type_mismatch(expected, found))
}

/// What to say of a JSON value that is of another type than the one that is expected, which
/// is named as JSON Schema names it.
#[must_use]
pub fn type_mismatch(expected: &str, found: &Value) -> String {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    format!("Expected type {expected} but found type {found}")
}

#[cfg(test)]
mod tests {
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

    #[tokio::test]
    async fn what_is_read_is_described_by_the_code_that_reads_it() {
        let read = async {
            let mut fields = Fields::new(JsonObject::new());
            let mut kept = vec![7];
            let kind = one_of(&[("a", 1), ("b", 2)]);
            let thing = object(|thing| thing.required("id", text(1..=5)));
            fields.required("kind", kind)?;
            fields.required("thing", thing)?;
            fields.optional("on", flag)?;
            fields.set("numbers", &mut kept, set_of(0..=3, integer(1..=9)))?;
            fields.optional("whatever", Ok)?;
            fields.optional("nothing", |_| {
                let problem = Problem::new("it must be 0");
                Err::<(), _>(problem.unlike(|| json!({ "const": 0 })))
            })?;
            fields.finish()
        };
        let described = crate::description::of_body(read).await.unwrap();
        assert_eq!(
            described,
            json!({
                "type": "object",
                "properties": {
                    "kind": { "type": "string", "enum": ["a", "b"] },
                    "thing": {
                        "type": "object",
                        "properties": { "id": { "type": "string", "minLength": 1, "maxLength": 5 } },
                        "required": ["id"],
                        "additionalProperties": false,
                    },
                    "on": { "type": ["boolean", "null"] },
                    "numbers": {
                        "type": "array",
                        "items": { "type": "integer", "minimum": 1, "maximum": 9 },
                        "minItems": 0, "maxItems": 3, "uniqueItems": true,
                    },
                    "whatever": {},
                    "nothing": { "anyOf": [{ "const": 0 }, { "type": "null" }] },
                },
                "required": ["kind", "thing"],
                "additionalProperties": false,
            })
        );
    }

    #[tokio::test]
    async fn a_required_property_whose_sample_is_not_taken_is_named() {
        let read = async {
            let mut fields = Fields::new(JsonObject::new());
            fields.required("id", text_where(1..=5, |text| text == "x", "it must be x"))?;
            fields.finish()
        };
        let problem = crate::description::of_body(read).await.unwrap_err();
        assert!(
            problem.contains("it must be x' on property id"),
            "{problem}"
        );
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
