//! What every verified token has, whatever its claims are read into.

use std::fmt::{self, Debug};
use std::sync::Arc;

use crate::clock::UnixTime;
use crate::jwt::spans::{Span, Spans};

/// The facts of a verified token that do not depend on the type of its claims.
///
/// One text holds them all: the decoded payload, the token as it came, and behind them whatever
/// the payload spells with escapes. Everything else points into it, so a token costs one
/// allocation however many claims it has.
#[derive(Clone)]
pub struct Facts {
    pub(crate) text: String,
    pub(crate) encoded: Span,
    pub(crate) named: Named,
    pub(crate) expires_at: UnixTime,
    pub(crate) key_id: Option<Arc<str>>,
}

/// Where in the text the strings of a token are, and its dates.
#[derive(Clone, Debug, Default)]
pub(crate) struct Named {
    pub(crate) issuer: Option<Span>,
    pub(crate) subject: Option<Span>,
    pub(crate) id: Option<Span>,
    pub(crate) session: Option<Span>,
    pub(crate) tenant: Option<Span>,
    pub(crate) audience: Spans,
    pub(crate) scopes: Spans,
    pub(crate) roles: Spans,
    pub(crate) issued_at: Option<UnixTime>,
    pub(crate) not_before: Option<UnixTime>,
}

impl Facts {
    /// `iss`, who issued the token.
    pub fn issuer(&self) -> Option<&str> {
        self.named.issuer.map(|span| self.at(span))
    }

    /// `sub`, whom the token speaks of. Unique for the issuer only.
    pub fn subject(&self) -> Option<&str> {
        self.named.subject.map(|span| self.at(span))
    }

    /// `aud`, whom the token is for.
    pub fn audience(&self) -> impl Iterator<Item = &str> {
        self.named.audience.iter().map(|span| self.at(*span))
    }

    /// `exp`, when the token expires.
    pub fn expires_at(&self) -> UnixTime {
        self.expires_at
    }

    /// `iat`, when the token was issued.
    pub fn issued_at(&self) -> Option<UnixTime> {
        self.named.issued_at
    }

    /// `nbf`, when the token became valid.
    pub fn not_before(&self) -> Option<UnixTime> {
        self.named.not_before
    }

    /// `jti`, the token's own identifier.
    pub fn id(&self) -> Option<&str> {
        self.named.id.map(|span| self.at(span))
    }

    /// `sid`, the login that the token comes from: what logging out ends.
    pub fn session(&self) -> Option<&str> {
        self.named.session.map(|span| self.at(span))
    }

    /// Whose customer or employee the subject is, in the claim that was configured for it.
    pub fn tenant(&self) -> Option<&str> {
        self.named.tenant.map(|span| self.at(span))
    }

    /// The scopes of `scope` or `scp`, whether a string with spaces or an array.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        let texts = self.named.scopes.iter().map(|span| self.at(*span));
        texts.flat_map(|text| text.split(' ')).filter(|scope| !scope.is_empty())
    }

    /// The roles in the configured claim, `roles` by default.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.named.roles.iter().map(|span| self.at(*span))
    }

    /// The identifier of the key that verified the token.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// The token itself, to pass it on. Whoever sees it can use it: keep it out of logs.
    pub fn encoded(&self) -> &str {
        self.at(self.encoded)
    }

    #[inline]
    fn at(&self, span: Span) -> &str {
        span.of(&self.text)
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
