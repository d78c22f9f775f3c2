//! One pass over the payload.
//!
//! A verifier needs a dozen claims: `exp`, `aud`, the roles and so on. The application needs its
//! own type `T`, whose fields may be the same claims. Parsing the payload twice, or into a tree
//! first, is slower, so one pass does both.
//!
//! 1. `T::deserialize` gets our own deserializer, `ClaimsSet`, whose only content is one object.
//! 2. When `T` asks for the next member, [`members`] reads the name from the JSON parser, rejects
//!    duplicates, and recognizes registered, required and configured claims.
//! 3. The value of any other member goes straight from the parser to `T`.
//! 4. The value of a recognized claim is read by a seed of [`seeds`] or [`claim_place`], noted as a
//!    position in the payload ([`notes`]), and then passed on to `T` by [`replay`].
//! 5. Members that `T` skips are noted too, since `T` must ask for them in order to skip them. If
//!    `T` stops early, the pass itself reads the remaining members.
//! 6. Nearly all issuers write plain JSON: whole numbers, no escapes in names. [`scan`] and
//!    [`plain`] read this form quickly, and accept nothing that `serde_json` would reject.
//! 7. If the scanner cannot read the payload, the pass starts again with `serde_json`, whose result
//!    is final.
//! 8. If this reading fails, the notes contain the claim at which it failed. The name of the claim
//!    comes from `T`'s list of fields or from the configuration, and never from the token.
//! 9. Claims are only noted here. `Validation` compares them with the rules after the pass.
//! 10. The caller has verified the signature, and has checked the depth, the names in nested
//!     objects ([`duplicates`](crate::jwt::duplicates)) and the names that `serde_json` reserves
//!     ([`reserved_names`]) before the pass starts.

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

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

use crate::jwt::payload::members::{Members, Reading};
use crate::jwt::payload::notes::{Noted, Wanted};
use crate::jwt::payload::plain::Plain;
use crate::jwt::payload::scan::NotPlain;

/// Reads a payload of the usual plain form. Fails for every other payload.
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

/// Reads any payload. Fails if the JSON is invalid or does not fit `T`. The notes then contain the
/// claim at which reading failed.
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

/// The deserializer of a payload. It gives one object to every type, whatever the type asks for.
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
    /// The field names of the struct that is read. Empty if the type is not a struct.
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
        // A type may stop early. The rules apply to the other members too.
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        // A type that ignores an error must not make a malformed claim count as an absent one.
        if members.has_failed {
            return Err(de::Error::custom("the type ignored an error"));
        }
        Ok(value)
    }
}
