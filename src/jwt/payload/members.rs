//! The members of a payload. Registered and configured claims are noted, and every member is passed
//! on to the user's type.

use serde::de::{self, DeserializeSeed, MapAccess};
use serde_json::Error;

use crate::jwt::claim_error::ClaimError;
use crate::jwt::json::member_name::MemberName;
use crate::jwt::json::names::SeenNames;
use crate::jwt::json::reader::{Fault, Reader};
use crate::jwt::payload::claim_place::ClaimPlace;
use crate::jwt::payload::notes::{Noted, Wanted};
use crate::jwt::payload::registered_claim::RegisteredClaim;
use crate::jwt::payload::values;

/// The meaning of the member whose name was read last.
#[derive(Clone, Copy)]
enum Member<'p> {
    Registered(RegisteredClaim),
    /// The member is, or contains, the place of roles, scopes or the tenant.
    Placed(&'p ClaimPlace),
    Other,
}

/// The members of a payload, for the visitor of the user's type.
pub(crate) struct Members<'r, 'p, 'n, 'de> {
    reader: &'r mut Reader<'de>,
    /// The field names of the struct that is read. Empty if the type is not a struct.
    fields: &'static [&'static str],
    wanted: &'p Wanted,
    noted: &'r mut Noted<'n, 'de>,
    is_first: bool,
    member: Member<'p>,
    /// The name of the member, as it is written.
    quoted_name: &'de str,
    /// The bit of the member in [`Noted::required`], if it is required.
    required: u64,
    /// One bit for each registered name that was seen.
    registered: u32,
    /// All other names that were seen.
    seen: SeenNames<'de>,
    /// True after an error, even if the user's type ignored the error.
    has_failed: bool,
}

impl<'r, 'p, 'n, 'de> Members<'r, 'p, 'n, 'de> {
    /// Opens the payload, which must be an object.
    pub(crate) fn open(
        reader: &'r mut Reader<'de>,
        fields: &'static [&'static str],
        wanted: &'p Wanted,
        noted: &'r mut Noted<'n, 'de>,
    ) -> Result<Self, Error> {
        if reader.peek() != Some(b'{') {
            return Err(reader.fail(Fault::Syntax));
        }
        reader.open()?;
        Ok(Self {
            reader,
            fields,
            wanted,
            noted,
            is_first: true,
            member: Member::Other,
            quoted_name: "",
            required: 0,
            registered: 0,
            seen: SeenNames::default(),
            has_failed: false,
        })
    }

    /// Reads the members that the user's type did not read, and closes the payload. Fails if the
    /// type ignored an error: a malformed claim must not count as an absent one.
    pub(crate) fn close(mut self) -> Result<(), Error> {
        while self.next_name()?.is_some() {
            self.note_value()?;
            self.reader.skip_value()?;
        }
        self.reader.close(b'}')?;
        self.reader.end()?;
        if self.has_failed || self.reader.fault().is_some() {
            return Err(de::Error::custom("the type ignored an error"));
        }
        self.noted.is_complete = true;
        Ok(())
    }

    /// Records an error of the claims type that does not concern a single member, such as a missing
    /// field.
    #[cold]
    pub(crate) fn note_end(&mut self, error: &Error) {
        if self.noted.failure.is_none() {
            let find = |name: &str| self.find_name(name);
            self.noted.failure = ClaimError::of_type(&error.to_string(), find);
        }
    }

    /// Reads and recognizes the name of the next member, if there is one.
    fn next_name(&mut self) -> Result<Option<MemberName<'de>>, Error> {
        if !self.reader.next_item(b'}', &mut self.is_first)? {
            return Ok(None);
        }
        let name = self.reader.name()?;
        self.quoted_name = name.quoted;
        let is_new = match RegisteredClaim::from_name(&name.text) {
            Some(claim) => {
                let bit = 1_u32.wrapping_shl(claim as u32);
                let is_new = self.registered & bit == 0;
                self.registered |= bit;
                self.member = Member::Registered(claim);
                is_new
            }
            None => {
                let place = self.wanted.first_in(&name.text);
                self.member = place.map_or(Member::Other, Member::Placed);
                self.seen.insert(&name.text)
            }
        };
        if !is_new {
            return Err(self.reader.fail(Fault::DuplicateName));
        }
        self.required = self.wanted.required_bit(&name.text);
        Ok(Some(name))
    }

    /// Notes the value of the member whose name was read last, without consuming it.
    fn note_value(&mut self) -> Result<(), Error> {
        let Self { reader, wanted, noted, .. } = self;
        reader.colon()?;
        if self.required != 0 && reader.peek() != Some(b'n') {
            noted.required |= self.required;
        }
        let wrong = match self.member {
            Member::Other => return Ok(()),
            Member::Registered(claim) => {
                let is_numeric = wanted.numeric_subject;
                let value =
                    reader.read_ahead(|reader| values::note(reader, noted, claim, is_numeric));
                let name = || Some(claim.name().into());
                value.err().map(|wrong| ClaimError::wrong_type(name(), wrong.found))
            }
            Member::Placed(place) => {
                let mut places = wanted.all_in(place.path.first());
                places.find_map(|place| note_place(reader, noted, place))
            }
        };
        match wrong {
            None => Ok(()),
            Some(wrong) => {
                noted.failure.get_or_insert(wrong);
                Err(de::Error::custom("a claim of the verifier is malformed"))
            }
        }
    }

    /// Returns the name in the program that equals `name`. Reasons may contain that name, but no
    /// name from the token.
    fn find_name(&self, name: &str) -> Option<&'static str> {
        let field = self.fields.iter().copied().find(|field| *field == name);
        field.or_else(|| RegisteredClaim::from_name(name).map(RegisteredClaim::name))
    }

    /// Notes that the user's type rejected the member.
    #[cold]
    fn note_failure(
        &mut self,
        error: &Error,
        failure: fn(Option<&'static str>, &str) -> ClaimError,
    ) {
        self.has_failed = true;
        if self.noted.failure.is_none() {
            let name = serde_json::from_str::<String>(self.quoted_name).unwrap_or_default();
            self.noted.failure = Some(failure(self.find_name(&name), &error.to_string()));
        }
    }
}

/// Notes the strings at a place in the next value. Returns an error only for a configured place:
/// at a default place, a value of the wrong type grants nothing.
fn note_place<'de>(
    reader: &mut Reader<'de>,
    noted: &mut Noted<'_, 'de>,
    place: &ClaimPlace,
) -> Option<ClaimError> {
    let wrong = reader.read_ahead(|reader| values::note_place(reader, noted, place)).err()?;
    place.is_configured.then(|| {
        let path = place.path.to_string().into();
        ClaimError::wrong_type(Some(path), wrong.found)
    })
}

impl<'de> MapAccess<'de> for Members<'_, '_, '_, 'de> {
    type Error = Error;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        match self.next_name() {
            Ok(None) => Ok(None),
            Ok(Some(name)) => {
                let key = seed.deserialize(name);
                key.map(Some).inspect_err(|error| self.note_failure(error, ClaimError::of_name))
            }
            Err(error) => {
                self.has_failed = true;
                Err(error)
            }
        }
    }

    #[inline]
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let value = match self.note_value() {
            Ok(()) => seed.deserialize(&mut *self.reader),
            Err(error) => Err(error),
        };
        value.inspect_err(|error| self.note_failure(error, ClaimError::in_value))
    }
}
