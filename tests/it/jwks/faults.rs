//! Tests of each fault of a key source, before and after the first set is loaded.

use std::time::Duration;

use serde_json::json;
use tower_jwt_auth::jwks::{KeySourceErrorKind, RemoteKeys};
use tower_jwt_auth::{AuthErrorKind, Key, UnixTime};

use super::provider::{Answer, Provider, response};
use super::time::{Frozen, until};
use super::{ISSUER, accepts, auth, jwk, pair, set, token};
use crate::kit::{self, NOW};

const LIMIT: usize = 256 * 1024;
const TIMEOUT: Duration = Duration::from_secs(5);
/// A time that is longer than the lifetime of a key set without `max-age`.
const AN_HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// A faulty response, and the error that the client reports. `times_out` is true if the client must
/// wait for its time limit to notice the fault.
struct Fault {
    name: &'static str,
    answer: Answer,
    kind: KeySourceErrorKind,
    times_out: bool,
}

fn fault(name: &'static str, answer: Answer, kind: KeySourceErrorKind) -> Fault {
    Fault { name, answer, kind, times_out: kind == KeySourceErrorKind::TimedOut }
}

/// Returns faulty responses, whose keys must not be used. Some of the responses contain `good`,
/// which is a valid set.
fn faults(good: &str) -> Vec<Fault> {
    use KeySourceErrorKind::{NoUsableKey, Status, TimedOut, TooLarge, Unreachable, Unreadable};
    let ok = |headers: &str, body: &str| Answer::with_headers(headers, body.as_bytes());
    let padded = |length: usize| padded(good, length);
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let chunk = [&b"1000\r\n"[..], &[b' '; 0x1000], b"\r\n"].concat();
    let slow_head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"keys\":[".to_vec();
    let truncated = {
        let mut bytes = response("200 OK", "", good.as_bytes());
        bytes.pop();
        bytes
    };
    let elsewhere = "302 Found\r\nlocation: /other";
    let encryption_key = json!({ "kty": "RSA", "use": "enc", "n": "AQAB", "e": "AQAB" });
    let secret = json!({ "kty": "oct", "alg": "HS256", "k": kit::b64(kit::key_bytes()) });
    vec![
        fault("hanging before the head", Answer::Stall(vec![]), TimedOut),
        fault("hanging within the head", Answer::Stall(b"HTTP/1.1 200".to_vec()), TimedOut),
        fault("slow, hanging within the body", Answer::Stall(slow_head), TimedOut),
        fault("10 MiB", ok("", &padded(10 << 20)), TooLarge),
        fault("one byte too many", ok("", &padded(LIMIT + 1)), TooLarge),
        fault("endless body", Answer::Endless(chunked, chunk), TooLarge),
        fault(
            "endless head",
            Answer::Endless(b"HTTP/1.1 200 OK\r\n".to_vec(), b"a: b\r\n".to_vec()),
            Unreachable,
        ),
        fault("gzip", ok("content-encoding: gzip\r\n", "\u{1f}\u{8b}"), Unreadable),
        fault("said to be gzip", ok("content-encoding: gzip\r\n", good), Unreadable),
        fault("redirect", Answer::Bytes(response(elsewhere, "", good.as_bytes())), Status(302)),
        fault("not found", Answer::Bytes(response("404 None", "", good.as_bytes())), Status(404)),
        fault("throttled", Answer::status("429 Later"), Status(429)),
        fault("broken", Answer::status("500 Broken"), Status(500)),
        fault("no content", Answer::Bytes(b"HTTP/1.1 204 None\r\n\r\n".to_vec()), Status(204)),
        fault("HTML", ok("content-type: text/html\r\n", "<!doctype html><p>Log in"), Unreadable),
        fault("no body", ok("", ""), Unreadable),
        fault("not an object", ok("", &format!("[{good}]")), Unreadable),
        fault("two objects", ok("", &format!("{good}{good}")), Unreadable),
        fault("no keys member", ok("", "{}"), Unreadable),
        fault("not UTF-8", Answer::with_headers("", b"{\"keys\":[],\"\xFF\":1}"), Unreadable),
        fault("empty set", ok("", r#"{"keys":[]}"#), NoUsableKey),
        fault(
            "only an encryption key",
            ok("", &json!({ "keys": [encryption_key] }).to_string()),
            NoUsableKey,
        ),
        fault("only a secret", ok("", &json!({ "keys": [secret] }).to_string()), NoUsableKey),
        fault("broken off", Answer::Bytes(truncated), Unreachable),
        fault("closed without an answer", Answer::Bytes(vec![]), Unreachable),
        fault("not HTTP", Answer::Bytes(b"SSH-2.0-OpenSSH_9.9\r\n".to_vec()), Unreachable),
    ]
}

/// Appends spaces, which JSON allows.
fn padded(json: &str, length: usize) -> String {
    json.to_owned() + &" ".repeat(length - json.len())
}

/// If the fault makes a fetch hang, advances the time until the fetch times out. Then waits until
/// the number of consecutive failed fetches is `count`. Checks the number of requests that the
/// provider has received, and the error of the last fetch.
async fn failed(
    time: &Frozen,
    keys: &RemoteKeys,
    provider: &Provider,
    fault: &Fault,
    [count, requests]: [usize; 2],
) {
    if fault.times_out {
        until(|| keys.health().is_fetching && provider.requests() == requests).await;
        time.pass(TIMEOUT).await;
    }
    until(|| keys.health().failures as usize == count).await;
    assert_eq!(provider.requests(), requests, "{}", fault.name);
    let error = keys.health().last_error.unwrap();
    assert_eq!(error.kind(), fault.kind, "{}: {error:?}", fault.name);
}

#[tokio::test]
async fn a_fault_at_the_start_is_answered_503_until_the_source_recovers() {
    let time = Frozen::new();
    let key = pair("a");
    for fault in faults(&set(&[&key])) {
        let provider = Provider::start(fault.answer.clone()).await;
        let keys = provider.keys();
        let auth = auth(&keys);
        // `verify` starts the task that fetches the keys, and does not wait for the task.
        let error = auth.verify(&token(&key)).unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::KeysUnavailable, "{}", fault.name);
        failed(&time, &keys, &provider, &fault, [1, 1]).await;
        assert_eq!((keys.health().keys, keys.health().age), (0, None), "{}", fault.name);
        assert!(!provider.paths().contains(&"/other".to_owned()), "a redirect is not followed");

        provider.answer(Answer::json(&set(&[&key])));
        time.pass(Duration::from_secs(1)).await;
        until(|| keys.health().keys == 1).await;
        assert!(auth.verify(&token(&key)).is_ok(), "{}", fault.name);
    }
}

#[tokio::test]
async fn a_fault_later_keeps_the_last_good_keys_for_24_hours() {
    let time = Frozen::new();
    let key = pair("a");
    for fault in faults(&set(&[&key])) {
        let provider = Provider::start(Answer::json(&set(&[&key]))).await;
        let keys = provider.keys();
        keys.ready().await.unwrap();
        provider.answer(fault.answer.clone());
        time.pass(AN_HOUR).await;
        failed(&time, &keys, &provider, &fault, [1, 2]).await;
        assert!(accepts(&keys, &key), "{}", fault.name);

        time.pass(DAY - keys.health().age.unwrap() - 2 * TIMEOUT).await;
        failed(&time, &keys, &provider, &fault, [2, 3]).await;
        assert!(accepts(&keys, &key), "{}", fault.name);
        time.pass(2 * TIMEOUT).await;
        until(|| keys.health().age.is_none()).await;
        let error = auth(&keys).verify(&token(&key)).unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::KeysUnavailable, "{}", fault.name);
    }
}

#[tokio::test]
async fn an_oversized_or_hanging_answer_is_cut_off() {
    let time = Frozen::new();
    let cut_off = |name: &str| ["10 MiB", "endless body", "endless head"].contains(&name);
    for fault in faults("{}").into_iter().filter(|fault| fault.times_out || cut_off(fault.name)) {
        let provider = Provider::start(fault.answer.clone()).await;
        let keys = provider.keys();
        drop(auth(&keys).verify("a.b.c"));
        drop(auth(&keys).verify(&token(&pair("a"))));
        failed(&time, &keys, &provider, &fault, [1, 1]).await;
        provider.closed().await;
    }
}

#[tokio::test]
async fn a_source_that_is_down_at_the_start_is_found_when_it_comes_up() {
    let time = Frozen::new();
    let key = pair("a");
    let provider = Provider::start(Answer::json("{}")).await;
    let (addr, keys) = (provider.addr, provider.keys());
    provider.stop().await;
    drop(auth(&keys).verify(&token(&key)));
    for failures in 1..6 {
        until(|| keys.health().failures >= failures).await;
        let error = keys.health().last_error.unwrap();
        assert_eq!(error.kind(), KeySourceErrorKind::Unreachable);
        assert!(format!("{error:?}").contains("refused"), "{error:?}");
        if failures < 5 {
            time.pass(keys.health().next_fetch).await;
        }
    }
    let provider = Provider::at(addr, Answer::json(&set(&[&key]))).await;
    time.pass(keys.health().next_fetch).await;
    until(|| keys.health().keys == 1).await;
    assert!(accepts(&keys, &key));
    drop(provider);
}

#[tokio::test]
async fn a_source_that_goes_down_later_is_found_again() {
    let time = Frozen::new();
    let [old, new] = [pair("old"), pair("new")];
    let provider = Provider::start(Answer::json(&set(&[&old]))).await;
    let (addr, keys) = (provider.addr, provider.keys());
    keys.ready().await.unwrap();
    provider.stop().await;
    for failures in 1..4 {
        time.pass(keys.health().next_fetch).await;
        until(|| keys.health().failures >= failures).await;
        assert!(accepts(&keys, &old));
    }
    // The response to a token with an unknown key is 503 and not 401. While the issuer is down, the
    // server cannot find out whether the issuer has added this key.
    let error = auth(&keys).verify(&token(&new)).unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::KeysUnavailable);
    let provider = Provider::at(addr, Answer::json(&set(&[&new]))).await;
    time.pass(keys.health().next_fetch).await;
    until(|| keys.health().failures == 0).await;
    assert!(accepts(&keys, &new) && !accepts(&keys, &old), "the old key was withdrawn");
    drop(provider);
}

#[tokio::test]
async fn a_slow_answer_in_time_is_used() {
    let _time = Frozen::new();
    let key = pair("a");
    let slow = Answer::Slow(response("200 OK", "", set(&[&key]).as_bytes()));
    let provider = Provider::start(slow).await;
    let keys = provider.keys();
    keys.ready().await.unwrap();
    assert!(accepts(&keys, &key));
}

#[tokio::test]
async fn an_answer_of_256_kib_is_read_and_its_request_asks_for_nothing_else() {
    let _time = Frozen::new();
    let key = pair("a");
    let full = padded(&set(&[&key]), LIMIT);
    let provider = Provider::start(Answer::json(&full)).await;
    let keys = provider.keys();
    keys.ready().await.unwrap();
    assert!(accepts(&keys, &key));
    let head = provider.last_head().to_lowercase();
    assert!(head.starts_with("get /keys http/1.1\r\n"), "{head}");
    assert!(head.contains("\r\naccept: application/jwk-set+json, application/json\r\n"), "{head}");
    for absent in ["accept-encoding", "cookie", "authorization", "referer"] {
        assert!(!head.contains(absent), "{head}");
    }
}

#[tokio::test]
async fn a_bad_key_is_skipped_and_listed_and_the_good_ones_are_used() {
    let time = Frozen::new();
    let [a, b] = [pair("a"), pair("b")];
    let mut weak = jwk(&pair("weak"));
    weak["x"] = "AAAA".into();
    let jwks = [jwk(&a), weak, json!("no key"), json!({ "kty": "oct", "k": "AAAA" }), jwk(&b)];
    let provider = Provider::start(Answer::json(&json!({ "keys": jwks }).to_string())).await;
    let keys = provider.keys();
    keys.ready().await.unwrap();
    let health = keys.health();
    assert_eq!((health.keys, health.skipped, health.skip_reasons.len()), (2, 3, 3));
    assert!(health.skip_reasons[0].contains(r#"key 2 ("weak")"#), "{:?}", health.skip_reasons);
    assert!(accepts(&keys, &a) && accepts(&keys, &b));
    // The next set has the same usable keys, and no bad ones.
    provider.answer(Answer::json(&set(&[&a, &b])));
    time.pass(Duration::from_secs(3_600)).await;
    until(|| provider.requests() == 2 && !keys.health().is_fetching).await;
    let health = keys.health();
    assert_eq!((health.keys, health.skipped, health.skip_reasons.len()), (2, 0, 0));
}

#[tokio::test]
async fn two_keys_with_one_kid_are_both_used() {
    let _time = Frozen::new();
    let [first, second] = [pair("same"), pair("same")];
    let provider = Provider::start(Answer::json(&set(&[&first, &second]))).await;
    let keys = provider.keys();
    keys.ready().await.unwrap();
    assert!(accepts(&keys, &first) && accepts(&keys, &second));
    let other = auth(&keys).verify(&token(&pair("same"))).unwrap_err();
    assert_eq!(other.kind(), AuthErrorKind::InvalidToken);
}

#[tokio::test]
async fn a_withdrawn_key_is_gone_with_the_next_fetch() {
    let time = Frozen::new();
    let [a, b] = [pair("a"), pair("b")];
    let provider = Provider::start(Answer::json(&set(&[&a, &b]))).await;
    let keys = provider.keys();
    keys.ready().await.unwrap();
    assert!(accepts(&keys, &a) && accepts(&keys, &b));
    provider.answer(Answer::json(&set(&[&b])));
    time.pass(AN_HOUR).await;
    until(|| keys.health().keys == 1).await;
    assert!(!accepts(&keys, &a) && accepts(&keys, &b));
}

#[tokio::test]
async fn max_age_decides_about_the_next_fetch() {
    let time = Frozen::new();
    let key = pair("a");
    for (headers, seconds) in [
        ("", 2_880),
        ("cache-control: max-age=600\r\n", 480),
        ("cache-control: public, max-age=1200\r\nage: 600\r\n", 480),
        ("cache-control: no-store\r\n", 240),
        ("cache-control: max-age=31536000\r\n", 69_120),
    ] {
        let body = set(&[&key]);
        let provider = Provider::start(Answer::with_headers(headers, body.as_bytes())).await;
        let keys = provider.keys();
        keys.ready().await.unwrap();
        let next = keys.health().next_fetch;
        let latest = Duration::from_secs(seconds);
        assert!(next <= latest && next >= latest * 9 / 10, "{headers}: {next:?}");
        time.pass(next).await;
        until(|| provider.requests() == 2 && !keys.health().is_fetching).await;
    }
}

#[tokio::test]
async fn the_clock_of_the_layer_does_not_change_the_age_of_keys() {
    let time = Frozen::new();
    let key = pair("a");
    let provider = Provider::start(Answer::json(&set(&[&key]))).await;
    let keys = provider.keys();
    let clock = kit::at(NOW);
    let issuer = tower_jwt_auth::Issuer::new(ISSUER, keys.clone()).audience("cart");
    let auth = tower_jwt_auth::JwtAuth::from(issuer).with_clock(clock.clone());
    keys.ready().await.unwrap();
    for jump in [UnixTime::MIN, UnixTime::MAX, UnixTime::from_secs(NOW + 10 * 365 * 24 * 3_600)] {
        clock.set(jump);
        drop(auth.verify(&token(&key)));
        time.pass(Duration::from_secs(1)).await;
        clock.set(UnixTime::from_secs(NOW));
        assert!(auth.verify(&token(&key)).is_ok());
    }
    assert_eq!((provider.requests(), keys.health().age.unwrap().as_secs()), (1, 3));
}

#[tokio::test]
async fn the_connection_of_a_hanging_fetch_closes_with_the_last_handle() {
    let _time = Frozen::new();
    let provider = Provider::start(Answer::Stall(vec![])).await;
    let keys = provider.keys();
    let layer = auth(&keys);
    drop(layer.verify(&token(&pair("a"))));
    until(|| provider.requests() == 1).await;
    drop(keys);
    drop(layer);
    provider.closed().await;
}

#[tokio::test]
async fn plain_http_goes_to_a_loopback_address_whatever_the_name_is() {
    let _time = Frozen::new();
    let key: Key = pair("a");
    let provider = Provider::start(Answer::json(&set(&[&key]))).await;
    let url = format!("http://localhost:{}/keys", provider.addr.port());
    let keys = RemoteKeys::jwks(url).dangerous_allow_http();
    keys.ready().await.unwrap();
    assert!(accepts(&keys, &key));
}
