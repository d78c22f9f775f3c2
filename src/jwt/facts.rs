//! What every verified token has, whatever its claims are read into.

use std::borrow::Cow;
use std::fmt::{self, Debug};
use std::sync::Arc;

use smallvec::SmallVec;

use crate::clock::UnixTime;
use crate::jwt::payload::Noted;

/// The facts of a verified token that do not depend on the type of its claims.
///
/// One text holds them all: the decoded payload, the token as it came, and behind them whatever
/// the payload spells with escapes. Everything else points into it, so a token costs one
/// allocation however many claims it has.
#[derive(Clone)]
pub struct Facts {
    text: String,
    encoded: Span,
    issuer: Option<Span>,
    subject: Option<Span>,
    id: Option<Span>,
    audience: SmallVec<[Span; 2]>,
    scopes: SmallVec<[Span; 2]>,
    roles: SmallVec<[Span; 6]>,
    expires_at: UnixTime,
    issued_at: Option<UnixTime>,
    not_before: Option<UnixTime>,
    key_id: Option<Arc<str>>,
}

impl Facts {
    /// `iss`, who issued the token.
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.map(|span| self.at(span))
    }

    /// `sub`, whom the token speaks of. Unique for the issuer only.
    pub fn subject(&self) -> Option<&str> {
        self.subject.map(|span| self.at(span))
    }

    /// `aud`, whom the token is for.
    pub fn audience(&self) -> impl Iterator<Item = &str> {
        self.audience.iter().map(|span| self.at(*span))
    }

    /// `exp`, when the token expires.
    pub fn expires_at(&self) -> UnixTime {
        self.expires_at
    }

    /// `iat`, when the token was issued.
    pub fn issued_at(&self) -> Option<UnixTime> {
        self.issued_at
    }

    /// `nbf`, when the token became valid.
    pub fn not_before(&self) -> Option<UnixTime> {
        self.not_before
    }

    /// `jti`, the token's own identifier.
    pub fn id(&self) -> Option<&str> {
        self.id.map(|span| self.at(span))
    }

    /// The scopes of `scope` or `scp`, whether a string with spaces or an array.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        let texts = self.scopes.iter().map(|span| self.at(*span));
        texts.flat_map(|text| text.split(' ')).filter(|scope| !scope.is_empty())
    }

    /// The roles in the configured claim, `roles` by default.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.roles.iter().map(|span| self.at(*span))
    }

    /// The identifier of the key that verified the token.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// The token itself, to pass it on. Whoever sees it can use it: keep it out of logs.
    pub fn encoded(&self) -> &str {
        self.at(self.encoded)
    }

    /// `text` is the payload, in which `noted` was read, and behind it the token.
    pub(crate) fn new(
        text: &str,
        payload_len: usize,
        expires_at: UnixTime,
        noted: Noted<'_>,
        key_id: Option<Arc<str>>,
    ) -> Unplaced {
        let mut place = Placer { text, unescaped: String::new() };
        let facts = Self {
            encoded: Span::new(payload_len, text.len().saturating_sub(payload_len)),
            issuer: noted.issuer.map(|text| place.put(text)),
            subject: noted.subject.map(|text| place.put(text)),
            id: noted.id.map(|text| place.put(text)),
            audience: noted.audience.into_iter().flatten().map(|text| place.put(text)).collect(),
            scopes: noted.scopes.into_iter().map(|text| place.put(text)).collect(),
            roles: noted.roles.into_iter().map(|text| place.put(text)).collect(),
            expires_at,
            issued_at: noted.issued_at,
            not_before: noted.not_before,
            key_id,
            text: String::new(),
        };
        Unplaced { facts, unescaped: place.unescaped }
    }

    fn at(&self, span: Span) -> &str {
        let start = span.start as usize;
        self.text.get(start..start.saturating_add(span.len as usize)).unwrap_or_default()
    }
}

impl Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Claim values and the token itself do not belong in logs.
        f.debug_struct("Facts")
            .field("expires_at", &self.expires_at)
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

/// Facts whose text is still borrowed by what was read from it.
pub(crate) struct Unplaced {
    facts: Facts,
    unescaped: String,
}

impl Unplaced {
    /// `text` is the one given to [`Facts::new`].
    pub(crate) fn place(self, mut text: String) -> Facts {
        text.push_str(&self.unescaped);
        Facts { text, ..self.facts }
    }
}

#[derive(Clone, Copy)]
struct Span {
    start: u32,
    len: u32,
}

impl Span {
    /// Saturates beyond 4 GiB, where the span then shows nothing; tokens are a few KiB.
    fn new(start: usize, len: usize) -> Self {
        let clamp = |n| u32::try_from(n).unwrap_or(u32::MAX);
        Self { start: clamp(start), len: clamp(len) }
    }
}

struct Placer<'a> {
    text: &'a str,
    unescaped: String,
}

impl Placer<'_> {
    fn put(&mut self, part: Cow<'_, str>) -> Span {
        if let Cow::Borrowed(part) = part {
            let start = part.as_ptr().addr().wrapping_sub(self.text.as_ptr().addr());
            // Not so for a string that only looks borrowed, such as an empty one made elsewhere.
            if self.text.get(start..start.saturating_add(part.len())) == Some(part) {
                return Span::new(start, part.len());
            }
        }
        let start = self.text.len().saturating_add(self.unescaped.len());
        self.unescaped.push_str(&part);
        Span::new(start, part.len())
    }
}
