//! What the routes do.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;

use crate::issuer::routes::accounts::Accounts;
use crate::issuer::routes::desk::{Desk, label, narrowed};
use crate::issuer::routes::fields::{self, Login, Revocation};
use crate::issuer::routes::refusal::Refusal;
use crate::issuer::sessions::family::EndCause;
use crate::issuer::sessions::session::{NewSession, Session};
use crate::issuer::sessions::store::RefreshStore;

type Shared<A, S> = State<Arc<Desk<A, S>>>;
type Answer = Result<Response, Refusal>;

pub(crate) async fn log_in<A: Accounts, S: RefreshStore>(
    State(desk): Shared<A, S>,
    request: Request,
) -> Answer {
    desk.refuse_other_sites(&request)?;
    let replaced = desk.cookie(request.headers()).map(str::to_owned);
    let (login, head): (Login<A::Credentials>, _) = fields::read(request).await?;

    let granted = desk.accounts.log_in(login.credentials, &head).await?;
    let mut grant =
        granted.ok_or_else(|| Refusal::InvalidGrant.because("the credentials are wrong"))?;
    grant.scopes = narrowed(login.scope.as_deref(), grant.scopes)?;
    let audience: Vec<_> = login.audience.into_iter().collect();
    desk.narrow_audience(&mut grant, audience.clone())?;
    let mut new = NewSession::from(&grant);
    if desk.cookies.is_none() {
        new = new.audience(audience);
    }
    if let (None, Some(label)) = (&new.label, label(&head.headers)) {
        new = new.label(label);
    }
    new.client_id = login.client_id.filter(|_| desk.cookies.is_none());

    let (refresh, session) = desk.sessions.start(new).await?;
    let tokens = match desk.tokens(grant, &session) {
        Ok(tokens) => tokens,
        Err(error) => {
            // Nobody will ever have its token.
            desk.sessions.end(session.id()).await?;
            return Err(error.into());
        }
    };
    // The browser is about to forget the session that it had, so nobody else should keep it. If
    // that fails, it is no reason to refuse the right password.
    if let Some(replaced) = replaced
        && let Ok(replaced) = desk.sessions.session_of(&replaced).await
    {
        let _ = desk.sessions.end(replaced.id()).await;
    }
    Ok(tokens.answer(&refresh, &session))
}

pub(crate) async fn refresh<A: Accounts, S: RefreshStore>(
    State(desk): Shared<A, S>,
    request: Request,
) -> Answer {
    let (token, wanted, head) = desk.presented(request).await?;
    if wanted.grant_type.is_some_and(|grant_type| grant_type != "refresh_token") {
        return Err(Refusal::UnsupportedGrantType.because("`grant_type` is not refresh_token"));
    }
    let pending = desk.sessions.begin_refresh(&token, wanted.client_id.as_deref()).await?;
    let granted_at_login = pending.session().scopes().map(str::to_owned).collect();
    let allowed = narrowed(wanted.scope.as_deref(), granted_at_login)?;

    let Some(mut grant) = desk.accounts.renew(pending.session(), &head).await? else {
        desk.sessions.end_because(pending.session().id(), EndCause::AccountClosed).await?;
        return Err(Refusal::InvalidGrant.because("the account may not log in any more"));
    };
    if grant.subject != pending.session().subject() {
        let reason = "`Accounts::renew` granted to another subject than the session's";
        return Err(Refusal::ServerError.because(reason));
    }
    grant.scopes.retain(|scope| allowed.contains(scope));
    let audience = match wanted.audience {
        Some(audience) => vec![audience],
        None => pending.session().audience().map(str::to_owned).collect(),
    };
    desk.narrow_audience(&mut grant, audience)?;
    let tokens = desk.tokens(grant, pending.session())?;
    // Last, so that whatever fails before leaves the client's token as it was.
    let (refresh, session) = pending.finish().await?;
    Ok(tokens.answer(&refresh, &session))
}

pub(crate) async fn log_out<A: Accounts, S: RefreshStore>(
    State(desk): Shared<A, S>,
    request: Request,
) -> Answer {
    match owner(&desk, request).await {
        Ok(session) => {
            desk.sessions.end(session.id()).await?;
        }
        // Nobody is logged in: just what was asked for.
        Err(Refusal::InvalidGrant) => {}
        Err(refusal) => return Err(refusal),
    }
    Ok(desk.logged_out())
}

pub(crate) async fn log_out_everywhere<A: Accounts, S: RefreshStore>(
    State(desk): Shared<A, S>,
    request: Request,
) -> Answer {
    let session = owner(&desk, request).await?;
    desk.sessions.end_all_of(&session).await?;
    Ok(desk.logged_out())
}

pub(crate) async fn list<A: Accounts, S: RefreshStore>(
    State(desk): Shared<A, S>,
    request: Request,
) -> Answer {
    let current = owner(&desk, request).await?;
    let sessions = desk.sessions.of_subject(current.subject()).await?;
    let sessions = sessions.iter().map(|session| {
        json!({
            "id": session.id().as_str(),
            "label": session.label(),
            "started_at": session.started_at().as_secs(),
            "renewed_at": session.renewed_at().as_secs(),
            "expires_at": session.expires_at().as_secs(),
            "current": session.id() == current.id(),
        })
    });
    Ok(Json(json!({ "sessions": sessions.collect::<Vec<_>>() })).into_response())
}

pub(crate) async fn end_one<A: Accounts, S: RefreshStore>(
    State(desk): Shared<A, S>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Answer {
    let current = owner(&desk, request).await?;
    let own = desk.sessions.of_subject(current.subject()).await?;
    let id = id.map(|Path(id)| id).unwrap_or_default();
    // Whether somebody else has a session of that name is not told.
    let Some(session) = own.iter().find(|session| session.id().as_str() == id) else {
        return Ok(StatusCode::NOT_FOUND.into_response());
    };
    desk.sessions.end(session.id()).await?;
    if session.id() == current.id() {
        return Ok(desk.logged_out());
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// RFC 7009: whatever is not, or no longer, a token of the caller's is revoked already.
pub(crate) async fn revoke<A: Accounts, S: RefreshStore>(
    State(desk): Shared<A, S>,
    request: Request,
) -> Answer {
    let (revocation, _): (Revocation, _) = fields::read(request).await?;
    if revocation.token.contains('.') {
        return Err(Refusal::UnsupportedTokenType.because("access tokens are not revoked here"));
    }
    match desk.sessions.session_of(&revocation.token).await {
        Ok(session) if is_foreign(&session, revocation.client_id.as_deref()) => {
            return Err(Refusal::InvalidClient.because("the token is of another client"));
        }
        Ok(session) => {
            desk.sessions.end(session.id()).await?;
        }
        Err(error) if error.is_refusal() => {}
        Err(error) => return Err(error.into()),
    }
    Ok(StatusCode::OK.into_response())
}

fn is_foreign(session: &Session, client_id: Option<&str>) -> bool {
    client_id.is_some() && session.client_id() != client_id
}

/// The session of the refresh token that a request presents, which stays as it is. Whoever has it
/// may end it, whichever client they say they are.
async fn owner<A: Accounts, S: RefreshStore>(
    desk: &Desk<A, S>,
    request: Request,
) -> Result<Session, Refusal> {
    let (token, _, _) = desk.presented(request).await?;
    Ok(desk.sessions.session_of(&token).await?)
}
