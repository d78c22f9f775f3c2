//! The part of the routes that the application supplies: the users and their grants.

use std::error::Error;
use std::fmt::{self, Debug};
use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::issuer::grant::Grant;
use crate::issuer::sessions::session::Session;

/// The users of an application. [`AuthRoutes`](crate::issuer::AuthRoutes) calls this trait to find
/// out if a user may log in, and with which grant.
///
/// ```
/// use axum::http::request::Parts;
/// use tower_jwt_auth::issuer::{Accounts, AccountsError, Grant, Session};
///
/// struct Users;
///
/// #[derive(serde::Deserialize)]
/// struct Password { user: String, password: String }
///
/// #[derive(serde::Serialize)]
/// struct Employee { company: String }
///
/// impl Accounts for Users {
///     type Credentials = Password;
///     type Claims = Employee;
///
///     async fn log_in(
///         &self,
///         login: Password,
///         _: &Parts,
///     ) -> Result<Option<Grant<Employee>>, AccountsError> {
///         // In production: argon2, on a thread that may block, and a limit on attempts.
///         let is_right = login.user == "alice" && login.password == "correct horse";
///         Ok(is_right.then(|| grant(&login.user)))
///     }
///
///     async fn renew(
///         &self,
///         session: &Session,
///         _: &Parts,
///     ) -> Result<Option<Grant<Employee>>, AccountsError> {
///         Ok(Some(grant(session.subject()))) // what the user's roles are now
///     }
/// }
///
/// fn grant(user: &str) -> Grant<Employee> {
///     Grant::new(user).scopes(["cart:read"]).claims(Employee { company: "acme".into() })
/// }
/// # let _ = Users;
/// ```
///
/// `log_in` and `renew` get the request's head, with its headers and extensions. The extensions
/// contain values from outer layers, such as the peer's address (`ConnectInfo`). For a login, they
/// also contain the [client](NamedClient) that the request names. The session can keep login data
/// for its renewals:
///
/// ```
/// # use axum::extract::ConnectInfo;
/// # use axum::http::request::Parts;
/// # use std::net::SocketAddr;
/// # use tower_jwt_auth::issuer::{Accounts, AccountsError, Grant, Session};
/// # struct Users;
/// # #[derive(serde::Deserialize)]
/// # struct Password { user: String, password: String }
/// # impl Users {
/// #     fn is_busy(&self, _: Option<SocketAddr>) -> bool { false }
/// #     fn check(&self, _: &str, _: Password, _: Option<&str>) -> bool { true }
/// # }
/// impl Accounts for Users {
///     # type Credentials = Password;
///     # type Claims = ();
///     async fn log_in(
///         &self,
///         login: Password,
///         request: &Parts,
///     ) -> Result<Option<Grant>, AccountsError> {
///         let text = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
///         let peer = request.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0);
///         if self.is_busy(peer) {
///             return Err(AccountsError::too_many_attempts(std::time::Duration::from_secs(60)));
///         }
///         // HTTP/2 has it in the URI.
///         let Some(tenant) = request.uri.host().or(text("host")) else { return Ok(None) };
///         // A user of one tenant is not the one of the same name of another.
///         let subject = format!("{tenant}/{}", login.user);
///         if !self.check(tenant, login, text("x-one-time-code")) {
///             return Ok(None);
///         }
///         let device = text("x-device-name").unwrap_or("a browser");
///         let grant = Grant::new(subject).tenant(tenant);
///         Ok(Some(grant.session_label(device).session_data(&tenant)?))
///     }
///
///     async fn renew(
///         &self,
///         session: &Session,
///         _: &Parts,
///     ) -> Result<Option<Grant>, AccountsError> {
///         // Not by the `Host` of this request, which is whatever the client says.
///         let Some(tenant) = session.data::<String>() else { return Ok(None) };
///         Ok(Some(Grant::new(session.subject()).tenant(tenant)))
///     }
/// }
/// ```
///
/// # Security
///
/// A client can send any value in any header, including `Host` and `X-Forwarded-For`, unless a
/// proxy in front of the server overwrites that header. The headers include the cookies, one of
/// which may contain the refresh token. The cookies and `Authorization` are marked as sensitive, so
/// the `Debug` output of the headers does not show them.
///
/// Before the routes call [`log_in`](Self::log_in), they check the syntax of `audience`, `scope`
/// and `client_id`, and check that the audience exists. After the call, they check that the grant
/// allows the requested access. An error from the check after the call reveals that the credentials
/// are right. Each login that fails this check is reported as
/// [`SessionEvent::LoginRefused`](crate::issuer::SessionEvent::LoginRefused).
pub trait Accounts: Send + Sync + 'static {
    /// The credentials of a login, for example a name and a password, or a one-time code. They are
    /// read from the request's body, which is JSON or a form. The routes first remove the members
    /// `audience`, `scope` and `client_id` from the body, and handle them themselves. In a form,
    /// every value is a string, so a type that contains a number can be read only from JSON.
    type Credentials: DeserializeOwned + Send;

    /// The application's own claims, or `()`.
    type Claims: Serialize + Send + Sync;

    /// Returns the grant of the user with these credentials, or `None` if the credentials are
    /// wrong. If the user does not exist, the function should take as long as for a wrong password.
    ///
    /// A grant that names [audiences](Grant::audience) is only for those services. A grant that
    /// names a [client](Grant::client_id) is only for that client: the routes reject a login that
    /// names another client. The routes write the claims `sid` and `auth_time` themselves.
    fn log_in(
        &self,
        credentials: Self::Credentials,
        request: &Parts,
    ) -> impl Future<Output = Result<Option<Grant<Self::Claims>>, AccountsError>> + Send;

    /// Returns the current grant of a session's user, or `None` if the user is no longer allowed to
    /// log in. `None` ends the session. The routes keep only those scopes of the grant that the
    /// session got at its login. If the login named audiences, the routes also keep only those
    /// audiences of the grant that the login named. The new token has the `client_id` of the grant,
    /// if the grant has one.
    fn renew(
        &self,
        session: &Session,
        request: &Parts,
    ) -> impl Future<Output = Result<Option<Grant<Self::Claims>>, AccountsError>> + Send;
}

impl<A: Accounts> Accounts for Arc<A> {
    type Credentials = A::Credentials;
    type Claims = A::Claims;

    async fn log_in(
        &self,
        credentials: Self::Credentials,
        request: &Parts,
    ) -> Result<Option<Grant<Self::Claims>>, AccountsError> {
        A::log_in(self, credentials, request).await
    }

    async fn renew(
        &self,
        session: &Session,
        request: &Parts,
    ) -> Result<Option<Grant<Self::Claims>>, AccountsError> {
        A::renew(self, session, request).await
    }
}

/// The reason why an application could not decide about a login or a renewal. The `?` operator
/// converts every [`Error`] to this type. The client then gets 503 and can try again.
pub struct AccountsError(pub(crate) Undecided);

pub(crate) enum Undecided {
    Failed(Box<dyn Error + Send + Sync>),
    TooManyAttempts(Duration),
}

impl AccountsError {
    /// Rejects an attempt without checking the credentials, because there were too many attempts.
    /// The response is 429, with `Retry-After` in whole seconds.
    ///
    /// # Security
    ///
    /// Also count the attempts for users who do not exist. Otherwise a response of 429 reveals that
    /// the user exists. If you limit only by the user's name, anybody can lock a user out by making
    /// attempts all the time. The shop in `examples` shows a limit without this weakness.
    pub fn too_many_attempts(retry_after: Duration) -> Self {
        Self(Undecided::TooManyAttempts(retry_after))
    }
}

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for AccountsError {
    fn from(error: E) -> Self {
        Self(Undecided::Failed(error.into()))
    }
}

impl Debug for AccountsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Undecided::Failed(error) => Debug::fmt(error, f),
            Undecided::TooManyAttempts(_) => f.write_str("TooManyAttempts"),
        }
    }
}

/// The client that a login names in `client_id`. [`Accounts::log_in`] finds this value in the
/// extensions of the request.
///
/// # Security
///
/// The client is not authenticated: anyone can send any `client_id`. Never give a client a larger
/// grant because of its `client_id`.
#[derive(Clone, Debug)]
pub struct NamedClient(pub(crate) String);

impl NamedClient {
    /// The name, which has 1 to 256 printable ASCII characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
