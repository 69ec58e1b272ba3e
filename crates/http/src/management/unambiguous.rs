//! JSON in which no object has a property twice.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

use super::query::plain;

/// A JSON value. One in which a property stands twice is refused: whichever of the two
/// counted, somebody else would have read the other.
pub(super) struct Unambiguous(pub(super) Value);

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue).map(Self)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Unambiguous(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, Unambiguous(value))) = members.next_entry::<String, _>()? {
            if object.contains_key(&name) {
                let name = plain(&name);
                return Err(A::Error::custom(format!("`{name}` stands there twice")));
            }
            object.insert(name, value);
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_once_is_read_as_it_is() {
        let text = r#"{"a":[1,-2,1.5e3,"x\u0041",null,true,{"a":{}}],"b":18446744073709551615}"#;
        let Unambiguous(read) = serde_json::from_str(text).unwrap();
        assert_eq!(read, serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn what_stands_twice_is_refused_by_name_and_place_however_deep() {
        for (text, says) in [
            (r#"{"a":1,"a":1}"#, "`a` stands there twice at line 1"),
            (r#"{"a":1,"\u0061":2}"#, "`a` stands there twice"),
            (
                "{\"x\":[{\"b\":1,\n\"b\":2}]}",
                "`b` stands there twice at line 2",
            ),
        ] {
            let refused = serde_json::from_str::<Unambiguous>(text).err().unwrap();
            assert!(refused.to_string().contains(says), "{refused}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let deep = |levels| "[".repeat(levels) + &"]".repeat(levels);
        assert!(serde_json::from_str::<Unambiguous>(&deep(100)).is_ok());
        assert!(serde_json::from_str::<Unambiguous>(&deep(100_000)).is_err());
    }
}
