//! The name of a member, as a deserializer.

use std::borrow::Cow;

use serde::de::{self, Deserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Error;

use crate::jwt::json::by_serde_json;
use crate::jwt::json::names;
use crate::jwt::json::scan;

/// The name of a member. Types may read it as text, number, boolean or enum, as with `serde_json`.
pub(crate) struct MemberName<'de> {
    pub(crate) text: Cow<'de, str>,
    /// The name in quotes, with its escapes.
    pub(crate) quoted: &'de str,
}

impl<'de> MemberName<'de> {
    /// Returns the name without its quotes if it may be a number.
    fn number(&self) -> Result<&'de str, Error> {
        let text = self.quoted.get(1..self.quoted.len().saturating_sub(1)).unwrap_or_default();
        if !text.is_empty() && text.bytes().all(scan::is_in_numbers) {
            return Ok(text);
        }
        Err(de::Error::custom("the name is not a number"))
    }
}

macro_rules! numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let number = self.number()?;
            by_serde_json::read(number, |json| json.$method(visitor))
        }
    )*};
}

impl<'de> Deserializer<'de> for MemberName<'de> {
    type Error = Error;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.text {
            Cow::Borrowed(name) => visitor.visit_borrowed_str(name),
            Cow::Owned(name) => visitor.visit_str(&name),
        }
    }

    numbers! {
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_f32 deserialize_f64
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.quoted {
            "\"true\"" => visitor.visit_bool(true),
            "\"false\"" => visitor.visit_bool(false),
            _ => Err(de::Error::invalid_type(Unexpected::Str(&self.text), &visitor)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        if names::is_reserved(name) {
            return by_serde_json::read(self.quoted, |json| {
                json.deserialize_newtype_struct(name, visitor)
            });
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        by_serde_json::read(self.quoted, |json| json.deserialize_enum(name, variants, visitor))
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        by_serde_json::read(self.quoted, |json| json.deserialize_bytes(visitor))
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        by_serde_json::read(self.quoted, |json| json.deserialize_byte_buf(visitor))
    }

    forward_to_deserialize_any! {
        char str string unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}
