//! The exchange of a code for tokens (RFC 6749 section 4.1.3, RFC 7636 section 4.5).

use std::time::Duration;

use ::http::HeaderValue;
use form_urlencoded::Serializer;
use tokio::time::timeout;

use crate::jwks::http::{self, Fetched};
use crate::jwks::remote_url::RemoteUrl;
use crate::jwks::{KeySourceError, KeySourceErrorKind};
use crate::openid::provider::client_auth::{AuthMethod, ClientCredentials};
use crate::openid::provider::error::ProviderError;
use crate::openid::provider::login::Redemption;
use crate::openid::provider::token_endpoint_response::TokenEndpointResponse;

const ACCEPT: &str = "application/json";
const SERVER: &str = "the token endpoint";

/// A token request.
pub(super) struct TokenRequest<'a> {
    pub(super) endpoint: &'a RemoteUrl,
    pub(super) credentials: &'a ClientCredentials,
    pub(super) method: AuthMethod,
    /// The `state` of the login, if the token endpoint requires it.
    pub(super) state: Option<&'a str>,
    pub(super) redemption: &'a Redemption<'a>,
}

/// Exchanges a code.
pub(super) async fn exchange(
    request: TokenRequest<'_>,
    limit: Duration,
) -> Result<TokenEndpointResponse, ProviderError> {
    let (form, authorization) = request.form();
    let sent = http::post_form(request.endpoint, ACCEPT, authorization, form);
    let Fetched { status, body, .. } = within(limit, SERVER, sent).await?;
    TokenEndpointResponse::read(status, &body)
}

impl TokenRequest<'_> {
    /// Returns the form and, if the credentials are not in the form, the header that contains them.
    fn form(&self) -> (String, Option<HeaderValue>) {
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", self.redemption.code)
            .append_pair("redirect_uri", self.redemption.redirect_uri)
            .append_pair("code_verifier", self.redemption.code_verifier);
        if let Some(state) = self.state {
            form.append_pair("state", state);
        }
        let authorization = self.credentials.add_to(&mut form, self.method);
        (form.finish(), authorization)
    }
}

/// Waits at most `limit` for a response. `server` is the name that error messages use for the
/// server.
pub(super) async fn within(
    limit: Duration,
    server: &str,
    answer: impl Future<Output = Result<Fetched, KeySourceError>>,
) -> Result<Fetched, ProviderError> {
    let answer = timeout(limit, answer).await;
    let answer = answer.unwrap_or_else(|_| Err(KeySourceErrorKind::TimedOut.into()));
    answer.map_err(|error| ProviderError::unavailable(error.about(server)))
}
