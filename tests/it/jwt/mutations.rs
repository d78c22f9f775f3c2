//! Every token that differs from a valid token in one bit or one character is rejected.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{HeaderValue, Request, StatusCode, header};
use serde_json::json;
use tower_jwt_auth::jwt::Signer;
use tower_jwt_auth::{Algorithm, JwtAuth, Secret};

use crate::kit;

/// The characters to insert and to substitute: those of base64url, and similar ones.
const CHARACTERS: &str =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n\0é\t%,\"";

/// Creates five small tokens with one algorithm. The lengths of their base64 parts, divided by 4,
/// leave every possible remainder: 0, 2 and 3.
fn tokens(algorithm: Algorithm) -> [String; 5] {
    let signer = Signer::new(kit::key(algorithm));
    let exp = kit::NOW + 1;
    [
        signer.sign(&json!({ "exp": exp })).unwrap(),
        signer.clone().token_type("at+jwt").sign(&json!({ "exp": exp, "a": 1 })).unwrap(),
        kit::sign_as(
            algorithm,
            &kit::key_bytes(),
            format!("{{\"alg\":\"{algorithm}\"}}"),
            format!("{{\"exp\":{exp},\"b\":12}}"),
        ),
        kit::sign_as(
            algorithm,
            &kit::key_bytes(),
            format!("{{ \"alg\":\"{algorithm}\" }}"),
            format!(" {{\"exp\":{exp}.5,\"sub\":\"é\"}}\n"),
        ),
        Signer::new(kit::key(algorithm)).sign(&json!({ "exp": exp, "scope": "a b" })).unwrap(),
    ]
}

fn auth(algorithm: Algorithm) -> JwtAuth {
    JwtAuth::new(kit::key(algorithm)).with_clock(kit::at(kit::NOW))
}

/// Runs `check` for each token of each algorithm, with one thread per algorithm.
fn for_each_token(check: impl Fn(&JwtAuth, &str) + Sync) {
    std::thread::scope(|scope| {
        for algorithm in kit::ALGORITHMS {
            let check = &check;
            scope.spawn(move || {
                let auth = auth(algorithm);
                for token in tokens(algorithm) {
                    assert!(auth.verify(&token).is_ok(), "{token}");
                    check(&auth, &token);
                }
            });
        }
    });
}

/// Returns the positions between characters, including both ends.
fn places(token: &str) -> impl Iterator<Item = usize> {
    0..=token.len()
}

#[test]
fn every_flipped_bit_is_refused() {
    let raw = AtomicUsize::new(0);
    for_each_token(|auth, token| {
        for bit in 0..token.len() * 8 {
            let mut bytes = token.as_bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok(text) = std::str::from_utf8(&bytes) {
                assert!(auth.verify(text).is_err(), "bit {bit} of {token}");
            }
            // `verify` takes text only. An HTTP header can contain other bytes, so also send each
            // changed token in a request.
            let field = [b"Bearer ", &bytes[..]].concat();
            let Ok(field) = HeaderValue::from_bytes(&field) else { continue };
            let mut request = Request::new(());
            request.headers_mut().insert(header::AUTHORIZATION, field);
            let status = kit::send(auth, request).status();
            assert!(
                [StatusCode::UNAUTHORIZED, StatusCode::BAD_REQUEST].contains(&status),
                "bit {bit} of {token}: {status}"
            );
            raw.fetch_add(usize::from(std::str::from_utf8(&bytes).is_err()), Ordering::Relaxed);
        }
    });
    // A byte with its highest bit flipped is not UTF-8, but an HTTP header can contain it.
    let len: usize = kit::ALGORITHMS.map(tokens).iter().flatten().map(String::len).sum();
    assert_eq!(raw.into_inner(), len);
}

#[test]
fn every_changed_character_is_refused() {
    for_each_token(|auth, token| {
        for at in 0..token.len() {
            for new in CHARACTERS.chars().filter(|new| !token[at..].starts_with(*new)) {
                let changed = format!("{}{new}{}", &token[..at], &token[at + 1..]);
                assert!(auth.verify(&changed).is_err(), "{new:?} at {at} of {token}");
            }
        }
    });
}

#[test]
fn every_inserted_character_is_rejected() {
    for_each_token(|auth, token| {
        for at in places(token) {
            for new in CHARACTERS.chars() {
                let longer = format!("{}{new}{}", &token[..at], &token[at..]);
                assert!(auth.verify(&longer).is_err(), "{new:?} at {at} of {token}");
            }
        }
    });
}

#[test]
fn every_removed_character_is_rejected() {
    for_each_token(|auth, token| {
        for at in 0..token.len() {
            let shorter = format!("{}{}", &token[..at], &token[at + 1..]);
            assert!(auth.verify(&shorter).is_err(), "without {at} of {token}");
        }
    });
}

#[test]
fn every_truncation_is_refused_from_either_end() {
    for_each_token(|auth, token| {
        for at in places(token).filter(|at| (1..token.len()).contains(at)) {
            let (start, end) = token.split_at(at);
            assert!(auth.verify(start).is_err(), "{start}");
            assert!(auth.verify(end).is_err(), "{end}");
        }
    });
}

#[test]
fn parts_of_two_good_tokens_do_not_mix() {
    for algorithm in kit::ALGORITHMS {
        let (auth, tokens) = (auth(algorithm), tokens(algorithm));
        let parts = |token: &str| -> Vec<String> { token.split('.').map(Into::into).collect() };
        let good: HashSet<&str> = tokens.iter().map(String::as_str).collect();
        for header in &tokens {
            for payload in &tokens {
                for signature in &tokens {
                    let mixed =
                        [&*parts(header)[0], &*parts(payload)[1], &*parts(signature)[2]].join(".");
                    assert_eq!(auth.verify(&mixed).is_ok(), good.contains(&*mixed), "{mixed}");
                }
            }
        }
    }
}

#[test]
fn a_token_is_good_for_its_own_algorithm_and_key_only() {
    for signed in kit::ALGORITHMS {
        for configured in kit::ALGORITHMS {
            for token in tokens(signed) {
                let is_good = auth(configured).verify(&token).is_ok();
                assert_eq!(is_good, signed == configured, "{token}");
            }
        }
    }
    let mut other = kit::key_bytes();
    for bit in 0..other.len() * 8 {
        other[bit / 8] ^= 1 << (bit % 8);
        let stranger = JwtAuth::new(Secret::new(&other).unwrap()).with_clock(kit::at(kit::NOW));
        assert!(stranger.verify(&tokens(Algorithm::Hs256)[0]).is_err(), "bit {bit}");
        other[bit / 8] ^= 1 << (bit % 8);
    }
}
