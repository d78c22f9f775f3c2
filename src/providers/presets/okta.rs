//! Okta.

use crate::providers::issuer::Issuer;

impl Issuer {
    /// Trusts a custom authorization server of Okta. `server` is its issuer URI. Also call
    /// [`audience`](Self::audience) with the audience of that server, which is `api://default` for
    /// the server `default`.
    ///
    /// ```
    /// use tower_jwt_auth::{Issuer, JwtAuth};
    ///
    /// let server = Issuer::okta("https://shop.okta.com/oauth2/default").audience("api://default");
    /// let auth = JwtAuth::from(server);
    /// # let _ = auth;
    /// ```
    ///
    /// - The keys are found by discovery.
    /// - `aud` must be the audience of the authorization server.
    /// - `cid`, the client, must be present. Only access tokens have it, so an ID token is rejected,
    ///   whatever its `aud` is.
    /// - The scopes are in `scp`. The roles are in `groups`, if the server has such a claim for
    ///   access tokens.
    ///
    /// Tokens of the org authorization server (`https://shop.okta.com`, without `/oauth2/..`) are
    /// for Okta itself, and no other server can verify them.
    ///
    /// All clients of the authorization server share its audience. To accept only some of the
    /// clients, add `.claim_is("cid", [..])`.
    ///
    /// Sources: [Okta's own verifier][verifier], read on 2026-11-27, and, for the claims, [Okta's
    /// API reference][tokens], read earlier.
    ///
    /// # Panics
    ///
    /// Panics if `server` is not an `https` URL. Building the layer panics unless you have called
    /// [`audience`](Self::audience), or have called [`claim_is`](Self::claim_is) with the claim
    /// that names the client (`cid`).
    ///
    /// [verifier]: https://www.npmjs.com/package/@okta/jwt-verifier
    /// [tokens]: https://developer.okta.com/docs/api/openapi/okta-oauth/guides/overview/
    #[track_caller]
    pub fn okta(server: impl AsRef<str>) -> Self {
        Self::discover(server)
            .also_requiring(["cid"])
            .scope_claim("scp")
            .roles_claim("groups")
            .into_preset()
    }
}
