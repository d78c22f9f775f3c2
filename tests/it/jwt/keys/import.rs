//! Tests of keys in PEM, DER and JWK. OpenSSL made the keys in `tests/data/keys/openssl`. The
//! Python library `cryptography` signed the tokens in `tokens.json` with these keys.

use serde_json::{Value, json};
use tower_jwt_auth::jwt::{KeyError, KeyErrorKind, TokenErrorKind};
use tower_jwt_auth::{Algorithm, Key, Secret};

use crate::kit;
use crate::kit::pairs::{self, ALGORITHMS, fault, sign};

pub(super) fn pem(name: &str) -> String {
    let path = format!("{}/data/keys/openssl/{name}.pem", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

fn der(name: &str) -> Vec<u8> {
    let pem = pem(name);
    let from = pem.rfind("-----BEGIN ").unwrap();
    let body = pem[from..].lines().filter(|line| !line.starts_with('-'));
    kit::from_base64(&body.collect::<String>())
}

/// Returns the kind of the error, and checks that its message contains `part` and no key material.
#[track_caller]
fn refused(result: Result<Key, KeyError>, part: &str) -> KeyErrorKind {
    let error = result.unwrap_err();
    assert!(error.to_string().contains(part), "{part:?} is not in: {error}");
    assert!(!error.to_string().contains("MII"), "{error}");
    error.kind()
}

#[test]
fn keys_of_openssl_verify_the_tokens_that_another_library_signed_with_them() {
    let cases = kit::json("keys/openssl/tokens.json");
    for case in cases.as_array().unwrap() {
        let name = kit::str_of(case, "key");
        let algorithm: Algorithm = kit::str_of(case, "alg").parse().unwrap();
        let token = kit::str_of(case, "token");
        let pair = Key::from_pem(algorithm, &pem(name)).unwrap();
        assert!(pair.can_sign());
        let jwk = case["jwk"].to_string();
        let mut keys = vec![
            pair.public().unwrap(),
            Key::from_der(algorithm, &der(name)).unwrap(),
            Key::from_pem(algorithm, &pair.dangerous_to_pem().unwrap()).unwrap(),
            Key::from_jwk(&pair.to_jwk().unwrap()).unwrap(),
        ];
        if Key::from_jwk(&jwk).unwrap().algorithm() == algorithm {
            keys.push(Key::from_jwk(&jwk).unwrap());
        }
        let other_forms =
            ["public", "pkcs1", "public_pkcs1", "sec1"].map(|form| format!("{name}_{form}"));
        for form in other_forms {
            let path = format!("{}/data/keys/openssl/{form}.pem", env!("CARGO_MANIFEST_DIR"));
            if std::path::Path::new(&path).exists() {
                keys.push(Key::from_pem(algorithm, &pem(&form)).unwrap());
                keys.push(Key::from_der(algorithm, &der(&form)).unwrap());
            }
        }
        keys.push(pair);
        for key in keys {
            assert_eq!(key.id(), case["thumbprint"].as_str(), "{name}");
            assert_eq!(key.thumbprint().as_deref(), key.id());
            assert_eq!(fault(key.clone(), token), None, "{name} {algorithm}");
            if key.can_sign() {
                assert_eq!(fault(key.public().unwrap(), &sign(&key)), None, "{name} {algorithm}");
            }
            let (message, signature) = token.rsplit_once('.').unwrap();
            let mut bytes = kit::unb64(signature);
            bytes[7] ^= 1;
            let forged = format!("{message}.{}", kit::b64(bytes));
            assert_eq!(fault(key, &forged), Some(TokenErrorKind::BadSignature));
        }
    }
}

#[test]
fn a_key_is_for_an_algorithm_of_its_type_only() {
    for (name, fitting) in [
        ("rsa", &ALGORITHMS[..6]),
        ("p256", &[Algorithm::Es256]),
        ("p384", &[Algorithm::Es384]),
        ("p521", &[Algorithm::Es512]),
        ("ed25519", &[Algorithm::EdDsa]),
        ("ml_dsa_44", &[Algorithm::MlDsa44]),
        ("ml_dsa_65", &[Algorithm::MlDsa65]),
        ("ml_dsa_87", &[Algorithm::MlDsa87]),
    ] {
        for form in [name.to_owned(), format!("{name}_public")] {
            for algorithm in ALGORITHMS {
                let key = Key::from_pem(algorithm, &pem(&form));
                if fitting.contains(&algorithm) {
                    assert!(key.is_ok(), "{form} {algorithm}");
                } else {
                    let needs = format!("{algorithm} needs a different kind of key");
                    assert_eq!(refused(key, &needs), KeyErrorKind::Contradictory, "{form}");
                }
            }
            for algorithm in kit::ALGORITHMS {
                let kind = refused(Key::from_pem(algorithm, &pem(&form)), "");
                assert_eq!(kind, KeyErrorKind::Contradictory, "{form} {algorithm}");
            }
        }
    }
    for (form, algorithm, reason) in [
        ("rsa_pkcs1", Algorithm::Es256, "an RSA key, and ES256 needs a different kind of key"),
        ("p256_sec1", Algorithm::Rs256, "elliptic curve, and RS256 needs a different kind of key"),
        ("p256_sec1", Algorithm::EdDsa, "elliptic curve, and EdDSA needs a different kind of key"),
    ] {
        let kind = refused(Key::from_pem(algorithm, &pem(form)), reason);
        assert_eq!(kind, KeyErrorKind::Contradictory);
    }
    let kind = refused(Key::from_pem(Algorithm::Es384, &pem("p256_sec1")), "not a valid key");
    assert_eq!(kind, KeyErrorKind::Invalid);
}

#[test]
fn input_other_than_a_plain_key_is_rejected_with_a_helpful_sentence() {
    let read = |name| Key::from_pem(Algorithm::Es256, &pem(name));
    for (name, part) in [
        ("certificate", "openssl x509 -in certificate.pem -pubkey -noout"),
        ("request", "certificate"),
        ("encrypted", "openssl pkey -in encrypted.pem"),
        ("encrypted_pkcs1", "is encrypted"),
        ("openssh", "openssl genpkey"),
        ("secp256k1_public", "use P-256, P-384 or P-521"),
        ("secp256k1", "use P-256, P-384 or P-521"),
        ("ed448_public", "the type of the key is not supported"),
        ("x25519_public", "the type of the key is not supported"),
        ("rsa_pss", "restricted to PSS"),
        ("rsa_pss_public", "restricted to PSS"),
    ] {
        assert_eq!(refused(read(name), part), KeyErrorKind::Unsupported, "{name}");
    }
    for name in ["certificate", "encrypted"] {
        let kind = refused(Key::from_der(Algorithm::Es256, &der(name)), "`openssl ");
        assert_eq!(kind, KeyErrorKind::Unsupported, "{name}");
    }
    let kind = refused(read("p256_compressed"), "not an uncompressed point");
    assert_eq!(kind, KeyErrorKind::Invalid);
    for name in ["rsa_1024", "rsa_1024_public"] {
        let kind = refused(Key::from_pem(Algorithm::Rs256, &pem(name)), "1024 bits");
        assert_eq!(kind, KeyErrorKind::TooShort);
    }
}

#[test]
fn pem_text_is_read_as_people_store_it() {
    let expected = Key::from_pem(Algorithm::Es256, &pem("p256")).unwrap();
    let text = pem("p256");
    for stored in [
        text.replace('\n', "\r\n"),
        text.replace('\n', "\\n"),
        text.trim_end().to_owned(),
        format!("\n\nBag Attributes\n    friendlyName: key\n{text}\nmore text\n"),
        format!("\u{feff}\n{text}"),
        text.lines().map(|line| format!("    {line}  \n")).collect(),
        // `openssl ecparam -genkey` writes the parameters first.
        pem("p256_sec1"),
    ] {
        let key = Key::from_pem(Algorithm::Es256, &stored).unwrap();
        assert_eq!(key.id(), expected.id(), "{stored}");
    }
}

#[test]
fn damaged_pem_text_is_rejected() {
    let text = pem("p256_public");
    for (damaged, part) in [
        (String::new(), "not PEM text"),
        ("secret".to_owned(), "not PEM text"),
        (text.replace("-----BEGIN", "----BEGIN"), "not PEM text"),
        (text.replace("KEY-----\nM", "KEY----\nM"), "first line"),
        (text.replace("END PUBLIC", "END PRIVATE"), "no line"),
        (text.replace("-----END", ""), "no line"),
        (text.replace("MFkw", "MFk!"), "not base64"),
        (text.replace("MFkw", "MFk"), "not base64"),
        (text.replace("PUBLIC KEY", "PRIVATE KEY"), "structure of \"PUBLIC KEY\""),
        (text.replace("PUBLIC KEY", "RSA PUBLIC KEY"), "structure of \"PUBLIC KEY\""),
        (format!("{text}{text}"), "several keys"),
        (format!("{text}{}", pem("p256")), "several keys"),
    ] {
        let kind = refused(Key::from_pem(Algorithm::Es256, &damaged), part);
        assert_eq!(kind, KeyErrorKind::Unreadable, "{damaged}");
    }
}

#[test]
fn changed_der_never_panics_and_has_one_encoding() {
    for (name, algorithm) in [
        ("rsa_public", Algorithm::Rs256),
        ("rsa_public_pkcs1", Algorithm::Rs256),
        ("p256_public", Algorithm::Es256),
        ("ed25519_public", Algorithm::EdDsa),
        ("p256", Algorithm::Es256),
        ("p256_sec1", Algorithm::Es256),
        ("ed25519", Algorithm::EdDsa),
        ("ml_dsa_44", Algorithm::MlDsa44),
    ] {
        let good = der(name);
        let id = Key::from_der(algorithm, &good).unwrap().thumbprint();
        for end in 0..good.len() {
            assert!(Key::from_der(algorithm, &good[..end]).is_err(), "{name} {end}");
        }
        assert!(Key::from_der(algorithm, &[&good[..], &[0]].concat()).is_err(), "{name}");
        if name.ends_with("_public") || name.ends_with("public_pkcs1") {
            for place in 0..good.len() {
                for bit in 0..8 {
                    let mut changed = good.clone();
                    changed[place] ^= 1 << bit;
                    if let Ok(key) = Key::from_der(algorithm, &changed) {
                        assert_ne!(key.thumbprint(), id, "{name}: byte {place} bit {bit}");
                    }
                }
            }
        }
    }
}

/// Returns the JWK of a public key with some members changed. `null` removes a member.
fn changed(name: &str, algorithm: Algorithm, changes: Value) -> String {
    let key = Key::from_pem(algorithm, &pem(name)).unwrap();
    let mut jwk: Value = serde_json::from_str(&key.to_jwk().unwrap()).unwrap();
    for (name, value) in changes.as_object().unwrap() {
        jwk[name] = value.clone();
    }
    jwk.to_string()
}

#[test]
fn a_jwk_without_an_algorithm_is_for_the_usual_one() {
    for (name, algorithm) in [
        ("rsa", Algorithm::Rs256),
        ("p256", Algorithm::Es256),
        ("p384", Algorithm::Es384),
        ("p521", Algorithm::Es512),
        ("ed25519", Algorithm::EdDsa),
    ] {
        let jwk = changed(name, algorithm, json!({ "alg": null, "kid": null, "use": null }));
        let key = Key::from_jwk(&jwk).unwrap();
        assert_eq!((key.algorithm(), key.id()), (algorithm, key.thumbprint().as_deref()));
    }
    let jwk = changed("ed25519", Algorithm::EdDsa, json!({ "alg": "Ed25519", "kid": "a" }));
    let key = Key::from_jwk(&jwk).unwrap();
    assert_eq!((key.algorithm(), key.id()), (Algorithm::EdDsa, Some("a")));
    let jwk = changed("ml_dsa_44", Algorithm::MlDsa44, json!({ "alg": null }));
    assert_eq!(refused(Key::from_jwk(&jwk), "no `alg`"), KeyErrorKind::Unsupported);
}

#[test]
fn contradictory_and_malformed_jwks_are_rejected() {
    let rsa: Value = serde_json::from_str(&changed("rsa", Algorithm::Rs256, json!({}))).unwrap();
    let n = kit::unb64(kit::str_of(&rsa, "n"));
    let longer = |bytes: &[u8]| kit::b64([&[0], bytes].concat());
    for (name, algorithm, changes, kind) in [
        ("rsa", Algorithm::Rs256, json!({ "alg": "ES256" }), KeyErrorKind::Contradictory),
        ("rsa", Algorithm::Rs256, json!({ "alg": "HS256" }), KeyErrorKind::Contradictory),
        ("rsa", Algorithm::Rs256, json!({ "alg": "RSA-OAEP" }), KeyErrorKind::Contradictory),
        ("rsa", Algorithm::Rs256, json!({ "use": "enc" }), KeyErrorKind::Contradictory),
        ("rsa", Algorithm::Rs256, json!({ "key_ops": ["sign"] }), KeyErrorKind::Contradictory),
        ("rsa", Algorithm::Rs256, json!({ "kty": "EC" }), KeyErrorKind::Unreadable),
        ("rsa", Algorithm::Rs256, json!({ "n": null }), KeyErrorKind::Unreadable),
        ("rsa", Algorithm::Rs256, json!({ "n": 1 }), KeyErrorKind::Unreadable),
        ("rsa", Algorithm::Rs256, json!({ "n": "" }), KeyErrorKind::Invalid),
        ("rsa", Algorithm::Rs256, json!({ "n": "A" }), KeyErrorKind::Unreadable),
        ("rsa", Algorithm::Rs256, json!({ "e": "AQAB=" }), KeyErrorKind::Unreadable),
        ("rsa", Algorithm::Rs256, json!({ "n": longer(&n) }), KeyErrorKind::Invalid),
        ("rsa", Algorithm::Rs256, json!({ "n": kit::b64(&n[1..]) }), KeyErrorKind::TooShort),
        (
            "rsa",
            Algorithm::Rs256,
            json!({ "n": kit::b64([&n[..255], &[2]].concat()) }),
            KeyErrorKind::Invalid,
        ),
        (
            "rsa",
            Algorithm::Rs256,
            json!({ "n": kit::b64(vec![0xFF; 1025]) }),
            KeyErrorKind::Unsupported,
        ),
        ("rsa", Algorithm::Rs256, json!({ "e": "" }), KeyErrorKind::Invalid),
        ("rsa", Algorithm::Rs256, json!({ "e": "AQ" }), KeyErrorKind::Invalid),
        ("rsa", Algorithm::Rs256, json!({ "e": "Ag" }), KeyErrorKind::Invalid),
        ("rsa", Algorithm::Rs256, json!({ "e": "AAEAAQ" }), KeyErrorKind::Invalid),
        ("rsa", Algorithm::Rs256, json!({ "e": kit::b64([1, 0, 0, 0, 1]) }), KeyErrorKind::Invalid),
        ("p256", Algorithm::Es256, json!({ "alg": "ES384" }), KeyErrorKind::Contradictory),
        ("p256", Algorithm::Es256, json!({ "alg": "ECDH-ES" }), KeyErrorKind::Contradictory),
        ("p256", Algorithm::Es256, json!({ "crv": "P-384", "alg": null }), KeyErrorKind::Invalid),
        ("p256", Algorithm::Es256, json!({ "crv": "secp256k1" }), KeyErrorKind::Unsupported),
        ("p256", Algorithm::Es256, json!({ "crv": null }), KeyErrorKind::Unreadable),
        ("p256", Algorithm::Es256, json!({ "y": null }), KeyErrorKind::Unreadable),
        ("p256", Algorithm::Es256, json!({ "y": kit::b64([1; 32]) }), KeyErrorKind::Invalid),
        ("p256", Algorithm::Es256, json!({ "x": kit::b64([1; 31]) }), KeyErrorKind::Invalid),
        ("p256", Algorithm::Es256, json!({ "x": kit::b64([0; 33]) }), KeyErrorKind::Invalid),
        (
            "p256",
            Algorithm::Es256,
            json!({ "x": kit::b64([0; 32]), "y": kit::b64([0; 32]) }),
            KeyErrorKind::Invalid,
        ),
        ("p256", Algorithm::Es256, json!({ "x": kit::b64([0xFF; 32]) }), KeyErrorKind::Invalid),
        ("ed25519", Algorithm::EdDsa, json!({ "crv": "Ed448" }), KeyErrorKind::Unsupported),
        ("ed25519", Algorithm::EdDsa, json!({ "crv": "X25519" }), KeyErrorKind::Unsupported),
        ("ed25519", Algorithm::EdDsa, json!({ "x": kit::b64([9; 31]) }), KeyErrorKind::Invalid),
        ("ed25519", Algorithm::EdDsa, json!({ "x": kit::b64([0; 32]) }), KeyErrorKind::Invalid),
        ("ml_dsa_44", Algorithm::MlDsa44, json!({ "alg": "ML-DSA-65" }), KeyErrorKind::Invalid),
        ("ml_dsa_44", Algorithm::MlDsa44, json!({ "alg": "EdDSA" }), KeyErrorKind::Unsupported),
        ("ml_dsa_44", Algorithm::MlDsa44, json!({ "pub": "AAAA" }), KeyErrorKind::Invalid),
        ("p256", Algorithm::Es256, json!({ "kty": "ec" }), KeyErrorKind::Unsupported),
        ("p256", Algorithm::Es256, json!({ "kid": "" }), KeyErrorKind::BadId),
        // Because of the private member `d`, the JWK is read as a key pair. The key pair is
        // invalid.
        ("p256", Algorithm::Es256, json!({ "d": "AAAA" }), KeyErrorKind::Invalid),
        ("p256", Algorithm::Es256, json!({ "k": "AAAA" }), KeyErrorKind::Unreadable),
    ] {
        let jwk = changed(name, algorithm, changes);
        assert_eq!(refused(Key::from_jwk(&jwk), ""), kind, "{jwk}");
    }
}

#[test]
fn an_unsupported_curve_is_rejected_with_the_supported_ones() {
    for (name, algorithm, crv, part) in [
        ("p256", Algorithm::Es256, "secp256k1", "use P-256, P-384 or P-521"),
        ("ed25519", Algorithm::EdDsa, "Ed448", "use Ed25519"),
    ] {
        let jwk = changed(name, algorithm, json!({ "crv": crv }));
        assert_eq!(refused(Key::from_jwk(&jwk), part), KeyErrorKind::Unsupported);
    }
}

#[test]
fn members_that_do_not_matter_are_ignored() {
    let jwk = changed(
        "p256",
        Algorithm::Es256,
        json!({ "x5c": ["AAAA"], "x5t": 1, "x5u": "https://evil.example", "key_ops": ["verify"],
                "more": { "a": [] } }),
    );
    assert!(Key::from_jwk(&jwk).is_ok());
}

#[test]
fn a_private_jwk_makes_a_pair_if_its_halves_belong_together() {
    for name in ["3_2.ec_private_key", "3_4.rsa_private_key"] {
        let jwk = kit::json(&format!("cookbook/jwk/{name}.json"));
        let pair = Key::from_jwk(&jwk.to_string()).unwrap();
        assert!(pair.can_sign());
        assert_eq!(fault(pair.public().unwrap(), &sign(&pair)), None);
        for member in ["d", "p", "q", "dp", "dq", "qi"] {
            let Some(value) = jwk[member].as_str() else { continue };
            let mut changed = jwk.clone();
            let mut bytes = kit::unb64(value);
            bytes[10] ^= 1;
            changed[member] = kit::b64(bytes).into();
            let kind = refused(Key::from_jwk(&changed.to_string()), "not a valid key");
            assert_eq!(kind, KeyErrorKind::Invalid, "{member}");
            changed[member] = kit::b64([&[0][..], &kit::unb64(value)].concat()).into();
            let _ = Key::from_jwk(&changed.to_string());
            changed[member] = kit::b64(vec![1; 2000]).into();
            let kind = refused(Key::from_jwk(&changed.to_string()), "private number");
            assert_eq!(kind, KeyErrorKind::Invalid, "{member}");
            changed.as_object_mut().unwrap().remove(member);
            if name.contains("rsa") {
                let kind = refused(Key::from_jwk(&changed.to_string()), "has no");
                assert_eq!(kind, KeyErrorKind::Unreadable, "{member}");
            }
        }
        let mut changed = jwk.clone();
        changed["key_ops"] = json!(["verify"]);
        let kind = refused(Key::from_jwk(&changed.to_string()), "`sign`");
        assert_eq!(kind, KeyErrorKind::Contradictory);
        changed["key_ops"] = json!(["sign"]);
        assert!(Key::from_jwk(&changed.to_string()).is_ok());
    }
    let mut rsa = kit::json("cookbook/jwk/3_4.rsa_private_key.json");
    rsa["oth"] = json!([]);
    assert_eq!(refused(Key::from_jwk(&rsa.to_string()), "two primes"), KeyErrorKind::Unsupported);
}

#[test]
fn a_seed_makes_a_pair_if_it_belongs_to_the_public_key() {
    let seed = [7; 32];
    for (algorithm, member) in [
        (Algorithm::EdDsa, "d"),
        (Algorithm::MlDsa44, "priv"),
        (Algorithm::MlDsa65, "priv"),
        (Algorithm::MlDsa87, "priv"),
    ] {
        // With these algorithms, the PKCS #8 encoding of a key pair ends with the pair's seed.
        let pair = pairs::pair(algorithm);
        let text = pair.dangerous_to_pem().unwrap();
        let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
        let own = kit::from_base64(&body);
        let own = &own[own.len() - 32..];
        let mut jwk: Value = serde_json::from_str(&pair.to_jwk().unwrap()).unwrap();
        for (seed, is_own) in [(own, true), (&seed, false), (&own[1..], false), (&[], false)] {
            jwk[member] = kit::b64(seed).into();
            let key = Key::from_jwk(&jwk.to_string());
            assert_eq!(key.is_ok(), is_own, "{algorithm}");
            match key {
                Ok(key) => assert_eq!(fault(pair.public().unwrap(), &sign(&key)), None),
                Err(error) => assert_eq!(error.kind(), KeyErrorKind::Invalid),
            }
        }
    }
}

#[test]
fn the_public_jwk_of_a_key_has_no_private_member() {
    for algorithm in ALGORITHMS {
        let pair = pairs::pair(algorithm).with_id("a\"b").unwrap();
        let jwk: Value = serde_json::from_str(&pair.to_jwk().unwrap()).unwrap();
        assert_eq!((&jwk["alg"], &jwk["use"]), (&json!(algorithm.as_str()), &json!("sig")));
        assert_eq!(jwk["kid"], "a\"b");
        for (name, value) in jwk.as_object().unwrap() {
            let public = ["alg", "use", "kid", "kty", "crv", "n", "e", "x", "y", "pub"];
            assert!(public.contains(&name.as_str()), "{algorithm}: {name} {value}");
        }
        assert!(!Key::from_jwk(&jwk.to_string()).unwrap().can_sign());
    }
    let secret = kit::key(Algorithm::Hs256);
    assert_eq!((secret.to_jwk(), secret.thumbprint()), (None, None));
    assert_eq!(secret.dangerous_to_pem().unwrap_err().kind(), KeyErrorKind::Unsupported);
    let public = pairs::pair(Algorithm::Es256).public().unwrap();
    assert_eq!(public.dangerous_to_pem().unwrap_err().kind(), KeyErrorKind::Unsupported);
}

#[test]
fn no_key_in_pem_or_der_passes_for_a_secret() {
    for name in ["rsa", "rsa_public", "p256_sec1", "ed25519_public", "ml_dsa_44", "certificate"] {
        assert_eq!(Secret::new(pem(name)).unwrap_err().kind(), KeyErrorKind::NotASecret, "{name}");
        let binary = Secret::new(der(name)).unwrap_err().kind();
        assert_eq!(binary, KeyErrorKind::NotASecret, "{name}");
    }
}
