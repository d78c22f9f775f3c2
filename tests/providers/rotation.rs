//! Tests of requests after `oidc-provider` has changed its keys.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::oidc_provider::{ALGORITHMS, OidcProvider};
use crate::service::Service;

#[tokio::test]
async fn after_a_rotation_new_tokens_are_accepted_and_old_tokens_are_rejected() {
    let mut provider = OidcProvider::start();
    let issuer = provider.issuer.clone();
    let service = Service::start([provider.trusted()]).await;
    let old = provider.token("ES256").await;
    service.accepts(&old, &issuer, "cart-client").await;
    let loaded = Instant::now();

    provider.restart();
    let new = provider.token("ES256").await;
    // The keys were fetched a moment ago, so a token with an unknown key does not cause another
    // fetch yet.
    service.rejects(&new, 401, "key").await;
    service.accepts(&old, &issuer, "cart-client").await;

    sleep_until(loaded + Duration::from_secs(31)).await;
    // The request waits for the fetch that it starts.
    service.accepts(&new, &issuer, "cart-client").await;
    service.rejects(&old, 401, "key").await;
    for algorithm in ALGORITHMS {
        let token = provider.token(algorithm).await;
        service.accepts(&token, &issuer, "cart-client").await;
    }
}
