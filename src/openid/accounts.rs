//! The trait through which the application decides about logins at a provider.

use std::fmt::{self, Debug};
use std::sync::Arc;

use http::request::Parts;

use crate::issuer::{Accounts, AccountsError, Grant};
use crate::openid::identity::Identity;

/// Accounts whose users can log in at a provider.
///
/// The routes call [`log_in_with`](Self::log_in_with) after they have verified the login at the
/// provider. The application looks up its own user, and decides whether the user may log in.
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::Mutex;
///
/// use axum::http::request::Parts;
/// use tower_jwt_auth::issuer::{Accounts, AccountsError, Grant, Session};
/// use tower_jwt_auth::openid::{Identity, LoginDecision, OpenIdAccounts};
///
/// /// The users by the issuer and the subject of their accounts at providers.
/// #[derive(Default)]
/// struct Users(Mutex<HashMap<(String, String), String>>);
///
/// # impl Accounts for Users {
/// #     type Credentials = std::collections::BTreeMap<String, String>;
/// #     type Claims = ();
/// #     async fn log_in(
/// #         &self,
/// #         _: Self::Credentials,
/// #         _: &Parts,
/// #     ) -> Result<Option<Grant>, AccountsError> {
/// #         Ok(None)
/// #     }
/// #     async fn renew(&self, session: &Session, _: &Parts) -> Result<Option<Grant>, AccountsError> {
/// #         Ok(Some(Grant::new(session.subject())))
/// #     }
/// # }
/// impl OpenIdAccounts for Users {
///     async fn log_in_with(
///         &self,
///         identity: &Identity,
///         _: &Parts,
///     ) -> Result<LoginDecision<()>, AccountsError> {
///         let account = (identity.issuer().to_owned(), identity.subject().to_owned());
///         let mut users = self.0.lock().map_err(|_| "the users are locked")?;
///         let user = match (users.get(&account), identity.link_to()) {
///             (Some(user), Some(session)) if user != session.subject() => {
///                 return Ok(LoginDecision::refuse("This account belongs to another user."));
///             }
///             (Some(user), _) => user.clone(),
///             (None, Some(session)) => session.subject().to_owned(),
///             (None, None) => format!("user-{}", users.len() + 1), // a new user
///         };
///         users.insert(account, user.clone());
///         Ok(LoginDecision::LogIn(Grant::new(user).scopes(["cart:read"])))
///     }
/// }
/// # let _ = Users::default();
/// ```
pub trait OpenIdAccounts: Accounts {
    /// Decides whether a user who logged in at a provider may log in here.
    ///
    /// `request` is the head of the browser's request to the callback. The query of that request
    /// contains the authorization code, which cannot be used again. The headers with cookies are
    /// marked as sensitive.
    ///
    /// # Errors
    ///
    /// If the application cannot decide, the user sees a page that asks them to try again (503).
    fn log_in_with(
        &self,
        identity: &Identity,
        request: &Parts,
    ) -> impl Future<Output = Result<LoginDecision<Self::Claims>, AccountsError>> + Send;
}

impl<A: OpenIdAccounts> OpenIdAccounts for Arc<A> {
    async fn log_in_with(
        &self,
        identity: &Identity,
        request: &Parts,
    ) -> Result<LoginDecision<Self::Claims>, AccountsError> {
        A::log_in_with(self, identity, request).await
    }
}

/// The application's decision about a login at a provider.
#[derive(Clone)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "a decision is made and read once")]
pub enum LoginDecision<C = ()> {
    /// Logs the user in with this grant. If the login links an account, the grant must have the
    /// same subject as the session that began the login.
    LogIn(Grant<C>),
    /// Refuses the login. This sentence is shown to the user as plain text on a page, so it may
    /// contain any character.
    Refuse(String),
}

impl<C> LoginDecision<C> {
    /// Refuses the login, and shows this sentence to the user.
    pub fn refuse(sentence: impl Into<String>) -> Self {
        Self::Refuse(sentence.into())
    }
}

impl<C> From<Grant<C>> for LoginDecision<C> {
    fn from(grant: Grant<C>) -> Self {
        Self::LogIn(grant)
    }
}

impl<C> Debug for LoginDecision<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LogIn(grant) => f.debug_tuple("LogIn").field(grant).finish(),
            // Omit the sentence that the user would see, since it may contain the user's name.
            Self::Refuse(_) => f.write_str("Refuse(..)"),
        }
    }
}
