//! The shared state of all routes, with methods that read the credentials of a request and create
//! the tokens of a response.

use std::sync::Arc;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::USER_AGENT;
use http::request::Parts;
use http::{HeaderMap, StatusCode, Uri};
use serde::Serialize;
use serde_json::{Value, json};

use crate::bearer::TrustedOrigins;
use crate::issuer::access_token::AccessToken;
use crate::issuer::error::IssueError;
use crate::issuer::grant::Grant;
use crate::issuer::routes::cookies::Cookies;
use crate::issuer::routes::oauth_error::{ErrorLog, OAuthError, OAuthErrorKind};
use crate::issuer::routes::requests::{self, BodyParams};
use crate::issuer::routes::token_answer::{AnsweredTokens, TokenAnswer};
use crate::issuer::routes::well_known::PublicUrl;
use crate::issuer::sessions::refresh_token::RefreshToken;
use crate::issuer::sessions::service::Sessions;
use crate::issuer::sessions::session::Session;
use crate::issuer::token_issuer::TokenIssuer;

pub(crate) struct RouteContext<A, S> {
    pub(crate) accounts: A,
    pub(crate) issuer: TokenIssuer,
    pub(crate) sessions: Sessions<S>,
    /// The cookies that hold the tokens. `None` if tokens are sent in response bodies.
    pub(crate) cookies: Option<Cookies>,
    pub(crate) trusted_origins: TrustedOrigins,
    /// The URL at which clients reach the routes. By default, the URL is the issuer's name if that
    /// name is a URL.
    pub(crate) public_url: Option<PublicUrl>,
    pub(crate) error_log: Arc<ErrorLog>,
}

impl<A, S> RouteContext<A, S> {
    /// Refuses a login request from a page of another site. If these routes or a layer in front of
    /// them set cookies, such a request could log the visitor in as somebody else. Such requests
    /// could also try many passwords, and every attempt would come from the visitor's IP address.
    pub(crate) fn refuse_foreign_login(
        &self,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<(), OAuthError> {
        if self.cookies.is_none() {
            // Accept requests from pages of the same site. CORS decides whether such a page can
            // read the response.
            return Ok(self.trusted_origins.check_site(headers)?);
        }
        self.refuse_other_sites(uri, headers)
    }

    /// Refuses a request from a page of an untrusted origin if the tokens are in cookies. A request
    /// with a token in its body needs no check, since no browser adds that token automatically.
    fn refuse_other_sites(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), OAuthError> {
        if self.cookies.is_some() {
            // Check the origin for every method, even GET. Otherwise a page of another site could
            // make the browser request the list of sessions. If the refresh token in that request's
            // cookie was already exchanged, the request counts as a repeat of the session's last
            // renewal. If too many renewals in a row have a repeat, the session ends.
            self.trusted_origins.check_origin(uri, headers)?;
        }
        Ok(())
    }

    /// Returns the presented refresh token, the other parameters, and the request's head.
    pub(crate) async fn presented(
        &self,
        request: Request,
    ) -> Result<(String, BodyParams, Parts), OAuthError> {
        self.refuse_other_sites(request.uri(), request.headers())?;
        if self.cookies.is_none() {
            let (mut params, head) = requests::read(request).await?;
            let token = params.required("refresh_token")?;
            return Ok((token, params, head));
        }
        // A browser drops an expired cookie, so a missing cookie is treated like an expired token.
        let token = self.cookie(request.headers()).ok_or_else(|| {
            OAuthErrorKind::BadToken.because("no cookie with the refresh token of a session")
        })?;
        let token = token.to_owned();
        Ok((token, BodyParams::default(), request.into_parts().0))
    }

    pub(crate) fn cookie<'r>(&self, headers: &'r HeaderMap) -> Option<&'r str> {
        self.cookies.as_ref()?.refresh_token(headers)
    }

    /// Refuses a request for an audience that these routes cannot grant to any account. This check
    /// comes before the password check, so its error reveals nothing about the password.
    pub(crate) fn refuse_unknown_audience(&self, asked: &[String]) -> Result<(), OAuthError> {
        let is_known = |audience: &String| match &self.cookies {
            Some(cookies) => cookies.audiences().any(|known| known == audience),
            None => self.issuer.has_audience(audience),
        };
        if asked.iter().all(is_known) {
            return Ok(());
        }
        Err(OAuthErrorKind::InvalidTarget.because("`audience` has one that is unknown here"))
    }

    /// Limits the grant to the audiences that the request names, if the request names any. Fails if
    /// no audience is left. The routes call this method before they change anything.
    pub(crate) fn narrow_audience<C>(
        &self,
        grant: &mut Grant<C>,
        mut asked: Vec<String>,
    ) -> Result<(), OAuthError> {
        let granted = grant.audience.take();
        let is_granted =
            |audience: &str| granted.as_ref().is_none_or(|all| all.iter().any(|a| a == audience));
        if let Some(cookies) = &self.cookies {
            let is_asked = |audience: &str| asked.is_empty() || asked.iter().any(|a| a == audience);
            let audiences = cookies.audiences().filter(|name| is_granted(name) && is_asked(name));
            let audiences: Vec<_> = audiences.map(str::to_owned).collect();
            if audiences.is_empty() {
                let reason =
                    "the account is granted no audience that has a cookie and is asked for";
                return Err(OAuthErrorKind::InvalidTarget.because(reason));
            }
            grant.audience = Some(audiences);
            return Ok(());
        }
        if asked.is_empty() {
            grant.audience = granted;
        } else {
            asked.retain(|audience| is_granted(audience));
            if asked.is_empty() {
                let reason = "the account is granted no audience of those that are asked for";
                return Err(OAuthErrorKind::InvalidTarget.because(reason));
            }
            // One token can be for several services only if the services share a key. If the keys
            // differ, the token is for the first of these services.
            if asked.len() > 1 && self.issuer.service(Some(&asked)).is_err() {
                asked.truncate(1);
            }
            grant.audience = Some(asked);
        }
        self.issuer.service(grant.audience.as_deref())?;
        Ok(())
    }

    /// Returns the response to a logout. If the server failed to end the session, the response
    /// deletes the access-token cookies, and keeps the cookies that the client needs to try again.
    pub(crate) fn logged_out(&self, ended: Result<(), OAuthError>) -> Response {
        let is_failure = ended.as_ref().is_err_and(OAuthError::is_failure);
        let is_refused = ended.is_err() && !is_failure;
        let mut response = match ended {
            Ok(()) => StatusCode::NO_CONTENT.into_response(),
            Err(error) => error.into_response(),
        };
        match &self.cookies {
            Some(cookies) if is_failure => cookies.delete_access(response.headers_mut(), |_| true),
            Some(cookies) if !is_refused => cookies.delete(response.headers_mut()),
            _ => {}
        }
        response
    }

    /// Issues access tokens: one for the response body, or one for each granted audience that has a
    /// cookie.
    pub(crate) fn tokens<C: Serialize>(
        &self,
        mut grant: Grant<C>,
        session: &Session,
    ) -> Result<IssuedTokens<'_>, IssueError> {
        grant.session = Some(session.id().as_str().to_owned());
        grant.authenticated_at = Some(session.started_at());
        let Some(cookies) = &self.cookies else {
            return Ok(IssuedTokens::InBody(self.issuer.issue(&grant)?));
        };
        let granted = grant.audience.take().unwrap_or_default();
        let is_granted = |audience: &str| granted.iter().any(|granted| granted == audience);
        let mut set = HeaderMap::new();
        cookies.delete_access(&mut set, |audience| !is_granted(audience));
        let mut answer = Value::Null;
        for audience in cookies.audiences().filter(|audience| is_granted(audience)) {
            grant.audience = Some(vec![audience.to_owned()]);
            let token = self.issuer.issue(&grant)?;
            cookies.set_access(&mut set, audience, &token, session)?;
            let expires_in = token.expires_in().as_secs();
            answer = json!({ "expires_in": expires_in, "scope": token.scope() });
        }
        Ok(IssuedTokens::InCookies { cookies, set, answer })
    }
}

/// The access tokens of a response. [`answer`](Self::answer) adds the refresh token.
pub(crate) enum IssuedTokens<'d> {
    InBody(AccessToken),
    InCookies { cookies: &'d Cookies, set: HeaderMap, answer: Value },
}

impl IssuedTokens<'_> {
    /// Returns a response with these access tokens and the session's refresh token.
    pub(crate) fn answer(self, refresh: RefreshToken, session: Session) -> TokenAnswer {
        let tokens = match self {
            Self::InBody(access) => AnsweredTokens::InBody { access, refresh },
            Self::InCookies { cookies, mut set, answer } => {
                cookies.set_refresh(&mut set, &refresh, &session);
                AnsweredTokens::InCookies { set, body: answer }
            }
        };
        TokenAnswer { session, tokens }
    }
}

/// Returns a session's label: the browser's `User-Agent`.
pub(crate) fn label(headers: &HeaderMap) -> Option<&str> {
    headers.get(USER_AGENT)?.to_str().ok()
}

/// Returns an error if the grant has a client identifier and `named` is a different one.
pub(crate) fn refuse_other_client<C>(
    grant: &Grant<C>,
    named: Option<&str>,
) -> Result<(), OAuthError> {
    match (&grant.client_id, named) {
        (Some(granted), Some(named)) if granted != named => {
            Err(OAuthErrorKind::InvalidClient.because("`client_id` is not the client of the grant"))
        }
        _ => Ok(()),
    }
}
