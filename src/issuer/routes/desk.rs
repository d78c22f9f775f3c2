//! What all the routes share: who is asking, and what is handed to them.

use axum::Json;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::USER_AGENT;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

use crate::bearer::TrustedOrigins;
use crate::issuer::access_token::{AccessToken, TokenResponse};
use crate::issuer::error::IssueError;
use crate::issuer::grant::Grant;
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

    /// The refresh token that a request presents, what it wants for it, and its head.
    pub(crate) async fn presented(
        &self,
        request: Request,
    ) -> Result<(String, Use, Parts), Refusal> {
        self.refuse_other_sites(&request)?;
        if self.cookies.is_none() {
            let (mut wanted, head): (Use, _) = fields::read(request).await?;
            let token = wanted.refresh_token.take().ok_or_else(|| {
                Refusal::InvalidRequest.because("the body has no `refresh_token`")
            })?;
            return Ok((token, wanted, head));
        }
        // A browser drops a cookie that has expired: no cookie is an expired token.
        let token = self.cookie(request.headers()).ok_or_else(|| {
            Refusal::InvalidGrant.because("no cookie with the refresh token of a session")
        })?;
        let token = token.to_owned();
        Ok((token, Use::default(), request.into_parts().0))
    }

    pub(crate) fn cookie<'r>(&self, headers: &'r HeaderMap) -> Option<&'r str> {
        self.cookies.as_ref()?.refresh_token(headers)
    }

    /// Leaves in the grant the services that are asked for, if any are, and refuses if it is for none
    /// of them: before anything is done for an answer that could not be given.
    pub(crate) fn narrow_audience<C>(
        &self,
        grant: &mut Grant<C>,
        mut asked: Vec<String>,
    ) -> Result<(), Refusal> {
        let granted = grant.audience.take();
        let is_granted =
            |audience: &str| granted.as_ref().is_none_or(|all| all.iter().any(|a| a == audience));
        let is_asked = !asked.is_empty();
        asked.retain(|audience| is_granted(audience));
        if is_asked && asked.is_empty() {
            let reason = "the account is granted no audience of those that are asked for";
            return Err(Refusal::InvalidTarget.because(reason));
        }
        let Some(cookies) = &self.cookies else {
            grant.audience = if is_asked { Some(asked) } else { granted };
            self.issuer.service(grant.audience.as_deref())?;
            return Ok(());
        };
        let audiences: Vec<_> = cookies
            .audiences()
            .filter(|audience| is_granted(audience))
            .map(str::to_owned)
            .collect();
        if audiences.is_empty() {
            let reason = "the account is granted no audience that has a cookie";
            return Err(Refusal::InvalidTarget.because(reason));
        }
        grant.audience = Some(audiences);
        Ok(())
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
        session: &Session,
    ) -> Result<Tokens<'_>, IssueError> {
        grant.session = Some(session.id().as_str().to_owned());
        grant.authenticated_at = Some(session.started_at());
        grant.client_id = session.client_id().map(str::to_owned).or(grant.client_id);
        let Some(cookies) = &self.cookies else {
            return Ok(Tokens::InBody(self.issuer.issue(&grant)?));
        };
        let granted = grant.audience.take().unwrap_or_default();
        let mut set = HeaderMap::new();
        let mut answer = Value::Null;
        for audience in cookies.audiences() {
            if !granted.iter().any(|granted| granted == audience) {
                cookies.delete_access(&mut set, audience);
                continue;
            }
            grant.audience = Some(vec![audience.to_owned()]);
            let token = self.issuer.issue(&grant)?;
            cookies.set_access(&mut set, audience, &token)?;
            let expires_in = token.expires_in().as_secs();
            answer = json!({ "expires_in": expires_in, "scope": token.scope() });
        }
        Ok(Tokens::InCookies { cookies, set, answer })
    }
}

/// Access tokens that are ready to be sent; the refresh token comes last.
pub(crate) enum Tokens<'d> {
    InBody(AccessToken),
    InCookies { cookies: &'d Cookies, set: HeaderMap, answer: Value },
}

impl Tokens<'_> {
    pub(crate) fn answer(self, refresh: &RefreshToken, session: &Session) -> Response {
        let mut response = match self {
            Self::InBody(access) => {
                Json(TokenResponse::new(&access).refresh_token(refresh.as_str())).into_response()
            }
            Self::InCookies { cookies, mut set, answer } => {
                cookies.set_refresh(&mut set, refresh, session);
                (set, Json(answer)).into_response()
            }
        };
        response.extensions_mut().insert(session.clone());
        response
    }
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
        return Err(Refusal::InvalidScope.because("a scope is asked for that is not granted"));
    }
    Ok(granted.into_iter().filter(|scope| asked.contains(&scope.as_str())).collect())
}
