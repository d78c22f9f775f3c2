//! Microsoft Entra ID.

use crate::jwks::RemoteKeys;
use crate::jwt::OneOrMany;
use crate::misuse;
use crate::providers::issuer::{Issuer, IssuerIdentity};
use crate::providers::presets::checked_part::checked_part;
use crate::providers::presets::entra_keys::EntraKeys;

const HOST: &str = "https://login.microsoftonline.com";

impl Issuer {
    /// Trusts one tenant of Microsoft Entra ID. `tenant` is its identifier, a GUID. Also pass the
    /// token's audience to [`audience`](Self::audience). For tokens of version 2, it is the API's
    /// client ID. For tokens of version 1, it is the API's client ID or its App ID URI
    /// (`api://..`), depending on the request of the client, so pass both.
    ///
    /// ```
    /// use tower_jwt_auth::{Issuer, JwtAuth};
    ///
    /// let auth = JwtAuth::from(
    ///     Issuer::entra("8eaef023-2b34-4da1-9baa-8bc8c9d6a490")
    ///         .audience("6e74172b-be56-4843-9ff4-e66a39bb12e3"),
    /// );
    /// # let _ = auth;
    /// ```
    ///
    /// - `iss` is `https://login.microsoftonline.com/{tenant}/v2.0` or
    ///   `https://sts.windows.net/{tenant}/`. The API's setting `requestedAccessTokenVersion`
    ///   decides between them. The endpoint that the client used has no influence.
    /// - `tid` must equal the tenant.
    /// - `aud` must name the API.
    /// - The client must be named, in `azp` (version 2) or `appid` (version 1). Only access tokens
    ///   name the client. If one app registration is both the client and the API, its ID tokens and
    ///   access tokens have the same `aud`. Without this rule, the API would then accept ID tokens.
    /// - The roles are in `roles`, the scopes in `scp`. A token without a user has `roles` only. The
    ///   tenant is in `tid`.
    /// - A key whose member `issuer` names another tenant is not used.
    ///
    /// If the API does not require user assignment, Entra issues a token for the API to any
    /// application of the tenant, even if the application has no permissions. Guards must therefore
    /// require a role or a scope.
    ///
    /// A token for Microsoft Graph cannot be verified here: only Microsoft Graph can verify it.
    ///
    /// Sources, read on 2026-11-27: [access tokens][tokens] and [their claims][claims].
    ///
    /// # Panics
    ///
    /// Panics if `tenant` is not a GUID: `common` and `organizations` are not tenants. Building the
    /// layer panics unless you have called [`audience`](Self::audience), or have called
    /// [`claim_is`](Self::claim_is) with the claim that names the client (such as `azp`).
    ///
    /// [tokens]: https://learn.microsoft.com/en-us/entra/identity-platform/access-tokens
    /// [claims]: https://learn.microsoft.com/en-us/entra/identity-platform/access-token-claims-reference
    #[track_caller]
    pub fn entra(tenant: impl AsRef<str>) -> Self {
        let tenant = checked_tenant("entra", tenant.as_ref());
        of_tenants(vec![tenant.to_owned()], tenant)
    }

    /// Trusts several tenants of Microsoft Entra ID, for an application that is registered as
    /// multi-tenant. Each tenant is a separate issuer with the rules of [`entra`](Self::entra). All
    /// tenants share one key set.
    ///
    /// ```
    /// use tower_jwt_auth::{Issuer, JwtAuth};
    ///
    /// let customers =
    ///     ["8eaef023-2b34-4da1-9baa-8bc8c9d6a490", "0f3c1a5e-77f5-4a5d-8f0e-1d2b3c4d5e6f"];
    /// let auth = JwtAuth::from(
    ///     Issuer::entra_tenants(customers).audience("6e74172b-be56-4843-9ff4-e66a39bb12e3"),
    /// );
    /// # let _ = auth;
    /// ```
    ///
    /// No preset accepts every tenant, since anyone can create a tenant. A user of any tenant can
    /// consent to a multi-tenant application, and then gets tokens whose `aud` identifies that
    /// application. `aud` alone therefore does not protect the API.
    ///
    /// A key whose `issuer` names one tenant is not used, since it must not verify tokens of the
    /// other tenants. The tenant of personal Microsoft accounts,
    /// `9188040d-6c67-4c5b-b112-36a304b66dad`, has such keys. To accept tokens of that tenant too,
    /// create a second issuer for it with [`entra`](Self::entra). Pass both issuers to
    /// [`JwtAuth::issuers`](crate::JwtAuth::issuers).
    ///
    /// # Panics
    ///
    /// Panics if there is no tenant, and in the cases in which [`entra`](Self::entra) panics.
    #[track_caller]
    pub fn entra_tenants(tenants: impl OneOrMany) -> Self {
        let tenants = tenants.into_strings();
        if tenants.is_empty() {
            misuse::refuse("Issuer::entra_tenants needs at least one tenant");
        }
        for tenant in &tenants {
            checked_tenant("entra_tenants", tenant);
        }
        of_tenants(tenants, "common")
    }
}

/// Creates an issuer with two identities for each tenant: one for each of the two token versions of
/// Entra.
fn of_tenants(tenants: Vec<String>, keys_of: &str) -> Issuer {
    let versions = [
        (format!("{HOST}/"), "/v2.0", ["azp"]),
        ("https://sts.windows.net/".to_owned(), "/", ["appid"]),
    ];
    let mut identities = Vec::new();
    for tenant in &tenants {
        for (before, after, required) in &versions {
            identities.push(IssuerIdentity {
                names: vec![format!("{before}{tenant}{after}")],
                claim: Some(("tid", tenant.clone())),
                required: required.to_vec(),
            });
        }
    }
    let url = format!("{HOST}/{keys_of}/discovery/v2.0/keys");
    let only =
        <[String; 1]>::try_from(tenants).ok().map(|[tenant]| format!("{HOST}/{tenant}/v2.0"));
    let keys = RemoteKeys::new(EntraKeys::new(&url, only));
    Issuer::with_identities(identities, keys.into())
        .roles_claim("roles")
        .scope_claim("scp")
        .tenant_claim("tid")
        .into_preset()
}

#[track_caller]
fn checked_tenant<'a>(method: &str, tenant: &'a str) -> &'a str {
    let tenant = checked_part(method, "the identifier of a tenant", tenant);
    let is_guid = tenant.len() == 36
        && tenant.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        });
    if !is_guid {
        misuse::refuse(format_args!(
            "Issuer::{method}: {tenant:?} is not the identifier of a tenant: give the GUID in lower \
             case, since `common` and `organizations` are not tenants, and tokens do not contain \
             domain names"
        ));
    }
    tenant
}
