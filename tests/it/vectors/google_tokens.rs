//! Tests with `google-jwt_verify_lib/jwt_parse.json`: valid and invalid tokens.
//!
//! The signatures are placeholders, so the original tokens must be rejected. The payloads are also
//! tested with a valid signature. Google's library does not require `exp`, but this crate does. The
//! test adds an `exp` to a payload without one. If a payload has an `exp`, the clock is set to one
//! second before it.

use serde_json::Value;
use tower_jwt_auth::jwt::{TokenError, TokenErrorKind};
use tower_jwt_auth::{AuthError, JwtAuth, UnixTime};

use super::{Exclusion, assert_adds_up, assert_refused_by_hmac, is_listed};
use crate::kit::{self, str_of};

const FILE: &str = "google-jwt_verify_lib/jwt_parse.json";

/// In these cases, the header or the serialization is invalid, so there is no payload to sign.
const NOT_RE_SIGNED: &[Exclusion] = &[
    ("TestTooManySections", "five parts"),
    ("TestParseHeaderBadBase64", "a header that is not base64url"),
    ("TestParseHeaderAbsentAlg", "no `alg`"),
    ("TestParseHeaderInvalidAlg", "an `alg` that does not exist"),
    ("TestParsePayloadBadBase64", "a payload that is not base64url"),
];

/// Returns the claims of a case. Adds an `exp` if there is none.
fn payload(token: &str) -> String {
    let payload = kit::unb64(token.split('.').nth(1).unwrap());
    let payload = String::from_utf8(payload).unwrap();
    if payload.contains("\"exp\"") {
        return payload;
    }
    let open = payload.trim_end().strip_suffix('}').unwrap();
    format!("{open},\"exp\":{}}}", kit::NOW + 600)
}

#[test]
fn payloads_signed_with_our_key_get_their_verdicts() {
    let cases = kit::cases(FILE);
    let names: Vec<String> = cases.iter().map(|case| str_of(case, "name").to_owned()).collect();
    assert_eq!(names.len(), 17);
    let mut applied = 0;
    for case in &cases {
        let (name, token) = (str_of(case, "name"), str_of(case, "jwt"));
        assert_refused_by_hmac(token);
        if is_listed(NOT_RE_SIGNED, name) {
            continue;
        }
        applied += 1;
        let payload = payload(token);
        let parsed: Value = serde_json::from_str(&payload).unwrap();
        let mut auth: JwtAuth<Value> = kit::auth().max_token_bytes(16 * 1024).claims();
        // Set the clock to one second before the token expires. Configure the token's audience, or
        // its first audience if `aud` is a list.
        if let Some(exp) = parsed["exp"].as_i64().filter(|exp| *exp >= 0) {
            auth = auth.with_clock(kit::at(exp - 1));
        }
        if let Some(aud) = parsed["aud"].as_str().or(parsed["aud"][0].as_str()) {
            auth = auth.audience(aud);
        }
        let verdict = auth.verify(&kit::with_payload(&payload));
        let expected = match str_of(case, "expected") {
            "Ok" => None,
            "JwtPayloadParseErrorIatOutOfRange"
            | "JwtPayloadParseErrorNbfOutOfRange"
            | "JwtPayloadParseErrorExpOutOfRange" => Some(out_of_range(&parsed)),
            _ => Some(TokenErrorKind::Malformed),
        };
        let error = verdict.as_ref().err().and_then(AuthError::token_error);
        assert_eq!(error.map(TokenError::kind), expected, "{name}");
        if let Ok(claims) = verdict {
            assert_eq!(*claims, parsed, "{name}");
        }
    }
    assert_adds_up(FILE, &names, &[NOT_RE_SIGNED], applied);
}

/// A date before 1970 is valid here, since dates may be negative (RFC 7519 section 2).
fn out_of_range(claims: &Value) -> TokenErrorKind {
    let is_negative = ["exp", "nbf", "iat"]
        .iter()
        .any(|name| claims[name].as_f64().is_some_and(|date| date < 0.0));
    if is_negative { TokenErrorKind::Expired } else { TokenErrorKind::DateOutOfRange }
}

#[test]
fn headers_and_forms_that_do_not_parse_are_malformed() {
    let cases = kit::cases(FILE);
    for (name, why) in NOT_RE_SIGNED {
        let case = cases.iter().find(|case| case["name"] == *name).unwrap();
        let fault = kit::fault(&kit::auth(), str_of(case, "jwt"));
        let expected = match *name {
            // One header has an unknown algorithm, and the other an algorithm for which there is no
            // key.
            "TestParseHeaderInvalidAlg" | "TestParsePayloadBadBase64" => {
                TokenErrorKind::WrongAlgorithm
            }
            _ => TokenErrorKind::Malformed,
        };
        assert_eq!(fault, Some(expected), "{name}: {why}");
    }
    // One of these tokens has a payload that is not base64url. The layer rejected this token
    // because of the algorithm in its header, not because of its payload. Check that the payload is
    // also rejected in a token with an HS256 header and a valid signature.
    let signed = "eyJhbGciOiJIUzI1NiJ9.dGhpcyBpcyBub3QgYSBqc29u+";
    let tag = kit::tag(tower_jwt_auth::Algorithm::Hs256, &kit::key_bytes(), signed.as_bytes());
    let token = format!("{signed}.{}", kit::b64(tag));
    assert_eq!(kit::fault(&kit::auth(), &token), Some(TokenErrorKind::Malformed));
}

#[test]
fn a_date_before_1970_is_valid() {
    let auth = kit::auth().with_clock(tower_jwt_auth::ManualClock::new(UnixTime::from_nanos(-1)));
    assert_eq!(kit::fault(&auth, &kit::with_payload(r#"{"exp":0}"#)), None);
    let past = kit::with_payload(r#"{"exp":-12345}"#);
    assert_eq!(kit::fault(&auth, &past), Some(TokenErrorKind::Expired));
}
