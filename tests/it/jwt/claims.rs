//! RFC 7519 section 4.1 and RFC 9068: issuer, audience, and the other required claims.

use serde_json::{Value, json};
use tower_jwt_auth::JwtAuth;
use tower_jwt_auth::jwt::TokenErrorKind;

use crate::kit;

fn fault(auth: &JwtAuth, more: Value) -> Option<TokenErrorKind> {
    let mut claims = json!({ "exp": kit::NOW + 60 });
    let more = more.as_object().unwrap().clone();
    claims.as_object_mut().unwrap().extend(more);
    kit::fault(auth, &kit::with_payload(claims.to_string()))
}

#[test]
fn aud_is_a_string_or_an_array_that_names_the_audience() {
    let auth = kit::auth().audience(["cart", "basket"]);
    for aud in [json!("cart"), json!("basket"), json!(["x", "cart"]), json!(["cart", "cart"])] {
        assert_eq!(fault(&auth, json!({ "aud": aud })), None);
    }
    for aud in
        [json!("x"), json!(""), json!([]), json!(["x"]), json!("cart basket"), json!("cart ")]
    {
        let fault = fault(&auth, json!({ "aud": aud }));
        assert_eq!(fault, Some(TokenErrorKind::WrongAudience), "{aud}");
    }
    assert_eq!(fault(&auth, json!({})), Some(TokenErrorKind::WrongAudience));
    for aud in
        [json!(1), json!(["cart", 1]), json!({"cart": 1}), json!([["cart"]]), json!(["cart", null])]
    {
        assert_eq!(fault(&auth, json!({ "aud": aud })), Some(TokenErrorKind::Malformed), "{aud}");
    }
}

#[test]
fn a_token_with_an_audience_is_rejected_until_one_is_configured() {
    for aud in [json!("cart"), json!(["cart"]), json!([]), json!("")] {
        let fault = fault(&kit::auth(), json!({ "aud": aud }));
        assert_eq!(fault, Some(TokenErrorKind::UnexpectedAudience), "{aud}");
    }
    assert_eq!(fault(&kit::auth(), json!({})), None);
}

#[test]
fn iss_is_compared_character_for_character() {
    let auth = kit::auth().issuer("https://café.example");
    assert_eq!(fault(&auth, json!({ "iss": "https://café.example" })), None);
    for iss in [
        "https://cafe\u{301}.example",
        "https://CAFÉ.example",
        "https://café.example/",
        "https://café.example ",
        "https://xn--caf-dma.example",
        "HTTPS://café.example",
        "",
    ] {
        let fault = fault(&auth, json!({ "iss": iss }));
        assert_eq!(fault, Some(TokenErrorKind::WrongIssuer), "{iss}");
    }
    assert_eq!(fault(&auth, json!({})), Some(TokenErrorKind::WrongIssuer));
    for iss in [json!(["https://café.example"]), json!(1)] {
        assert_eq!(fault(&auth, json!({ "iss": iss })), Some(TokenErrorKind::Malformed), "{iss}");
    }
}

#[test]
fn aud_is_compared_character_for_character() {
    let auth = kit::auth().audience("caf\u{e9}");
    assert_eq!(fault(&auth, json!({ "aud": "caf\u{e9}" })), None);
    for aud in ["cafe\u{301}", "CAF\u{c9}", "cafe", "caf\u{e9}\0", "*"] {
        let fault = fault(&auth, json!({ "aud": aud }));
        assert_eq!(fault, Some(TokenErrorKind::WrongAudience), "{aud}");
    }
    let token = kit::with_payload(format!(r#"{{"exp":{},"aud":"caf\u00e9"}}"#, kit::NOW + 60));
    assert_eq!(kit::fault(&auth, &token), None, "an escape is the same character");
}

#[test]
fn a_claim_of_the_wrong_type_is_malformed_and_never_absent() {
    for name in ["iss", "sub", "jti", "sid"] {
        for value in [json!(1), json!(true), json!([]), json!(["a"]), json!({})] {
            let fault = fault(&kit::auth(), json!({ name: value }));
            assert_eq!(fault, Some(TokenErrorKind::Malformed), "{name}: {value}");
        }
    }
}

#[test]
fn each_claim_of_an_access_token_can_be_required() {
    let names = ["iss", "aud", "sub", "client_id", "iat", "jti"];
    let auth = kit::auth().issuer("a").audience("cart").require_claim(names);
    let claims = json!({
        "iss": "a", "aud": "cart", "sub": "s", "client_id": "c", "iat": kit::NOW, "jti": "j"
    });
    assert_eq!(fault(&auth, claims.clone()), None);
    for name in names {
        let mut without = claims.clone();
        without.as_object_mut().unwrap().remove(name);
        let expected = match name {
            "iss" => TokenErrorKind::WrongIssuer,
            "aud" => TokenErrorKind::WrongAudience,
            _ => TokenErrorKind::MissingClaim,
        };
        assert_eq!(fault(&auth, without), Some(expected), "{name}");
    }
    let mut null = claims;
    null["client_id"] = Value::Null;
    assert_eq!(fault(&auth, null), Some(TokenErrorKind::MissingClaim));
}

#[test]
fn a_claim_that_is_missing_or_of_the_wrong_type_is_named() {
    let said = |auth: &JwtAuth, claims: Value| {
        let error = auth.verify(&kit::with_payload(claims.to_string())).unwrap_err();
        error.token_error()?.claim_error().map(|claim| claim.to_string())
    };
    let auth = kit::auth().require_claim(["jti", "x_company", "sub"]);
    let exp = kit::NOW + 60;
    for (claims, expected) in [
        (json!({}), Some("missing field `jti`")),
        (json!({ "jti": "1", "x_company": 1, "exp": exp }), Some("missing field `sub`")),
        (json!({ "jti": "1", "x_company": 1, "sub": "a" }), Some("missing field `exp`")),
        (json!({ "jti": "1", "sub": "a", "exp": exp }), Some("missing field `x_company`")),
        (json!({ "sub": 7, "exp": exp }), Some("invalid type in `sub`: a number")),
        (json!({ "exp": exp.to_string() }), Some("invalid type in `exp`: a string")),
    ] {
        assert_eq!(said(&auth, claims.clone()).as_deref(), expected, "{claims}");
    }
    assert_eq!(
        said(&kit::auth(), json!({ "exp": 1 })),
        None,
        "an expired token has no invalid claim"
    );
}

#[test]
fn a_token_bound_to_a_proof_is_refused_without_one() {
    for cnf in
        [json!({ "jkt": "x" }), json!({ "x5t#S256": "x" }), json!({}), json!(false), json!("x")]
    {
        let fault = fault(&kit::auth(), json!({ "cnf": cnf }));
        assert_eq!(fault, Some(TokenErrorKind::SenderConstrained), "{cnf}");
    }
}

#[test]
fn a_token_gets_the_kind_expired_only_if_all_else_is_valid() {
    let auth = kit::auth().issuer("a").audience("cart").require_claim("sub");
    let past = kit::NOW - 100;
    let right = json!({ "iss": "a", "aud": "cart", "sub": "s", "exp": past });
    assert_eq!(fault(&auth, right.clone()), Some(TokenErrorKind::Expired));
    for (name, value, kind) in [
        ("iss", json!("b"), TokenErrorKind::WrongIssuer),
        ("aud", json!("x"), TokenErrorKind::WrongAudience),
        ("nbf", json!(kit::NOW + 1), TokenErrorKind::NotYetValid),
        ("cnf", json!({}), TokenErrorKind::SenderConstrained),
        ("sub", json!(1), TokenErrorKind::Malformed),
    ] {
        let mut wrong = right.clone();
        wrong[name] = value;
        assert_eq!(fault(&auth, wrong), Some(kind), "{name}");
    }
}

#[test]
fn roles_are_read_as_strings_or_as_objects_with_a_value() {
    for roles in [json!(["a", "b"]), json!([{ "value": "a" }, { "value": "b", "primary": true }])] {
        let payload = json!({ "exp": kit::NOW + 60, "roles": roles }).to_string();
        let claims = kit::auth().verify(&kit::with_payload(payload)).unwrap();
        assert_eq!(claims.token().roles().collect::<Vec<_>>(), ["a", "b"], "{roles}");
    }
}

#[test]
fn session_and_tenant_are_strings_and_the_tenant_is_read_from_its_place() {
    let auth = || kit::auth().tenant_claim("company");
    let token = |claims: serde_json::Value| {
        let mut claims = claims;
        claims["exp"] = (kit::NOW + 60).into();
        kit::with_payload(claims.to_string())
    };
    let named = token(json!({ "sid": "s-\u{e9}", "company": "acme", "tenant": 1 }));
    let claims = auth().claims::<serde_json::Value>().verify(&named).unwrap();
    assert_eq!(claims.token().session(), Some("s-\u{e9}"));
    assert_eq!(claims.token().tenant(), Some("acme"));
    assert_eq!(claims["company"], "acme", "and T has it too");
    assert_eq!(kit::auth().verify(&named).unwrap().token().tenant(), None);
    assert_eq!(auth().verify(&token(json!({}))).unwrap().token().session(), None);
    for wrong in [json!({ "sid": 1 }), json!({ "company": ["acme"] }), json!({ "company": 1 })] {
        assert_eq!(kit::fault(&auth(), &token(wrong)), Some(TokenErrorKind::Malformed));
    }
    let twice = kit::with_payload(format!(r#"{{"exp":{},"sid":"a","sid":"a"}}"#, kit::NOW + 60));
    assert_eq!(kit::fault(&auth(), &twice), Some(TokenErrorKind::Malformed));
}

#[test]
fn scopes_are_split_at_spaces_without_empty_ones() {
    for (scope, expected) in [
        (json!({ "scope": " a  b:c " }), vec!["a", "b:c"]),
        (json!({ "scope": "a\tb" }), vec!["a\tb"]),
        (json!({ "scope": ["a b", "", "c"] }), vec!["a", "b", "c"]),
        (json!({ "scope": "a", "scp": ["b"] }), vec!["a", "b"]),
        (json!({ "scope": "" }), vec![]),
        (json!({ "sc\u{f6}pe": "a" }), vec![]),
    ] {
        let mut claims = scope.clone();
        claims["exp"] = (kit::NOW + 60).into();
        let claims = kit::auth().verify(&kit::with_payload(claims.to_string())).unwrap();
        assert_eq!(claims.token().scopes().collect::<Vec<_>>(), expected, "{scope}");
    }
}
