//! Tests of one layer that trusts all providers.

use serde_json::json;
use tower_jwt_auth::JwtAuth;
use tower_jwt_auth::jwt::TokenErrorKind;

use super::*;

#[test]
fn all_providers_fit_into_one_layer_and_none_can_speak_for_another() {
    let providers = [
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
    ];
    let auth: JwtAuth = JwtAuth::issuers(providers.iter().map(Provider::issuer));
    let auth = auth.with_clock(kit::at(NOW));
    for provider in &providers {
        assert_eq!(provider.fault_with(&auth, &json!({})), None, "{}", provider.claims["iss"]);
        for other in providers.iter().filter(|other| other.claims["iss"] != provider.claims["iss"])
        {
            let fault = provider.fault_with(&auth, &json!({ "iss": other.claims["iss"] }));
            let expected = [TokenErrorKind::UnknownKeyId, TokenErrorKind::WrongAlgorithm];
            assert!(fault.is_some_and(|fault| expected.contains(&fault)), "{fault:?}");
        }
    }
}
