//! Tests of the presets for Amazon Cognito.

use serde_json::json;
use tower_jwt_auth::jwt::TokenErrorKind::{UnexpectedAudience, WrongClaim, WrongIssuer};
use tower_jwt_auth::{Issuer, JwtAuth};

use super::{Provider, roles, scopes};
use crate::kit;

const POOL: &str = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_aBcDeFgHi";
/// The same pool with the updated issuer type.
const UPDATED: &str =
    "https://issuer-cognito-idp.eu-central-1.amazonaws.com/eu-central-1_aBcDeFgHi";

pub(super) fn provider() -> Provider {
    Provider {
        preset: || Issuer::cognito("eu-central-1", "eu-central-1_aBcDeFgHi", ["web1", "app1"]),
        header: json!({ "alg": "RS256", "kid": "1hQ5XnV+k0sRZ0CgP/8Y6Q=" }),
        claims: json!({
            "sub": "aaaaaaaa-bbbb", "device_key": "k", "cognito:groups": ["admin"],
            "token_use": "access", "scope": "aws.cognito.signin.user.admin", "auth_time": 1699999990,
            "iss": POOL, "jti": "j", "client_id": "app1", "username": "alice", "version": 2,
            "origin_jti": "o", "event_id": "e",
        }),
        jwk: json!({ "alg": "RS256", "use": "sig" }),
    }
}

fn updated() -> Provider {
    let mut updated = Provider {
        preset: || Issuer::cognito_updated("eu-central-1", "eu-central-1_aBcDeFgHi", "app1"),
        ..provider()
    };
    updated.claims["iss"] = json!(UPDATED);
    updated
}

#[test]
fn access_tokens_of_the_clients_are_accepted() {
    let id_token = json!({
        "token_use": "id", "aud": "app1", "client_id": null, "scope": null, "cognito:username": "alice",
    });
    let other_pool = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_other";
    let token = provider().check(&[
        ("ID token", id_token, UnexpectedAudience),
        ("ID token without `aud`", json!({ "token_use": "id" }), WrongClaim),
        ("token without a use", json!({ "token_use": null }), WrongClaim),
        ("other client of the pool", json!({ "client_id": "evil" }), WrongClaim),
        ("no client", json!({ "client_id": null }), WrongClaim),
        ("other pool", json!({ "iss": other_pool }), WrongIssuer),
        (
            "bound to another resource",
            json!({ "aud": "https://other.example" }),
            UnexpectedAudience,
        ),
    ]);
    assert_eq!(token.subject(), Some("aaaaaaaa-bbbb"));
    assert_eq!(roles(&token), ["admin"]);
    assert_eq!(scopes(&token), ["aws.cognito.signin.user.admin"]);
}

#[test]
fn a_pool_with_the_updated_issuer_has_the_same_rules() {
    let token = updated().check(&[
        ("original issuer", json!({ "iss": POOL }), WrongIssuer),
        ("ID token", json!({ "token_use": "id" }), WrongClaim),
        ("other client of the pool", json!({ "client_id": "web1" }), WrongClaim),
        (
            "bound to another resource",
            json!({ "aud": "https://other.example" }),
            UnexpectedAudience,
        ),
    ]);
    assert_eq!(roles(&token), ["admin"]);
    let original = provider();
    let iss = json!({ "iss": UPDATED });
    assert_eq!(original.fault_with(&original.auth(), &iss), Some(WrongIssuer));
}

#[test]
fn a_layer_can_trust_both_issuers_of_a_pool() {
    let auth: JwtAuth = JwtAuth::issuers([provider().issuer(), updated().issuer()]);
    let auth = auth.with_clock(kit::at(kit::NOW));
    for iss in [POOL, UPDATED] {
        assert_eq!(provider().fault_with(&auth, &json!({ "iss": iss })), None, "{iss}");
    }
}

#[test]
fn the_keys_are_below_the_name_of_the_issuer() {
    for (provider, iss) in [(provider(), POOL), (updated(), UPDATED)] {
        let shown = format!("{:?}", (provider.preset)());
        assert!(shown.contains(&format!("{iss}/.well-known/jwks.json")), "{shown}");
    }
}
