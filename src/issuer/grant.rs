//! The part of an access token that the application chooses.

use std::fmt::{self, Debug};

use serde::Serialize;
use serde_json::Value;

use crate::clock::UnixTime;
use crate::issuer::error::IssueError;
use crate::issuer::external_login::ExternalLogin;
use crate::jwt::OneOrMany;

/// The application's part of an access token: its subject and its rights. The
/// [`TokenIssuer`](crate::issuer::TokenIssuer) writes the other claims.
///
/// ```
/// use tower_jwt_auth::issuer::Grant;
///
/// #[derive(serde::Serialize)]
/// struct Employee { company: &'static str }
///
/// let grant = Grant::new("alice")
///     .audience("cart")
///     .scopes(["cart:read", "cart:write"])
///     .roles(["admin"])
///     .claims(Employee { company: "acme" });
/// # let _ = grant;
/// ```
#[derive(Clone)]
#[must_use]
pub struct Grant<C = ()> {
    pub(crate) subject: String,
    /// The services that the token is for, or `None` for all services of the issuer.
    pub(crate) audience: Option<Vec<String>>,
    pub(crate) scopes: Vec<String>,
    pub(crate) roles: Vec<String>,
    pub(crate) tenant: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) session: Option<String>,
    pub(crate) authenticated_at: Option<UnixTime>,
    pub(crate) session_label: Option<String>,
    pub(crate) session_data: Value,
    pub(crate) external_login: Option<ExternalLogin>,
    pub(crate) claims: C,
}

impl Grant<()> {
    /// Creates a grant for `subject`, the value of the `sub` claim.
    pub fn new(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            audience: None,
            scopes: Vec::new(),
            roles: Vec::new(),
            tenant: None,
            client_id: None,
            session: None,
            authenticated_at: None,
            session_label: None,
            session_data: Value::Null,
            external_login: None,
            claims: (),
        }
    }
}

impl<C> Grant<C> {
    /// Sets the service that the token is for, or several services that share a key.
    ///
    /// By default, the grant is for every service of the issuer. If all services share one key,
    /// [`TokenIssuer::issue`](crate::issuer::TokenIssuer::issue) issues a token for all of them. If
    /// the issuer has several keys, `issue` returns an error. If `Accounts` returns the grant, the
    /// client's request can limit it to some of the services.
    pub fn audience(mut self, audience: impl OneOrMany) -> Self {
        self.audience = Some(audience.into_strings());
        self
    }

    /// Sets the `scope` claim, a string with spaces between the scopes. None by default.
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the `roles` claim, an array. None by default.
    pub fn roles(mut self, roles: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.roles = roles.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the `tenant` claim: the company or the customer that the subject belongs to. None by
    /// default.
    pub fn tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// Sets the `client_id` claim, which names the client that asked for the token (RFC 9068
    /// section 2.2). By default, the token has no `client_id`.
    ///
    /// The `client_id` parameter of a login at `AuthRoutes` does not set this claim. If the
    /// parameter and the grant name different clients, the login is rejected as `invalid_client`.
    /// If the routes do not use cookies, the session is bound to the client that the grant or the
    /// parameter names. Every renewal must then name this client in its `client_id` parameter. If
    /// the routes use cookies, the session is bound to no client.
    ///
    /// # Security
    ///
    /// The routes do not authenticate clients. If services grant rights because of this claim, set
    /// the claim only after your application has authenticated the client, for example by a client
    /// certificate.
    pub fn client_id(mut self, client: impl Into<String>) -> Self {
        self.client_id = Some(client.into());
        self
    }

    /// Sets the `sid` claim, which identifies the token's session. None by default.
    pub fn session(mut self, id: impl AsRef<str>) -> Self {
        self.session = Some(id.as_ref().to_owned());
        self
    }

    /// Sets the `auth_time` claim: the time at which the user proved who they are (RFC 9470 section
    /// 6.1). Renewals do not change it. None by default.
    pub fn authenticated_at(mut self, at: UnixTime) -> Self {
        self.authenticated_at = Some(at);
        self
    }

    /// Sets the name of this login's session, such as "Alice's phone". The list of the user's
    /// sessions shows the name. Only the first 256 characters are kept. Tokens do not contain the
    /// name. By default, the name is the `User-Agent` of the login.
    pub fn session_label(mut self, label: impl Into<String>) -> Self {
        self.session_label = Some(label.into());
        self
    }

    /// Stores application data with the session of this login, at most 4096 bytes of JSON. At a
    /// renewal, the application can read the data with `Session::data`, but cannot change it: in
    /// the grant for a renewal, this setting has no effect. Tokens do not contain the data. By
    /// default, a session has no data.
    ///
    /// # Errors
    ///
    /// Returns [`Unserializable`](crate::issuer::IssueErrorKind::Unserializable) if the data fails
    /// to serialize.
    pub fn session_data(mut self, data: &impl Serialize) -> Result<Self, IssueError> {
        self.session_data = serde_json::to_value(data).map_err(|error| {
            IssueError::unserializable("the data of the session cannot be written as JSON", error)
        })?;
        Ok(self)
    }

    /// Adds the application's own claims: anything that serializes to a JSON object, such as the
    /// type that services read as `Claims<T>`.
    ///
    /// If the issuer also writes a claim of the same name, the application's value must equal the
    /// issuer's value or be `null`. `scp`, another name for `scope`, is rejected. The routes ensure
    /// that `scope` contains only scopes of the login, but do not check `scp`, so `scp` would
    /// bypass this limit. For the same reason, do not put scopes into a claim that a service reads
    /// with `scope_claim`. Set scopes with [`scopes`](Self::scopes) instead.
    pub fn claims<D: Serialize>(self, claims: D) -> Grant<D> {
        Grant {
            subject: self.subject,
            audience: self.audience,
            scopes: self.scopes,
            roles: self.roles,
            tenant: self.tenant,
            client_id: self.client_id,
            session: self.session,
            authenticated_at: self.authenticated_at,
            session_label: self.session_label,
            session_data: self.session_data,
            external_login: self.external_login,
            claims,
        }
    }
}

impl<C> Debug for Grant<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Claim values do not belong in logs.
        f.debug_struct("Grant").field("audience", &self.audience).finish_non_exhaustive()
    }
}
