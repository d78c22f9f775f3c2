//! Amazon Cognito.

use crate::jwt::OneOrMany;
use crate::providers::issuer::Issuer;
use crate::providers::presets::checked_part::checked_part;

impl Issuer {
    /// Trusts the access tokens that a user pool of Amazon Cognito issues to these app clients.
    ///
    /// ```
    /// use tower_jwt_auth::{Issuer, JwtAuth};
    ///
    /// let clients = ["2rq6kl4vu1pvudj6f7s1rj7abc", "5pcd0q3bh4nl1j2f9o2kqm8def"];
    /// let auth = JwtAuth::from(Issuer::cognito("eu-central-1", "eu-central-1_aBcDeFgHi", clients));
    /// # let _ = auth;
    /// ```
    ///
    /// - `iss` is `https://cognito-idp.{region}.amazonaws.com/{pool}`. The keys are at
    ///   `/.well-known/jwks.json` below it.
    /// - `token_use` must be `access`, so an ID token is rejected.
    /// - `client_id` must be one of `clients`. Access tokens have no `aud`, so only `client_id`
    ///   distinguishes the app clients of a pool.
    /// - A token with an `aud` is rejected. Tokens with resource binding have an `aud`. To accept
    ///   them, call [`audience`](Self::audience).
    /// - The roles are the groups, `cognito:groups`. The scopes are in `scope`.
    ///
    /// Do not base decisions on user attributes: users can change every attribute that their app
    /// client may write. Access tokens contain no attributes, unless a trigger copies them into the
    /// token.
    ///
    /// For the regions in China, where hosts end in `amazonaws.com.cn`, use [`jwks`](Self::jwks),
    /// and set the rules of this preset yourself.
    ///
    /// Source, read on 2026-11-26: [the access token][page].
    ///
    /// # Panics
    ///
    /// Panics if `region` or `pool` is malformed, or if `clients` is empty.
    ///
    /// [page]: https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html
    #[track_caller]
    pub fn cognito(
        region: impl AsRef<str>,
        pool: impl AsRef<str>,
        clients: impl OneOrMany,
    ) -> Self {
        let region = checked_part("cognito", "a region", region.as_ref());
        let pool = checked_part("cognito", "a user pool", pool.as_ref());
        let name = format!("https://cognito-idp.{region}.amazonaws.com/{pool}");
        let keys = format!("{name}/.well-known/jwks.json");
        Self::jwks(name, keys)
            .claim_is("token_use", "access")
            .claim_is("client_id", clients)
            .roles_claim("cognito:groups")
            .into_preset()
    }
}
