//! Tests of the preset for Supabase.

use serde_json::json;
use tower_jwt_auth::Issuer;
use tower_jwt_auth::jwt::TokenErrorKind::{MissingClaim, WrongAudience, WrongIssuer};

use super::{Provider, roles};

pub(super) fn provider() -> Provider {
    Provider {
        preset: || Issuer::supabase("abcdefghijklmnopqrst"),
        header: json!({ "alg": "ES256", "typ": "JWT", "kid": "d7a1f0c2-5f3b" }),
        claims: json!({
            "iss": "https://abcdefghijklmnopqrst.supabase.co/auth/v1", "aud": "authenticated",
            "sub": "94e4d4d1", "email": "a@shop.example", "phone": "",
            "app_metadata": { "provider": "email", "roles": ["admin"] },
            "user_metadata": { "roles": ["root"] }, "role": "authenticated", "aal": "aal1",
            "amr": [{ "method": "password", "timestamp": 1699999990 }], "session_id": "123e",
            "is_anonymous": false,
        }),
        jwk: json!({ "alg": "ES256", "use": "sig", "key_ops": ["verify"], "ext": true }),
    }
}

#[test]
fn tokens_of_users_are_accepted_with_roles_that_users_cannot_edit() {
    let supabase = provider();
    let key = json!({ "iss": "supabase", "ref": "p", "role": "service_role", "sub": null });
    let token = supabase.check(&[
        ("key of the project", key, WrongIssuer),
        ("anonymous key", json!({ "aud": "anon", "role": "anon" }), WrongAudience),
        ("no user", json!({ "sub": null }), MissingClaim),
        ("no session", json!({ "session_id": null }), MissingClaim),
        ("other project", json!({ "iss": "https://x.supabase.co/auth/v1" }), WrongIssuer),
    ]);
    assert_eq!((token.subject(), roles(&token)), (Some("94e4d4d1"), vec!["admin"]));
    let several =
        json!({ "aud": ["authenticated"], "app_metadata": { "roles": null }, "roles": ["x"] });
    let claims = supabase.auth().verify(&supabase.token(&several)).unwrap();
    assert_eq!(roles(claims.token()), [""; 0]);
}
