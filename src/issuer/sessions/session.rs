//! A user's session, and the data that starts a new one.

use std::fmt::{self, Debug};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::clock::UnixTime;
use crate::issuer::external_login::ExternalLogin;
use crate::issuer::grant::Grant;
use crate::issuer::sessions::error::{SessionError, SessionErrorKind};
use crate::issuer::sessions::family::{EndCause, Family};
use crate::issuer::sessions::id::SessionId;
use crate::jwt::OneOrMany;

/// A user's session on one device, from login to logout.
#[derive(Clone)]
pub struct Session {
    pub(crate) id: SessionId,
    pub(crate) subject: String,
    pub(crate) family: Family,
}

impl Session {
    /// Returns the session's identifier, the `sid` claim.
    pub fn id(&self) -> &SessionId {
        &self.id
    }

    /// Returns the session's user, the `sub` claim.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Returns the scopes that were granted at login. Renewals never add a scope.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.family.scopes.iter().map(String::as_str)
    }

    /// Returns the services that the login named. Access tokens are for all of these services,
    /// unless a renewal names only some of them. The iterator is empty if the login named no
    /// service.
    pub fn audience(&self) -> impl Iterator<Item = &str> {
        self.family.audience.iter().map(String::as_str)
    }

    /// Returns the client that the refresh tokens are bound to, if any.
    pub fn client_id(&self) -> Option<&str> {
        self.family.client_id.as_deref()
    }

    /// Returns the label that the login gave to the session, such as the `User-Agent`.
    pub fn label(&self) -> Option<&str> {
        self.family.label.as_deref()
    }

    /// Returns the data that the application keeps with the session. Returns `None` if there is no
    /// data, or if it cannot be read as a `T`.
    pub fn data<T: DeserializeOwned>(&self) -> Option<T> {
        T::deserialize(&self.family.data).ok()
    }

    /// Returns the external account that the user logged in with, or `None` if the user did not log
    /// in with an external account.
    pub fn external_login(&self) -> Option<&ExternalLogin> {
        self.family.external_login.as_ref()
    }

    /// Returns the time of the login. Access tokens contain it as `auth_time`. Renewals do not
    /// change it.
    pub fn started_at(&self) -> UnixTime {
        self.family.started_at
    }

    /// Returns the time of the last renewal.
    pub fn renewed_at(&self) -> UnixTime {
        self.family.renewed_at
    }

    /// Returns the time at which the session ends if it is not renewed first.
    pub fn expires_at(&self) -> UnixTime {
        self.family.idle_until
    }

    /// Returns the time at which the session ends, however often it is renewed.
    pub fn ends_at(&self) -> UnixTime {
        self.family.ends_at
    }

    /// Returns the cause of the session's early end, if it has ended early.
    pub fn end_cause(&self) -> Option<EndCause> {
        self.family.ended
    }
}

impl Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.id)
            .field("started_at", &self.family.started_at)
            .field("renewed_at", &self.family.renewed_at)
            .field("ended", &self.family.ended)
            .finish_non_exhaustive()
    }
}

/// The description of a session to start.
#[derive(Clone)]
#[must_use]
pub struct NewSession {
    pub(crate) subject: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) audience: Vec<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) label: Option<String>,
    pub(crate) data: Value,
    pub(crate) external_login: Option<ExternalLogin>,
}

/// The maximum length of a label. A browser's `User-Agent` is about 120 characters long.
const MAX_LABEL_CHARS: usize = 256;

impl NewSession {
    /// Describes a new session. `subject` identifies the user, and becomes the `sub` claim.
    pub fn new(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            scopes: Vec::new(),
            audience: Vec::new(),
            client_id: None,
            label: None,
            data: Value::Null,
            external_login: None,
        }
    }

    /// Sets the granted scopes. None by default.
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// Binds the session to these services. A renewal may name some of these services, and its
    /// access token is then only for the services that it names. If a renewal names no service, its
    /// access token is for all of these services. By default, the session is not bound to services,
    /// and a renewal may name any service that the application grants at that time.
    pub fn audience(mut self, audience: impl OneOrMany) -> Self {
        self.audience = audience.into_strings();
        self
    }

    /// Binds the refresh tokens to this client. Every request that uses these tokens must then name
    /// the client. By default, the tokens are bound to no client.
    pub fn client_id(mut self, client: impl Into<String>) -> Self {
        self.client_id = Some(client.into());
        self
    }

    /// Sets the label by which the user recognizes the session, such as the `User-Agent`. The first
    /// 256 characters are kept.
    pub fn label(mut self, label: impl AsRef<str>) -> Self {
        self.label = Some(label.as_ref().chars().take(MAX_LABEL_CHARS).collect());
        self
    }

    /// Stores application data with the session, at most 4096 bytes of JSON.
    ///
    /// # Errors
    ///
    /// Returns [`Unserializable`](crate::issuer::SessionErrorKind::Unserializable) if the data
    /// fails to serialize.
    pub fn data(mut self, data: &impl Serialize) -> Result<Self, SessionError> {
        self.data = serde_json::to_value(data)
            .map_err(|error| SessionError::caused(SessionErrorKind::Unserializable, error))?;
        Ok(self)
    }
}

impl<C> From<&Grant<C>> for NewSession {
    /// Returns the description of the session that a login with this grant starts.
    fn from(grant: &Grant<C>) -> Self {
        let new = Self {
            subject: grant.subject.clone(),
            scopes: grant.scopes.clone(),
            client_id: grant.client_id.clone(),
            audience: Vec::new(),
            label: None,
            data: grant.session_data.clone(),
            external_login: grant.external_login.clone(),
        };
        match &grant.session_label {
            Some(label) => new.label(label),
            None => new,
        }
    }
}

impl Debug for NewSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSession").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}
