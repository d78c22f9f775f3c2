//! Tests of all presets.

use serde_json::json;
use tower_jwt_auth::JwtAuth;
use tower_jwt_auth::jwks::{FetchedKeys, KeySource, KeySourceError, RemoteKeys};
use tower_jwt_auth::jwt::TokenErrorKind;

use super::*;

fn providers() -> [Provider; 13] {
    [
        keycloak::provider(),
        auth0::provider(),
        entra::provider(),
        cognito::provider(),
        okta::provider(),
        google::provider(),
        firebase::provider(),
        supabase::provider(),
        zitadel::provider(),
        clerk::provider(),
        workos::provider(),
        github_actions::provider(),
        kubernetes::provider(),
    ]
}

#[test]
fn all_providers_fit_into_one_layer_and_none_can_sign_for_another() {
    let providers = providers();
    let auth: JwtAuth = JwtAuth::issuers(providers.iter().map(Provider::issuer));
    let auth = auth.with_clock(kit::at(NOW));
    for provider in &providers {
        let name = &provider.claims["iss"];
        assert_eq!(provider.fault_with(&auth, &json!({})), None, "{name}");
        for other in providers.iter().map(|other| &other.claims["iss"]).filter(|iss| *iss != name) {
            let fault = provider.fault_with(&auth, &json!({ "iss": other }));
            let expected = [TokenErrorKind::UnknownKeyId, TokenErrorKind::WrongAlgorithm];
            assert!(fault.is_some_and(|fault| expected.contains(&fault)), "{other}: {fault:?}");
        }
    }
}

/// The key set that a provider publishes.
struct Published(String);

impl KeySource for Published {
    async fn fetch(&self) -> Result<FetchedKeys, KeySourceError> {
        Ok(FetchedKeys::new(self.0.clone()))
    }
}

#[tokio::test]
async fn key_sets_of_the_documented_form_can_be_fetched() {
    for provider in providers() {
        let keys = RemoteKeys::new(Published(provider.key_set().to_string()));
        keys.ready().await.unwrap();
        let health = keys.health();
        assert_eq!((health.keys, health.skipped), (1, 2), "{}", provider.claims["iss"]);
        let issuer = (provider.preset)().with_keys(keys);
        let auth = JwtAuth::from(issuer).with_clock(kit::at(NOW));
        assert_eq!(provider.fault_with(&auth, &json!({})), None, "{}", provider.claims["iss"]);
    }
}
