//! Tests that the end of a session immediately revokes its access tokens on every server.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tower_jwt_auth::issuer::{
    EndCause, Grant, MemoryStore, NewSession, RefreshToken, Session, SessionErrorKind,
    SessionEvent, Sessions, TokenIssuer,
};
use tower_jwt_auth::jwt::TokenErrorKind;
use tower_jwt_auth::revocation::RevocationFeed;
use tower_jwt_auth::{JwtAuth, ManualClock};

use crate::issuer::kit::{FaultyFeed, ISSUER, issuer};
use crate::kit::{self, NOW, at, fault, secret};

/// An auth server, and a cart server that follows its feed.
struct Fleet {
    clock: ManualClock,
    issuer: TokenIssuer,
    sessions: Sessions<MemoryStore>,
    feed: FaultyFeed,
    cart: JwtAuth,
}

impl Fleet {
    async fn new() -> Self {
        let clock = at(NOW);
        let feed = FaultyFeed::new(clock.clone());
        feed.create().await.unwrap();
        let issuer = issuer().with_clock(clock.clone());
        let sessions = Sessions::new(MemoryStore::new())
            .with_clock(clock.clone())
            .with_revocation(feed.clone(), &issuer);
        let revocations = kit::revocations(clock.clone());
        tokio::spawn(revocations.follow(feed.clone()).run());
        let secret = secret().derive(ISSUER, "cart");
        let cart = JwtAuth::new(secret).audience("cart").with_clock(clock.clone());
        let cart = cart.with_revocation(revocations);
        Self { clock, issuer, sessions, feed, cart }
    }

    async fn log_in(&self, subject: &str) -> (RefreshToken, Session, String) {
        let (refresh, session) = self.sessions.start(NewSession::new(subject)).await.unwrap();
        let access = self.access(&session);
        (refresh, session, access)
    }

    fn access(&self, session: &Session) -> String {
        let grant = Grant::new(session.subject()).audience("cart").session(session.id());
        self.issuer.issue(&grant).unwrap().as_str().to_owned()
    }

    /// Waits until the cart server has read the feed, and returns true if the cart server rejects
    /// the token.
    async fn refuses(&self, access: &str) -> bool {
        // A new message wakes the task that reads the feed. The test therefore only has to yield
        // to the runtime until that task has run.
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        match fault(&self.cart, access) {
            None => false,
            Some(TokenErrorKind::Revoked) => true,
            Some(other) => panic!("{other:?}"),
        }
    }

    fn wait(&self, secs: u64) {
        self.clock.advance(Duration::from_secs(secs));
    }
}

#[tokio::test]
async fn logging_out_revokes_the_tokens_of_that_session_and_no_other() {
    let fleet = Fleet::new().await;
    let (_, here, mine) = fleet.log_in("alice").await;
    let (_, _, elsewhere) = fleet.log_in("alice").await;
    for token in [&mine, &elsewhere] {
        assert!(!fleet.refuses(token).await);
    }
    assert!(fleet.sessions.end(here.id()).await.unwrap());
    assert!(fleet.refuses(&mine).await);
    assert!(!fleet.refuses(&elsewhere).await);
}

#[tokio::test]
async fn logging_out_everywhere_revokes_all_and_logging_in_again_works_at_once() {
    let fleet = Fleet::new().await;
    let (_, session, old) = fleet.log_in("alice").await;
    fleet.wait(2);
    let (recent, bobs) = (fleet.access(&session), fleet.log_in("bob").await.2);
    let grant = Grant::new("alice").audience("cart");
    let of_no_session = fleet.issuer.issue(&grant).unwrap();
    fleet.wait(2);
    assert_eq!(fleet.sessions.end_all("alice").await.unwrap(), 1);
    let again = fleet.log_in("alice").await.2;
    for token in [&old, &recent, of_no_session.as_str()] {
        assert!(fleet.refuses(token).await);
    }
    assert!(!fleet.refuses(&again).await, "of the same second");
    assert!(!fleet.refuses(&bobs).await);
}

#[tokio::test]
async fn a_thief_loses_the_access_token_too() {
    let fleet = Fleet::new().await;
    let (stolen, session, _) = fleet.log_in("alice").await;
    fleet.sessions.refresh(stolen.as_str(), None).await.unwrap();
    fleet.wait(60);
    let access = fleet.access(&session);
    assert!(!fleet.refuses(&access).await);
    let error = fleet.sessions.refresh(stolen.as_str(), None).await.unwrap_err();
    assert_eq!(error.kind(), SessionErrorKind::Reused);
    assert!(fleet.refuses(&access).await);
}

#[tokio::test]
async fn a_closed_account_is_closed_everywhere() {
    let fleet = Fleet::new().await;
    let (_, session, access) = fleet.log_in("alice").await;
    let cause = EndCause::AccountClosed;
    assert!(fleet.sessions.end_because(session.id(), cause).await.unwrap());
    assert!(fleet.refuses(&access).await);
}

#[tokio::test]
async fn sessions_end_while_the_feed_is_down_and_are_published_later() {
    let fleet = Fleet::new().await;
    let (stolen, robbed, robbed_access) = fleet.log_in("alice").await;
    let (_, left, left_access) = fleet.log_in("bob").await;
    let (carols, _, carols_access) = fleet.log_in("carol").await;
    let (leaf, _) = fleet.sessions.refresh(stolen.as_str(), None).await.unwrap();
    fleet.wait(60);
    fleet.feed.is_down.store(true, Ordering::SeqCst);
    let reuse = fleet.sessions.refresh(stolen.as_str(), None).await.unwrap_err();
    let end = fleet.sessions.end(left.id()).await.unwrap_err();
    let end_all = fleet.sessions.end_all("carol").await.unwrap_err();
    let again = fleet.sessions.end(left.id()).await.unwrap_err();
    for error in [reuse, end, end_all, again] {
        assert_eq!(error.kind(), SessionErrorKind::Unavailable);
    }
    for subject in ["alice", "bob", "carol"] {
        assert!(fleet.sessions.of_subject(subject).await.unwrap().is_empty());
    }
    let accesses = [&robbed_access, &left_access, &carols_access];
    for access in accesses {
        assert!(!fleet.refuses(access).await);
    }

    fleet.feed.is_down.store(false, Ordering::SeqCst);
    // If a refresh token of an ended session is presented, the server tries again to publish that
    // the session has ended.
    for token in [&leaf, &carols] {
        let error = fleet.sessions.refresh(token.as_str(), None).await.unwrap_err();
        assert_eq!(error.kind(), SessionErrorKind::Ended);
    }
    assert!(!fleet.sessions.end(left.id()).await.unwrap(), "it had ended");
    for access in accesses {
        assert!(fleet.refuses(access).await);
    }
    assert!(!fleet.sessions.end(robbed.id()).await.unwrap());
}

#[tokio::test]
async fn a_client_that_disconnects_leaves_nothing_half_done() {
    let fleet = Fleet::new().await;
    let (token, session, access) = fleet.log_in("alice").await;
    {
        let mut end = std::pin::pin!(fleet.sessions.end(session.id()));
        assert!(futures_util::poll!(&mut end).is_pending());
        // The client disconnects here.
    }
    assert!(fleet.refuses(&access).await);
    assert!(fleet.sessions.refresh(token.as_str(), None).await.unwrap_err().is_refusal());
}

/// Presents a token 1,000 times to every function that takes a refresh token.
#[tokio::test]
async fn replaying_a_token_of_an_ended_session_publishes_nothing() {
    let fleet = Fleet::new().await;
    for cause in [EndCause::LoggedOut, EndCause::AccountClosed, EndCause::Reused] {
        let (token, session, access) = fleet.log_in("mallory").await;
        fleet.sessions.end_because(session.id(), cause).await.unwrap();
        let published = fleet.feed.inner.len();
        for _ in 0..250 {
            fleet.wait(1);
            let refused = fleet.sessions.refresh(token.as_str(), None).await.unwrap_err();
            assert_eq!(refused.kind(), SessionErrorKind::Ended);
            assert!(fleet.sessions.begin_refresh(token.as_str(), None).await.is_err());
            assert!(fleet.sessions.session_of(token.as_str()).await.is_err());
            assert!(!fleet.sessions.end(session.id()).await.unwrap());
        }
        assert_eq!(fleet.feed.inner.len(), published, "{cause:?}");
        assert!(fleet.refuses(&access).await);
    }
}

#[tokio::test]
async fn one_of_many_concurrent_ends_publishes() {
    let fleet = Fleet::new().await;
    let (_, session, access) = fleet.log_in("alice").await;
    let mut ends = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let (sessions, id) = (fleet.sessions.clone(), session.id().clone());
        ends.spawn(async move { sessions.end(&id).await });
    }
    let ends = ends.join_all().await.into_iter().filter(|end| *end.as_ref().unwrap());
    assert_eq!(ends.count(), 1);
    assert_eq!(fleet.feed.inner.len(), 1);
    assert!(fleet.refuses(&access).await);
}

/// Each attempt to publish the end of the session sends the same message, so the feed keeps only
/// one message.
#[tokio::test]
async fn an_end_that_was_not_published_is_published_once_with_the_time_of_the_end() {
    let fleet = Fleet::new().await;
    let (token, session, access) = fleet.log_in("alice").await;
    fleet.feed.is_down.store(true, Ordering::SeqCst);
    fleet.clock.advance(Duration::from_millis(1_500));
    for _ in 0..5 {
        fleet.sessions.end(session.id()).await.unwrap_err();
        fleet.wait(60);
    }
    fleet.feed.is_down.store(false, Ordering::SeqCst);
    for _ in 0..5 {
        fleet.sessions.refresh(token.as_str(), None).await.unwrap_err();
        fleet.wait(60);
    }
    let snapshot = fleet.feed.snapshot(None).await.unwrap();
    let [message] = snapshot.messages.as_slice() else { panic!("{:?}", snapshot.messages) };
    let (at, until) = (NOW + 1, NOW + 2 + 86_400);
    let id = session.id();
    assert_eq!(
        *message,
        format!(
            r#"{{"v":1,"revoke":"session","iss":"{ISSUER}","sid":"{id}","sub":"alice","at":{at},"until":{until}}}"#
        )
    );
    assert!(fleet.refuses(&access).await);
}

/// A server may store the end of a session, and then stop before it publishes the revocation. When
/// a later request presents a refresh token of the session, the server publishes the revocation.
#[tokio::test(start_paused = true)]
async fn an_abandoned_publication_is_repeated_later() {
    let fleet = Fleet::new().await;
    let (token, session, access) = fleet.log_in("alice").await;
    fleet.feed.hangs.store(true, Ordering::SeqCst);
    let mut end = tokio::spawn({
        let (sessions, id) = (fleet.sessions.clone(), session.id().clone());
        async move { sessions.end(&id).await }
    });
    assert!(tokio::time::timeout(Duration::from_millis(20), &mut end).await.is_err());
    fleet.feed.hangs.store(false, Ordering::SeqCst);
    // The first attempt to publish the end of the session may still be running. A refresh token
    // that is presented during this time is rejected, and nothing is published.
    let refused = fleet.sessions.refresh(token.as_str(), None).await.unwrap_err();
    assert_eq!(refused.kind(), SessionErrorKind::Ended);
    assert_eq!(fleet.feed.inner.len(), 0);
    fleet.wait(5);
    fleet.sessions.refresh(token.as_str(), None).await.unwrap_err();
    assert_eq!(fleet.feed.inner.len(), 1);
    assert!(fleet.refuses(&access).await);
    end.abort();
}

/// While the feed is down, logins can fill the store. The store must keep an ended session until
/// the feed contains the revocation of the session.
#[tokio::test]
async fn a_full_store_keeps_an_end_that_is_to_be_published_the_longest() {
    let mut fleet = Fleet::new().await;
    fleet.sessions = Sessions::new(MemoryStore::new().max_sessions(3))
        .with_clock(fleet.clock.clone())
        .with_revocation(fleet.feed.clone(), &fleet.issuer);
    let (alices, session, access) = fleet.log_in("alice").await;
    fleet.feed.is_down.store(true, Ordering::SeqCst);
    fleet.sessions.end(session.id()).await.unwrap_err();
    fleet.feed.is_down.store(false, Ordering::SeqCst);
    fleet.wait(1);
    for user in 0..20 {
        let (_, session, _) = fleet.log_in(&user.to_string()).await;
        fleet.sessions.end(session.id()).await.unwrap();
    }
    let ended = fleet.sessions.refresh(alices.as_str(), None).await.unwrap_err();
    assert_eq!(ended.kind(), SessionErrorKind::Ended);
    assert!(fleet.refuses(&access).await);
    // To make room for these three sessions, the store drops Alice's ended session.
    for user in 0..3 {
        fleet.log_in(&user.to_string()).await;
    }
}

#[tokio::test]
async fn a_theft_is_reported_once() {
    let clock = at(NOW);
    let told = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = Arc::clone(&told);
    let sessions =
        Sessions::new(MemoryStore::new()).with_clock(clock.clone()).with_events(move |event| {
            if let SessionEvent::Ended(_, EndCause::Reused) = event {
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
    let (stolen, _) = sessions.start(NewSession::new("alice")).await.unwrap();
    sessions.refresh(stolen.as_str(), None).await.unwrap();
    for _ in 0..100 {
        clock.advance(Duration::from_secs(30));
        sessions.refresh(stolen.as_str(), None).await.unwrap_err();
    }
    assert_eq!(told.load(Ordering::SeqCst), 1);
}
