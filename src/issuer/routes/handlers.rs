//! The handlers of the routes.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;

use crate::issuer::routes::accounts::{Accounts, NamedClient};
use crate::issuer::routes::context::{RouteContext, refuse_other_client};
use crate::issuer::routes::login_request::RequestedAccess;
use crate::issuer::routes::oauth_error::{OAuthError, OAuthErrorKind};
use crate::issuer::routes::requests;
use crate::issuer::routes::well_known;
use crate::issuer::sessions::family::EndCause;
use crate::issuer::sessions::id::SessionId;
use crate::issuer::sessions::session::Session;
use crate::issuer::sessions::store::RefreshStore;

type SharedContext<A, S> = State<Arc<RouteContext<A, S>>>;
type HandlerResult = Result<Response, OAuthError>;

pub(crate) async fn log_in<A: Accounts, S: RefreshStore>(
    State(context): SharedContext<A, S>,
    request: Request,
) -> HandlerResult {
    context.refuse_foreign_login(request.uri(), request.headers())?;
    let (mut params, mut head) = requests::read(request).await?;
    // Checks that do not depend on the account come before the password check, so their errors
    // reveal nothing about the account.
    let requested = RequestedAccess::read(&mut params)?;
    context.refuse_unknown_audience(&requested.audience)?;
    let credentials = params.into_credentials()?;
    if let Some(client) = &requested.client_id {
        head.extensions.insert(NamedClient(client.clone()));
    }

    let granted = context.accounts.log_in(credentials, &head).await?;
    let grant = granted
        .ok_or_else(|| OAuthErrorKind::WrongCredentials.because("the credentials are wrong"))?;
    Ok(context.start_login(grant, &head, requested).await?.into_response())
}

pub(crate) async fn refresh<A: Accounts, S: RefreshStore>(
    State(context): SharedContext<A, S>,
    request: Request,
) -> HandlerResult {
    let (token, mut params, head) = context.presented(request).await?;
    if params.text("grant_type")?.is_some_and(|grant_type| grant_type != "refresh_token") {
        let reason = "`grant_type` is not `refresh_token`";
        return Err(OAuthErrorKind::UnsupportedGrantType.because(reason));
    }
    let requested = RequestedAccess::read(&mut params)?;
    let pending = context.sessions.begin_refresh(&token, requested.client_id.as_deref()).await?;
    let allowed = requested.scopes_of(pending.session().scopes().map(str::to_owned).collect())?;
    let bound: Vec<_> = pending.session().audience().map(str::to_owned).collect();
    let audience = if requested.audience.is_empty() {
        bound
    } else if bound.is_empty() || requested.audience.iter().all(|name| bound.contains(name)) {
        requested.audience
    } else {
        let reason = "`audience` has one that the login did not name";
        return Err(OAuthErrorKind::InvalidTarget.because(reason));
    };

    let Some(mut grant) = context.accounts.renew(pending.session(), &head).await? else {
        context.sessions.end_loaded(pending.into_loaded(), EndCause::AccountClosed).await?;
        return Err(OAuthErrorKind::BadToken.because("the account may not log in any more"));
    };
    if grant.subject != pending.session().subject() {
        let reason = "`Accounts::renew` granted to another subject than the session's";
        return Err(OAuthErrorKind::ServerError.because(reason));
    }
    refuse_other_client(&grant, pending.session().client_id())?;
    grant.scopes.retain(|scope| allowed.contains(scope));
    context.narrow_audience(&mut grant, audience)?;
    let tokens = context.tokens(grant, pending.session())?;
    // The refresh token is replaced last, so that an earlier failure leaves the client's token
    // valid.
    let (refresh, session) = pending.finish().await?;
    Ok(tokens.answer(refresh, session).into_response())
}

pub(crate) async fn log_out<A: Accounts, S: RefreshStore>(
    State(context): SharedContext<A, S>,
    request: Request,
) -> Response {
    match owner(&context, request).await {
        Ok(loaded) => context.logged_out(end(&context, loaded).await),
        Err(error) if error.kind() == OAuthErrorKind::BadToken => {
            // The request has no refresh token of a live session, so there is no session to end.
            // The client gets the same response as after a successful logout. The error is only
            // logged.
            let mut response = context.logged_out(Ok(()));
            response.extensions_mut().insert(error);
            response
        }
        Err(error) => context.logged_out(Err(error)),
    }
}

pub(crate) async fn log_out_everywhere<A: Accounts, S: RefreshStore>(
    State(context): SharedContext<A, S>,
    request: Request,
) -> Response {
    let ended = match context.presented(request).await {
        Ok((token, _, _)) => context.sessions.end_all_by(&token).await.map_err(OAuthError::from),
        Err(error) => Err(error),
    };
    context.logged_out(ended)
}

pub(crate) async fn list<A: Accounts, S: RefreshStore>(
    State(context): SharedContext<A, S>,
    request: Request,
) -> HandlerResult {
    let current = viewer(&context, request).await?;
    let sessions = context.sessions.of_subject(current.subject()).await?;
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
    State(context): SharedContext<A, S>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> HandlerResult {
    let current = viewer(&context, request).await?;
    let own = context.sessions.loaded_of_subject(current.subject()).await?;
    let id = id.map(|Path(id)| id).unwrap_or_default();
    // The response does not reveal whether somebody else has a session with that identifier.
    let Some(loaded) = own.into_iter().find(|(session, _)| session.id().as_str() == id) else {
        return Ok(StatusCode::NOT_FOUND.into_response());
    };
    let ended = end(&context, loaded).await;
    if current.id().as_str() == id {
        return Ok(context.logged_out(ended));
    }
    ended.map(|()| StatusCode::NO_CONTENT.into_response())
}

/// Revokes a token (RFC 7009). A token that is unknown, has expired or comes from another issuer
/// counts as revoked.
pub(crate) async fn revoke<A: Accounts, S: RefreshStore>(
    State(context): SharedContext<A, S>,
    request: Request,
) -> HandlerResult {
    let (mut params, _) = requests::read(request).await?;
    let token = params.required("token")?;
    let client_id = params.client_id()?;
    // An access token contains dots, and a refresh token does not. The client's `token_type_hint`
    // may be wrong, so it is not read.
    if token.contains('.') {
        return revoke_access(&context, &token, client_id.as_deref()).await;
    }
    match context.sessions.session_to_end(&token).await {
        Ok((session, _)) if client_id.is_some() && session.client_id() != client_id.as_deref() => {
            return Err(of_another_client());
        }
        Ok(loaded) => end(&context, loaded).await?,
        Err(error) if error.is_refusal() => {}
        Err(error) => return Err(error.into()),
    }
    Ok(StatusCode::OK.into_response())
}

/// Revokes one access token of a session. A service that shares its secret with the auth server can
/// sign tokens with any `sid` and `sub`, and could fill the feed with revocations of such tokens.
/// The revocation is therefore published only if the session in `sid` exists and belongs to the
/// user in `sub`.
async fn revoke_access<A: Accounts, S: RefreshStore>(
    context: &RouteContext<A, S>,
    token: &str,
    client_id: Option<&str>,
) -> HandlerResult {
    if !context.sessions.publishes() {
        return Err(OAuthErrorKind::UnsupportedTokenType.because(
            "access tokens cannot be revoked here: `Sessions::with_revocation` is not configured",
        ));
    }
    let Some(token) = context.issuer.recognize(token) else {
        return Ok(StatusCode::OK.into_response());
    };
    if client_id.is_some() && token.client_id.is_some() && token.client_id.as_deref() != client_id {
        return Err(of_another_client());
    }
    let Some(session) = &token.session else {
        return Err(OAuthErrorKind::UnsupportedTokenType.because(
            "the access token belongs to no session, so it cannot be revoked here: the application \
             can publish a `Revocation::token`",
        ));
    };
    if let Ok(session) = session.parse::<SessionId>() {
        context.sessions.revoke_one(&session, &token).await?;
    }
    Ok(StatusCode::OK.into_response())
}

/// Returns the public keys to anyone.
pub(crate) async fn key_set<A: Accounts, S: RefreshStore>(
    State(context): SharedContext<A, S>,
) -> Response {
    well_known::key_set_document(context.issuer.jwks())
}

fn of_another_client() -> OAuthError {
    OAuthErrorKind::InvalidClient.because("`client_id` is not the client of the token")
}

async fn end<A: Accounts, S: RefreshStore>(
    context: &RouteContext<A, S>,
    loaded: (Session, u64),
) -> Result<(), OAuthError> {
    context.sessions.end_loaded(loaded, EndCause::LoggedOut).await?;
    Ok(())
}

/// Returns the session that a logout ends, with the version of its row. Any client that has the
/// refresh token may end the session.
async fn owner<A: Accounts, S: RefreshStore>(
    context: &RouteContext<A, S>,
    request: Request,
) -> Result<(Session, u64), OAuthError> {
    let (token, _, _) = context.presented(request).await?;
    Ok(context.sessions.session_to_end(&token).await?)
}

/// Returns the session of the presented refresh token, without exchanging the token. A used token
/// is rejected, even within the grace period. Otherwise a thief could present a stolen token again
/// and again to find out when the user renews the current token.
async fn viewer<A: Accounts, S: RefreshStore>(
    context: &RouteContext<A, S>,
    request: Request,
) -> Result<Session, OAuthError> {
    let (token, _, _) = context.presented(request).await?;
    Ok(context.sessions.current_session_of(&token).await?)
}
