//! Tests that the reasons for rejections are complete, and contain no value from the token.

use std::time::Duration;

use serde_json::{Value, json};
use tower_jwt_auth::jwt::{TokenErrorKind, Validation, Verifier};
use tower_jwt_auth::{Key, KeySet, Secret};

use crate::kit;

fn reason(verifier: &Verifier, token: &str) -> (TokenErrorKind, String) {
    let error = verifier.verify::<Value>(token).unwrap_err();
    (error.kind(), error.to_string())
}

fn of_claims(validation: Validation, claims: Value) -> (TokenErrorKind, String) {
    let verifier = Verifier::new(kit::secret()).with_validation(validation);
    let verifier = verifier.with_clock(kit::at(kit::NOW));
    let mut with_exp = json!({ "exp": kit::NOW + 60 });
    for (name, value) in claims.as_object().unwrap() {
        with_exp[name] = value.clone();
    }
    reason(&verifier, &kit::with_payload(with_exp.to_string()))
}

#[test]
fn a_rejected_claim_is_named_with_the_configured_values() {
    let rules = Validation::new;
    let both = || rules().audience(["cart", "basket"]);
    for (rules, claims, kind, expected) in [
        (
            rules().issuer("https://auth.example"),
            json!({ "iss": "https://secret.example" }),
            TokenErrorKind::WrongIssuer,
            "`iss` is not \"https://auth.example\"",
        ),
        (
            rules().issuer("https://auth.example"),
            json!({}),
            TokenErrorKind::WrongIssuer,
            "`iss` is missing, and must be \"https://auth.example\"",
        ),
        (
            rules().audience("cart"),
            json!({ "aud": "secret" }),
            TokenErrorKind::WrongAudience,
            "`aud` does not name \"cart\"",
        ),
        (
            both(),
            json!({ "aud": ["secret"] }),
            TokenErrorKind::WrongAudience,
            "`aud` does not name \"cart\" or \"basket\"",
        ),
        (
            both(),
            json!({}),
            TokenErrorKind::WrongAudience,
            "`aud` is missing, and must name \"cart\" or \"basket\"",
        ),
        (
            rules(),
            json!({ "aud": "secret" }),
            TokenErrorKind::UnexpectedAudience,
            "the token has an `aud` and no audience is configured: \
             name this service with `audience(..)`",
        ),
        (
            rules().require_claim(["sub", "x_company"]),
            json!({ "sub": "secret" }),
            TokenErrorKind::MissingClaim,
            "the required claim `x_company` is missing",
        ),
        (
            rules().claim_is("azp", "cart-web"),
            json!({ "azp": "secret" }),
            TokenErrorKind::WrongClaim,
            "`azp` is not \"cart-web\"",
        ),
        (
            rules().claim_is("azp", "cart-web"),
            json!({ "azp": null }),
            TokenErrorKind::WrongClaim,
            "`azp` is missing, and must be \"cart-web\"",
        ),
        (
            rules().claim_is("sub", "alice").claim_is(["o", "x.id"], ["a", "b"]),
            json!({ "sub": "alice", "o": { "x.id": ["secret"] } }),
            TokenErrorKind::WrongClaim,
            "`o.x.id` is not \"a\" or \"b\"",
        ),
        (
            rules().max_lifetime(Duration::from_secs(30)),
            json!({ "iat": kit::NOW - 60 }),
            TokenErrorKind::LifetimeTooLong,
            "the token is valid for 120 s, and `max_lifetime` is 30 s",
        ),
        (
            rules().max_lifetime(Duration::from_secs(30)),
            json!({}),
            TokenErrorKind::LifetimeTooLong,
            "`iat` is missing, and `max_lifetime` needs it",
        ),
        (
            rules(),
            json!({ "cnf": { "jkt": "secret" } }),
            TokenErrorKind::SenderConstrained,
            "`cnf` binds the token to a proof, which is not checked here",
        ),
        (
            rules(),
            json!({ "sub": ["secret"] }),
            TokenErrorKind::Malformed,
            "the token is malformed: invalid type in `sub`: an array",
        ),
    ] {
        assert_eq!(of_claims(rules, claims), (kind, expected.to_owned()));
    }
}

#[test]
fn a_rejected_date_states_the_difference_in_seconds() {
    for (claims, kind, expected) in [
        (json!({ "exp": kit::NOW - 312 }), TokenErrorKind::Expired, "the token expired 312 s ago"),
        (
            json!({ "exp": kit::NOW - 6 }),
            TokenErrorKind::Expired,
            "the token expired 6 s ago (the leeway is 5 s)",
        ),
        (
            json!({ "nbf": kit::NOW + 40 }),
            TokenErrorKind::NotYetValid,
            "the token is not valid for another 40 s (the leeway is 5 s)",
        ),
        (
            json!({ "iat": kit::NOW + 3600 }),
            TokenErrorKind::IssuedInFuture,
            "the token was issued 3600 s in the future",
        ),
        (
            json!({ "exp": (kit::NOW + 60) * 1000 }),
            TokenErrorKind::DateOutOfRange,
            "`exp` is after the year 9999: it seems to be in milliseconds, not seconds",
        ),
        (
            json!({ "nbf": (kit::NOW + 60) * 1000 }),
            TokenErrorKind::DateOutOfRange,
            "`nbf` is after the year 9999: it seems to be in milliseconds, not seconds",
        ),
        (
            json!({ "iat": (kit::NOW + 60) * 1000 }),
            TokenErrorKind::DateOutOfRange,
            "`iat` is after the year 9999: it seems to be in milliseconds, not seconds",
        ),
    ] {
        assert_eq!(of_claims(Validation::new(), claims), (kind, expected.to_owned()));
    }
}

#[test]
fn a_rejected_header_is_explained_with_the_configured_keys() {
    let key = |first: u8| Key::hs256(Secret::new((first..first + 40).collect::<Vec<_>>()).unwrap());
    let named = |first, id| key(first).with_id(id).unwrap();
    let unnamed = Verifier::new(key(0));
    let two = Verifier::new(KeySet::new([named(1, "2026-11"), named(2, "2026-10")]).unwrap());
    let all_named = r#"configured: "2026-11" (HS256), "2026-10" (HS256)"#;
    let typed = unnamed.clone().with_validation(Validation::new().accept_type(["at+jwt", "x"]));
    for (verifier, header, kind, expected) in [
        (
            &unnamed,
            r#"{"alg":"HS256","kid":"secret"}"#,
            TokenErrorKind::UnknownKeyId,
            "no configured key has the token's `kid`; \
             configured: one without an identifier (HS256)",
        ),
        (
            &two,
            r#"{"alg":"HS256","kid":"secret"}"#,
            TokenErrorKind::UnknownKeyId,
            &format!("no configured key has the token's `kid`; {all_named}"),
        ),
        (
            &two,
            r#"{"alg":"HS512","kid":"2026-11"}"#,
            TokenErrorKind::WrongAlgorithm,
            &format!("no configured key is for the token's `alg`; {all_named}"),
        ),
        (
            &two,
            r#"{"alg":"none"}"#,
            TokenErrorKind::WrongAlgorithm,
            &format!("no configured key is for the token's `alg`; {all_named}"),
        ),
        (
            &two,
            r#"{"alg":"HS256","kid":"2026-10"}"#,
            TokenErrorKind::BadSignature,
            "the signature is not that of the key \"2026-10\"",
        ),
        (
            &two,
            r#"{"alg":"HS256"}"#,
            TokenErrorKind::BadSignature,
            "no configured key made the signature: the issuer signs with another key, or the \
             token was changed",
        ),
        (
            &typed,
            r#"{"alg":"HS256","typ":"secret"}"#,
            TokenErrorKind::WrongType,
            "`typ` is missing or not \"at+jwt\" or \"x\"",
        ),
        (
            &unnamed,
            r#"{"alg":"HS256","typ":"secret"}"#,
            TokenErrorKind::WrongType,
            "`typ` is neither \"JWT\" nor \"at+jwt\"",
        ),
        (
            &unnamed,
            r#"{"alg":"HS256","crit":["secret"]}"#,
            TokenErrorKind::UnsupportedHeader,
            "the header has `crit`, and no extension is supported",
        ),
        (
            &unnamed,
            r#"{"typ":"JWT"}"#,
            TokenErrorKind::Malformed,
            "the token is malformed: the header has no `alg`",
        ),
    ] {
        let token = kit::with_header(header);
        assert_eq!(reason(verifier, &token), (kind, expected.to_owned()), "{header}");
    }
}

#[test]
fn the_reason_for_an_unreadable_token_says_what_is_wrong() {
    let verifier = Verifier::new(kit::secret());
    let deep = format!("{}1{}", r#"{"a":"#.repeat(33), "}".repeat(33));
    let long = format!(r#"{{"alg":"HS256","kid":"{}"}}"#, "k".repeat(2_000));
    let short = Validation::new().max_token_bytes(64);
    for (verifier, token, expected) in [
        (&verifier, "a.b".to_owned(), "the token is malformed: it is not three parts with dots"),
        (
            &verifier,
            kit::with_payload(b"\xff"),
            "the token is malformed: the payload is not unpadded base64url of UTF-8",
        ),
        (
            &verifier,
            kit::with_payload(&deep),
            "the token is malformed: the claims are nested deeper than 32 levels",
        ),
        (
            &verifier,
            kit::with_header(&deep),
            "the token is malformed: the header is nested deeper than 32 levels",
        ),
        (
            &verifier,
            kit::with_header(r#"{"alg":"HS256","alg":"HS256"}"#),
            "the token is malformed: a member name of the header occurs twice in one object",
        ),
        (
            &verifier,
            kit::with_header(&long),
            "the token is malformed: the header is longer than 1024 bytes",
        ),
        (
            &verifier.clone().with_validation(short),
            "a".repeat(65),
            "the token is longer than the limit of 64 bytes",
        ),
    ] {
        let (_, reason) = reason(verifier, &token);
        assert!(reason.starts_with(expected), "{reason}");
    }
}

#[test]
fn a_long_list_of_keys_is_cut_short() {
    let key = |n: u8| {
        let secret = Secret::new((n..n + 40).collect::<Vec<_>>()).unwrap();
        Key::hs256(secret).with_id(format!("k{n}")).unwrap()
    };
    let verifier = Verifier::new(KeySet::new((0..64).map(key)).unwrap());
    let (_, reason) = reason(&verifier, &kit::with_header(r#"{"alg":"HS256","kid":"secret"}"#));
    assert!(reason.ends_with("\"k7\" (HS256) and 56 more"), "{reason}");
}
