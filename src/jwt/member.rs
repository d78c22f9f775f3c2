//! The members of a payload that are noted while it is read, and how their values are read.

use std::borrow::Cow;
use std::fmt;

use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

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
    Scope,
    Scp,
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
            "scope" => Self::Scope,
            "scp" => Self::Scp,
            "cnf" => Self::Confirmation,
            _ => return None,
        })
    }
}

/// A number as JSON has it, so that it can be both noted and handed on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
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

/// Whether a claim was one string or an array of strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    One,
    Several,
}

/// Reads a claim that may be either, and notes where its strings are.
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

/// Reads roles at the end of a path of member names: a string, an array of strings, or an array
/// of objects with a `value` (RFC 9068 section 2.2.3.1, RFC 7643 section 4.1.2). A path that ends
/// early means no roles; a value of another type at its end, or in its way, is an error.
pub(crate) struct RolesSeed<'p, 'de, 'o> {
    pub(crate) path: &'p [String],
    pub(crate) spans: &'o mut Spans,
    pub(crate) placer: &'o mut Placer<'de>,
}

impl<'de> DeserializeSeed<'de> for RolesSeed<'_, 'de, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.path.is_empty() {
            deserializer.deserialize_any(self)
        } else {
            deserializer.deserialize_map(self)
        }
    }
}

impl<'de> Visitor<'de> for RolesSeed<'_, 'de, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or an array of strings")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<(), E> {
        self.spans.push(self.placer.place_borrowed(text));
        Ok(())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        self.spans.push(self.placer.append(text));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(role) = seq.next_element_seed(RoleSeed)? {
            self.spans.push(self.placer.place(&role));
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((first, rest)) = self.path.split_first() else {
            return Err(de::Error::custom("roles are not an object"));
        };
        let mut found = false;
        while let Some(name) = map.next_key_seed(Text)? {
            if name != first.as_str() {
                map.next_value::<IgnoredAny>()?;
            } else if std::mem::replace(&mut found, true) {
                return Err(de::Error::custom("duplicate member"));
            } else {
                let (spans, placer) = (&mut *self.spans, &mut *self.placer);
                map.next_value_seed(RolesSeed { path: rest, spans, placer })?;
            }
        }
        Ok(())
    }
}

/// One role: a string, or an object with a `value`.
pub(crate) struct RoleSeed;

impl<'de> DeserializeSeed<'de> for RoleSeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for RoleSeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or an object with a `value`")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Text.visit_borrowed_str(text)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Text.visit_str(text)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut value = None;
        while let Some(name) = map.next_key_seed(Text)? {
            if name != "value" {
                map.next_value::<IgnoredAny>()?;
            } else if value.replace(map.next_value_seed(Text)?).is_some() {
                return Err(de::Error::duplicate_field("value"));
            }
        }
        value.ok_or_else(|| de::Error::missing_field("value"))
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
