//! The members of a payload. Registered and configured claims are recorded, and every member is
//! passed on to the claims type.

use std::borrow::Cow;

use serde::de::{self, DeserializeSeed, MapAccess};
use serde_json::Error;

use crate::jwt::claim_error::ClaimError;
use crate::jwt::json::member_name::{EscapedName, MemberName};
use crate::jwt::json::names::{self, SeenNames};
use crate::jwt::json::reader::{JsonFault, Reader};
use crate::jwt::payload::claim_place::ClaimPlace;
use crate::jwt::payload::claim_rule::RuleOutcome;
use crate::jwt::payload::notes::{Noted, Wanted};
use crate::jwt::payload::registered_claim::RegisteredClaim;
use crate::jwt::payload::values::{self, WrongValue};

/// The meaning of a member.
#[derive(Clone, Copy)]
enum Member<'p> {
    Registered(RegisteredClaim),
    /// A claim that is not registered. The slice is the result of [`Wanted::places_from`]. It
    /// begins with the first [`ClaimPlace`] that is inside this claim, and contains all later
    /// places, even those inside other claims. It is empty if no place is inside this claim.
    Other(&'p [ClaimPlace]),
}

/// Passes the members of a payload to the visitor of the claims type.
pub(crate) struct Members<'r, 'p, 'n, 'de> {
    reader: &'r mut Reader<'de>,
    /// The field names of the struct into which the payload is read. Empty if the claims type is
    /// not a struct.
    fields: &'static [&'static str],
    wanted: &'p Wanted,
    noted: &'r mut Noted<'n, 'de>,
    seen: Seen<'de>,
    /// True if reading a member failed. The error is remembered here, since the claims type may
    /// ignore it.
    has_failed: bool,
}

/// The names of the members that have been read.
#[derive(Default)]
struct Seen<'de> {
    /// True after the first name was read.
    any: bool,
    /// The name that was read last. Empty if the name has escapes.
    last: &'de str,
    /// The name that was read last, if it has escapes. This field is used only if [`Self::last`] is
    /// empty.
    last_escaped: Option<EscapedName<'de>>,
    /// The registered names that were read: one bit for each name.
    registered: u32,
    others: SeenNames<'de>,
}

impl<'r, 'p, 'n, 'de> Members<'r, 'p, 'n, 'de> {
    /// Prepares to read the members of the payload. The caller must have read the opening bracket
    /// of the payload.
    #[inline]
    pub(crate) fn new(
        reader: &'r mut Reader<'de>,
        fields: &'static [&'static str],
        wanted: &'p Wanted,
        noted: &'r mut Noted<'n, 'de>,
    ) -> Self {
        Self { reader, fields, wanted, noted, seen: Seen::default(), has_failed: false }
    }

    /// Reads the rest of the payload: the members that the claims type did not read, and the
    /// closing bracket. Fails if the claims type ignored an error, since a malformed claim would
    /// otherwise count as absent.
    pub(crate) fn close(&mut self) -> Result<(), Error> {
        while self.next()? {
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

    /// Records the error with which the claims type rejected the claims as a whole, for example
    /// because a field is missing.
    #[cold]
    pub(crate) fn note_end(&mut self, error: &Error) {
        if self.noted.failure.is_none() {
            let find = |name: &str| self.find_name(name);
            self.noted.failure = ClaimError::of_type(&error.to_string(), find);
        }
    }

    #[inline]
    fn next(&mut self) -> Result<bool, Error> {
        next(self.reader, self.wanted, self.noted, &mut self.seen)
    }

    /// Returns `name` as a `'static` string if it is a field of the claims type or a registered
    /// claim. Rejection reasons may contain that string, but no text from the token.
    fn find_name(&self, name: &str) -> Option<&'static str> {
        let field = self.fields.iter().copied().find(|field| *field == name);
        field.or_else(|| RegisteredClaim::from_name(name).map(RegisteredClaim::name))
    }

    /// Records that the claims type rejected the member.
    #[cold]
    fn note_failure(
        &mut self,
        error: &Error,
        failure: fn(Option<&'static str>, &str) -> ClaimError,
    ) {
        self.has_failed = true;
        if self.noted.failure.is_none() {
            self.noted.failure = Some(failure(self.find_name(self.seen.last), &error.to_string()));
        }
    }
}

/// Reads the next member's name. If the member is a known claim, also records its value. Whether
/// the member is known or not, the reader is then at the beginning of its value, so the caller can
/// read the value. Returns false after the last member.
// This is a function and not a method. The compiler therefore knows that the arguments do not
// overlap, and can keep the reader's position in a register.
#[inline(never)]
fn next<'de>(
    reader: &mut Reader<'de>,
    wanted: &Wanted,
    noted: &mut Noted<'_, 'de>,
    seen: &mut Seen<'de>,
) -> Result<bool, Error> {
    let mut is_first = !seen.any;
    let Some(plain) = reader.next_name(&mut is_first)? else { return Ok(false) };
    (seen.any, seen.last) = (true, plain);
    if plain.is_empty() {
        seen.last_escaped = reader.take_escaped_name(plain);
    }
    let written = MemberName::new(plain, seen.last_escaped.as_ref());
    let name = written.text();
    // Most verifiers have no rules. For them, skip the search for rules about this member.
    let rules = if wanted.rules.is_empty() { 0 } else { wanted.rules_in(name) };
    let (member, is_new) = if let Some(claim) = RegisteredClaim::from_name(name) {
        let bit = 1_u32.wrapping_shl(claim as u32);
        let is_new = seen.registered & bit == 0;
        seen.registered |= bit;
        (Member::Registered(claim), is_new)
    } else {
        let group = names::group(name);
        let places = wanted.places_from(group, name);
        let is_new = seen.others.insert(group, name, written.written());
        (Member::Other(places), is_new)
    };
    if !is_new {
        return Err(reader.fail(JsonFault::DuplicateName));
    }
    let Some(next) = reader.peek() else { return Err(reader.fail(JsonFault::Syntax)) };
    if rules != 0 {
        note_rules(reader, next, noted, wanted, rules);
    }
    match member {
        Member::Registered(claim) => {
            let note = |reader: &mut Reader<'de>| values::note(reader, next, noted, claim, wanted);
            let read = reader.read_ahead(note);
            read.map_err(|wrong| malformed(noted, Some(claim.name().into()), wrong))?;
        }
        Member::Other([]) => {}
        Member::Other([first, others @ ..]) => note_places(reader, next, noted, first, others)?,
    }
    Ok(true)
}

/// Records the roles, the scopes or the tenant that a claim contains. `first` is the first
/// [`ClaimPlace`] in this claim. `others` contains the places that follow `first` in the
/// configuration. Places in `others` that are not in this claim are ignored. `next` is the first
/// byte of the claim's value. Afterward, the reader is still at this byte, so the caller can read
/// the value.
#[inline]
fn note_places(
    reader: &mut Reader<'_>,
    next: u8,
    noted: &mut Noted<'_, '_>,
    first: &ClaimPlace,
    others: &[ClaimPlace],
) -> Result<(), Error> {
    let others = others.iter().filter(|place| place.is_in_claim_of(first));
    for place in std::iter::once(first).chain(others) {
        match reader.read_ahead(|reader| values::note_place(reader, next, noted, place)) {
            Err(wrong) if place.is_configured => {
                return Err(malformed(noted, Some(place.path.to_string().into()), wrong));
            }
            // If the application did not configure this claim, a value of the wrong type is
            // ignored, and grants nothing.
            _ => {}
        }
    }
    Ok(())
}

/// Compares the value of a member with some rules, and records which rules the value meets and
/// which it breaks. Each bit of `rules` selects the rule that has the same bit in [`Noted::met`].
/// `next` is the first byte of the value. The position of `reader` does not change, so the caller
/// can read the value again.
#[inline(never)]
fn note_rules(
    reader: &mut Reader<'_>,
    next: u8,
    noted: &mut Noted<'_, '_>,
    wanted: &Wanted,
    rules: u64,
) {
    for (bit, rule) in wanted.numbered_rules().filter(|(bit, _)| rules & bit != 0) {
        match rule.compare(reader, next, &noted.placer) {
            RuleOutcome::Right => noted.met |= bit,
            RuleOutcome::Wrong => noted.wrong |= bit,
            RuleOutcome::Missing => {}
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
        match self.next() {
            Ok(false) => Ok(None),
            Ok(true) => {
                let Seen { last, last_escaped, .. } = &self.seen;
                let key = seed.deserialize(MemberName::new(last, last_escaped.as_ref()));
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
        let value = seed.deserialize(&mut *self.reader);
        value.inspect_err(|error| self.note_failure(error, ClaimError::in_value))
    }
}
