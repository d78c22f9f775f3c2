//! The events of key sources.

use std::time::Duration;

use super::provider::{Answer, Provider};
use super::time::{Frozen, until};
use super::{pair, set};
use crate::rejection::logs::Log;

const HOUR: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn each_event_is_logged_with_its_level() {
    let time = Frozen::new();
    // While only one subscriber exists, the first thread that logs an event decides whether
    // `tracing` enables the event in all threads. The thread of another test has no subscriber, so
    // it would disable the event for this test, too. If two subscribers exist, `tracing` asks both
    // of them instead.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let log = Log::default();
    let _listening = log.listen();
    let key = pair("a");
    let provider = Provider::start(Answer::json(&set(&[&key]))).await;
    let keys = provider.keys();
    let new = |level: &str, event: &str| {
        let text = log.text();
        let lines = text.lines().filter(|line| line.contains("tower_jwt_auth"));
        lines.filter(|line| line.contains(level) && line.contains(event)).count()
    };
    keys.ready().await.unwrap();
    until(|| new("INFO", "keys fetched") == 1).await;
    time.pass(HOUR).await;
    until(|| new("DEBUG", "keys fetched") == 1).await;

    let hostile = "\u{1b}[31m\nINFO forged line";
    provider.answer(Answer::json(&format!(r#"{{"keys":[{{"kty":{hostile:?}}}]}}"#)));
    time.pass(HOUR).await;
    until(|| new("WARN", "keys could not be fetched") == 1 && keys.health().failures == 1).await;
    time.pass(11 * HOUR).await;
    until(|| new("WARN", "half as old") == 1 && keys.health().failures == 2).await;
    time.pass(12 * HOUR).await;
    // When the keys become too old, another fetch starts. This fetch must fail before the test
    // chooses the next response.
    until(|| new("ERROR", "keys are too old") == 1 && keys.health().failures == 1).await;

    provider.answer(Answer::json(&set(&[&key])));
    time.pass(Duration::from_secs(60)).await;
    until(|| new("INFO", "keys fetched") == 2).await;
    let text = log.text();
    let ours: Vec<_> = text.lines().filter(|line| line.contains("tower_jwt_auth")).collect();
    assert!(ours.iter().all(|line| line.contains(&format!("source={}", provider.url("/keys")))));
    assert!(!text.contains('\u{1b}') && !text.lines().any(|line| line.starts_with("INFO")));
}
