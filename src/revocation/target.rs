//! The tokens that a revocation covers.

use std::fmt::{self, Debug};

use crate::clock::UnixTime;

/// The tokens that a [`Revocation`](crate::revocation::Revocation) covers.
///
/// The targets [`Token`](Self::Token) and [`Session`](Self::Session) cover tokens of any age. Every
/// other target has a watermark: a point in time, in whole seconds. Such a target covers only
/// tokens that were issued at that time or before.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RevocationTarget {
    /// One token.
    #[non_exhaustive]
    Token {
        /// The `jti` of the token.
        id: String,
        /// The `sub` of the token, if the publisher gave it.
        owner: Option<String>,
        /// The revocation time, if the publisher gave it.
        revoked_at: Option<UnixTime>,
    },
    /// The tokens of one session.
    #[non_exhaustive]
    Session {
        /// The `sid` of the revoked tokens.
        id: String,
        /// The `sub` of the revoked tokens, if the publisher gave it.
        owner: Option<String>,
        /// The revocation time, if the publisher gave it.
        revoked_at: Option<UnixTime>,
    },
    /// The tokens of a subject.
    #[non_exhaustive]
    Subject {
        /// The `sub` of the revoked tokens.
        subject: String,
        /// The watermark: tokens with this issue time (`iat`), or an earlier one, are revoked.
        at: UnixTime,
    },
    /// The tokens of a tenant.
    #[non_exhaustive]
    Tenant {
        /// The tenant of the revoked tokens.
        tenant: String,
        /// The watermark: tokens with this issue time (`iat`), or an earlier one, are revoked.
        at: UnixTime,
    },
    /// The tokens that are verified with one key.
    #[non_exhaustive]
    KeyId {
        /// The `kid` of the key.
        id: String,
        /// The watermark: tokens with this issue time (`iat`), or an earlier one, are revoked.
        at: UnixTime,
    },
    /// All tokens.
    #[non_exhaustive]
    Everyone {
        /// The watermark: tokens with this issue time (`iat`), or an earlier one, are revoked.
        at: UnixTime,
    },
}

/// The kind of a [`RevocationTarget`], without its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RevocationKind {
    /// One token.
    Token,
    /// The tokens of one session.
    Session,
    /// The tokens of a subject.
    Subject,
    /// The tokens of a tenant.
    Tenant,
    /// The tokens that are verified with one key.
    KeyId,
    /// All tokens.
    Everyone,
}

impl RevocationKind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Token, Self::Session, Self::Subject, Self::Tenant, Self::KeyId, Self::Everyone];
}

impl RevocationTarget {
    pub(crate) fn kind(&self) -> RevocationKind {
        match self {
            Self::Token { .. } => RevocationKind::Token,
            Self::Session { .. } => RevocationKind::Session,
            Self::Subject { .. } => RevocationKind::Subject,
            Self::Tenant { .. } => RevocationKind::Tenant,
            Self::KeyId { .. } => RevocationKind::KeyId,
            Self::Everyone { .. } => RevocationKind::Everyone,
        }
    }

    /// Returns the identifier of the revoked token, session, subject, tenant or key. For
    /// `Everyone`, returns an empty string.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Token { id: name, .. }
            | Self::Session { id: name, .. }
            | Self::Subject { subject: name, .. }
            | Self::Tenant { tenant: name, .. }
            | Self::KeyId { id: name, .. } => name,
            Self::Everyone { .. } => "",
        }
    }

    /// Returns the latest issue time of the tokens that the revocation covers, or `None` if the
    /// revocation covers a single token or session.
    pub(crate) fn watermark(&self) -> Option<UnixTime> {
        match self {
            Self::Token { .. } | Self::Session { .. } => None,
            Self::Subject { at, .. }
            | Self::Tenant { at, .. }
            | Self::KeyId { at, .. }
            | Self::Everyone { at } => Some(*at),
        }
    }

    /// Returns the subject of a token or a session, if it is known.
    pub(crate) fn owner(&self) -> Option<&str> {
        match self {
            Self::Token { owner, .. } | Self::Session { owner, .. } => owner.as_deref(),
            _ => None,
        }
    }

    /// Returns the time of the revocation, if it is known. All covered tokens were issued at this
    /// time or before.
    pub(crate) fn revoked_at(&self) -> Option<UnixTime> {
        match self {
            Self::Token { revoked_at, .. } | Self::Session { revoked_at, .. } => *revoked_at,
            watermark => watermark.watermark(),
        }
    }
}

impl Debug for RevocationTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The identifiers of users and tokens do not belong in logs.
        write!(f, "{:?}(..)", self.kind())
    }
}
