//! WorkOS AuthKit.

use crate::providers::issuer::{Distinction, Issuer};
use crate::providers::presets::checked_part::checked_part;

impl Issuer {
    /// Trusts the session tokens that WorkOS AuthKit issues for one client.
    ///
    /// ```
    /// use tower_jwt_auth::{Issuer, JwtAuth};
    ///
    /// let auth = JwtAuth::from(Issuer::workos("client_01HXYZ"));
    /// # let _ = auth;
    /// ```
    ///
    /// - `iss` is `https://api.workos.com/user_management/{client}`. The keys are at
    ///   `https://api.workos.com/sso/jwks/{client}`. Both URLs contain the identifier of the
    ///   client, so a token of another client is rejected.
    /// - `sub` and `sid` are required, so that only tokens of users' sessions are accepted.
    /// - A token with an `aud` is rejected. Connect tokens, such as those for an MCP server, have
    ///   an `aud`. To accept them, call [`audience`](Self::audience).
    /// - The tenant is the organization, `org_id`. The roles are in `role` and `roles`. The
    ///   permissions are read as scopes.
    ///
    /// Some environments write `iss: https://api.workos.com`. For these, add
    /// `.add_alias("https://api.workos.com")`. With the alias, tokens of other clients are still
    /// rejected, since each client has its own keys.
    ///
    /// If your environment has a custom domain, that domain is the issuer, and this preset does not
    /// accept its tokens. In this case, call [`jwks`](Self::jwks) instead, and set the rules of
    /// this preset yourself.
    ///
    /// A token of an administrator who impersonates a user has the claim `act`.
    ///
    /// Source, read on 2026-11-27: [session tokens][page].
    ///
    /// # Panics
    ///
    /// Panics if `client` is empty, or has a character other than a letter, a digit, `-`, `_` or
    /// `.`.
    ///
    /// [page]: https://workos.com/docs/reference/authkit/session-tokens
    #[track_caller]
    pub fn workos(client: impl AsRef<str>) -> Self {
        let client = checked_part("workos", "the identifier of a client", client.as_ref());
        let name = format!("https://api.workos.com/user_management/{client}");
        Self::jwks(name, format!("https://api.workos.com/sso/jwks/{client}"))
            .distinguished_by(Distinction::Issuer)
            .also_requiring(["sub", "sid"])
            .roles_claim("role")
            .add_roles_claim("roles")
            .scope_claim("permissions")
            .tenant_claim("org_id")
            .into_preset()
    }
}
