//! Tests of header parameters that are accepted or rejected (RFC 7515 section 4).

use serde_json::json;
use tower_jwt_auth::jwt::{Signer, TokenErrorKind};
use tower_jwt_auth::{Algorithm, JwtAuth, Key, KeySet, Secret};

use crate::kit;

fn fault(header: &str) -> Option<TokenErrorKind> {
    kit::fault(&kit::auth(), &kit::with_header(header))
}

#[test]
fn a_header_is_one_json_object() {
    assert_eq!(fault(r#" { "alg" : "HS256" } "#), None);
    for header in [
        "",
        " ",
        "null",
        "true",
        "1",
        "\"HS256\"",
        "[]",
        r#"["alg","HS256"]"#,
        r#"[{"alg":"HS256"}]"#,
        r#"{"alg":"HS256"}{}"#,
        r#"{"alg":"HS256"}x"#,
        r#"{"alg":"HS256",}"#,
        r#"{alg:"HS256"}"#,
        r#"{'alg':'HS256'}"#,
        r#"{"alg":"HS256""#,
        "{\"alg\":\"HS256\"}\0",
        "\u{feff}{\"alg\":\"HS256\"}",
        r#"{"alg":"HS256"/**/}"#,
    ] {
        assert_eq!(fault(header), Some(TokenErrorKind::Malformed), "{header:?}");
    }
}

#[test]
fn a_header_is_utf_8() {
    let utf16: Vec<u8> = r#"{"alg":"HS256"}"#.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for header in [
        &b"{\"alg\":\"HS256\",\"x\":\"\xFF\"}"[..],
        b"{\"alg\":\"HS256\",\"x\":\"\xC0\xAF\"}",
        b"{\"alg\":\"HS256\",\"x\":\"\xED\xA0\x80\"}",
        &utf16,
    ] {
        let fault = kit::fault(&kit::auth(), &kit::with_header(header));
        assert_eq!(fault, Some(TokenErrorKind::Malformed), "{header:?}");
    }
}

#[test]
fn a_header_has_no_duplicate_members() {
    for header in [
        r#"{"alg":"HS256","alg":"HS256"}"#,
        r#"{"alg":"none","alg":"HS256"}"#,
        r#"{"alg":"HS256","\u0061lg":"none"}"#,
        r#"{"alg":"HS256","typ":"JWT","typ":"JWT"}"#,
        r#"{"alg":"HS256","x":1,"\u0078":1}"#,
        r#"{"alg":"HS256","":1,"":1}"#,
    ] {
        assert_eq!(fault(header), Some(TokenErrorKind::Malformed), "{header}");
    }
    // Duplicates are also found if the header has more names than the buffer on the stack can hold.
    let many: String = (0..20).map(|n| format!(",\"m{n}\":0")).collect();
    assert_eq!(fault(&format!(r#"{{"alg":"HS256"{many}}}"#)), None);
    let again = format!(r#"{{"alg":"HS256"{many},"m19":0}}"#);
    assert_eq!(fault(&again), Some(TokenErrorKind::Malformed));
}

#[test]
fn alg_is_required_and_its_case_matters() {
    for alg in ["hs256", "Hs256", "HS256 ", " HS256", "HS-256", "HS2560", "HS256\\u0000", ""] {
        let header = format!(r#"{{"alg":"{alg}"}}"#);
        assert_eq!(fault(&header), Some(TokenErrorKind::WrongAlgorithm), "{header}");
    }
    for header in
        ["{}", r#"{"typ":"JWT"}"#, r#"{"alg":null}"#, r#"{"alg":256}"#, r#"{"Alg":"HS256"}"#]
    {
        assert_eq!(fault(header), Some(TokenErrorKind::Malformed), "{header}");
    }
    for header in [r#"{"alg":["HS256"]}"#, r#"{"alg":{"HS256":1}}"#, r#"{"alg":true}"#] {
        assert_eq!(fault(header), Some(TokenErrorKind::Malformed), "{header}");
    }
}

#[test]
fn none_is_refused_in_every_case_with_and_without_a_signature() {
    let payload = kit::b64(format!("{{\"exp\":{}}}", kit::NOW + 60));
    for bits in 0..16_u8 {
        let none: String = "none"
            .chars()
            .enumerate()
            .map(|(at, c)| if bits >> at & 1 == 1 { c.to_ascii_uppercase() } else { c })
            .collect();
        let header = format!(r#"{{"alg":"{none}"}}"#);
        assert_eq!(fault(&header), Some(TokenErrorKind::WrongAlgorithm), "{none}");
        let bare = format!("{}.{payload}.", kit::b64(&header));
        assert_eq!(kit::fault(&kit::auth(), &bare), Some(TokenErrorKind::WrongAlgorithm), "{none}");
    }
}

#[test]
fn crit_is_refused_whatever_it_lists() {
    for header in [
        r#"{"alg":"HS256","crit":["x"],"x":1}"#,
        r#"{"alg":"HS256","crit":["x"]}"#,
        r#"{"alg":"HS256","crit":["exp"],"exp":1}"#,
        r#"{"alg":"HS256","crit":["alg"]}"#,
        r#"{"alg":"HS256","crit":["x","x"],"x":1}"#,
        r#"{"alg":"HS256","crit":[]}"#,
        r#"{"alg":"HS256","crit":"x"}"#,
        r#"{"alg":"HS256","crit":{}}"#,
        r#"{"alg":"HS256","crit":null}"#,
        r#"{"alg":"HS256","\u0063rit":["x"]}"#,
    ] {
        assert_eq!(fault(header), Some(TokenErrorKind::UnsupportedHeader), "{header}");
    }
}

#[test]
fn b64_is_refused_with_and_without_crit() {
    for header in [
        r#"{"alg":"HS256","b64":false}"#,
        r#"{"alg":"HS256","b64":true}"#,
        r#"{"alg":"HS256","b64":false,"crit":["b64"]}"#,
        r#"{"alg":"HS256","b64":true,"crit":["b64"]}"#,
    ] {
        assert_eq!(fault(header), Some(TokenErrorKind::UnsupportedHeader), "{header}");
        let payload = format!("{{\"exp\":{}}}", kit::NOW + 60);
        let text = format!("{}.{payload}", kit::b64(header));
        let tag = kit::b64(kit::tag(Algorithm::Hs256, &kit::key_bytes(), text.as_bytes()));
        assert!(kit::fault(&kit::auth(), &format!("{text}.{tag}")).is_some());
    }
}

#[test]
fn a_token_does_not_choose_the_key_that_verifies_it() {
    let theirs: Vec<u8> = (100..164).collect();
    let k = kit::b64(&theirs);
    let payload = format!("{{\"exp\":{}}}", kit::NOW + 60);
    for member in [
        format!(r#""jwk":{{"kty":"oct","alg":"HS256","k":"{k}"}}"#),
        r#""jku":"https://evil.example/keys""#.to_owned(),
        r#""x5u":"https://evil.example/chain""#.to_owned(),
        format!(r#""x5c":["{k}"]"#),
    ] {
        let header = format!(r#"{{"alg":"HS256",{member}}}"#);
        let forged = kit::sign_as(Algorithm::Hs256, &theirs, &header, &payload);
        let fault = kit::fault(&kit::auth(), &forged);
        assert_eq!(fault, Some(TokenErrorKind::BadSignature), "{header}");
        assert_eq!(self::fault(&header), None, "the parameter is ignored in a token of ours");
    }
}

#[test]
fn a_kid_with_an_injection_finds_no_key() {
    let key = Key::hs256(kit::secret()).with_id("k1").unwrap();
    let auth = JwtAuth::new(key).with_clock(kit::at(kit::NOW));
    let with_kid = |kid: &str| {
        let header = json!({ "alg": "HS256", "kid": kid }).to_string();
        kit::fault(&auth, &kit::with_header(header))
    };
    assert_eq!(with_kid("k1"), None);
    for kid in ["", "K1", "k1 ", "k1\0", "k2", "../../dev/null", "' OR 1=1 --", "\"\r\nx", "é", "*"]
    {
        assert_eq!(with_kid(kid), Some(TokenErrorKind::UnknownKeyId), "{kid:?}");
    }
    assert_eq!(with_kid(&"k".repeat(256)), Some(TokenErrorKind::UnknownKeyId));
    assert_eq!(with_kid(&"k".repeat(257)), Some(TokenErrorKind::Malformed));
    let auth = auth.clone().max_token_bytes(1024 * 1024);
    let header = json!({ "alg": "HS256", "kid": "k".repeat(700_000) }).to_string();
    assert_eq!(kit::fault(&auth, &kit::with_header(header)), Some(TokenErrorKind::Malformed));
}

#[test]
fn a_verified_token_has_the_identifier_of_its_key_and_all_other_strings() {
    for id in ["k", "ключ 2026", &"k".repeat(256)] {
        let key = Key::hs256(kit::secret()).with_id(id).unwrap();
        let auth = JwtAuth::new(key).with_clock(kit::at(kit::NOW));
        let header = json!({ "alg": "HS256", "kid": id }).to_string();
        let payload = format!(r#"{{"exp":{},"sub":"al\u0069ce","jti":"\u0031"}}"#, kit::NOW + 60);
        let encoded = kit::sign(header, payload);
        let claims = auth.verify(&encoded).unwrap();
        let token = claims.token();
        assert_eq!((token.key_id(), token.encoded()), (Some(id), &*encoded));
        assert_eq!((token.subject(), token.id()), (Some("alice"), Some("1")));
    }
}

#[test]
fn a_key_without_an_identifier_is_for_tokens_without_one() {
    assert_eq!(fault(r#"{"alg":"HS256","kid":"k"}"#), Some(TokenErrorKind::UnknownKeyId));
    assert_eq!(fault(r#"{"alg":"HS256","kid":""}"#), Some(TokenErrorKind::UnknownKeyId));
    assert_eq!(fault(r#"{"alg":"HS256"}"#), None);
}

#[test]
fn a_kid_chooses_its_key_and_there_is_no_second_try() {
    let bytes = |first: u8| (first..first + 64).collect::<Vec<u8>>();
    let key = |first, id| Key::hs256(Secret::new(bytes(first)).unwrap()).with_id(id).unwrap();
    let keys = KeySet::new([key(0, "a"), key(100, "b")]).unwrap();
    let auth = JwtAuth::new(keys).with_clock(kit::at(kit::NOW));
    let payload = format!("{{\"exp\":{}}}", kit::NOW + 60);
    for (kid, first, expected) in [
        (r#","kid":"a""#, 0, None),
        (r#","kid":"b""#, 100, None),
        (r#","kid":"a""#, 100, Some(TokenErrorKind::BadSignature)),
        (r#","kid":"b""#, 0, Some(TokenErrorKind::BadSignature)),
        ("", 0, None),
        ("", 100, None),
        ("", 50, Some(TokenErrorKind::BadSignature)),
    ] {
        let header = format!(r#"{{"alg":"HS256"{kid}}}"#);
        let token = kit::sign_as(Algorithm::Hs256, &bytes(first), header, &payload);
        // The second verification finds the header in the cache.
        for _ in 0..2 {
            assert_eq!(kit::fault(&auth, &token), expected, "{kid} {first}");
        }
    }
}

#[test]
fn a_key_with_an_identifier_is_for_one_algorithm_only() {
    for algorithm in kit::ALGORITHMS {
        let auth = JwtAuth::new(kit::key(algorithm).with_id("k").unwrap());
        let auth = auth.with_clock(kit::at(kit::NOW));
        for claimed in kit::ALGORITHMS {
            for kid in [r#","kid":"k""#, ""] {
                let header = format!(r#"{{"alg":"{claimed}"{kid}}}"#);
                let payload = format!("{{\"exp\":{}}}", kit::NOW + 60);
                let token = kit::sign_as(claimed, &kit::key_bytes(), header, payload);
                let expected = (claimed != algorithm).then_some(TokenErrorKind::WrongAlgorithm);
                assert_eq!(kit::fault(&auth, &token), expected, "{claimed} for {algorithm}");
            }
        }
    }
}

#[test]
fn a_header_is_at_most_1024_bytes() {
    let of = |len: usize| format!(r#"{{"alg":"HS256"}}{}"#, " ".repeat(len - 15));
    assert_eq!(fault(&of(1024)), None);
    assert_eq!(fault(&of(1025)), Some(TokenErrorKind::Malformed));
}

#[test]
fn the_key_of_another_issuer_does_not_sign_for_this_one() {
    let master = Secret::generate().unwrap();
    let [a, b] = ["https://a.example", "https://b.example"].map(|iss| master.derive(iss, "cart"));
    let claims = json!({ "iss": "https://a.example", "aud": "cart", "exp": kit::NOW + 60 });
    let auth = JwtAuth::new(a.clone()).issuer("https://a.example").audience("cart");
    let auth = auth.with_clock(kit::at(kit::NOW));
    let [by_a, by_b] = [a, b].map(|secret| Signer::new(Key::hs256(secret)).sign(&claims).unwrap());
    assert_eq!(kit::fault(&auth, &by_a), None);
    assert_eq!(kit::fault(&auth, &by_b), Some(TokenErrorKind::BadSignature));
}
