//! Checks that refresh tokens work correctly with a store.

use std::time::Duration;

use crate::failure::{Failure, Finding, ensure, rule};
use crate::issuer::conformance::scene::{AT_ONCE, Scene, at_once, subject};
use crate::issuer::external_login::ExternalLogin;
use crate::issuer::sessions::error::{SessionError, SessionErrorKind};
use crate::issuer::sessions::refresh_token::RefreshToken;
use crate::issuer::sessions::service::Sessions;
use crate::issuer::sessions::session::{NewSession, Session};
use crate::issuer::sessions::store::RefreshStore;

/// A duration that is longer than the grace period of 10 seconds.
const LATER: Duration = Duration::from_secs(11);

pub(crate) async fn check<S: RefreshStore>(scene: &Scene<S>) -> Result<(), Failure> {
    rule(
        "a token that is used many times at once has one successor",
        Box::pin(one_successor(scene)),
    )
    .await?;
    rule("reuse after the grace period ends the session", Box::pin(reuse(scene))).await?;
    rule("reuse ends the session even while it is renewed", Box::pin(reuse_in_a_race(scene)))
        .await?;
    rule("who logged out is logged out, even while renewing", Box::pin(logout_in_a_race(scene)))
        .await?;
    rule("no renewal moves a session's end", Box::pin(absolute_end(scene))).await?;
    rule("a session keeps the account at another provider", Box::pin(external_login(scene)))
        .await?;
    rule("a user's sessions are listed, and end one by one or together", Box::pin(ends(scene)))
        .await
}

async fn one_successor<S: RefreshStore>(scene: &Scene<S>) -> Result<(), Finding> {
    let (sessions, _) = scene.sessions();
    for _ in 0..scene.trials {
        let (first, session) = start(&sessions).await?;
        let second = all_get_the_same(&sessions, &first).await?;
        ensure(second.as_str() != first.as_str(), "a token is its own successor")?;
        // A repeated renewal with the first token returns the current token, even after a second
        // renewal.
        let third = all_get_the_same(&sessions, &second).await?;
        let (late, _) = refresh(&sessions, &first).await?;
        ensure(late.as_str() == third.as_str(), "there are two live tokens")?;
        let (_, same) = refresh(&sessions, &third).await?;
        ensure(same.id() == session.id(), "a token changed its session")?;
    }
    Ok(())
}

async fn all_get_the_same<S: RefreshStore>(
    sessions: &Sessions<S>,
    token: &RefreshToken,
) -> Result<RefreshToken, Finding> {
    let uses = (0..AT_ONCE).map(|_| {
        let (sessions, token) = (sessions.clone(), token.clone());
        async move { refresh(&sessions, &token).await }
    });
    let mut successor: Option<RefreshToken> = None;
    for answer in at_once(uses).await? {
        let (next, _) = answer?;
        let same = successor.get_or_insert_with(|| next.clone());
        ensure(same.as_str() == next.as_str(), "a token has two successors")?;
    }
    successor.ok_or_else(|| Finding::new("nobody was answered"))
}

async fn reuse<S: RefreshStore>(scene: &Scene<S>) -> Result<(), Finding> {
    let (sessions, clock) = scene.sessions();
    for _ in 0..scene.trials {
        let (stolen, _) = start(&sessions).await?;
        let (held, _) = refresh(&sessions, &stolen).await?;
        clock.advance(LATER);
        let uses = (0..8).map(|_| {
            let (sessions, stolen) = (sessions.clone(), stolen.clone());
            async move { refresh(&sessions, &stolen).await }
        });
        let mut told = 0_usize;
        for answer in at_once(uses).await? {
            match kind(answer)? {
                SessionErrorKind::Reused => told = told.saturating_add(1),
                other => ensure(other == SessionErrorKind::Ended, "reuse was not noticed")?,
            }
        }
        ensure(told == 1, "the reuse was not told of once")?;
        let now = kind(refresh(&sessions, &held).await)?;
        ensure(now == SessionErrorKind::Ended, "the session did not end")?;
    }
    Ok(())
}

async fn reuse_in_a_race<S: RefreshStore>(scene: &Scene<S>) -> Result<(), Finding> {
    let (sessions, clock) = scene.sessions();
    for _ in 0..scene.trials {
        let (stolen, _) = start(&sessions).await?;
        let (held, _) = refresh(&sessions, &stolen).await?;
        clock.advance(LATER);
        let uses = [&stolen, &held, &held, &stolen].map(|token| {
            let (sessions, token) = (sessions.clone(), token.clone());
            async move { (token.clone(), refresh(&sessions, &token).await) }
        });
        let mut known = vec![held.clone()];
        for (token, answer) in at_once(uses).await? {
            match answer {
                Ok((next, _)) => {
                    ensure(token.as_str() == held.as_str(), "a reused token was exchanged")?;
                    known.push(next);
                }
                Err(error) => ensure(error.is_refusal(), "the store failed")?,
            }
        }
        for token in known {
            let now = kind(refresh(&sessions, &token).await)?;
            ensure(now == SessionErrorKind::Ended, "the session did not end")?;
        }
    }
    Ok(())
}

async fn logout_in_a_race<S: RefreshStore>(scene: &Scene<S>) -> Result<(), Finding> {
    let (sessions, _) = scene.sessions();
    for _ in 0..scene.trials {
        let (token, session) = start(&sessions).await?;
        let renewals = (0..7).map(|_| {
            let (sessions, token) = (sessions.clone(), token.clone());
            tokio::spawn(async move { refresh(&sessions, &token).await })
        });
        let renewals: Vec<_> = renewals.collect();
        ensure(sessions.end(session.id()).await?, "there was no session to end")?;
        let mut known = vec![token];
        for renewal in renewals {
            known.extend(renewal.await?.ok().map(|(next, _)| next));
        }
        for token in known {
            let now = kind(refresh(&sessions, &token).await)?;
            ensure(now == SessionErrorKind::Ended, "the session did not end")?;
        }
        ensure(!sessions.end(session.id()).await?, "a session ended twice")?;
    }
    Ok(())
}

async fn absolute_end<S: RefreshStore>(scene: &Scene<S>) -> Result<(), Finding> {
    let (sessions, clock) = scene.sessions();
    let secs = Duration::from_secs;
    let sessions = sessions.idle_lifetime(secs(100)).absolute_lifetime(secs(300));
    let (mut token, session) = start(&sessions).await?;
    for wait in [90, 90, 90, 29] {
        clock.advance(secs(wait));
        let (next, renewed) = refresh(&sessions, &token).await?;
        ensure(renewed.ends_at() == session.ends_at(), "the end moved")?;
        ensure(renewed.expires_at() <= session.ends_at(), "it would outlast its end")?;
        ensure(renewed.started_at() == session.started_at(), "the time of the login moved")?;
        token = next;
    }
    clock.advance(secs(1));
    let now = kind(refresh(&sessions, &token).await)?;
    ensure(now == SessionErrorKind::Expired, "it outlasted its end")
}

async fn external_login<S: RefreshStore>(scene: &Scene<S>) -> Result<(), Finding> {
    let (sessions, clock) = scene.sessions();
    // With provider tokens of this size, the row nearly reaches the size limit for new rows.
    let sealed = "0123456789abcdef".repeat(400);
    let (issuer, scopes) = ("https://login.example/größe", vec!["openid".to_owned()]);
    let login = ExternalLogin::new("elsewhere", issuer, "248289761001", scopes);
    let login = login.with_sealed_tokens(sealed);
    let mut new = NewSession::new(subject()?);
    new.external_login = Some(login.clone());
    let (mut token, session) = sessions.start(new).await?;
    ensure(session.external_login() == Some(&login), "the account is lost at the login")?;
    for _ in 0..20 {
        clock.advance(Duration::from_secs(1));
        let (next, renewed) = refresh(&sessions, &token).await?;
        ensure(renewed.external_login() == Some(&login), "the account is lost at a renewal")?;
        token = next;
    }
    let listed = sessions.of_subject(session.subject()).await?;
    let is_listed = listed.iter().all(|session| session.external_login() == Some(&login));
    ensure(listed.len() == 1 && is_listed, "the account is lost in the list of sessions")
}

async fn ends<S: RefreshStore>(scene: &Scene<S>) -> Result<(), Finding> {
    let (sessions, clock) = scene.sessions();
    let (alice, bob) = (subject()?, subject()?);
    let mut held = Vec::new();
    for subject in [&alice, &alice, &alice, &bob] {
        held.push(sessions.start(NewSession::new(subject).scopes(["cart:read"])).await?);
        clock.advance(Duration::from_secs(1));
    }
    let mut listed = sessions.of_subject(&alice).await?;
    ensure(listed.len() == 3, "not all sessions are listed")?;
    let newest = listed.remove(0);
    ensure(held.get(2).is_some_and(|(_, third)| third.id() == newest.id()), "out of order")?;
    ensure(newest.scopes().eq(["cart:read"]), "the scopes are lost")?;
    ensure(sessions.end(newest.id()).await?, "there was no session to end")?;
    ensure(sessions.of_subject(&alice).await?.len() == 2, "an ended session is listed")?;
    ensure(sessions.end_all(&alice).await? == 2, "not all sessions ended")?;
    ensure(sessions.of_subject(&alice).await?.is_empty(), "ended sessions are listed")?;
    for (token, session) in held {
        let answer = refresh(&sessions, &token).await;
        let is_bobs = session.subject() == bob;
        ensure(answer.is_ok() == is_bobs, "the wrong sessions ended")?;
    }
    Ok(())
}

async fn start<S: RefreshStore>(
    sessions: &Sessions<S>,
) -> Result<(RefreshToken, Session), Finding> {
    Ok(sessions.start(NewSession::new(subject()?)).await?)
}

async fn refresh<S: RefreshStore>(
    sessions: &Sessions<S>,
    token: &RefreshToken,
) -> Result<(RefreshToken, Session), SessionError> {
    sessions.refresh(token.as_str(), None).await
}

fn kind<T>(answer: Result<T, SessionError>) -> Result<SessionErrorKind, Finding> {
    match answer {
        Ok(_) => Err(Finding::new("a token that is worthless was exchanged")),
        Err(error) if error.is_refusal() => Ok(error.kind()),
        Err(error) => Err(error.into()),
    }
}
