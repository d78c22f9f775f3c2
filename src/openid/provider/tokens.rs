//! The tokens that a provider issued.

use std::fmt::{self, Debug};

use serde::{Deserialize, Serialize};

use crate::clock::UnixTime;

/// The tokens that a provider issued for a login. With the access token, the application can call
/// the provider's API on behalf of the user.
///
/// # Security
///
/// Never send these tokens to a browser or to a log.
#[derive(Clone, Serialize, Deserialize)]
pub struct ProviderTokens {
    pub(super) access_token: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) refresh_token: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) id_token: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) expires_at: Option<UnixTime>,
}

impl ProviderTokens {
    /// Returns the access token.
    pub fn access_token(&self) -> &str {
        &self.access_token
    }

    /// Returns the expiry of the access token, if the provider specified it.
    pub fn expires_at(&self) -> Option<UnixTime> {
        self.expires_at
    }

    /// Returns the refresh token, if the provider issued one.
    pub fn refresh_token(&self) -> Option<&str> {
        self.refresh_token.as_deref()
    }

    /// Returns the ID token, which a provider may require for a logout (`id_token_hint`). A plain
    /// OAuth 2.0 provider does not issue an ID token.
    pub fn id_token(&self) -> Option<&str> {
        self.id_token.as_deref()
    }
}

impl Debug for ProviderTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderTokens")
            .field("has_refresh_token", &self.refresh_token.is_some())
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
