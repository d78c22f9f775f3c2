//! Kakao.

use crate::openid::provider::login_provider::LoginProvider;

impl LoginProvider {
    /// Creates the provider `kakao`. `client_id` is the REST API key of the application.
    ///
    /// ```
    /// use tower_jwt_auth::openid::LoginProvider;
    ///
    /// let kakao = LoginProvider::kakao("the REST API key")
    ///     .client_secret("the client secret of Kakao Login")
    ///     .scopes(["profile_nickname"]);
    /// # let _ = kakao;
    /// ```
    ///
    /// - OpenID Connect must be switched on for the application ("Kakao Login", "OpenID Connect").
    ///   Otherwise Kakao issues no ID token, and each login fails with that reason.
    /// - The issuer is `https://kauth.kakao.com`. Kakao supports PKCE with S256, and accepts the secret
    ///   in the form only, as its discovery document says.
    /// - The subject is the number of the user in this application. Another application sees another
    ///   number for the same user.
    /// - The ID token has an `email` with the scope `account_email`, but no `email_verified`. To see
    ///   verified addresses, call [`user_info`](Self::user_info) and
    ///   [`trust_verified_email`](Self::trust_verified_email). The `email_verified` of the user info
    ///   counts if its `email` is that of the ID token.
    /// - Users may decline optional scopes. The granted scopes of a login say which they accepted.
    ///
    /// Sources, read on 2026-11-27: [REST API][rest] and [prerequisites][prerequisites].
    ///
    /// # Panics
    ///
    /// Panics if `client_id` is empty.
    ///
    /// [rest]: https://developers.kakao.com/docs/latest/en/kakaologin/rest-api
    /// [prerequisites]: https://developers.kakao.com/docs/latest/en/kakaologin/prerequisite
    #[track_caller]
    pub fn kakao(client_id: impl Into<String>) -> Self {
        Self::openid("kakao", "https://kauth.kakao.com", client_id)
    }
}
