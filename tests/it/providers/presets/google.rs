//! Tests of the preset for Google.

use serde_json::json;
use tower_jwt_auth::Issuer;
use tower_jwt_auth::jwt::TokenErrorKind::{MissingClaim, WrongAudience, WrongClaim};

use super::Provider;

const CLIENT: &str = "1234987819200.apps.googleusercontent.com";

pub(super) fn provider() -> Provider {
    Provider {
        preset: || Issuer::google(CLIENT),
        header: json!({ "alg": "RS256", "typ": "JWT", "kid": "f05415b13acb9590f70df862765c655f" }),
        claims: json!({
            "iss": "https://accounts.google.com", "azp": CLIENT, "aud": CLIENT,
            "sub": "10769150350006150715113082367", "at_hash": "HK6E_P6Dh8Y93mRNtsDB1Q",
            "hd": "shop.example", "email": "a@shop.example", "email_verified": true,
        }),
        jwk: json!({ "alg": "RS256", "use": "sig" }),
    }
}

#[test]
fn id_tokens_for_the_client_are_accepted() {
    let google = provider();
    let token = google.check(&[
        ("other application", json!({ "aud": "999.apps.googleusercontent.com" }), WrongAudience),
        ("no audience", json!({ "aud": null }), WrongAudience),
        (
            "token that a service account asked for",
            json!({ "azp": "1175", "sub": "1175" }),
            WrongClaim,
        ),
        ("no client", json!({ "azp": null }), WrongClaim),
        ("no subject", json!({ "sub": null }), MissingClaim),
    ]);
    assert_eq!(token.tenant(), Some("shop.example"));
    let second_name = json!({ "iss": "accounts.google.com", "hd": null });
    let claims = google.auth().verify(&google.token(&second_name)).unwrap();
    assert_eq!(claims.token().tenant(), None);
}

#[test]
fn a_domain_can_be_required() {
    let google =
        Provider { preset: || Issuer::google(CLIENT).claim_is("hd", "shop.example"), ..provider() };
    google.check(&[
        ("other organization", json!({ "hd": "evil.example" }), WrongClaim),
        ("private account with an address of the domain", json!({ "hd": null }), WrongClaim),
    ]);
}
