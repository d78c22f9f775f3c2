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
    ///   Otherwise Kakao issues no ID token, and each login fails. The log then says that the ID
    ///   token is missing.
    /// - The issuer is `https://kauth.kakao.com`. Kakao's discovery document says that Kakao
    ///   supports PKCE with S256, and accepts the client secret only in the body of a token request
    ///   (`client_secret_post`).
    /// - The subject is the user's number in this application. In another application, the same
    ///   user has a different number.
    /// - With the scope `account_email`, the ID token has an `email`, but it has no
    ///   `email_verified`. To see verified addresses, call [`user_info`](Self::user_info) and
    ///   [`trust_verified_email`](Self::trust_verified_email). The `email_verified` of the user
    ///   info counts only if the user info has the same `email` as the ID token.
    /// - Users may decline optional scopes. The granted scopes of a login show which scopes a user
    ///   accepted.
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
