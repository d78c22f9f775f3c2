//! Tests of sessions without HTTP.

use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tower_jwt_auth::issuer::{
    EndCause, MemoryStore, NewSession, RefreshStore, SessionErrorKind, SessionEvent, Sessions,
};
use tower_jwt_auth::{ManualClock, UnixTime};

use crate::issuer::kit::{Fragile, State};
use crate::kit::{NOW, at};

pub(super) fn sessions() -> (Sessions<MemoryStore>, ManualClock, Arc<Mutex<Vec<String>>>) {
    let clock = at(NOW);
    let events = Arc::<Mutex<Vec<String>>>::default();
    let heard = Arc::clone(&events);
    let sessions =
        Sessions::new(MemoryStore::new()).with_clock(clock.clone()).with_events(move |event| {
            heard.lock().unwrap().push(match event {
                SessionEvent::Started(session) => format!("started {}", session.subject()),
                SessionEvent::Renewed(session) => format!("renewed {}", session.subject()),
                SessionEvent::Repeated(session) => format!("repeated {}", session.subject()),
                SessionEvent::Ended(session, cause) => {
                    format!("ended {} {cause:?}", session.subject())
                }
                SessionEvent::ParentAccepted(session) => {
                    format!("parent accepted {}", session.subject())
                }
                SessionEvent::Superseded(session) => format!("superseded {}", session.subject()),
                other => format!("{other:?}"),
            });
        });
    (sessions, clock, events)
}

#[tokio::test]
async fn a_session_keeps_its_data() {
    let (sessions, clock, _) = sessions();
    let new = NewSession::new("alice")
        .scopes(["cart:read", "pay"])
        .client_id("web")
        .label("Firefox".repeat(100))
        .data(&json!({ "theme": "dark" }))
        .unwrap();
    let (token, session) = sessions.start(new).await.unwrap();
    clock.advance(Duration::from_secs(60));
    let (_, renewed) = sessions.refresh(token.as_str(), Some("web")).await.unwrap();
    assert_eq!(renewed.id(), session.id());
    assert_eq!(renewed.subject(), "alice");
    assert_eq!(renewed.scopes().collect::<Vec<_>>(), ["cart:read", "pay"]);
    assert_eq!(renewed.client_id(), Some("web"));
    assert_eq!(renewed.label().unwrap().len(), 256);
    assert_eq!(renewed.data(), Some(json!({ "theme": "dark" })));
    assert_eq!(renewed.started_at(), UnixTime::from_secs(NOW));
    assert_eq!(renewed.renewed_at(), UnixTime::from_secs(NOW + 60));
    assert_eq!(renewed.expires_at(), UnixTime::from_secs(NOW + 60 + 7 * 86_400));
    assert_eq!(renewed.ends_at(), UnixTime::from_secs(NOW + 30 * 86_400));
}

/// The failover that `docs/explanation/sessions.md` describes.
#[tokio::test]
async fn an_answer_lost_for_longer_than_the_grace_period_ends_the_session() {
    let lost_for = async |secs: u64, grace: u64| {
        let (state, clock) = (Arc::<State>::default(), at(NOW));
        let store = Fragile { inner: MemoryStore::new(), state: Arc::clone(&state) };
        let sessions = Sessions::new(store).with_clock(clock.clone());
        let sessions = sessions.grace(Duration::from_secs(grace));
        let (token, _) = sessions.start(NewSession::new("alice")).await.unwrap();
        state.answers_lost.store(true, SeqCst);
        let lost = sessions.refresh(token.as_str(), None).await.unwrap_err();
        assert_eq!(lost.kind(), SessionErrorKind::Unavailable);
        state.answers_lost.store(false, SeqCst);
        clock.advance(Duration::from_secs(secs));
        sessions.refresh(token.as_str(), None).await.map_err(|error| error.kind()).err()
    };
    assert_eq!(lost_for(9, 10).await, None);
    assert_eq!(lost_for(10, 10).await, Some(SessionErrorKind::Reused));
    assert_eq!(lost_for(40, 10).await, Some(SessionErrorKind::Reused));
    assert_eq!(lost_for(40, 45).await, None);
}

#[tokio::test]
async fn too_much_data_is_refused() {
    let (sessions, ..) = sessions();
    let data = NewSession::new("alice").data(&"x".repeat(4096)).unwrap();
    let scopes = NewSession::new("alice").scopes(vec!["x"; 4097]);
    let audience = NewSession::new("alice").audience(vec!["x"; 4097]);
    for new in [data, scopes, audience] {
        let error = sessions.start(new).await.unwrap_err();
        assert_eq!(error.kind(), SessionErrorKind::TooLarge);
        assert!(!error.is_refusal());
    }
}

#[tokio::test]
async fn each_refusal_has_its_kind_and_each_change_its_event() {
    let (sessions, clock, events) = sessions();
    let refuse = async |token: &str, client: Option<&str>| {
        let error = sessions.refresh(token, client).await.unwrap_err();
        assert!(error.is_refusal());
        error.kind()
    };
    assert_eq!(refuse("", None).await, SessionErrorKind::Unknown);
    assert_eq!(refuse(&"A".repeat(64), None).await, SessionErrorKind::Unknown);

    let (first, _) = sessions.start(NewSession::new("alice")).await.unwrap();
    assert_eq!(refuse(first.as_str(), Some("x")).await, SessionErrorKind::WrongClient);
    let (second, session) = sessions.refresh(first.as_str(), None).await.unwrap();
    let (again, _) = sessions.refresh(first.as_str(), None).await.unwrap();
    assert_eq!(again.as_str(), second.as_str());
    clock.advance(Duration::from_secs(10));
    assert_eq!(refuse(first.as_str(), None).await, SessionErrorKind::Reused);
    assert_eq!(refuse(first.as_str(), None).await, SessionErrorKind::Ended);
    assert_eq!(refuse(second.as_str(), None).await, SessionErrorKind::Ended);
    assert!(!sessions.end(session.id()).await.unwrap(), "it has ended already");

    let (idle, _) = sessions.start(NewSession::new("bob")).await.unwrap();
    clock.advance(Duration::from_secs(7 * 86_400));
    assert_eq!(refuse(idle.as_str(), None).await, SessionErrorKind::Expired);
    let events = events.lock().unwrap();
    let heard =
        ["started alice", "renewed alice", "repeated alice", "ended alice Reused", "started bob"];
    assert_eq!(*events, heard);
}

#[tokio::test]
async fn a_panicking_hook_loses_no_answer() {
    let sessions = Sessions::new(MemoryStore::new()).with_events(|_| panic!("a bug"));
    let (token, session) = sessions.start(NewSession::new("alice")).await.unwrap();
    assert!(sessions.refresh(token.as_str(), None).await.is_ok());
    assert!(sessions.end(session.id()).await.unwrap());
}

#[tokio::test]
async fn a_forged_secret_with_a_true_handle_ends_the_session() {
    let (sessions, ..) = sessions();
    let (token, _) = sessions.start(NewSession::new("alice")).await.unwrap();
    // All tokens of a session start with the same `handle`, which no other token contains. A forged
    // token with this `handle` shows that a token of the session was stolen.
    let (handle, secret) = token.as_str().split_at(22);
    let other = if secret.ends_with('A') { "B" } else { "A" };
    let forged = format!("{handle}{}{other}", &secret[..secret.len() - 1]);
    let kind = sessions.refresh(&forged, None).await.unwrap_err().kind();
    assert_eq!(kind, SessionErrorKind::Reused);
}

#[tokio::test]
async fn users_see_and_end_their_own_sessions() {
    let (sessions, clock, _) = sessions();
    let mut tokens = Vec::new();
    for subject in ["alice", "alice", "bob"] {
        tokens.push(sessions.start(NewSession::new(subject)).await.unwrap());
        clock.advance(Duration::from_secs(1));
    }
    let of = async |subject| {
        let sessions = sessions.of_subject(subject).await.unwrap();
        sessions.iter().map(|session| session.id().clone()).collect::<Vec<_>>()
    };
    assert_eq!(of("alice").await, [tokens[1].1.id().clone(), tokens[0].1.id().clone()]);
    assert!(sessions.end_because(tokens[0].1.id(), EndCause::AccountClosed).await.unwrap());
    assert_eq!(of("alice").await, [tokens[1].1.id().clone()]);
    assert_eq!(sessions.end_all("alice").await.unwrap(), 1);
    assert!(of("alice").await.is_empty());
    assert!(sessions.refresh(tokens[1].0.as_str(), None).await.unwrap_err().is_refusal());
    assert!(sessions.refresh(tokens[2].0.as_str(), None).await.is_ok(), "bob's goes on");
    assert_eq!(sessions.end_all("nobody").await.unwrap(), 0);
}

#[tokio::test]
async fn a_user_has_at_most_the_configured_number_of_sessions() {
    let clock = at(NOW);
    let sessions = Sessions::new(MemoryStore::new()).with_clock(clock.clone()).max_per_subject(2);
    let mut tokens = Vec::new();
    for _ in 0..3 {
        tokens.push(sessions.start(NewSession::new("alice")).await.unwrap().0);
        clock.advance(Duration::from_secs(1));
    }
    assert!(sessions.refresh(tokens[0].as_str(), None).await.unwrap_err().is_refusal());
    assert!(sessions.refresh(tokens[1].as_str(), None).await.is_ok());
    assert!(sessions.refresh(tokens[2].as_str(), None).await.is_ok());
    // Ended sessions are deleted within an hour.
    assert_eq!(sessions.store().len(), 3);
    clock.advance(Duration::from_secs(3601));
    assert_eq!(sessions.prune().await.unwrap(), 1);
}

#[tokio::test]
async fn dropping_a_pending_refresh_changes_nothing() {
    let (sessions, clock, events) = sessions();
    let (token, _) = sessions.start(NewSession::new("alice")).await.unwrap();
    drop(sessions.begin_refresh(token.as_str(), None).await.unwrap());
    clock.advance(Duration::from_secs(3600));
    assert!(sessions.refresh(token.as_str(), None).await.is_ok());
    assert_eq!(*events.lock().unwrap(), ["started alice", "renewed alice"]);
}

#[tokio::test]
async fn expired_sessions_are_pruned_and_a_full_store_refuses_logins() {
    let clock = at(NOW);
    let store = MemoryStore::new().max_sessions(2);
    let sessions = Sessions::new(store).with_clock(clock.clone());
    let start = async || sessions.start(NewSession::new("alice")).await;
    start().await.unwrap();
    start().await.unwrap();
    let error = start().await.unwrap_err();
    assert_eq!(error.kind(), SessionErrorKind::Unavailable);
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), "the session store is full");

    assert_eq!(sessions.prune().await.unwrap(), 0);
    clock.advance(Duration::from_secs(7 * 86_400 + 1));
    assert_eq!(sessions.prune().await.unwrap(), 2);
    assert!(sessions.store().is_empty());
    assert!(start().await.is_ok());
}

#[tokio::test]
async fn no_stored_or_printed_text_is_a_token() {
    let (sessions, ..) = sessions();
    let (first, _) = sessions.start(NewSession::new("alice").label("Firefox")).await.unwrap();
    let (token, session) = sessions.refresh(first.as_str(), None).await.unwrap();
    let row = sessions.store().load(session.id()).await.unwrap().unwrap();
    let pending = sessions.begin_refresh(token.as_str(), None).await.unwrap();
    let seen = format!("{row:?} {} {session:?} {token:?} {sessions:?} {pending:?}", row.state);
    for token in [first, token] {
        for start in 0..=token.as_str().len() - 16 {
            assert!(!seen.contains(&token.as_str()[start..start + 16]), "{start}");
        }
    }
    let printed = format!("{session:?} {row:?} {:?}", NewSession::new("alice").label("Firefox"));
    assert!(!printed.contains("alice") && !printed.contains("Firefox"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_concurrent_uses_have_one_successor() {
    for _ in 0..100 {
        let sessions = Sessions::new(MemoryStore::new());
        let (token, _) = sessions.start(NewSession::new("alice")).await.unwrap();
        let mut uses = tokio::task::JoinSet::new();
        for _ in 0..64 {
            let (sessions, token) = (sessions.clone(), token.clone());
            uses.spawn(async move { sessions.refresh(token.as_str(), None).await });
        }
        let mut successors = std::collections::HashSet::new();
        while let Some(answer) = uses.join_next().await {
            successors.insert(answer.unwrap().unwrap().0.as_str().to_owned());
        }
        assert_eq!(successors.len(), 1);
        let only = successors.into_iter().next().unwrap();
        assert!(sessions.refresh(&only, None).await.is_ok(), "the family lives");
    }
}

#[tokio::test]
async fn ten_thousand_logins_of_one_user_fill_no_store() {
    let clock = at(NOW);
    let store = MemoryStore::new().max_sessions(1_000);
    let sessions = Sessions::new(store).with_clock(clock.clone()).max_per_subject(10);
    let (bobs, _) = sessions.start(NewSession::new("bob")).await.unwrap();
    for login in 0..10_000 {
        let (_, session) = sessions.start(NewSession::new("mallory")).await.unwrap();
        // The user logs out of every second session. The limit on the sessions of one user ends the
        // oldest of the remaining sessions.
        if login % 2 == 0 {
            assert!(sessions.end(session.id()).await.unwrap());
        }
    }
    assert_eq!(sessions.store().len(), 1_000);
    assert_eq!(sessions.of_subject("mallory").await.unwrap().len(), 10);
    sessions.refresh(bobs.as_str(), None).await.expect("bob's session goes on");
    // Ended sessions are kept for an hour. Then logins delete them.
    clock.advance(Duration::from_secs(3_602));
    for _ in 0..10 {
        sessions.start(NewSession::new("carol")).await.unwrap();
    }
    assert!(sessions.store().len() <= 21, "{}", sessions.store().len());
}

#[tokio::test]
async fn a_full_store_has_room_again_when_sessions_have_expired() {
    let clock = at(NOW);
    let sessions = Sessions::new(MemoryStore::new().max_sessions(150)).with_clock(clock.clone());
    let sessions = sessions.idle_lifetime(Duration::from_secs(5));
    for user in 0..150 {
        sessions.start(NewSession::new(user.to_string())).await.unwrap();
    }
    let full = sessions.start(NewSession::new("eve")).await.unwrap_err();
    assert_eq!(full.kind(), SessionErrorKind::Unavailable);
    // The sessions have expired, but the next regular deletion is not due yet.
    clock.advance(Duration::from_secs(6));
    sessions.start(NewSession::new("eve")).await.unwrap();
}

#[tokio::test]
async fn a_row_has_at_most_twelve_kibibytes() {
    let (sessions, ..) = sessions();
    let data = |len| NewSession::new("alice").data(&"x".repeat(len)).unwrap();
    let largest = data(4_000).scopes(["s".repeat(4_000)]).label("l".repeat(300));
    let (mut token, session) = sessions.start(largest).await.unwrap();
    for _ in 0..20 {
        token = sessions.refresh(token.as_str(), None).await.unwrap().0;
    }
    let row = sessions.store().load(session.id()).await.unwrap().unwrap();
    assert!(row.subject.len() + row.state.len() <= 12 * 1024, "{}", row.state.len());

    for large in [
        NewSession::new("alice".repeat(2_000)),
        NewSession::new("alice").client_id("c".repeat(10_000)),
        // Each of these characters takes six bytes in JSON.
        NewSession::new("alice").scopes(["\u{1}".repeat(4_000)]),
        data(4_000).scopes(["s".repeat(4_000)]).client_id("c".repeat(2_000)),
    ] {
        let error = sessions.start(large).await.unwrap_err();
        assert_eq!(error.kind(), SessionErrorKind::TooLarge);
    }
}

#[tokio::test]
async fn a_thief_who_repeats_each_renewal_is_detected_after_five() {
    let (sessions, clock, events) = sessions();
    let (mut token, _) = sessions.start(NewSession::new("alice")).await.unwrap();
    for renewal in 1..=5 {
        clock.advance(Duration::from_secs(600));
        let stolen = token;
        token = sessions.refresh(stolen.as_str(), None).await.unwrap().0;
        clock.advance(Duration::from_secs(9));
        let thief = sessions.refresh(stolen.as_str(), None).await.map_err(|error| error.kind());
        assert_eq!(thief.err(), (renewal == 5).then_some(SessionErrorKind::Reused));
    }
    let ended = sessions.refresh(token.as_str(), None).await.unwrap_err();
    assert_eq!(ended.kind(), SessionErrorKind::Ended);
    let events = events.lock().unwrap();
    let count = |event| events.iter().filter(|told| *told == event).count();
    assert_eq!((count("repeated alice"), count("ended alice Reused")), (4, 1));
}

#[tokio::test]
async fn only_the_current_token_shows_sessions() {
    let (sessions, clock, events) = sessions();
    let new = NewSession::new("alice").client_id("web");
    let (first, session) = sessions.start(new).await.unwrap();
    let (second, _) = sessions.refresh(first.as_str(), Some("web")).await.unwrap();
    let shown = sessions.current_session_of(second.as_str()).await.unwrap();
    assert_eq!(shown.id(), session.id());
    clock.advance(Duration::from_secs(9));
    for _ in 0..3 {
        let error = sessions.current_session_of(first.as_str()).await.unwrap_err();
        assert_eq!(error.kind(), SessionErrorKind::Superseded);
        assert!(error.is_refusal());
    }
    // A token that another tab has just exchanged still identifies its session, so it can be used
    // for a logout.
    assert!(sessions.session_of(first.as_str()).await.is_ok());
    clock.advance(Duration::from_secs(1));
    let reused = sessions.current_session_of(first.as_str()).await.unwrap_err();
    assert_eq!(reused.kind(), SessionErrorKind::Reused);
    let superseded = ["superseded alice"; 3];
    assert_eq!(events.lock().unwrap()[2..5], superseded);
}

#[tokio::test]
async fn a_thief_who_polls_for_renewals_is_detected_at_any_speed() {
    let (sessions, clock, _) = sessions();
    let (mut token, _) = sessions.start(NewSession::new("alice")).await.unwrap();
    for renewal in 1..=20 {
        clock.advance(Duration::from_secs(600));
        let stolen = token;
        assert!(sessions.current_session_of(stolen.as_str()).await.is_ok());
        token = sessions.refresh(stolen.as_str(), None).await.unwrap().0;
        // 100 milliseconds after the user's renewal, the thief presents the used token to
        // `current_session_of`. The rejection of the token reveals the renewal, so the thief
        // immediately renews with the used token.
        clock.advance(Duration::from_millis(100));
        let seen = sessions.current_session_of(stolen.as_str()).await.unwrap_err().kind();
        let found = renewal == 20;
        assert_eq!(seen == SessionErrorKind::Reused, found);
        assert_eq!(sessions.refresh(stolen.as_str(), None).await.is_err(), found);
    }
    let ended = sessions.refresh(token.as_str(), None).await.unwrap_err();
    assert_eq!(ended.kind(), SessionErrorKind::Ended);

    // This thief never renews. Two seconds after each renewal by the user, the thief calls
    // `current_session_of` with the token that the user has just exchanged. The call counts as a
    // late repeat of the renewal. The session ends after 5 renewals in a row with a late repeat.
    let (mut token, _) = sessions.start(NewSession::new("bob")).await.unwrap();
    for renewal in 1..=5 {
        clock.advance(Duration::from_secs(600));
        let stolen = token;
        token = sessions.refresh(stolen.as_str(), None).await.unwrap().0;
        clock.advance(Duration::from_secs(2));
        let seen = sessions.current_session_of(stolen.as_str()).await.unwrap_err().kind();
        assert_eq!(seen == SessionErrorKind::Reused, renewal == 5);
    }
}

/// Simulates a day in which two tabs always renew within 2 seconds of each other. A client that
/// sends several requests in parallel has the same effect.
#[tokio::test]
async fn requests_that_renew_at_once_are_never_logged_out() {
    let (sessions, clock, _) = sessions();
    let (mut token, _) = sessions.start(NewSession::new("alice")).await.unwrap();
    for _ in 0..150 {
        clock.advance(Duration::from_secs(600));
        let used = token;
        token = sessions.refresh(used.as_str(), None).await.unwrap().0;
        clock.advance(Duration::from_millis(1_900));
        let again = sessions.refresh(used.as_str(), None).await.unwrap().0;
        assert_eq!(again.as_str(), token.as_str());
    }
}

#[tokio::test]
async fn simultaneous_renewals_of_a_thief_are_detected_if_counted() {
    let (sessions, clock, events) = sessions();
    let sessions = sessions.max_repeats_at_once(20);
    let (mut token, _) = sessions.start(NewSession::new("alice")).await.unwrap();
    let mut renewals = 0;
    loop {
        clock.advance(Duration::from_secs(600));
        let stolen = token;
        token = sessions.refresh(stolen.as_str(), None).await.unwrap().0;
        renewals += 1;
        clock.advance(Duration::from_millis(500));
        if let Err(error) = sessions.refresh(stolen.as_str(), None).await {
            assert_eq!((error.kind(), renewals), (SessionErrorKind::Reused, 20));
            break;
        }
    }
    assert_eq!(events.lock().unwrap().last().unwrap(), "ended alice Reused");
}

/// A page sometimes loads the list of sessions while it renews its token. The request for the list
/// then contains the used token.
#[tokio::test]
async fn one_renewal_without_a_list_of_sessions_resets_the_count() {
    let (sessions, clock, _) = sessions();
    let (mut token, _) = sessions.start(NewSession::new("alice")).await.unwrap();
    for renewal in 1..=60 {
        clock.advance(Duration::from_secs(600));
        let used = token;
        token = sessions.refresh(used.as_str(), None).await.unwrap().0;
        clock.advance(Duration::from_millis(1_900));
        if renewal % 20 != 0 {
            let superseded = sessions.current_session_of(used.as_str()).await.unwrap_err();
            assert_eq!(superseded.kind(), SessionErrorKind::Superseded);
        }
    }
    sessions.refresh(token.as_str(), None).await.unwrap();
}

/// A mobile client loses the response to a renewal. An hour later, it presents the same refresh
/// token again.
#[tokio::test]
async fn an_unused_parent_is_accepted_if_configured() {
    let (sessions, clock, events) = sessions();
    let sessions = sessions.dangerous_accept_unused_parent();
    let (first, _) = sessions.start(NewSession::new("alice")).await.unwrap();
    let (lost, _) = sessions.refresh(first.as_str(), None).await.unwrap();
    clock.advance(Duration::from_secs(3_600));
    let (again, _) = sessions.refresh(first.as_str(), None).await.unwrap();
    assert_eq!(again.as_str(), lost.as_str());
    sessions.refresh(again.as_str(), None).await.unwrap();
    clock.advance(Duration::from_secs(60));
    // The client has used the successor of `first`, so somebody else must have sent `first` now.
    let error = sessions.refresh(first.as_str(), None).await.unwrap_err();
    assert_eq!(error.kind(), SessionErrorKind::Reused);
    let heard = [
        "started alice",
        "renewed alice",
        "parent accepted alice",
        "renewed alice",
        "ended alice Reused",
    ];
    assert_eq!(*events.lock().unwrap(), heard);
}

#[tokio::test]
async fn an_unused_parent_does_not_move_the_end() {
    let (sessions, clock, _) = sessions();
    let sessions = sessions.dangerous_accept_unused_parent();
    let (first, _) = sessions.start(NewSession::new("alice")).await.unwrap();
    let (_, renewed) = sessions.refresh(first.as_str(), None).await.unwrap();
    clock.advance(Duration::from_secs(6 * 86_400));
    let (_, late) = sessions.refresh(first.as_str(), None).await.unwrap();
    assert_eq!(late.expires_at(), renewed.expires_at());
    clock.advance(Duration::from_secs(86_400));
    let error = sessions.refresh(first.as_str(), None).await.unwrap_err();
    assert_eq!(error.kind(), SessionErrorKind::Expired);
}
