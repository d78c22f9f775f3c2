//! Amazon Cognito.

use crate::jwt::OneOrMany;
use crate::providers::issuer::Issuer;
use crate::providers::presets::checked_part::checked_part;

impl Issuer {
    /// Trusts the access tokens that a user pool of Amazon Cognito issues to these app clients. Use
    /// this preset for a pool with the *original* issuer type, which is the default. For the other
    /// type, use [`cognito_updated`](Self::cognito_updated).
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
    /// Sources: [the access token][page], read on 2026-11-26, and, for the issuer types,
    /// [federation endpoints][types] and [Amazon's own verifier][verifier], read on 2026-11-28.
    ///
    /// # Panics
    ///
    /// Panics if `region` or `pool` is malformed, or if `clients` is empty.
    ///
    /// [page]: https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html
    /// [types]: https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html
    /// [verifier]: https://www.npmjs.com/package/aws-jwt-verify
    #[track_caller]
    pub fn cognito(
        region: impl AsRef<str>,
        pool: impl AsRef<str>,
        clients: impl OneOrMany,
    ) -> Self {
        user_pool("cognito", "cognito-idp", region.as_ref(), pool.as_ref(), clients)
    }

    /// Trusts the access tokens that a user pool of Amazon Cognito issues to these app clients. Use
    /// this preset for a pool with the *updated* issuer type. The rules are those of
    /// [`cognito`](Self::cognito). `region` is the primary region of the pool.
    ///
    /// ```
    /// use tower_jwt_auth::{Issuer, JwtAuth};
    ///
    /// let (region, pool) = ("eu-central-1", "eu-central-1_aBcDeFgHi");
    /// let auth = JwtAuth::from(Issuer::cognito_updated(region, pool, "2rq6kl4vu1pvudj6f7s1rj7abc"));
    /// # let _ = auth;
    /// ```
    ///
    /// `iss` is `https://issuer-cognito-idp.{region}.amazonaws.com/{pool}`. The keys are at
    /// `/.well-known/jwks.json` below it.
    ///
    /// Tokens that were issued before the issuer type of a pool changed keep the old `iss`. During
    /// the change, pass both issuers to [`JwtAuth::issuers`](crate::JwtAuth::issuers).
    ///
    /// # Panics
    ///
    /// Panics in the cases in which [`cognito`](Self::cognito) panics.
    #[track_caller]
    pub fn cognito_updated(
        region: impl AsRef<str>,
        pool: impl AsRef<str>,
        clients: impl OneOrMany,
    ) -> Self {
        let host = "issuer-cognito-idp";
        user_pool("cognito_updated", host, region.as_ref(), pool.as_ref(), clients)
    }
}

/// Creates the issuer for a user pool. `host` is the first part of the host name in `iss`.
#[track_caller]
fn user_pool(
    method: &str,
    host: &str,
    region: &str,
    pool: &str,
    clients: impl OneOrMany,
) -> Issuer {
    let region = checked_part(method, "a region", region);
    let pool = checked_part(method, "a user pool", pool);
    let name = format!("https://{host}.{region}.amazonaws.com/{pool}");
    let keys = format!("{name}/.well-known/jwks.json");
    Issuer::jwks(name, keys)
        .claim_is("token_use", "access")
        .claim_is("client_id", clients)
        .roles_claim("cognito:groups")
        .into_preset()
}
