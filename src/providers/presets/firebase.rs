//! Firebase Authentication.

use crate::providers::issuer::Issuer;
use crate::providers::presets::checked_part::checked_part;

impl Issuer {
    /// Trusts the ID tokens of a Firebase project. Firebase uses them as access tokens.
    ///
    /// ```
    /// use tower_jwt_auth::{Issuer, JwtAuth};
    ///
    /// let auth = JwtAuth::from(Issuer::firebase("shop-1"));
    /// # let _ = auth;
    /// ```
    ///
    /// - `iss` is `https://securetoken.google.com/{project}`. Google publishes one key set for all
    ///   projects.
    /// - `aud` must be the project.
    /// - `sub` and `auth_time` are required, as Google's own rules say.
    /// - The tenant is `firebase.tenant`. Roles are in `roles`, if the application sets such a custom
    ///   claim with the Admin SDK. Users cannot change custom claims.
    ///
    /// With most sign-in methods of a project, anyone can sign up. If the project enables anonymous
    /// sign-in, `firebase.sign_in_provider` is `anonymous` in the tokens of anonymous users. A
    /// token proves only who the user is, so if only some users may do something, require a role
    /// for it.
    ///
    /// Custom tokens and session cookies have other issuers and are rejected.
    ///
    /// Source, read on 2026-11-26: [verify ID tokens][page].
    ///
    /// # Panics
    ///
    /// Panics if `project` is empty, or has a character other than a letter, a digit, `-`, `_` or
    /// `.`.
    ///
    /// [page]: https://firebase.google.com/docs/auth/admin/verify-id-tokens
    #[track_caller]
    pub fn firebase(project: impl AsRef<str>) -> Self {
        const KEYS: &str = "https://www.googleapis.com/service_accounts/v1/jwk/\
            securetoken@system.gserviceaccount.com";
        let project = checked_part("firebase", "the identifier of a project", project.as_ref());
        Self::jwks(format!("https://securetoken.google.com/{project}"), KEYS)
            .audience(project)
            .also_requiring(["sub", "auth_time"])
            .tenant_claim("firebase.tenant")
            .into_preset()
    }
}
