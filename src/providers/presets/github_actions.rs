//! GitHub Actions.

use crate::jwt::OneOrMany;
use crate::providers::issuer::{Distinction, Issuer};

/// The claims that tell one owner's workflows from those of everybody else.
const OWNERS: &[&str] =
    &["repository_id", "repository_owner_id", "enterprise_id", "repository", "repository_owner"];

impl Issuer {
    /// Trusts the OpenID Connect tokens of GitHub Actions for this audience. A rule about the
    /// repository or its owner is required.
    ///
    /// ```
    /// use tower_jwt_auth::{Issuer, JwtAuth};
    ///
    /// let deployments = Issuer::github_actions("https://deploy.shop.example")
    ///     .claim_is("repository_id", "81367942")
    ///     .claim_is("ref", "refs/heads/main");
    /// let auth = JwtAuth::from(deployments);
    /// # let _ = auth;
    /// ```
    ///
    /// - `iss` is `https://token.actions.githubusercontent.com`, the same for every repository in the
    ///   world. Any workflow can ask for a token with any audience. The audience therefore protects
    ///   nobody, and a layer without one of these rules panics when it is built: `claim_is` about
    ///   `repository_id`, `repository_owner_id`, `enterprise_id`, `repository` or `repository_owner`.
    /// - `repository_id` and `repository_owner_id` are better than the names: a name can be given up,
    ///   and taken by somebody else.
    /// - `aud` must be the audience. Without one in the workflow, GitHub writes the URL of the owner.
    ///
    /// `environment`, `ref`, `job_workflow_ref` and `sub` narrow a rule, and do not replace one. Every
    /// repository can have an environment of that name, and can call a public workflow. Every owner
    /// can choose the claims that `sub` is made of, so `sub` need not name the repository. Workflows of pull requests run with the repository of the base, so also compare
    /// `ref` or `environment`.
    ///
    /// For GitHub Enterprise Server, whose issuer is `https://HOSTNAME/_services/token`, use
    /// [`discover`](Self::discover) with the same rules.
    ///
    /// Source, read on 2026-11-27: [OpenID Connect reference][page].
    ///
    /// # Panics
    ///
    /// Panics if there is no audience.
    ///
    /// [page]: https://docs.github.com/en/actions/reference/security/oidc
    #[track_caller]
    pub fn github_actions(audience: impl OneOrMany) -> Self {
        const NAME: &str = "https://token.actions.githubusercontent.com";
        Self::jwks(NAME, format!("{NAME}/.well-known/jwks"))
            .audience(audience)
            .distinguished_by(Distinction::OneOf(OWNERS))
            .into_preset()
    }
}
