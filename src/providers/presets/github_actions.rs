//! GitHub Actions.

use crate::jwt::OneOrMany;
use crate::providers::issuer::{Distinction, Issuer};

/// The claims that distinguish the workflows of one owner from the workflows of all other owners.
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
    /// - `iss` is `https://token.actions.githubusercontent.com`, the same for every repository in
    ///   the world. Any workflow can ask for a token with any audience. The audience alone
    ///   therefore protects nothing. Building the layer panics unless you have called `claim_is`
    ///   with `repository_id`, `repository_owner_id`, `enterprise_id`, `repository` or
    ///   `repository_owner`.
    /// - `repository_id` and `repository_owner_id` are safer than the names: when an owner gives up
    ///   a name, somebody else can take it.
    /// - `aud` must be the audience. If a workflow asks for a token without an audience, GitHub
    ///   sets `aud` to the URL of the repository's owner.
    ///
    /// Rules about `environment`, `ref`, `job_workflow_ref` and `sub` can narrow a rule about the
    /// repository, but cannot replace it. Any repository can have an environment or a branch with
    /// the same name, and can call the same public workflow. Every owner can choose the claims that
    /// `sub` is made of, so `sub` need not name the repository. In the workflow of a pull request,
    /// the claims name the base repository, so also compare `ref` or `environment`.
    ///
    /// The issuer of GitHub Enterprise Server is `https://HOSTNAME/_services/token`. For such a
    /// server, use [`discover`](Self::discover), and set the rules of this preset yourself.
    ///
    /// Source, read on 2026-11-27: [OpenID Connect reference][page].
    ///
    /// # Panics
    ///
    /// Panics if `audience` is empty.
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
