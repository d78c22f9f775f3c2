//! What all the routes share: who is asking, and what is handed to them.

use std::panic::AssertUnwindSafe;

use axum::Json;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use http::header::{SET_COOKIE, USER_AGENT};
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::json;

use crate::bearer::TrustedOrigins;
use crate::clock::UnixTime;
use crate::issuer::access_token::{AccessToken, TokenResponse};
use crate::issuer::error::IssueError;
use crate::issuer::grant::Grant;
use crate::issuer::routes::accounts::AccountsError;
use crate::issuer::routes::cookies::Cookies;
use crate::issuer::routes::fields::{self, Use};
use crate::issuer::routes::refusal::Refusal;
use crate::issuer::sessions::refresh_token::RefreshToken;
use crate::issuer::sessions::service::Sessions;
use crate::issuer::sessions::session::Session;
use crate::issuer::token_issuer::TokenIssuer;

pub(crate) struct Desk<A, S> {
    pub(crate) accounts: A,
    pub(crate) issuer: TokenIssuer,
    pub(crate) sessions: Sessions<S>,
    /// With cookies, tokens are in cookies and nowhere else; without, in bodies.
    pub(crate) cookies: Option<Cookies>,
    pub(crate) trusted_origins: TrustedOrigins,
}

impl<A, S> Desk<A, S> {
    /// Refuses what another site's page asks a browser to do. A body with a token in it needs no
    /// such check, since a browser adds none by itself.
    pub(crate) fn refuse_other_sites(&self, request: &Request) -> Result<(), Refusal> {
        if self.cookies.is_some() {
            let (method, uri) = (request.method(), request.uri());
            self.trusted_origins.check(method, uri, request.headers())?;
        }
        Ok(())
    }

    /// The refresh token that a request presents, and what it wants for it.
    pub(crate) async fn presented(&self, request: Request) -> Result<(String, Use), Refusal> {
        self.refuse_other_sites(&request)?;
        if self.cookies.is_none() {
            let mut wanted: Use = fields::read(request).await?;
            let token = wanted.refresh_token.take().ok_or(Refusal::InvalidRequest)?;
            return Ok((token, wanted));
        }
        // A browser drops a cookie that has expired: no cookie is an expired token.
        let token = self.presented_cookie(request.headers())?.ok_or(Refusal::InvalidGrant)?;
        Ok((token.to_owned(), Use::default()))
    }

    pub(crate) fn presented_cookie<'r>(
        &self,
        headers: &'r HeaderMap,
    ) -> Result<Option<&'r str>, Refusal> {
        let Some(cookies) = &self.cookies else { return Ok(None) };
        let token = cookies.find(headers)?.map(std::str::from_utf8);
        token.transpose().map_err(|_| Refusal::InvalidGrant)
    }

    /// Asked before anything is done for an answer that could not be given.
    pub(crate) fn known_audience(&self, asked: Option<String>) -> Result<Option<String>, Refusal> {
        match asked {
            Some(audience) if !self.issuer.has_audience(&audience) => Err(Refusal::InvalidTarget),
            asked => Ok(asked),
        }
    }

    /// Nothing to say but that no cookie should stay.
    pub(crate) fn logged_out(&self) -> Response {
        let mut response = StatusCode::NO_CONTENT.into_response();
        if let Some(cookies) = &self.cookies {
            cookies.delete(response.headers_mut());
        }
        response
    }

    /// The answer with tokens for what `grant` grants.
    pub(crate) fn tokens<C: Serialize>(
        &self,
        mut grant: Grant<C>,
        audience: Option<String>,
        session: &Session,
    ) -> Result<Tokens<'_>, IssueError> {
        grant.session = Some(session.id().as_str().to_owned());
        grant.client_id = session.client_id().map(str::to_owned);
        let Some(cookies) = &self.cookies else {
            if let Some(audience) = audience {
                grant.audience = vec![audience];
            }
            return Ok(Tokens::InBody(self.issuer.issue(&grant)?));
        };
        let mut set = HeaderMap::new();
        let mut answer = None;
        for (audience, name) in cookies.audiences() {
            grant.audience = vec![audience.to_owned()];
            let token = self.issuer.issue(&grant)?;
            token.fits_cookie(name)?;
            set.append(SET_COOKIE, cookies.set_access(name, token.as_str(), token.expires_in()));
            let (expires_in, scope) = (token.expires_in().as_secs(), token.scope());
            answer = Some(json!({ "expires_in": expires_in, "scope": scope }));
        }
        Ok(Tokens::InCookies { cookies, set, answer: answer.unwrap_or_default() })
    }
}

/// Access tokens that are ready to be sent; the refresh token comes last.
pub(crate) enum Tokens<'d> {
    InBody(AccessToken),
    InCookies { cookies: &'d Cookies, set: HeaderMap, answer: serde_json::Value },
}

impl Tokens<'_> {
    pub(crate) fn answer(
        self,
        refresh: &RefreshToken,
        session: &Session,
        now: UnixTime,
    ) -> Response {
        match self {
            Self::InBody(access) => {
                Json(TokenResponse::new(&access).refresh_token(refresh.as_str())).into_response()
            }
            Self::InCookies { cookies, set, answer } => {
                let max_age = session.expires_at().saturating_since(now);
                let mut response = (set, Json(answer)).into_response();
                let cookie = cookies.set_refresh(refresh.as_str(), max_age);
                response.headers_mut().append(SET_COOKIE, cookie);
                response
            }
        }
    }
}

/// The application's answer. A panic of its is this request's failure, and no other's.
pub(crate) async fn ask<T>(
    asked: impl Future<Output = Result<T, AccountsError>>,
) -> Result<T, Refusal> {
    let answer = AssertUnwindSafe(asked).catch_unwind().await;
    Ok(answer.map_err(|_| Refusal::ServerError)??)
}

/// What a session is called in a list: what the browser says of itself.
pub(crate) fn label(headers: &HeaderMap) -> Option<&str> {
    headers.get(USER_AGENT)?.to_str().ok()
}

/// The scopes that are asked for, or an error if one is beyond those that are granted (RFC 6749
/// section 6).
pub(crate) fn narrowed(asked: Option<&str>, granted: Vec<String>) -> Result<Vec<String>, Refusal> {
    let Some(asked) = asked else { return Ok(granted) };
    let asked: Vec<_> = asked.split(' ').filter(|scope| !scope.is_empty()).collect();
    if asked.iter().any(|scope| !granted.iter().any(|granted| granted == scope)) {
        return Err(Refusal::InvalidScope);
    }
    Ok(granted.into_iter().filter(|scope| asked.contains(&scope.as_str())).collect())
}
