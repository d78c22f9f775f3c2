//! What a token is to say of its subject.

use std::fmt::{self, Debug};

use serde::Serialize;
use serde_json::Value;

use crate::clock::UnixTime;
use crate::jwt::OneOrMany;

/// What an access token grants, and to whom: what the application decides about a token. The rest
/// of its claims, the [`TokenIssuer`](crate::issuer::TokenIssuer) writes.
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
    /// Which services; `None` for all that there are.
    pub(crate) audience: Option<Vec<String>>,
    pub(crate) scopes: Vec<String>,
    pub(crate) roles: Vec<String>,
    pub(crate) tenant: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) session: Option<String>,
    pub(crate) authenticated_at: Option<UnixTime>,
    pub(crate) session_label: Option<String>,
    pub(crate) session_data: Value,
    pub(crate) claims: C,
}

impl Grant<()> {
    /// A grant to `subject`: the claim `sub`.
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
            claims: (),
        }
    }
}

impl<C> Grant<C> {
    /// Which service the token is for, or which several of those that share a key. By default all
    /// that share the issuer's only key. What `Accounts` grants may be for any of the issuer's
    /// services unless this says for which.
    pub fn audience(mut self, audience: impl OneOrMany) -> Self {
        self.audience = Some(audience.into_strings());
        self
    }

    /// The claim `scope`: written as one string, with spaces between. None by default.
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// The claim `roles`: an array. None by default.
    pub fn roles(mut self, roles: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.roles = roles.into_iter().map(Into::into).collect();
        self
    }

    /// The claim `tenant`: the company or the customer that the subject belongs to. None by
    /// default.
    pub fn tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// The claim `client_id`: which application asked for the token (RFC 9068 section 2.2). None
    /// by default.
    pub fn client_id(mut self, client: impl Into<String>) -> Self {
        self.client_id = Some(client.into());
        self
    }

    /// The claim `sid`: which login the token comes from. None by default.
    pub fn session(mut self, id: impl AsRef<str>) -> Self {
        self.session = Some(id.as_ref().to_owned());
        self
    }

    /// The claim `auth_time`: when the user proved who they are, which no renewal changes (RFC 9470
    /// section 6.1). None by default.
    pub fn authenticated_at(mut self, at: UnixTime) -> Self {
        self.authenticated_at = Some(at);
        self
    }

    /// What the session that a login starts is called in the list of the user's sessions, such as
    /// "Alice's phone"; only the first 256 characters are kept. It is in no token. By default the
    /// routes take the `User-Agent`.
    pub fn session_label(mut self, label: impl Into<String>) -> Self {
        self.session_label = Some(label.into());
        self
    }

    /// What the session that a login starts keeps for the application, at most 4096 bytes of JSON:
    /// each renewal reads it with `Session::data`. It is in no token, and what the grant of a renewal
    /// says here has no effect. None by default.
    ///
    /// # Errors
    ///
    /// What fails to serialize.
    pub fn session_data(mut self, data: &impl Serialize) -> Result<Self, serde_json::Error> {
        self.session_data = serde_json::to_value(data)?;
        Ok(self)
    }

    /// Claims of the application's own: anything that serializes to a JSON object, such as the
    /// type that services read as `Claims<T>`. A member that the issuer writes too must have the
    /// same value; one of those that is `null` is left out.
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
