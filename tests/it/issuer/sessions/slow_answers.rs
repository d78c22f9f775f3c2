//! Tests of renewals with a pause between the check and the exchange of the token.

use std::time::Duration;

use tower_jwt_auth::issuer::{NewSession, SessionErrorKind};

use super::service::sessions;

#[tokio::test]
async fn a_pause_between_check_and_exchange_logs_nobody_out() {
    let (sessions, clock, _) = sessions();
    let (token, _) = sessions.start(NewSession::new("alice")).await.unwrap();
    let slow = sessions.begin_refresh(token.as_str(), None).await.unwrap();
    let (next, _) = sessions.refresh(token.as_str(), None).await.unwrap();
    clock.advance(Duration::from_secs(60));
    let (same, _) = slow.finish().await.unwrap();
    assert_eq!(same.as_str(), next.as_str());
    assert!(sessions.refresh(next.as_str(), None).await.is_ok());
}

#[tokio::test]
async fn a_slow_refresh_with_a_forgotten_token_does_not_end_the_session() {
    let (sessions, clock, _) = sessions();
    let (token, _) = sessions.start(NewSession::new("alice")).await.unwrap();
    let slow = sessions.begin_refresh(token.as_str(), None).await.unwrap();
    let (next, _) = sessions.refresh(token.as_str(), None).await.unwrap();
    clock.advance(Duration::from_secs(11));
    let (last, _) = sessions.refresh(next.as_str(), None).await.unwrap();
    let error = slow.finish().await.unwrap_err();
    assert_eq!(error.kind(), SessionErrorKind::Unavailable);
    assert!(sessions.refresh(last.as_str(), None).await.is_ok());
}

#[tokio::test]
async fn a_slow_repeated_refresh_returns_the_newest_token() {
    let (sessions, ..) = sessions();
    let (token, session) = sessions.start(NewSession::new("alice")).await.unwrap();
    let (next, _) = sessions.refresh(token.as_str(), None).await.unwrap();
    let slow = sessions.begin_refresh(token.as_str(), None).await.unwrap();
    let slower = sessions.begin_refresh(token.as_str(), None).await.unwrap();
    let (leaf, _) = sessions.refresh(next.as_str(), None).await.unwrap();
    assert_eq!(slow.finish().await.unwrap().0.as_str(), leaf.as_str());
    sessions.end(session.id()).await.unwrap();
    assert_eq!(slower.finish().await.unwrap_err().kind(), SessionErrorKind::Ended);
}
