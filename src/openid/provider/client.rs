//! A provider that is ready for logins.

use std::fmt::{self, Debug};
use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::sync::Semaphore;

use crate::clock::Clock;
use crate::jwks::remote_url::RemoteUrl;
use crate::openid::provider::authorization::{AuthorizationRequest, AuthorizationSettings};
use crate::openid::provider::client_auth::AuthMethod;
use crate::openid::provider::error::{ProviderError, ProviderErrorKind};
use crate::openid::provider::exchange::{self, TokenRequest};
use crate::openid::provider::id_token::{IdToken, IdTokenVerifier, is_subject};
use crate::openid::provider::login::{ProviderLogin, Redemption};
use crate::openid::provider::metadata::Metadata;
use crate::openid::provider::metadata_cache::MetadataCache;
use crate::openid::provider::settings::{OAuthProvider, Protocol, ProviderSettings};
use crate::openid::provider::token_endpoint_response::TokenEndpointResponse;
use crate::openid::provider::tokens::ProviderTokens;
use crate::openid::provider::user_info;
use crate::openid::provider::user_info_reader::UserInfoReader;

/// The maximum number of logins that exchange their codes for tokens at the same time. A provider
/// that does not answer can therefore block only this number of requests.
pub(super) const MAX_EXCHANGES: usize = 64;

/// A provider that is ready for logins. Clones share the metadata, the keys and the limits.
#[derive(Clone)]
pub(crate) struct ProviderClient {
    shared: Arc<Shared>,
}

struct Shared {
    settings: ProviderSettings,
    authorization: AuthorizationSettings,
    protocol: Ready,
    clock: Arc<dyn Clock>,
    exchanges: Semaphore,
}

/// The protocol of the provider, and the data that a login with this protocol needs.
enum Ready {
    OpenId(Box<OpenId>),
    OAuth(Box<OAuthProvider>),
}

struct OpenId {
    issuer: String,
    metadata: MetadataCache,
    verifier: IdTokenVerifier,
}

impl ProviderClient {
    #[track_caller]
    pub(super) fn new(settings: ProviderSettings, clock: Arc<dyn Clock>) -> Self {
        let protocol = match &settings.protocol {
            Protocol::OAuth(provider) => Ready::OAuth(Box::new(provider.clone())),
            Protocol::OpenId(issuer) => {
                let (name, url) = (issuer.name.clone(), issuer.url.clone());
                let ProviderSettings { allows_http, timeout, .. } = settings;
                Ready::OpenId(Box::new(OpenId {
                    issuer: issuer.name.clone(),
                    metadata: MetadataCache::new(name, url, allows_http, timeout),
                    verifier: IdTokenVerifier::new(issuer, &settings, &clock),
                }))
            }
        };
        let authorization = AuthorizationSettings {
            client_id: settings.credentials.client_id.clone(),
            scopes: settings.asked_scopes(),
            is_openid: matches!(protocol, Ready::OpenId(_)),
            parameters: settings.parameters.clone(),
        };
        let exchanges = Semaphore::new(MAX_EXCHANGES);
        Self { shared: Arc::new(Shared { settings, authorization, protocol, clock, exchanges }) }
    }

    /// Returns the name that this server uses for the provider.
    pub(crate) fn name(&self) -> &str {
        &self.shared.settings.name
    }

    /// Returns the URL to which the browser is sent for a login. If the metadata of the provider is
    /// not known yet, waits at most 2 seconds for it.
    pub(crate) async fn authorization_url(
        &self,
        request: &AuthorizationRequest<'_>,
    ) -> Result<String, ProviderError> {
        let endpoint = match &self.shared.protocol {
            Ready::OpenId(openid) => {
                let metadata = openid.metadata.get().await?;
                // Check now that the provider supports the settings. Otherwise, the user could log
                // in at the provider, but the callback could not finish the login.
                self.shared.auth_method(&metadata)?;
                self.shared.user_info_endpoint(&metadata)?;
                openid.verifier.start();
                metadata.authorization.text()
            }
            Ready::OAuth(_) if request.needs_fresh_login => {
                return Err(ProviderError::misconfigured(
                    "a plain OAuth 2.0 provider cannot prove that the user has logged in again",
                ));
            }
            Ready::OAuth(provider) => provider.endpoints.authorization.text(),
        };
        Ok(self.shared.authorization.url(&endpoint, request))
    }

    /// Checks the `iss` parameter of the callback request (RFC 9207 section 2.4).
    ///
    /// A plain OAuth 2.0 provider has no known issuer name, so the `iss` of its response is not
    /// checked. This is safe: each provider has a separate redirect URI, so one provider's code is
    /// never sent to another provider (RFC 9700 section 4.4.2.2).
    pub(crate) async fn check_response_issuer(
        &self,
        iss: Option<&str>,
    ) -> Result<(), ProviderError> {
        let Ready::OpenId(openid) = &self.shared.protocol else { return Ok(()) };
        let wrong = |reason| Err(ProviderError::new(ProviderErrorKind::WrongIssuer, reason));
        match iss {
            Some(iss) if iss == openid.issuer => Ok(()),
            Some(_) => wrong("`iss` of the provider's answer is not the issuer of the provider"),
            None if openid.metadata.get().await?.names_issuer_in_response => wrong(
                "the provider's answer has no `iss`, although the metadata says that it always has \
                 one",
            ),
            None => Ok(()),
        }
    }

    /// Exchanges a code for tokens, and verifies the login.
    pub(crate) async fn redeem(
        &self,
        redemption: Redemption<'_>,
    ) -> Result<ProviderLogin, ProviderError> {
        let Ok(_permit) = self.shared.exchanges.try_acquire() else {
            return Err(ProviderError::unavailable(format!(
                "{MAX_EXCHANGES} logins at this provider are in progress, which is the limit"
            )));
        };
        match &self.shared.protocol {
            Ready::OpenId(openid) => self.shared.redeem_openid(openid, &redemption).await,
            Ready::OAuth(provider) => self.shared.redeem_oauth(provider, &redemption).await,
        }
    }
}

impl Shared {
    async fn redeem_openid(
        &self,
        openid: &OpenId,
        redemption: &Redemption<'_>,
    ) -> Result<ProviderLogin, ProviderError> {
        let metadata = openid.metadata.get().await?;
        let method = self.auth_method(&metadata)?;
        let answer = self.exchange(&metadata.token, method, None, redemption).await?;
        let Some(id_token) = answer.id_token.as_deref() else {
            return Err(ProviderError::new(
                ProviderErrorKind::IdTokenRejected,
                "the token endpoint returned no ID token: OpenID Connect may be switched off at the \
                 provider",
            ));
        };
        let verified = openid.verifier.verify(id_token, redemption).await?;
        let IdToken { subject, mut claims } = verified;
        if let Some(endpoint) = self.user_info_endpoint(&metadata)? {
            let user_info = self.user_info(endpoint, &answer).await?;
            user_info::check_subject(&user_info, &subject)?;
            user_info::add_to(&mut claims, user_info);
        }
        let email = self.settings.trusts_email.then(|| user_info::verified_email(&claims));
        Ok(self.login(openid.issuer.clone(), subject, claims, email.flatten(), answer))
    }

    async fn redeem_oauth(
        &self,
        provider: &OAuthProvider,
        redemption: &Redemption<'_>,
    ) -> Result<ProviderLogin, ProviderError> {
        let state = provider.sends_state.then_some(redemption.state);
        let token = &provider.endpoints.token;
        let answer = self.exchange(token, AuthMethod::Basic, state, redemption).await?;
        let user_info = self.user_info(&provider.endpoints.user_info, &answer).await?;
        let read = |reader: &UserInfoReader| {
            // The error of `serde` is dropped, since it may contain values from the user info.
            reader.read(&user_info).map_err(|_| {
                user_info::rejected("the user info does not fit the type of the application")
            })
        };
        let subject = read(&provider.subject)?;
        let Some(subject) = subject.filter(|subject| is_subject(subject)) else {
            return Err(user_info::rejected(
                "the application found no subject in the user info, or one of more than 255 bytes \
                 or with a control character",
            ));
        };
        let email = provider.email.as_ref().map(read).transpose()?.flatten();
        Ok(self.login(provider.issuer(), subject, user_info, email, answer))
    }

    async fn exchange(
        &self,
        endpoint: &RemoteUrl,
        method: AuthMethod,
        state: Option<&str>,
        redemption: &Redemption<'_>,
    ) -> Result<TokenEndpointResponse, ProviderError> {
        let credentials = &self.settings.credentials;
        let request = TokenRequest { endpoint, credentials, method, state, redemption };
        exchange::exchange(request, self.settings.timeout).await
    }

    async fn user_info(
        &self,
        endpoint: &RemoteUrl,
        answer: &TokenEndpointResponse,
    ) -> Result<Map<String, Value>, ProviderError> {
        user_info::fetch(endpoint, &answer.access_token, self.settings.timeout).await
    }

    fn login(
        &self,
        issuer: String,
        subject: String,
        claims: Map<String, Value>,
        verified_email: Option<String>,
        answer: TokenEndpointResponse,
    ) -> ProviderLogin {
        let now = self.clock.now().whole_secs();
        ProviderLogin {
            issuer,
            subject,
            claims,
            verified_email,
            scopes: self.settings.granted_scopes(answer.scopes),
            tokens: ProviderTokens {
                access_token: answer.access_token,
                refresh_token: answer.refresh_token,
                id_token: answer.id_token,
                expires_at: answer.expires_in.map(|time| now.saturating_add(time)),
            },
        }
    }

    /// Returns the method by which this client authenticates at the token endpoint.
    fn auth_method(&self, metadata: &Metadata) -> Result<AuthMethod, ProviderError> {
        let credentials = &self.settings.credentials;
        if credentials.secret.is_none() {
            return Ok(AuthMethod::Post);
        }
        let chosen = AuthMethod::choose(metadata.auth_methods.as_deref());
        credentials.method.or(chosen).ok_or_else(|| {
            ProviderError::misconfigured(
                "the provider accepts neither `client_secret_basic` nor `client_secret_post` \
                 (`token_endpoint_auth_methods_supported`)",
            )
        })
    }

    /// Returns the user info endpoint, or `None` if the settings do not ask for the user info.
    fn user_info_endpoint<'m>(
        &self,
        metadata: &'m Metadata,
    ) -> Result<Option<&'m RemoteUrl>, ProviderError> {
        if !self.settings.fetches_user_info {
            return Ok(None);
        }
        let endpoint = metadata.user_info.as_ref();
        endpoint.map(Some).ok_or_else(|| {
            ProviderError::misconfigured(
                "the provider has no user info endpoint: leave out `user_info()`",
            )
        })
    }
}

impl Debug for ProviderClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderClient")
            .field("name", &self.shared.settings.name)
            .field("protocol", &self.shared.settings.protocol)
            .finish_non_exhaustive()
    }
}
