//! Tests of requests while `oidc-provider` is down.

use std::time::{Duration, Instant};

use crate::oidc_provider::OidcProvider;
use crate::process::temporary_file;
use crate::service::Service;

#[tokio::test]
async fn an_outage_stops_only_a_service_that_has_no_keys_yet() {
    let keys = temporary_file();
    let mut provider = OidcProvider::with([("KEYS", keys.display().to_string())]);
    let issuer = provider.issuer.clone();
    let running = Service::start([provider.trusted()]).await;
    let token = provider.token("ES256").await;
    running.accepts(&token, &issuer, "cart-client").await;

    provider.stop();
    running.accepts(&token, &issuer, "cart-client").await;
    let restarted = Service::start([provider.trusted()]).await;
    for _ in 0..3 {
        let answer = restarted.rejects(&token, 503, "").await;
        let retry_after = answer.retry_after.expect("the answer has `Retry-After`");
        assert!((1..=30).contains(&retry_after), "{retry_after}");
        assert!(answer.took < Duration::from_secs(4), "{:?}", answer.took);
        running.accepts(&token, &issuer, "cart-client").await;
    }

    provider.restart();
    let since = Instant::now();
    while restarted.get(&token).await.status == 503 {
        assert!(since.elapsed() < Duration::from_secs(40), "the service does not recover");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    restarted.accepts(&token, &issuer, "cart-client").await;
    std::fs::remove_file(keys).unwrap();
}
