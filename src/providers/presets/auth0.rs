//! Auth0.

use crate::providers::issuer::Issuer;
use crate::providers::presets::checked_part::checked_part;

impl Issuer {
    /// Trusts a tenant of Auth0. `domain` is the tenant's domain, or its custom domain. Also call
    /// [`audience`](Self::audience) with the identifier of the API.
    ///
    /// ```
    /// use tower_jwt_auth::{Issuer, JwtAuth};
    ///
    /// let auth = JwtAuth::from(
    ///     Issuer::auth0("shop.eu.auth0.com").audience("https://api.shop.example"),
    /// );
    /// # let _ = auth;
    /// ```
    ///
    /// - `iss` is `https://{domain}/`, with the slash. The keys are at
    ///   `https://{domain}/.well-known/jwks.json`.
    /// - `aud` must name the API. The audience of an ID token is the client, so an ID token is
    ///   rejected. A client that asks for no audience gets an opaque or an encrypted token, which
    ///   no API can read.
    /// - The scopes are in `scope`. The roles are in `permissions`, which Auth0 writes if the API
    ///   has role-based access control. This claim lists every permission of the user, even those
    ///   that the client did not ask for. If third-party clients have access, a guard should
    ///   therefore check both `has_role` and `has_scope`. If an Action of yours writes roles to
    ///   another claim, pass the name of that claim, as in
    ///   `.roles_claim("https://shop.example/roles")`.
    ///
    /// Auth0 issues access tokens of two profiles: Auth0's profile and the profile of RFC 9068.
    /// Tokens of both profiles are accepted. Tokens of Auth0's profile name the client in `azp`.
    /// Tokens of the RFC 9068 profile name it in `client_id`, and have the header `typ: at+jwt`. To
    /// accept only these, call `.accept_type("at+jwt")`.
    ///
    /// Sources: [access token profiles][profiles], read on 2026-11-26, and
    /// [validate access tokens][validate], read on 2026-11-27.
    ///
    /// # Panics
    ///
    /// Panics if `domain` is not a host name. Building the layer panics unless you have called
    /// [`audience`](Self::audience), or have called [`claim_is`](Self::claim_is) with the claim
    /// that names the client (`azp` or `client_id`).
    ///
    /// [profiles]: https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles
    /// [validate]: https://auth0.com/docs/secure/tokens/access-tokens/validate-access-tokens
    #[track_caller]
    pub fn auth0(domain: impl AsRef<str>) -> Self {
        let domain = checked_part("auth0", "the domain of a tenant", domain.as_ref());
        let keys = format!("https://{domain}/.well-known/jwks.json");
        Self::jwks(format!("https://{domain}/"), keys).roles_claim("permissions").into_preset()
    }
}
