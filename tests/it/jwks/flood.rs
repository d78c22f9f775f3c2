//! 100,000 tokens with random key identifiers within 10 seconds.

use std::time::Duration;

use http::StatusCode;
use serde_json::json;
use tower_jwt_auth::Key;

use super::provider::{Answer, Provider};
use super::time::{Frozen, until};
use super::{ISSUER, auth, pair, set, token};
use crate::kit::{self, NOW};

const TOKENS: usize = 100_000;

/// Returns the end of a forged token: the claims and the signature, which are the same in all
/// forged tokens. The bytes of the signature are arbitrary.
fn forged_end() -> String {
    let claims = json!({ "iss": ISSUER, "aud": "cart", "exp": NOW + 600 }).to_string();
    format!(".{}.{}", kit::b64(claims), kit::b64([7; 64]))
}

/// Sends all tokens within 10 seconds. Returns the number of fetches, of 401 responses and of 503
/// responses.
async fn flood(provider: &Provider, time: &Frozen, known: Option<&Key>, warm: bool) -> [usize; 3] {
    let keys = provider.keys();
    let auth = auth(&keys);
    if warm {
        keys.ready().await.unwrap();
        // Wait until the cooldown after the first fetch is over, so that a forged token can cause
        // another fetch.
        time.pass(Duration::from_secs(30)).await;
        provider.answer(Answer::json(r#"{"keys":[]}"#));
        if let Some(known) = known {
            provider.answer(Answer::json(&set(&[known])));
        }
    }
    let good = known.map(token);
    let end = forged_end();
    let (mut rejected, mut unavailable) = (0, 0);
    for kid in 0..TOKENS {
        let header = kit::b64(format!(r#"{{"alg":"EdDSA","kid":"stranger {kid}"}}"#));
        let status = auth.verify(&(header + &end)).unwrap_err().status();
        match status {
            StatusCode::UNAUTHORIZED => rejected += 1,
            StatusCode::SERVICE_UNAVAILABLE => unavailable += 1,
            other => panic!("{other}"),
        }
        if kid % 100 == 99 {
            time.pass(Duration::from_millis(10)).await;
            until(|| !keys.health().is_fetching).await;
            if let Some(good) = &good {
                assert!(auth.verify(good).is_ok(), "a known key is never evicted");
            }
        }
    }
    [provider.requests(), rejected, unavailable]
}

#[tokio::test]
async fn strangers_cause_one_fetch_within_30_seconds() {
    let time = Frozen::new();
    let key = pair("a");
    let provider = Provider::start(Answer::json(&set(&[&key]))).await;
    let [fetches, rejected, _] = flood(&provider, &time, Some(&key), true).await;
    assert_eq!(fetches, 2);
    assert!(rejected >= TOKENS - 200, "{rejected}");
}

#[tokio::test]
async fn strangers_cause_one_fetch_within_30_seconds_while_the_source_has_an_empty_set() {
    let time = Frozen::new();
    let key = pair("a");
    let provider = Provider::start(Answer::json(&set(&[&key]))).await;
    let [fetches, rejected, unavailable] = flood(&provider, &time, None, true).await;
    assert_eq!((fetches, rejected, unavailable), (2, 0, TOKENS));
}

#[tokio::test]
async fn strangers_do_not_change_the_backoff_of_a_source_that_never_had_keys() {
    let time = Frozen::new();
    let provider = Provider::start(Answer::json(r#"{"keys":[]}"#)).await;
    let [fetches, rejected, unavailable] = flood(&provider, &time, None, false).await;
    // The fetches start after 0, 0.25, 0.75, 1.75, 3.75 and 7.75 seconds, or up to 10% later.
    assert_eq!((fetches, rejected, unavailable), (6, 0, TOKENS));
}

/// For five minutes, a token whose key was missing in the last fetched set causes no fetch. If the
/// set changes in the meantime, the key may have been added, too.
#[tokio::test]
async fn a_missing_key_is_fetched_again_after_the_set_has_changed() {
    let time = Frozen::new();
    let [known, missing, new] = ["known", "missing", "new"].map(pair);
    let provider = Provider::start(Answer::json(&set(&[&known]))).await;
    let keys = provider.keys();
    keys.ready().await.unwrap();
    let auth = auth(&keys);
    let fetches_after = async |key: &Key| {
        time.pass(Duration::from_secs(30)).await;
        let _ = auth.verify(&token(key));
        // The task starts the fetch.
        time.pass(Duration::from_millis(10)).await;
        until(|| !keys.health().is_fetching).await;
        provider.requests()
    };
    assert_eq!(fetches_after(&missing).await, 2);
    assert_eq!(fetches_after(&missing).await, 2);
    provider.answer(Answer::json(&set(&[&known, &new])));
    assert_eq!(fetches_after(&new).await, 3);
    assert_eq!(fetches_after(&missing).await, 4);
    assert_eq!(fetches_after(&missing).await, 4);
}
