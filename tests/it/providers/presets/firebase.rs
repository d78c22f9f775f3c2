//! Tests of the preset for Firebase Authentication.

use serde_json::json;
use tower_jwt_auth::Issuer;
use tower_jwt_auth::jwt::TokenErrorKind::{MissingClaim, WrongAudience, WrongIssuer};

use super::{Provider, roles};

pub(super) fn provider() -> Provider {
    Provider {
        preset: || Issuer::firebase("shop-1"),
        header: json!({ "alg": "RS256", "typ": "JWT", "kid": "a1b2" }),
        claims: json!({
            "iss": "https://securetoken.google.com/shop-1", "aud": "shop-1", "auth_time": 1699999990,
            "user_id": "u", "sub": "u", "roles": ["admin"],
            "firebase": {
                "identities": { "email": ["a@shop.example"] }, "sign_in_provider": "password",
                "tenant": "acme-x1",
            },
        }),
        jwk: json!({ "alg": "RS256", "use": "sig" }),
    }
}

#[test]
fn id_tokens_of_the_project_are_accepted() {
    let session = "https://session.firebase.google.com/shop-1";
    let custom = "firebase-adminsdk@shop-1.iam.gserviceaccount.com";
    let token = provider().check(&[
        (
            "other project",
            json!({ "iss": "https://securetoken.google.com/x", "aud": "x" }),
            WrongIssuer,
        ),
        ("audience of another project", json!({ "aud": "x" }), WrongAudience),
        ("session cookie", json!({ "iss": session }), WrongIssuer),
        ("custom token", json!({ "iss": custom, "aud": "identitytoolkit" }), WrongIssuer),
        ("no subject", json!({ "sub": null }), MissingClaim),
        ("no time of the login", json!({ "auth_time": null }), MissingClaim),
    ]);
    assert_eq!((token.subject(), token.tenant()), (Some("u"), Some("acme-x1")));
    assert_eq!(roles(&token), ["admin"]);
}
