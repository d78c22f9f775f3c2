//! Tests of the preset for Okta.

use serde_json::json;
use tower_jwt_auth::Issuer;
use tower_jwt_auth::jwt::TokenErrorKind::{MissingClaim, WrongAudience, WrongClaim, WrongIssuer};

use super::{Provider, roles, scopes};

pub(super) fn provider() -> Provider {
    Provider {
        preset: || Issuer::okta("https://shop.okta.com/oauth2/default").audience("api://default"),
        header: json!({ "alg": "RS256", "kid": "sTLXm7Cqnf3YfMj" }),
        claims: json!({
            "ver": 1, "jti": "AT.0mP4JKAZX1iACIT4", "iss": "https://shop.okta.com/oauth2/default",
            "aud": "api://default", "cid": "0oabskvc6442nkvQO0h7", "uid": "00u5t60iloOHN9pBi0h7",
            "scp": ["offline_access", "cart:read"], "auth_time": 1699999990,
            "sub": "alice@shop.example", "groups": ["Everyone", "Admins"],
        }),
        jwk: json!({ "alg": "RS256", "use": "sig" }),
    }
}

#[test]
fn access_tokens_of_the_authorization_server_are_accepted() {
    let id_token =
        json!({ "jti": "ID.x", "aud": "0oabskvc6442nkvQO0h7", "cid": null, "scp": null });
    let token = provider().check(&[
        ("ID token", id_token, WrongAudience),
        ("ID token for a client with the API's name", json!({ "cid": null }), MissingClaim),
        ("other audience", json!({ "aud": "api://other" }), WrongAudience),
        (
            "other authorization server",
            json!({ "iss": "https://shop.okta.com/oauth2/x" }),
            WrongIssuer,
        ),
        ("org authorization server", json!({ "iss": "https://shop.okta.com" }), WrongIssuer),
        ("other organization", json!({ "iss": "https://x.okta.com/oauth2/default" }), WrongIssuer),
    ]);
    assert_eq!(token.subject(), Some("alice@shop.example"));
    assert_eq!(roles(&token), ["Everyone", "Admins"]);
    assert_eq!(scopes(&token), ["offline_access", "cart:read"]);
}

#[test]
fn clients_can_be_restricted() {
    let okta = Provider {
        preset: || {
            Issuer::okta("https://shop.okta.com/oauth2/default")
                .audience("api://default")
                .claim_is("cid", "0oabskvc6442nkvQO0h7")
        },
        ..provider()
    };
    okta.check(&[("other client", json!({ "cid": "0oaother" }), WrongClaim)]);
}
