//! Tests of the payload's JSON: RFC 7519 sections 4 and 7.2, RFC 8725 section 3.7.

use tower_jwt_auth::JwtAuth;
use tower_jwt_auth::jwt::TokenErrorKind;

use crate::kit;

fn fault(payload: impl AsRef<[u8]>) -> Option<TokenErrorKind> {
    kit::fault(&kit::auth(), &kit::with_payload(payload))
}

/// Returns a payload with a valid `exp` and these members.
fn among(members: &str) -> String {
    format!("{{\"exp\":{},{members}}}", kit::NOW + 60)
}

#[test]
fn a_payload_is_one_json_object() {
    let good = among("\"x\":1");
    assert_eq!(fault(&good), None);
    for payload in ["", "null", "[]", "1", "\"x\"", "true", "{", "}"] {
        assert_eq!(fault(payload), Some(TokenErrorKind::Malformed), "{payload:?}");
    }
    for payload in [
        format!("[{good}]"),
        format!("{good}{good}"),
        format!("{good},"),
        format!("{good}\0"),
        format!("\u{feff}{good}"),
        format!("\u{a0}{good}"),
    ] {
        assert_eq!(fault(&payload), Some(TokenErrorKind::Malformed), "{payload:?}");
    }
}

#[test]
fn a_payload_is_utf_8() {
    for bytes in [&b"\xFF"[..], b"\xC0\xAF", b"\xED\xA0\x80", b"\xF4\x90\x80\x80", b"\xC3"] {
        let text = [among("\"x\":\"").trim_end_matches('}').as_bytes(), bytes, b"\"}"].concat();
        assert_eq!(fault(text), Some(TokenErrorKind::Malformed), "{bytes:?}");
    }
    let utf16: Vec<u8> = among("\"x\":1").encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert_eq!(fault(utf16), Some(TokenErrorKind::Malformed));
}

#[test]
fn a_claim_that_occurs_twice_is_rejected_in_any_spelling() {
    for members in [
        "\"exp\":99999999999",
        "\"\\u0065xp\":99999999999",
        "\"sub\":\"a\",\"sub\":\"a\"",
        "\"sub\":\"a\",\"s\\u0075b\":\"b\"",
        "\"aud\":\"a\",\"a\\u0075d\":[]",
        "\"x\":1,\"x\":1",
        "\"x\":1,\"\\u0078\":2",
        "\"é\":1,\"\\u00e9\":2",
        "\"\\ud83d\\ude00\":1,\"\u{1f600}\":2",
        "\"roles\":[],\"roles\":[]",
        "\"\":1,\"\":1",
    ] {
        assert_eq!(fault(among(members)), Some(TokenErrorKind::Malformed), "{members}");
    }
    // Names that look alike but have different characters are different names.
    assert_eq!(fault(among("\"é\":1,\"e\\u0301\":2,\"E\":3,\"e\":4")), None);
}

#[test]
fn the_hundredth_claim_is_compared_too() {
    let many: Vec<String> = (0..100).map(|n| format!("\"c{n}\":{n}")).collect();
    let many = many.join(",");
    assert_eq!(fault(among(&many)), None);
    for again in ["c0", "c11", "c12", "c13", "c99"] {
        let members = format!("{many},\"{again}\":0");
        assert_eq!(fault(among(&members)), Some(TokenErrorKind::Malformed), "{again}");
    }
}

#[test]
fn nesting_ends_at_32_without_an_overflow() {
    let auth = kit::auth().max_token_bytes(1024 * 1024);
    let nested = |open: &str, close: &str, n: usize| {
        among(&format!("\"x\":{}1{}", open.repeat(n), close.repeat(n)))
    };
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]")] {
        let levels = open.matches(['[', '{']).count();
        let at_limit = kit::with_payload(nested(open, close, 31 / levels));
        assert_eq!(kit::fault(&auth, &at_limit), None);
        for n in [31 / levels + 1, 100, 10_000] {
            let token = kit::with_payload(nested(open, close, n));
            assert_eq!(kit::fault(&auth, &token), Some(TokenErrorKind::Malformed), "{n} {open}");
        }
        let unclosed = kit::with_payload(nested(open, "", 50_000));
        assert_eq!(kit::fault(&auth, &unclosed), Some(TokenErrorKind::Malformed));
    }
    let header = format!("{{\"alg\":\"HS256\",\"x\":{}{}}}", "[".repeat(400), "]".repeat(400));
    assert_eq!(kit::fault(&auth, &kit::with_header(header)), Some(TokenErrorKind::Malformed));
}

#[test]
fn brackets_in_strings_do_not_count_as_nesting() {
    for text in ["[".repeat(100), "{".repeat(100), format!("\\\"{}", "[".repeat(100))] {
        assert_eq!(fault(among(&format!("\"x\":\"{text}\""))), None, "{text}");
    }
    // An escaped backslash does not escape the quote after it.
    let deep = among(&format!("\"x\":[\"\\\\\",{}{}]", "[".repeat(31), "]".repeat(31)));
    assert_eq!(fault(&deep), Some(TokenErrorKind::Malformed), "{deep}");
    let wide = among(&format!("\"x\":[{}[]]", "[],{},".repeat(100)));
    assert_eq!(fault(wide), None);
}

#[test]
fn the_rules_hold_for_members_that_the_type_of_the_claims_skips() {
    #[derive(serde::Deserialize)]
    struct Nothing {}

    let auth: JwtAuth<Nothing> = kit::auth().claims();
    for members in ["\"x\":1,\"x\":2", "\"aud\":1", "\"sub\":7", "\"iat\":\"1\"", "\"x\":}"] {
        let token = kit::with_payload(among(members));
        assert_eq!(kit::fault(&auth, &token), Some(TokenErrorKind::Malformed), "{members}");
    }
    assert_eq!(kit::fault(&auth, &kit::with_payload(among("\"x\":[{}]"))), None);
}

#[test]
fn a_name_that_occurs_twice_is_rejected_at_any_depth_and_for_every_type() {
    #[derive(serde::Deserialize)]
    struct Nothing {}

    #[derive(serde::Deserialize)]
    #[allow(dead_code)]
    struct Raw {
        realm_access: Option<Box<serde_json::value::RawValue>>,
    }

    #[derive(serde::Deserialize)]
    #[allow(dead_code)]
    struct Typed {
        realm_access: Option<std::collections::HashMap<String, serde_json::Value>>,
    }

    for (members, is_rejected) in [
        (r#""realm_access":{"roles":["user"],"roles":["admin"]}"#, true),
        (r#""realm_access":{"roles":["user"],"r\u006fles":["admin"]}"#, true),
        (r#""realm_access":{"a":[[{"x":1,"y":{},"x":2}]]}"#, true),
        (r#""x":{"x":{"x":{"y":1,"y":1}}}"#, true),
        // The scanner does not read a negative fraction, so `serde_json` reads the payload.
        (r#""f":-1.5,"realm_access":{"roles":[],"roles":[]}"#, true),
        (r#""realm_access":{"roles":["a","a"],"x":{"a":1},"a":1},"roles":["a","a"]"#, false),
    ] {
        let token = kit::with_payload(among(members));
        let expected = is_rejected.then_some(TokenErrorKind::Malformed);
        for auth in [kit::auth(), kit::auth().roles_claim("realm_access.roles")] {
            assert_eq!(kit::fault(&auth.claims::<Nothing>(), &token), expected, "{members}");
        }
        assert_eq!(kit::fault(&kit::auth(), &token), expected, "{members}");
        assert_eq!(kit::fault(&kit::auth().claims::<Raw>(), &token), expected, "{members}");
        assert_eq!(kit::fault(&kit::auth().claims::<Typed>(), &token), expected, "{members}");
        let value = kit::auth().claims::<serde_json::Value>();
        assert_eq!(kit::fault(&value, &token), expected, "{members}");
        if is_rejected {
            let reason = tower_jwt_auth::jwt::Verifier::new(kit::secret())
                .verify::<serde_json::Value>(&token)
                .unwrap_err()
                .to_string();
            assert_eq!(reason, "the token is malformed: a member name occurs twice in one object");
        }
    }
    let header = r#"{"alg":"HS256","jwk":{"kty":"oct","kty":"RSA"}}"#;
    let fault = kit::fault(&kit::auth(), &kit::with_header(header));
    assert_eq!(fault, Some(TokenErrorKind::Malformed));
}

#[test]
fn the_rules_hold_for_a_type_that_stops_reading() {
    use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

    /// A type that reads at most one member.
    struct Early;

    impl<'de> Deserialize<'de> for Early {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct One;

            impl<'de> Visitor<'de> for One {
                type Value = Early;

                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }

                fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Early, A::Error> {
                    map.next_entry::<IgnoredAny, IgnoredAny>()?;
                    Ok(Early)
                }
            }

            deserializer.deserialize_map(One)
        }
    }

    let auth: JwtAuth<Early> = kit::auth().claims();
    let fault = |payload: &str| kit::fault(&auth, &kit::with_payload(payload));
    let exp = kit::NOW + 60;
    assert_eq!(fault(&format!("{{\"a\":1,\"b\":[{{}}],\"exp\":{exp}}}")), None);
    assert_eq!(fault("{}"), Some(TokenErrorKind::MissingClaim));
    assert_eq!(fault("{\"a\":1,\"exp\":1}"), Some(TokenErrorKind::Expired));
    for members in ["\"a\":1,\"a\":1", "\"sub\":1", "\"x\":tru"] {
        let payload = format!("{{\"z\":0,\"exp\":{exp},{members}}}");
        assert_eq!(fault(&payload), Some(TokenErrorKind::Malformed), "{payload}");
    }
}

/// `serde_json` reserves some member names for its own use. It would parse the string in such a
/// member as JSON, and a `Value` would contain the result. But the issuer signed only a string, and
/// the nesting of the JSON in that string would not be limited.
#[test]
fn a_name_that_serde_json_reserves_is_rejected_at_any_depth() {
    let name = "$serde_json::private::RawValue";
    let escaped = "\\u0024serde_json::private::RawValue";
    let mut deep = "1".to_owned();
    for _ in 0..8 {
        deep = serde_json::json!({ name: deep }).to_string();
    }
    for members in [
        format!(r#""{name}":"{{}}""#),
        format!(r#""{escaped}":"{{}}""#),
        format!(r#""meta":{{"{name}":"{{\"admin\":true}}"}}"#),
        format!(r#""meta":[{{"{escaped}":"1"}}]"#),
        format!(r#""meta":{deep}"#),
    ] {
        let token = kit::with_payload(among(&members));
        let refused = Some(TokenErrorKind::Malformed);
        assert_eq!(kit::fault(&kit::auth(), &token), refused, "{members}");
        assert_eq!(kit::fault(&kit::auth().claims::<serde_json::Value>(), &token), refused);
        assert_eq!(kit::fault(&kit::auth().claims::<u8>(), &token), refused, "fits nothing");
    }
    assert_eq!(fault(among(r#""$ref":"x","price":"$1","\u0061":"$serde_json::private::""#)), None);
}
