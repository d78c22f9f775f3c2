//! One pass over the payload: its members stream into the user's type while the registered ones
//! are noted and a name that comes twice is refused.

use std::borrow::Cow;
use std::fmt;

use serde::de::value::{BorrowedStrDeserializer, StringDeserializer};
use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::value::RawValue;

use crate::clock::UnixTime;
use crate::jwt::json::{Names, Text};
use crate::jwt::member::{
    Number, NumberSeed, OneOrSeveral, Registered, RolesSeed, Strings, StringsSeed,
};
use crate::jwt::replay::Replay;

/// Names by which `serde_json` talks to itself: read into its `Value`, an object that begins with
/// one of them becomes whatever JSON the member holds as text, in place of the claims.
const IN_BAND: &str = "$serde_json::private::";

/// What to look for besides the registered claims.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// Where the roles are: member names from the outermost in.
    pub(crate) roles: Vec<String>,
    /// Members that must be there and not `null`; at most 64.
    pub(crate) required: Vec<String>,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Noted<'de> {
    pub(crate) issuer: Option<Cow<'de, str>>,
    pub(crate) subject: Option<Cow<'de, str>>,
    pub(crate) id: Option<Cow<'de, str>>,
    pub(crate) audience: Option<Strings<'de>>,
    pub(crate) scopes: Strings<'de>,
    pub(crate) roles: Strings<'de>,
    pub(crate) expires_at: Option<UnixTime>,
    pub(crate) not_before: Option<UnixTime>,
    pub(crate) issued_at: Option<UnixTime>,
    pub(crate) confirmation: bool,
    /// A bit for each of [`Wanted::required`].
    pub(crate) required: u64,
}

/// Reads the payload. An error may be the JSON's or that of `T`: see [`is_claims_set`].
pub(crate) fn read<'de, T: Deserialize<'de>>(
    json: &'de str,
    wanted: &Wanted,
) -> Result<(Noted<'de>, T), serde_json::Error> {
    let mut noted = Noted::default();
    let mut parser = serde_json::Deserializer::from_str(json);
    let claims = T::deserialize(ClaimsSet { parser: &mut parser, wanted, noted: &mut noted })?;
    parser.end()?;
    Ok((noted, claims))
}

/// The same without a type to read into: what fails here is the token's fault.
pub(crate) fn is_claims_set<'de>(json: &'de str, wanted: &Wanted) -> Option<Noted<'de>> {
    read::<IgnoredAny>(json, wanted).ok().map(|(noted, _)| noted)
}

/// A payload to deserialize from: whatever the type asks for, it is given one object.
struct ClaimsSet<'p, 'de> {
    parser: &'p mut serde_json::Deserializer<serde_json::de::StrRead<'de>>,
    wanted: &'p Wanted,
    noted: &'p mut Noted<'de>,
}

impl<'de> Deserializer<'de> for ClaimsSet<'_, 'de> {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.parser.deserialize_map(Pass { visitor, wanted: self.wanted, noted: self.noted })
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
    Required(u32),
    Other,
}

struct Members<'p, 'de, A> {
    map: A,
    wanted: &'p Wanted,
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
        if name.starts_with(IN_BAND) {
            return Err(de::Error::custom("reserved name"));
        }
        if !self.names.insert(name) {
            return Err(de::Error::custom("duplicate claim"));
        }
        if self.wanted.roles.first().is_some_and(|first| first == name) {
            self.require(required);
            return Ok(Member::Roles);
        }
        Ok(required.map_or(Member::Other, Member::Required))
    }

    fn require(&mut self, place: Option<u32>) {
        self.noted.required |= place.map_or(0, |place| 1_u64.wrapping_shl(place));
    }

    fn text<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
        note: impl FnOnce(&mut Noted<'de>, Cow<'de, str>),
    ) -> Result<S::Value, A::Error> {
        let text = self.map.next_value_seed(Text)?;
        let value = seed.deserialize(Replay::text(&text));
        note(self.noted, text);
        value
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
        note: impl FnOnce(&mut Noted<'de>, Strings<'de>),
    ) -> Result<S::Value, A::Error> {
        let strings = self.map.next_value_seed(StringsSeed)?;
        let value = seed.deserialize(Replay::strings(&strings));
        note(
            self.noted,
            match strings {
                OneOrSeveral::One(text) => Strings::from_iter([text]),
                OneOrSeveral::Several(texts) => texts,
            },
        );
        value
    }

    /// Reads the value's text once to skip it and once for each reader: roles may be deep inside,
    /// and what the user's type makes of them is its own.
    fn raw<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
        read: impl FnOnce(&mut Self, &'de str) -> Result<(), serde_json::Error>,
    ) -> Result<S::Value, A::Error> {
        let raw: &'de RawValue = self.map.next_value()?;
        read(self, raw.get()).map_err(de::Error::custom)?;
        let mut parser = serde_json::Deserializer::from_str(raw.get());
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
                Registered::Issuer => self.text(seed, |noted, text| noted.issuer = Some(text)),
                Registered::Subject => self.text(seed, |noted, text| noted.subject = Some(text)),
                Registered::Id => self.text(seed, |noted, text| noted.id = Some(text)),
                Registered::Expires => self.date(seed, |noted, at| noted.expires_at = Some(at)),
                Registered::NotBefore => self.date(seed, |noted, at| noted.not_before = Some(at)),
                Registered::IssuedAt => self.date(seed, |noted, at| noted.issued_at = Some(at)),
                Registered::Audience => {
                    self.strings(seed, |noted, texts| noted.audience = Some(texts))
                }
                Registered::Scope | Registered::Scp => {
                    self.strings(seed, |noted, texts| noted.scopes.extend(texts))
                }
                Registered::Confirmation => {
                    self.noted.confirmation = true;
                    self.map.next_value_seed(seed)
                }
            },
            Member::Roles => self.raw(seed, |members, json| {
                let path = members.wanted.roles.get(1..).unwrap_or_default();
                let mut parser = serde_json::Deserializer::from_str(json);
                RolesSeed { path, roles: &mut members.noted.roles }.deserialize(&mut parser)
            }),
            Member::Required(place) => self.raw(seed, |members, json| {
                members.require((json != "null").then_some(place));
                Ok(())
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_serde_json_keeps_to_itself_cannot_replace_the_claims() {
        let wanted = Wanted { roles: vec!["roles".to_owned()], required: Vec::new() };
        let json = r#"{"$serde_json::private::RawValue":"{\"sub\":\"admin\"}","sub":"alice"}"#;
        assert!(read::<serde_json::Value>(json, &wanted).is_err());
        assert!(is_claims_set(json, &wanted).is_none());
        let json = r#"{"$ref":"x","sub":"alice"}"#;
        let (noted, claims) = read::<serde_json::Value>(json, &wanted).unwrap();
        assert_eq!(noted.subject.as_deref(), Some("alice"));
        assert_eq!(claims["$ref"], "x");
    }
}
