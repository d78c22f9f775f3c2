//! The members of a payload. Registered and configured claims are recorded, and every member is
//! passed on to the user's type.

use std::borrow::Cow;

use serde::de::{self, DeserializeSeed, MapAccess};
use serde_json::Error;

use crate::jwt::claim_error::ClaimError;
use crate::jwt::json::names::{self, SeenNames};
use crate::jwt::json::reader::{Fault, Reader};
use crate::jwt::payload::claim_place::ClaimPlace;
use crate::jwt::payload::claim_rule::Finding;
use crate::jwt::payload::notes::{Noted, Wanted};
use crate::jwt::payload::registered_claim::RegisteredClaim;
use crate::jwt::payload::values::{self, WrongValue};

/// The meaning of the member whose name was read last.
#[derive(Clone, Copy)]
enum Member<'p> {
    Registered(RegisteredClaim),
    /// The member contains roles, scopes or the tenant, directly or nested.
    Placed(&'p ClaimPlace),
    Other,
}

/// Passes the members of a payload to the visitor of the user's type.
pub(crate) struct Members<'r, 'p, 'n, 'de> {
    reader: &'r mut Reader<'de>,
    /// The field names of the struct that is read. Empty if the type is not a struct.
    fields: &'static [&'static str],
    wanted: &'p Wanted,
    noted: &'r mut Noted<'n, 'de>,
    is_first: bool,
    member: Member<'p>,
    /// The member's name, unless the name has escapes.
    name: &'de str,
    /// The rules about the member. Each rule has the same bit here as in [`Noted::met`].
    rules: u64,
    /// One bit for each registered name that was seen.
    registered: u32,
    /// The unregistered names that were seen.
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
            name: "",
            rules: 0,
            registered: 0,
            seen: SeenNames::default(),
            has_failed: false,
        })
    }

    /// Reads the members that the user's type left unread, and closes the payload. Fails if the
    /// type ignored an error, since a malformed claim must not count as absent.
    pub(crate) fn close(mut self) -> Result<(), Error> {
        while self.next_name()? {
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

    /// Reads the next member's name and recognizes known claims. Returns false after the last
    /// member.
    fn next_name(&mut self) -> Result<bool, Error> {
        if !self.reader.next_item(b'}', &mut self.is_first)? {
            return Ok(false);
        }
        self.name = self.reader.name()?;
        let escaped = self.reader.escaped_name.as_ref();
        let name = escaped.map_or(self.name, |name| &name.text);
        // Most verifiers have no rules. They skip the search for the member's rules.
        self.rules = if self.wanted.rules.is_empty() { 0 } else { self.wanted.rules_in(name) };
        let is_new = if let Some(claim) = RegisteredClaim::from_name(name) {
            let bit = 1_u32.wrapping_shl(claim as u32);
            let is_new = self.registered & bit == 0;
            self.registered |= bit;
            self.member = Member::Registered(claim);
            is_new
        } else {
            let group = names::group(name);
            let place = self.wanted.first_in(group, name);
            self.member = place.map_or(Member::Other, Member::Placed);
            let plain = self.name;
            self.seen.insert(group, name, || {
                escaped.map_or(Cow::Borrowed(plain), |name| Cow::Owned(name.text.clone()))
            })
        };
        if is_new { Ok(true) } else { Err(self.reader.fail(Fault::DuplicateName)) }
    }

    /// Records the value of the member whose name was read last. The value can still be read
    /// afterwards.
    fn note_value(&mut self) -> Result<(), Error> {
        self.reader.colon()?;
        let Some(next) = self.reader.peek() else { return Err(self.reader.fail(Fault::Syntax)) };
        if self.rules != 0 {
            self.note_rules(next);
        }
        let Self { reader, wanted, noted, .. } = self;
        match self.member {
            Member::Other => Ok(()),
            Member::Registered(claim) => {
                let note =
                    |reader: &mut Reader<'de>| values::note(reader, next, noted, claim, wanted);
                match reader.read_ahead(note) {
                    Ok(()) => Ok(()),
                    Err(wrong) => Err(malformed(noted, Some(claim.name().into()), wrong)),
                }
            }
            Member::Placed(first) => {
                let places = wanted.all_in(first.path.first());
                for place in places {
                    let note =
                        |reader: &mut Reader<'de>| values::note_place(reader, next, noted, place);
                    match reader.read_ahead(note) {
                        Err(wrong) if place.is_configured => {
                            return Err(malformed(
                                noted,
                                Some(place.path.to_string().into()),
                                wrong,
                            ));
                        }
                        // The application did not configure this claim. Its value has the wrong
                        // type and grants nothing.
                        _ => {}
                    }
                }
                Ok(())
            }
        }
    }

    /// Records which rules the member meets and which it breaks. `next` is the first byte of the
    /// value. This method only reads ahead, so the value can be read again afterwards.
    #[inline(never)]
    fn note_rules(&mut self, next: u8) {
        let Self { reader, wanted, noted, rules, .. } = self;
        for (bit, rule) in wanted.numbered_rules().filter(|(bit, _)| *rules & bit != 0) {
            match rule.compare(reader, next, &noted.placer) {
                Finding::Right => noted.met |= bit,
                Finding::Wrong => noted.wrong |= bit,
                Finding::Missing => {}
            }
        }
    }

    /// Returns `name` as a `'static` string if it is a field of the claims type or a registered
    /// claim. Rejection reasons may contain that string, but no text from the token.
    fn find_name(&self, name: &str) -> Option<&'static str> {
        let field = self.fields.iter().copied().find(|field| *field == name);
        field.or_else(|| RegisteredClaim::from_name(name).map(RegisteredClaim::name))
    }

    /// Records that the user's type rejected the member.
    #[cold]
    fn note_failure(
        &mut self,
        error: &Error,
        failure: fn(Option<&'static str>, &str) -> ClaimError,
    ) {
        self.has_failed = true;
        if self.noted.failure.is_none() {
            self.noted.failure = Some(failure(self.find_name(self.name), &error.to_string()));
        }
    }
}

/// Records that the verifier rejected a claim, and returns an error.
#[cold]
fn malformed(
    noted: &mut Noted<'_, '_>,
    name: Option<Cow<'static, str>>,
    wrong: WrongValue,
) -> Error {
    noted.failure.get_or_insert_with(|| ClaimError::wrong_type(name, wrong.found()));
    de::Error::custom("a claim that the verifier reads is malformed")
}

impl<'de> MapAccess<'de> for Members<'_, '_, '_, 'de> {
    type Error = Error;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        match self.next_name() {
            Ok(false) => Ok(None),
            Ok(true) => {
                let key = seed.deserialize(self.reader.take_name(self.name));
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
