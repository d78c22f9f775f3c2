//! The readers of values that are noted and then passed on.

use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::clock::UnixTime;
use crate::jwt::json::Text;
use crate::jwt::spans::{Placer, Spans};

/// A JSON number, which can be both noted and passed on.
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
        // This is not `deserialize_any`, for the reason given in the `Deserialize` implementation
        // of `UnixTime`.
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
pub(crate) enum StringsForm {
    Null,
    One,
    Several,
}

/// Reads one string, an array of strings or `null`, and notes the positions of the strings.
pub(crate) struct StringsSeed<'o, 'de> {
    pub(crate) spans: &'o mut Spans,
    pub(crate) placer: &'o mut Placer<'de>,
}

impl<'de> DeserializeSeed<'de> for StringsSeed<'_, 'de> {
    type Value = StringsForm;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<StringsForm, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for StringsSeed<'_, 'de> {
    type Value = StringsForm;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or an array of strings")
    }

    fn visit_unit<E: de::Error>(self) -> Result<StringsForm, E> {
        Ok(StringsForm::Null)
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<StringsForm, E> {
        self.spans.push(self.placer.place_borrowed(text));
        Ok(StringsForm::One)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<StringsForm, E> {
        self.spans.push(self.placer.append(text));
        Ok(StringsForm::One)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<StringsForm, A::Error> {
        while let Some(text) = seq.next_element_seed(Text)? {
            self.spans.push(self.placer.place(&text));
        }
        Ok(StringsForm::Several)
    }
}

/// Reads the JSON text of a value.
pub(crate) struct RawSeed;

impl RawSeed {
    /// The name of a newtype struct by which `Plain` recognizes a request for text. `serde_json`
    /// uses a different name for the same purpose.
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
