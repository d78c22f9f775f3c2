//! Supabase.

use crate::providers::issuer::Issuer;
use crate::providers::presets::checked_part::checked_part;

impl Issuer {
    /// Trusts the users of a Supabase project. `project` is the project's reference, which is the
    /// first part of its host name.
    ///
    /// ```
    /// use tower_jwt_auth::{Issuer, JwtAuth};
    ///
    /// let auth = JwtAuth::from(Issuer::supabase("abcdefghijklmnopqrst"));
    /// # let _ = auth;
    /// ```
    ///
    /// - `iss` is `https://{project}.supabase.co/auth/v1`. The keys are at `/.well-known/jwks.json`
    ///   below it. A new project has one ES256 key. A project that still signs with a shared secret
    ///   must migrate to signing keys first.
    /// - `aud` must be `authenticated`.
    /// - `sub` and `session_id` are required. Every user's token has both. The API keys `anon` and
    ///   `service_role` are also tokens, but they have neither claim.
    /// - The roles are in `app_metadata.roles`, which only the server can change. The claim `role`
    ///   is the role in the database, not a role of your application.
    ///
    /// # Security
    ///
    /// Never base a decision on `user_metadata`: users can edit it. A user who signed in
    /// anonymously has `aud: authenticated` too, with `is_anonymous: true`.
    ///
    /// Source, read on 2026-11-27: [JWT claims][page].
    ///
    /// # Panics
    ///
    /// Panics if `project` is empty, or has a character other than a letter, a digit, `-`, `_` or
    /// `.`.
    ///
    /// [page]: https://supabase.com/docs/guides/auth/jwt-fields
    #[track_caller]
    pub fn supabase(project: impl AsRef<str>) -> Self {
        let project = checked_part("supabase", "the reference of a project", project.as_ref());
        let name = format!("https://{project}.supabase.co/auth/v1");
        let keys = format!("{name}/.well-known/jwks.json");
        Self::jwks(name, keys)
            .audience("authenticated")
            .also_requiring(["sub", "session_id"])
            .roles_claim("app_metadata.roles")
            .into_preset()
    }
}
