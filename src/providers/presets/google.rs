//! Google.

use crate::jwt::OneOrMany;
use crate::providers::issuer::Issuer;

impl Issuer {
    /// Trusts the ID tokens that Google issues to these OAuth clients.
    ///
    /// ```
    /// use tower_jwt_auth::{Issuer, JwtAuth};
    ///
    /// let google = Issuer::google("1234987819200.apps.googleusercontent.com");
    /// let auth = JwtAuth::from(google);
    /// # let _ = auth;
    /// ```
    ///
    /// - `iss` is `https://accounts.google.com` or `accounts.google.com`: Google writes both. The
    ///   keys are at `https://www.googleapis.com/oauth2/v3/certs`.
    /// - `aud` and `azp` must each be one of the `clients`. Google has one issuer for the
    ///   applications of all its customers. `aud` alone does not protect the API: the owner of any
    ///   service account can ask Google for an ID token with any `aud`, and `azp` is then the
    ///   service account. In a token that an Android or iOS client got for the server, `aud` and
    ///   `azp` are different clients, so list all clients.
    /// - `sub` is required. Identify users by `sub` and never by `email`, which can change.
    /// - The tenant is `hd`, the domain of a Google Workspace. Tokens of Gmail users have no `hd`.
    ///   To accept the users of one organization only, add `.claim_is("hd", "shop.example")`. An
    ///   `email` with that domain does not prove that the user belongs to the organization.
    ///
    /// Google's access tokens are opaque, so this preset accepts ID tokens. No claim distinguishes
    /// an ID token for an application's API from an ID token for the application itself, so the
    /// preset accepts both.
    ///
    /// To accept tokens of service accounts, use [`discover`](Self::discover) with
    /// [`audience`](Self::audience), and with [`claim_is`](Self::claim_is) for the claim `sub`.
    ///
    /// Sources: [OpenID Connect][page], read on 2026-11-26, and [tokens of service
    /// accounts][accounts], read on 2026-11-27.
    ///
    /// # Panics
    ///
    /// Panics if `clients` is empty.
    ///
    /// [page]: https://developers.google.com/identity/openid-connect/openid-connect
    /// [accounts]: https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateIdToken
    #[track_caller]
    pub fn google(clients: impl OneOrMany) -> Self {
        let clients = clients.into_strings();
        Self::jwks("https://accounts.google.com", "https://www.googleapis.com/oauth2/v3/certs")
            .add_alias("accounts.google.com")
            .claim_is("azp", clients.as_slice())
            .audience(clients)
            .also_requiring(["sub"])
            .tenant_claim("hd")
            .into_preset()
    }
}
