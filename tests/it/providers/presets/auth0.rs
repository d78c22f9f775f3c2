//! Tests of the preset for Auth0.

use serde_json::json;
use tower_jwt_auth::Issuer;
use tower_jwt_auth::jwt::TokenErrorKind::{WrongAudience, WrongClaim, WrongIssuer};

use super::{Provider, roles, scopes};

pub(super) fn provider() -> Provider {
    Provider {
        preset: || Issuer::auth0("shop.eu.auth0.com").audience("https://api.shop.example"),
        header: json!({ "alg": "RS256", "typ": "JWT", "kid": "NjVBRjY5MDlCMUIwNzU4RTA2QzZF" }),
        claims: json!({
            "iss": "https://shop.eu.auth0.com/", "sub": "auth0|5f7c8ec7c33c6c004bbafe82",
            "aud": ["https://api.shop.example", "https://shop.eu.auth0.com/userinfo"],
            "azp": "my_client", "scope": "openid read:cart", "permissions": ["read:cart", "pay"],
            "https://shop.example/roles": ["admin"],
        }),
        jwk: json!({ "alg": "RS256", "use": "sig", "x5c": ["MIIC"], "x5t": "a" }),
    }
}

#[test]
fn access_tokens_for_the_api_are_accepted() {
    let token = provider().check(&[
        ("ID token", json!({ "aud": "my_client", "nonce": "n", "scope": null }), WrongAudience),
        (
            "token for userinfo",
            json!({ "aud": "https://shop.eu.auth0.com/userinfo" }),
            WrongAudience,
        ),
        (
            "token for the management API",
            json!({ "aud": "https://shop.eu.auth0.com/api/v2/" }),
            WrongAudience,
        ),
        ("issuer without its slash", json!({ "iss": "https://shop.eu.auth0.com" }), WrongIssuer),
        ("other tenant", json!({ "iss": "https://other.eu.auth0.com/" }), WrongIssuer),
    ]);
    assert_eq!(token.subject(), Some("auth0|5f7c8ec7c33c6c004bbafe82"));
    assert_eq!(scopes(&token), ["openid", "read:cart"], "what the client may do");
    assert_eq!(roles(&token), ["read:cart", "pay"], "what the user may do");
}

#[test]
fn machines_with_the_profile_of_rfc_9068_are_accepted() {
    let auth0 = Provider {
        preset: || {
            Issuer::auth0("shop.eu.auth0.com")
                .audience("https://api.shop.example")
                .claim_is("client_id", "m2m")
                .roles_claim("https://shop.example/roles")
                .accept_type("at+jwt")
        },
        header: json!({ "alg": "RS256", "typ": "at+jwt", "kid": "a" }),
        claims: json!({
            "iss": "https://shop.eu.auth0.com/", "sub": "m2m@clients", "jti": "x",
            "aud": "https://api.shop.example", "client_id": "m2m", "scope": "pay",
            "https://shop.example/roles": ["machine"],
        }),
        jwk: json!({ "alg": "RS256", "use": "sig" }),
    };
    let token = auth0.check(&[("other client", json!({ "client_id": "other" }), WrongClaim)]);
    assert_eq!((roles(&token), scopes(&token)), (vec!["machine"], vec!["pay"]));
}
