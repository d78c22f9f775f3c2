//! The individually revoked access tokens of a session.

use serde::{Deserialize, Serialize};

#[cfg(feature = "axum")]
use crate::clock::UnixTime;
#[cfg(feature = "axum")]
use crate::jwt::base64url;
#[cfg(feature = "axum")]
use crate::jwt::keys::mac;

/// The maximum number of individually revoked access tokens per session. Each of these revocations
/// adds a message to the revocation feed. No honest client revokes more tokens than this.
#[cfg(any(feature = "axum", test))]
const MAX_TOKENS: usize = 16;

/// The individually revoked access tokens of a session. Each token is stored as a hash of its
/// identifier, issue time and expiry.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct RevokedTokens(Vec<String>);

/// The result of [`RevokedTokens::add`].
#[cfg(feature = "axum")]
#[derive(Debug)]
pub(crate) enum RevokeDecision {
    /// The token was added. The field contains all of the session's revoked tokens, including this
    /// one.
    Added(RevokedTokens),
    /// The token has been revoked before.
    Known,
    /// The maximum number of revoked tokens is reached.
    TooMany,
}

impl RevokedTokens {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds an access token, unless it was revoked before or the list is full. The three arguments
    /// together identify the token.
    #[cfg(feature = "axum")]
    pub(crate) fn add(
        &self,
        id: &str,
        issued_at: UnixTime,
        expires_at: UnixTime,
    ) -> RevokeDecision {
        let token = format!("{id} {} {}", issued_at.as_nanos(), expires_at.as_nanos());
        let hash = mac::sha256(token.as_bytes());
        let mut name = String::with_capacity(22);
        base64url::encode_onto(hash.get(..16).unwrap_or_default(), &mut name);
        if self.0.contains(&name) {
            return RevokeDecision::Known;
        }
        if self.0.len() >= MAX_TOKENS {
            return RevokeDecision::TooMany;
        }
        let mut more = self.clone();
        more.0.push(name);
        RevokeDecision::Added(more)
    }

    #[cfg(test)]
    pub(crate) fn full() -> Self {
        Self(vec!["x".repeat(22); MAX_TOKENS])
    }
}
