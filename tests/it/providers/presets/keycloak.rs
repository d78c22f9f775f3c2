//! Tests of the preset for Keycloak 26.

use serde_json::json;
use tower_jwt_auth::Issuer;
use tower_jwt_auth::jwt::TokenErrorKind::{self, WrongAudience, WrongClaim};

use super::{Provider, roles, scopes};

pub(super) fn provider() -> Provider {
    Provider {
        preset: || Issuer::keycloak("https://kc.example/realms/shop").audience("cart"),
        header: json!({ "alg": "RS256", "typ": "JWT", "kid": "Fx_2dVvd3fJtX0S9yTqmXo" }),
        claims: json!({
            "jti": "onrtac:0a3b6b3e-8d2e", "iss": "https://kc.example/realms/shop",
            "aud": ["cart", "account"], "sub": "f1d7e1c2-7a0b", "typ": "Bearer", "azp": "web",
            "sid": "b0c0a1", "acr": "1", "allowed-origins": ["https://shop.example"],
            "realm_access": { "roles": ["offline_access", "admin"] },
            "resource_access": {
                "cart.api": { "roles": ["editor"] }, "account": { "roles": ["manage-account"] },
            },
            "scope": "profile email", "email_verified": false, "preferred_username": "alice",
        }),
        jwk: json!({ "use": "sig", "alg": "RS256", "x5c": ["MIIC"], "x5t": "a", "x5t#S256": "b" }),
    }
}

#[test]
fn access_tokens_for_the_service_are_accepted() {
    let keycloak = provider();
    let token = keycloak.check(&[
        ("ID token", json!({ "typ": "ID", "aud": "web", "at_hash": "x" }), WrongAudience),
        ("ID token of a client with the service's name", json!({ "typ": "ID" }), WrongClaim),
        ("refresh token", json!({ "typ": "Refresh" }), WrongClaim),
        ("offline token", json!({ "typ": "Offline" }), WrongClaim),
        ("logout token", json!({ "typ": "Logout" }), WrongClaim),
        ("token without a type", json!({ "typ": null }), WrongClaim),
        ("no audience mapper", json!({ "aud": "account" }), WrongAudience),
        ("no audience at all", json!({ "aud": null }), WrongAudience),
        ("token for another service", json!({ "aud": ["payment", "account"] }), WrongAudience),
        (
            "other realm",
            json!({ "iss": "https://kc.example/realms/x" }),
            TokenErrorKind::WrongIssuer,
        ),
    ]);
    assert_eq!(token.subject(), Some("f1d7e1c2-7a0b"));
    assert_eq!(roles(&token), ["offline_access", "admin"]);
    assert_eq!(scopes(&token), ["profile", "email"]);
}

#[test]
fn roles_of_a_client_can_be_added() {
    let keycloak = provider();
    let issuer = keycloak.issuer().add_roles_claim(["resource_access", "cart.api", "roles"]);
    let auth = tower_jwt_auth::JwtAuth::from(issuer).with_clock(crate::kit::at(crate::kit::NOW));
    let claims = auth.verify(&keycloak.token(&json!({}))).unwrap();
    assert_eq!(roles(claims.token()), ["offline_access", "admin", "editor"]);
}

#[test]
fn a_token_of_another_client_is_rejected_if_the_client_is_configured() {
    let keycloak = Provider {
        preset: || {
            Issuer::keycloak("https://kc.example/realms/shop")
                .claim_is("azp", "web")
                .dangerous_any_audience()
        },
        ..provider()
    };
    keycloak.check(&[("other client", json!({ "azp": "self-registered" }), WrongClaim)]);
}
