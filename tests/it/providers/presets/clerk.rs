//! Tests of the preset for Clerk.

use serde_json::json;
use tower_jwt_auth::Issuer;
use tower_jwt_auth::jwt::TokenErrorKind::{
    MissingClaim, UnexpectedAudience, WrongClaim, WrongIssuer,
};

use super::{Provider, roles};

pub(super) fn provider() -> Provider {
    Provider {
        preset: || {
            Issuer::clerk(
                "clerk.shop.example",
                ["https://shop.example", "https://app.shop.example"],
            )
        },
        header: json!({ "alg": "RS256", "typ": "JWT", "kid": "ins_1", "cat": "cl_B7d4PD111AAA" }),
        claims: json!({
            "azp": "https://shop.example", "exp": crate::kit::NOW + 60, "fva": [0, -1],
            "iss": "https://clerk.shop.example", "jti": "d7d3", "nbf": 1699999980,
            "o": { "id": "org_1", "slg": "acme", "rol": "admin", "per": "read,manage", "fpm": "3" },
            "pla": "u:free", "sid": "sess_1", "sts": "active", "sub": "user_1", "v": 2,
        }),
        jwk: json!({ "alg": "RS256", "use": "sig" }),
    }
}

#[test]
fn session_tokens_for_the_origins_are_accepted() {
    let clerk = provider();
    let token = clerk.check(&[
        (
            "other application of the domain",
            json!({ "azp": "https://blog.shop.example" }),
            WrongClaim,
        ),
        ("no origin", json!({ "azp": null }), WrongClaim),
        ("JWT template", json!({ "sid": null }), MissingClaim),
        ("no user", json!({ "sub": null }), MissingClaim),
        ("template for another service", json!({ "aud": "hasura" }), UnexpectedAudience),
        ("other instance", json!({ "iss": "https://clerk.evil.example" }), WrongIssuer),
    ]);
    assert_eq!((token.subject(), token.session()), (Some("user_1"), Some("sess_1")));
    assert_eq!((roles(&token), token.tenant()), (vec!["admin"], Some("org_1")));
    let personal = json!({ "o": null });
    let claims = clerk.auth().verify(&clerk.token(&personal)).unwrap();
    assert_eq!((roles(claims.token()), claims.token().tenant()), (vec![], None));
}
