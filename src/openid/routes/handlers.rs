//! The handlers of logins at providers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use http::header::{LOCATION, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;

use crate::clock::UnixTime;
use crate::issuer::routes::login_request::RequestedAccess;
use crate::issuer::routes::logins::Logins;
use crate::issuer::routes::requests::{self, BodyParams};
use crate::issuer::routes::return_path::{MAX_RETURN_PATH_BYTES, is_return_path};
use crate::issuer::sessions::refresh_token::RefreshToken;
use crate::issuer::sessions::store::RefreshStore;
use crate::issuer::{ExternalLogin, Session, StartedLogin};
use crate::openid::accounts::{LoginDecision, OpenIdAccounts};
use crate::openid::identity::Identity;
use crate::openid::provider::authorization::AuthorizationRequest;
use crate::openid::provider::client::ProviderClient;
use crate::openid::provider::login::{ProviderLogin, Redemption};
use crate::openid::routes::attempt::Attempt;
use crate::openid::routes::attempts_cookie::AttemptsCookie;
use crate::openid::routes::callback_query::CallbackQuery;
use crate::openid::routes::failure::{LoginFailure, LoginFailureKind};
use crate::openid::routes::open_id_login::OpenIdLogin;
use crate::openid::routes::page;

/// The maximum age of a session at the moment when its user begins to link an account.
const MAX_LOGIN_AGE: Duration = Duration::from_secs(300);

/// The maximum total size, in bytes, of the scopes and the audience that a page requests. Both are
/// stored in a cookie.
const MAX_WISH_BYTES: usize = 512;

/// The name of the provider in the path. The path may have further parameters if the routes are
/// nested.
#[derive(Deserialize)]
pub(crate) struct ProviderName {
    provider: String,
}

pub(crate) type Name = Result<Path<ProviderName>, PathRejection>;

pub(crate) struct LoginRoutes<A, S> {
    pub(crate) logins: Logins<A, S>,
    pub(crate) login: OpenIdLogin,
    pub(crate) providers: Vec<ProviderClient>,
    pub(crate) public_url: String,
    pub(crate) cookie: AttemptsCookie,
}

impl<A: OpenIdAccounts, S: RefreshStore> LoginRoutes<A, S> {
    /// Handles `POST /login/{provider}`: sends the browser to the provider.
    pub(crate) async fn begin(&self, name: Name, request: Request) -> Response {
        let provider = match self.provider(name) {
            Ok(provider) => provider,
            Err(failure) => return self.failed(&failure),
        };
        match self.redirect(provider, request).await {
            Ok(response) => response,
            Err(failure) => self.failed(&failure.at_provider(provider.name())),
        }
    }

    /// Handles `GET /login/{provider}/callback`: logs the user in.
    pub(crate) async fn finish(&self, name: Name, request: Request) -> Response {
        let (head, _) = request.into_parts();
        let provider = match self.provider(name) {
            Ok(provider) => provider,
            Err(failure) => return self.failed(&failure),
        };
        let (attempt, query, cookie) = match self.take_attempt(&head) {
            Ok(taken) => taken,
            Err(failure) => return self.failed(&failure.at_provider(provider.name())),
        };
        // The login runs application code, which may panic.
        let started = AssertUnwindSafe(self.log_in(provider, &attempt, query, &head));
        let started = started.catch_unwind().await;
        let mut response = match started.unwrap_or_else(|_| Err(LoginFailure::panicked())) {
            Ok(started) => started.redirect(&attempt.return_to),
            Err(failure) => {
                let failure = failure.at_provider(provider.name());
                self.failed(&failure.returning_to(&attempt.return_to))
            }
        };
        page::add_headers(response.headers_mut());
        // This response ends the login attempt, even if the login failed. `cookie` is a
        // `Set-Cookie` value that removes the attempt from the browser's cookie.
        response.headers_mut().append(SET_COOKIE, cookie);
        response
    }

    /// Responds to a request whose method the route does not support.
    pub(crate) fn other_method(&self, name: Name, allowed: &'static str) -> Response {
        let failure = match self.provider(name) {
            Ok(provider) => {
                let reason = format!("the route accepts {allowed} only");
                LoginFailureKind::MethodNotAllowed.because(reason).at_provider(provider.name())
            }
            Err(failure) => failure,
        };
        let mut response = self.failed(&failure);
        page::add_allowed_method(&mut response, allowed);
        response
    }

    fn now(&self) -> UnixTime {
        self.logins.context.sessions.rows.clock.now()
    }

    fn provider(&self, name: Name) -> Result<&ProviderClient, LoginFailure> {
        let name = name.map(|Path(name)| name.provider).unwrap_or_default();
        self.providers.iter().find(|provider| provider.name() == name).ok_or_else(|| {
            LoginFailureKind::UnknownProvider
                .because("the path names a provider that is not configured")
        })
    }

    fn redirect_uri(&self, provider: &ProviderClient) -> String {
        format!("{}/login/{}/callback", self.public_url, provider.name())
    }

    async fn redirect(
        &self,
        provider: &ProviderClient,
        request: Request,
    ) -> Result<Response, LoginFailure> {
        let context = &self.logins.context;
        context.refuse_foreign_login(request.uri(), request.headers())?;
        let (params, head) = requests::read(request).await?;
        let now = self.now();
        let attempt = self.attempt(provider, params, &head.headers, now).await?;
        let url = provider
            .authorization_url(&AuthorizationRequest {
                redirect_uri: &self.redirect_uri(provider),
                state: &attempt.state(),
                nonce: &attempt.nonce(),
                code_challenge: &attempt.code_challenge(),
                needs_fresh_login: attempt.is_fresh,
            })
            .await?;
        let location = HeaderValue::try_from(url).map_err(|_| {
            LoginFailureKind::Misconfigured.because("the URL of the provider's page is malformed")
        })?;
        let mut attempts = self.cookie.read(&head.headers).unwrap_or_default();
        attempts.push(attempt);
        let cookie = self.cookie.write(attempts, now)?;
        let mut response =
            (StatusCode::SEE_OTHER, [(LOCATION, location), (SET_COOKIE, cookie)]).into_response();
        page::add_headers(response.headers_mut());
        Ok(response)
    }

    /// Reads the parameters of a form, and begins a login attempt.
    async fn attempt(
        &self,
        provider: &ProviderClient,
        mut params: BodyParams,
        headers: &HeaderMap,
        now: UnixTime,
    ) -> Result<Attempt, LoginFailure> {
        let context = &self.logins.context;
        let mut attempt = Attempt::begin(provider.name(), now)?;
        if let Some(path) = params.text("return_to")? {
            if !is_return_path(&path) {
                return Err(LoginFailureKind::InvalidRequest.because(format!(
                    "`return_to` is not a path of this site: it begins with one slash, has \
                     printable ASCII characters without backslashes, no segment `.` or `..`, and \
                     at most {MAX_RETURN_PATH_BYTES} bytes"
                )));
            }
            attempt.return_to = path;
        }
        let RequestedAccess { audience, scopes, .. } = RequestedAccess::read(&mut params)?;
        context.refuse_unknown_audience(&audience)?;
        let names = audience.iter().chain(scopes.iter().flatten());
        if names.map(|name| name.len().saturating_add(3)).sum::<usize>() > MAX_WISH_BYTES {
            return Err(LoginFailureKind::InvalidRequest.because(format!(
                "`audience` and `scope` have more than {MAX_WISH_BYTES} bytes together"
            )));
        }
        (attempt.audience, attempt.scopes) = (audience, scopes);
        attempt.is_fresh = flag(&mut params, "fresh")?;
        attempt.is_link = flag(&mut params, "link")?;
        let presented = context.cookie(headers);
        if attempt.is_link {
            attempt.set_session(self.fresh_session(presented, now).await?.id());
        } else if let Some(token) = presented
            && let Ok(session) = context.sessions.session_of(token).await
        {
            // If the browser's refresh token is valid, its session belongs to the browser, and a
            // successful login replaces that session. If the token is invalid or the store fails,
            // the login replaces no session.
            attempt.set_session(session.id());
        }
        Ok(attempt)
    }

    /// Returns the session of the browser. Returns an error if there is no session, or if it began
    /// more than 5 minutes ago.
    async fn fresh_session(
        &self,
        presented: Option<&str>,
        now: UnixTime,
    ) -> Result<Session, LoginFailure> {
        let token = presented.ok_or_else(|| {
            LoginFailureKind::FreshLoginRequired
                .because("an account is to be linked, and the browser has no session")
        })?;
        let session = self.logins.context.sessions.session_of(token).await;
        let session = session.map_err(LoginFailure::of_session)?;
        if now.saturating_since(session.started_at()) > MAX_LOGIN_AGE {
            return Err(LoginFailureKind::FreshLoginRequired.because(
                "an account is to be linked, and the login of the session is more than 5 minutes \
                 old",
            ));
        }
        Ok(session)
    }

    /// Finds the login attempt to which a callback request belongs. Also returns the callback's
    /// parameters, and the `Set-Cookie` field that removes the attempt from the cookie.
    fn take_attempt(
        &self,
        head: &Parts,
    ) -> Result<(Attempt, CallbackQuery, HeaderValue), LoginFailure> {
        let unknown = |reason| LoginFailureKind::UnknownLogin.because(reason);
        let query = CallbackQuery::read(head.uri.query())?;
        let state = query.state.as_ref().ok_or(unknown("the callback has no `state`"))?;
        let mut attempts = self.cookie.read(&head.headers).map_err(unknown)?;
        let place = attempts.iter().position(|attempt| attempt.has_state(state));
        let place = place.ok_or(unknown(
            "the `state` of the callback belongs to no login that this browser has begun",
        ))?;
        let attempt = attempts.remove(place);
        let cookie = self.cookie.write(attempts, self.now())?;
        Ok((attempt, query, cookie))
    }

    async fn log_in(
        &self,
        provider: &ProviderClient,
        attempt: &Attempt,
        query: CallbackQuery,
        head: &Parts,
    ) -> Result<StartedLogin, LoginFailure> {
        if attempt.provider != provider.name() {
            return Err(LoginFailureKind::WrongProvider.because(
                "the callback is that of another provider than the one that the login began with",
            ));
        }
        if attempt.is_expired(self.now()) {
            return Err(LoginFailureKind::Expired.because("the login began over 10 minutes ago"));
        }
        provider.check_response_issuer(query.issuer.as_deref()).await?;
        let login = self.redeem(provider, attempt, &query.into_code()?).await?;
        let ProviderLogin { issuer, subject, claims, verified_email, scopes, tokens } = login;
        let link_to = self.session_to_link(attempt, &head.headers).await?;
        let identity = Identity {
            account: ExternalLogin::new(provider.name(), issuer, subject, scopes),
            claims,
            verified_email,
            is_fresh: attempt.is_fresh,
            link_to,
        };
        // This call fails if the tokens are too large, so it comes before the application creates
        // an account.
        let external_login = self.login.keep(identity.account.clone(), &tokens)?;

        let context = &self.logins.context;
        let decision = context.accounts.log_in_with(&identity, head).await;
        let mut grant = match decision.map_err(LoginFailure::of_accounts)? {
            LoginDecision::LogIn(grant) => grant,
            LoginDecision::Refuse(sentence) => return Err(LoginFailure::refused(sentence)),
        };
        if identity.link_to().is_some_and(|session| session.subject() != grant.subject) {
            return Err(LoginFailureKind::ServerError.because(
                "`log_in_with` granted to another subject than that of the session to link to",
            ));
        }
        grant.external_login = Some(external_login);
        let started = self.logins.start(grant, head, attempt.wish()).await;
        let started = started.map_err(LoginFailure::of_login)?;
        // The login replaces the session that this browser had when the login began. The browser
        // sends no `SameSite=Strict` cookies with the callback, so the login attempt contains the
        // identifier of that session. If ending that session fails, the login still succeeds.
        if let Some(replaced) = attempt.session()
            && replaced != *started.session().id()
        {
            let _ = context.sessions.end(&replaced).await;
        }
        Ok(started)
    }

    async fn redeem(
        &self,
        provider: &ProviderClient,
        attempt: &Attempt,
        code: &str,
    ) -> Result<ProviderLogin, LoginFailure> {
        let redemption = Redemption {
            code,
            redirect_uri: &self.redirect_uri(provider),
            code_verifier: &attempt.code_verifier(),
            nonce: &attempt.nonce(),
            state: &attempt.state(),
            started_at: attempt.started_at(),
            needs_fresh_login: attempt.is_fresh,
        };
        Ok(provider.redeem(redemption).await?)
    }

    /// Returns the session in which the user started to link an account, or `None` if this login
    /// links no account. Fails if the session has ended, or if the browser sends a refresh token of
    /// a different session.
    async fn session_to_link(
        &self,
        attempt: &Attempt,
        headers: &HeaderMap,
    ) -> Result<Option<Session>, LoginFailure> {
        if !attempt.is_link {
            return Ok(None);
        }
        let ended = || {
            LoginFailureKind::FreshLoginRequired
                .because("the session to link to has ended, or is no longer that of the browser")
        };
        let context = &self.logins.context;
        let id = attempt.session().ok_or_else(ended)?;
        let presented = context.cookie(headers).and_then(RefreshToken::parse);
        if presented.is_some_and(|token| token.session() != id) {
            return Err(ended());
        }
        let loaded = context.sessions.rows.load(&id).await;
        let (session, _) = loaded.map_err(LoginFailure::of_session)?;
        if !session.family.is_live(self.now()) {
            return Err(ended());
        }
        Ok(Some(session))
    }

    /// Logs a failure, and returns its page.
    fn failed(&self, failure: &LoginFailure) -> Response {
        let log = &self.logins.context.error_log;
        failure.log(log);
        let own_page = self.login.error_page.as_ref().and_then(|page| {
            let page = catch_unwind(AssertUnwindSafe(|| page(failure)));
            page.inspect_err(|_| LoginFailure::panicked().log(log)).ok()
        });
        let mut response = own_page.unwrap_or_else(|| page::of_failure(failure));
        page::add_headers(response.headers_mut());
        page::add_retry_after(&mut response, failure);
        response.extensions_mut().insert(failure.clone());
        response
    }
}

/// Reads a parameter that is `true` or absent.
fn flag(params: &mut BodyParams, name: &'static str) -> Result<bool, LoginFailure> {
    match params.text(name)?.as_deref() {
        None => Ok(false),
        Some("true") => Ok(true),
        Some(_) => {
            let reason = format!("`{name}` is neither absent nor `true`");
            Err(LoginFailureKind::InvalidRequest.because(reason))
        }
    }
}
