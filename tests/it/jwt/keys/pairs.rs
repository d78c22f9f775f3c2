//! Tests of key pairs and public keys for every algorithm.

use aws_lc_rs::signature::Ed25519KeyPair;
use tower_jwt_auth::issuer::{Grant, TokenIssuer};
use tower_jwt_auth::jwt::{Signer, TokenErrorKind};
use tower_jwt_auth::{Algorithm, Key, KeyStore};

use crate::kit::pairs::{self, ALGORITHMS, fault, sign};
use crate::kit::{self, panics};

#[test]
fn a_public_key_verifies_the_tokens_of_its_pair_and_no_others() {
    for algorithm in ALGORITHMS {
        let pair = pairs::pair(algorithm);
        let public = pair.public().unwrap();
        assert_eq!((public.algorithm(), public.id()), (algorithm, pair.id()));
        let token = sign(&pair);
        assert_eq!(fault(pair.clone(), &token), None, "{algorithm}");
        assert_eq!(fault(public.clone(), &token), None, "{algorithm}");

        let stranger = Key::generate(algorithm).unwrap();
        assert_ne!(stranger.id(), pair.id());
        assert_eq!(fault(stranger.clone(), &token), Some(TokenErrorKind::UnknownKeyId));
        let renamed = stranger.with_id(pair.id().unwrap()).unwrap();
        assert_eq!(fault(renamed, &token), Some(TokenErrorKind::BadSignature), "{algorithm}");
        for other in ALGORITHMS.into_iter().filter(|other| *other != algorithm) {
            let other = pairs::pair(other).with_id(pair.id().unwrap()).unwrap();
            assert_eq!(fault(other, &token), Some(TokenErrorKind::WrongAlgorithm), "{algorithm}");
        }
    }
}

#[test]
fn signatures_have_the_length_that_the_algorithm_prescribes() {
    for (algorithm, len) in [
        (Algorithm::Rs256, 256),
        (Algorithm::Ps512, 256),
        (Algorithm::Es256, 64),
        (Algorithm::Es384, 96),
        (Algorithm::Es512, 132),
        (Algorithm::EdDsa, 64),
        (Algorithm::MlDsa44, 2420),
        (Algorithm::MlDsa65, 3309),
        (Algorithm::MlDsa87, 4627),
    ] {
        let token = sign(&pairs::pair(algorithm));
        let signature = token.rsplit('.').next().unwrap();
        assert_eq!(kit::unb64(signature).len(), len, "{algorithm}");
    }
}

#[test]
fn a_changed_signature_is_rejected_whatever_the_change() {
    for algorithm in ALGORITHMS {
        let pair = pairs::pair(algorithm);
        let token = sign(&pair);
        let (message, signature) = token.rsplit_once('.').unwrap();
        let bytes = kit::unb64(signature);
        let len = bytes.len();
        let flipped = |place: usize| {
            let mut bytes = bytes.clone();
            bytes[place] ^= 1;
            kit::b64(bytes)
        };
        let mut changed = vec![
            String::new(),
            kit::b64(&bytes[..len - 1]),
            kit::b64([&bytes[..], &[0]].concat()),
            kit::b64([&[0], &bytes[..]].concat()),
            kit::b64(vec![0; len]),
            kit::b64(vec![0xFF; len]),
            format!("{signature}="),
            format!("{signature}A"),
            signature.replace('_', "/").replace('-', "+") + "/",
            ".".repeat(signature.len()),
        ];
        changed.extend([0, 1, len / 2, len / 2 + 1, len - 1].map(flipped));
        for signature in changed {
            let token = format!("{message}.{signature}");
            // Verify each token twice. The second time, its header is in the cache.
            for _ in 0..2 {
                let kind = fault(pair.clone(), &token);
                assert_eq!(kind, Some(TokenErrorKind::BadSignature), "{algorithm}: {signature}");
            }
        }
    }
}

#[test]
fn an_ecdsa_signature_in_der_is_rejected() {
    let pair = pairs::pair(Algorithm::Es256);
    let token = sign(&pair);
    let (message, signature) = token.rsplit_once('.').unwrap();
    let integer = |half: &[u8]| [&[0x02, 33, 0][..], half].concat();
    let bytes = kit::unb64(signature);
    let content = [integer(&bytes[..32]), integer(&bytes[32..])].concat();
    let der = [&[0x30, content.len() as u8][..], &content].concat();
    let kind = fault(pair, &format!("{message}.{}", kit::b64(der)));
    assert_eq!(kind, Some(TokenErrorKind::BadSignature));
}

#[test]
fn eddsa_is_accepted_under_both_of_its_names() {
    let pair = pairs::pair(Algorithm::EdDsa);
    let pem = pair.dangerous_to_pem().unwrap();
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let signer = Ed25519KeyPair::from_pkcs8(&kit::from_base64(&body)).unwrap();
    let kind = |alg: &str| {
        let header = kit::b64(format!(r#"{{"alg":"{alg}"}}"#));
        let payload = kit::b64(format!(r#"{{"exp":{}}}"#, kit::NOW + 60));
        let message = format!("{header}.{payload}");
        let signature = kit::b64(signer.sign(message.as_bytes()));
        fault(pair.public().unwrap(), &format!("{message}.{signature}"))
    };
    assert_eq!(kind("EdDSA"), None);
    assert_eq!(kind("Ed25519"), None);
    for alg in ["Ed448", "ed25519", "EDDSA", "ES256", "HS256", "none"] {
        assert_eq!(kind(alg), Some(TokenErrorKind::WrongAlgorithm), "{alg}");
    }
}

#[test]
fn only_secrets_and_pairs_can_sign() {
    for algorithm in ALGORITHMS {
        let pair = pairs::pair(algorithm);
        let public = pair.public().unwrap();
        assert!(pair.can_sign() && !public.can_sign());
        assert!(!public.public().unwrap().can_sign());
    }
    let secret = kit::key(Algorithm::Hs256);
    assert!(secret.can_sign() && secret.public().is_none());
}

#[test]
fn a_signer_with_a_public_key_is_rejected_where_it_is_made() {
    let public = pairs::pair(Algorithm::Es256).public().unwrap();
    let sentence = panics::refused(|| drop(Signer::new(public.clone())));
    assert!(sentence.contains("a public key cannot sign"), "{sentence}");

    let issuer = || TokenIssuer::new("https://auth.shop.example");
    let sentence = panics::refused(|| drop(issuer().audience("cart", public.clone())));
    assert!(sentence.contains("a public key, which cannot sign"), "{sentence}");

    // An application can replace the key of a running issuer. If the new key is a public key,
    // issuing a token must return an error, not panic.
    let keys = KeyStore::from(pairs::pair(Algorithm::Es256));
    let issuer = issuer().audience("cart", keys.clone());
    assert!(issuer.issue(&Grant::new("alice")).is_ok());
    keys.replace(public);
    let error = issuer.issue(&Grant::new("alice")).unwrap_err();
    assert!(error.to_string().contains("cannot sign"), "{error}");
}

#[test]
fn an_issuer_signs_with_every_algorithm() {
    for algorithm in ALGORITHMS {
        let pair = pairs::pair(algorithm);
        let issuer = TokenIssuer::new("https://auth.shop.example")
            .max_token_bytes(16 * 1024)
            .audience("cart", pair.clone());
        let token = issuer.issue(&Grant::new("alice")).unwrap();
        let auth = tower_jwt_auth::JwtAuth::new(pair.public().unwrap())
            .issuer("https://auth.shop.example")
            .audience("cart")
            .max_token_bytes(16 * 1024);
        assert!(auth.verify(token.as_str()).is_ok(), "{algorithm}");
    }
}

#[test]
fn generated_keys_of_every_algorithm_differ() {
    for algorithm in kit::ALGORITHMS {
        let key = Key::generate(algorithm).unwrap();
        assert_eq!((key.algorithm(), key.id()), (algorithm, None));
        let token = sign(&key);
        assert_eq!(fault(key, &token), None);
        let other = Key::generate(algorithm).unwrap();
        assert_eq!(fault(other, &token), Some(TokenErrorKind::BadSignature));
    }
}

#[test]
fn debug_shows_the_identifier_and_no_key_material() {
    for algorithm in ALGORITHMS {
        let pair = pairs::pair(algorithm);
        let id = pair.id().unwrap();
        assert_eq!(id.len(), 43);
        for key in [pair.clone(), pair.public().unwrap()] {
            let expected = format!("Key {{ algorithm: {algorithm:?}, id: Some({id:?}), .. }}");
            assert_eq!(format!("{key:?}"), expected);
        }
    }
}
