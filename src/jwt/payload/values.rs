//! The values of the claims that the verifier needs.

use serde::de::Deserialize;
use serde_json::Error;

use crate::clock::UnixTime;
use crate::jwt::json::reader::Reader;
use crate::jwt::payload::claim_place::{ClaimPlace, Purpose};
use crate::jwt::payload::notes::{Noted, Wanted};
use crate::jwt::payload::registered_claim::RegisteredClaim;
use crate::jwt::spans::{Placer, Span, Spans};

/// The error for a claim's value. If the JSON type is wrong, the error names the type that was
/// found.
// The error takes only one byte. A `Result` with this error is then small enough to be returned in
// registers.
#[derive(Clone, Copy)]
pub(crate) enum WrongValue {
    Text,
    Number,
    Boolean,
    Null,
    Array,
    Object,
    Invalid,
}

impl From<Error> for WrongValue {
    fn from(_: Error) -> Self {
        Self::Invalid
    }
}

impl WrongValue {
    /// Creates the error for the next value, which has the wrong type or is invalid JSON.
    #[cold]
    fn next_in(reader: &mut Reader<'_>) -> Self {
        let found = match reader.peek() {
            Some(b'"') => Self::Text,
            Some(b'0'..=b'9' | b'-') => Self::Number,
            Some(b't' | b'f') => Self::Boolean,
            Some(b'n') => Self::Null,
            Some(b'[') => Self::Array,
            Some(b'{') => Self::Object,
            _ => Self::Invalid,
        };
        let _ = reader.skip_value();
        found
    }

    /// Returns the JSON type of the value if the value has the wrong type. Returns `None` for any
    /// other error, such as invalid JSON.
    pub(crate) fn found(self) -> Option<&'static str> {
        Some(match self {
            Self::Text => "a string",
            Self::Number => "a number",
            Self::Boolean => "a boolean",
            Self::Null => "null",
            Self::Array => "an array",
            Self::Object => "an object",
            Self::Invalid => return None,
        })
    }
}

/// Reads and records the value of a registered claim. `next` is the first byte of the value. `null`
/// counts as absent.
#[inline]
pub(crate) fn note(
    reader: &mut Reader<'_>,
    next: u8,
    noted: &mut Noted<'_, '_>,
    claim: RegisteredClaim,
    wanted: &Wanted,
) -> Result<(), WrongValue> {
    let Noted { named, placer, .. } = noted;
    match claim {
        RegisteredClaim::Issuer => text(reader, next, placer, &mut named.issuer)?,
        RegisteredClaim::Subject if wanted.numeric_subject => {
            text_or_number(reader, next, placer, &mut named.subject)?;
        }
        RegisteredClaim::Subject => text(reader, next, placer, &mut named.subject)?,
        RegisteredClaim::Id => text(reader, next, placer, &mut named.id)?,
        RegisteredClaim::Session => text(reader, next, placer, &mut named.session)?,
        RegisteredClaim::Expires => date(reader, next, &mut named.expires_at)?,
        RegisteredClaim::NotBefore => date(reader, next, &mut named.not_before)?,
        RegisteredClaim::IssuedAt => date(reader, next, &mut named.issued_at)?,
        RegisteredClaim::Audience => {
            noted.has_audience = next != b'n';
            strings(reader, next, placer, &mut named.audience, None)?;
        }
        RegisteredClaim::Confirmation => {
            noted.has_confirmation = next != b'n';
            reader.skip_value()?;
        }
    }
    Ok(())
}

/// Reads the strings at a [`ClaimPlace`], and records them. `next` is the first byte of the claim's
/// value. If there is an error, nothing is recorded.
///
/// A tenant must be a string. Roles and scopes may be a string, an array of strings, an array of
/// objects with a certain member (RFC 9068 section 2.2.3.1, RFC 7643 section 4.1.2), or an object
/// whose keys are the strings. If the value, or a member on the path to it, is missing or `null`,
/// nothing is recorded. Any other type is an error.
pub(crate) fn note_place(
    reader: &mut Reader<'_>,
    next: u8,
    noted: &mut Noted<'_, '_>,
    place: &ClaimPlace,
) -> Result<(), WrongValue> {
    let Noted { named, placer, .. } = noted;
    let spans = match place.purpose {
        Purpose::Roles => &mut named.roles,
        Purpose::Scopes => &mut named.scopes,
        Purpose::Tenant => {
            let mut tenant = Spans::default();
            at_path(reader, next, placer, &mut tenant, place, place.path.rest())?;
            named.tenant = tenant.first().copied().or(named.tenant);
            return Ok(());
        }
    };
    if next == b'"' && place.path.rest().is_empty() {
        spans.push(string(reader, placer)?);
        return Ok(());
    }
    let before = spans.len();
    let read = at_path(reader, next, placer, spans, place, place.path.rest());
    if read.is_err() {
        spans.truncate(before);
    }
    read
}

fn at_path(
    reader: &mut Reader<'_>,
    next: u8,
    placer: &mut Placer<'_>,
    spans: &mut Spans,
    place: &ClaimPlace,
    names: &[String],
) -> Result<(), WrongValue> {
    match (next, names.split_first()) {
        (b'{', Some((first, rest))) => reader.each_member(|reader, name, next| {
            if name == first {
                return at_path(reader, next, placer, spans, place, rest);
            }
            Ok(reader.skip_value()?)
        }),
        (b'n', Some(_)) => Ok(reader.skip_value()?),
        (_, Some(_)) => Err(WrongValue::next_in(reader)),
        (_, None) if place.purpose == Purpose::Tenant => {
            let mut span = None;
            text(reader, next, placer, &mut span)?;
            span.into_iter().for_each(|span| spans.push(span));
            Ok(())
        }
        (b'{', None) if place.path.takes_keys() => reader.each_member(|reader, name, next| {
            // Skip the object's keys that have the value `false` or `null`.
            if !matches!(next, b'f' | b'n') {
                spans.push(placer.append(name));
            }
            Ok(reader.skip_value()?)
        }),
        (_, None) => strings(reader, next, placer, spans, Some(place.path.member())),
    }
}

/// Reads a string, an array of strings, or `null`. If `member` is given, an array may also contain
/// objects. In each object, the function reads the string in the member with the name `member`.
fn strings(
    reader: &mut Reader<'_>,
    next: u8,
    placer: &mut Placer<'_>,
    spans: &mut Spans,
    member: Option<&str>,
) -> Result<(), WrongValue> {
    if next != b'[' {
        let mut span = None;
        text(reader, next, placer, &mut span)?;
        span.into_iter().for_each(|span| spans.push(span));
        return Ok(());
    }
    reader.each_element(|reader| {
        let span = match (reader.peek(), member) {
            (Some(b'"'), _) => string(reader, placer)?,
            (Some(b'{'), Some(member)) => {
                let mut found = None;
                reader.each_member(|reader, name, next| {
                    match (name == member, next) {
                        (false, _) => reader.skip_value()?,
                        (true, b'"') => found = Some(string(reader, placer)?),
                        (true, _) => return Err(WrongValue::next_in(reader)),
                    }
                    Ok(())
                })?;
                found.ok_or(WrongValue::Object)?
            }
            _ => return Err(WrongValue::next_in(reader)),
        };
        spans.push(span);
        Ok(())
    })
}

/// Reads a string or `null`.
#[inline(always)]
fn text(
    reader: &mut Reader<'_>,
    next: u8,
    placer: &mut Placer<'_>,
    span: &mut Option<Span>,
) -> Result<(), WrongValue> {
    match next {
        b'"' => *span = Some(string(reader, placer)?),
        b'n' => reader.skip_value()?,
        _ => return Err(WrongValue::next_in(reader)),
    }
    Ok(())
}

/// Reads the next string.
#[inline(always)]
fn string(reader: &mut Reader<'_>, placer: &mut Placer<'_>) -> Result<Span, WrongValue> {
    match reader.plain_string() {
        Some((start, len)) => Ok(Span::new(start, len)),
        None => string_with_escapes(reader, placer),
    }
}

#[cold]
#[inline(never)]
fn string_with_escapes(
    reader: &mut Reader<'_>,
    placer: &mut Placer<'_>,
) -> Result<Span, WrongValue> {
    Ok(placer.append(&String::deserialize(reader)?))
}

/// Reads a string, `null`, or a 64-bit whole number without an exponent, and records the text
/// unchanged. `-0` is rejected, so that each number has only one text.
fn text_or_number(
    reader: &mut Reader<'_>,
    next: u8,
    placer: &mut Placer<'_>,
    span: &mut Option<Span>,
) -> Result<(), WrongValue> {
    if !matches!(next, b'0'..=b'9' | b'-') {
        return text(reader, next, placer, span);
    }
    let json = reader.raw()?;
    if json == "-0" || json.parse::<i64>().is_err() && json.parse::<u64>().is_err() {
        return Err(WrongValue::Number);
    }
    *span = Some(placer.append(json));
    Ok(())
}

/// Reads a date (RFC 7519 section 2, NumericDate) or `null`.
#[inline(always)]
fn date(reader: &mut Reader<'_>, next: u8, date: &mut Option<UnixTime>) -> Result<(), WrongValue> {
    match next {
        b'0'..=b'9' => match reader.whole_number() {
            Some(secs) => *date = Some(UnixTime::from_secs_u64(secs)),
            None => *date = Some(rare_date(reader)?),
        },
        b'-' => *date = Some(rare_date(reader)?),
        b'n' => reader.skip_value()?,
        _ => return Err(WrongValue::next_in(reader)),
    }
    Ok(())
}

/// Reads a date that is negative, has a fraction or has many digits. The standard library parses
/// the fraction, since the result of `serde_json` depends on a feature that other crates may
/// enable.
#[cold]
#[inline(never)]
fn rare_date(reader: &mut Reader<'_>) -> Result<UnixTime, WrongValue> {
    let json = reader.raw()?;
    if let Ok(secs) = json.parse() {
        return Ok(UnixTime::from_secs(secs));
    }
    match json.parse::<f64>() {
        Ok(secs) if secs.is_finite() => Ok(UnixTime::from_secs_f64(secs)),
        _ => Err(WrongValue::Invalid),
    }
}
