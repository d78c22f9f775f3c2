//! Google.

use crate::openid::provider::login_provider::LoginProvider;

impl LoginProvider {
    /// Creates the provider `google`. The client needs a [secret](Self::client_secret).
    ///
    /// ```
    /// use tower_jwt_auth::openid::LoginProvider;
    ///
    /// let google = LoginProvider::google("1234987819200.apps.googleusercontent.com")
    ///     .client_secret("the secret that the Google Cloud console shows")
    ///     .scopes(["email", "profile"]);
    /// # let _ = google;
    /// ```
    ///
    /// - The issuer is `https://accounts.google.com`. Google also writes `accounts.google.com` into
    ///   ID tokens. Both are the same issuer for the application.
    /// - Identify users by the subject and never by the address, which can change.
    /// - To ask for the users of one organization only, add `.add_parameter("hd", "shop.example")`.
    ///   The user can remove the parameter, so the application must check the claim `hd` too. An
    ///   address with that domain does not prove that the user belongs to the organization.
    /// - Google answers with long names of the scopes `email` and `profile`, such as
    ///   `https://www.googleapis.com/auth/userinfo.email`. The granted scopes of a login have the
    ///   short ones.
    /// - Google issues a refresh token only with `.add_parameter("access_type", "offline")`.
    /// - Google does not support `prompt=login`: a login with the field `fresh` is rejected, since the
    ///   ID token has no `auth_time`.
    ///
    /// Sources, read on 2026-11-27: [OpenID Connect][guide] and its [reference][reference].
    ///
    /// # Panics
    ///
    /// Panics if `client_id` is empty.
    ///
    /// # Security
    ///
    /// With [`trust_verified_email`](Self::trust_verified_email), note that Google is an authority
    /// only for addresses of Gmail, and for those of an organization (`hd` is present). It verified
    /// any other address once, and another person may own that address today.
    ///
    /// [guide]: https://developers.google.com/identity/openid-connect/openid-connect
    /// [reference]: https://developers.google.com/identity/openid-connect/reference
    #[track_caller]
    pub fn google(client_id: impl Into<String>) -> Self {
        Self::openid("google", "https://accounts.google.com", client_id)
            .alias("accounts.google.com")
            .scope_alias("https://www.googleapis.com/auth/userinfo.email", "email")
            .scope_alias("https://www.googleapis.com/auth/userinfo.profile", "profile")
    }
}
