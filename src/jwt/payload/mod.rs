//! One pass over the payload, which streams its members into the user's type.

pub(crate) mod claim_place;
pub(crate) mod exact_numbers;
pub(crate) mod members;
pub(crate) mod notes;
pub(crate) mod plain;
pub(crate) mod registered_claim;
pub(crate) mod replay;
pub(crate) mod reserved_names;
pub(crate) mod scan;
pub(crate) mod seeds;

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

use crate::jwt::payload::members::{Members, Reading};
use crate::jwt::payload::notes::{Noted, Wanted};
use crate::jwt::payload::plain::Plain;
use crate::jwt::payload::scan::NotPlain;

/// Reads the payload if it is as plain as most are.
pub(crate) fn read_plain<'de, T: Deserialize<'de>>(
    json: &'de str,
    wanted: &Wanted,
    noted: &mut Noted<'de>,
) -> Result<T, NotPlain> {
    if exact_numbers::are_on() {
        return Err(NotPlain);
    }
    let mut parser = Plain::new(json);
    let reading = Reading::Plain;
    let claims = T::deserialize(ClaimsSet { parser: &mut parser, wanted, reading, noted })?;
    parser.end()?;
    Ok(claims)
}

/// Reads the payload. An error may be the JSON's or that of `T`.
pub(crate) fn read<'de, T: Deserialize<'de>>(
    json: &'de str,
    wanted: &Wanted,
    noted: &mut Noted<'de>,
) -> Result<T, serde_json::Error> {
    let mut parser = serde_json::Deserializer::from_str(json);
    let reading = if exact_numbers::are_on() { Reading::ExactNumbers } else { Reading::Any };
    let claims = T::deserialize(ClaimsSet { parser: &mut parser, wanted, reading, noted })?;
    parser.end()?;
    Ok(claims)
}

/// A payload to deserialize from: whatever the type asks for, it gets one object.
struct ClaimsSet<'p, 'de, P> {
    parser: &'p mut P,
    wanted: &'p Wanted,
    reading: Reading,
    noted: &'p mut Noted<'de>,
}

impl<'p, 'de, P> ClaimsSet<'p, 'de, P>
where
    &'p mut P: Deserializer<'de>,
{
    fn read_fields<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, <&'p mut P as Deserializer<'de>>::Error> {
        let Self { parser, wanted, reading, noted } = self;
        parser.deserialize_map(Pass { visitor, fields, wanted, reading, noted })
    }
}

impl<'p, 'de, P> Deserializer<'de> for ClaimsSet<'p, 'de, P>
where
    &'p mut P: Deserializer<'de>,
{
    type Error = <&'p mut P as Deserializer<'de>>::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.read_fields(&[], visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.read_fields(fields, visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

struct Pass<'p, 'de, V> {
    visitor: V,
    /// The names of the struct that is read; empty for another type.
    fields: &'static [&'static str],
    wanted: &'p Wanted,
    reading: Reading,
    noted: &'p mut Noted<'de>,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Pass<'_, 'de, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        let Self { visitor, fields, wanted, reading, noted } = self;
        let mut members = Members::new(map, fields, wanted, reading, noted);
        let result = visitor.visit_map(&mut members);
        let value = result.inspect_err(|error| members.note_end(error))?;
        // A type may stop early; the rules hold for the rest all the same.
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(value)
    }
}
