//! One JSON value as text, to be read as any type.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeOwned, Visitor};

/// Reads the JSON text as a `T`.
///
/// Most of what Actions read are strings, and serde_json's parser brings all that
/// it knows about numbers along for those too, which almost doubles the size of an
/// Action. Strings are therefore read here, and all else by serde_json, which
/// stays out of an Action that reads only strings.
pub(super) fn read<T: DeserializeOwned>(json: &str) -> Result<T, Mismatch> {
    T::deserialize(JsonText(json))
}

/// Why a JSON text is not of the type asked for. Not serde_json's own error, of
/// which a good part is about line numbers and files.
#[derive(Debug)]
pub(super) struct Mismatch(String);

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Mismatch {}

impl serde::de::Error for Mismatch {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

impl From<serde_json::Error> for Mismatch {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

struct JsonText<'j>(&'j str);

impl<'j> JsonText<'j> {
    fn with_serde_json<T>(
        self,
        read: impl FnOnce(&mut SerdeJson<'j>) -> serde_json::Result<T>,
    ) -> Result<T, Mismatch> {
        let mut deserializer = serde_json::Deserializer::from_str(self.0);
        let value = read(&mut deserializer)?;
        deserializer.end()?;
        Ok(value)
    }
}

type SerdeJson<'j> = serde_json::Deserializer<serde_json::de::StrRead<'j>>;

macro_rules! by_serde_json {
    ($($method:ident ( $($argument:ident : $type:ty),* ))*) => {$(
        fn $method<V: Visitor<'j>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, Mismatch> {
            self.with_serde_json(|json| json.$method($($argument,)* visitor))
        }
    )*};
}

impl<'j> Deserializer<'j> for JsonText<'j> {
    type Error = Mismatch;

    fn deserialize_string<V: Visitor<'j>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match string(self.0) {
            Some(text) => visitor.visit_string(text),
            None => Err(not_a_string(self.0)),
        }
    }

    fn deserialize_str<V: Visitor<'j>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_string(visitor)
    }

    by_serde_json! {
        deserialize_any()
        deserialize_bool()
        deserialize_i8()
        deserialize_i16()
        deserialize_i32()
        deserialize_i64()
        deserialize_i128()
        deserialize_u8()
        deserialize_u16()
        deserialize_u32()
        deserialize_u64()
        deserialize_u128()
        deserialize_f32()
        deserialize_f64()
        deserialize_char()
        deserialize_bytes()
        deserialize_byte_buf()
        deserialize_option()
        deserialize_unit()
        deserialize_unit_struct(name: &'static str)
        deserialize_newtype_struct(name: &'static str)
        deserialize_seq()
        deserialize_tuple(length: usize)
        deserialize_tuple_struct(name: &'static str, length: usize)
        deserialize_map()
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
        deserialize_identifier()
        deserialize_ignored_any()
    }
}

/// The text of a JSON string (RFC 8259 section 7); `None` for anything else.
fn string(json: &str) -> Option<String> {
    let json = json.trim_matches([' ', '\t', '\n', '\r']);
    let mut rest = json.strip_prefix('"')?.strip_suffix('"')?;
    let mut text = String::with_capacity(rest.len());
    while let Some((plain, escaped)) = rest.split_once('\\') {
        push_plain(&mut text, plain)?;
        let (character, after) = unescape(escaped)?;
        text.push(character);
        rest = after;
    }
    push_plain(&mut text, rest)?;
    Some(text)
}

fn push_plain(text: &mut String, plain: &str) -> Option<()> {
    let is_allowed = |byte: u8| byte >= b' ' && byte != b'"';
    plain.bytes().all(is_allowed).then(|| text.push_str(plain))
}

/// The character that the text after a backslash begins with, and what follows it.
fn unescape(escaped: &str) -> Option<(char, &str)> {
    let mut characters = escaped.chars();
    let character = match characters.next()? {
        itself @ ('"' | '\\' | '/') => itself,
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => return unicode(characters.as_str()),
        _ => return None,
    };
    Some((character, characters.as_str()))
}

/// The character of the four digits after `\u`, or of the eight of a surrogate pair.
fn unicode(digits: &str) -> Option<(char, &str)> {
    let (first, rest) = code_unit(digits)?;
    if let Some(character) = char::from_u32(first.into()) {
        return Some((character, rest));
    }
    let (second, rest) = code_unit(rest.strip_prefix("\\u")?)?;
    let character = char::decode_utf16([first, second]).next()?.ok()?;
    Some((character, rest))
}

fn code_unit(text: &str) -> Option<(u16, &str)> {
    let (digits, rest) = text.split_at_checked(4)?;
    let is_hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let unit = u16::from_str_radix(digits, 16).ok()?;
    is_hexadecimal.then_some((unit, rest))
}

#[cold]
fn not_a_string(json: &str) -> Mismatch {
    let found = match json.trim_start().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b't' | b'f') => "a boolean",
        Some(b'-' | b'0'..=b'9') => "a number",
        _ => "no JSON",
    };
    Mismatch(["expected a string, found ", found].concat())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_character_is_read_as_it_was_written() {
        for character in '\0'..=char::MAX {
            let text = format!("<{character}>");
            let json = serde_json::to_string(&text).unwrap();

            assert_eq!(string(&json), Some(text));
        }
    }

    #[test]
    fn a_string_is_read_as_serde_json_reads_it() {
        let texts = [
            r#""""#,
            " \n\t\r\"a\" ",
            r#""\"\\\/\b\f\n\r\t""#,
            r#""\u00e9\u00E9é""#,
            r#""\ud83d\ude00!""#,
            r#""\ud83d""#,
            r#""\ud83dx""#,
            r#""\ud83d\u0041""#,
            r#""\ude00\ud83d""#,
            r#""\u+041""#,
            r#""\u004""#,
            r#""\u00é""#,
            r#""\x""#,
            r#""\""#,
            r#"""#,
            r#""a"b""#,
            r#""a" "b""#,
            "\"a\nb\"",
            "\u{a0}\"a\"",
            "a",
            "3",
            "",
        ];
        for json in texts {
            let expected = serde_json::from_str::<String>(json).ok();

            assert_eq!(read(json).ok(), expected, "{json}");
        }
    }

    #[test]
    fn what_is_no_string_is_read_by_serde_json() {
        assert_eq!(read::<u8>("3").unwrap(), 3);
        assert_eq!(read::<f64>("-1.5e3").unwrap(), -1500.0);
        assert_eq!(read::<Option<bool>>("true").unwrap(), Some(true));
        assert_eq!(read::<Vec<String>>(r#"["a"]"#).unwrap(), ["a"]);
        let map = read::<BTreeMap<String, (u8, char)>>(r#"{"a": [1, "b"]}"#).unwrap();
        assert_eq!(map["a"], (1, 'b'));
        assert!(read::<u8>("3 4").is_err());
    }

    #[test]
    fn the_reason_says_what_was_there_in_place_of_a_string() {
        let reason = |json| read::<String>(json).unwrap_err().to_string();

        assert_eq!(reason("-3"), "expected a string, found a number");
        assert_eq!(reason("[]"), "expected a string, found a list");
        assert_eq!(reason(r#"{"a": 1}"#), "expected a string, found an object");
        assert_eq!(reason("false"), "expected a string, found a boolean");
        assert_eq!(reason(r#""\x""#), "expected a string, found no JSON");
    }
}
