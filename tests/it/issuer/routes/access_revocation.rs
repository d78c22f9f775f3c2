//! Tests of `POST /revoke` with access tokens. The revocations reach services through the feed.

use std::sync::atomic::Ordering;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tower_jwt_auth::JwtAuth;
use tower_jwt_auth::issuer::{AuthRoutes, Grant, TokenIssuer};
use tower_jwt_auth::jwt::{Key, Signer, TokenErrorKind};
use tower_jwt_auth::revocation::RevocationFeed;

use super::cookies::{REFRESH, cookies, log_in, value, with_cookie};
use crate::issuer::kit::{Employee, FaultyFeed, ISSUER, Routes, Server, WriteFault, issuer};
use crate::kit::{self, NOW, at, fault, secret};

fn server(routes: impl FnOnce(Routes) -> Routes) -> (Server, FaultyFeed) {
    let feed = FaultyFeed::new(at(NOW));
    let published = feed.clone();
    let server =
        Server::with_parts(issuer(), |own| own.with_revocation(published, &issuer()), routes);
    (server, feed)
}

async fn revoke(server: &Server, body: Value) -> u16 {
    server.post("/revoke", body).await.status()
}

#[tokio::test]
async fn a_revoked_access_token_is_refused_by_its_service_and_no_other_token_is() {
    let (server, feed) = server(|routes| routes);
    feed.create().await.unwrap();
    let revocations = kit::revocations(server.clock.clone());
    tokio::spawn(revocations.follow(feed.inner.clone()).run());
    let cart = server.service("cart").with_revocation(revocations);
    let mine = server.log_in("alice").await;
    let renewed = server.refresh(&mine.refresh).await.tokens();
    let turns = || async {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    };
    turns().await;
    for token in [&mine.access, &renewed.access] {
        assert_eq!(fault(&cart, token), None);
    }
    let body = json!({ "token": mine.access, "token_type_hint": "refresh_token" });
    let answer = server.post("/revoke", body).await;
    assert_eq!((answer.status(), answer.body.len()), (200, 0));
    turns().await;
    assert_eq!(fault(&cart, &mine.access), Some(TokenErrorKind::Revoked));
    assert_eq!(fault(&cart, &renewed.access), None, "of the same session");
    server.refresh(&renewed.refresh).await.tokens();
}

/// A client may revoke the same token many times. The feed must then keep only one message.
#[tokio::test]
async fn revoking_an_access_token_again_adds_nothing_to_the_feed() {
    let (server, feed) = server(|routes| routes);
    let token = server.log_in("alice").await.access;
    for _ in 0..20 {
        assert_eq!(revoke(&server, json!({ "token": token })).await, 200);
        server.wait(7);
    }
    assert_eq!(feed.inner.len(), 1);
    let mut messages = feed.messages();
    messages.dedup();
    let [message] = messages.as_slice() else { panic!("{messages:?}") };
    let message: Value = serde_json::from_str(message).unwrap();
    let members = ["revoke", "iss", "sub", "at", "until"].map(|name| message[name].clone());
    let expected = json!(["token", ISSUER, "alice", NOW, NOW + 600]);
    assert_eq!(Value::from(members.to_vec()), expected);
    // The revocation of an expired token is not published.
    server.wait(600);
    assert_eq!(revoke(&server, json!({ "token": token })).await, 200);
    assert_eq!(feed.messages().len(), 20);
}

#[tokio::test]
async fn tokens_of_other_issuers_count_as_revoked_and_publish_nothing() {
    let (server, feed) = server(|routes| routes);
    let own = server.log_in("alice").await.access;
    let sid = sid(&own);
    let clock = || server.clock.clone();
    let grant = Grant::new("alice").audience("cart");
    let sign = |issuer: TokenIssuer| issuer.with_clock(clock()).issue(&grant).unwrap();
    let master = tower_jwt_auth::Secret::generate().unwrap();
    let stranger = sign(TokenIssuer::derived(ISSUER, &master, ["cart"]));
    let other_name = TokenIssuer::new("https://other.example");
    let other_name = sign(other_name.audience("cart", secret().derive(ISSUER, "cart")));
    // A service can sign tokens with its own secret. If the revocations of such tokens were
    // published, this service could fill the memory of all services.
    let service = Signer::new(Key::hs256(secret().derive(ISSUER, "cart"))).token_type("at+jwt");
    let claims = |more: Value| {
        let mut claims = json!({
            "iss": ISSUER, "sub": "alice", "aud": "cart", "iat": NOW, "exp": NOW + 600, "jti": "j",
        });
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        service.sign(&claims).unwrap()
    };
    let tampered = own.replacen('.', ".A", 1);
    for token in [
        stranger.as_str(),
        other_name.as_str(),
        &tampered,
        &claims(json!({ "exp": NOW + 86_401 })),
        &claims(json!({ "exp": NOW - 6, "iat": NOW - 600 })),
        &claims(json!({ "iat": NOW + 60 })),
        &claims(json!({ "iat": null })),
        &claims(json!({ "jti": null })),
        &claims(json!({ "jti": "j".repeat(23) })),
        &claims(json!({ "sub": null })),
        &claims(json!({ "aud": "payment" })),
        &claims(json!({ "sid": "s".repeat(22) })),
        &claims(json!({ "sid": "s" })),
        &claims(json!({ "sid": sid, "sub": "bob" })),
        "a.b.c",
        ".",
    ] {
        assert_eq!(revoke(&server, json!({ "token": token })).await, 200, "{token}");
        assert_eq!(feed.messages(), [""; 0], "{token}");
    }
    let right = claims(json!({ "sid": sid }));
    assert_eq!(revoke(&server, json!({ "token": right })).await, 200);
    assert_eq!(feed.messages().len(), 1, "the rest of those claims is right");
}

#[tokio::test]
async fn a_token_without_a_session_is_left_to_the_application() {
    let (server, feed) = server(|routes| routes);
    let issuer = issuer().with_clock(server.clock.clone());
    let token = issuer.issue(&Grant::new("alice").audience("cart")).unwrap();
    let answer = server.post("/revoke", json!({ "token": token.as_str() })).await;
    answer.is_error(400, "unsupported_token_type");
    assert!(answer.description().contains("`Revocation::token`"));
    assert_eq!(feed.messages(), [""; 0]);
}

#[tokio::test]
async fn a_session_whose_tokens_are_revoked_again_and_again_ends() {
    let (server, feed) = server(|routes| routes);
    let bob = server.log_in("bob").await.refresh;
    let mut tokens = server.log_in("alice").await;
    for revoked in 1..=17 {
        assert_eq!(revoke(&server, json!({ "token": tokens.access })).await, 200);
        assert_eq!(feed.messages().len(), revoked);
        let next = server.refresh(&tokens.refresh).await;
        assert_eq!(next.status(), if revoked < 17 { 200 } else { 400 }, "{revoked}");
        if revoked < 17 {
            tokens = next.tokens();
        }
    }
    let last: Value = serde_json::from_str(feed.messages().last().unwrap()).unwrap();
    assert_eq!((&last["revoke"], &last["sid"]), (&json!("session"), &json!(sid(&tokens.access))));
    // The session has ended, so revoking its token again publishes no message.
    assert_eq!(revoke(&server, json!({ "token": tokens.access })).await, 200);
    assert_eq!(feed.messages().len(), 17);
    server.refresh(&bob).await.tokens();
}

/// A service with a shared secret can sign tokens for any session whose identifier it has received.
#[tokio::test]
async fn a_service_cannot_fill_the_feed_with_tokens_that_it_makes_up() {
    let (server, feed) = server(|routes| routes);
    let sid = sid(&server.log_in("alice").await.access);
    let service = Signer::new(Key::hs256(secret().derive(ISSUER, "cart"))).token_type("at+jwt");
    for token in 0..100 {
        let token = service.sign(&json!({
            "iss": ISSUER, "sub": "alice", "aud": "cart", "iat": NOW, "exp": NOW + 600 + token,
            "jti": "j", "sid": sid,
        }));
        assert_eq!(revoke(&server, json!({ "token": token.unwrap() })).await, 200);
    }
    assert_eq!(feed.messages().len(), 17);
}

#[tokio::test]
async fn a_token_of_an_ended_session_publishes_only_an_end_that_is_due() {
    let (server, feed) = server(|routes| routes);
    let tokens = server.log_in("alice").await;
    let log_out = json!({ "refresh_token": tokens.refresh });
    feed.is_down.store(true, Ordering::SeqCst);
    assert_eq!(server.post("/logout", log_out).await.status(), 503);
    assert_eq!(revoke(&server, json!({ "token": tokens.access })).await, 503);
    feed.is_down.store(false, Ordering::SeqCst);
    for _ in 0..5 {
        assert_eq!(revoke(&server, json!({ "token": tokens.access })).await, 200);
        server.wait(1);
    }
    let messages = feed.messages();
    let [message] = messages.as_slice() else { panic!("{messages:?}") };
    assert!(message.contains(r#""revoke":"session""#), "{message}");
}

/// Returns an access token's session.
fn sid(token: &str) -> String {
    let payload = crate::kit::unb64(token.split('.').nth(1).unwrap());
    let payload: Value = serde_json::from_slice(&payload).unwrap();
    payload["sid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_access_token_of_another_client_is_not_revoked() {
    let (server, feed) = server(|routes| routes);
    *server.state.client.lock().unwrap() = Some("web");
    let token = server.log_in("alice").await.access;
    let foreign = json!({ "token": token, "client_id": "backoffice" });
    server.post("/revoke", foreign).await.is_error(400, "invalid_client");
    assert_eq!(feed.messages(), [""; 0]);
    for body in [json!({ "token": token, "client_id": "web" }), json!({ "token": token })] {
        assert_eq!(revoke(&server, body).await, 200);
    }
    assert_eq!(feed.messages().len(), 2);
}

#[tokio::test]
async fn an_access_token_cannot_be_revoked_while_the_feed_is_down_or_without_one() {
    let (server, feed) = server(|routes| routes);
    let token = server.log_in("alice").await.access;
    feed.is_down.store(true, Ordering::SeqCst);
    let answer = server.post("/revoke", json!({ "token": token })).await;
    answer.is_error(503, "temporarily_unavailable");
    assert_eq!(answer.head.headers["retry-after"], "1");

    let server = Server::new();
    let token = server.log_in("alice").await.access;
    let answer = server.post("/revoke", json!({ "token": token })).await;
    answer.is_error(400, "unsupported_token_type");
}

#[tokio::test]
async fn a_token_of_a_rotated_key_is_revoked_while_services_accept_it() {
    let keys = tower_jwt_auth::KeyStore::from(Key::hs256(secret()).with_id("old").unwrap());
    let issuer = TokenIssuer::new(ISSUER).audience("cart", keys.clone());
    let feed = FaultyFeed::new(at(NOW));
    let published = feed.clone();
    let named = issuer.clone();
    let server = Server::with_parts(
        issuer,
        |own| own.with_revocation(published, &named),
        |routes: AuthRoutes<_, _>| routes,
    );
    let token = server.log_in("alice").await.access;
    keys.rotate(Key::hs256(tower_jwt_auth::Secret::generate().unwrap()).with_id("new").unwrap())
        .unwrap();
    assert_eq!(
        fault(
            &JwtAuth::new(keys.clone()).audience("cart").with_clock(server.clock.clone()),
            &token
        ),
        None
    );
    assert_eq!(revoke(&server, json!({ "token": token })).await, 200);
    assert_eq!(feed.messages().len(), 1);
    keys.retire_previous();
    assert_eq!(revoke(&server, json!({ "token": token })).await, 200);
    assert_eq!(feed.messages().len(), 1);
}

#[tokio::test]
async fn a_logout_whose_revocation_cannot_be_published_can_be_retried() {
    let (server, feed) = server(|routes| routes.cookies(cookies()));
    let token = value(&log_in(&server).await, REFRESH);
    let log_out = || server.send(with_cookie(Method::POST, "/logout", &token));
    feed.is_down.store(true, Ordering::SeqCst);
    for _ in 0..2 {
        let answer = log_out().await;
        let deleted = answer.cookies().len();
        assert_eq!((answer.status(), deleted), (503, 2), "the access tokens");
        server.clock.advance(Duration::from_secs(1));
    }
    feed.is_down.store(false, Ordering::SeqCst);
    let answer = log_out().await;
    assert_eq!((answer.status(), answer.cookies().len()), (204, 4));
    assert_eq!(feed.messages().len(), 1);
}

/// A logout must not report success while another request is still publishing that the session has
/// ended.
#[tokio::test(start_paused = true)]
async fn a_logout_that_another_request_publishes_succeeds_only_with_it() {
    for path in ["/logout", "/logout-everywhere", "/revoke"] {
        for is_published in [false, true] {
            let (server, feed) = server(|routes| routes);
            let token = server.log_in("alice").await.refresh;
            let body = json!({ "refresh_token": token, "token": token });
            feed.hangs.store(true, Ordering::SeqCst);
            let begun = async {
                let answer = server.post("/logout", body.clone()).await;
                // The feed never answers the attempt to publish this logout.
                assert_eq!(answer.status(), 503);
            };
            let seen = async {
                tokio::time::sleep(Duration::from_millis(100)).await;
                if is_published {
                    // The slow attempt times out.
                    server.wait(5);
                    feed.hangs.store(false, Ordering::SeqCst);
                }
                server.post(path, body.clone()).await.status()
            };
            let ((), status) = tokio::join!(begun, seen);
            let done = match path {
                "/logout" => 204,
                "/revoke" => 200,
                // The first logout has ended only this session. The user may have other sessions,
                // and the token of an ended session cannot end them, so `/logout-everywhere` fails.
                _ => 400,
            };
            assert_eq!(status, if is_published { done } else { 503 }, "{path}");
            assert_eq!(feed.messages().len(), usize::from(is_published), "{path}");
            feed.hangs.store(false, Ordering::SeqCst);
            server.wait(5);
            assert_eq!(server.post(path, body).await.status(), done, "{path}");
            assert_eq!(feed.messages().len(), 1, "{path}");
        }
    }
}

/// The client repeats the failed request until it succeeds. Then all sessions of the user have
/// ended, and all of the user's tokens are revoked.
#[tokio::test(start_paused = true)]
async fn a_logout_everywhere_that_failed_can_be_repeated_until_it_succeeds() {
    #[derive(Clone, Copy, Debug)]
    enum Broken {
        Feed(u64),
        Store(u64, WriteFault),
    }
    let feeds = (0..5).map(Broken::Feed);
    let stores =
        (0..7).flat_map(|n| [WriteFault::Before, WriteFault::After].map(|f| Broken::Store(n, f)));
    for broken in feeds.chain(stores) {
        for used_last in [false, true] {
            let (server, feed) = server(|routes| routes);
            let mut logins = Vec::new();
            for _ in 0..3 {
                logins.push(server.log_in("alice").await);
                server.wait(1);
            }
            let issuer = issuer().with_clock(server.clock.clone());
            let claims = Employee { company: "acme".into(), hobbies: Vec::new() };
            let grant = Grant::new("alice").audience("cart").claims(claims);
            let of_no_session = issuer.issue(&grant).unwrap();
            let bob = server.log_in("bob").await;
            server.wait(1);
            let own = &logins[if used_last { 2 } else { 0 }].refresh;
            let writes = server.state.writes.load(Ordering::SeqCst);
            match broken {
                Broken::Feed(messages) => feed.left.store(messages, Ordering::SeqCst),
                Broken::Store(more, fault) => {
                    *server.state.max_writes.lock().unwrap() = Some((writes + more, fault));
                }
            }
            let mut statuses = Vec::new();
            while statuses.last() != Some(&204) {
                let body = json!({ "refresh_token": own });
                statuses.push(server.post("/logout-everywhere", body).await.status());
                assert!([204, 503].contains(statuses.last().unwrap()), "{broken:?} {statuses:?}");
                assert!(statuses.len() < 12, "{broken:?} {statuses:?}");
                // Wait as long as `Retry-After` says.
                server.wait(1);
                if statuses.len() == 2 {
                    feed.left.store(u64::MAX, Ordering::SeqCst);
                    *server.state.max_writes.lock().unwrap() = None;
                }
            }
            *server.state.max_writes.lock().unwrap() = None;
            let revocations = kit::revocations(server.clock.clone());
            tokio::spawn(revocations.follow(feed.inner.clone()).run());
            tokio::time::sleep(Duration::from_millis(10)).await;
            let cart = server.service("cart").with_revocation(revocations);
            let revoked = Some(TokenErrorKind::Revoked);
            assert_eq!(fault(&cart, of_no_session.as_str()), revoked, "{broken:?}");
            for tokens in &logins {
                assert_eq!(fault(&cart, &tokens.access), revoked, "{broken:?} {statuses:?}");
                server.refresh(&tokens.refresh).await.is_error(400, "invalid_grant");
            }
            assert_eq!(fault(&cart, &bob.access), None);
            server.refresh(&bob.refresh).await.tokens();
        }
    }
}

#[tokio::test]
async fn logging_out_everywhere_with_a_token_that_was_logged_out_is_refused() {
    let (server, feed) = server(|routes| routes);
    let (phone, laptop) = (server.log_in("alice").await, server.log_in("alice").await);
    let body = |token: &str| json!({ "refresh_token": token });
    assert_eq!(server.post("/logout", body(&phone.refresh)).await.status(), 204);
    let answer = server.post("/logout-everywhere", body(&phone.refresh)).await;
    answer.is_error(400, "invalid_grant");
    server.refresh(&laptop.refresh).await.tokens();
    assert_eq!(feed.messages().len(), 1);
}

/// Sends 64 concurrent requests with one token.
#[tokio::test]
async fn logging_out_everywhere_many_times_at_once_adds_three_messages() {
    let (server, feed) = server(|routes| routes);
    let other = server.log_in("alice").await;
    let token = server.log_in("alice").await.refresh;
    let body = json!({ "refresh_token": token });
    let requests = (0..64).map(|_| server.post("/logout-everywhere", body.clone()));
    for answer in futures_util::future::join_all(requests).await {
        assert!([204, 400].contains(&answer.status()), "{answer:?}");
    }
    // Three messages: one for each of the user's two sessions, and one for the user's tokens that
    // belong to no session. A repeated message is stored only once.
    assert_eq!(feed.inner.len(), 3);
    server.refresh(&other.refresh).await.is_error(400, "invalid_grant");
}
