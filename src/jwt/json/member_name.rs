//! A deserializer for a member name.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{self, Deserializer, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Error;

use crate::jwt::json::by_serde_json;
use crate::jwt::json::scan;

/// A member name. It can be deserialized as text, as a number, as a boolean or as an enum, as with
/// `serde_json`.
#[derive(Clone, Copy)]
pub(crate) enum MemberName<'n, 'de> {
    Plain(&'de str),
    Escaped(&'n EscapedName<'de>),
}

pub(crate) struct EscapedName<'de> {
    pub(crate) text: String,
    /// The name in quotes, with its escapes.
    pub(crate) quoted: &'de str,
}

impl<'n, 'de> MemberName<'n, 'de> {
    /// Returns the name of a member. If `plain` is empty and `escaped` is `Some`, the name is
    /// `escaped`. Otherwise, the name is `plain`.
    #[inline]
    pub(crate) fn new(plain: &'de str, escaped: Option<&'n EscapedName<'de>>) -> Self {
        match escaped {
            Some(name) if plain.is_empty() => Self::Escaped(name),
            _ => Self::Plain(plain),
        }
    }

    #[inline]
    pub(crate) fn text(self) -> &'n str {
        match self {
            Self::Plain(text) => text,
            Self::Escaped(name) => &name.text,
        }
    }

    /// Returns the text of the name in the JSON, with its escapes unchanged. The text includes the
    /// quotes only if the name has escapes.
    #[inline]
    pub(crate) fn written(self) -> &'de str {
        match self {
            Self::Plain(text) => text,
            Self::Escaped(name) => name.quoted,
        }
    }

    /// Returns the name if it consists only of characters that occur in numbers. Fails for every
    /// other name, including an empty name and a name with escapes.
    fn number(self) -> Result<&'de str, Error> {
        match self {
            Self::Plain(text) if !text.is_empty() && text.bytes().all(scan::is_in_numbers) => {
                Ok(text)
            }
            _ => Err(de::Error::custom("the name is not a number")),
        }
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

impl<'de> Deserializer<'de> for MemberName<'_, 'de> {
    type Error = Error;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Plain(text) => visitor.visit_borrowed_str(text),
            Self::Escaped(name) => visitor.visit_str(&name.text),
        }
    }

    numbers! {
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_f32 deserialize_f64
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Plain("true") => visitor.visit_bool(true),
            Self::Plain("false") => visitor.visit_bool(false),
            name => Err(de::Error::invalid_type(Unexpected::Str(name.text()), &visitor)),
        }
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    /// Ignores the name of the type. A `RawValue` is recognized only by this name, so a member name
    /// cannot be read as a `RawValue`.
    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self {
            Self::Plain(text) => {
                BorrowedStrDeserializer::new(text).deserialize_enum(name, variants, visitor)
            }
            Self::Escaped(escaped) => {
                escaped.text.as_str().into_deserializer().deserialize_enum(name, variants, visitor)
            }
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Plain(text) => visitor.visit_borrowed_bytes(text.as_bytes()),
            Self::Escaped(name) => {
                by_serde_json::read(name.quoted, |json| json.deserialize_bytes(visitor))
            }
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_bytes(visitor)
    }

    forward_to_deserialize_any! {
        char str string unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}
