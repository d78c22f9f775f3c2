//! The values of the claims that the verifier needs.

use serde::de::{Deserialize, DeserializeSeed};
use serde_json::Error;

use crate::clock::UnixTime;
use crate::jwt::json::Text;
use crate::jwt::json::reader::Reader;
use crate::jwt::payload::claim_place::{ClaimPlace, Purpose};
use crate::jwt::payload::notes::Noted;
use crate::jwt::payload::registered_claim::RegisteredClaim;
use crate::jwt::spans::{Placer, Span, Spans};

/// The value of a claim has the wrong type, or is not JSON.
pub(crate) struct WrongValue {
    /// The JSON type that was found, if the type is the problem.
    pub(crate) found: Option<&'static str>,
}

impl From<Error> for WrongValue {
    fn from(_: Error) -> Self {
        Self { found: None }
    }
}

impl WrongValue {
    /// Creates the error for the value that is next, which may also be invalid JSON.
    #[cold]
    fn next_in(reader: &mut Reader<'_>) -> Self {
        let found = match reader.peek() {
            Some(b'"') => Some("a string"),
            Some(b'0'..=b'9' | b'-') => Some("a number"),
            Some(b't' | b'f') => Some("a boolean"),
            Some(b'n') => Some("null"),
            Some(b'[') => Some("an array"),
            Some(b'{') => Some("an object"),
            _ => None,
        };
        let _ = reader.skip_value();
        Self { found }
    }
}

/// Reads and notes the value of a registered claim. `null` counts as absent.
pub(crate) fn note<'de>(
    reader: &mut Reader<'de>,
    noted: &mut Noted<'_, 'de>,
    claim: RegisteredClaim,
    accepts_numeric_subject: bool,
) -> Result<(), WrongValue> {
    let Noted { named, placer, .. } = noted;
    match claim {
        RegisteredClaim::Issuer => named.issuer = text(reader, placer)?,
        RegisteredClaim::Subject => {
            named.subject = match reader.peek() {
                Some(b'0'..=b'9' | b'-') if accepts_numeric_subject => {
                    Some(whole_number(reader, placer)?)
                }
                _ => text(reader, placer)?,
            }
        }
        RegisteredClaim::Id => named.id = text(reader, placer)?,
        RegisteredClaim::Session => named.session = text(reader, placer)?,
        RegisteredClaim::Expires => named.expires_at = date(reader)?,
        RegisteredClaim::NotBefore => named.not_before = date(reader)?,
        RegisteredClaim::IssuedAt => named.issued_at = date(reader)?,
        RegisteredClaim::Audience => {
            noted.has_audience = reader.peek() != Some(b'n');
            strings(reader, placer, &mut named.audience, None)?;
        }
        RegisteredClaim::Confirmation => {
            noted.has_confirmation = reader.peek() != Some(b'n');
            reader.skip_value()?;
        }
    }
    Ok(())
}

/// Reads and notes the strings at a place. If there is an error, none is noted.
///
/// The value is one string; or, for roles and scopes, an array of strings and of objects with a
/// member (RFC 9068 section 2.2.3.1, RFC 7643 section 4.1.2), or the keys of an object. If a member
/// on the path is missing or `null`, there are no strings. A value of any other type, on the path
/// or at its end, is an error.
pub(crate) fn note_place<'de>(
    reader: &mut Reader<'de>,
    noted: &mut Noted<'_, 'de>,
    place: &ClaimPlace,
) -> Result<(), WrongValue> {
    let Noted { named, placer, .. } = noted;
    let spans = match place.purpose {
        Purpose::Roles => &mut named.roles,
        Purpose::Scopes => &mut named.scopes,
        Purpose::Tenant => {
            let mut spans = Spans::default();
            at_path(reader, placer, &mut spans, place, place.path.rest())?;
            named.tenant = spans.first().copied().or(named.tenant);
            return Ok(());
        }
    };
    let before = spans.len();
    at_path(reader, placer, spans, place, place.path.rest()).inspect_err(|_| spans.truncate(before))
}

fn at_path<'de>(
    reader: &mut Reader<'de>,
    placer: &mut Placer<'de>,
    spans: &mut Spans,
    place: &ClaimPlace,
    names: &[String],
) -> Result<(), WrongValue> {
    match (reader.peek(), names.split_first()) {
        (Some(b'{'), Some((first, rest))) => reader.each_member(|reader, name| {
            if name.text == first.as_str() {
                return at_path(reader, placer, spans, place, rest);
            }
            Ok(reader.skip_value()?)
        }),
        (Some(b'n'), Some(_)) => Ok(reader.skip_value()?),
        (_, Some(_)) => Err(WrongValue::next_in(reader)),
        (_, None) if place.purpose == Purpose::Tenant => {
            spans.extend(text(reader, placer)?);
            Ok(())
        }
        (Some(b'{'), None) if place.path.takes_keys() => reader.each_member(|reader, name| {
            // A key with the value `false` or `null` is skipped.
            if !matches!(reader.peek(), Some(b'f' | b'n')) {
                spans.push(placer.place(&name.text));
            }
            Ok(reader.skip_value()?)
        }),
        (_, None) => strings(reader, placer, spans, Some(place.path.member())),
    }
}

/// Reads one string, an array of strings, or `null`. With `member`, an array may also contain
/// objects with that member.
fn strings<'de>(
    reader: &mut Reader<'de>,
    placer: &mut Placer<'de>,
    spans: &mut Spans,
    member: Option<&str>,
) -> Result<(), WrongValue> {
    if reader.peek() != Some(b'[') {
        spans.extend(text(reader, placer)?);
        return Ok(());
    }
    reader.each_element(|reader| {
        let text = match (reader.peek(), member) {
            (Some(b'"'), _) => Text.deserialize(&mut *reader)?,
            (Some(b'{'), Some(member)) => {
                let mut found = None;
                reader.each_member(|reader, name| {
                    match (name.text == member, reader.peek()) {
                        (false, _) => reader.skip_value()?,
                        (true, Some(b'"')) => found = Some(Text.deserialize(&mut *reader)?),
                        (true, _) => return Err(WrongValue::next_in(reader)),
                    }
                    Ok(())
                })?;
                found.ok_or(WrongValue { found: Some("an object") })?
            }
            _ => return Err(WrongValue::next_in(reader)),
        };
        spans.push(placer.place(&text));
        Ok(())
    })
}

#[inline]
fn text<'de>(
    reader: &mut Reader<'de>,
    placer: &mut Placer<'de>,
) -> Result<Option<Span>, WrongValue> {
    match reader.peek() {
        Some(b'"') => Ok(Some(placer.place(&Text.deserialize(&mut *reader)?))),
        Some(b'n') => Ok(<()>::deserialize(&mut *reader).map(|()| None)?),
        _ => Err(WrongValue::next_in(reader)),
    }
}

/// Reads a 64-bit whole number without an exponent, and notes it as it is written. `-0` is
/// rejected, so that each number has one spelling.
fn whole_number<'de>(
    reader: &mut Reader<'de>,
    placer: &mut Placer<'de>,
) -> Result<Span, WrongValue> {
    let json = reader.raw()?;
    if json == "-0" || json.parse::<i64>().is_err() && json.parse::<u64>().is_err() {
        return Err(WrongValue { found: Some("a number") });
    }
    Ok(placer.place_borrowed(json))
}

/// Reads a date (RFC 7519 section 2, NumericDate). The standard library parses fractions, since the
/// result of `serde_json` depends on a feature that other crates may enable.
#[inline]
fn date(reader: &mut Reader<'_>) -> Result<Option<UnixTime>, WrongValue> {
    match reader.peek() {
        Some(b'0'..=b'9' | b'-') => {}
        Some(b'n') => return Ok(<()>::deserialize(&mut *reader).map(|()| None)?),
        _ => return Err(WrongValue::next_in(reader)),
    }
    if let Some(secs) = reader.whole_number() {
        return Ok(Some(UnixTime::from_secs_u64(secs)));
    }
    let json = reader.raw()?;
    if let Ok(secs) = json.parse() {
        return Ok(Some(UnixTime::from_secs(secs)));
    }
    match json.parse::<f64>() {
        Ok(secs) if secs.is_finite() => Ok(Some(UnixTime::from_secs_f64(secs))),
        _ => Err(WrongValue { found: None }),
    }
}
