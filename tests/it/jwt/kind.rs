//! RFC 8725 sections 3.11 and 3.12, RFC 9068 section 4: kinds of token must not be confused.

use serde_json::json;
use tower_jwt_auth::jwt::{Signer, TokenErrorKind};
use tower_jwt_auth::{Algorithm, JwtAuth};

use crate::kit;

/// Creates a token with this `typ`.
fn of_type(typ: &str) -> String {
    kit::with_header(json!({ "alg": "HS256", "typ": typ }).to_string())
}

fn fault(auth: &JwtAuth, typ: &str) -> Option<TokenErrorKind> {
    kit::fault(auth, &of_type(typ))
}

/// Other kinds of tokens that may be signed with the same key.
const OTHERS: [&str; 9] = [
    "refresh+jwt",
    "csrf+jwt",
    "logout+jwt",
    "statuslist+jwt",
    "dpop+jwt",
    "id_token",
    "secevent+jwt",
    "token-introspection+jwt",
    "JWE",
];

#[test]
fn another_kind_of_token_is_rejected_as_an_access_token() {
    let typed = kit::auth().accept_type("at+jwt");
    for typ in OTHERS {
        for typ in [typ.to_owned(), format!("application/{typ}"), typ.to_uppercase()] {
            assert_eq!(fault(&kit::auth(), &typ), Some(TokenErrorKind::WrongType), "{typ}");
            assert_eq!(fault(&typed, &typ), Some(TokenErrorKind::WrongType), "{typ}");
        }
    }
}

#[test]
fn an_access_token_is_rejected_as_another_kind_of_token() {
    for typ in OTHERS {
        let auth = kit::auth().accept_type(typ);
        assert_eq!(fault(&auth, typ), None, "{typ}");
        for other in ["at+jwt", "JWT"] {
            assert_eq!(fault(&auth, other), Some(TokenErrorKind::WrongType), "{typ}");
        }
        let untyped = kit::with_header(r#"{"alg":"HS256"}"#);
        assert_eq!(kit::fault(&auth, &untyped), Some(TokenErrorKind::WrongType), "{typ}");
    }
}

#[test]
fn the_case_and_the_application_prefix_of_a_type_are_ignored() {
    let typed = kit::auth().accept_type("at+jwt");
    for typ in ["at+jwt", "AT+JWT", "At+Jwt", "application/at+jwt", "APPLICATION/AT+jwt"] {
        assert_eq!(fault(&typed, typ), None, "{typ}");
        assert_eq!(fault(&kit::auth(), typ), None, "{typ}");
    }
    for typ in
        ["", "at", "jwt", "at+jwt ", "at+jwt; v=1", "text/at+jwt", "application/", "at+jw\u{442}"]
    {
        assert_eq!(fault(&typed, typ), Some(TokenErrorKind::WrongType), "{typ:?}");
    }
}

#[test]
fn the_type_jwt_does_not_distinguish_kinds_of_token() {
    let typed = kit::auth().accept_type("at+jwt");
    for typ in ["JWT", "jwt", "application/jwt"] {
        assert_eq!(fault(&kit::auth(), typ), None, "{typ}");
        assert_eq!(fault(&typed, typ), Some(TokenErrorKind::WrongType), "{typ}");
    }
    let untyped = kit::with_header(r#"{"alg":"HS256"}"#);
    assert_eq!(kit::fault(&kit::auth(), &untyped), None);
    assert_eq!(kit::fault(&typed, &untyped), Some(TokenErrorKind::WrongType));
}

#[test]
fn a_type_is_checked_again_for_a_header_seen_before() {
    let key = kit::key(Algorithm::Hs256);
    let token = Signer::new(key.clone())
        .token_type("refresh+jwt")
        .sign(&json!({ "exp": kit::NOW + 60 }))
        .unwrap();
    let keys = tower_jwt_auth::KeyStore::from(key);
    let refresh = JwtAuth::new(keys.clone()).accept_type("refresh+jwt");
    let refresh = refresh.with_clock(kit::at(kit::NOW));
    let access = JwtAuth::new(keys).with_clock(kit::at(kit::NOW));
    for _ in 0..3 {
        assert_eq!(kit::fault(&refresh, &token), None);
        assert_eq!(kit::fault(&access, &token), Some(TokenErrorKind::WrongType));
    }
}

#[test]
fn a_nested_or_foreign_payload_is_refused() {
    let of = |cty: &str| kit::with_header(json!({ "alg": "HS256", "cty": cty }).to_string());
    for cty in ["JWT", "jwt", "application/JWT"] {
        assert_eq!(kit::fault(&kit::auth(), &of(cty)), None, "{cty}");
    }
    for cty in ["", "JWS", "text/plain", "application/json", "JWT "] {
        let fault = kit::fault(&kit::auth(), &of(cty));
        assert_eq!(fault, Some(TokenErrorKind::UnsupportedHeader), "{cty}");
    }
    // `cty: JWT` means that the payload is a token and not claims.
    let inner = of_type("JWT");
    let nested = kit::sign(r#"{"alg":"HS256","cty":"JWT"}"#, inner);
    assert_eq!(kit::fault(&kit::auth(), &nested), Some(TokenErrorKind::Malformed));
}

#[test]
fn the_challenge_for_another_kind_of_token_has_the_error_invalid_token() {
    let response = kit::send(&kit::auth(), kit::bearer(&of_type("refresh+jwt")));
    let params = crate::bearer::challenge::bearer_params(kit::challenge(&response).unwrap());
    assert_eq!(params["error"], "invalid_token");
}
