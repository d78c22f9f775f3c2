//! The part of a verified token that does not depend on the claims type.

use std::fmt::{self, Debug};

use crate::clock::UnixTime;
use crate::jwt::spans::{Span, Spans};

/// The part of a verified token that does not depend on the claims type: its registered claims, its
/// scopes, roles and tenant, the identifier of its key, and the encoded token.
#[derive(Clone, Default)]
pub struct VerifiedToken {
    pub(crate) opened: OpenedToken,
    pub(crate) named: Named,
}

/// A token with a valid signature, before its claims are read.
// One text holds all strings: the decoded payload, the token as it was received, the identifier of
// its key, and the decoded strings whose JSON contains escapes. The spans point into that text, so
// the strings share one allocation, however many there are. Each token has its own copy of the
// key's identifier. One string that all tokens of the key share would be slower, since every
// request would change its reference count.
#[derive(Clone, Default)]
pub(crate) struct OpenedToken {
    pub(crate) text: Vec<u8>,
    /// The span of the received token in `text`. The decoded payload precedes this span.
    pub(crate) encoded: Span,
    pub(crate) key_id: Option<Span>,
}

/// The dates of a token, and the places of its strings in [`OpenedToken::text`].
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
    pub(crate) expires_at: Option<UnixTime>,
    pub(crate) issued_at: Option<UnixTime>,
    pub(crate) not_before: Option<UnixTime>,
}

impl VerifiedToken {
    /// Returns `iss`, the issuer of the token.
    pub fn issuer(&self) -> Option<&str> {
        self.named.issuer.map(|span| self.at(span))
    }

    /// Returns `sub`, the subject of the token. A subject is unique only within its issuer. For a
    /// number (see `accept_numeric_subject`), the method returns its decimal text: 42 and "42" are
    /// the same subject.
    pub fn subject(&self) -> Option<&str> {
        self.named.subject.map(|span| self.at(span))
    }

    /// Returns the names in `aud`, the audience of the token.
    pub fn audience(&self) -> impl Iterator<Item = &str> {
        self.named.audience.iter().map(|span| self.at(*span))
    }

    /// Returns `exp`, the expiry of the token. It is `None` only if
    /// `dangerous_allow_missing_expiry` accepted a token without one.
    pub fn expires_at(&self) -> Option<UnixTime> {
        self.named.expires_at
    }

    /// Returns `iat`, the time at which the token was issued.
    pub fn issued_at(&self) -> Option<UnixTime> {
        self.named.issued_at
    }

    /// Returns `nbf`, the time from which the token is valid.
    pub fn not_before(&self) -> Option<UnixTime> {
        self.named.not_before
    }

    /// Returns `jti`, the token's identifier.
    pub fn id(&self) -> Option<&str> {
        self.named.id.map(|span| self.at(span))
    }

    /// Returns `sid`, the session that the token belongs to. Logging out ends the session.
    pub fn session(&self) -> Option<&str> {
        self.named.session.map(|span| self.at(span))
    }

    /// Returns the subject's tenant, from the claim that `tenant_claim` names.
    pub fn tenant(&self) -> Option<&str> {
        self.named.tenant.map(|span| self.at(span))
    }

    /// Returns the scopes, one by one, whether the issuer writes them as a string with spaces or as
    /// an array. They are read from `scope` and `scp` unless `scope_claim` names another claim.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        let texts = self.named.scopes.iter().map(|span| self.at(*span));
        texts.flat_map(|text| text.split(' ')).filter(|scope| !scope.is_empty())
    }

    /// Returns the roles. They are read from `roles` unless `roles_claim` names another claim.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.named.roles.iter().map(|span| self.at(*span))
    }

    /// Returns the identifier of the key that verified the token, if the key has one.
    pub fn key_id(&self) -> Option<&str> {
        self.opened.key_id.map(|span| self.at(span))
    }

    /// Returns the text of the token, for example to send it to another service. Keep it out of
    /// logs: anyone who sees it can use it.
    pub fn encoded(&self) -> &str {
        self.at(self.opened.encoded)
    }

    /// Returns the bytes of the token itself.
    pub(crate) fn encoded_bytes(&self) -> &[u8] {
        self.opened.encoded.bytes_of(&self.opened.text)
    }

    /// Returns the length of the decoded payload.
    pub(crate) fn payload_len(&self) -> usize {
        self.opened.encoded.start()
    }

    /// Returns the size of the token's heap allocations, in bytes.
    pub(crate) fn allocated_bytes(&self) -> usize {
        let Named { audience, scopes, roles, .. } = &self.named;
        let spilled = [audience, scopes, roles].into_iter().filter(|spans| spans.spilled());
        let spans: usize = spilled.map(|spans| spans.capacity()).sum();
        self.opened.text.capacity().saturating_add(spans.saturating_mul(size_of::<Span>()))
    }

    #[inline]
    fn at(&self, span: Span) -> &str {
        span.of(&self.opened.text)
    }
}

impl Debug for VerifiedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Claim values and the token itself do not belong in logs.
        f.debug_struct("VerifiedToken")
            .field("expires_at", &self.named.expires_at)
            .field("key_id", &self.key_id())
            .finish_non_exhaustive()
    }
}
