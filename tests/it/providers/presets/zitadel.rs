//! Tests of the preset for Zitadel.

use serde_json::json;
use tower_jwt_auth::Issuer;
use tower_jwt_auth::jwt::TokenErrorKind::{Malformed, MissingClaim, WrongAudience, WrongIssuer};

use super::{Provider, roles};

pub(super) fn provider() -> Provider {
    Provider {
        preset: || Issuer::zitadel("https://shop.zitadel.cloud", "170848003706815745"),
        header: json!({ "alg": "RS256", "typ": "JWT", "kid": "259304" }),
        claims: json!({
            "iss": "https://shop.zitadel.cloud", "sub": "170848145649959169",
            "aud": ["170848282489176321@shop", "170848003706815745"], "nbf": 1699999990, "jti": "V1",
            "client_id": "170848282489176321@shop",
            "urn:zitadel:iam:user:resourceowner:id": "170848145649893633",
            "urn:zitadel:iam:org:project:170848003706815745:roles": {
                "viewer": { "170848145649893633": "shop.zitadel.cloud" },
                "admin": { "170848145649893633": "shop.zitadel.cloud" },
            },
        }),
        jwk: json!({ "alg": "RS256", "use": "sig" }),
    }
}

#[test]
fn access_tokens_for_the_project_are_accepted() {
    let id_token =
        json!({ "jti": null, "azp": "170848282489176321@shop", "at_hash": "x", "amr": [] });
    let token = provider().check(&[
        ("ID token", id_token, MissingClaim),
        ("other project", json!({ "aud": ["1@x", "2"] }), WrongAudience),
        ("other instance", json!({ "iss": "https://x.zitadel.cloud" }), WrongIssuer),
        (
            "roles of another shape",
            json!({ "urn:zitadel:iam:org:project:170848003706815745:roles": 7 }),
            Malformed,
        ),
    ]);
    let mut roles = roles(&token);
    roles.sort_unstable();
    assert_eq!(roles, ["admin", "viewer"]);
    assert_eq!(token.tenant(), Some("170848145649893633"));
}

#[test]
fn roles_of_the_project_of_the_client_are_not_read() {
    let zitadel = provider();
    let forged = json!({
        "urn:zitadel:iam:org:project:170848003706815745:roles": null,
        "urn:zitadel:iam:org:project:roles": { "admin": { "9": "evil.example" } },
        "urn:zitadel:iam:org:project:9:roles": { "admin": { "9": "evil.example" } },
        "roles": ["admin"],
    });
    let claims = zitadel.auth().verify(&zitadel.token(&forged)).unwrap();
    assert_eq!(roles(claims.token()), [""; 0]);
}
