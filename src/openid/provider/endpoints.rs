//! The endpoints of a plain OAuth 2.0 provider.

use crate::jwks::remote_url::RemoteUrl;
use crate::misuse;

/// The endpoints of a provider without a discovery document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthEndpoints {
    pub(super) authorization: RemoteUrl,
    pub(super) token: RemoteUrl,
    pub(super) user_info: RemoteUrl,
}

impl OAuthEndpoints {
    /// Creates the endpoints: the page where users log in, the endpoint that exchanges codes for
    /// tokens, and the endpoint that returns information about the user.
    ///
    /// # Panics
    ///
    /// Panics if one of the URLs is not an absolute `https` URL. A plain `http` URL on a loopback
    /// address needs
    /// [`LoginProvider::dangerous_allow_http`](crate::openid::LoginProvider::dangerous_allow_http).
    #[track_caller]
    pub fn new(
        authorization: impl AsRef<str>,
        token: impl AsRef<str>,
        user_info: impl AsRef<str>,
    ) -> Self {
        Self {
            authorization: parse("authorization", authorization.as_ref()),
            token: parse("token", token.as_ref()),
            user_info: parse("user info", user_info.as_ref()),
        }
    }

    /// Returns true if one of the URLs is a plain `http` URL.
    pub(super) fn has_http(&self) -> bool {
        [&self.authorization, &self.token, &self.user_info].iter().any(|url| url.is_http())
    }
}

#[track_caller]
fn parse(name: &str, url: &str) -> RemoteUrl {
    match RemoteUrl::parse(url) {
        Ok(url) => url,
        // The URL is not shown, since it may contain a password.
        Err(reason) => misuse::refuse(format_args!(
            "OAuthEndpoints::new: the {name} endpoint cannot be used: {reason}"
        )),
    }
}
