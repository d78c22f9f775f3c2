//! Tests that a service accepts tokens of `oidc-provider`.

use serde_json::json;

use crate::oidc_provider::{ALGORITHMS, OidcProvider};
use crate::service::{Service, header};

#[tokio::test]
async fn every_algorithm_is_accepted() {
    let provider = OidcProvider::start();
    let service = Service::start([provider.trusted()]).await;
    for algorithm in ALGORITHMS {
        let token = provider.token(algorithm).await;
        assert_eq!(header(&token)["alg"], algorithm);
        let answer = service.accepts(&token, &provider.issuer, "cart-client").await;
        assert_eq!(answer["roles"], json!(["admin"]));
        assert_eq!(answer["scopes"], json!(["cart:read"]));
    }
}

#[tokio::test]
async fn one_document_is_enough_for_an_issuer_with_a_path() {
    for document in ["openid", "rfc8414"] {
        let settings = [("MOUNT", "/realms/shop".to_owned()), ("DOCUMENT", document.to_owned())];
        let provider = OidcProvider::with(settings);
        assert!(provider.issuer.ends_with("/realms/shop"));
        let service = Service::start([provider.trusted()]).await;
        let token = provider.token("ES384").await;
        service.accepts(&token, &provider.issuer, "cart-client").await;
    }
}

#[tokio::test]
async fn many_first_requests_share_one_fetch_and_are_all_accepted() {
    let provider = OidcProvider::start();
    let service = Service::start([provider.trusted()]).await;
    let token = provider.token("EdDSA").await;
    let answers = (0..50).map(|_| service.accepts(&token, &provider.issuer, "cart-client"));
    futures_util::future::join_all(answers).await;
}
