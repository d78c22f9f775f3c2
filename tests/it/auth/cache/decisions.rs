//! Tests that a cache hit gives the same decision as a verification.

use std::time::Duration;

use serde_json::json;
use tower_jwt_auth::jwt::TokenErrorKind;
use tower_jwt_auth::revocation::{Revocation, RevocationUnchecked};
use tower_jwt_auth::{
    AuthErrorKind, Claims, JwtAuth, Key, KeyStore, Revocations, Secret, Source, TokenCache,
    UnixTime,
};

use super::{cached, counts, sent, token, verified};
use crate::kit::{self, NOW, bearer, fault, request};

#[test]
fn the_second_request_with_a_token_is_a_hit_on_the_same_claims() {
    let (auth, cache, _) = cached();
    let (token, other) = (token(&json!({})), token(&json!({ "sub": "bob" })));
    let first: Claims = auth.verify(&token).unwrap();
    assert_eq!(counts(&cache), (0, 1, 1));
    let second = auth.verify(&token).unwrap();
    assert_eq!(counts(&cache), (1, 1, 1));
    assert!(std::ptr::eq(&*first, &*second));
    assert_eq!(second.token().encoded(), token);
    assert_eq!(auth.verify(&other).unwrap().token().subject(), Some("bob"));
    assert_eq!(counts(&cache), (1, 2, 2));
}

#[test]
fn without_a_cache_every_token_is_verified_and_a_later_cache_starts_empty() {
    let token = token(&json!({}));
    let first = kit::auth().verify(&token).unwrap();
    assert!(!std::ptr::eq(&*first, &*kit::auth().verify(&token).unwrap()));
    let (auth, cache, _) = cached();
    assert!(auth.verify(&token).is_ok());
    let other = TokenCache::new();
    let auth = auth.with_cache(other.clone());
    assert!(auth.verify(&token).is_ok());
    assert_eq!((counts(&cache), counts(&other)), ((0, 1, 1), (0, 1, 1)));
}

#[test]
fn at_every_time_a_hit_gives_the_result_of_a_miss() {
    let (auth, cache, clock) = cached();
    let auth = auth.leeway(Duration::from_secs(5)).max_lifetime(Duration::from_secs(1_000));
    let uncached = kit::auth()
        .with_clock(clock.clone())
        .leeway(Duration::from_secs(5))
        .max_lifetime(Duration::from_secs(1_000));
    let token = token(&json!({ "iat": NOW - 5, "nbf": NOW, "exp": NOW + 60 }));
    assert!(auth.verify(&token).is_ok());
    let (_, misses, _) = counts(&cache);
    let times = [0, 59, 60, 64, 65, 66, 3_600, -4, -5, -6, -10, -11, -3_600, 0];
    for time in times {
        clock.set(UnixTime::from_secs(NOW + time));
        assert_eq!(verified(&auth, &token), verified(&uncached, &token), "{time}");
        assert_eq!(sent(&auth, bearer(&token)), sent(&uncached, bearer(&token)), "{time}");
    }
    for (time, kind) in [
        (65, Some(TokenErrorKind::Expired)),
        (-6, Some(TokenErrorKind::NotYetValid)),
        (-11, Some(TokenErrorKind::NotYetValid)),
        (0, None),
    ] {
        clock.set(UnixTime::from_secs(NOW + time));
        assert_eq!(fault(&auth, &token), kind, "{time}");
    }
    let hits = times.len() as u64 * 2 + 4;
    assert_eq!(counts(&cache), (hits, misses, 1), "the token was found each time");
}

#[test]
fn a_token_from_the_future_is_refused_on_a_hit() {
    let (auth, cache, clock) = cached();
    let token = token(&json!({ "iat": NOW }));
    assert_eq!(fault(&auth, &token), None);
    clock.set(UnixTime::from_secs(NOW - 1));
    assert_eq!(fault(&auth, &token), Some(TokenErrorKind::IssuedInFuture));
    assert_eq!(counts(&cache), (1, 1, 1));
}

#[test]
fn a_revocation_takes_effect_on_the_next_hit() {
    let names = json!({ "iat": NOW, "jti": "token 1", "sid": "s", "company": "acme" });
    let later = UnixTime::from_secs(NOW + 3_600);
    for revocation in [
        Revocation::token("token 1", later),
        Revocation::session("s", later),
        Revocation::subject("alice", UnixTime::from_secs(NOW)),
        Revocation::tenant("acme", UnixTime::from_secs(NOW)),
        Revocation::everyone(UnixTime::from_secs(NOW)),
    ] {
        let (auth, cache, clock) = cached();
        let revocations = Revocations::new().with_clock(clock.clone());
        revocations.current_as_of(revocations.as_of());
        let auth = auth.tenant_claim("company").with_revocation(revocations.clone());
        let token = token(&names);
        assert!((0..2).all(|_| fault(&auth, &token).is_none()));
        revocations.apply(&revocation);
        assert_eq!(fault(&auth, &token), Some(TokenErrorKind::Revoked), "{revocation:?}");
        assert_eq!(counts(&cache), (2, 1, 1));
    }
}

#[cfg(feature = "feeds")]
#[tokio::test]
async fn a_revocation_from_a_feed_takes_effect_on_the_next_hit() {
    use tower_jwt_auth::revocation::{MemoryFeed, RevocationFeed};

    let (auth, cache, clock) = cached();
    let feed = MemoryFeed::new().with_clock(clock.clone());
    let revocations = Revocations::new().with_clock(clock);
    let auth = auth.with_revocation(revocations.clone());
    let mut follow = revocations.follow(feed.clone());
    follow.step().await.unwrap();
    let token = token(&json!({ "jti": "token 1" }));
    assert!((0..2).all(|_| fault(&auth, &token).is_none()));
    let later = UnixTime::from_secs(NOW + 3_600);
    feed.append(&Revocation::token("token 1", later)).await.unwrap();
    follow.step().await.unwrap();
    assert_eq!(fault(&auth, &token), Some(TokenErrorKind::Revoked));
    assert_eq!(counts(&cache), (2, 1, 1));
}

#[test]
fn stale_revocation_data_is_noticed_on_a_hit_and_marks_only_that_request() {
    let (auth, cache, clock) = cached();
    let auth = |revocations: Revocations| {
        revocations.current_as_of(revocations.as_of());
        (auth.clone().with_revocation(revocations.clone()), revocations)
    };
    let token = token(&json!({}));
    let (strict, revocations) = auth(Revocations::new().with_clock(clock.clone()));
    assert!(strict.verify(&token).is_ok());
    clock.advance(Duration::from_secs(6));
    let error = strict.verify(&token).unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::RevocationUnavailable);
    revocations.current_as_of(revocations.as_of());
    assert!(strict.verify(&token).is_ok());

    let lenient = Revocations::new().dangerous_accept_stale(Duration::from_secs(3_600));
    let (lenient, revocations) = auth(lenient.with_clock(clock.clone()));
    let mark = || lenient.verify(&token).unwrap().token().revocation_unchecked();
    assert_eq!(mark(), None);
    clock.advance(Duration::from_secs(6));
    let marked = lenient.verify(&token).unwrap();
    assert_eq!(marked.token().revocation_unchecked(), Some(RevocationUnchecked));
    assert!(sent(&lenient, bearer(&token)).contains("RevocationUnchecked"));
    revocations.current_as_of(revocations.as_of());
    assert_eq!(mark(), None);
    assert_eq!(marked.token().revocation_unchecked(), Some(RevocationUnchecked));
    assert_eq!(counts(&cache), (5, 2, 2));
}

#[test]
fn a_replaced_key_set_hides_the_tokens_of_the_old_one() {
    let keys = KeyStore::from(kit::secret());
    let cache = TokenCache::new();
    let auth: JwtAuth =
        JwtAuth::new(keys.clone()).with_clock(kit::at(NOW)).with_cache(cache.clone());
    let token = token(&json!({}));
    assert!((0..2).all(|_| fault(&auth, &token).is_none()));
    keys.replace(Secret::generate().unwrap());
    assert_eq!(fault(&auth, &token), Some(TokenErrorKind::BadSignature));
    assert_eq!(counts(&cache), (1, 2, 1));
    // A change of the keys makes the cached entry unusable, so the token is verified again. It is
    // accepted if the store contains the key that signed it.
    keys.replace(kit::secret());
    assert!((0..2).all(|_| fault(&auth, &token).is_none()));
    // The entry that was added under the earlier keys stays in the cache until it is evicted.
    assert_eq!(counts(&cache), (2, 3, 2));
    keys.rotate(Key::hs256(Secret::generate().unwrap()).with_id("new").unwrap()).unwrap();
    assert!((0..2).all(|_| fault(&auth, &token).is_none()));
    assert_eq!(counts(&cache), (3, 4, 3));
    keys.retire_previous();
    assert_eq!(fault(&auth, &token), Some(TokenErrorKind::BadSignature));
    assert_eq!(counts(&cache).0, 3);
}

#[test]
fn a_retired_secret_does_not_stay_in_memory() {
    let keys = KeyStore::from(kit::secret());
    let auth: JwtAuth =
        JwtAuth::new(keys.clone()).with_clock(kit::at(NOW)).with_cache(TokenCache::new());
    assert!(auth.verify(&token(&json!({}))).is_ok());
    let retired = std::sync::Arc::downgrade(&keys.load());
    keys.replace(Secret::generate().unwrap());
    assert!(retired.upgrade().is_none());
}

#[test]
fn a_token_that_differs_in_one_character_is_not_found() {
    let (auth, cache, _) = cached();
    let uncached = kit::auth();
    let good = token(&json!({}));
    assert!(auth.verify(&good).is_ok());
    for place in 0..good.len() {
        let mut changed = good.clone().into_bytes();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert_eq!(verified(&auth, &changed), verified(&uncached, &changed), "{place}");
        assert!(auth.verify(&changed).is_err(), "{place}");
    }
    // Different last characters may decode to the same signature, since the decoder ignores some of
    // their bits.
    let last = good.as_bytes()[good.len() - 1] + 1;
    for changed in [
        format!("{}{}", &good[..good.len() - 1], char::from(last)),
        format!("{good}="),
        format!("{good}A"),
        good[..good.len() - 1].to_owned(),
        format!(".{good}"),
        format!("A{good}"),
    ] {
        assert_eq!(verified(&auth, &changed), verified(&uncached, &changed), "{changed}");
        assert!(auth.verify(&changed).is_err(), "{changed}");
        assert_eq!(sent(&auth, bearer(&changed)), sent(&uncached, bearer(&changed)));
    }
    assert_eq!((cache.stats().hits, cache.stats().entries), (0, 1));
}

#[test]
fn a_rejected_token_is_never_cached() {
    #[derive(serde::Deserialize)]
    struct Named {
        #[expect(dead_code, reason = "only its presence matters")]
        name: String,
    }
    let (auth, cache, clock) = cached();
    let revocations = Revocations::new().with_clock(clock);
    revocations.current_as_of(revocations.as_of());
    revocations.apply(&Revocation::token("revoked", UnixTime::from_secs(NOW + 600)));
    let auth = auth.with_revocation(revocations).require_claim("sub").claims::<Named>();
    let good = json!({ "name": "Alice" });
    let changed = |name: &str, value| {
        let mut claims = good.clone();
        claims[name] = value;
        token(&claims)
    };
    let header = r#"{"alg":"HS256","typ":"refresh+jwt"}"#;
    for refused in [
        changed("exp", json!(NOW)),
        changed("nbf", json!(NOW + 1)),
        changed("iat", json!(NOW + 1)),
        changed("aud", json!("payment")),
        changed("sub", json!(null)),
        changed("jti", json!("revoked")),
        changed("name", json!(7)),
        changed("cnf", json!({})),
        kit::sign(header, good.to_string()),
        kit::sign_as(kit::ALGORITHMS[0], &[7; 32], r#"{"alg":"HS256"}"#, good.to_string()),
        format!("{}x", token(&good)),
        "a.b.c".to_owned(),
    ] {
        assert!((0..2).all(|_| auth.verify(&refused).is_err()), "{refused}");
        assert_eq!((cache.stats().hits, cache.stats().entries), (0, 0), "{refused}");
    }
    assert!(auth.verify(&token(&good)).is_ok());
    assert_eq!(cache.stats().entries, 1);
}

#[test]
fn each_request_has_its_own_source() {
    let (auth, cache, _) = cached();
    let auth = auth.cookie("access").websocket_protocol("bearer");
    let token = token(&json!({}));
    let by_cookie = || request(&[("cookie", format!("access={token}"))]);
    let by_socket = || {
        let fields = [
            ("connection", "upgrade".to_owned()),
            ("upgrade", "websocket".to_owned()),
            ("sec-websocket-protocol", format!("bearer, {token}")),
        ];
        request(&fields)
    };
    let source = |request| {
        let text = sent(&auth, request);
        let (_, rest) = text.split_once("source: ").unwrap_or_else(|| panic!("{text}"));
        rest.split([',', ' ']).next().unwrap().to_owned()
    };
    for _ in 0..2 {
        assert_eq!(source(by_cookie()), "Cookie");
        assert_eq!(source(bearer(&token)), "Authorization");
        assert_eq!(source(by_socket()), "WebSocketProtocol");
        assert_eq!(auth.verify(&token).unwrap().token().source(), Source::Direct);
    }
    // The response to a request with a cookie has `Cache-Control: private`, even on a cache hit.
    assert!(sent(&auth, by_cookie()).contains("private"));
    assert!(!sent(&auth, bearer(&token)).contains("private"));
    assert_eq!(counts(&cache), (9, 1, 1));
}

#[test]
fn a_hit_strips_the_token_from_the_request() {
    let (auth, cache, _) = cached();
    let auth = auth.cookie("access").strip_token();
    let token = token(&json!({}));
    for _ in 0..2 {
        for request in [bearer(&token), request(&[("cookie", format!("access={token}"))])] {
            let text = sent(&auth, request);
            assert_eq!(text.matches(&token).count(), 1, "only `Token::encoded` has it: {text}");
        }
    }
    assert_eq!(counts(&cache), (3, 1, 1));
}

#[cfg(feature = "connections")]
#[tokio::test(start_paused = true)]
async fn claims_from_the_cache_end_with_their_token() {
    use futures_util::SinkExt;
    use tower_jwt_auth::Ended;

    let clock = kit::at(NOW);
    let keys = KeyStore::from(kit::secret());
    let revocations = Revocations::new().with_clock(clock.clone());
    revocations.current_as_of(revocations.as_of());
    let cache = TokenCache::new();
    let auth: JwtAuth = JwtAuth::new(keys.clone())
        .with_clock(clock.clone())
        .with_revocation(revocations.clone())
        .with_cache(cache.clone());
    let token = |id| token(&json!({ "jti": id, "exp": NOW + 60 }));
    let hit = |id| {
        assert!(auth.verify(&token(id)).is_ok());
        auth.verify(&token(id)).unwrap()
    };
    let [revoked, expired, retired] = ["revoked", "expired", "retired"].map(hit);
    assert_eq!(counts(&cache), (3, 3, 3));
    let mut sink = retired.until_ended(Vec::new());
    sink.send(1).await.unwrap();
    revocations.apply(&Revocation::token("revoked", UnixTime::from_secs(NOW + 60)));
    assert_eq!(revoked.ended().await, Ended::Revoked);
    keys.replace(Secret::generate().unwrap());
    assert_eq!(retired.ended().await, Ended::KeyRetired);
    let _ = sink.send(2).await;
    assert_eq!(sink.ended(), Some(Ended::KeyRetired));
    keys.replace(kit::secret());
    clock.advance(Duration::from_secs(65));
    assert_eq!(expired.ended().await, Ended::Expired);
}
