//! Google.

use crate::jwt::OneOrMany;
use crate::providers::issuer::Issuer;

impl Issuer {
    /// Trusts the ID tokens that Google issues to these OAuth clients.
    ///
    /// ```
    /// use tower_jwt_auth::{Issuer, JwtAuth};
    ///
    /// let google = Issuer::google("1234987819200.apps.googleusercontent.com");
    /// let auth = JwtAuth::from(google);
    /// # let _ = auth;
    /// ```
    ///
    /// - `iss` is `https://accounts.google.com` or `accounts.google.com`: Google writes both. The
    ///   keys are at `https://www.googleapis.com/oauth2/v3/certs`.
    /// - `aud` must be one of the clients. Every application in the world has the same issuer, so
    ///   this rule alone tells its users from yours.
    /// - `sub` is required. Identify users by `sub` and never by `email`, which can change.
    /// - The tenant is `hd`, the domain of a Google Workspace. Users of Gmail have none. To accept the
    ///   users of one organization only, add `.claim_is("hd", "shop.example")`.
    ///
    /// Google's access tokens are opaque, so this preset accepts ID tokens. There is no claim that
    /// tells an ID token for the application from one that was meant for its API.
    ///
    /// Source, read on 2026-11-26: [OpenID Connect][page].
    ///
    /// # Panics
    ///
    /// Panics if there are no clients.
    ///
    /// [page]: https://developers.google.com/identity/openid-connect/openid-connect
    #[track_caller]
    pub fn google(clients: impl OneOrMany) -> Self {
        Self::jwks("https://accounts.google.com", "https://www.googleapis.com/oauth2/v3/certs")
            .add_alias("accounts.google.com")
            .audience(clients)
            .also_requiring(["sub"])
            .tenant_claim("hd")
            .into_preset()
    }
}
