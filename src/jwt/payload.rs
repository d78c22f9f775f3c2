//! One pass over the payload: its members stream into the user's type while the registered ones
//! are noted and a name that comes twice is refused.

use std::borrow::Cow;
use std::fmt;

use serde::de::value::{BorrowedStrDeserializer, StringDeserializer};
use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

use crate::clock::UnixTime;
use crate::jwt::facts::Named;
use crate::jwt::json::{Names, Text};
use crate::jwt::member::{Number, NumberSeed, RawSeed, Registered, RolesSeed, StringsSeed};
use crate::jwt::noted::{Noted, Roles, Wanted};
use crate::jwt::plain::Plain;
use crate::jwt::replay::Replay;
use crate::jwt::scan::NotPlain;
use crate::jwt::spans::{Span, Spans};

/// Reads the payload if it is as plain as nearly all are.
pub(crate) fn read_plain<'de, T: Deserialize<'de>>(
    json: &'de str,
    wanted: &Wanted,
    roles: Roles,
    noted: &mut Noted<'de>,
) -> Result<T, NotPlain> {
    let mut parser = Plain::new(json);
    let claims = T::deserialize(ClaimsSet { parser: &mut parser, wanted, roles, noted })?;
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
    let roles = Roles::Any;
    let claims = T::deserialize(ClaimsSet { parser: &mut parser, wanted, roles, noted })?;
    parser.end()?;
    Ok(claims)
}

/// A payload to deserialize from: whatever the type asks for, it is given one object.
struct ClaimsSet<'p, 'de, P> {
    parser: &'p mut P,
    wanted: &'p Wanted,
    roles: Roles,
    noted: &'p mut Noted<'de>,
}

impl<'p, 'de, P> Deserializer<'de> for ClaimsSet<'p, 'de, P>
where
    &'p mut P: Deserializer<'de>,
{
    type Error = <&'p mut P as Deserializer<'de>>::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        let Self { parser, wanted, roles, noted } = self;
        parser.deserialize_map(Pass { visitor, wanted, roles, noted })
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
        unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Pass<'p, 'de, V> {
    visitor: V,
    wanted: &'p Wanted,
    roles: Roles,
    noted: &'p mut Noted<'de>,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Pass<'_, 'de, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        let mut members = Members {
            map,
            wanted: self.wanted,
            roles: self.roles,
            noted: self.noted,
            member: Member::Other,
            registered: 0,
            names: Names::default(),
        };
        let value = self.visitor.visit_map(&mut members)?;
        // A type may stop early; the rules hold for the rest all the same.
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(value)
    }
}

/// The member whose name was read last.
#[derive(Clone, Copy)]
enum Member {
    Registered(Registered),
    Roles,
    Tenant,
    Required(u32),
    Other,
}

struct Members<'p, 'de, A> {
    map: A,
    wanted: &'p Wanted,
    roles: Roles,
    noted: &'p mut Noted<'de>,
    member: Member,
    /// A bit for each registered name seen.
    registered: u32,
    /// Every other name seen.
    names: Names<'de>,
}

impl<'de, A: MapAccess<'de>> Members<'_, 'de, A> {
    fn recognise(&mut self, name: &Cow<'de, str>) -> Result<Member, A::Error> {
        let required = self.wanted.required.iter().position(|wanted| wanted == name);
        let required = required.and_then(|place| u32::try_from(place).ok());
        if let Some(registered) = Registered::from_name(name) {
            let bit = 1_u32.wrapping_shl(registered as u32);
            if self.registered & bit != 0 {
                return Err(de::Error::custom("duplicate claim"));
            }
            self.registered |= bit;
            // Their values are never null, so being there is enough.
            self.require(required);
            return Ok(Member::Registered(registered));
        }
        if !self.names.insert(name) {
            return Err(de::Error::custom("duplicate claim"));
        }
        if self.wanted.roles.first().is_some_and(|first| first == name) {
            self.require(required);
            return Ok(Member::Roles);
        }
        if self.wanted.tenant.as_ref().is_some_and(|tenant| tenant == name) {
            self.require(required);
            return Ok(Member::Tenant);
        }
        Ok(required.map_or(Member::Other, Member::Required))
    }

    fn require(&mut self, place: Option<u32>) {
        self.noted.required |= place.map_or(0, |place| 1_u64.wrapping_shl(place));
    }

    fn text<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
        place: impl FnOnce(&mut Named) -> &mut Option<Span>,
    ) -> Result<S::Value, A::Error> {
        let text = self.map.next_value_seed(Text)?;
        *place(&mut self.noted.named) = Some(self.noted.placer.place(&text));
        seed.deserialize(Replay::text(&text))
    }

    fn date<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
        note: impl FnOnce(&mut Noted<'de>, UnixTime),
    ) -> Result<S::Value, A::Error> {
        let number = self.map.next_value_seed(NumberSeed)?;
        let date = match number {
            Number::Unsigned(secs) => UnixTime::from_secs(secs),
            Number::Signed(secs) => UnixTime::from_secs_i64(secs),
            Number::Float(secs) => UnixTime::from_secs_f64(secs),
        };
        note(self.noted, date);
        seed.deserialize(Replay::number(number))
    }

    fn strings<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
        places: impl FnOnce(&mut Named) -> &mut Spans,
    ) -> Result<S::Value, A::Error> {
        let Noted { named, placer, .. } = &mut *self.noted;
        let spans = places(named);
        let before = spans.len();
        let form = self.map.next_value_seed(StringsSeed { spans, placer })?;
        let noted = spans.get(before..).unwrap_or_default();
        seed.deserialize(Replay::strings(form, noted, placer))
    }

    /// Reads the value's text once to skip it and once for each reader: roles may be deep inside,
    /// and what the user's type makes of them is its own.
    fn raw<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
        read: impl FnOnce(&mut Self, &'de str) -> Result<(), serde_json::Error>,
    ) -> Result<S::Value, A::Error> {
        let raw = self.map.next_value_seed(RawSeed)?;
        read(self, raw).map_err(de::Error::custom)?;
        let mut parser = serde_json::Deserializer::from_str(raw);
        seed.deserialize(&mut parser).map_err(de::Error::custom)
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Members<'_, 'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        let Some(name) = self.map.next_key_seed(Text)? else { return Ok(None) };
        self.member = self.recognise(&name)?;
        match name {
            Cow::Borrowed(name) => seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some),
            Cow::Owned(name) => seed.deserialize(StringDeserializer::new(name)).map(Some),
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        match self.member {
            Member::Other => self.map.next_value_seed(seed),
            Member::Registered(registered) => match registered {
                Registered::Issuer => self.text(seed, |named| &mut named.issuer),
                Registered::Subject => self.text(seed, |named| &mut named.subject),
                Registered::Id => self.text(seed, |named| &mut named.id),
                Registered::Session => self.text(seed, |named| &mut named.session),
                Registered::Expires => self.date(seed, |noted, at| noted.expires_at = Some(at)),
                Registered::NotBefore => {
                    self.date(seed, |noted, at| noted.named.not_before = Some(at))
                }
                Registered::IssuedAt => {
                    self.date(seed, |noted, at| noted.named.issued_at = Some(at))
                }
                Registered::Audience => {
                    self.noted.audience = true;
                    self.strings(seed, |named| &mut named.audience)
                }
                Registered::Scope | Registered::Scp => {
                    self.strings(seed, |named| &mut named.scopes)
                }
                Registered::Confirmation => {
                    self.noted.confirmation = true;
                    self.map.next_value_seed(seed)
                }
            },
            Member::Tenant => self.text(seed, |named| &mut named.tenant),
            Member::Roles if self.roles == Roles::Plain => {
                self.strings(seed, |named| &mut named.roles)
            }
            Member::Roles => self.raw(seed, |members, json| {
                let path = members.wanted.roles.get(1..).unwrap_or_default();
                let mut parser = serde_json::Deserializer::from_str(json);
                let Noted { named, placer, .. } = &mut *members.noted;
                RolesSeed { path, spans: &mut named.roles, placer }.deserialize(&mut parser)
            }),
            Member::Required(place) => self.raw(seed, |members, json| {
                members.require((json != "null").then_some(place));
                Ok(())
            }),
        }
    }
}
