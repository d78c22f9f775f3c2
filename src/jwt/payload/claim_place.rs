//! The paths of the roles, the scopes and the tenant in the claims, and the reader of their values.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::jwt::claim_path::ClaimPath;
use crate::jwt::json::Text;
use crate::jwt::payload::reserved_names;
use crate::jwt::spans::{Placer, Spans};

/// The purpose of the strings at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Roles,
    Scopes,
    Tenant,
}

/// A place that is read in every token.
#[derive(Clone, Debug)]
pub(crate) struct ClaimPlace {
    pub(crate) purpose: Purpose,
    pub(crate) path: ClaimPath,
    /// A value of the wrong type makes the token invalid only at a configured place. At a default
    /// place such a value is ignored, and grants nothing.
    pub(crate) is_configured: bool,
    /// The place is a whole claim and no other place lies in this claim, so the value can be read
    /// and passed on in one step.
    pub(crate) is_simple: bool,
}

impl ClaimPlace {
    pub(crate) fn new(purpose: Purpose, path: impl Into<ClaimPath>) -> Self {
        Self { purpose, path: path.into(), is_configured: false, is_simple: true }
    }
}

/// Reads the strings at the end of a path: one string; or, for roles and scopes, an array of
/// strings and of objects with a member (RFC 9068 section 2.2.3.1, RFC 7643 section 4.1.2), or the
/// keys of an object. If a member on the path is missing or `null`, there are no strings. A value
/// of any other type, on the path or at its end, is an error.
pub(crate) struct ClaimPlaceSeed<'p, 'de, 'o> {
    place: &'p ClaimPlace,
    /// The remaining names of the path.
    names: &'p [String],
    spans: &'o mut Spans,
    placer: &'o mut Placer<'de>,
}

impl<'p, 'de, 'o> ClaimPlaceSeed<'p, 'de, 'o> {
    /// Creates a seed for the value of the claim that the path starts with.
    pub(crate) fn new(
        place: &'p ClaimPlace,
        spans: &'o mut Spans,
        placer: &'o mut Placer<'de>,
    ) -> Self {
        Self { place, names: place.path.rest(), spans, placer }
    }
}

impl<'de> DeserializeSeed<'de> for ClaimPlaceSeed<'_, 'de, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ClaimPlaceSeed<'_, 'de, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.names.is_empty(), self.place.purpose) {
            (false, _) => "an object",
            (true, Purpose::Tenant) => "a string",
            (true, _) => "a string or an array of strings",
        })
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<(), E> {
        if !self.names.is_empty() {
            return Err(E::invalid_type(de::Unexpected::Str(text), &self));
        }
        self.spans.push(self.placer.place_borrowed(text));
        Ok(())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        if !self.names.is_empty() {
            return Err(E::invalid_type(de::Unexpected::Str(text), &self));
        }
        self.spans.push(self.placer.append(text));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        if !self.names.is_empty() || self.place.purpose == Purpose::Tenant {
            return Err(de::Error::invalid_type(de::Unexpected::Seq, &self));
        }
        let member = self.place.path.member();
        while let Some(text) = seq.next_element_seed(ElementSeed { member })? {
            self.spans.push(self.placer.place(&text));
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((first, rest)) = self.names.split_first() else {
            return self.keys(map);
        };
        while let Some(name) = next_name(&mut map)? {
            if name == first.as_str() {
                let (spans, placer) = (&mut *self.spans, &mut *self.placer);
                map.next_value_seed(ClaimPlaceSeed {
                    place: self.place,
                    names: rest,
                    spans,
                    placer,
                })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

impl<'de> ClaimPlaceSeed<'_, 'de, '_> {
    fn keys<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        if !self.place.path.takes_keys() || self.place.purpose == Purpose::Tenant {
            return Err(de::Error::invalid_type(de::Unexpected::Map, &self));
        }
        while let Some(name) = next_name(&mut map)? {
            if map.next_value_seed(Counts)? {
                self.spans.push(self.placer.place(&name));
            }
        }
        Ok(())
    }
}

/// Reads the next name of an object. With the `arbitrary_precision` feature of `serde_json`, a
/// number is read as an object with one reserved name. Such an object is an error here.
fn next_name<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<Cow<'de, str>>, A::Error> {
    match map.next_key_seed(Text)? {
        Some(name) if reserved_names::is_reserved(&name) => {
            Err(de::Error::invalid_type(de::Unexpected::Other("number"), &"an object"))
        }
        name => Ok(name),
    }
}

/// Reads one element: a string, or an object with this member.
struct ElementSeed<'p> {
    member: &'p str,
}

impl<'de> DeserializeSeed<'de> for ElementSeed<'_> {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ElementSeed<'_> {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a string or an object with a `{}`", self.member)
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Text.visit_borrowed_str(text)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Text.visit_str(text)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut value = None;
        while let Some(name) = next_name(&mut map)? {
            if name == self.member {
                value = Some(map.next_value_seed(Text)?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        value.ok_or_else(|| de::Error::invalid_type(de::Unexpected::Map, &self))
    }
}

/// Reads a value and returns true unless it is `false` or `null`.
struct Counts;

impl<'de> DeserializeSeed<'de> for Counts {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Counts {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<bool, E> {
        Ok(value)
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(true)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(true)
    }
}
