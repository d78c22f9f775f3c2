//! Tests of a service that trusts several issuers at once.

use serde_json::json;
use tower_jwt_auth::jwks::RemoteKeys;
use tower_jwt_auth::jwt::Signer;
use tower_jwt_auth::{Clock, Issuer, Key, Secret, SystemClock};

use crate::mock::Mock;
use crate::oidc_provider::{ALGORITHMS, OidcProvider};
use crate::process::free_port;
use crate::service::{Service, header};

const OURS: &str = "https://auth.shop.example";

#[tokio::test]
async fn issuers_do_not_share_keys_or_outages() {
    let provider = OidcProvider::start();
    let other = OidcProvider::start();
    let mock = Mock::start(&["ES256"]);
    let secret = Secret::generate().unwrap();
    let down = format!("http://127.0.0.1:{}", free_port());
    let service = Service::start([
        provider.trusted(),
        other.trusted(),
        mock.trusted(),
        Issuer::new(OURS, secret.clone()).audience("cart"),
        Issuer::new(&down, RemoteKeys::discover(&down).dangerous_allow_http()).audience("cart"),
    ])
    .await;
    let signer = Signer::new(Key::hs256(secret));
    let ours = |issuer: &str| {
        let exp = SystemClock.now().as_secs() + 600;
        let claims = json!({ "iss": issuer, "sub": "bob", "aud": "cart", "exp": exp });
        signer.sign(&claims).unwrap().as_str().to_owned()
    };

    for algorithm in ALGORITHMS {
        let token = provider.token(algorithm).await;
        service.accepts(&token, &provider.issuer, "cart-client").await;
        let token = other.token(algorithm).await;
        service.accepts(&token, &other.issuer, "cart-client").await;
    }
    let mocked = mock.token(&json!({}), &json!({})).await;
    service.accepts(&mocked, &mock.issuer, "alice").await;
    service.accepts(&ours(OURS), OURS, "bob").await;

    // The service must reject a token whose `iss` names an issuer other than the signer. At first,
    // the mock server signs such tokens. For each issuer, it signs two: one with the `kid` of a
    // provider's key, and one with the `kid` of the mock server's key. After that, the test's own
    // issuer signs such tokens.
    let theirs = header(&provider.token("ES256").await)["kid"].clone();
    for kid in [theirs, header(&mocked)["kid"].clone()] {
        for issuer in [&provider.issuer, &other.issuer, OURS] {
            let token = mock.token(&json!({ "kid": kid }), &json!({ "iss": issuer })).await;
            service.rejects(&token, 401, "").await;
        }
    }
    for issuer in [&provider.issuer, &other.issuer, &mock.issuer] {
        service.rejects(&ours(issuer), 401, "").await;
    }
    let unknown = mock.token(&json!({}), &json!({ "iss": "https://auth.example" })).await;
    service.rejects(&unknown, 401, "iss").await;

    // The service cannot know whether a token of the unreachable issuer is valid.
    let unavailable = mock.token(&json!({}), &json!({ "iss": down })).await;
    assert!(service.rejects(&unavailable, 503, "").await.retry_after.is_some());
    service.accepts(&mocked, &mock.issuer, "alice").await;
}
