//! Keycloak.

use crate::openid::provider::login_provider::LoginProvider;

impl LoginProvider {
    /// Creates a provider for a realm of Keycloak. `realm` is the URL of the realm.
    ///
    /// ```
    /// use tower_jwt_auth::openid::LoginProvider;
    ///
    /// let realm = "https://login.shop.example/realms/shop";
    /// let company = LoginProvider::keycloak("company", realm, "shop")
    ///     .client_secret("the secret of the client")
    ///     .scopes(["profile", "email"]);
    /// # let _ = company;
    /// ```
    ///
    /// - The claim `typ` of the ID token must be `ID`. Keycloak signs its access tokens with the same
    ///   key and the same header, and writes `Bearer` into this claim.
    /// - Register the client with "Client authentication" and the "Standard flow" on, and with the
    ///   exact redirect URI. A redirect URI with `*` would let another page of the site receive the
    ///   code.
    /// - Keycloak answers `prompt=login` with its login page, so a page can ask for a fresh login.
    ///
    /// Sources, read on 2026-11-27: [OpenID Connect][oidc], and [a decoded token of Keycloak
    /// 26.7][decoded].
    ///
    /// # Panics
    ///
    /// Panics if `realm` is not an absolute `https` URL, or if [`openid`](Self::openid) would panic
    /// for this `name` or `client_id`.
    ///
    /// # Security
    ///
    /// The administrators of the realm can set `email_verified` for any user. Consider this before
    /// you call [`trust_verified_email`](Self::trust_verified_email).
    ///
    /// [oidc]: https://www.keycloak.org/securing-apps/oidc-layers
    /// [decoded]: https://phasetwo.io/tutorials/getting-started/your-first-token/
    #[track_caller]
    pub fn keycloak(
        name: impl AsRef<str>,
        realm: impl AsRef<str>,
        client_id: impl Into<String>,
    ) -> Self {
        Self::openid(name, realm, client_id).id_token_claim("typ", "ID")
    }
}
