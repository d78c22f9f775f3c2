//! Service accounts of Kubernetes.

use crate::jwt::OneOrMany;
use crate::providers::issuer::Issuer;

impl Issuer {
    /// Trusts the service accounts of a Kubernetes cluster. `name` is the issuer of the cluster:
    /// the `iss` in the token of each pod. `audience` is the audience of the tokens that clients
    /// mount for this service.
    ///
    /// ```
    /// use tower_jwt_auth::{Issuer, JwtAuth};
    ///
    /// let cluster = Issuer::kubernetes("https://kubernetes.default.svc.cluster.local", "cart")
    ///     .claim_is("sub", ["system:serviceaccount:shop:web", "system:serviceaccount:shop:jobs"]);
    /// let auth = JwtAuth::from(cluster);
    /// # let _ = auth;
    /// ```
    ///
    /// - `aud` must name this service. Do not use the audience of the API server. The API server
    ///   would then accept the clients' tokens too, so anyone who controls this service could
    ///   impersonate the clients there.
    /// - `sub` is required. It is `system:serviceaccount:{namespace}:{name}`. Every pod of the
    ///   cluster can mount a token for any audience, so compare `sub` or `kubernetes.io.namespace`
    ///   with the expected values, here or in a guard.
    /// - The namespace is the tenant.
    /// - `exp` is required. The legacy tokens in secrets have a different issuer and no `exp`, so
    ///   they are rejected.
    ///
    /// A token is valid until it expires, even if its pod or its account is deleted earlier.
    ///
    /// The discovery document of the issuer contains the URL of the keys. EKS and GKE publish the
    /// document and the keys. AKS publishes them if the OIDC issuer of the cluster is enabled. For
    /// an issuer that only pods can reach, set `SSL_CERT_FILE` to the mounted CA of the cluster,
    /// and bind the cluster role `system:service-account-issuer-discovery` to the group
    /// `system:unauthenticated`. Alternatively, supply the keys with
    /// [`with_keys`](Self::with_keys). Read them from a file that contains the output of
    /// `kubectl get --raw /openid/v1/jwks`, or fetch them with a
    /// [`KeySource`](crate::jwks::KeySource) that uses your own HTTP client.
    ///
    /// Source, read on 2026-11-26: [managing service accounts][page].
    ///
    /// # Panics
    ///
    /// Panics if `name` is not an `https` URL, or if `audience` is empty.
    ///
    /// [page]: https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/
    #[track_caller]
    pub fn kubernetes(name: impl AsRef<str>, audience: impl OneOrMany) -> Self {
        Self::discover(name)
            .audience(audience)
            .also_requiring(["sub"])
            .tenant_claim(["kubernetes.io", "namespace"])
            .into_preset()
    }
}
