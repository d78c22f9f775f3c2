//! Tests that a service rejects forged tokens, and tokens of `oidc-provider` that are not for this
//! service.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;
use tower_jwt_auth::Issuer;

use crate::oidc_provider::{ALGORITHMS, OidcProvider};
use crate::service::{Service, claims, header, replaced};

#[tokio::test]
async fn a_token_for_another_audience_or_of_another_issuer_is_rejected() {
    let provider = OidcProvider::start();
    let stranger = OidcProvider::start();
    let service = Service::start([provider.trusted()]).await;
    for algorithm in ALGORITHMS {
        let token = provider.token_for(algorithm, "mail").await;
        service.rejects(&token, 401, "aud").await;
        // The stranger's key has an identifier that the service does not know.
        let token = stranger.token(algorithm).await;
        service.rejects(&token, 401, "key").await;
    }
}

#[tokio::test]
async fn a_changed_token_is_rejected() {
    let provider = OidcProvider::start();
    let service = Service::start([provider.trusted()]).await;
    for algorithm in ALGORITHMS {
        let token = provider.token(algorithm).await;
        let mut admin = claims(&token);
        admin["sub"] = json!("alice");
        service.rejects(&replaced(&token, 1, &admin), 401, "signature").await;
        // Change the first character, since the last character of a signature has unused bits.
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let first = if signature.starts_with('A') { "B" } else { "A" };
        let changed = format!("{signed}.{first}{}", &signature[1..]);
        service.rejects(&changed, 401, "signature").await;
        service.rejects(&format!("{signed}."), 401, "").await;
        let unsigned = replaced(&token, 0, &json!({ "alg": "none", "typ": "at+jwt" }));
        service.rejects(&unsigned, 401, "alg").await;
        service.accepts(&token, &provider.issuer, "cart-client").await;
    }
}

#[tokio::test]
async fn a_public_key_is_not_a_shared_secret() {
    let provider = OidcProvider::start();
    let service = Service::start([provider.trusted()]).await;
    let token = provider.token("RS256").await;
    for key in provider.published().await {
        let header = json!({ "alg": "HS256", "typ": "at+jwt", "kid": key["kid"] });
        let token = replaced(&token, 0, &header);
        let (signed, _) = token.rsplit_once('.').unwrap();
        for secret in [key.to_string(), key["x"].to_string(), key["n"].to_string()] {
            let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
            mac.update(signed.as_bytes());
            let signature = BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
            service.rejects(&format!("{signed}.{signature}"), 401, "alg").await;
        }
    }
}

#[tokio::test]
async fn an_id_token_is_not_an_access_token() {
    let provider = OidcProvider::start();
    let service = Service::start([provider.trusted()]).await;
    let login = provider.log_in().await;
    service.accepts(&login.access_token, &provider.issuer, "alice").await;
    // In this test, the client and the service have the same name. The `aud` of an ID token is the
    // client, so this ID token has the same `aud` as an access token.
    assert_eq!(claims(&login.id_token)["aud"], "cart");
    assert_ne!(header(&login.id_token)["typ"], "at+jwt");
    service.rejects(&login.id_token, 401, "typ").await;

    let other = Issuer::new(&provider.issuer, provider.keys()).audience("https://cart.example");
    let service = Service::start([other]).await;
    service.rejects(&login.id_token, 401, "aud").await;
}
