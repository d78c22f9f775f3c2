//! Tests with `adversarial/`: tokens and requests that attack this crate.

use std::time::Duration;

use http::StatusCode;
use serde_json::Value;
use tower_jwt_auth::{AuthErrorKind, JwtAuth, Key, Secret, StandardClaims};

use super::{Exclusion, assert_adds_up, assert_refused_by_hmac, is_listed, without_public_keys};
use crate::bearer::challenge::bearer_params;
use crate::kit::{self, str_of};

const TOKENS: &str = "adversarial/tokens.json";
const REQUESTS: &str = "adversarial/requests.json";

const RSA: &str = "an RSA key needs the feature `asymmetric`";
const EC: &str = "an EC key needs the feature `asymmetric`";
const ED: &str = "an Ed25519 key needs the feature `asymmetric`";
const WAITING: &[Exclusion] = without_public_keys(&[
    ("confusion-pem", RSA),
    ("rs256-ok", RSA),
    ("rsa-PS256-for-RS256", RSA),
    ("es256-ok", EC),
    ("es256-zero", EC),
    ("es256-der", EC),
    ("eddsa-ok", ED),
]);

fn strings(value: &Value) -> Option<Vec<String>> {
    let texts = value.as_array()?.iter().map(|text| text.as_str().unwrap().to_owned());
    Some(texts.collect())
}

/// Reads a public key from the file.
#[cfg(feature = "asymmetric")]
fn public_key(file: &Value, name: &str) -> Key {
    use tower_jwt_auth::Algorithm;

    let algorithm = match name {
        "rsa" => Algorithm::Rs256,
        "ec" => Algorithm::Es256,
        "ed" => Algorithm::EdDsa,
        other => panic!("{other} is new"),
    };
    Key::from_pem(algorithm, str_of(file, &format!("{name}_public_pem"))).unwrap()
}

#[cfg(not(feature = "asymmetric"))]
fn public_key(_: &Value, name: &str) -> Key {
    panic!("{name}: the case is excluded")
}

/// Creates the layer that a case requires.
fn layer(file: &Value, config: &Value) -> JwtAuth {
    let secret = Secret::from_base64(str_of(file, "secret_hs256_b64")).unwrap();
    let key = match config["key"].as_str() {
        None | Some("hs") => Key::hs256(secret),
        Some(name) => public_key(file, name),
    };
    let key = match config["kid"].as_str() {
        Some(kid) => key.with_id(kid).unwrap(),
        None => key,
    };
    let seconds = |value: &Value| value.as_u64().map(Duration::from_secs);
    let leeway = seconds(&config["leeway"]).or(seconds(&file["leeway"])).unwrap();
    let mut auth = JwtAuth::new(key)
        .issuer(str_of(file, "iss"))
        .audience(str_of(file, "aud"))
        .require_claim(strings(&file["required"]).unwrap())
        .leeway(leeway)
        .with_clock(kit::at(file["now"].as_i64().unwrap()));
    if let Some(types) = strings(&config["typ"]) {
        auth = auth.accept_type(types);
    }
    if let Some(bytes) = config["max_token_len"].as_u64() {
        auth = auth.max_token_bytes(usize::try_from(bytes).unwrap());
    }
    auth
}

#[test]
fn adversarial_tokens_get_their_verdicts() {
    let file = kit::json(TOKENS);
    let cases = file["cases"].as_array().unwrap();
    let names: Vec<String> = cases.iter().map(|case| str_of(case, "id").to_owned()).collect();
    assert_eq!(names.len(), 77);
    let mut applied = 0;
    for case in cases {
        let (id, token) = (str_of(case, "id"), str_of(case, "token"));
        if is_listed(WAITING, id) {
            assert_refused_by_hmac(token);
            assert!(layer(&file, &Value::Null).verify(token).is_err(), "{id}");
            continue;
        }
        applied += 1;
        let auth = layer(&file, &case["config"]);
        let verdict = auth.verify(token).err().map(|error| error.kind());
        let response = kit::send(&auth, kit::bearer(token));
        let challenge = kit::challenge(&response).map(bearer_params);
        if case["accept"] == true {
            assert_eq!(verdict, None, "{id}");
            assert_eq!(response.status(), StatusCode::OK, "{id}");
            continue;
        }
        match str_of(case, "expect_error") {
            "invalid_token" => {
                let kinds = [AuthErrorKind::InvalidToken, AuthErrorKind::TokenExpired];
                assert!(verdict.is_some_and(|kind| kinds.contains(&kind)), "{id}: {verdict:?}");
                assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{id}");
                assert_eq!(challenge.unwrap()["error"], "invalid_token", "{id}");
            }
            "token_too_large" => {
                assert_eq!(verdict, Some(AuthErrorKind::TokenTooLarge), "{id}");
                assert_eq!(response.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
                assert_eq!(challenge, None, "{id}");
            }
            other => panic!("{id}: unknown error {other}"),
        }
    }
    assert_adds_up(TOKENS, &names, &[WAITING], applied);
}

#[test]
fn a_public_key_of_the_adversarial_file_is_not_a_secret() {
    let file = kit::json(TOKENS);
    for name in ["rsa_public_pem", "ec_public_pem", "ed_public_pem"] {
        let pem = str_of(&file, name);
        assert!(Secret::new(pem).is_err(), "{name}");
        assert!(Secret::new(pem.trim()).is_err(), "{name}");
        let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        assert!(Secret::new(&body).is_err(), "{name}");
        assert!(Secret::from_base64(&body).is_err(), "{name}");
        assert!(Secret::new(kit::from_base64(&body)).is_err(), "{name}");
        let held = jsonwebtoken::DecodingKey::from_secret(pem.as_bytes());
        assert!(Key::try_from(&held).is_err(), "{name}");
    }
}

#[test]
fn adversarial_requests_get_their_answers() {
    let file = kit::json(REQUESTS);
    let cases = file["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 15);
    let good = kit::with_payload(format!(r#"{{"sub":"a","exp":{}}}"#, kit::NOW + 600));
    let other = kit::with_payload(format!(r#"{{"sub":"b","exp":{}}}"#, kit::NOW + 600));
    let fill = |text: &str| {
        text.replace("{GOOD}", &good)
            .replace("{GOOD_PCT}", &good.replace('.', "%2E"))
            .replace("{OTHER}", &other)
            .replace("{REALM}", "shop")
    };
    for case in cases {
        let id = str_of(case, "id");
        let mut auth: JwtAuth<StandardClaims> = kit::auth().realm("shop");
        for source in strings(&case["config"]["sources"]).unwrap_or_default() {
            match source.split_once(':') {
                Some(("cookie", name)) => auth = auth.cookie(name),
                _ => assert_eq!(source, "header", "{id}"),
            }
        }
        let fields = case["headers"].as_array().unwrap().iter().map(|field| {
            let value = match field[1].as_str() {
                Some(text) => fill(text).into_bytes(),
                None => kit::from_base64(str_of(&field[1], "b64")),
            };
            (field[0].as_str().unwrap(), value)
        });
        let response = kit::send(&auth, kit::request(&fields.collect::<Vec<_>>()));
        let expect = &case["expect"];
        if expect["outcome"] == "accept" {
            assert_eq!(response.status(), StatusCode::OK, "{id}");
            assert_eq!(response.body(), good.as_bytes(), "{id}");
            continue;
        }
        let status = Value::from(response.status().as_u16());
        match &expect["status"] {
            Value::Array(several) => assert!(several.contains(&status), "{id}: {status}"),
            one => assert_eq!(*one, status, "{id}"),
        }
        if let Some(code) = expect["code"].as_str() {
            assert_eq!(kit::code(&response), Some(code), "{id}");
            let body: Value = serde_json::from_slice(response.body()).unwrap();
            assert!(str_of(&body, "type").ends_with(&format!("#{code}")), "{id}");
        }
        let challenge = kit::challenge(&response).expect(id);
        bearer_params(challenge);
        if let Some(exact) = expect["challenge"].as_str() {
            assert_eq!(challenge, fill(exact), "{id}");
        }
        if let Some(prefix) = expect["challenge_prefix"].as_str() {
            assert!(challenge.starts_with(&fill(prefix)), "{id}");
        }
    }
}
