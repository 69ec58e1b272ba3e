//! Request parameters before anyone knows what they mean: read from a form, a
//! query or a JSON object, bounded, and never twice the same.

use std::fmt;

use claimsmith_model::JsonObject;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Map, Value, error::Category};

use crate::{error::plain_text, form::decode_component};

/// The longest body or query in bytes: two parameters of the greatest length and
/// room for all others.
pub const REQUEST_BYTES_MAX: usize = 64 * 1024;

/// The most parameters in one request. The standards' grants use about a dozen;
/// the rest is what a tenant's Actions may read.
pub const PARAMETERS_MAX: usize = 100;

/// The longest value in bytes: enough for a signed assertion or a long scope.
pub const VALUE_BYTES_MAX: usize = 16 * 1024;

/// The longest name in bytes, of a parameter or of a member inside one.
const NAME_BYTES_MAX: usize = 128;

/// The one parameter that may be given several times (RFC 8707 section 2).
const REPEATABLE: &str = "resource";

/// How deep a JSON parameter's value may be nested.
const DEPTH_MAX: usize = 8;

/// How many values a JSON body may hold, nested ones counted.
const VALUES_MAX: usize = 1000;

/// Names of the parameters that hold secrets or credentials: those of this
/// server's grants, and of RFC 7521, 7009, 6750, 8628 and 8693.
const SECRET_NAMES: [&str; 12] = [
    "password",
    "client_secret",
    "client_assertion",
    "refresh_token",
    "code",
    "code_verifier",
    "assertion",
    "token",
    "access_token",
    "device_code",
    "subject_token",
    "actor_token",
];

/// Why a request's parameters can't be read. The text is for the client's
/// developer and quotes no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenRequestError {
    /// More than [`REQUEST_BYTES_MAX`].
    #[error("the request has more than {REQUEST_BYTES_MAX} bytes of parameters")]
    TooLong,
    /// More than
    /// [`AUTHORIZATION_REQUEST_BYTES_MAX`](crate::AUTHORIZATION_REQUEST_BYTES_MAX).
    #[error(
        "the authorization request has more than {} bytes",
        crate::AUTHORIZATION_REQUEST_BYTES_MAX
    )]
    AuthorizationRequestTooLong,
    /// The body isn't JSON.
    #[error("the body is not valid JSON; see line {line}, column {column}")]
    NotJson {
        /// The line where reading stopped, from 1.
        line: usize,
        /// The column where reading stopped.
        column: usize,
    },
    /// The body is JSON but not an object.
    #[error("the body must be a JSON object")]
    NotAnObject,
    /// A name or value isn't what form encoding yields.
    #[error("the parameter {name} is not form-urlencoded UTF-8; write % as %25 and + as %2B")]
    BadEncoding {
        /// The parameter as far as it could be read.
        name: String,
    },
    /// More than [`PARAMETERS_MAX`].
    #[error("the request has more than {PARAMETERS_MAX} parameters")]
    TooManyParameters,
    /// A name is too long.
    #[error("a parameter's name has more than {NAME_BYTES_MAX} bytes")]
    NameTooLong,
    /// A value is longer than [`VALUE_BYTES_MAX`].
    #[error("the parameter {name} has more than {VALUE_BYTES_MAX} bytes")]
    ValueTooLong {
        /// The parameter.
        name: String,
    },
    /// A parameter other than `resource` appears twice (RFC 6749 section 3.2).
    #[error("the parameter {name} appears more than once; send it once")]
    Repeated {
        /// The parameter.
        name: String,
    },
    /// A JSON member that must be a string is something else.
    #[error("the parameter {name} must be a string")]
    NotAString {
        /// The parameter.
        name: &'static str,
    },
    /// A JSON member is nested too deep or holds too many values.
    #[error(
        "the parameter {name} is too large; {DEPTH_MAX} levels and {VALUES_MAX} values are allowed"
    )]
    TooComplex {
        /// The parameter.
        name: String,
    },
}

/// The parameters of a query, each a string, without those that hold secrets.
///
/// A parameter without a value counts as absent. `query` is the part after `?`.
///
/// # Errors
/// See [`TokenRequestError`]; also when a parameter appears twice.
pub fn parse_query(query: &str) -> Result<JsonObject, TokenRequestError> {
    let mut parameters = read_form(query.as_bytes())?;
    remove_secrets(&mut parameters);
    Ok(parameters)
}

/// The names and values of a query as they came: those that are repeated and those that are
/// empty, too. What an endpoint takes several times is its own to say.
///
/// # Errors
/// See [`TokenRequestError`]; never that one is repeated.
pub fn parse_query_pairs(query: &str) -> Result<Vec<(String, String)>, TokenRequestError> {
    let mut pairs = Vec::new();
    for_each_pair(query.as_bytes(), |name, value| {
        if pairs.len() == PARAMETERS_MAX {
            return Err(TokenRequestError::TooManyParameters);
        }
        // Alone, so that it repeats nothing.
        Parameters::default().add(name.clone(), Value::String(value.clone()))?;
        pairs.push((name, value));
        Ok(())
    })?;
    Ok(pairs)
}

/// The names and values of a form of the server's own pages, as they came: one of them
/// may be longer than a parameter may be, or be empty.
///
/// # Errors
/// When the form is longer than [`REQUEST_BYTES_MAX`], or isn't form-urlencoded UTF-8.
pub fn parse_page_form(form: &[u8]) -> Result<Vec<(String, String)>, TokenRequestError> {
    let mut pairs = Vec::new();
    for_each_pair(form, |name, value| {
        pairs.push((name, value));
        Ok(())
    })?;
    Ok(pairs)
}

/// The parameters of a form. Those without a value are left out (RFC 6749
/// section 3.2).
pub(crate) fn read_form(form: &[u8]) -> Result<JsonObject, TokenRequestError> {
    let mut parameters = Parameters::default();
    for_each_pair(form, |name, value| {
        if name == REPEATABLE && parameters.has(&name) {
            parameters.add_further(name, value)
        } else {
            parameters.add(name, Value::String(value))
        }
    })?;
    Ok(parameters.present)
}

/// A form of which parameters may be repeated.
pub(crate) struct RepeatedForm {
    /// Those that came once, and of the repeatable one a list where it came more often.
    pub(crate) parameters: JsonObject,
    /// One that came more than once and may not.
    pub(crate) repeated: Option<String>,
}

/// The parameters of a form that a browser carries here from somebody who must be told
/// what is wrong with it: a repeated parameter is not the end of it. `repeatable` may
/// come several times.
pub(crate) fn read_form_of_browser(
    form: &[u8],
    repeatable: &str,
) -> Result<RepeatedForm, TokenRequestError> {
    let mut parameters = Parameters::default();
    let mut several = Vec::new();
    let mut repeated: Vec<String> = Vec::new();
    for_each_pair(form, |name, value| {
        if name == repeatable && several.len() < PARAMETERS_MAX {
            return Parameters::default()
                .add(name, Value::String(value.clone()))
                .map(|()| several.push(value));
        }
        match parameters.add(name.clone(), Value::String(value)) {
            Err(TokenRequestError::Repeated { .. }) => {
                if !repeated.contains(&name) {
                    repeated.push(name);
                }
                Ok(())
            }
            added => added,
        }
    })?;
    let mut present = parameters.present;
    present.retain(|name, _| !repeated.contains(name));
    several.retain(|value| !value.is_empty());
    if several.len() > 1 {
        present.insert(repeatable.to_owned(), several.into());
    } else if let Some(one) = several.pop() {
        present.insert(repeatable.to_owned(), one.into());
    }
    Ok(RepeatedForm {
        parameters: present,
        repeated: repeated.first().map(|name| plain_text(name)),
    })
}

fn for_each_pair(
    form: &[u8],
    mut each: impl FnMut(String, String) -> Result<(), TokenRequestError>,
) -> Result<(), TokenRequestError> {
    if form.len() > REQUEST_BYTES_MAX {
        return Err(TokenRequestError::TooLong);
    }
    for pair in form
        .split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
    {
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        let encoded_name = halves.next().unwrap_or_default();
        let encoded_value = halves.next().unwrap_or_default();
        let name = decode_component(encoded_name)
            .map_err(|_| bad_encoding(&String::from_utf8_lossy(encoded_name)))?;
        let value = decode_component(encoded_value).map_err(|_| bad_encoding(&name))?;
        each(name, value)?;
    }
    Ok(())
}

/// The members of a JSON body. Nulls and empty strings are left out, as in a form.
pub(crate) fn read_json(body: &[u8]) -> Result<JsonObject, TokenRequestError> {
    if body.len() > REQUEST_BYTES_MAX {
        return Err(TokenRequestError::TooLong);
    }
    // The reader's own text is not shown: it may quote a value.
    let Members(members) =
        serde_json::from_slice(body).map_err(|error| match error.classify() {
            Category::Data => TokenRequestError::NotAnObject,
            Category::Syntax | Category::Eof | Category::Io => TokenRequestError::NotJson {
                line: error.line(),
                column: error.column(),
            },
        })?;
    let mut parameters = Parameters::default();
    for (name, value) in members {
        parameters.add(name, value)?;
    }
    Ok(parameters.present)
}

/// Takes out what holds a secret. Names are compared without regard to case, so
/// that a misspelt `Password` isn't shown to an Action either.
pub(crate) fn remove_secrets(parameters: &mut JsonObject) {
    parameters.retain(|name, _| {
        !SECRET_NAMES
            .iter()
            .any(|secret| secret.eq_ignore_ascii_case(name))
    });
}

/// Parameters as they come in, checked one by one.
#[derive(Default)]
struct Parameters {
    /// Those that have a value.
    present: JsonObject,
    /// Those that have none; they still may not appear twice.
    absent: Vec<String>,
    /// Values so far, nested ones counted.
    values: usize,
}

impl Parameters {
    fn add(&mut self, name: String, value: Value) -> Result<(), TokenRequestError> {
        if name.len() > NAME_BYTES_MAX {
            return Err(TokenRequestError::NameTooLong);
        }
        if self.has(&name) {
            return Err(TokenRequestError::Repeated {
                name: plain_text(&name),
            });
        }
        if self.present.len() + self.absent.len() == PARAMETERS_MAX {
            return Err(TokenRequestError::TooManyParameters);
        }
        self.check_value(&name, &value, DEPTH_MAX)?;
        if value.is_null() || value.as_str() == Some("") {
            self.absent.push(name);
        } else {
            self.present.insert(name, value);
        }
        Ok(())
    }

    fn has(&self, name: &str) -> bool {
        self.present.contains_key(name) || self.absent.iter().any(|absent| absent == name)
    }

    /// A further value of a parameter that may be given several times: all of them are
    /// then a list. One without a value counts as absent.
    fn add_further(&mut self, name: String, value: String) -> Result<(), TokenRequestError> {
        let value = Value::String(value);
        self.check_value(&name, &value, DEPTH_MAX)?;
        if value == "" {
            return Ok(());
        }
        match self.present.get_mut(&name) {
            None => {
                self.present.insert(name, value);
            }
            Some(Value::Array(values)) => values.push(value),
            Some(first) => {
                let values = vec![first.take(), value];
                *first = Value::Array(values);
            }
        }
        Ok(())
    }

    fn check_value(
        &mut self,
        name: &str,
        value: &Value,
        levels_left: usize,
    ) -> Result<(), TokenRequestError> {
        let too_complex = || TokenRequestError::TooComplex {
            name: plain_text(name),
        };
        self.values += 1;
        if self.values > VALUES_MAX {
            return Err(too_complex());
        }
        match value {
            Value::String(text) if text.len() > VALUE_BYTES_MAX => {
                Err(TokenRequestError::ValueTooLong {
                    name: plain_text(name),
                })
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
            Value::Array(items) => {
                let levels_left = levels_left.checked_sub(1).ok_or_else(too_complex)?;
                items
                    .iter()
                    .try_for_each(|item| self.check_value(name, item, levels_left))
            }
            Value::Object(members) => {
                let levels_left = levels_left.checked_sub(1).ok_or_else(too_complex)?;
                members.iter().try_for_each(|(inner, value)| {
                    if inner.len() > NAME_BYTES_MAX {
                        return Err(TokenRequestError::NameTooLong);
                    }
                    self.check_value(name, value, levels_left)
                })
            }
        }
    }
}

/// An object's members in order, repeated names kept, which a map would lose.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;

        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(MembersVisitor)
    }
}

fn bad_encoding(name: &str) -> TokenRequestError {
    // An undecodable name may be as long as the request.
    let shown: String = name.chars().take(NAME_BYTES_MAX).collect();
    TokenRequestError::BadEncoding {
        name: plain_text(&shown),
    }
}

/// The string of that name, taken out of `parameters`.
pub(crate) fn take_text(
    parameters: &mut Map<String, Value>,
    name: &'static str,
) -> Result<Option<String>, TokenRequestError> {
    match parameters.shift_remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(TokenRequestError::NotAString { name }),
    }
}

/// A copy of the string of that name, left in `parameters`.
pub(crate) fn copy_text(
    parameters: &Map<String, Value>,
    name: &'static str,
) -> Result<Option<String>, TokenRequestError> {
    match parameters.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(TokenRequestError::NotAString { name }),
    }
}

/// Copies of the strings of that name, left in `parameters`: one, or a list.
pub(crate) fn copy_texts(
    parameters: &Map<String, Value>,
    name: &'static str,
) -> Result<Vec<String>, TokenRequestError> {
    let text = |value: &Value| {
        let text = value.as_str().map(str::to_owned);
        text.ok_or(TokenRequestError::NotAString { name })
    };
    match parameters.get(name) {
        None => Ok(Vec::new()),
        Some(Value::Array(values)) => values.iter().map(text).collect(),
        Some(value) => Ok(vec![text(value)?]),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn nested(levels: usize) -> Vec<u8> {
        format!("{{\"deep\":{}1{}}}", "[".repeat(levels), "]".repeat(levels)).into_bytes()
    }

    fn form_of(count: usize) -> Vec<u8> {
        (0..count)
            .map(|n| format!("p{n}=1"))
            .collect::<Vec<_>>()
            .join("&")
            .into_bytes()
    }

    #[test]
    fn a_query_is_read_without_its_secrets() {
        let query = parse_query("a=1&empty=&b=x+y&code=abc&Access_Token=t&flag").unwrap();
        assert_eq!(Value::Object(query), json!({"a": "1", "b": "x y"}));
        assert!(parse_query("").unwrap().is_empty());
    }

    #[test]
    fn the_pairs_of_a_query_are_all_that_came_within_the_same_bounds() {
        let pairs = parse_query_pairs("a=1&a=%2B&code=x&empty=&b").unwrap();
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(a, b)| (a.as_str(), b.as_str()))
            .collect();
        let came = [
            ("a", "1"),
            ("a", "+"),
            ("code", "x"),
            ("empty", ""),
            ("b", ""),
        ];
        assert_eq!(pairs, came);

        let text = |count: usize| String::from_utf8(form_of(count)).unwrap();
        assert_eq!(parse_query_pairs(&text(100)).unwrap().len(), 100);
        assert_eq!(
            parse_query_pairs(&text(101)),
            Err(TokenRequestError::TooManyParameters)
        );
        let long = format!("{}=1", "n".repeat(129));
        assert_eq!(
            parse_query_pairs(&long),
            Err(TokenRequestError::NameTooLong)
        );
    }

    #[test]
    fn a_parameter_may_not_appear_twice_even_without_a_value() {
        let repeated = Err(TokenRequestError::Repeated {
            name: "scope".into(),
        });
        assert_eq!(read_form(b"scope=a&scope=a"), repeated);
        assert_eq!(read_form(b"scope=&scope=a"), repeated);
        assert_eq!(read_form(b"scope=a&sc%6Fpe=b"), repeated);
        assert_eq!(read_json(br#"{"scope":"a","scope":"b"}"#), repeated);
        assert_eq!(read_json(br#"{"scope":null,"scope":"b"}"#), repeated);
    }

    #[test]
    fn the_number_of_parameters_is_bounded() {
        assert_eq!(read_form(&form_of(100)).unwrap().len(), 100);
        assert_eq!(
            read_form(&form_of(101)),
            Err(TokenRequestError::TooManyParameters)
        );
    }

    #[test]
    fn names_and_values_are_bounded() {
        let form = |name: usize, value: usize| {
            format!("{}={}", "n".repeat(name), "v".repeat(value)).into_bytes()
        };
        assert!(read_form(&form(128, 16 * 1024)).is_ok());
        assert_eq!(
            read_form(&form(129, 1)),
            Err(TokenRequestError::NameTooLong)
        );
        assert_eq!(
            read_form(&form(1, 16 * 1024 + 1)),
            Err(TokenRequestError::ValueTooLong { name: "n".into() })
        );
        let inner = json!({"a": {"n".repeat(129): 1}}).to_string();
        assert_eq!(
            read_json(inner.as_bytes()),
            Err(TokenRequestError::NameTooLong)
        );
    }

    #[test]
    fn a_request_as_a_whole_is_bounded() {
        let padded = |length: usize| {
            let mut form = b"a=1".to_vec();
            form.resize(length, b'&');
            form
        };
        assert!(read_form(&padded(REQUEST_BYTES_MAX)).is_ok());
        assert_eq!(
            read_form(&padded(REQUEST_BYTES_MAX + 1)),
            Err(TokenRequestError::TooLong)
        );
        assert_eq!(
            read_json(&padded(REQUEST_BYTES_MAX + 1)),
            Err(TokenRequestError::TooLong)
        );
    }

    #[test]
    fn the_shape_of_json_is_bounded() {
        let too_complex = Err(TokenRequestError::TooComplex {
            name: "deep".into(),
        });
        assert!(read_json(&nested(8)).is_ok());
        assert_eq!(read_json(&nested(9)), too_complex);
        assert!(matches!(
            read_json(&nested(20_000)),
            Err(TokenRequestError::NotJson { .. })
        ));

        let wide = |count: usize| json!({"deep": vec![1; count]}).to_string().into_bytes();
        assert!(read_json(&wide(999)).is_ok());
        assert_eq!(read_json(&wide(1000)), too_complex);
    }

    #[test]
    fn what_is_wrong_with_a_body_is_named_and_no_value_is_quoted() {
        let texts = [
            &br#""hunter2""#[..],
            br#"["hunter2"]"#,
            br#"{"password":"hunter2"#,
            br#"{"password":hunter2}"#,
            b"",
        ]
        .map(|body| read_json(body).unwrap_err().to_string());
        assert_eq!(
            texts,
            [
                "the body must be a JSON object",
                "the body must be a JSON object",
                "the body is not valid JSON; see line 1, column 20",
                "the body is not valid JSON; see line 1, column 13",
                "the body is not valid JSON; see line 1, column 0",
            ]
        );
        assert_eq!(
            read_form(b"password=100%sure").unwrap_err().to_string(),
            "the parameter password is not form-urlencoded UTF-8; write % as %25 and + as %2B"
        );
    }

    #[test]
    fn a_name_in_an_error_can_not_break_a_line() {
        let error = read_form(b"a%0Ab=1&a%0Ab=2").unwrap_err();
        assert_eq!(error, TokenRequestError::Repeated { name: "a b".into() });
    }

    proptest! {
        #[test]
        fn no_input_makes_the_readers_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = read_form(&bytes);
            let _ = read_json(&bytes);
        }

        #[test]
        fn a_form_and_a_json_body_that_say_the_same_are_read_the_same(
            members in prop::collection::btree_map("[a-z]{1,8}", ".{0,12}", 0..6),
        ) {
            let encode = |text: &str| {
                text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>()
            };
            let form = members
                .iter()
                .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
                .collect::<Vec<_>>()
                .join("&");
            let json = json!(members).to_string();
            prop_assert_eq!(read_form(form.as_bytes()), read_json(json.as_bytes()));
        }
    }
}
