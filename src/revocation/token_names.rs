//! The names by which a token can be revoked.

use std::fmt::{self, Debug};

use crate::clock::UnixTime;
use crate::jwt::VerifiedToken;

/// The names by which a token can be revoked. They are borrowed from the claims of the token. If
/// the token lacks a claim, do not set the name that is borrowed from this claim.
///
/// ```
/// use tower_jwt_auth::revocation::TokenNames;
///
/// let names = TokenNames::new().id("8f2d").subject("alice");
/// # let _ = names;
/// ```
#[derive(Clone, Copy, Default)]
#[must_use]
pub struct TokenNames<'a> {
    pub(crate) issuer: Option<&'a [u8]>,
    pub(crate) id: Option<&'a [u8]>,
    pub(crate) session: Option<&'a [u8]>,
    pub(crate) subject: Option<&'a [u8]>,
    pub(crate) tenant: Option<&'a [u8]>,
    pub(crate) key_id: Option<&'a [u8]>,
    pub(crate) issued_at: Option<UnixTime>,
    pub(crate) expires_at: Option<UnixTime>,
}

impl<'a> TokenNames<'a> {
    /// Creates an empty value, which describes a token without claims. Add each claim of the token
    /// with the methods below.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the `iss` of the token.
    pub fn issuer(mut self, issuer: impl Into<Option<&'a str>>) -> Self {
        self.issuer = bytes(issuer);
        self
    }

    /// Sets the `jti` of the token.
    pub fn id(mut self, id: impl Into<Option<&'a str>>) -> Self {
        self.id = bytes(id);
        self
    }

    /// Sets the `sid` of the token.
    pub fn session(mut self, session: impl Into<Option<&'a str>>) -> Self {
        self.session = bytes(session);
        self
    }

    /// Sets the `sub` of the token.
    pub fn subject(mut self, subject: impl Into<Option<&'a str>>) -> Self {
        self.subject = bytes(subject);
        self
    }

    /// Sets the token's tenant, which may come from any claim.
    pub fn tenant(mut self, tenant: impl Into<Option<&'a str>>) -> Self {
        self.tenant = bytes(tenant);
        self
    }

    /// Sets the `kid` of the key that verified the token.
    pub fn key_id(mut self, key_id: impl Into<Option<&'a str>>) -> Self {
        self.key_id = bytes(key_id);
        self
    }

    /// Sets the `iat` of the token. A token without `iat` is treated as issued before every
    /// revocation. The token is therefore rejected if any known revocation covers its subject, its
    /// tenant, its key or every token.
    pub fn issued_at(mut self, issued_at: impl Into<Option<UnixTime>>) -> Self {
        self.issued_at = issued_at.into();
        self
    }

    /// Sets the `exp` of the token. Only
    /// [`Revocations::dangerous_accept_stale`](crate::Revocations::dangerous_accept_stale) uses
    /// this value.
    pub fn expires_at(mut self, expires_at: impl Into<Option<UnixTime>>) -> Self {
        self.expires_at = expires_at.into();
        self
    }
}

fn bytes<'a>(name: impl Into<Option<&'a str>>) -> Option<&'a [u8]> {
    name.into().map(str::as_bytes)
}

impl<'a> From<&'a VerifiedToken> for TokenNames<'a> {
    fn from(token: &'a VerifiedToken) -> Self {
        let VerifiedToken { opened, named } = token;
        let text = &opened.text;
        Self {
            issuer: named.issuer.map(|span| span.bytes_of(text)),
            id: named.id.map(|span| span.bytes_of(text)),
            session: named.session.map(|span| span.bytes_of(text)),
            subject: named.subject.map(|span| span.bytes_of(text)),
            tenant: named.tenant.map(|span| span.bytes_of(text)),
            key_id: opened.key_id.map(|span| span.bytes_of(text)),
            issued_at: token.issued_at(),
            expires_at: token.expires_at(),
        }
    }
}

impl Debug for TokenNames<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Claim values do not belong in logs.
        f.debug_struct("TokenNames")
            .field("issued_at", &self.issued_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
