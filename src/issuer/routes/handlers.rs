//! The handlers of the routes.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use http::StatusCode;
use serde_json::json;

use crate::issuer::grant::Grant;
use crate::issuer::routes::accounts::{Accounts, NamedClient};
use crate::issuer::routes::desk::{Desk, Tokens, Wish, label, refuse_other_client};
use crate::issuer::routes::fields;
use crate::issuer::routes::refusal::{Refusal, RefusalKind};
use crate::issuer::sessions::event::RefusedLogin;
use crate::issuer::sessions::family::EndCause;
use crate::issuer::sessions::id::SessionId;
use crate::issuer::sessions::refresh_token::RefreshToken;
use crate::issuer::sessions::session::{NewSession, Session};
use crate::issuer::sessions::store::RefreshStore;

type Shared<A, S> = State<Arc<Desk<A, S>>>;
type Answer = Result<Response, Refusal>;

pub(crate) async fn log_in<A: Accounts, S: RefreshStore>(
    State(desk): Shared<A, S>,
    request: Request,
) -> Answer {
    desk.refuse_foreign_login(&request)?;
    let replaced = desk.cookie(request.headers()).map(str::to_owned);
    let (mut fields, mut head) = fields::read(request).await?;
    // Errors that do not depend on the account come before the password, and tell nothing about it.
    let wish = Wish::read(&mut fields)?;
    desk.refuse_unknown_audience(&wish.audience)?;
    let credentials = fields.into_credentials()?;
    if let Some(client) = &wish.client_id {
        head.extensions.insert(NamedClient(client.clone()));
    }

    let granted = desk.accounts.log_in(credentials, &head).await?;
    let grant = granted
        .ok_or_else(|| RefusalKind::WrongCredentials.because("the credentials are wrong"))?;
    let subject = grant.subject.clone();
    // Writing the claims runs code of the application, which may panic.
    let started = AssertUnwindSafe(start(&desk, grant, wish, label(&head.headers)));
    let started = started.catch_unwind().await;
    let started = started.unwrap_or_else(|_| Err(Refusal::panicked()));
    let (tokens, refresh, session) = started.inspect_err(|refusal| {
        // The answer shows that the credentials are right, and no session shows that it was given.
        let reason = refusal.reason().to_owned();
        desk.sessions.tell_refused_login(&RefusedLogin { subject, reason });
    })?;
    // The browser is about to forget the session that it had, so that session ends. A failure to end
    // it is no reason to reject the right password.
    if let Some(replaced) = replaced
        && let Ok(replaced) = desk.sessions.session_of(&replaced).await
    {
        let _ = desk.sessions.end(replaced.id()).await;
    }
    Ok(tokens.answer(&refresh, &session))
}

/// Starts the session of a login. The session is stored last, so that a failure leaves none behind.
async fn start<'d, A: Accounts, S: RefreshStore>(
    desk: &'d Desk<A, S>,
    mut grant: Grant<A::Claims>,
    wish: Wish,
    label: Option<&str>,
) -> Result<(Tokens<'d>, RefreshToken, Session), Refusal> {
    grant.scopes = wish.scopes_of(grant.scopes)?;
    refuse_other_client(&grant, wish.client_id.as_deref())?;
    let asked = wish.audience;
    if asked.iter().any(|name| grant.audience.as_ref().is_some_and(|all| !all.contains(name))) {
        let reason = "`audience` has one that the account is not granted";
        return Err(RefusalKind::InvalidTarget.because(reason));
    }
    desk.narrow_audience(&mut grant, asked.clone())?;

    let mut new = NewSession::from(&grant).audience(asked);
    if desk.cookies.is_some() {
        // Browsers send no `client_id` with their cookies.
        new.client_id = None;
    } else if new.client_id.is_none() {
        new.client_id = wish.client_id;
    }
    if let (None, Some(label)) = (&new.label, label) {
        new = new.label(label);
    }
    let (refresh, session) = desk.sessions.prepare(new)?;
    let tokens = desk.tokens(grant, &session)?;
    desk.sessions.open(session.clone()).await?;
    Ok((tokens, refresh, session))
}

pub(crate) async fn refresh<A: Accounts, S: RefreshStore>(
    State(desk): Shared<A, S>,
    request: Request,
) -> Answer {
    let (token, mut fields, head) = desk.presented(request).await?;
    if fields.text("grant_type")?.is_some_and(|grant_type| grant_type != "refresh_token") {
        let reason = "`grant_type` is not `refresh_token`";
        return Err(RefusalKind::UnsupportedGrantType.because(reason));
    }
    let wish = Wish::read(&mut fields)?;
    let pending = desk.sessions.begin_refresh(&token, wish.client_id.as_deref()).await?;
    let allowed = wish.scopes_of(pending.session().scopes().map(str::to_owned).collect())?;
    let bound: Vec<_> = pending.session().audience().map(str::to_owned).collect();
    let audience = if wish.audience.is_empty() {
        bound
    } else if bound.is_empty() || wish.audience.iter().all(|name| bound.contains(name)) {
        wish.audience
    } else {
        let reason = "`audience` has one that the login did not name";
        return Err(RefusalKind::InvalidTarget.because(reason));
    };

    let Some(mut grant) = desk.accounts.renew(pending.session(), &head).await? else {
        desk.sessions.end_because(pending.session().id(), EndCause::AccountClosed).await?;
        return Err(RefusalKind::BadToken.because("the account may not log in any more"));
    };
    if grant.subject != pending.session().subject() {
        let reason = "`Accounts::renew` granted to another subject than the session's";
        return Err(RefusalKind::ServerError.because(reason));
    }
    refuse_other_client(&grant, pending.session().client_id())?;
    grant.scopes.retain(|scope| allowed.contains(scope));
    desk.narrow_audience(&mut grant, audience)?;
    let tokens = desk.tokens(grant, pending.session())?;
    // Last, so that any failure before leaves the client's token as it was.
    let (refresh, session) = pending.finish().await?;
    Ok(tokens.answer(&refresh, &session))
}

pub(crate) async fn log_out<A: Accounts, S: RefreshStore>(
    State(desk): Shared<A, S>,
    request: Request,
) -> Response {
    let ended = match owner(&desk, request).await {
        Ok(session) => end(&desk, &session).await,
        // Nobody is logged in, which is the goal.
        Err(refusal) if refusal.kind() == RefusalKind::BadToken => Ok(()),
        Err(refusal) => Err(refusal),
    };
    desk.logged_out(ended)
}

pub(crate) async fn log_out_everywhere<A: Accounts, S: RefreshStore>(
    State(desk): Shared<A, S>,
    request: Request,
) -> Response {
    let ended = match desk.presented(request).await {
        Ok((token, _, _)) => desk.sessions.end_all_by(&token).await.map_err(Refusal::from),
        Err(refusal) => Err(refusal),
    };
    desk.logged_out(ended)
}

pub(crate) async fn list<A: Accounts, S: RefreshStore>(
    State(desk): Shared<A, S>,
    request: Request,
) -> Answer {
    let current = viewer(&desk, request).await?;
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
    let current = viewer(&desk, request).await?;
    let own = desk.sessions.of_subject(current.subject()).await?;
    let id = id.map(|Path(id)| id).unwrap_or_default();
    // The answer does not tell whether somebody else has a session of that name.
    let Some(session) = own.iter().find(|session| session.id().as_str() == id) else {
        return Ok(StatusCode::NOT_FOUND.into_response());
    };
    let ended = end(&desk, session).await;
    if session.id() == current.id() {
        return Ok(desk.logged_out(ended));
    }
    ended.map(|()| StatusCode::NO_CONTENT.into_response())
}

/// RFC 7009: a token that is unknown, expired or another issuer's counts as revoked.
pub(crate) async fn revoke<A: Accounts, S: RefreshStore>(
    State(desk): Shared<A, S>,
    request: Request,
) -> Answer {
    let (mut fields, _) = fields::read(request).await?;
    let token = fields.required("token")?;
    let client_id = fields.client_id()?;
    // Access tokens have dots and refresh tokens have none. The client's hint could be wrong.
    if token.contains('.') {
        return revoke_access(&desk, &token, client_id.as_deref()).await;
    }
    match desk.sessions.session_to_end(&token).await {
        Ok(session) if client_id.is_some() && session.client_id() != client_id.as_deref() => {
            return Err(of_another_client());
        }
        Ok(session) => end(&desk, &session).await?,
        Err(error) if error.is_refusal() => {}
        Err(error) => return Err(error.into()),
    }
    Ok(StatusCode::OK.into_response())
}

/// Revokes one access token of a session. A service that has a secret can sign tokens too, so nothing is
/// published for a token that names no session of its subject.
async fn revoke_access<A: Accounts, S: RefreshStore>(
    desk: &Desk<A, S>,
    token: &str,
    client_id: Option<&str>,
) -> Answer {
    if !desk.sessions.publishes() {
        return Err(RefusalKind::UnsupportedTokenType.because(
            "access tokens cannot be revoked here: `Sessions::with_revocation` is not configured",
        ));
    }
    let Some(token) = desk.issuer.recognize(token) else {
        return Ok(StatusCode::OK.into_response());
    };
    if client_id.is_some() && token.client_id.is_some() && token.client_id.as_deref() != client_id {
        return Err(of_another_client());
    }
    let Some(session) = &token.session else {
        return Err(RefusalKind::UnsupportedTokenType.because(
            "the access token belongs to no session, so it cannot be revoked here: the application \
             can publish a `Revocation::token`",
        ));
    };
    if let Some(session) = SessionId::parse(session) {
        desk.sessions.revoke_one(&session, &token).await?;
    }
    Ok(StatusCode::OK.into_response())
}

fn of_another_client() -> Refusal {
    RefusalKind::InvalidClient.because("`client_id` is not the client of the token")
}

async fn end<A: Accounts, S: RefreshStore>(
    desk: &Desk<A, S>,
    session: &Session,
) -> Result<(), Refusal> {
    desk.sessions.end(session.id()).await?;
    Ok(())
}

/// The session of the refresh token that a request presents to end it. Every client that has the token
/// may end the session.
async fn owner<A: Accounts, S: RefreshStore>(
    desk: &Desk<A, S>,
    request: Request,
) -> Result<Session, Refusal> {
    let (token, _, _) = desk.presented(request).await?;
    Ok(desk.sessions.session_to_end(&token).await?)
}

/// The session of the current refresh token, which stays as it is. A used token is refused, also within
/// the grace period: a thief could otherwise poll to find out when the user renews.
async fn viewer<A: Accounts, S: RefreshStore>(
    desk: &Desk<A, S>,
    request: Request,
) -> Result<Session, Refusal> {
    let (token, _, _) = desk.presented(request).await?;
    Ok(desk.sessions.current_session_of(&token).await?)
}
