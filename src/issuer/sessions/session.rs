//! What an application sees of a session.

use std::fmt::{self, Debug};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::clock::UnixTime;
use crate::issuer::grant::Grant;
use crate::issuer::sessions::error::{SessionError, SessionErrorKind};
use crate::issuer::sessions::family::{EndCause, Family};
use crate::issuer::sessions::id::SessionId;
use crate::jwt::OneOrMany;

/// A login, and what came of it: one user, on one device, until logging out.
#[derive(Clone)]
pub struct Session {
    pub(crate) id: SessionId,
    pub(crate) subject: String,
    pub(crate) family: Family,
}

impl Session {
    /// The name of the session: the claim `sid`.
    pub fn id(&self) -> &SessionId {
        &self.id
    }

    /// Whose session it is: the claim `sub`.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The scopes that were granted at the login. They never become more.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.family.scopes.iter().map(String::as_str)
    }

    /// The services that the login named: access tokens are for them where a refresh names none.
    /// Nothing if the login left that open.
    pub fn audience(&self) -> impl Iterator<Item = &str> {
        self.family.audience.iter().map(String::as_str)
    }

    /// The client that the tokens were issued to, if the login named one.
    pub fn client_id(&self) -> Option<&str> {
        self.family.client_id.as_deref()
    }

    /// What the login said of the device, such as its `User-Agent`.
    pub fn label(&self) -> Option<&str> {
        self.family.label.as_deref()
    }

    /// What the application keeps with the session; `None` if there is none, or it is of another
    /// type.
    pub fn data<T: DeserializeOwned>(&self) -> Option<T> {
        T::deserialize(&self.family.data).ok()
    }

    /// When the user logged in, which no renewal moves: the claim `auth_time`.
    pub fn started_at(&self) -> UnixTime {
        self.family.started_at
    }

    /// When the refresh token was used last.
    pub fn renewed_at(&self) -> UnixTime {
        self.family.renewed_at
    }

    /// When the session ends, unless it is renewed before.
    pub fn expires_at(&self) -> UnixTime {
        self.family.idle_until
    }

    /// When the session ends in any case.
    pub fn ends_at(&self) -> UnixTime {
        self.family.ends_at
    }

    /// Why the session ended before its time, if it did.
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

/// A session that is to be started.
#[derive(Clone)]
#[must_use]
pub struct NewSession {
    pub(crate) subject: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) audience: Vec<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) label: Option<String>,
    pub(crate) data: Value,
}

/// A `User-Agent` of a browser has some 120.
const MAX_LABEL_CHARS: usize = 256;

impl NewSession {
    /// A session of this user, the claim `sub`.
    pub fn new(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            scopes: Vec::new(),
            audience: Vec::new(),
            client_id: None,
            label: None,
            data: Value::Null,
        }
    }

    /// The scopes that are granted. None by default.
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// Which services access tokens are for where a refresh names none. By default those that the
    /// application then grants.
    pub fn audience(mut self, audience: impl OneOrMany) -> Self {
        self.audience = audience.into_strings();
        self
    }

    /// Which client the refresh tokens are for; every use must then name it. None by default.
    pub fn client_id(mut self, client: impl Into<String>) -> Self {
        self.client_id = Some(client.into());
        self
    }

    /// What tells the user which of their sessions this is, such as the `User-Agent`. Only the
    /// first 256 characters are kept.
    pub fn label(mut self, label: impl AsRef<str>) -> Self {
        self.label = Some(label.as_ref().chars().take(MAX_LABEL_CHARS).collect());
        self
    }

    /// What the application wants to keep with the session, at most 4096 bytes of JSON.
    ///
    /// # Errors
    ///
    /// [`Unserializable`](crate::issuer::SessionErrorKind::Unserializable) if the data fails to serialize.
    pub fn data(mut self, data: &impl Serialize) -> Result<Self, SessionError> {
        self.data = serde_json::to_value(data)
            .map_err(|error| SessionError::caused(SessionErrorKind::Unserializable, error))?;
        Ok(self)
    }
}

impl<C> From<&Grant<C>> for NewSession {
    /// The session of a user who was granted this at a login.
    fn from(grant: &Grant<C>) -> Self {
        let new = Self {
            subject: grant.subject.clone(),
            scopes: grant.scopes.clone(),
            client_id: grant.client_id.clone(),
            audience: Vec::new(),
            label: None,
            data: grant.session_data.clone(),
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
