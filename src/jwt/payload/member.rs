//! The members of a payload that are noted while it is read, and how their values are read.

use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::clock::UnixTime;
use crate::jwt::json::Text;
use crate::jwt::spans::{Placer, Spans};

/// A member whose value means something to a verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Registered {
    Issuer,
    Subject,
    Audience,
    Expires,
    NotBefore,
    IssuedAt,
    Id,
    Session,
    Confirmation,
}

impl Registered {
    #[inline]
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "iss" => Self::Issuer,
            "sub" => Self::Subject,
            "aud" => Self::Audience,
            "exp" => Self::Expires,
            "nbf" => Self::NotBefore,
            "iat" => Self::IssuedAt,
            "jti" => Self::Id,
            "sid" => Self::Session,
            "cnf" => Self::Confirmation,
            _ => return None,
        })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Issuer => "iss",
            Self::Subject => "sub",
            Self::Audience => "aud",
            Self::Expires => "exp",
            Self::NotBefore => "nbf",
            Self::IssuedAt => "iat",
            Self::Id => "jti",
            Self::Session => "sid",
            Self::Confirmation => "cnf",
        }
    }
}

/// A number as JSON has it, so that it can be both noted and handed on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
}

impl From<Number> for UnixTime {
    fn from(number: Number) -> Self {
        match number {
            Number::Unsigned(secs) => Self::from_secs_u64(secs),
            Number::Signed(secs) => Self::from_secs(secs),
            Number::Float(secs) => Self::from_secs_f64(secs),
        }
    }
}

/// Reads a [`Number`].
pub(crate) struct NumberSeed;

impl<'de> DeserializeSeed<'de> for NumberSeed {
    type Value = Number;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Number, D::Error> {
        // Not `any`: see `UnixTime`.
        deserializer.deserialize_f64(self)
    }
}

impl Visitor<'_> for NumberSeed {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Number, E> {
        Ok(Number::Unsigned(number))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Number, E> {
        Ok(Number::Signed(number))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Number, E> {
        Ok(Number::Float(number))
    }
}

/// The form in which a claim holds its strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Null,
    One,
    Several,
}

/// Reads one string, an array of strings or `null`, and notes where the strings are.
pub(crate) struct StringsSeed<'o, 'de> {
    pub(crate) spans: &'o mut Spans,
    pub(crate) placer: &'o mut Placer<'de>,
}

impl<'de> DeserializeSeed<'de> for StringsSeed<'_, 'de> {
    type Value = Form;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Form, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for StringsSeed<'_, 'de> {
    type Value = Form;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or an array of strings")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Form, E> {
        Ok(Form::Null)
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Form, E> {
        self.spans.push(self.placer.place_borrowed(text));
        Ok(Form::One)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Form, E> {
        self.spans.push(self.placer.append(text));
        Ok(Form::One)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Form, A::Error> {
        while let Some(text) = seq.next_element_seed(Text)? {
            self.spans.push(self.placer.place(&text));
        }
        Ok(Form::Several)
    }
}

/// Reads a value as the text that it is in JSON.
pub(crate) struct RawSeed;

impl RawSeed {
    /// By which `Plain` knows that it is asked for text; `serde_json` has its own way.
    pub(crate) const NAME: &'static str = "$tower_jwt_auth::raw";
}

impl<'de> DeserializeSeed<'de> for RawSeed {
    type Value = &'de str;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<&'de str, D::Error> {
        deserializer.deserialize_newtype_struct(Self::NAME, self)
    }
}

impl<'de> Visitor<'de> for RawSeed {
    type Value = &'de str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<&'de str, E> {
        Ok(text)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<&'de str, D::Error> {
        <&RawValue>::deserialize(inner).map(RawValue::get)
    }
}
