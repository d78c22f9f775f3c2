//! The configuration of a provider.

use std::fmt::{self, Debug};
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::bearer::is_scope_token;
use crate::clock::Clock;
use crate::jwks::RemoteKeys;
use crate::jwks::remote_url::RemoteUrl;
use crate::jwt::Algorithm;
use crate::misuse;
use crate::openid::provider::authorization;
use crate::openid::provider::client::ProviderClient;
use crate::openid::provider::client_auth::{AuthMethod, ClientCredentials};
use crate::openid::provider::endpoints::OAuthEndpoints;
use crate::openid::provider::settings::{OAuthProvider, OpenIdIssuer, Protocol, ProviderSettings};
use crate::openid::provider::user_info_reader::UserInfoReader;

const MAX_NAME_CHARS: usize = 32;
const MAX_LEEWAY: Duration = Duration::from_secs(60);
const DEFAULT_LEEWAY: Duration = Duration::from_secs(5);
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// A provider at which users can log in: its endpoints, the client identifier and the secret that
/// the provider gave to this server, and the scopes to request.
///
/// ```
/// use tower_jwt_auth::openid::LoginProvider;
///
/// let company = LoginProvider::openid("company", "https://login.shop.example/realms/shop", "shop")
///     .client_secret("the secret that the provider shows")
///     .scopes(["profile"]);
/// # let _ = company;
/// ```
///
/// Each provider has a name at this server. The name is part of the URLs of the provider's routes.
/// Each login tells the application the name of its provider.
///
/// # Panics
///
/// Every method panics on a setting that cannot work. The message of the panic says what to do. A
/// method that takes a list panics if it is called twice, since the first list would be lost.
#[derive(Clone)]
#[must_use]
pub struct LoginProvider {
    settings: ProviderSettings,
}

impl LoginProvider {
    /// Creates an OpenID provider. `issuer` is the exact `issuer` of its discovery document, such
    /// as `https://login.shop.example/realms/shop`, and `client_id` is the name of this server at
    /// the provider.
    ///
    /// The endpoints come from the discovery document. The first login fetches the document. A
    /// later login fetches it again if the last fetch was at least an hour ago. The ID token must
    /// be signed with one of the provider's published keys. By default, only the scope `openid` is
    /// requested, and the user info is not fetched.
    ///
    /// # Panics
    ///
    /// Panics if `name` has more than 32 characters, or characters other than `a` to `z`, `0` to
    /// `9` and `-`. Also panics if `issuer` is not an absolute `https` URL, or if `client_id` is
    /// empty.
    #[track_caller]
    pub fn openid(
        name: impl AsRef<str>,
        issuer: impl AsRef<str>,
        client_id: impl Into<String>,
    ) -> Self {
        let issuer = issuer.as_ref();
        let url = match RemoteUrl::parse(issuer) {
            Ok(url) => url,
            Err(reason) => misuse::refuse(format_args!(
                "LoginProvider::openid: the issuer cannot be used: {reason}"
            )),
        };
        if issuer.contains('?') {
            misuse::refuse(format_args!(
                "LoginProvider::openid: the issuer {issuer:?} has a query, so it has no discovery \
                 document"
            ));
        }
        let issuer = OpenIdIssuer {
            name: issuer.to_owned(),
            url,
            aliases: Vec::new(),
            scope_aliases: Vec::new(),
            id_token_claim: None,
        };
        Self::new(name.as_ref(), Protocol::OpenId(issuer), client_id.into())
    }

    /// Creates a plain OAuth 2.0 provider, which issues no ID tokens. `subject` is a function that
    /// finds the user's identifier in the user info.
    ///
    /// The identifier must be unique at the provider, and must never belong to another user later.
    /// An email address can later be given to another person, so it is not an identifier.
    ///
    /// ```
    /// use tower_jwt_auth::openid::{LoginProvider, OAuthEndpoints};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct User { id: u64 }
    ///
    /// let github = LoginProvider::oauth(
    ///     "github",
    ///     OAuthEndpoints::new(
    ///         "https://github.com/login/oauth/authorize",
    ///         "https://github.com/login/oauth/access_token",
    ///         "https://api.github.com/user",
    ///     ),
    ///     "the client id",
    ///     |user: User| Some(user.id.to_string()),
    /// );
    /// # let _ = github;
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if [`openid`](Self::openid) would panic for this `name` or `client_id`.
    ///
    /// # Security
    ///
    /// User info does not name the server that it is meant for. The only evidence that it is meant
    /// for this server is the access token, which this server received in exchange for a code. An
    /// ID token names the server that it is meant for. Therefore use [`openid`](Self::openid) if a
    /// provider supports both OAuth 2.0 and OpenID Connect.
    #[track_caller]
    pub fn oauth<U: DeserializeOwned + 'static>(
        name: impl AsRef<str>,
        endpoints: OAuthEndpoints,
        client_id: impl Into<String>,
        subject: impl Fn(U) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        let provider = OAuthProvider {
            endpoints,
            subject: UserInfoReader::new(subject),
            email: None,
            sends_state: false,
        };
        Self::new(name.as_ref(), Protocol::OAuth(provider), client_id.into())
    }

    #[track_caller]
    fn new(name: &str, protocol: Protocol, client_id: String) -> Self {
        let is_allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || name.len() > MAX_NAME_CHARS || !name.bytes().all(is_allowed) {
            misuse::refuse(format_args!(
                "LoginProvider: the name {name:?} is a part of URLs: use 1 to {MAX_NAME_CHARS} of \
                 the characters `a` to `z`, `0` to `9` and `-`"
            ));
        }
        if client_id.is_empty() {
            misuse::refuse(format_args!(
                "LoginProvider: the client id of {name:?} is empty: give the one that the provider \
                 shows"
            ));
        }
        let settings = ProviderSettings {
            name: name.to_owned(),
            protocol,
            credentials: ClientCredentials { client_id, secret: None, method: None },
            scopes: None,
            parameters: Vec::new(),
            algorithms: None,
            fetches_user_info: false,
            trusts_email: false,
            timeout: DEFAULT_TIMEOUT,
            leeway: DEFAULT_LEEWAY,
            allows_http: false,
        };
        Self { settings }
    }

    /// Sets the client secret, with which this server authenticates itself to the provider. By
    /// default, there is no secret, and the server sends only its client identifier. Providers
    /// accept this from clients that are registered as public.
    ///
    /// The secret is sent in the `Authorization` header. If the discovery document lists only
    /// `client_secret_post`, the secret is sent in the body of the token request instead.
    ///
    /// # Panics
    ///
    /// Panics if the secret is empty.
    #[track_caller]
    pub fn client_secret(mut self, secret: impl Into<String>) -> Self {
        let secret = secret.into();
        if secret.is_empty() {
            misuse::refuse("LoginProvider::client_secret: the secret is empty");
        }
        self.settings.credentials.secret = Some(Zeroizing::new(secret));
        self
    }

    /// Sends the secret as a parameter in the body of the token request (`client_secret_post`),
    /// whatever methods the discovery document lists. By default, the method is chosen from those
    /// that the document lists, and plain OAuth 2.0 providers receive the secret in the
    /// `Authorization` header.
    pub fn client_secret_post(mut self) -> Self {
        self.settings.credentials.method = Some(AuthMethod::Post);
        self
    }

    /// Sets the scopes to request. For an OpenID provider, `openid` is added. By default, no other
    /// scope is requested. Request no more than the application needs.
    ///
    /// # Panics
    ///
    /// Panics if a scope is empty or contains a space, a quote or a backslash, or if this method is
    /// called twice.
    #[track_caller]
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let scopes: Vec<String> = scopes.into_iter().map(Into::into).collect();
        if self.settings.scopes.is_some() {
            misuse::refuse(
                "LoginProvider::scopes is called twice: give all in one call, such as \
                 `.scopes([\"profile\", \"email\"])`",
            );
        }
        if let Some(scope) = scopes.iter().find(|scope| !is_scope_token(scope)) {
            misuse::refuse(format_args!(
                "LoginProvider::scopes: {scope:?} is not one scope: give each scope as a string of \
                 its own"
            ));
        }
        self.settings.scopes = Some(scopes);
        self
    }

    /// Also fetches the user info of an OpenID provider, and adds the members of the user info to
    /// the claims of the ID token. The `sub` of the user info must equal that of the ID token. If a
    /// member is in both, the value in the ID token counts. By default, the user info is not
    /// fetched.
    ///
    /// # Panics
    ///
    /// Panics for a plain OAuth 2.0 provider, whose user info is always fetched.
    #[track_caller]
    pub fn user_info(mut self) -> Self {
        if let Protocol::OAuth(_) = self.settings.protocol {
            misuse::refuse(
                "LoginProvider::user_info has no effect on a plain OAuth 2.0 provider: its user info \
                 is always fetched",
            );
        }
        self.settings.fetches_user_info = true;
        self
    }

    /// Trusts the provider's `email_verified`. If `email_verified` is true,
    /// [`Identity::verified_email`](crate::openid::Identity::verified_email) returns the `email` of
    /// the login. By default no address counts as verified.
    ///
    /// # Panics
    ///
    /// Panics for a plain OAuth 2.0 provider. For such a provider, call
    /// [`with_verified_email`](Self::with_verified_email) instead.
    ///
    /// # Security
    ///
    /// Some applications grant rights to the owner of an email address. After this call, such an
    /// application depends on the provider to check addresses, and to check them again when they
    /// change. If administrators or users of the provider can set `email_verified` themselves, they
    /// can log in as other people.
    #[track_caller]
    pub fn trust_verified_email(mut self) -> Self {
        if let Protocol::OAuth(_) = self.settings.protocol {
            misuse::refuse(
                "LoginProvider::trust_verified_email reads an OpenID claim: call \
                 `with_verified_email(..)` for a plain OAuth 2.0 provider",
            );
        }
        self.settings.trusts_email = true;
        self
    }

    /// Sets the function that finds the user's verified email address in the user info of a plain
    /// OAuth 2.0 provider. The function must return `None` if the provider has not verified the
    /// address. By default, no address counts as verified.
    ///
    /// # Panics
    ///
    /// Panics for an OpenID provider. For such a provider, use
    /// [`trust_verified_email`](Self::trust_verified_email) instead.
    ///
    /// # Security
    ///
    /// See [`trust_verified_email`](Self::trust_verified_email).
    #[track_caller]
    pub fn with_verified_email<U: DeserializeOwned + 'static>(
        mut self,
        email: impl Fn(U) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        match &mut self.settings.protocol {
            Protocol::OAuth(provider) => provider.email = Some(UserInfoReader::new(email)),
            Protocol::OpenId(_) => misuse::refuse(
                "LoginProvider::with_verified_email is for a plain OAuth 2.0 provider: call \
                 `trust_verified_email()` for an OpenID provider",
            ),
        }
        self
    }

    /// Adds a parameter to each authorization request, such as `("prompt", "select_account")` or
    /// `("hd", "shop.example")`. The provider may ignore the parameter, and the user can change it,
    /// so also check the claims of the login.
    ///
    /// # Panics
    ///
    /// Panics if the name is empty, has already been added, or is the name of a parameter that this
    /// crate sets for each login (such as `state`, `redirect_uri` and `scope`). Also panics for
    /// `prompt=none`, with which a provider never shows a login page.
    #[track_caller]
    pub fn add_parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let (name, value) = (name.into(), value.into());
        if name.is_empty() || authorization::is_reserved(&name) {
            misuse::refuse(format_args!(
                "LoginProvider::add_parameter: {name:?} cannot be set, since each login sets it or \
                 depends on it"
            ));
        }
        if self.settings.parameters.iter().any(|(other, _)| *other == name) {
            misuse::refuse(format_args!(
                "LoginProvider::add_parameter: {name:?} was given before, and a provider rejects a \
                 parameter that occurs twice"
            ));
        }
        if name == "prompt" && value.split(' ').any(|prompt| prompt == "none") {
            misuse::refuse(
                "LoginProvider::add_parameter: with `prompt=none` the provider never shows its login \
                 page",
            );
        }
        self.settings.parameters.push((name, value));
        self
    }

    /// Accepts only ID tokens with these algorithms: see [`RemoteKeys::algorithms`]. By default,
    /// the `alg` of each published key decides.
    ///
    /// # Panics
    ///
    /// Panics if `algorithms` is empty or contains an algorithm for shared secrets, if this method
    /// is called twice, or if the provider is a plain OAuth 2.0 provider.
    #[track_caller]
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        if let Protocol::OAuth(_) = self.settings.protocol {
            misuse::refuse("LoginProvider::algorithms: a plain OAuth 2.0 provider signs nothing");
        }
        if self.settings.algorithms.is_some() {
            misuse::refuse(
                "LoginProvider::algorithms is called twice: give all in one call, such as \
                 `.algorithms([Algorithm::Rs256, Algorithm::Es256])`",
            );
        }
        let algorithms: Vec<_> = algorithms.into_iter().collect();
        // This call panics if the algorithms cannot be used. The key source is created only for
        // this check.
        drop(RemoteKeys::jwks("https://provider.invalid").algorithms(algorithms.iter().copied()));
        self.settings.algorithms = Some(algorithms);
        self
    }

    /// Sets the time limit of each request to the provider. 5 seconds by default.
    ///
    /// # Panics
    ///
    /// Panics if `limit` is zero.
    #[track_caller]
    pub fn timeout(mut self, limit: Duration) -> Self {
        if limit.is_zero() {
            misuse::refuse("LoginProvider::timeout of zero would end every request: give a time");
        }
        self.settings.timeout = limit;
        self
    }

    /// Sets the allowed difference between the clocks of the provider and this server. 5 seconds by
    /// default, 60 at most.
    ///
    /// # Panics
    ///
    /// Panics if the leeway is longer than 60 seconds.
    #[track_caller]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        if leeway > MAX_LEEWAY {
            misuse::refuse("LoginProvider::leeway: 60 s is the most: correct the clocks instead");
        }
        self.settings.leeway = leeway;
        self
    }

    /// Accepts plain `http` URLs on loopback addresses (`127.0.0.1`, `[::1]`, `localhost`), for
    /// tests with a provider on the same machine. By default every URL must be `https`.
    ///
    /// # Security
    ///
    /// If another process on this machine takes the provider's port, that process can log in as any
    /// user, and learns the client secret of this server.
    pub fn dangerous_allow_http(mut self) -> Self {
        self.settings.allows_http = true;
        self
    }

    /// Returns the name that this server uses for the provider.
    pub(crate) fn name(&self) -> &str {
        &self.settings.name
    }

    /// Returns the issuer if both providers have the same issuer but different sets of users. In
    /// this case, one issuer and subject could name two users. Returns `None` in all other cases.
    ///
    /// An OpenID issuer has a single set of subjects. For a plain OAuth 2.0 provider, this crate
    /// uses the origin of the login page as the issuer. At one origin, the subject `42` can name
    /// different users at different endpoints, or for different clients. For example, Naver numbers
    /// the users of each client separately.
    pub(crate) fn shared_issuer(&self, other: &Self) -> Option<String> {
        let issuer = self.settings.protocol.issuer();
        let is_shared = issuer == other.settings.protocol.issuer();
        let is_one_set = match (&self.settings.protocol, &other.settings.protocol) {
            (Protocol::OpenId(_), Protocol::OpenId(_)) => true,
            (Protocol::OAuth(own), Protocol::OAuth(others)) => {
                let client_id = &self.settings.credentials.client_id;
                own.endpoints == others.endpoints
                    && *client_id == other.settings.credentials.client_id
            }
            _ => false,
        };
        (is_shared && !is_one_set).then_some(issuer)
    }

    /// Also accepts this name in the `iss` of ID tokens.
    pub(super) fn alias(mut self, name: &'static str) -> Self {
        if let Protocol::OpenId(issuer) = &mut self.settings.protocol {
            issuer.aliases.push(name);
        }
        self
    }

    /// Treats `alias` in a token response as the scope `name` if that scope was requested.
    pub(super) fn scope_alias(mut self, alias: &'static str, name: &'static str) -> Self {
        if let Protocol::OpenId(issuer) = &mut self.settings.protocol {
            issuer.scope_aliases.push((alias, name));
        }
        self
    }

    /// Requires a claim of ID tokens to have this value.
    pub(super) fn id_token_claim(mut self, name: &'static str, value: &'static str) -> Self {
        if let Protocol::OpenId(issuer) = &mut self.settings.protocol {
            issuer.id_token_claim = Some((name, value));
        }
        self
    }

    /// Sends the `state` of the login to the token endpoint too. Has no effect on an OpenID
    /// provider.
    pub(super) fn with_state_in_exchange(mut self) -> Self {
        if let Protocol::OAuth(provider) = &mut self.settings.protocol {
            provider.sends_state = true;
        }
        self
    }

    /// Returns a client that is ready for logins at this provider.
    ///
    /// # Panics
    ///
    /// Panics if a URL uses plain `http` and
    /// [`dangerous_allow_http`](Self::dangerous_allow_http) was not called.
    #[track_caller]
    pub(crate) fn into_client(self, clock: Arc<dyn Clock>) -> ProviderClient {
        let ProviderSettings { name, protocol, allows_http, .. } = &self.settings;
        let has_http = match protocol {
            Protocol::OpenId(issuer) => issuer.url.is_http(),
            Protocol::OAuth(provider) => provider.endpoints.has_http(),
        };
        if has_http && !allows_http {
            misuse::refuse(format_args!(
                "LoginProvider {name:?} has a plain http URL: use https, or call \
                 `dangerous_allow_http()` for tests on this machine"
            ));
        }
        ProviderClient::new(self.settings, clock)
    }
}

impl Debug for LoginProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginProvider")
            .field("name", &self.settings.name)
            .field("protocol", &self.settings.protocol)
            .field("credentials", &self.settings.credentials)
            .field("scopes", &self.settings.scopes)
            .finish_non_exhaustive()
    }
}
