//! Clerk.

use crate::jwt::OneOrMany;
use crate::providers::issuer::Issuer;
use crate::providers::presets::checked_part::checked_part;

impl Issuer {
    /// Trusts the session tokens that a Clerk instance issues for these origins. `domain` is the
    /// host of the Frontend API.
    ///
    /// ```
    /// use tower_jwt_auth::{Issuer, JwtAuth};
    ///
    /// let clerk = Issuer::clerk("clerk.shop.example", ["https://shop.example"]);
    /// let auth = JwtAuth::from(clerk).cookie("__session").trust_origin("https://shop.example");
    /// # let _ = auth;
    /// ```
    ///
    /// - `iss` is `https://{domain}`. The keys are at `/.well-known/jwks.json` below it.
    /// - `azp`, which is the `Origin` of the page that asked for the token, must be one of
    ///   `origins`. Another host of the same domain can set a cookie `__session`, and this rule
    ///   rejects tokens that were issued for pages of that host. A client without an origin, such
    ///   as a native application, gets a token without `azp`, and such a token is rejected.
    /// - `sub` and `sid` are required. A token of a JWT template has no `sid`, so a token that the
    ///   application created for another service is rejected.
    /// - A token with an `aud` is rejected. If your tokens have an `aud`, call
    ///   [`audience`](Self::audience).
    /// - The tenant is the organization, `o.id`. The role is `o.rol`, without the prefix `org:`.
    ///
    /// A token lives for 60 seconds, so the client must renew it before nearly every request.
    ///
    /// If a session has tasks that the user has not finished, its tokens have `sts: "pending"`. The
    /// preset accepts them. To reject them, let a guard check the claim.
    ///
    /// If your session tokens contain `unsafe_metadata`, never base a decision on it: users can
    /// edit it.
    ///
    /// Sources, read on 2026-11-27: [manual verification][verification] and
    /// [session tokens][tokens].
    ///
    /// # Panics
    ///
    /// Panics if `domain` is not a host name, or if `origins` is empty.
    ///
    /// [verification]: https://clerk.com/docs/guides/sessions/manual-jwt-verification
    /// [tokens]: https://clerk.com/docs/guides/sessions/session-tokens
    #[track_caller]
    pub fn clerk(domain: impl AsRef<str>, origins: impl OneOrMany) -> Self {
        let domain = checked_part("clerk", "the host of the Frontend API", domain.as_ref());
        let name = format!("https://{domain}");
        let keys = format!("{name}/.well-known/jwks.json");
        Self::jwks(name, keys)
            .claim_is("azp", origins)
            .also_requiring(["sub", "sid"])
            .roles_claim("o.rol")
            .tenant_claim("o.id")
            .into_preset()
    }
}
