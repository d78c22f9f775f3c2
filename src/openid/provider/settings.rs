//! The settings of a provider. [`LoginProvider`](crate::openid::LoginProvider) checks the values.

use std::fmt::{self, Debug};
use std::time::Duration;

use crate::jwks::remote_url::RemoteUrl;
use crate::jwt::Algorithm;
use crate::openid::provider::client_auth::ClientCredentials;
use crate::openid::provider::endpoints::OAuthEndpoints;
use crate::openid::provider::user_info_reader::UserInfoReader;

#[derive(Clone)]
pub(super) struct ProviderSettings {
    pub(super) name: String,
    pub(super) protocol: Protocol,
    pub(super) credentials: ClientCredentials,
    pub(super) scopes: Option<Vec<String>>,
    /// The parameters that the application adds to each authorization request, in the order in
    /// which they were added.
    pub(super) parameters: Vec<(String, String)>,
    pub(super) algorithms: Option<Vec<Algorithm>>,
    pub(super) fetches_user_info: bool,
    pub(super) trusts_email: bool,
    pub(super) timeout: Duration,
    pub(super) leeway: Duration,
    pub(super) allows_http: bool,
}

/// The protocol of a provider.
#[derive(Clone)]
pub(super) enum Protocol {
    OpenId(OpenIdIssuer),
    OAuth(OAuthProvider),
}

/// The issuer of an OpenID provider.
#[derive(Clone, Debug)]
pub(super) struct OpenIdIssuer {
    pub(super) name: String,
    pub(super) url: RemoteUrl,
    /// Other names of the issuer. The provider may write one of them into `iss`.
    pub(super) aliases: Vec<&'static str>,
    /// Pairs of names for the same scope: the name that the provider returns, and the name that
    /// this server requests.
    pub(super) scope_aliases: Vec<(&'static str, &'static str)>,
    /// The name and the value of a claim that distinguishes ID tokens from the provider's other
    /// tokens.
    pub(super) id_token_claim: Option<(&'static str, &'static str)>,
}

/// A provider without ID tokens.
#[derive(Clone)]
pub(super) struct OAuthProvider {
    pub(super) endpoints: OAuthEndpoints,
    pub(super) subject: UserInfoReader,
    pub(super) email: Option<UserInfoReader>,
    /// True if the token endpoint also requires the `state` of the login.
    pub(super) sends_state: bool,
}

impl ProviderSettings {
    /// Returns the scopes to request.
    pub(super) fn asked_scopes(&self) -> Vec<String> {
        let mut scopes = self.scopes.clone().unwrap_or_default();
        let is_openid = matches!(self.protocol, Protocol::OpenId(_));
        if is_openid && !scopes.iter().any(|scope| scope == "openid") {
            scopes.insert(0, "openid".to_owned());
        }
        scopes
    }

    /// Returns the granted scopes. If the provider uses another name for a requested scope, the
    /// requested name is returned. `answer` is the list of scopes in the token response. If the
    /// response contains no list (`None`), all requested scopes were granted.
    pub(super) fn granted_scopes(&self, answer: Option<Vec<String>>) -> Vec<String> {
        let asked = self.asked_scopes();
        let Some(mut granted) = answer else { return asked };
        let Protocol::OpenId(OpenIdIssuer { scope_aliases, .. }) = &self.protocol else {
            return granted;
        };
        for scope in granted.iter_mut().filter(|scope| !asked.contains(scope)) {
            let alias = scope_aliases.iter().find(|(alias, _)| alias == scope);
            if let Some((_, name)) = alias.filter(|(_, name)| asked.iter().any(|one| one == name)) {
                *scope = (*name).to_owned();
            }
        }
        granted
    }
}

impl Protocol {
    /// Returns the value of [`Identity::issuer`](crate::openid::Identity::issuer) for users of this
    /// provider.
    pub(super) fn issuer(&self) -> String {
        match self {
            Self::OpenId(issuer) => issuer.name.clone(),
            Self::OAuth(provider) => provider.issuer(),
        }
    }
}

impl OAuthProvider {
    /// Returns the origin of the login page.
    pub(super) fn issuer(&self) -> String {
        self.endpoints.authorization.split().0
    }
}

impl Debug for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OpenId(issuer) => f.debug_tuple("OpenId").field(&issuer.name).finish(),
            Self::OAuth(provider) => f.debug_tuple("OAuth").field(&provider.endpoints).finish(),
        }
    }
}
