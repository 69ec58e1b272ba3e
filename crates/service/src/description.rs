//! What a request's body may be, asked of the very code that reads it.
//!
//! A body is described by letting its service read it as usual, within [`of_body`]: there
//! `fields` notes what is asked for instead of reading it, and the
//! service goes no further than that. So the OpenAPI document, which is made from such
//! descriptions, says what is read, and nobody writes it down a second time.

use std::{cell::RefCell, fmt::Display};

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value, json};

tokio::task_local! {
    static DESCRIPTION: RefCell<Option<Result<Value, String>>>;
}

/// The JSON Schema of the body that `reading` reads.
///
/// # Errors
/// When it reads none, or a required property's shape doesn't take a sample of what it
/// says itself.
pub async fn of_body<T>(reading: impl Future<Output = T>) -> Result<Value, String> {
    let reading = async {
        reading.await;
        DESCRIPTION.with(RefCell::take)
    };
    let described = DESCRIPTION.scope(RefCell::default(), reading).await;
    described.unwrap_or_else(|| Err("no body was read".to_owned()))
}

/// Whether it is to be described what is read, in place of reading it.
pub(crate) fn is_asked_for() -> bool {
    DESCRIPTION.try_with(|_| ()).is_ok()
}

/// Gives the description of the whole body.
pub(crate) fn give(schema: Value) {
    note(Ok(schema));
}

/// Says why there can't be one.
pub(crate) fn fail(problem: &impl Display) {
    note(Err(format!(
        "{problem}: a required property's shape must take the shortest text, the lowest number, \
         the first choice of what it describes"
    )));
}

/// The first one counts: a failure is known before the whole.
fn note(description: Result<Value, String>) {
    let _ = DESCRIPTION.try_with(|noted| noted.borrow_mut().get_or_insert(description).is_ok());
}

/// The JSON Schema of a type.
pub(crate) fn of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.meta_schema = None);
    let schema = settings.into_generator().into_root_schema_for::<T>();
    let mut schema = schema.to_value();
    if let Value::Object(schema) = &mut schema {
        schema.shift_remove("title");
    }
    schema
}

/// The least that a schema takes.
pub(crate) fn sample(schema: &Value) -> Value {
    let of = |name: &str| schema.get(name).unwrap_or(&Value::Null);
    let number = |name: &str| of(name).as_u64().unwrap_or_default();
    if let Some(first) = of("enum").get(0) {
        return first.clone();
    }
    let of_type = match of("type") {
        Value::Array(types) => types.first(),
        of_type => Some(of_type),
    };
    match of_type.and_then(Value::as_str) {
        Some("string") => {
            let chars = usize::try_from(number("minLength")).unwrap_or_default();
            json!("a".repeat(chars))
        }
        Some("boolean") => json!(false),
        Some("integer") => json!(number("minimum")),
        Some("array") => (0..number("minItems"))
            .map(|_| sample(of("items")))
            .collect(),
        Some("object") => {
            let choice = of("anyOf").get(0).and_then(|first| first.get("required"));
            let names = [of("required"), choice.unwrap_or(&Value::Null)];
            let names = names.into_iter().filter_map(Value::as_array).flatten();
            let names = names.filter_map(Value::as_str);
            let property = |name: &str| of("properties").get(name).map(sample);
            let members = names.filter_map(|name| Some((name.to_owned(), property(name)?)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        _ => Value::Null,
    }
}
