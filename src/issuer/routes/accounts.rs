//! The application's part of the routes: who may log in, and what they are granted.

use std::error::Error;
use std::fmt::{self, Debug};
use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::issuer::grant::Grant;
use crate::issuer::sessions::session::Session;

/// Who may log in, and what they are granted: what [`AuthRoutes`](crate::issuer::AuthRoutes) asks
/// the application.
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
/// Both see the head of the request: its headers, and in its extensions what layers in front put
/// there, such as the peer's address (`ConnectInfo`). What a renewal is to know of the login, the
/// session keeps:
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
/// A header is what the client says it is, `Host` and `X-Forwarded-For` as well, unless a proxy in
/// front overwrites it. The cookies are among the headers, and with them the refresh token; they and
/// `Authorization` are marked as sensitive, so that printing the head does not show them.
pub trait Accounts: Send + Sync + 'static {
    /// What a login carries, from JSON or a form: a name and a password, a one-time code. The
    /// members `audience`, `scope` and `client_id` beside it are the routes'. In a form everything
    /// is a string, so a number in here would be readable from JSON alone.
    type Credentials: DeserializeOwned + Send;

    /// Claims of the application's own, or `()`.
    type Claims: Serialize + Send + Sync;

    /// What the user with these credentials is granted, or `None` if they are wrong. Take the same
    /// time for a user that does not exist. A grant that names [audiences](Grant::audience) is for
    /// those services alone; the claims `sid`, `auth_time` and `client_id` are the routes' to write.
    fn log_in(
        &self,
        credentials: Self::Credentials,
        request: &Parts,
    ) -> impl Future<Output = Result<Option<Grant<Self::Claims>>, AccountsError>> + Send;

    /// What the user of a session is granted today, or `None` if they may not log in any more:
    /// that ends the session. Scopes beyond those of the login are left out of the token.
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

/// The application did not decide. Mostly because something that it depends on failed: anything that
/// is an [`Error`] becomes one by `?`, the client is answered 503 and may try again.
pub struct AccountsError(pub(crate) Undecided);

pub(crate) enum Undecided {
    Failed(Box<dyn Error + Send + Sync>),
    TooManyAttempts(Duration),
}

impl AccountsError {
    /// There were too many attempts, and the credentials were not looked at: 429, with `Retry-After`
    /// in whole seconds.
    ///
    /// # Security
    ///
    /// Count attempts at a user that does not exist as any other, or this answer says who does. A
    /// limit by the user's name alone lets anybody lock a user out for as long as they keep at it:
    /// the shop in `examples` shows one that does not.
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
