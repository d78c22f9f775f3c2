//! The single pass that reads a payload.
//!
//! A verifier needs a dozen claims: `exp`, `aud`, the roles and so on. The application needs its
//! own type `T`, whose fields may be the same claims. One pass over the payload reads the
//! verifier's claims and `T`. It would be slower to parse the payload twice, or to parse it into a
//! tree first.
//!
//! ```text
//!   T::deserialize ──asks──▶ ClaimsSet ──▶ Members ──notes──▶ values ──▶ Noted (spans, dates)
//!        ▲                                   │  │               │
//!        │                              names│  │values         │read ahead
//!        │                                   ▼  ▼               ▼
//!        └──────────values────────────  Reader (depth, names, duplicates)
//!                                            │         │
//!                                    usual forms     rare forms
//!                                            ▼         ▼
//!                                         Scanner   serde_json
//! ```
//!
//! 1. `T::deserialize` gets the deserializer `ClaimsSet`, whose only content is one object: the
//!    payload.
//! 2. When `T` asks for the next member, [`members`] reads the name, rejects duplicates, and
//!    recognizes registered, required and configured claims.
//! 3. A claim that has a rule is read ahead and compared immediately ([`claim_rule`]). The pass
//!    sets a bit in `Noted` ([`notes`]) for each rule that is met.
//! 4. For a registered claim, or a claim that contains roles, scopes or the tenant, [`values`]
//!    reads the value ahead and stores it in `Noted`, as a date or as a position in the payload.
//!    The reader then moves back.
//! 5. The value goes straight from the [`Reader`] to `T`. If `T` skips a value that was read ahead,
//!    the reader jumps to its end.
//! 6. Members that `T` skips are recorded too, since `T` must ask for them in order to skip them.
//!    If `T` stops early, the pass itself reads the remaining members. If `T` reads nothing, or
//!    ignores an error in the payload, the pass fails.
//! 7. The reader itself reads whole numbers, and strings that have no escapes. For every other
//!    string or number, the reader finds only the end, and `serde_json` reads the text.
//!    `serde_json` also reads enums with data, and `RawValue`, which needs the private names of
//!    `serde_json`.
//! 8. The rules for depth and names are enforced where the text is read, whether a value is read or
//!    skipped: at most 32 levels, no duplicate names in an object, and no names that `serde_json`
//!    reserves.
//! 9. If reading fails, `Noted` names the claim that could not be read. The claim's name comes from
//!    `T`'s list of fields or from the configuration, and never from the token.
//! 10. The pass records registered claims, such as `exp` and `aud`, but does not compare them with
//!     the rules. After the pass, `Validation` compares them. `Validation` also rejects the token
//!     if `Noted` has no bit for one of the rules of step 3. The caller has verified the signature
//!     before the pass.

pub(crate) mod claim_place;
pub(crate) mod claim_rule;
mod members;
pub(crate) mod notes;
pub(crate) mod registered_claim;
mod values;

use serde::de::{Deserialize, Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Error;
use serde_json::de::StrRead;

use crate::jwt::json::by_serde_json;
use crate::jwt::json::names;
use crate::jwt::json::reader::Reader;
use crate::jwt::payload::members::Members;
use crate::jwt::payload::notes::{Noted, Wanted};

/// Reads a payload into `T`, and records its claims in `noted`. If one claim causes an error, the
/// name of this claim is recorded too.
pub(crate) fn read<'de, T: Deserialize<'de>>(
    json: &'de str,
    wanted: &Wanted,
    noted: &mut Noted<'_, 'de>,
) -> Result<T, Error> {
    let mut reader = Reader::new(json);
    let claims = T::deserialize(ClaimsSet { json, reader: &mut reader, wanted, noted });
    noted.fault = reader.fault();
    // A claims type may ignore an error of the deserializer. Without this check, the token could
    // then be accepted although some of its claims were not read.
    if claims.is_ok() && !noted.is_complete {
        return Err(Error::custom("the type ignored an error"));
    }
    claims
}

/// The payload's deserializer. It passes an object to the visitor, even if the claims type asks for
/// another type.
struct ClaimsSet<'r, 'p, 'n, 'de> {
    json: &'de str,
    reader: &'r mut Reader<'de>,
    wanted: &'p Wanted,
    noted: &'r mut Noted<'n, 'de>,
}

impl<'de> ClaimsSet<'_, '_, '_, 'de> {
    fn read_fields<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.reader.open_object()?;
        let mut members = Members::new(self.reader, fields, self.wanted, self.noted);
        match visitor.visit_map(&mut members) {
            Ok(claims) => members.close().map(|()| claims),
            Err(error) => {
                members.note_end(&error);
                Err(error)
            }
        }
    }

    /// Records all members, without reading them into a type.
    fn note_all(&mut self) -> Result<(), Error> {
        self.reader.open_object()?;
        Members::new(self.reader, &[], self.wanted, self.noted).close()
    }

    /// Records all members. Then lets `serde_json` read the payload a second time, into the user's
    /// type.
    fn hand_over<R>(
        mut self,
        read: impl FnOnce(&mut serde_json::Deserializer<StrRead<'de>>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        self.note_all()?;
        by_serde_json::read(self.json, read)
    }
}

impl<'de> Deserializer<'de> for ClaimsSet<'_, '_, '_, 'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.read_fields(&[], visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.read_fields(fields, visitor)
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
            return self.hand_over(|json| json.deserialize_newtype_struct(name, visitor));
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.hand_over(|json| json.deserialize_enum(name, variants, visitor))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        self.note_all()?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map identifier
    }
}
