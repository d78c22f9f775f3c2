//! Logins of users whom the application has authenticated itself.

use std::fmt::{self, Debug};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use http::request::Parts;

use crate::issuer::grant::Grant;
use crate::issuer::routes::accounts::Accounts;
use crate::issuer::routes::context::{IssuedTokens, RouteContext, label, refuse_other_client};
use crate::issuer::routes::login_error::LoginError;
use crate::issuer::routes::login_request::{LoginRequest, RequestedAccess};
use crate::issuer::routes::oauth_error::{OAuthError, OAuthErrorKind};
use crate::issuer::routes::started_login::StartedLogin;
use crate::issuer::routes::token_answer::TokenAnswer;
use crate::issuer::sessions::event::RefusedLogin;
use crate::issuer::sessions::family::{ClientRule, EndCause};
use crate::issuer::sessions::refresh_token::RefreshToken;
use crate::issuer::sessions::session::{NewSession, Session};
use crate::issuer::sessions::store::RefreshStore;

/// Starts sessions for users whom the application has authenticated by any means, such as a
/// [passkey](crate::guide::how_to::log_in_with_a_passkey), a
/// [link in an email](crate::guide::how_to::log_in_by_mail_link),
/// [SAML](crate::guide::how_to::log_in_with_saml) or an
/// [internal single sign-on](crate::guide::how_to::log_in_from_internal_sso).
///
/// [`AuthRoutes::logins`](crate::issuer::AuthRoutes::logins) returns a `Logins`. Clones are cheap,
/// so keep one in the state of the application's router.
///
/// ```
/// use axum::extract::{Json, State};
/// use axum::http::StatusCode;
/// use axum::http::request::Parts;
/// use axum::response::{IntoResponse, Response};
/// use axum::routing::post;
/// use axum::Router;
/// # use std::sync::Arc;
/// use tower_jwt_auth::issuer::{
///     Accounts, AccountsError, AuthRoutes, Grant, LoginRequest, Logins, MemoryStore, Session,
///     Sessions, TokenIssuer,
/// };
/// # use tower_jwt_auth::Secret;
/// # struct Users;
/// # #[derive(serde::Deserialize)]
/// # struct Password {}
/// # impl Accounts for Users {
/// #     type Credentials = Password;
/// #     type Claims = ();
/// #     async fn log_in(&self, _: Password, _: &Parts) -> Result<Option<Grant>, AccountsError> { Ok(None) }
/// #     async fn renew(&self, session: &Session, _: &Parts) -> Result<Option<Grant>, AccountsError> {
/// #         Ok(Some(Grant::new(session.subject())))
/// #     }
/// # }
///
/// /// Logs in by a code that a device shows once.
/// async fn by_code(
///     State(logins): State<Logins<Users, MemoryStore>>,
///     head: Parts,
///     Json(code): Json<String>,
/// ) -> Response {
///     // In production: look the code up and delete it, so that it works once.
///     if code != "7301" {
///         return StatusCode::FORBIDDEN.into_response();
///     }
///     let grant = Grant::new("alice").scopes(["cart:read"]);
///     match logins.start(grant, &head, LoginRequest::new()).await {
///         Ok(started) => started.into_response(),
///         Err(error) => error.into_response(),
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use axum::{body::{Body, to_bytes}, http::{Request, header::CONTENT_TYPE}};
/// # use tower::ServiceExt;
/// let issuer = TokenIssuer::derived("https://auth.shop.example", &Secret::generate()?, ["cart"]);
/// let routes = AuthRoutes::new(Users, issuer, Sessions::new(MemoryStore::new()));
/// let logins = routes.logins();
/// let app: Router = Router::new()
///     .nest("/auth", routes.into_router())
///     .route("/login-by-code", post(by_code).with_state(logins));
///
/// let request = |code: &'static str| {
///     let request = Request::post("/login-by-code").header(CONTENT_TYPE, "application/json");
///     request.body(Body::from(code))
/// };
/// let response = app.clone().oneshot(request("\"7302\"")?).await?;
/// assert_eq!(response.status(), 403);
/// let response = app.oneshot(request("\"7301\"")?).await?;
/// assert_eq!(response.status(), 200);
/// let body = to_bytes(response.into_body(), 8192).await?;
/// let tokens: serde_json::Value = serde_json::from_slice(&body)?;
/// assert_eq!(tokens["scope"], "cart:read");
/// # Ok(()) }
/// ```
pub struct Logins<A, S> {
    pub(crate) context: Arc<RouteContext<A, S>>,
}

impl<A: Accounts, S: RefreshStore> Logins<A, S> {
    /// Starts the session of a user whom the application has just authenticated, and returns the
    /// response for the client.
    ///
    /// The session and the response are the same as after a login at `/login`, with the same
    /// settings, limits and events.
    ///
    /// `request` is the head of the request that completed the login. By default, its `User-Agent`
    /// becomes the label of the session. `wish` can limit the session to some of the granted
    /// services and scopes.
    ///
    /// If the routes use cookies, and `request` contains the cookies of an earlier session, that
    /// session ends. Browsers send the cookie of the refresh token only to the path that was passed
    /// to [`Cookies::new`](crate::issuer::Cookies::new), and to paths below it. Therefore mount
    /// your own login route below that path, such as at `/auth/passkey`.
    ///
    /// Each renewal of the session calls [`Accounts::renew`], as for a session that began at
    /// `/login`. If `renew` needs to know how the user logged in, store that in
    /// [`Grant::session_data`].
    ///
    /// # Errors
    ///
    /// Fails if the access requested in `wish` cannot be granted, if the store cannot answer, or if
    /// the tokens cannot be issued. The [`LoginError`] converts to the response that `/login`
    /// returns for the same error. Since the user has already been authenticated, each error counts
    /// as a refused login: it is logged, and is reported as
    /// [`SessionEvent::LoginRefused`](crate::issuer::SessionEvent::LoginRefused).
    ///
    /// # Security
    ///
    /// This method cannot check who the user is. Check the credentials before you call it. Accept a
    /// one-time credential, such as a code or a signed challenge, only once. Also limit the
    /// attempts, since [`add_login_layer`](crate::issuer::AuthRoutes::add_login_layer) does not
    /// protect the application's own routes.
    ///
    /// As at `/login`, a request from a page of another site is refused, unless
    /// [`LoginRequest::dangerous_from_another_site`] is set. A request that comes from a link on
    /// another site is refused too. Some clients do not say where a GET request comes from, so use
    /// POST for logins.
    pub async fn start(
        &self,
        grant: Grant<A::Claims>,
        request: &Parts,
        wish: LoginRequest,
    ) -> Result<StartedLogin, LoginError> {
        let context = &*self.context;
        let started = match context.check_login(request, &wish) {
            Ok(access) => context.start_login(grant, request, access).await,
            Err(error) => {
                context.tell_refused_login(grant.subject, &error);
                Err(error)
            }
        };
        let answer = started.map_err(|error| {
            context.error_log.write(&error);
            LoginError(error)
        })?;
        let is_strict = context.cookies.as_ref().is_some_and(|cookies| cookies.is_strict());
        let needs_page = wish.is_from_another_site && is_strict;
        Ok(StartedLogin { answer, needs_page, error_log: Arc::clone(&context.error_log) })
    }
}

impl<A, S> Clone for Logins<A, S> {
    fn clone(&self) -> Self {
        Self { context: Arc::clone(&self.context) }
    }
}

impl<A, S> Debug for Logins<A, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logins").field("issuer", &self.context.issuer).finish_non_exhaustive()
    }
}

impl<A: Accounts, S: RefreshStore> RouteContext<A, S> {
    /// Makes the checks that do not depend on the account. Returns the access that the request asks
    /// for.
    pub(crate) fn check_login(
        &self,
        head: &Parts,
        wish: &LoginRequest,
    ) -> Result<RequestedAccess, OAuthError> {
        if !wish.is_from_another_site {
            self.refuse_foreign_login(&head.uri, &head.headers)?;
        }
        let requested = wish.access().checked()?;
        self.refuse_unknown_audience(&requested.audience)?;
        Ok(requested)
    }

    /// Starts the session of an authenticated user, and ends the browser's previous session. If no
    /// session can be started, reports the login as refused.
    pub(crate) async fn start_login(
        &self,
        grant: Grant<A::Claims>,
        head: &Parts,
        requested: RequestedAccess,
    ) -> Result<TokenAnswer, OAuthError> {
        let subject = grant.subject.clone();
        // Serializing the claims runs application code, which may panic.
        let started = AssertUnwindSafe(self.open_session(grant, requested, label(&head.headers)));
        let started = started.catch_unwind().await;
        let started = started.unwrap_or_else(|_| Err(OAuthError::panicked()));
        let (tokens, refresh, session) =
            started.inspect_err(|error| self.tell_refused_login(subject, error))?;
        // The new cookies replace those of the browser's previous session. That session is
        // therefore ended. If this fails, the login still succeeds.
        if let Some(replaced) = self.cookie(&head.headers)
            && let Ok(pending) = self.sessions.begin(replaced, ClientRule::Any).await
        {
            let _ = self.sessions.end_loaded(pending.into_loaded(), EndCause::LoggedOut).await;
        }
        Ok(tokens.answer(refresh, session))
    }

    /// Reports a login that had the right credentials, but started no session. An attacker can
    /// learn from the error response that the credentials are right, and the user's list of
    /// sessions does not show such a login. The report allows the application to notify the user.
    fn tell_refused_login(&self, subject: String, error: &OAuthError) {
        let reason = error.reason().to_owned();
        self.sessions.tell_refused_login(&RefusedLogin { subject, reason });
    }

    /// Issues the tokens of a login. Stores the session last, so that no session is left if the
    /// login fails.
    async fn open_session(
        &self,
        mut grant: Grant<A::Claims>,
        requested: RequestedAccess,
        label: Option<&str>,
    ) -> Result<(IssuedTokens<'_>, RefreshToken, Session), OAuthError> {
        grant.scopes = requested.scopes_of(grant.scopes)?;
        refuse_other_client(&grant, requested.client_id.as_deref())?;
        let asked = requested.audience;
        if asked.iter().any(|name| grant.audience.as_ref().is_some_and(|all| !all.contains(name))) {
            let reason = "`audience` has one that the account is not granted";
            return Err(OAuthErrorKind::InvalidTarget.because(reason));
        }
        self.narrow_audience(&mut grant, asked.clone())?;

        let mut new = NewSession::from(&grant).audience(asked);
        if self.cookies.is_some() {
            // A renewal that uses cookies has no `client_id`, so the session must not be bound to a
            // client.
            new.client_id = None;
        } else if new.client_id.is_none() {
            new.client_id = requested.client_id;
        }
        if let (None, Some(label)) = (&new.label, label) {
            new = new.label(label);
        }
        let (refresh, session) = self.sessions.prepare(new)?;
        let tokens = self.tokens(grant, &session)?;
        self.sessions.open(session.clone()).await?;
        Ok((tokens, refresh, session))
    }
}
