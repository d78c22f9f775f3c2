//! A provider that is ready for logins.

use std::fmt::{self, Debug};
use std::sync::Arc;

use crate::clock::Clock;
use crate::openid::provider::authorization::{AuthorizationRequest, AuthorizationSettings};
use crate::openid::provider::error::ProviderError;
use crate::openid::provider::login::{ProviderLogin, Redemption};
use crate::openid::provider::settings::{Protocol, ProviderSettings};

/// A provider that is ready for logins. Clones share the metadata, the keys and the limits.
#[derive(Clone)]
pub(crate) struct ProviderClient {
    shared: Arc<Shared>,
}

struct Shared {
    settings: ProviderSettings,
    authorization: AuthorizationSettings,
    clock: Arc<dyn Clock>,
}

impl ProviderClient {
    pub(super) fn new(settings: ProviderSettings, clock: Arc<dyn Clock>) -> Self {
        let authorization = AuthorizationSettings {
            client_id: settings.credentials.client_id.clone(),
            scopes: settings.asked_scopes(),
            is_openid: matches!(settings.protocol, Protocol::OpenId(_)),
            parameters: settings.parameters.clone(),
        };
        Self { shared: Arc::new(Shared { settings, authorization, clock }) }
    }

    /// Returns the name of the provider at this server.
    pub(crate) fn name(&self) -> &str {
        &self.shared.settings.name
    }

    /// Returns the URL to which the browser is sent for a login. Waits for the metadata of the
    /// provider for at most 2 seconds, if none is known.
    pub(crate) async fn authorization_url(
        &self,
        request: &AuthorizationRequest<'_>,
    ) -> Result<String, ProviderError> {
        let Protocol::OAuth(provider) = &self.shared.settings.protocol else {
            return Err(ProviderError::unavailable("not implemented"));
        };
        Ok(self.shared.authorization.url(&provider.endpoints.authorization.text(), request))
    }

    /// Checks the `iss` of the provider's answer in the browser (RFC 9207 section 2.4).
    pub(crate) async fn check_response_issuer(
        &self,
        _iss: Option<&str>,
    ) -> Result<(), ProviderError> {
        Err(ProviderError::unavailable("not implemented"))
    }

    /// Exchanges a code for tokens, and verifies the login.
    pub(crate) async fn redeem(&self, _: Redemption<'_>) -> Result<ProviderLogin, ProviderError> {
        let _ = self.shared.clock.now();
        Err(ProviderError::unavailable("not implemented"))
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
