//! Tests that a claim with the value `null` counts as absent.

use serde_json::{Value, json};
use tower_jwt_auth::JwtAuth;
use tower_jwt_auth::jwt::TokenErrorKind;

use crate::kit;

const NAMES: [&str; 13] = [
    "iss", "sub", "aud", "nbf", "iat", "jti", "sid", "cnf", "scope", "scp", "roles", "company", "x",
];

fn all_null() -> Value {
    let mut claims = json!({ "exp": kit::NOW + 60 });
    for name in NAMES {
        claims[name] = Value::Null;
    }
    claims
}

fn fault(auth: &JwtAuth, claims: &Value) -> Option<TokenErrorKind> {
    let token = kit::with_payload(claims.to_string());
    let plain = kit::fault(auth, &token);
    // The scanner does not read a negative fraction, so `serde_json` reads the second payload. The
    // result must be the same as for the first payload.
    let mut odd = claims.clone();
    odd["odd"] = json!(-1.5);
    assert_eq!(kit::fault(auth, &kit::with_payload(odd.to_string())), plain, "{claims}");
    plain
}

#[test]
fn a_claim_that_is_null_is_absent() {
    for auth in [kit::auth(), kit::auth().tenant_claim("company").roles_claim("roles")] {
        assert_eq!(fault(&auth, &all_null()), None);
        let token = kit::with_payload(all_null().to_string());
        let claims = auth.verify(&token).unwrap();
        let token = claims.token();
        assert_eq!((token.issuer(), token.subject(), token.id()), (None, None, None));
        assert_eq!((token.session(), token.tenant()), (None, None));
        assert_eq!((token.issued_at(), token.not_before()), (None, None));
        assert_eq!(token.audience().count() + token.scopes().count() + token.roles().count(), 0);
        assert_eq!((claims.sub.as_ref(), claims.scope.as_ref()), (None, None));
        // The application's claims type still receives the `null`.
        let value = auth.clone().claims::<Value>().verify(claims.token().encoded()).unwrap();
        assert_eq!(*value, all_null());
    }
    for path in ["roles.inner", "company.inner"] {
        assert_eq!(fault(&kit::auth().roles_claim(path), &all_null()), None, "{path}");
    }
}

#[test]
fn a_required_claim_that_is_null_is_missing() {
    for name in NAMES {
        let kind = match name {
            "iss" => TokenErrorKind::WrongIssuer,
            "aud" => TokenErrorKind::WrongAudience,
            _ => TokenErrorKind::MissingClaim,
        };
        let auth = match name {
            "iss" => kit::auth().issuer("a"),
            "aud" => kit::auth().audience("a"),
            _ => kit::auth().tenant_claim("company").require_claim(name),
        };
        assert_eq!(fault(&auth, &all_null()), Some(kind), "{name}");
    }
    let mut claims = all_null();
    claims["exp"] = Value::Null;
    assert_eq!(fault(&kit::auth(), &claims), Some(TokenErrorKind::MissingClaim));
}

#[test]
fn a_claim_that_is_not_null_is_present() {
    let claims = json!({
        "exp": kit::NOW + 60, "iss": "a", "sub": "a", "aud": [], "nbf": 1, "iat": 1, "jti": "",
        "sid": "", "scope": "", "scp": [], "roles": [], "company": "", "x": false,
    });
    let names: Vec<&str> = NAMES.into_iter().filter(|name| *name != "cnf").collect();
    let auth = kit::auth().dangerous_any_audience().tenant_claim("company").require_claim(names);
    assert_eq!(fault(&auth, &claims), None);
}

#[test]
fn a_header_parameter_that_is_null_is_absent() {
    let fault = |header: &str| kit::fault(&kit::auth(), &kit::with_header(header));
    assert_eq!(fault(r#"{"alg":"HS256","kid":null,"typ":null,"cty":null}"#), None);
    let typed = kit::auth().accept_type("at+jwt");
    let token = kit::with_header(r#"{"alg":"HS256","typ":null}"#);
    assert_eq!(kit::fault(&typed, &token), Some(TokenErrorKind::WrongType));
    for header in [r#"{"alg":null}"#, r#"{"alg":"HS256","crit":null}"#] {
        assert!(fault(header).is_some(), "{header}");
    }
}
