//! Tests of the serialization and encoding of a token (RFC 7515).

use tower_jwt_auth::jwt::TokenErrorKind;
use tower_jwt_auth::{Algorithm, JwtAuth, Key};

use crate::kit;

/// Appends a valid signature to any text.
fn signed(text: &str) -> String {
    let tag = kit::tag(Algorithm::Hs256, &kit::key_bytes(), text.as_bytes());
    format!("{text}.{}", kit::b64(tag))
}

/// Returns a header and a payload that are accepted if they are signed.
fn parts() -> (String, String) {
    (kit::b64(r#"{"alg":"HS256"}"#), kit::b64(format!("{{\"exp\":{}}}", kit::NOW + 60)))
}

#[test]
fn a_token_has_exactly_three_parts() {
    let auth = kit::auth();
    let (header, payload) = parts();
    let good = signed(&format!("{header}.{payload}"));
    assert_eq!(kit::fault(&auth, &good), None);
    let signature = good.rsplit('.').next().unwrap();
    for token in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        header.clone(),
        format!("{header}.{payload}"),
        format!("{header}.{payload}."),
        format!("{header}..{signature}"),
        format!(".{payload}.{signature}"),
        format!(".{good}"),
        format!("{good}."),
        format!("{good}.{signature}"),
        format!("{good}.a.b"),
        format!("{header}.{header}.{payload}.{signature}"),
    ] {
        assert!(kit::fault(&auth, &token).is_some(), "{token}");
    }
    // A token with too many, too few or empty parts is rejected, even if its signature is valid.
    for text in [
        header.clone(),
        format!("{header}."),
        format!(".{payload}"),
        format!("{header}.{payload}."),
        format!("{header}.{payload}.{payload}"),
        format!("{header}..{payload}"),
        format!(".{header}.{payload}"),
        format!("{header}.{payload}.a.b.c"),
    ] {
        assert_eq!(kit::fault(&auth, &signed(&text)), Some(TokenErrorKind::Malformed), "{text}");
    }
}

/// For each key, the layer caches the header of the first token. If a later token has the same
/// header, the layer splits the token without searching for dots. With and without a cached header,
/// a malformed token is rejected for the same reason.
#[test]
fn a_malformed_token_has_the_same_reason_whether_its_header_is_known_or_not() {
    for algorithm in kit::ALGORITHMS {
        for id in [None, Some("k")] {
            let key = kit::key(algorithm);
            let key = id.map_or(Ok(key.clone()), |id| key.with_id(id)).unwrap();
            let sign = |text: &str| {
                format!(
                    "{text}.{}",
                    kit::b64(kit::tag(algorithm, &kit::key_bytes(), text.as_bytes()))
                )
            };
            let (_, payload) = parts();
            let kid = id.map_or(String::new(), |id| format!(r#","kid":"{id}""#));
            let header = kit::b64(format!(r#"{{"alg":"{algorithm}"{kid}}}"#));
            let good = sign(&format!("{header}.{payload}"));
            let (signed, signature) = good.rsplit_once('.').unwrap();

            let mut tokens: Vec<String> =
                (0..=good.len()).map(|len| good[..len].to_owned()).collect();
            for place in 0..=good.len() {
                let (start, end) = good.split_at(place);
                tokens.extend(
                    ["", ".", "..", "A", "=", "+", "é"].map(|put| format!("{start}{put}{end}")),
                );
                // Replace one character, so that the length does not change.
                tokens.extend(
                    [".", "A", "B", "\n"]
                        .map(|put| format!("{start}{put}{}", end.get(1..).unwrap_or(""))),
                );
            }
            tokens.extend((0..90).map(|len| format!("{signed}.{}", "A".repeat(len))));
            tokens.extend((0..90).map(|len| format!("{header}.{}", "A".repeat(len))));
            for text in [
                header.clone(),
                format!("{header}."),
                format!("{header}.."),
                format!("{header}.{payload}."),
                format!("{header}..{payload}"),
                format!("{header}.{payload}.{payload}"),
                format!("{header}.{payload}.{signature}"),
                format!("{header}.{header}.{payload}"),
                format!(".{header}.{payload}"),
                format!("{header}A.{payload}"),
            ] {
                tokens.push(sign(&text));
                tokens.push(format!("{text}.{signature}"));
            }

            let auth = |key: &Key| JwtAuth::new(key.clone()).with_clock(kit::at(kit::NOW));
            let reason = |auth: &JwtAuth, token: &str| {
                auth.verify(token).map_err(|error| error.reason().into_owned()).err()
            };
            let warm = auth(&key);
            assert_eq!(reason(&warm, &good), None);
            let mut accepted = 0;
            for token in &tokens {
                let cold = reason(&auth(&key), token);
                assert_eq!(reason(&warm, token), cold, "{token}");
                accepted += usize::from(cold.is_none());
            }
            assert_eq!(accepted, tokens.iter().filter(|token| **token == good).count());
        }
    }
}

#[test]
fn no_part_has_padding_white_space_or_a_character_of_plain_base64() {
    let auth = kit::auth();
    let (header, payload) = parts();
    for put in ["=", "==", "+", "/", "\n", "\r\n", " ", "\t", "\0", "é", "%2E", ",", "~"] {
        for text in [
            format!("{put}{header}.{payload}"),
            format!("{header}{put}.{payload}"),
            format!("{header}.{put}{payload}"),
            format!("{header}.{payload}{put}"),
            format!("{}{put}{}.{payload}", &header[..4], &header[4..]),
            format!("{header}.{}{put}{}", &payload[..4], &payload[4..]),
        ] {
            let fault = kit::fault(&auth, &signed(&text));
            assert_eq!(fault, Some(TokenErrorKind::Malformed), "{text:?}");
        }
        let good = signed(&format!("{header}.{payload}"));
        for token in [format!("{good}{put}"), format!("{put}{good}")] {
            assert!(kit::fault(&auth, &token).is_some(), "{token:?}");
        }
    }
}

/// Returns a copy of the base64url text `part` in which the trailing bits are not zero. A decoder
/// that ignores the trailing bits would return the same bytes for both texts. Returns `None` if
/// `part` has no trailing bits.
fn other_spelling(part: &str) -> Option<String> {
    let (start, last) = part.split_at(part.len() - 1);
    let next = char::from(last.as_bytes()[0] + 1);
    (!part.len().is_multiple_of(4)).then(|| format!("{start}{next}"))
}

#[test]
fn trailing_bits_are_zero_in_every_part() {
    let auth = kit::auth();
    let (mut header, mut payload) = parts();
    let good = signed(&format!("{header}.{payload}"));
    let other = other_spelling(&good).expect("32 bytes leave bits over");
    assert_eq!(kit::fault(&auth, &other), Some(TokenErrorKind::BadSignature));
    // The encoding of a part has trailing bits unless the number of bytes is a multiple of three.
    let (mut headers, mut payloads) = (0, 0);
    for _ in 0..3 {
        if let Some(header) = other_spelling(&header) {
            let token = signed(&format!("{header}.{payload}"));
            assert_eq!(kit::fault(&auth, &token), Some(TokenErrorKind::Malformed), "{token}");
            headers += 1;
        }
        if let Some(payload) = other_spelling(&payload) {
            let token = signed(&format!("{header}.{payload}"));
            assert_eq!(kit::fault(&auth, &token), Some(TokenErrorKind::Malformed), "{token}");
            payloads += 1;
        }
        header = kit::b64([&kit::unb64(&header)[..], b" "].concat());
        payload = kit::b64([&kit::unb64(&payload)[..], b" "].concat());
    }
    assert_eq!((headers, payloads), (2, 2));
}

#[test]
fn an_encrypted_token_is_refused() {
    let (_, payload) = parts();
    for header in [r#"{"alg":"dir","enc":"A256GCM"}"#, r#"{"alg":"HS256","enc":"A256GCM"}"#] {
        let header = kit::b64(header);
        let token = format!("{header}..{payload}.{payload}.{payload}");
        assert!(kit::fault(&kit::auth(), &token).is_some(), "{token}");
        assert!(kit::fault(&kit::auth(), &signed(&token)).is_some(), "{token}");
    }
}

#[test]
fn the_json_form_is_refused() {
    let (header, payload) = parts();
    let good = signed(&format!("{header}.{payload}"));
    let signature = good.rsplit('.').next().unwrap();
    let text =
        format!(r#"{{"protected":"{header}","payload":"{payload}","signature":"{signature}"}}"#);
    for text in [text.clone(), format!("[{text}]"), format!("\"{good}\"")] {
        assert!(kit::fault(&kit::auth(), &text).is_some(), "{text}");
    }
}

#[test]
fn a_token_over_the_limit_is_too_large_and_one_at_it_is_not() {
    for limit in [64, 100, 8192] {
        let auth = kit::auth().max_token_bytes(limit);
        assert_eq!(kit::fault(&auth, &"a".repeat(limit)), Some(TokenErrorKind::Malformed));
        assert_eq!(kit::fault(&auth, &"a".repeat(limit + 1)), Some(TokenErrorKind::TooLarge));
    }
}
