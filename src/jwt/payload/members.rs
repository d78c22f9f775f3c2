//! The members of a payload. Registered and configured claims are noted while the user's type reads
//! them, and duplicate names are rejected.

use std::borrow::Cow;

use serde::de::value::{BorrowedStrDeserializer, StringDeserializer};
use serde::de::{self, DeserializeSeed, MapAccess};

use crate::clock::UnixTime;
use crate::jwt::claim_error::ClaimError;
use crate::jwt::json::{OrNull, SeenNames, Text};
use crate::jwt::payload::claim_place::{ClaimPlace, ClaimPlaceSeed, Purpose};
use crate::jwt::payload::notes::{Noted, Wanted};
use crate::jwt::payload::registered_claim::RegisteredClaim;
use crate::jwt::payload::replay::Replay;
use crate::jwt::payload::seeds::{NumberSeed, RawSeed, StringsForm, StringsSeed};
use crate::jwt::spans::{Span, Spans};
use crate::jwt::verified_token::Named;

/// The way to read a value that is both noted and passed on to the user's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// In one step, in the form that most issuers write. Other forms are left to a second reading.
    Plain,
    /// In any form.
    Any,
    /// In any form, with `serde_json` representing each number as its text.
    ExactNumbers,
}

/// The meaning of the member whose name was read last.
#[derive(Clone, Copy)]
enum Member<'p> {
    Registered(RegisteredClaim),
    /// The member is, or contains, the place of roles, scopes or the tenant.
    Placed(&'p ClaimPlace),
    Other,
}

/// The members of a payload. Each member is passed on to the user's type, and the claims that the
/// verifier needs are noted.
pub(crate) struct Members<'p, 'de, A> {
    map: A,
    /// The field names of the struct that is read. Empty if the type is not a struct.
    fields: &'static [&'static str],
    wanted: &'p Wanted,
    reading: Reading,
    noted: &'p mut Noted<'de>,
    member: Member<'p>,
    /// The name of the member, if the program contains it.
    known_name: Option<&'static str>,
    /// The number of the member's bit in [`Noted::required`], if it is required.
    required: Option<u32>,
    /// One bit for each registered name that was seen.
    registered: u32,
    /// All other names that were seen.
    names: SeenNames<'de>,
    /// True after an error, even if the user's type ignored the error.
    pub(crate) has_failed: bool,
}

impl<'p, 'de, A: MapAccess<'de>> Members<'p, 'de, A> {
    pub(crate) fn new(
        map: A,
        fields: &'static [&'static str],
        wanted: &'p Wanted,
        reading: Reading,
        noted: &'p mut Noted<'de>,
    ) -> Self {
        Self {
            map,
            fields,
            wanted,
            reading,
            noted,
            member: Member::Other,
            known_name: None,
            required: None,
            registered: 0,
            names: SeenNames::default(),
            has_failed: false,
        }
    }

    /// Returns the name in the program that equals `name`. Reasons may contain that name, but no
    /// name from the token.
    fn find_name(&self, name: &str) -> Option<&'static str> {
        let field = self.fields.iter().copied().find(|field| *field == name);
        field.or_else(|| RegisteredClaim::from_name(name).map(RegisteredClaim::name))
    }

    /// Notes the first failure. Scanner errors are skipped, since they have no message.
    #[cold]
    fn note_failure(&mut self, failure: impl FnOnce(&Self) -> Option<ClaimError>) {
        if self.reading != Reading::Plain && self.noted.failure.is_none() {
            self.noted.failure = failure(self);
        }
    }

    /// Records an error of the claims type that does not concern a single member, such as a missing
    /// field.
    pub(crate) fn note_end(&mut self, error: &A::Error) {
        self.note_failure(|members| {
            ClaimError::of_type(&error.to_string(), |name| members.find_name(name))
        });
    }

    fn recognise(&mut self, name: &Cow<'de, str>) -> Result<Member<'p>, A::Error> {
        let required = self.wanted.required.iter().position(|wanted| wanted == name);
        self.required = required.and_then(|place| u32::try_from(place).ok());
        if let Some(registered) = RegisteredClaim::from_name(name) {
            let bit = 1_u32.wrapping_shl(registered as u32);
            if self.registered & bit != 0 {
                return Err(self.duplicate());
            }
            self.registered |= bit;
            return Ok(Member::Registered(registered));
        }
        if !self.names.insert(name) {
            return Err(self.duplicate());
        }
        Ok(self.wanted.first_in(name).map_or(Member::Other, Member::Placed))
    }

    #[cold]
    fn duplicate(&mut self) -> A::Error {
        self.noted.has_duplicate = true;
        de::Error::custom("duplicate claim")
    }

    /// Notes that the member is present and not `null`.
    fn is_there(&mut self) {
        self.noted.required |= self.required.map_or(0, |place| 1_u64.wrapping_shl(place));
    }

    fn text<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
        place: impl FnOnce(&mut Named) -> &mut Option<Span>,
    ) -> Result<S::Value, A::Error> {
        let text = self.map.next_value_seed(OrNull(Text))?;
        if let Some(text) = &text {
            self.is_there();
            *place(&mut self.noted.named) = Some(self.noted.placer.place(text));
        }
        seed.deserialize(Replay::text(text.as_ref()))
    }

    fn date<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
        note: impl FnOnce(&mut Noted<'de>, UnixTime),
    ) -> Result<S::Value, A::Error> {
        if self.reading == Reading::ExactNumbers {
            return self.raw(seed, |members, json| {
                if let Some(number) = from_text(json, OrNull(NumberSeed))? {
                    note(members.noted, number.into());
                }
                Ok(())
            });
        }
        let number = self.map.next_value_seed(OrNull(NumberSeed))?;
        if let Some(number) = number {
            self.is_there();
            note(self.noted, number.into());
        }
        seed.deserialize(Replay::number(number))
    }

    fn strings<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
        places: impl FnOnce(&mut Named) -> &mut Spans,
    ) -> Result<(StringsForm, S::Value), A::Error> {
        let Noted { named, placer, .. } = &mut *self.noted;
        let spans = places(named);
        let before = spans.len();
        let form = self.map.next_value_seed(StringsSeed { spans, placer })?;
        let noted = spans.get(before..).unwrap_or_default();
        let value = seed.deserialize(Replay::strings(form, noted, placer))?;
        if form != StringsForm::Null {
            self.is_there();
        }
        Ok((form, value))
    }

    /// Skips the value, and then reads its text twice: for the verifier and for the user's type.
    fn raw<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
        read: impl FnOnce(&mut Self, &'de str) -> Result<(), serde_json::Error>,
    ) -> Result<S::Value, A::Error> {
        let raw = self.map.next_value_seed(RawSeed)?;
        if raw != "null" {
            self.is_there();
        }
        read(self, raw).map_err(de::Error::custom)?;
        from_text(raw, seed).map_err(de::Error::custom)
    }

    /// Reads a `sub` that may be a whole number. The number is noted as it is written.
    fn any_subject<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.raw(seed, |members, json| {
            let Noted { named, placer, .. } = &mut *members.noted;
            named.subject = if is_whole_number(json) {
                Some(placer.place_borrowed(json))
            } else {
                from_text(json, OrNull(Text))?.map(|text| placer.place(&text))
            };
            Ok(())
        })
    }

    fn placed<S: DeserializeSeed<'de>>(
        &mut self,
        place: &'p ClaimPlace,
        seed: S,
    ) -> Result<S::Value, A::Error> {
        if place.is_simple && self.reading == Reading::Plain {
            let (_, value) = match place.purpose {
                Purpose::Roles => self.strings(seed, |named| &mut named.roles)?,
                Purpose::Scopes => self.strings(seed, |named| &mut named.scopes)?,
                Purpose::Tenant => return self.text(seed, |named| &mut named.tenant),
            };
            return Ok(value);
        }
        self.raw(seed, |members, json| {
            members
                .wanted
                .all_in(place.path.first())
                .try_for_each(|place| members.note(place, json))
        })
    }

    /// Notes the strings at a place. `json` is the text of the claim that contains the place.
    fn note(&mut self, place: &ClaimPlace, json: &'de str) -> Result<(), serde_json::Error> {
        let Noted { named, placer, .. } = &mut *self.noted;
        let mut tenant = Spans::default();
        let spans = match place.purpose {
            Purpose::Roles => &mut named.roles,
            Purpose::Scopes => &mut named.scopes,
            Purpose::Tenant => &mut tenant,
        };
        let before = spans.len();
        match from_text(json, ClaimPlaceSeed::new(place, spans, placer)) {
            Err(error) if place.is_configured => {
                let path = place.path.to_string().into();
                self.noted.failure = Some(ClaimError::in_value(Some(path), &error.to_string()));
                return Err(error);
            }
            Err(_) => spans.truncate(before),
            Ok(()) => {}
        }
        if let Some(span) = tenant.first() {
            named.tenant = Some(*span);
        }
        Ok(())
    }
}

fn from_text<'de, S: DeserializeSeed<'de>>(
    json: &'de str,
    seed: S,
) -> Result<S::Value, serde_json::Error> {
    seed.deserialize(&mut serde_json::Deserializer::from_str(json))
}

/// Returns true for a 64-bit whole number in JSON without an exponent. `-0` is rejected, so that
/// each number has one spelling.
fn is_whole_number(json: &str) -> bool {
    (json.parse::<i64>().is_ok() || json.parse::<u64>().is_ok()) && json != "-0"
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Members<'_, 'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        let key = self.key(seed);
        self.has_failed |= key.is_err();
        key
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let value = self.value(seed);
        self.has_failed |= value.is_err();
        value.inspect_err(|error| {
            self.note_failure(|members| {
                let name = members.known_name.map(Cow::Borrowed);
                Some(ClaimError::in_value(name, &error.to_string()))
            });
        })
    }
}

impl<'de, A: MapAccess<'de>> Members<'_, 'de, A> {
    /// Reads the next name.
    #[inline]
    fn key<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let Some(name) = self.map.next_key_seed(Text)? else { return Ok(None) };
        self.member = self.recognise(&name)?;
        if self.reading != Reading::Plain {
            self.known_name = self.find_name(&name);
        }
        let key = match name {
            Cow::Borrowed(name) => seed.deserialize(BorrowedStrDeserializer::new(name)),
            Cow::Owned(name) => seed.deserialize(StringDeserializer::new(name)),
        };
        let key = key.inspect_err(|error: &A::Error| {
            self.note_failure(|members| {
                Some(ClaimError::of_name(members.known_name, &error.to_string()))
            });
        });
        key.map(Some)
    }

    /// Reads the value of the member whose name was read last.
    #[inline]
    fn value<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let registered = match self.member {
            Member::Registered(registered) => registered,
            Member::Placed(place) => return self.placed(place, seed),
            Member::Other if self.required.is_some() => return self.raw(seed, |_, _| Ok(())),
            Member::Other => return self.map.next_value_seed(seed),
        };
        match registered {
            RegisteredClaim::Issuer => self.text(seed, |named| &mut named.issuer),
            RegisteredClaim::Subject if self.wanted.numeric_subject => self.any_subject(seed),
            RegisteredClaim::Subject => self.text(seed, |named| &mut named.subject),
            RegisteredClaim::Id => self.text(seed, |named| &mut named.id),
            RegisteredClaim::Session => self.text(seed, |named| &mut named.session),
            RegisteredClaim::Expires => self.date(seed, |noted, at| noted.expires_at = Some(at)),
            RegisteredClaim::NotBefore => {
                self.date(seed, |noted, at| noted.named.not_before = Some(at))
            }
            RegisteredClaim::IssuedAt => {
                self.date(seed, |noted, at| noted.named.issued_at = Some(at))
            }
            RegisteredClaim::Audience => {
                let (form, value) = self.strings(seed, |named| &mut named.audience)?;
                self.noted.audience = form != StringsForm::Null;
                Ok(value)
            }
            RegisteredClaim::Confirmation => self.raw(seed, |members, json| {
                members.noted.confirmation = json != "null";
                Ok(())
            }),
        }
    }
}
