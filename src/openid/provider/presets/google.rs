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
    ///   ID tokens. The application gets the issuer `https://accounts.google.com` for both.
    /// - Identify users by the subject and never by the email address, which can change.
    /// - To show the login only to users of one organization, add
    ///   `.add_parameter("hd", "shop.example")`. The user can remove the parameter, so the
    ///   application must also check the claim `hd`. An email address with that domain does not
    ///   prove that the user belongs to the organization.
    /// - In its response, Google writes long names for the scopes `email` and `profile`, such as
    ///   `https://www.googleapis.com/auth/userinfo.email`. The granted scopes of a login have the
    ///   short names.
    /// - Google issues a refresh token only with `.add_parameter("access_type", "offline")`.
    /// - For `prompt`, Google documents the values `none`, `consent` and `select_account`, but not
    ///   `login`. A login with the field `fresh` is rejected, since the ID token has no
    ///   `auth_time`.
    ///
    /// Sources, read on 2026-11-27: [OpenID Connect][guide] and its [reference][reference].
    ///
    /// # Panics
    ///
    /// Panics if `client_id` is empty.
    ///
    /// # Security
    ///
    /// If you use [`trust_verified_email`](Self::trust_verified_email), note that Google controls
    /// only two kinds of addresses: Gmail addresses, and the addresses of organizations, whose ID
    /// tokens contain `hd`. For any other address, Google checked at some time in the past that the
    /// address belonged to the user. The address may belong to another person today.
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
