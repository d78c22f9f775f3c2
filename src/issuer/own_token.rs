//! An access token that the issuer recognizes as its own.

use serde::Deserialize;

use crate::clock::UnixTime;

/// A valid access token of a [`TokenIssuer`](crate::issuer::TokenIssuer).
pub(crate) struct OwnToken {
    pub(crate) id: String,
    pub(crate) subject: String,
    pub(crate) session: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) issued_at: UnixTime,
    pub(crate) expires_at: UnixTime,
}

/// The `client_id` claim of an access token.
#[derive(Deserialize)]
pub(crate) struct ClientClaim {
    pub(crate) client_id: Option<String>,
}
