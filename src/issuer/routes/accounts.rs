//! The application's part of the routes: who may log in, and what they are granted.

use std::error::Error;
use std::fmt::{self, Debug};
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::issuer::grant::Grant;
use crate::issuer::sessions::session::Session;

/// Who may log in, and what they are granted: what [`AuthRoutes`](crate::issuer::AuthRoutes) asks
/// the application.
///
/// ```
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
///     async fn log_in(&self, login: Password) -> Result<Option<Grant<Employee>>, AccountsError> {
///         // In production: argon2, on a thread that may block, and a limit on attempts.
///         let is_right = login.user == "alice" && login.password == "correct horse";
///         Ok(is_right.then(|| grant(&login.user)))
///     }
///
///     async fn renew(&self, session: &Session) -> Result<Option<Grant<Employee>>, AccountsError> {
///         Ok(Some(grant(session.subject()))) // what the user's roles are now
///     }
/// }
///
/// fn grant(user: &str) -> Grant<Employee> {
///     Grant::new(user).scopes(["cart:read"]).claims(Employee { company: "acme".into() })
/// }
/// # let _ = Users;
/// ```
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
    ) -> impl Future<Output = Result<Option<Grant<Self::Claims>>, AccountsError>> + Send;

    /// What the user of a session is granted today, or `None` if they may not log in any more:
    /// that ends the session. Scopes beyond those of the login are left out of the token.
    fn renew(
        &self,
        session: &Session,
    ) -> impl Future<Output = Result<Option<Grant<Self::Claims>>, AccountsError>> + Send;
}

impl<A: Accounts> Accounts for Arc<A> {
    type Credentials = A::Credentials;
    type Claims = A::Claims;

    async fn log_in(
        &self,
        credentials: Self::Credentials,
    ) -> Result<Option<Grant<Self::Claims>>, AccountsError> {
        A::log_in(self, credentials).await
    }

    async fn renew(&self, session: &Session) -> Result<Option<Grant<Self::Claims>>, AccountsError> {
        A::renew(self, session).await
    }
}

/// The application could not tell, since something failed that it depends on. Anything that is an
/// [`Error`] becomes one by `?`. The client is answered 503 and may try again.
pub struct AccountsError(pub(crate) Box<dyn Error + Send + Sync>);

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for AccountsError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl Debug for AccountsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Debug::fmt(&self.0, f)
    }
}
