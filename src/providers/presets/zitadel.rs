//! Zitadel.

use crate::jwt::ClaimPath;
use crate::providers::issuer::Issuer;
use crate::providers::presets::checked_part::checked_part;

impl Issuer {
    /// Trusts the access tokens of a Zitadel instance for one project. `instance` is the URL of the
    /// instance, and `project` is the numeric identifier of the project that this service belongs
    /// to.
    ///
    /// ```
    /// use tower_jwt_auth::{Issuer, JwtAuth};
    ///
    /// let project = "170848003706815745";
    /// let auth = JwtAuth::from(Issuer::zitadel("https://shop.zitadel.cloud", project));
    /// # let _ = auth;
    /// ```
    ///
    /// - The keys are found by discovery.
    /// - `aud` must name the project.
    /// - `jti` is required. Access tokens have it and ID tokens do not, although both name the
    ///   project in `aud`.
    /// - The roles are the member names of the object
    ///   `urn:zitadel:iam:org:project:{project}:roles`, which Zitadel writes for clients that ask
    ///   for the scope `urn:zitadel:iam:org:projects:roles`. Zitadel also has a claim whose name
    ///   does not contain the project's identifier. That claim lists the roles of the project that
    ///   the *client* belongs to. The preset does not read that claim: otherwise anyone who can
    ///   create a project in the instance could choose the roles.
    /// - The tenant is `urn:zitadel:iam:user:resourceowner:id`, the organization of the user.
    ///
    /// The name of a role does not show in which organization the user has the role. If several
    /// organizations share the project, let your claims type also read the object that contains the
    /// roles. Under each role, the object names the organizations in which the user has that role.
    /// Compare the named organizations with the organization that the request is about.
    ///
    /// Set the access token type of the application to JWT; otherwise the tokens are opaque.
    ///
    /// Sources, read on 2026-11-27: [claims][claims] and [scopes][scopes].
    ///
    /// # Panics
    ///
    /// Panics if `instance` is not an `https` URL. Also panics if `project` is empty, or has a
    /// character other than a letter, a digit, `-`, `_` or `.`.
    ///
    /// [claims]: https://zitadel.com/docs/apis/openidoauth/claims
    /// [scopes]: https://zitadel.com/docs/apis/openidoauth/scopes
    #[track_caller]
    pub fn zitadel(instance: impl AsRef<str>, project: impl AsRef<str>) -> Self {
        let project = checked_part("zitadel", "the identifier of a project", project.as_ref());
        let roles = format!("urn:zitadel:iam:org:project:{project}:roles");
        Self::discover(instance)
            .audience(project)
            .also_requiring(["jti"])
            .roles_claim(ClaimPath::from([roles]).object_keys())
            .tenant_claim(["urn:zitadel:iam:user:resourceowner:id"])
            .into_preset()
    }
}
