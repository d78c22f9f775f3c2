//! Tests of long-lived connections, which end when their token is no longer valid.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt, stream};
use serde_json::json;
use tower_jwt_auth::revocation::Revocation;
use tower_jwt_auth::{
    Claims, Ended, JwtAuth, Key, KeyStore, ManualClock, Revocations, Secret, UnixTime,
};

use crate::kit::{self, MAX_STALENESS, NOW, at, secret};

fn verified(auth: &JwtAuth, id: &str) -> Claims {
    let claims = json!({ "exp": NOW + 60, "iat": NOW, "jti": id, "sub": "alice" });
    auth.verify(&kit::with_payload(claims.to_string())).unwrap()
}

fn auth() -> (JwtAuth, Revocations, ManualClock) {
    let clock = at(NOW);
    let revocations = kit::revocations(clock.clone());
    revocations.current_as_of(revocations.as_of());
    let auth = JwtAuth::new(secret()).with_clock(clock.clone()).leeway(Duration::from_secs(5));
    (auth.with_revocation(revocations.clone()), revocations, clock)
}

/// Sleeps until the task that watches the token has checked it once more. Tokio's clock is paused,
/// so the sleep takes no real time.
async fn look() {
    tokio::time::sleep(Duration::from_millis(600)).await;
}

#[tokio::test(start_paused = true)]
async fn a_token_ends_when_its_leeway_is_over_and_not_before() {
    let clock = at(NOW);
    let auth = JwtAuth::new(secret()).with_clock(clock.clone()).leeway(Duration::from_secs(5));
    let claims = verified(&auth, "a");
    let ended = tokio::spawn(claims.ended());
    for passed in [0, 59, 64] {
        clock.set(UnixTime::from_secs(NOW + passed));
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(!ended.is_finished(), "{passed}");
    }
    clock.set(UnixTime::from_secs(NOW + 65));
    assert_eq!(ended.await.unwrap(), Ended::Expired);
    assert_eq!(claims.ended().await, Ended::Expired, "and stays ended");
}

#[tokio::test(start_paused = true)]
async fn a_revoked_token_ends_and_no_other() {
    let (auth, revocations, _) = auth();
    let stolen = tokio::spawn(verified(&auth, "stolen").ended());
    let other = tokio::spawn(verified(&auth, "other").ended());
    look().await;
    assert!(!stolen.is_finished());
    revocations.apply(&Revocation::token("stolen", UnixTime::from_secs(NOW + 60)));
    look().await;
    assert_eq!(stolen.await.unwrap(), Ended::Revoked);
    assert!(!other.is_finished());
    other.abort();
}

#[tokio::test(start_paused = true)]
async fn a_token_ends_when_its_key_is_no_longer_in_the_store() {
    let old = Key::hs256(secret());
    let new = || Key::hs256(Secret::generate().unwrap()).with_id("new").unwrap();
    let far = json!({ "exp": 253_000_000_000_u64 }).to_string();
    let (_, revocations, clock) = auth();
    for revocations in [None, Some(revocations)] {
        let keys = KeyStore::from(old.clone());
        let mut auth = JwtAuth::new(keys.clone()).with_clock(clock.clone());
        if let Some(revocations) = revocations {
            auth = auth.with_revocation(revocations);
        }
        let claims: Claims = auth.verify(&kit::with_payload(&far)).unwrap();
        let mut sink = claims.until_ended(Vec::new());
        sink.send(1).await.unwrap();
        let ended = tokio::spawn(claims.ended());
        tokio::time::sleep(Duration::from_secs(60)).await;

        // The claims stay valid while the store contains the token's key. Neither call removes the
        // key: `replace` stores a new set that also contains it, and `rotate` keeps it as the
        // previous key.
        keys.replace(Key::hs256(secret()));
        keys.rotate(new()).unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
        sink.send(2).await.unwrap();
        assert!(!ended.is_finished());

        keys.retire_previous();
        assert_eq!(sink.ended(), None, "nobody has looked");
        let _ = sink.send(3).await;
        assert_eq!(sink.ended(), Some(Ended::KeyRetired));
        tokio::time::sleep(Duration::from_secs(31)).await;
        assert!(ended.is_finished());
        assert_eq!(ended.await.unwrap(), Ended::KeyRetired);
    }
}

#[tokio::test(start_paused = true)]
async fn stale_revocation_data_ends_connections() {
    let (auth, revocations, clock) = auth();
    let claims = json!({ "exp": NOW + 3_600 }).to_string();
    let claims: Claims = auth.verify(&kit::with_payload(claims)).unwrap();
    let ended = tokio::spawn(claims.ended());
    look().await;
    assert!(!ended.is_finished());
    clock.advance(MAX_STALENESS + Duration::from_secs(1));
    look().await;
    assert!(revocations.staleness().unwrap() > MAX_STALENESS);
    assert_eq!(ended.await.unwrap(), Ended::RevocationUnavailable);
}

#[tokio::test(start_paused = true)]
async fn the_end_does_not_depend_on_the_order_of_the_settings() {
    for order in 0..3 {
        let clock = at(NOW);
        let revocations = kit::revocations(clock.clone());
        revocations.current_as_of(revocations.as_of());
        let five = Duration::from_secs(5);
        let auth = JwtAuth::new(secret());
        let auth: JwtAuth = match order {
            0 => auth.with_clock(clock.clone()).leeway(five).with_revocation(revocations.clone()),
            1 => auth.with_revocation(revocations.clone()).with_clock(clock.clone()).leeway(five),
            _ => auth.leeway(five).with_revocation(revocations.clone()).with_clock(clock.clone()),
        };
        let revoked = tokio::spawn(verified(&auth, "revoked").ended());
        revocations.apply(&Revocation::token("revoked", UnixTime::from_secs(NOW + 60)));
        look().await;
        assert_eq!(revoked.await.unwrap(), Ended::Revoked, "{order}");
        let expired = tokio::spawn(verified(&auth, "expired").ended());
        for (passed, ended) in [(64, false), (65, true)] {
            clock.set(UnixTime::from_secs(NOW + passed));
            revocations.current_as_of(revocations.as_of());
            look().await;
            assert_eq!(expired.is_finished(), ended, "{order} {passed}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_its_token_even_if_items_are_left() {
    let (auth, revocations, _) = auth();
    let claims = verified(&auth, "a");
    let mut busy = claims.until_ended(stream::repeat(1));
    let mut idle = claims.until_ended(stream::pending::<u8>());
    let mut done = claims.until_ended(stream::iter([1, 2]));
    assert_eq!(busy.next().await, Some(1));
    assert_eq!([done.next().await, done.next().await, done.next().await], [Some(1), Some(2), None]);
    assert_eq!(done.ended(), None, "it ended by itself");

    revocations.apply(&Revocation::subject("alice", UnixTime::from_secs(NOW)));
    assert_eq!(idle.next().await, None);
    look().await;
    assert_eq!(busy.next().await, None);
    assert_eq!(busy.next().await, None);
    assert_eq!((busy.ended(), idle.ended()), (Some(Ended::Revoked), Some(Ended::Revoked)));
}

#[tokio::test]
async fn the_wrapper_is_a_sink_if_the_inner_stream_is() {
    let (auth, ..) = auth();
    let mut wrapped = verified(&auth, "a").until_ended(Vec::new());
    wrapped.send(1).await.unwrap();
    wrapped.send(2).await.unwrap();
    wrapped.close().await.unwrap();
    assert_eq!(wrapped.into_inner(), [1, 2]);
}
