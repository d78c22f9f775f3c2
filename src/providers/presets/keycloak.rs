//! Keycloak.

use crate::providers::issuer::Issuer;

impl Issuer {
    /// Trusts a realm of Keycloak. `realm` is the URL of the realm. Also call
    /// [`audience`](Self::audience) with the name of this service. If the tokens have no `aud`,
    /// call [`claim_is`](Self::claim_is) instead, with the claim that names the client (`azp`).
    ///
    /// ```
    /// use tower_jwt_auth::{Issuer, JwtAuth};
    ///
    /// let shop = Issuer::keycloak("https://login.shop.example/realms/shop").audience("cart");
    /// let auth = JwtAuth::from(shop);
    /// # let _ = auth;
    /// ```
    ///
    /// - The keys are found by discovery, since their URL depends on the realm. Keys for encryption
    ///   are skipped.
    /// - The claim `typ` must be `Bearer`. Keycloak signs ID tokens with the same key and the same
    ///   header, and writes `ID` into this claim. Refresh and logout tokens have other values.
    /// - `aud` must name this service. Keycloak writes the name if the requesting client has an
    ///   audience mapper. It also writes the name if the requesting client has the scope `roles`,
    ///   and the token contains a role of the client that represents this service. Otherwise `aud`
    ///   is `account` or absent, and the token is rejected.
    /// - The roles are those of the realm, `realm_access.roles`. To read those of a client, add
    ///   `.add_roles_claim(["resource_access", "cart", "roles"])`. The scopes are in `scope`.
    ///
    /// All clients of a realm have the same issuer, including clients that
    /// [registered themselves][registration]. To accept the tokens of certain clients only, add
    /// `.claim_is("azp", [..])`.
    ///
    /// Source, read on 2026-11-27: [a decoded token of Keycloak 26.7][decoded].
    ///
    /// # Panics
    ///
    /// Panics if `realm` is not an `https` URL. Building the layer panics unless you have called
    /// [`audience`](Self::audience), or have called [`claim_is`](Self::claim_is) with the claim
    /// that names the client (such as `azp`).
    ///
    /// [registration]: https://www.keycloak.org/securing-apps/client-registration
    /// [decoded]: https://phasetwo.io/tutorials/getting-started/your-first-token/
    #[track_caller]
    pub fn keycloak(realm: impl AsRef<str>) -> Self {
        Self::discover(realm)
            .claim_is("typ", "Bearer")
            .roles_claim("realm_access.roles")
            .into_preset()
    }
}
