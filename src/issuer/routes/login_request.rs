//! The access that a client requests when it logs in or renews its tokens.

use std::fmt::{self, Debug};

use crate::bearer::is_scope_token;
use crate::issuer::routes::oauth_error::{OAuthError, OAuthErrorKind};
use crate::issuer::routes::requests::{self, BodyParams};
use crate::jwt::OneOrMany;
use crate::misuse;

/// The login parameters that the client chooses: everything in the body of a `/login` request
/// except the credentials. [`Logins::start`](crate::issuer::Logins::start) checks them.
///
/// You can pass values from a client's request without checking them. The values can only narrow
/// the grant, never extend it.
///
/// ```
/// use tower_jwt_auth::issuer::LoginRequest;
///
/// let wish = LoginRequest::new().audience("cart").scopes("cart:read cart:write".split(' '));
/// # let _ = wish;
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct LoginRequest {
    audience: Option<Vec<String>>,
    scopes: Option<Vec<String>>,
    client_id: Option<String>,
    pub(crate) is_from_another_site: bool,
}

impl LoginRequest {
    /// Creates a request for everything that the grant allows.
    pub fn new() -> Self {
        Self::default()
    }

    /// Requests tokens for one service or for several services, as the parameter `audience` of a
    /// login request does. The session is bound to these services. Empty names are ignored. By
    /// default, the tokens are for all services that the grant allows.
    ///
    /// # Panics
    ///
    /// Panics if this method is called twice.
    #[track_caller]
    pub fn audience(mut self, audience: impl OneOrMany) -> Self {
        if self.audience.is_some() {
            misuse::refuse(
                "LoginRequest::audience is called a second time: name all services in one call, \
                 as in audience([\"cart\", \"payment\"])",
            );
        }
        self.audience = Some(requests::distinct(audience.into_strings()));
        self
    }

    /// Requests only these scopes, as the parameter `scope` of a login request does. Empty names
    /// are ignored. By default, the session gets all scopes of the grant. With `scopes([])`, the
    /// session gets no scopes.
    ///
    /// # Panics
    ///
    /// Panics if this method is called twice.
    #[track_caller]
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        if self.scopes.is_some() {
            misuse::refuse(
                "LoginRequest::scopes is called a second time: name all scopes in one call, as in \
                 scopes([\"cart:read\", \"cart:write\"])",
            );
        }
        self.scopes = Some(requests::distinct(scopes.into_iter().map(Into::into).collect()));
        self
    }

    /// Names the client, as the parameter `client_id` of a login request does. The session's
    /// refresh tokens are bound to this client. An empty name counts as absent. By default, no
    /// client is named.
    pub fn client_id(mut self, client: impl Into<String>) -> Self {
        self.client_id = Some(client.into()).filter(|client| !client.is_empty());
        self
    }

    /// Accepts a login request that another site caused. By default, such a request is refused with
    /// 403, like a request to `/login` from another site.
    ///
    /// If the user logs in at another site, that site causes the last request of the login. For
    /// example, an OpenID provider redirects the browser to this server, and a page of a SAML
    /// identity provider posts a form.
    ///
    /// # Security
    ///
    /// Call this method only after the application has checked that **this browser** began the
    /// login. Without that check, any site can log its visitors in as somebody else, for instance
    /// as the attacker. The visitors then save their address or their card in the attacker's
    /// account. For the check, put a random value into a cookie before the redirect, and compare
    /// the cookie with the value that comes back in the request. In OAuth that value is `state`; in
    /// SAML it is the request's ID in `InResponseTo`.
    pub fn dangerous_from_another_site(mut self) -> Self {
        self.is_from_another_site = true;
        self
    }

    /// Returns the requested audience, scopes and client. They are not checked yet.
    pub(crate) fn access(&self) -> RequestedAccess {
        RequestedAccess {
            audience: self.audience.clone().unwrap_or_default(),
            scopes: self.scopes.clone(),
            client_id: self.client_id.clone(),
        }
    }
}

impl Debug for LoginRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Omit the other fields, since their values come from the client.
        f.debug_struct("LoginRequest")
            .field("is_from_another_site", &self.is_from_another_site)
            .finish_non_exhaustive()
    }
}

/// The access that a client requests: the audiences and the scopes for the tokens, and the
/// identifier of the client.
#[derive(Default)]
pub(crate) struct RequestedAccess {
    pub(crate) audience: Vec<String>,
    pub(crate) scopes: Option<Vec<String>>,
    pub(crate) client_id: Option<String>,
}

impl RequestedAccess {
    /// Reads and checks the parameters of a body.
    pub(crate) fn read(params: &mut BodyParams) -> Result<Self, OAuthError> {
        let scopes = params.text("scope")?.map(|scopes| {
            let scopes = scopes.split(' ').filter(|scope| !scope.is_empty());
            scopes.map(str::to_owned).collect()
        });
        let client_id = params.text("client_id")?;
        Self { audience: params.audience()?, scopes, client_id }.checked()
    }

    /// Checks the syntax of the parameters.
    pub(crate) fn checked(self) -> Result<Self, OAuthError> {
        if !self.scopes.iter().flatten().all(|scope| is_scope_token(scope)) {
            return Err(OAuthErrorKind::InvalidScope.because(
                "`scope` has a character that no scope has: a scope is printable ASCII without \
                 spaces, quotes and backslashes",
            ));
        }
        requests::check_client_id(self.client_id.as_deref())?;
        Ok(self)
    }

    /// Returns the requested scopes, or an error if one of them is not granted (RFC 6749 section
    /// 6).
    pub(crate) fn scopes_of(&self, granted: Vec<String>) -> Result<Vec<String>, OAuthError> {
        let Some(asked) = &self.scopes else { return Ok(granted) };
        if asked.iter().any(|scope| !granted.contains(scope)) {
            return Err(OAuthErrorKind::InvalidScope.because("`scope` has one that is not granted"));
        }
        Ok(granted.into_iter().filter(|scope| asked.contains(scope)).collect())
    }
}
